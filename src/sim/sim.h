/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nft_offload_sim: a virtual switching ASIC.
 *
 * A port sits on any Ethernet device as its wire. Frames enter through the wire's
 * rx_handler; what a rule hits leaves through another port's wire and the host never
 * sees it; everything else is handed to the host as received by the port. Rules come in
 * through the driver-facing TC API, as they come to a NIC driver. What is accepted is
 * decided by a personality.
 *
 *   main       module, parameters
 *   asic       the ASIC: its name, number of ports, lifetime
 *   port       the net_device, its wire, ethtool
 *   tc         blocks and the dispatch of driver calls
 *   parse      from rule to entry: what several personalities have in common
 *   flower     personality "generic"
 *   ft         personality "ft": as MediaTek's driver does it
 *   mlx5, nfp, sfc, cxgb4, bnxt, stmmac
 *              each as the driver of that name does it, right or wrong
 *   stats      what a driver says of its counters, and when
 *   table      the entries: insertion, lookup
 *   frame      frame to key
 *   forward    the data path
 *   rewrite    what a hit does to the frame
 *   debugfs    knobs and the truth
 *   dump       the table as text
 *
 * Objects and who keeps them alive
 *
 *   asic      kref: one per port from ndo_init to priv_destructor, one per binding. It
 *             can be found (list, debugfs) while it has ports; see nfto_sim_asic_leave().
 *   port      the private part of its net_device. The data path finds it through its
 *             wire's rx_handler or an entry's egress, both under RCU. ndo_uninit takes
 *             both away; the core waits for RCU before it frees the device.
 *   binding   one per flow_block_cb, freed by the release callback of that flow_block_cb:
 *             the owner of a block calls back into us until then, whatever happened to the
 *             port. Each binding holds a reference on the module, so that rmmod is refused
 *             while anyone holds a callback into it.
 *   entry     owned by the table, removed by DESTROY, by the end of its binding, or by the
 *             end of its ingress or egress port; freed after RCU.
 *
 * Locks, in this order
 *
 *   RTNL        list of ASICs, life of ports, the link between a port and its wire
 *   asic->lock  everything written in an ASIC: ports, bindings, entries, knobs, calls.
 *               Taken by driver calls, by debugfs and by port events; never held while
 *               a driver call sleeps for latency_us, never taken in the data path.
 *   poll_lock   of an entry: its counters as of the last whole second
 *   RCU         data path: from wire to port, masks and entries, egress port, personality
 *
 * debugfs files take asic->lock and never RTNL: they are removed under RTNL, and removal
 * waits for those that are open in a call.
 *
 * Asynchronous things and what stops them
 *
 *   frames from the wire       netdev_rx_handler_unregister() in ndo_uninit waits for them
 *   frames towards the wire    entries to a port are removed in ndo_uninit, then the core's
 *                              synchronize_net() before the device is freed
 *   driver calls               asic->lock against ndo_uninit, which marks the binding as
 *                              without port; the module reference against exit
 *   debugfs                    debugfs_remove_recursive() waits for calls in progress
 *   kfree_rcu                  needs no code of ours; exit still waits with rcu_barrier()
 *
 * End of a port (ndo_uninit, RTNL): wire released, entries and bindings detached under
 * asic->lock, and with the last port debugfs and name of the ASIC given back. End of the
 * wire and of a namespace: the same through dellink. End of the module: link type, then
 * notifier, then debugfs, then rcu_barrier(); bindings are none, they hold the module.
 */
#ifndef _NFTO_SIM_H
#define _NFTO_SIM_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/xarray.h>
#include <net/flow_offload.h>
#include <net/pkt_cls.h>

#define NFTO_SIM_NAME		"nft_offload_sim"
#define NFTO_SIM_MAX_CAPACITY	(1U << 22)
#define NFTO_SIM_MAX_LATENCY_US	10000000U
#define NFTO_SIM_MAX_PORTS	1024
#define NFTO_SIM_MAX_TAGS	2
#define NFTO_SIM_MAX_VLAN_OPS	4

/* A refusal: text for the user, errno for the caller. */
#define nfto_sim_refuse(extack, err, text)					\
({										\
	NL_SET_ERR_MSG_MOD(extack, text);					\
	(err);									\
})

/* ---- what a frame shows and what a rule asks for ---- */

struct nfto_sim_tag {
	__be16	tpid;
	__be16	tci;
};

/*
 * No holes: masked, hashed and compared as a whole. IPv4 addresses stand in the first
 * word of src and dst.
 */
struct nfto_sim_key {
	struct in6_addr		src;
	struct in6_addr		dst;
	u8			eth_dst[ETH_ALEN];
	u8			eth_src[ETH_ALEN];
	struct nfto_sim_tag	tag[NFTO_SIM_MAX_TAGS];	/* outermost first */
	__be16			n_proto;		/* innermost */
	__be16			sport;
	__be16			dport;
	u16			in_port;
	u8			ip_proto;
	u8			tos;
	u8			ttl;
	u8			n_tags;
};

/* A set of fields that at least one entry matches on. */
struct nfto_sim_mask {
	struct list_head	list;		/* asic->masks, RCU */
	struct nfto_sim_key	key;
	u32			id;		/* part of the hash key: no two masks mix */
	u32			refs;		/* entries; asic->lock */
	struct rcu_head		rcu;
};

struct nfto_sim_hash_key {
	struct nfto_sim_key	key;
	u32			mask_id;
};

/*
 * Exists while an entry would match but for the ports: how a fragment without ports is
 * told from a miss.
 */
struct nfto_sim_pair {
	struct rhash_head		node;
	struct nfto_sim_hash_key	key;
	u32				refs;	/* entries; asic->lock */
	struct rcu_head			rcu;
};

/* RFC 2516, session stage, with the protocol of PPP behind it. */
struct nfto_sim_pppoe {
	u8	version_type;
	u8	code;
	__be16	sid;
	__be16	length;
	__be16	proto;
};

/* What the parser found in a frame; offsets are from the start of the Ethernet header. */
struct nfto_sim_frame {
	struct nfto_sim_key	key;
	__be16			tcp_flags;
	u32			len;		/* as on the wire */
	u32			l3_off;
	u32			l4_off;
	u32			l3_len;
	bool			ip;
	bool			bad;		/* not what its headers say */
	bool			portless;	/* a fragment without the header of layer 4 */
	bool			fragment;
	bool			first;		/* the first one of them */
	bool			options;
};

/* ---- what a hit does ---- */

enum nfto_sim_verdict {
	NFTO_SIM_REDIRECT,
	NFTO_SIM_DROP,
	NFTO_SIM_TRAP,
	NFTO_SIM_ACCEPT,
};

enum nfto_sim_edit_field {
	NFTO_SIM_ETH_SRC	= BIT(0),
	NFTO_SIM_ETH_DST	= BIT(1),
	NFTO_SIM_SRC		= BIT(2),
	NFTO_SIM_DST		= BIT(3),
	NFTO_SIM_SPORT		= BIT(4),
	NFTO_SIM_DPORT		= BIT(5),
	NFTO_SIM_TTL		= BIT(6),	/* set to a value */
	NFTO_SIM_TTL_DEC	= BIT(7),
	NFTO_SIM_STRIP		= BIT(8),	/* take off every tag and PPPoE first */
	NFTO_SIM_PPPOE		= BIT(9),	/* push a PPPoE session header */
};

enum nfto_sim_frag {
	NFTO_SIM_FRAG		= BIT(0),
	NFTO_SIM_FRAG_FIRST	= BIT(1),
};

struct nfto_sim_vlan_op {
	enum {
		NFTO_SIM_VLAN_PUSH,
		NFTO_SIM_VLAN_POP,
		NFTO_SIM_VLAN_SET,
		NFTO_SIM_VLAN_SET_ID,	/* priority and protocol stay */
	}		op;
	__be16		proto;
	u16		tci;
};

struct nfto_sim_edit {
	u32			fields;		/* enum nfto_sim_edit_field */
	u8			eth_src[ETH_ALEN];
	u8			eth_dst[ETH_ALEN];
	struct in6_addr		src;
	struct in6_addr		dst;
	__be16			sport;
	__be16			dport;
	u8			ttl;
	u16			pppoe_sid;
	unsigned int		n_vlan;
	struct nfto_sim_vlan_op	vlan[NFTO_SIM_MAX_VLAN_OPS];	/* in this order */
};

struct nfto_sim_entry {
	struct rhlist_head		node;		/* asic->table */
	struct rhash_head		cookie_node;	/* asic->cookies */
	struct nfto_sim_hash_key	key;		/* masked */
	unsigned long			cookie;
	unsigned long			id;
	u32				prio;
	__be16				tcp_flags;	/* masked */
	__be16				tcp_mask;
	u8				frag_flags;	/* enum nfto_sim_frag, masked */
	u8				frag_mask;
	u8				slots;		/* of the table, that it takes */
	u32				scope;		/* of the cookie */
	enum nfto_sim_verdict		verdict;
	struct nfto_sim_edit		edit;
	struct nfto_sim_mask		*mask;
	struct nfto_sim_pair		*pair;
	struct nfto_sim_binding		*binding;	/* through which it came */
	struct nfto_sim_port		*in;		/* NULL: whichever port */
	struct nfto_sim_port		*out;		/* NULL unless redirected */
	atomic64_t			packets;
	atomic64_t			bytes;		/* of layer 2, as received */
	unsigned long			lastused;	/* jiffies of the last hit or of birth */
	u64				told_packets;	/* at the last STATS; asic->lock */
	u64				told_bytes;
	unsigned long			told_lastused;
	/* protects what follows: taken by STATS, and by the first hit in a second */
	spinlock_t			poll_lock;
	unsigned long			second;		/* of the last hit; 0: none yet */
	unsigned long			polled_at;	/* when what follows was seen first */
	u64				polled_packets;	/* counted before that second */
	u64				polled_bytes;
	struct rcu_head			rcu;
};

/* ---- ports, bindings, ASICs ---- */

enum nfto_sim_counter {
	NFTO_SIM_HW_RX_PACKETS,
	NFTO_SIM_HW_RX_BYTES,
	NFTO_SIM_HW_TX_PACKETS,
	NFTO_SIM_HW_TX_BYTES,
	NFTO_SIM_HW_TX_DROPPED,
	NFTO_SIM_HOST_MISS,
	NFTO_SIM_HOST_TTL,
	NFTO_SIM_HOST_FRAGMENT,
	NFTO_SIM_HOST_OPTIONS,
	NFTO_SIM_HOST_TCP_FLAGS,
	NFTO_SIM_HOST_OTHER,
	NFTO_SIM_HOST_RX_PACKETS,
	NFTO_SIM_HOST_TX_PACKETS,
	NFTO_SIM_RX_FILTERED,		/* not for this port's address */
	NFTO_SIM_RX_ERRORS,		/* no memory, or not to be segmented or completed */
	NFTO_SIM_HOST_RX_BYTES,
	NFTO_SIM_HOST_TX_BYTES,
	NFTO_SIM_HOST_TX_DROPPED,
	NFTO_SIM_COUNTERS,
};

struct nfto_sim_counters {
	u64_stats_t		value[NFTO_SIM_COUNTERS];
	struct u64_stats_sync	syncp;
};

struct nfto_sim_port {
	struct net_device	*dev;
	struct net_device	*lower;		/* the wire, reference held */
	struct nfto_sim_asic	*asic;		/* reference held */
	struct nfto_sim_counters __percpu *counters;
	struct list_head	list;		/* asic->ports; asic->lock */
	u32			group;		/* asked for at creation */
	u16			number;		/* phys_port_name pN */
	bool			leaving;	/* dellink was called; RTNL */
	/* asic->lock protects the rest */
	u32			rules;		/* entries with this ingress */
	char			name[IFNAMSIZ];	/* copies, readable without RTNL */
	char			lower_name[IFNAMSIZ];
};

struct nfto_sim_binding {
	struct list_head			list;		/* asic->bindings */
	struct nfto_sim_asic			*asic;		/* reference held */
	const struct nfto_sim_personality	*personality;	/* fixed while bound */
	struct nfto_sim_port			*port;		/* NULL once it is gone */
	const void				*block;		/* the owner's; only compared */
};

enum nfto_sim_failure {
	NFTO_SIM_FAIL_BIND,
	NFTO_SIM_FAIL_ADD,
	NFTO_SIM_FAIL_DEL,
	NFTO_SIM_FAIL_STATS,
	NFTO_SIM_FAILURES,
};

struct nfto_sim_fail {
	u32	err;		/* 0: off */
	u32	count;
	bool	forever;
};

/* Calls of the driver's users, by outcome. */
enum nfto_sim_call {
	NFTO_SIM_CALL_BIND,
	NFTO_SIM_CALL_UNBIND,
	NFTO_SIM_CALL_BIND_FAILED,
	NFTO_SIM_CALL_ADD,
	NFTO_SIM_CALL_ADD_FAILED,
	NFTO_SIM_CALL_DEL,
	NFTO_SIM_CALL_DEL_FAILED,
	NFTO_SIM_CALL_STATS,
	NFTO_SIM_CALL_STATS_FAILED,
	NFTO_SIM_CALLS,
};

#define NFTO_SIM_KNOBS	9

/* A file in debugfs: what it is of, and what it is. */
struct nfto_sim_knob {
	struct nfto_sim_asic			*asic;
	const struct nfto_sim_knob_def		*def;
};

struct nfto_sim_asic {
	struct kref		ref;
	struct list_head	list;		/* RTNL */
	u64			net_cookie;	/* where it was made, with group its identity */
	u32			group;
	int			number;		/* asicN */
	u8			id[8];		/* phys_switch_id */
	struct dentry		*dir;
	struct nfto_sim_knob	knobs[NFTO_SIM_KNOBS];

	/* protects everything below, but for what the data path reads under RCU */
	struct mutex		lock;
	const struct nfto_sim_personality *personality;	/* changed only while empty, RCU */
	struct list_head	ports;
	struct list_head	bindings;
	u32			capacity;
	u32			latency_us;	/* read without the lock, before a call takes it */
	bool			pin_features;	/* hw-tc-offload stays on while there are rules */
	struct nfto_sim_fail	fail[NFTO_SIM_FAILURES];
	u64			calls[NFTO_SIM_CALLS];
	int			add_error;	/* of the last rule that was refused, positive */
	u64			orphaned;	/* entries that their owner left behind */
	u32			max_entries;	/* ever */

	u32			entries;
	u32			slots;		/* taken by them */
	u32			n_masks;
	u32			last_mask_id;
	unsigned long		last_id;
	struct list_head	masks;		/* RCU */
	struct rhltable		table;		/* by masked key, RCU */
	struct rhashtable	pairs;		/* RCU */
	struct rhashtable	cookies;
	struct xarray		ids;		/* in order of birth, for the dump */
};

/* ---- personalities ---- */

enum nfto_sim_parent {
	NFTO_SIM_PARENT_ALL,		/* every port says of which switch it is */
	NFTO_SIM_PARENT_NONE,		/* a NIC */
	NFTO_SIM_PARENT_REPS,		/* representors do, the first port does not */
};

/* What hardware of this kind never switches, whatever the rule says. */
enum nfto_sim_guard {
	NFTO_SIM_GUARD_FRAGMENT	= BIT(0),
	NFTO_SIM_GUARD_OPTIONS	= BIT(1),
	NFTO_SIM_GUARD_TTL	= BIT(2),
	NFTO_SIM_GUARD_ALL	= NFTO_SIM_GUARD_FRAGMENT | NFTO_SIM_GUARD_OPTIONS |
				  NFTO_SIM_GUARD_TTL,
};

/*
 * What one kind of driver accepts. The switches are what is known to differ between
 * drivers; replace() fills in a new entry from a rule or refuses it.
 */
struct nfto_sim_personality {
	const char	*name;
	u32		setup_types;	/* BIT(TC_SETUP_...) that ndo_setup_tc takes */
	u32		others_setup_types;	/* besides, on all but the first port */
	enum nfto_sim_parent parent;
	bool		rtnl;		/* asserts RTNL in every call */
	bool		unlocked;	/* but not in those for rules, and says so at bind */
	bool		rebind;		/* counts a second bind of a block, never busy */
	bool		never_busy;	/* a second block is bound beside the first */
	bool		shared_blocks;
	bool		hw_tc_each_call;	/* hw-tc-offload asked in every call */
	bool		chain0_each_call;	/* likewise whether it is about chain 0 */
	bool		ethertype_each_call;	/* the protocol has to be one */
	bool		hw_tc_fixed;	/* hw-tc-offload is always on */
	bool		any_callback;	/* a rule is found through every port's callback */
	bool		handed_over;	/* a rule stays as long as any port has a callback */
	bool		port_cookies;	/* two ports may have rules with the same cookie */
	bool		replaces;	/* a rule with a known cookie takes the old one's place */
	bool		no_stats;	/* no such call */
	bool		pppoe;		/* looks behind a PPPoE session header */
	bool		drops_misses;	/* IPv4 that no rule of the port hits does not get in */
	u8		guards;		/* enum nfto_sim_guard */
	__be16		tcp_guard;	/* flags that always go to the host */
	u32		max_masks;	/* sets of fields to match on; 0: any number */
	u32		max_prio;	/* 0: any */
	int		pins_hw_tc;	/* why hw-tc-offload stays on while there are rules */
	int		full;		/* what is said when the table is full; 0: -ENOSPC */
	int		no_rule_to_del;	/* and when there is no such rule; 0: -ENOENT */
	int		no_rule_to_ask;
	u32		variant;	/* the personality's own */
	u64		keys;		/* FLOW_DISSECTOR_KEY_* that are accepted */
	u64		actions;	/* FLOW_ACTION_* that are accepted */
	int		(*replace)(const struct nfto_sim_personality *personality,
				   struct nfto_sim_port *port,
				   const struct flow_cls_offload *cls,
				   struct nfto_sim_key *mask, struct nfto_sim_entry *entry);
	void		(*stats)(struct nfto_sim_entry *entry, struct flow_stats *stats);
};

extern const struct nfto_sim_personality nfto_sim_generic;
extern const struct nfto_sim_personality nfto_sim_ft;
extern const struct nfto_sim_personality nfto_sim_mlx5;
extern const struct nfto_sim_personality nfto_sim_mlx5_switchdev;
extern const struct nfto_sim_personality nfto_sim_nfp;
extern const struct nfto_sim_personality nfto_sim_sfc;
extern const struct nfto_sim_personality nfto_sim_cxgb4;
extern const struct nfto_sim_personality nfto_sim_cxgb4_bare;
extern const struct nfto_sim_personality nfto_sim_bnxt;
extern const struct nfto_sim_personality nfto_sim_stmmac;

const struct nfto_sim_personality *nfto_sim_personality_find(const char *name);
void nfto_sim_personality_names(char *buf, size_t size);

/* main.c */
extern const struct nfto_sim_personality *nfto_sim_default_personality;
extern unsigned int nfto_sim_default_capacity;

/* asic.c */
int nfto_sim_asic_join(struct nfto_sim_port *port);
void nfto_sim_asic_leave(struct nfto_sim_port *port);
void nfto_sim_asic_put(struct nfto_sim_asic *asic);

/* port.c */
int nfto_sim_port_init(const char *kind);
void nfto_sim_port_exit(void);
bool nfto_sim_is_port(const struct net_device *dev);
/* Is there such a device in the namespace of the port? Without RTNL, so it may go at once. */
bool nfto_sim_beside(const struct nfto_sim_port *port, int ifindex);

static inline void nfto_sim_count(const struct nfto_sim_port *port,
				  enum nfto_sim_counter packets, int bytes, u32 len)
{
	struct nfto_sim_counters *counters = this_cpu_ptr(port->counters);

	/* Only called with softirqs off: no two writers on one CPU. */
	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&counters->value[packets]);
	if (bytes >= 0)
		u64_stats_add(&counters->value[bytes], len);
	u64_stats_update_end(&counters->syncp);
}

#define nfto_sim_count1(port, counter)	nfto_sim_count(port, counter, -1, 0)

/* tc.c */
int nfto_sim_setup_tc(struct net_device *dev, enum tc_setup_type type, void *type_data);

/* parse.c */
int nfto_sim_out_port(struct nfto_sim_port *port, const struct net_device *dev,
		      struct nfto_sim_port **out);

/* table.c */
int nfto_sim_table_init(struct nfto_sim_asic *asic);
void nfto_sim_table_destroy(struct nfto_sim_asic *asic);
int nfto_sim_table_insert(struct nfto_sim_asic *asic, const struct nfto_sim_key *mask,
			  struct nfto_sim_entry *entry);
void nfto_sim_table_remove(struct nfto_sim_asic *asic, struct nfto_sim_entry *entry);
void nfto_sim_table_drop(struct nfto_sim_asic *asic, const struct nfto_sim_binding *binding,
			 const struct nfto_sim_port *port);
/* All of it, as a reset would: nobody is told. asic->lock is held. */
void nfto_sim_table_forget(struct nfto_sim_asic *asic);
struct nfto_sim_entry *nfto_sim_table_find(struct nfto_sim_asic *asic, unsigned long cookie,
					   u32 scope);
bool nfto_sim_table_has_mask(const struct nfto_sim_asic *asic, const struct nfto_sim_key *mask);

/* Why entries that would have matched did not. */
struct nfto_sim_spared {
	bool	tcp_flags;
	bool	fragment;
};

struct nfto_sim_entry *nfto_sim_table_match(struct nfto_sim_asic *asic,
					    const struct nfto_sim_frame *frame,
					    struct nfto_sim_spared *spared);
bool nfto_sim_table_match_pair(struct nfto_sim_asic *asic, const struct nfto_sim_frame *frame);

/* frame.c */
bool nfto_sim_frame_parse(const struct sk_buff *skb, bool pppoe, struct nfto_sim_frame *frame);

/* forward.c */
rx_handler_result_t nfto_sim_receive(struct sk_buff **pskb);

/* rewrite.c */
int nfto_sim_rewrite(struct sk_buff *skb, const struct nfto_sim_frame *frame,
		     const struct nfto_sim_edit *edit);

/* stats.c */
void nfto_sim_stats_hit(struct nfto_sim_entry *entry, u32 len);
void nfto_sim_stats_now(struct nfto_sim_entry *entry, struct flow_stats *stats);
void nfto_sim_stats_polled(struct nfto_sim_entry *entry, u64 *packets, u64 *bytes,
			   unsigned long *at);
void nfto_sim_stats_delayed(struct nfto_sim_entry *entry, struct flow_stats *stats);

/* dump.c */
extern const struct file_operations nfto_sim_dump_fops;

/* debugfs.c */
void nfto_sim_debugfs_init(void);
void nfto_sim_debugfs_exit(void);
void nfto_sim_debugfs_add(struct nfto_sim_asic *asic);
u32 nfto_sim_next_group(void);
void nfto_sim_count_orphan(void);

#endif
