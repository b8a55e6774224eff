/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of the kernel's TC offload interface that the pure code uses: the kernel's names with
 * values and layouts of the host's own. Nothing here is exchanged with a kernel.
 */
#ifndef NFTO_HOST_FLOW_OFFLOAD_H
#define NFTO_HOST_FLOW_OFFLOAD_H

#include <linux/types.h>
#include <linux/in6.h>

#define FLOW_DIS_IS_FRAGMENT 1
#define FLOW_DIS_FIRST_FRAG 2

enum flow_dissector_key_id {
	FLOW_DISSECTOR_KEY_CONTROL,
	FLOW_DISSECTOR_KEY_BASIC,
	FLOW_DISSECTOR_KEY_IPV4_ADDRS,
	FLOW_DISSECTOR_KEY_IPV6_ADDRS,
	FLOW_DISSECTOR_KEY_PORTS,
	FLOW_DISSECTOR_KEY_ICMP,
	FLOW_DISSECTOR_KEY_ETH_ADDRS,
	FLOW_DISSECTOR_KEY_VLAN,
	FLOW_DISSECTOR_KEY_CVLAN,
	FLOW_DISSECTOR_KEY_TCP,
	FLOW_DISSECTOR_KEY_IP,
	FLOW_DISSECTOR_KEY_META,
	FLOW_DISSECTOR_KEY_ENC_CONTROL,
	FLOW_DISSECTOR_KEY_ENC_KEYID,
	FLOW_DISSECTOR_KEY_ENC_IPV4_ADDRS,
	FLOW_DISSECTOR_KEY_ENC_IPV6_ADDRS,
	FLOW_DISSECTOR_KEY_ENC_PORTS,
	FLOW_DISSECTOR_KEY_ENC_OPTS,
	FLOW_DISSECTOR_KEY_ENC_IP,
	FLOW_DISSECTOR_KEY_MAX,
};

struct flow_dissector {
	unsigned long long used_keys;
	unsigned short offset[FLOW_DISSECTOR_KEY_MAX];
};

struct flow_dissector_key_meta { int ingress_ifindex; };
struct flow_dissector_key_control { u16 thoff; u16 addr_type; u32 flags; };
struct flow_dissector_key_basic { __be16 n_proto; u8 ip_proto; u8 padding; };
struct flow_dissector_key_eth_addrs { u8 dst[6]; u8 src[6]; };
struct flow_dissector_key_ip { u8 tos; u8 ttl; };
struct flow_dissector_key_ipv4_addrs { __be32 src; __be32 dst; };
struct flow_dissector_key_ipv6_addrs { struct in6_addr src; struct in6_addr dst; };
struct flow_dissector_key_ports { __be16 src; __be16 dst; };
struct flow_dissector_key_tcp { __be16 flags; };
struct flow_dissector_key_vlan {
	u16 vlan_id : 12, vlan_dei : 1, vlan_priority : 3;
	__be16 vlan_tpid;
	__be16 vlan_eth_type;
	u16 padding;
};

struct flow_match {
	struct flow_dissector *dissector;
	void *mask;
	void *key;
};

enum flow_action_id {
	FLOW_ACTION_ACCEPT,
	FLOW_ACTION_DROP,
	FLOW_ACTION_TRAP,
	FLOW_ACTION_REDIRECT,
	FLOW_ACTION_VLAN_PUSH,
	FLOW_ACTION_VLAN_POP,
	FLOW_ACTION_VLAN_MANGLE,
	FLOW_ACTION_TUNNEL_ENCAP,
	FLOW_ACTION_TUNNEL_DECAP,
	FLOW_ACTION_MANGLE,
	FLOW_ACTION_ADD,
	FLOW_ACTION_CSUM,
	FLOW_ACTION_PPPOE_PUSH,
};

enum flow_action_mangle_base {
	FLOW_ACT_MANGLE_UNSPEC,
	FLOW_ACT_MANGLE_HDR_TYPE_ETH,
	FLOW_ACT_MANGLE_HDR_TYPE_IP4,
	FLOW_ACT_MANGLE_HDR_TYPE_IP6,
	FLOW_ACT_MANGLE_HDR_TYPE_TCP,
	FLOW_ACT_MANGLE_HDR_TYPE_UDP,
};

enum flow_action_hw_stats {
	FLOW_ACTION_HW_STATS_IMMEDIATE = 1,
	FLOW_ACTION_HW_STATS_DELAYED = 2,
	FLOW_ACTION_HW_STATS_ANY = 3,
	FLOW_ACTION_HW_STATS_DISABLED = 4,
	FLOW_ACTION_HW_STATS_DONT_CARE = 7,
};

struct net_device;

struct flow_action_entry {
	enum flow_action_id id;
	enum flow_action_hw_stats hw_stats;
	union {
		struct net_device *dev;
		struct { u16 vid; __be16 proto; u8 prio; } vlan;
		struct {
			enum flow_action_mangle_base htype;
			u32 offset;
			u32 mask;
			u32 val;
		} mangle;
		u32 csum_flags;
		struct { u16 sid; } pppoe;
	};
};

struct flow_action {
	unsigned int num_entries;
	struct flow_action_entry entries[];
};

struct netlink_ext_ack;

struct flow_cls_common_offload {
	u32 chain_index;
	__be16 protocol;
	u32 prio;
	bool skip_sw;
	struct netlink_ext_ack *extack;
};

struct flow_rule {
	struct flow_match match;
	struct flow_action action;
};

#endif
