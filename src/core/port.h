/* SPDX-License-Identifier: GPL-2.0 */
/*
 * port - a device whose driver is programmed by us: its TC block, and the driver calls.
 *
 * Life: made by nfto_port_get() at the first bind of the device; ends
 *  - in its worker, once it has neither binds nor flows (driver unbound first), or
 *  - in nfto_port_gone() at NETDEV_UNREGISTER, which does the same inline and at once.
 * Both mark it gone and unlink it under nfto_lock, under the port's mutex; whoever holds a
 * reference still sees @gone and leaves the driver alone. A pending work item holds a reference.
 */
#ifndef NFTO_PORT_H
#define NFTO_PORT_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include "dialect.h"
#include "nfto.h"

/* Twice this is how long RTNL is held at most, but for the driver call that is under way then. */
#define NFTO_HOLD		max_t(unsigned long, HZ / 100, 1)

struct nfto_device_policy;
struct nfto_flow;

struct nfto_port {
	struct kref ref;
	struct net_device *dev;		/* referenced until gone */
	const struct nfto_driver *driver;
	const struct net *net;		/* for comparison only */
	struct delayed_work work;	/* nfto_program_work() */

	/* nfto_lock */
	struct list_head list;		/* nfto_ports; empty once gone */
	bool gone;
	unsigned int binds;		/* (flowtable, device) pairs that use it */
	struct list_head flows;		/* flows with business here, see flow.h */
	struct list_head queue;		/* of them, those to be added, oldest first */
	struct list_head removals;	/* of them, those to be deleted, which comes first */
	struct list_head retry;		/* of them, those whose deletion failed */
	struct rhashtable owners;	/* by struct nfto_match: whose the entry is, or will be */
	enum nfto_reason reason;	/* why it takes no flows; NONE: it does */
	u32 epoch;			/* what its driver refused before may be tried again */
	bool changed;			/* to be looked at again, see recheck() */
	bool judge;			/* its flows too, for its policy changed */
	bool identified;		/* @asic is valid, if its id_len is not 0 */
	struct netdev_phys_item_id asic;
	u32 entries;			/* in hardware, as of now */
	u64 added, deleted, failed;	/* rules that the driver took, deleted, said no to */

	struct mutex mutex;		/* protects what follows, and every driver call */
	struct flow_block block;
	bool bound;			/* if @reason is set too, until the last entry is out */
	bool unlocked;			/* the driver wants no RTNL around rules */
	bool rtnl;			/* who holds the mutex holds RTNL too */
	/*
	 * Which of the driver's dialects to begin with, by kind of rule: what it took last time.
	 * Forgotten at bind.
	 */
	u8 rungs[NFTO_KINDS];
	unsigned int bind_tries;
	unsigned long bind_next;	/* jiffies */
	unsigned long retry_next;	/* jiffies */
	unsigned int full_tries;
	unsigned long full_until;	/* jiffies, or 0; read without the mutex, see port_full() */
	unsigned long poll_next;	/* jiffies */
	u32 poll_round;
	enum nfto_reason leaving;	/* why its flows are being taken out; NONE: they are not */
	enum nfto_reason logged;	/* what was last said about failing rules */
	unsigned long logged_at;	/* jiffies */
	/* the rules of a probe that are in hardware now, see probe.h */
	bool probing;
	const struct net_device *probe_out;	/* only compared */
	u64 probe_id;			/* of the first */
	u32 probe_num;
	struct nfto_offer offer;	/* scratch, too large for the stack */
};

/*
 * The known driver of @dev: the one that @policy vouches for, or the one that is recognised; NULL:
 * neither. setup()'s context, or RTNL.
 */
const struct nfto_driver *nfto_port_driver(const struct net_device *dev,
					   const struct nfto_device_policy *policy);

/*
 * Can @dev be programmed, as far as can be seen without asking it? setup()'s context; no locks.
 * *@driver is set on all but NFTO_REASON_NO_TC; NULL: it is not known.
 */
enum nfto_reason nfto_port_able(struct net_device *dev, const struct nfto_driver **driver);

/*
 * The port of @dev with one more bind and a reference, made if need be, its worker started. It is
 * used as long as the device is in @net, which may have changed already. NULL: no memory.
 * Ends with nfto_port_unbind(). May sleep; commit_mutex may be held.
 */
struct nfto_port *nfto_port_bind(struct net_device *dev, const struct net *net,
				 const struct nfto_driver *driver);

/*
 * Takes a bind back, and the reference that came with it. The port winds itself up later. May
 * sleep; takes nfto_lock.
 */
void nfto_port_unbind(struct nfto_port *port);

/* Starts the worker in @delay jiffies, or earlier if it was to run earlier. Any context. */
void nfto_port_kick(struct nfto_port *port, unsigned long delay);

void nfto_port_put(struct nfto_port *port);

/* Another port on the ASIC of @port, in the same namespace, or NULL. RTNL is held. */
struct net_device *nfto_port_peer(const struct nfto_port *port);

/* Is @out a port on the same ASIC as @port? Caller holds nfto_lock. */
enum nfto_reason nfto_port_reaches(const struct nfto_port *port, const struct net_device *out);

/*
 * Did the driver say that its table is full, a short while ago? Nobody asks it again before that is
 * over, or something was deleted. Any context.
 */
static inline bool nfto_port_full(const struct nfto_port *port)
{
	unsigned long until = READ_ONCE(port->full_until);

	return until && time_before(jiffies, until);
}

/* There is room again. The port's mutex is held. */
static inline void nfto_port_has_room(struct nfto_port *port)
{
	port->full_tries = 0;
	WRITE_ONCE(port->full_until, 0);
}

/*
 * Flows that recheck() found to have to leave hardware do so, as many as can until @deadline, in
 * jiffies. Nothing is polled before all have. The port's mutex is held.
 */
void nfto_port_go_on_leaving(struct nfto_port *port, unsigned long deadline);

/* The worker's ends of a port. RTNL and the port's mutex are held. */
void nfto_port_try_bind(struct nfto_port *port);
void nfto_port_recheck(struct nfto_port *port);
void nfto_port_try_release(struct nfto_port *port);
bool nfto_port_try_end(struct nfto_port *port);

/*
 * One driver call. The port's mutex is held, and RTNL unless the port is @unlocked. add() returns
 * NFTO_REASON_NONE or why not, and what the driver said in *@err (0: it was not asked) and @extack;
 * the others return what the driver said, but that it has no such rule is no failure of del(), and
 * -ENOENT of stats(), however the driver says it.
 */
enum nfto_reason nfto_port_add(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			       struct netlink_ext_ack *extack, int *err);
int nfto_port_del(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
		  struct netlink_ext_ack *extack);

/* Logs that the driver would not delete @what; @text: what it said of that, or NULL. */
void nfto_port_kept(const struct nfto_port *port, const char *what, int err, const char *text);

/*
 * As add(), whatever policy says, with the best dialect that the driver takes: *@dialect, if
 * NFTO_REASON_NONE is returned. For probes.
 */
enum nfto_reason nfto_port_try(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			       enum nfto_dialect *dialect, struct netlink_ext_ack *extack,
			       int *err);
int nfto_port_stats(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
		    struct flow_stats *stats);

/*
 * NETDEV_UNREGISTER: @dev has no port, and no rule of ours sends to it, on return. RTNL is held.
 * The only place where drivers are called outside of the worker.
 */
void nfto_port_gone(struct net_device *dev);

/*
 * Something about @dev changed: whether it can be, or stay, in use is looked at again at once.
 * Any context.
 */
void nfto_port_changed(const struct net_device *dev);

/* What may happen to its flows: BIT(enum nfto_hazard), by the dialects that the policy allows. */
u32 nfto_port_hazards(const struct nfto_port *port);

/* What users are told of a port. */
struct nfto_port_info {
	struct netdev_phys_item_id asic;	/* id_len 0: none, or not asked yet */
	u32 hazards;				/* BIT(enum nfto_hazard), as the policy allows */
	u32 entries;
	u64 added, deleted, failed;
};

/* False: @dev is none. Takes nfto_lock. */
bool nfto_port_get_info(const struct net_device *dev, struct nfto_port_info *info);

/* The policy of @dev, which is registered, was set. RTNL is held. */
void nfto_port_policy_changed(const struct net_device *dev);

/* Waits until the ports of @net are done. May sleep; no locks. */
void nfto_port_flush(const struct net *net);

int nfto_port_init(void);
void nfto_port_exit(void);

#endif
