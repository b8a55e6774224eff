/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the flow*.c share. Together they are the registry, and alone may look behind a cookie.
 * All of it with nfto_lock held.
 */
#ifndef NFTO_FLOW_INTERNAL_H
#define NFTO_FLOW_INTERNAL_H

#include "../compat/flowtable.h"
#include "flow.h"
#include "nfto.h"

#define NFTO_CHUNK 256	/* flows looked at in one hold of nfto_lock, where there may be many */
#define NFTO_COMPARISONS 16	/* with changes, that take as long as such a look */

/* The id that was given last, in whatever namespace. */
extern u64 nfto_flow_last_id;

/*
 * The attached flow of @net with the lowest id behind *@at, up to @last, whose id *@at becomes; or
 * NULL.
 */
struct nfto_flow *nfto_flow_next_by_id(struct nfto_net *net, unsigned long *at, u64 last);

/* The core's flow is on its way out: its status bits are the core's alone now. */
static inline bool nfto_flow_dying(const struct flow_offload *core)
{
	return test_bit(NF_FLOW_TEARDOWN, &core->flags) || test_bit(NF_FLOW_HW_DYING, &core->flags);
}

/* After each of what may be many flows: lets others have nfto_lock now and then. */
static inline void nfto_flow_breathe(unsigned int *looked)
{
	lockdep_assert_held(&nfto_lock);
	if (++*looked < NFTO_CHUNK)
		return;
	*looked = 0;
	spin_unlock_bh(&nfto_lock);
	cond_resched();
	spin_lock_bh(&nfto_lock);
}

struct nfto_flow *nfto_flow_find(unsigned long cookie);

/* The other direction of an attached flow, or NULL. */
struct nfto_flow *nfto_flow_back(const struct nfto_flow *flow);

/* What conntrack has counted of the direction; false: it does not count, and both are 0. */
bool nfto_flow_acct(const struct nfto_flow *flow, u64 *packets, u64 *bytes);

/* Adds to it, if it counts. */
void nfto_flow_acct_add(const struct nfto_flow *flow, u64 packets, u64 bytes);

/* [HW_OFFLOAD]: whether any direction is in hardware. */
void nfto_flow_mark(const struct nfto_flow *flow, bool hardware);

/*
 * [OFFLOAD]: that there is a flow; to be asked whenever the core or the hardware says something of
 * it. A flow that is not attached is left alone.
 */
void nfto_flow_keep_tag(struct nfto_flow *flow);

/* Before an attached flow is detached. */
void nfto_flow_take_back_tag(struct nfto_flow *flow);

/* There were packets: the core, which has not seen them, is told. */
void nfto_flow_keep_alive(const struct nfto_flow *flow);

/*
 * The next flow of @port that the round of its polling has not looked at, or NULL. Those that it
 * has go to the tail, where new ones are too. Who walks for another end makes it a round of its
 * own, and begins one more behind it: the counters of those that it met are still to be read.
 */
struct nfto_flow *nfto_flow_next_at_port(struct nfto_port *port);

/* The core's flow may go away after this. May free the flow. */
void nfto_flow_detach(struct nfto_flow *flow, enum nfto_reason reason);

/* It is not to be in hardware any more. May free the flow, if it is not attached. */
void nfto_flow_unwant(struct nfto_flow *flow);

/* It is not to be in hardware any more, though the core still has it. */
void nfto_flow_withdraw(struct nfto_flow *flow, enum nfto_reason reason);

#endif
