/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel as the simulator's headers name, and its personalities use, for a compiler
 * on the host. Nothing here is shared, locked or counted: rules are read by one thread, and thrown
 * away.
 */
#ifndef NFTO_FUZZ_SIM_HOST_H
#define NFTO_FUZZ_SIM_HOST_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tc_act/tc_csum.h>
#include <net/flow_offload.h>

#define U8_MAX		((u8)~0U)
#define U16_MAX		((u16)~0U)
#define HZ		250
#define jiffies		1000UL
#define __percpu
#define READ_ONCE(x)	(x)
#define WARN(condition, ...)	(condition)
#define lockdep_assert_held(lock)	((void)(lock))
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define rounddown(x, y)	((x) - (x) % (y))
#define roundup(x, y)	rounddown((x) + (y) - 1, y)
#define swab16(x)	__builtin_bswap16(x)
#define offsetofend(type, member)	(offsetof(type, member) + sizeof(((type *)0)->member))
#define container_of(ptr, type, member)	((type *)((char *)(ptr) - offsetof(type, member)))

/* ---- that structures have, and nobody looks at ---- */

struct nothing { char unused; };
#define NOTHING(name) struct name { char unused; }

NOTHING(kref);
NOTHING(mutex);
NOTHING(rcu_head);
NOTHING(rhash_head);
NOTHING(rhlist_head);
NOTHING(rhashtable);
NOTHING(rhltable);
NOTHING(xarray);
NOTHING(u64_stats_sync);
struct number { u64 value; };
struct dentry;
struct sk_buff;

#define spinlock_t		struct nothing
#define u64_stats_t		struct number
#define atomic64_t		struct number
#define rx_handler_result_t	int

#define atomic64_read(v)	((v)->value)
#define this_cpu_ptr(ptr)	(ptr)
#define u64_stats_update_begin(syncp)	((void)(syncp))
#define u64_stats_update_end(syncp)	((void)(syncp))
#define u64_stats_inc(v)	((v)->value++)
#define u64_stats_add(v, n)	((v)->value += (n))

/* ---- lists ---- */

struct list_head {
	struct list_head *next, *prev;
};

#define list_for_each_entry(pos, head, member)						\
	for (pos = container_of((head)->next, __typeof__(*pos), member);		\
	     &pos->member != (head);							\
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

/* ---- bytes ---- */

static inline void *memchr_inv(const void *from, int value, size_t len)
{
	const u8 *at = from;

	for (; len; at++, len--)
		if (*at != (u8)value)
			return (void *)at;
	return NULL;
}

static inline void ether_addr_copy(u8 *to, const u8 *from)
{
	memcpy(to, from, ETH_ALEN);
}

static inline bool is_zero_ether_addr(const u8 *addr)
{
	return !memchr_inv(addr, 0, ETH_ALEN);
}

static inline bool is_broadcast_ether_addr(const u8 *addr)
{
	return !memchr_inv(addr, 0xff, ETH_ALEN);
}

/* ---- devices ---- */

struct net_device { int ifindex; };

#define tc_can_offload(dev)	((void)(dev), true)

/* ---- tags ---- */

#define VLAN_PRIO_SHIFT	13
#define VLAN_CFI_MASK	0x1000
#define VLAN_VID_MASK	0x0fff

static inline bool eth_type_vlan(__be16 type)
{
	return type == htons(ETH_P_8021Q) || type == htons(ETH_P_8021AD);
}

/* ---- rules ---- */

enum tc_setup_type { TC_SETUP_BLOCK, TC_SETUP_CLSFLOWER, TC_SETUP_FT };

struct netlink_ext_ack { const char *message; };
#define NL_SET_ERR_MSG_MOD(extack, text)	((extack)->message = (text))

struct flow_stats { char unused; };
#define flow_stats_update(stats, bytes, packets, drops, lastused, hw_stats)	\
	((void)(stats), (void)(bytes), (void)(packets), (void)(lastused))

struct flow_cls_offload {
	struct flow_cls_common_offload common;
	struct flow_rule *rule;
	struct flow_stats stats;
};

#define flow_action_has_entries(action)	((action)->num_entries > 0)
#define flow_action_for_each(i, act, action)						\
	for (i = 0; i < (int)(action)->num_entries && (act = &(action)->entries[i]); i++)

static inline bool flow_rule_match_key(const struct flow_rule *rule, enum flow_dissector_key_id key)
{
	return rule->match.dissector->used_keys & BIT_ULL(key);
}

/* Where key @id of a rule, and its mask, stand. */
#define FLOW_MATCH(name, id, type)							\
static inline void flow_rule_match_##name(const struct flow_rule *rule,			\
					  struct flow_match_##type *match)		\
{											\
	size_t at = rule->match.dissector->offset[FLOW_DISSECTOR_KEY_##id];		\
											\
	match->key = (void *)((char *)rule->match.key + at);				\
	match->mask = (void *)((char *)rule->match.mask + at);				\
}
#define FLOW_MATCH_TYPE(type)								\
struct flow_match_##type {								\
	struct flow_dissector_key_##type *key, *mask;					\
}

FLOW_MATCH_TYPE(meta);
FLOW_MATCH_TYPE(control);
FLOW_MATCH_TYPE(basic);
FLOW_MATCH_TYPE(eth_addrs);
FLOW_MATCH_TYPE(vlan);
FLOW_MATCH_TYPE(ipv4_addrs);
FLOW_MATCH_TYPE(ipv6_addrs);
FLOW_MATCH_TYPE(ip);
FLOW_MATCH_TYPE(ports);
FLOW_MATCH_TYPE(tcp);

FLOW_MATCH(meta, META, meta)
FLOW_MATCH(control, CONTROL, control)
FLOW_MATCH(basic, BASIC, basic)
FLOW_MATCH(eth_addrs, ETH_ADDRS, eth_addrs)
FLOW_MATCH(vlan, VLAN, vlan)
FLOW_MATCH(cvlan, CVLAN, vlan)
FLOW_MATCH(ipv4_addrs, IPV4_ADDRS, ipv4_addrs)
FLOW_MATCH(ipv6_addrs, IPV6_ADDRS, ipv6_addrs)
FLOW_MATCH(ip, IP, ip)
FLOW_MATCH(ports, PORTS, ports)
FLOW_MATCH(tcp, TCP, tcp)

#endif
