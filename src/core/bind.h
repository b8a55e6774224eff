/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bind - flowtable types of our own in front of the stock ones; a backend for each device.
 *
 * setup() runs under nftables' commit_mutex, sometimes under RTNL too; it sees the devices of one
 * flowtable come and go. Not all kernels tell of all that go: free() ends what is left. After it
 * RHEL before 10 sends UNBINDs from a work item without the mutex, which find nothing.
 */
#ifndef NFTO_BIND_H
#define NFTO_BIND_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include "rule.h"

struct flow_offload;
struct net_device;
struct net;
struct nf_flowtable;
struct nfto_net;
struct nfto_port;
struct sk_buff;

enum nfto_backend {
	NFTO_SOFTWARE,	/* see reason */
	NFTO_BRIDGED,	/* programmed by us */
	NFTO_NATIVE,	/* the driver takes flowtables itself */
};

/*
 * A flowtable with `flags offload`: from the bind of its first device to the end of its last. So
 * long our callback is there. Flows that were in it have a reference, for its names alone.
 */
struct nfto_table {
	struct kref ref;
	/* what nftables calls it */
	u32 family;			/* NFPROTO_* */
	const char *name, *flowtable;	/* of the table, and its own in that */
	u64 handle;
	struct hlist_node by_ft;	/* nfto_tables; nfto_lock */
	struct list_head list;		/* net->tables; nfto_lock; empty: it ends, or begins */
	struct nf_flowtable *ft;
	struct nfto_net *net;
	struct list_head binds;		/* nfto_lock */
	struct list_head flows;		/* attached ones; nfto_lock */
	unsigned int num_binds;		/* setup() and free(), which never run at once */
	unsigned int num_native;	/* nfto_lock */
	bool closing;			/* nfto_lock; a native driver is being let go of */
	bool blind;			/* once for all; there may be flows that we do not know */
};

struct nfto_bind {
	struct list_head list;		/* table->binds; nfto_lock */
	struct net_device *dev;		/* the core's reference; only compared here */
	int ifindex;
	enum nfto_backend backend;
	enum nfto_reason reason;	/* if software */
	struct nfto_port *port;		/* if bridged: of the device, or the one below; nfto_lock */
	struct nfto_stack stack;	/* VLAN devices from the device down to the port */
};

/* The bind of the device where packets enter @table, or NULL. Caller holds nfto_lock. */
const struct nfto_bind *nfto_bind_of(const struct nfto_table *table, int ifindex);

/*
 * The port of that bind, not gone, in *@port if NFTO_REASON_NONE is returned; else why there is
 * none. Caller holds nfto_lock.
 */
enum nfto_reason nfto_bind_port(const struct nfto_table *table, int ifindex,
				struct nfto_port **port);

/*
 * The flowtable that @core is in, if it is one of ours; else NULL. Caller holds nfto_lock and is an
 * RCU reader.
 */
struct nfto_table *nfto_bind_table_of(struct flow_offload *core, u8 dir);

/*
 * For lists of what is there. A table is listed from its first device's bind to its last's end. The
 * caller holds nfto_lock: what is returned is good for as long. @at counts those of @net; NULL:
 * behind the last. The sequence number changes when one of @net comes or goes.
 */
const struct nfto_table *nfto_bind_table_at(const struct net *net, unsigned int at);
const struct nfto_table *nfto_bind_table_behind(const struct nfto_table *table);
u32 nfto_bind_seq(const struct net *net);

/* Gives a reference back. Any context. */
void nfto_table_put(struct nfto_table *table);

/* Who carries the flows of a bind (enum nfto_device_backend). nfto_lock is held. */
u32 nfto_bind_backend_of(const struct nfto_bind *bind, enum nfto_reason *reason);

/*
 * What is inside of NFTO_A_FLOWTABLE, but for the flows. 0 or -EMSGSIZE. Caller holds nfto_lock and
 * is an RCU reader.
 */
int nfto_bind_put_table_info(struct sk_buff *skb, const struct nfto_table *table);

/*
 * Who carries the flows of @dev (enum nfto_device_backend); if it is software, *@reason says why.
 * @dev is registered and RTNL held, so that it stays so.
 */
u32 nfto_bind_backend(const struct net_device *dev, enum nfto_reason *reason);

/*
 * @dev has come (back) to its namespace, or up, or its policy was set: flowtables that have it, or
 * a device on top of it, and left it in software, may be able to use it now. RTNL is held; may
 * sleep.
 */
void nfto_bind_look_again(struct net_device *dev);

/*
 * NETDEV_UNREGISTER: on return no native driver has a flow by @dev, which may be in a flowtable or
 * not; if one goes on all the same, the log says so. RTNL is held; waits for what the core has the
 * drivers do, as the core does at NETDEV_DOWN.
 */
void nfto_bind_device_gone(struct net_device *dev);

/* Are new flowtables ours? May sleep; nfnl_lock() is not held. */
bool nfto_bind_in_force(void);

int nfto_bind_init(void);
void nfto_bind_exit(void);

#endif
