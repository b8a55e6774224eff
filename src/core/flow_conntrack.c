// SPDX-License-Identifier: GPL-2.0
/* What conntrack says of flows' connections: its two tags, its counters; and how long they live. */
#include <net/netfilter/nf_conntrack_acct.h>
#include "bind.h"
#include "flow_internal.h"

/* The core's time for connections in a flowtable; with the flow's end it shortens it. */
#define NFTO_TAGGED_TIMEOUT (86400 * HZ)

/*
 * Says in conntrack whether any direction is in hardware. The core would say so by itself if our
 * callback returned 0, but after the callback, racing with us. A native driver's flows are the
 * core's to mark.
 */
void nfto_flow_mark(const struct nfto_flow *flow, bool hardware)
{
	const struct nfto_flow *other;

	lockdep_assert_held(&nfto_lock);
	if (!flow->attached || flow->table->num_native)
		return;
	if (!hardware) {
		other = nfto_flow_back(flow);
		hardware = other && other->installed;
	}
	if (hardware == test_bit(IPS_HW_OFFLOAD_BIT, &flow->ct->status))
		return;
	if (!hardware)
		clear_bit(IPS_HW_OFFLOAD_BIT, &flow->ct->status);
	else if (!nfto_flow_dying(flow->core))
		set_bit(IPS_HW_OFFLOAD_BIT, &flow->ct->status);
}

/*
 * Was the flow's end under way as the tag was set? Then the core takes it away no more. If it is a
 * newer flow's by now, that gets it back.
 */
void nfto_flow_take_back_tag(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	if (flow->retagged && nfto_flow_dying(flow->core))
		clear_bit(IPS_OFFLOAD_BIT, &flow->ct->status);
	flow->retagged = false;
}

/*
 * The core ends a flow once more that waits for its garbage collection when the flowtable goes, and
 * so takes the tag from the connection though a newer flow in another flowtable has set it. Without
 * it conntrack forgets the connection in a minute or two, and the flow with it.
 *
 * The core takes the tag away a moment before it says that a flow ends. So it is not what is seen
 * once that counts, but what is still so a second later; and if it did so in just that moment,
 * see take_back_tag().
 */
void nfto_flow_keep_tag(struct nfto_flow *flow)
{
	struct nf_conn *ct = flow->ct;

	lockdep_assert_held(&nfto_lock);
	nfto_flow_take_back_tag(flow);
	if (!flow->attached || nfto_flow_dying(flow->core) ||
	    test_bit(IPS_OFFLOAD_BIT, &ct->status)) {
		flow->untagged = 0;
		return;
	}
	if (!flow->untagged)
		flow->untagged = jiffies | 1;
	if (time_before(jiffies, flow->untagged + HZ))
		return;
	flow->untagged = 0;
	flow->retagged = true;
	set_bit(IPS_OFFLOAD_BIT, &ct->status);
	if (nf_ct_expires(ct) < NFTO_TAGGED_TIMEOUT / 2)
		WRITE_ONCE(ct->timeout, nfct_time_stamp + NFTO_TAGGED_TIMEOUT);
}

/* The core must not think that a flow is idle because only hardware sees its packets. */
void nfto_flow_keep_alive(const struct nfto_flow *flow)
{
	u32 keep = nfto_flowtable_timeout(flow->ct);
	u32 timeout = (u32)jiffies + keep;

	lockdep_assert_held(&nfto_lock);
	if (!flow->attached || nfto_flow_dying(flow->core))
		return;
	/*
	 * Not at every poll: the core offers a flow again only if it finds this time more than a
	 * second old, and the other direction may wait for that. Asking us for statistics (at a
	 * tenth of the timeout) is spared all the same.
	 */
	if ((s32)(timeout - READ_ONCE(flow->core->timeout)) > (s32)min_t(u32, 2 * HZ, keep / 8))
		WRITE_ONCE(flow->core->timeout, timeout);
}

bool nfto_flow_acct(const struct nfto_flow *flow, u64 *packets, u64 *bytes)
{
	const struct nf_conn_acct *acct = nf_conn_acct_find(flow->ct);

	*packets = acct ? atomic64_read(&acct->counter[flow->dir].packets) : 0;
	*bytes = acct ? atomic64_read(&acct->counter[flow->dir].bytes) : 0;
	return acct;
}

/* Not nf_ct_acct_add(): its 32 bits of bytes are 1.4 s at 25 Gbit/s. */
void nfto_flow_acct_add(const struct nfto_flow *flow, u64 packets, u64 bytes)
{
	struct nf_conn_acct *acct = nf_conn_acct_find(flow->ct);

	if (!acct)
		return;
	atomic64_add(packets, &acct->counter[flow->dir].packets);
	atomic64_add(bytes, &acct->counter[flow->dir].bytes);
}
