/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a rule to an entry: what several personalities have in common. None of it decides
 * what a driver accepts; that is said by each of them.
 */
#ifndef _NFTO_SIM_PARSE_H
#define _NFTO_SIM_PARSE_H

#include "sim.h"

#define NFTO_SIM_HEADER_LEN	40	/* the longest header whose fields can be rewritten */
#define NFTO_SIM_HEADERS	(FLOW_ACT_MANGLE_HDR_TYPE_UDP + 1)

/* What the MANGLE actions of a rule make of one header, byte by byte. */
struct nfto_sim_header {
	u8	value[NFTO_SIM_HEADER_LEN];
	u8	set[NFTO_SIM_HEADER_LEN];
};

struct nfto_sim_parse {
	const struct nfto_sim_personality	*personality;
	struct nfto_sim_port			*port;
	const struct flow_cls_offload		*cls;
	const struct flow_rule			*rule;
	struct netlink_ext_ack			*extack;
	struct nfto_sim_key			*key;
	struct nfto_sim_key			*mask;
	struct nfto_sim_entry			*entry;
	struct nfto_sim_edit			*edit;
	struct nfto_sim_header			headers[NFTO_SIM_HEADERS];
	unsigned int				tags;	/* on the frame, after the actions so far */
	u16					addr_type;
};

/* The start of a personality's replace(), which has these arguments. */
#define NFTO_SIM_PARSE(personality_, port_, cls_, mask_, entry_)	\
{									\
	.personality	= (personality_),				\
	.port		= (port_),					\
	.cls		= (cls_),					\
	.rule		= (cls_)->rule,					\
	.extack		= (cls_)->common.extack,			\
	.key		= &(entry_)->key.key,				\
	.mask		= (mask_),					\
	.entry		= (entry_),					\
	.edit		= &(entry_)->edit,				\
}

static inline bool nfto_sim_all_bytes(const void *from, u8 value, size_t len)
{
	return !memchr_inv(from, value, len);
}

static inline bool nfto_sim_has_key(const struct nfto_sim_parse *p, enum flow_dissector_key_id key)
{
	return flow_rule_match_key(p->rule, key);
}

static inline __be16 nfto_sim_tci(const struct flow_dissector_key_vlan *vlan)
{
	return htons(vlan->vlan_priority << VLAN_PRIO_SHIFT | vlan->vlan_dei << 12 |
		     vlan->vlan_id);
}

/*
 * Keys of the rule, with whatever mask, to the entry's; nothing if the rule has no such
 * key. nfto_sim_take_addresses() goes by p->addr_type, which take_control() finds.
 */
int nfto_sim_check_keys(const struct nfto_sim_parse *p);
void nfto_sim_take_port(struct nfto_sim_parse *p);
void nfto_sim_take_control(struct nfto_sim_parse *p, u32 *flags_mask);
void nfto_sim_take_basic(struct nfto_sim_parse *p);
void nfto_sim_take_eth_addrs(struct nfto_sim_parse *p);
void nfto_sim_take_addresses(struct nfto_sim_parse *p);
void nfto_sim_take_ports(struct nfto_sim_parse *p);
void nfto_sim_take_ip(struct nfto_sim_parse *p);
void nfto_sim_take_tcp(struct nfto_sim_parse *p);
void nfto_sim_take_tag(struct nfto_sim_parse *p, const struct flow_match_vlan *match,
		       unsigned int depth);

int nfto_sim_check_hw_stats(const struct nfto_sim_parse *p, u8 wanted);
bool nfto_sim_is_ttl_dec(const struct flow_action_entry *act);
int nfto_sim_mangle(struct nfto_sim_parse *p, const struct flow_action_entry *act);
bool nfto_sim_mangled_already(const struct nfto_sim_parse *p,
			      const struct flow_action_entry *act);
int nfto_sim_mangled_fields(struct nfto_sim_parse *p, bool strict);
int nfto_sim_push_op(struct nfto_sim_parse *p, int op, __be16 proto, u16 tci);

#endif
