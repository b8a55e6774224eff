/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flow - the registry: one object per flow direction, by the core's cookie.
 *
 * The cookie is the address of a struct flow_offload_tuple: good as long as the core's flow lives,
 * recycled afterwards. Nobody but flow.c looks behind it, only under nfto_lock, and only from
 * REPLACE to DESTROY or, if that is earlier, to the UNBIND of the flowtable's last device. A flow
 * is @attached exactly then. The conntrack entry is referenced for as long as the object exists, so
 * that what hardware counted last can still be accounted when it is deleted; its status bits are
 * touched only while attached.
 *
 * What a flow is to be (@wanted) and what the hardware has (@installed) are kept apart; the port's
 * worker brings them together. A flow is freed by whoever makes the last of these end: attached,
 * wanted, installed, queued, busy (the worker is in the driver with it, without nfto_lock).
 * @rule does not change while any of wanted, installed, queued, busy is set.
 */
#ifndef NFTO_FLOW_H
#define NFTO_FLOW_H

#include <linux/rhashtable.h>
#include <net/flow_offload.h>
#include "rule.h"
#include <uapi/linux/nft_offload.h>

struct flow_offload;
struct net;
struct nf_conn;
struct nfto_filter;
struct nfto_net;
struct nfto_port;
struct nfto_table;

/*
 * What happened around flows. It concerns those of namespace @net (its flows alone are asked) that
 *  ALL		are there
 *  DEVICE	enter by device @ifindex, or leave by it
 *  PREFIX	are routed to an address in @addr/@len of @family
 *  MAC		are sent to @mac
 *  MOVED	are sent to @mac by another device than @ifindex and @real
 *  RESOLVED	could not be built or placed, and are routed to @addr of @family
 */
struct nfto_change {
	const struct net *net;
	enum {
		NFTO_CHANGE_ALL,
		NFTO_CHANGE_DEVICE,
		NFTO_CHANGE_PREFIX,
		NFTO_CHANGE_MAC,
		NFTO_CHANGE_MOVED,
		NFTO_CHANGE_RESOLVED,
	} kind;
	enum nfto_reason reason;	/* of the flow's end */
	int ifindex;
	int real;
	__be32 addr[4];
	u8 family;			/* AF_INET or AF_INET6 */
	u8 len;
	u8 mac[ETH_ALEN];
};

/* What a flow direction was built upon, whether or not it came to a rule. */
struct nfto_way {
	int in;				/* ifindex of the flowtable's device */
	int port;			/* of the one below it, where the rule is, or 0 */
	int out;			/* ifindex, or 0 */
	__be32 to[4];			/* the address that it is routed to, behind NAT */
	u8 family;
	u8 mac[ETH_ALEN];		/* to which it is sent; zero if not known */
};

struct nfto_flow {
	struct rhash_head by_cookie;	/* while attached */
	struct rhash_head by_match;	/* port->owners, while @owner */
	struct list_head table_node;	/* table->flows, while attached */
	struct list_head port_node;	/* port->flows, while wanted, installed, queued or busy */
	struct list_head queue_node;	/* port->queue, removals or retry */
	unsigned long cookie;
	u64 id;				/* our name for it, towards the driver and users */
	struct nfto_table *table;	/* referenced; once not attached, for its names alone */
	struct nfto_port *port;		/* while on port->flows */
	struct flow_offload *core;	/* while attached */
	struct nf_conn *ct;		/* referenced */
	u64 packets;			/* by hardware */
	u64 bytes;			/* by hardware; of layer 3, as conntrack counts */
	u64 packets_before;		/* that conntrack had counted when this object began */
	u64 bytes_before;
	unsigned long since;		/* jiffies, when this object began */
	unsigned long next_try;		/* jiffies, if refused or failed */
	unsigned long untagged;		/* jiffies, odd; since conntrack's tag is missed, or 0 */
	char *text;			/* the driver's own words, or NULL */
	int err;			/* the driver's errno, or 0 */
	u32 poll_round;
	u8 state;			/* enum nfto_flow_state */
	u8 reason;			/* enum nfto_reason */
	u8 tries;			/* failures in a row */
	u32 epoch;			/* port->epoch when it failed last */
	u8 dir;				/* enum flow_offload_tuple_dir */
	bool attached;
	bool wanted;
	bool installed;
	bool busy;
	bool owner;
	bool seen;			/* packets since the core last asked */
	bool retagged;			/* attached; we set that tag, and have not looked since */
	bool account;			/* the flowtable has `counter` */
	bool holds_out;			/* a reference on rule.out is held */
	struct nfto_way way;
	struct rcu_head rcu;
	struct nfto_rule rule;
};

/*
 * The block callback's three commands, in the core's workqueues, under flow_block_lock. Nothing
 * here sleeps but for memory.
 */
void nfto_flow_replace(struct nfto_table *table, struct flow_cls_offload *cls);
void nfto_flow_destroy(struct flow_cls_offload *cls);
void nfto_flow_stats(struct flow_cls_offload *cls);

/* Has the core offer the reply direction too; some stock kernels forget it. action()'s context. */
void nfto_flow_both_ways(struct flow_offload *core);

/*
 * There is no rule for a direction, which keeps the core from offering the flow at all: @reason is
 * remembered all the same. action()'s context. The core must have been told to offer both ways:
 * else it does not tell of the reply's end.
 */
void nfto_flow_unbuildable(struct flow_offload *core, u8 dir, enum nfto_reason reason);

/* Ends the core's flow, but for what it has in hardware. In action()'s context. */
void nfto_flow_end_core(struct flow_offload *core);

/*
 * UNBIND: the flows that enter @table by device @ifindex end. The core would keep them, with the
 * neighbour's address in them, and go on by that should the device come back. The device has left
 * table->binds already: flows that come meanwhile get no port by this bind. May sleep.
 */
void nfto_flow_unbind(struct nfto_table *table, int ifindex);

/*
 * Ends the core's flows of @table that enter by a device that is not, or no longer, bound to it by
 * a native driver. Returns how many directions there are, until the core has deleted them. May
 * sleep; no locks.
 */
u32 nfto_flow_end_foreign(struct nfto_table *table);

/*
 * How many directions of flows by device @ifindex, entering or leaving, the core still has in
 * flowtables with native drivers. May sleep; no locks.
 */
u32 nfto_flow_native_by(struct nfto_net *net, int ifindex);

/*
 * The flows of @table end, and none is attached on return. It is in no list any more, so that none
 * comes meanwhile; the core's callback still is.
 */
void nfto_flow_drop_table(struct nfto_table *table);

/*
 * Ends all flows of @net that one of @num @changes concerns: they leave hardware, and the core's
 * flowtable, so that the next packet finds its way anew. Their entries in hardware are deleted by
 * the workers. Those that are attached meanwhile are not looked at. May sleep; no locks.
 */
void nfto_flow_end_changed(struct nfto_net *net, const struct nfto_change *changes,
			   unsigned int num);

/*
 * The same for the flows that @filter passes, for an administrator; those that have packets come
 * back. Returns how many directions passed. May sleep; no locks.
 */
u32 nfto_flow_flush(const struct nfto_filter *filter);

/*
 * The flows of @port that the round of its polling has not looked at are not to be in hardware any
 * more, for @reason; they go on in software. True: that was all of them; false: the time was over
 * first (@deadline, in jiffies). The port's mutex is held.
 */
bool nfto_flow_leave(struct nfto_port *port, enum nfto_reason reason, unsigned long deadline);

/*
 * The worker's side. The port's mutex is held, nfto_lock is not.
 * next() and poll_next() hand out a busy flow or NULL; each ends with the call named beside it.
 */
struct nfto_flow *nfto_flow_next(struct nfto_port *port);	/* added(), deleted() or idle() */
void nfto_flow_added(struct nfto_flow *flow, int err, enum nfto_reason reason, const char *text);
void nfto_flow_deleted(struct nfto_flow *flow, int err, const char *text);
void nfto_flow_idle(struct nfto_flow *flow);
/* The driver has no rule for it any more: it is queued anew, if it is still wanted. */
void nfto_flow_lost(struct nfto_flow *flow);
/* idle() or lost(); none behind @deadline, in jiffies */
struct nfto_flow *nfto_flow_poll_next(struct nfto_port *port, unsigned long deadline);
void nfto_flow_counted(struct nfto_flow *flow, u64 packets, u64 bytes);
/* Becomes the owner of its match, so that the driver may be asked; NONE if it may. */
enum nfto_reason nfto_flow_claim(struct nfto_flow *flow);

/*
 * A device goes: moves those flows of @port that leave by @out (NULL: all) to @to, by queue_node,
 * busy and no longer wanted. Each ends with nfto_flow_forget(), whatever hardware still has of it.
 * The port's mutex is held.
 */
void nfto_flow_take_gone(struct nfto_port *port, const struct net_device *out,
			 struct list_head *to);
void nfto_flow_forget(struct nfto_flow *flow);

/* Makes a port's table of who has which hardware entry; ends with rhashtable_destroy(). */
int nfto_flow_init_owners(struct rhashtable *owners);

int nfto_flow_init(void);
/* No flow is there any more, and none waits for RCU. */
void nfto_flow_exit(void);

#endif
