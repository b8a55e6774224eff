/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Builds what nf_flow_table hands to a driver, from facts about it alone: full masks, META, actions
 * in its order, NAT words and halves of ports as it cuts them.
 */
#ifndef NFTO_HOST_NFRULE_H
#define NFTO_HOST_NFRULE_H

#include <linux/types.h>
#include <net/flow_offload.h>

#define NFRULE_ACTIONS 32

struct nfrule_key {
	struct flow_dissector_key_meta meta;
	struct flow_dissector_key_control control;
	struct flow_dissector_key_basic basic;
	struct flow_dissector_key_vlan vlan;
	struct flow_dissector_key_vlan cvlan;
	struct flow_dissector_key_ipv4_addrs ipv4;
	struct flow_dissector_key_ipv6_addrs ipv6;
	struct flow_dissector_key_tcp tcp;
	struct flow_dissector_key_ports tp;
};

struct nfrule {
	struct flow_dissector dissector;
	struct nfrule_key key, mask;
	struct flow_rule *rule;		/* to be freed */
};

/* What the flow is; addresses and ports in network order, as bytes on the wire. */
struct nfrule_spec {
	bool v6, tcp;
	u8 src[16], dst[16], new_src[16], new_dst[16];
	u8 sport[2], dport[2], new_sport[2], new_dport[2];
	bool snat, dnat;	/* new_src and new_sport; new_dst and new_dport */
	u8 eth_dst[6], eth_src[6];
	int num_tags;
	u16 tags[2];
	int num_push;
	u16 push[2];
	bool pppoe;		/* session 0x1234, below the tags */
	struct net_device *out;
};

void nfrule_build(struct nfrule *r, const struct nfrule_spec *s);
struct flow_action_entry *nfrule_action(struct nfrule *r, int id);
void nfrule_free(struct nfrule *r);

#endif
