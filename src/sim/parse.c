// SPDX-License-Identifier: GPL-2.0
/* From a rule to an entry: what several personalities have in common. */

#include <linux/if_vlan.h>
#include <net/pkt_cls.h>

#include "../compat/sim_tc.h"
#include "parse.h"

int nfto_sim_out_port(struct nfto_sim_port *port, const struct net_device *dev,
		      struct nfto_sim_port **out)
{
	struct nfto_sim_port *other;

	lockdep_assert_held(&port->asic->lock);
	list_for_each_entry(other, &port->asic->ports, list) {
		if (other->dev == dev) {
			*out = other;
			return 0;
		}
	}
	return -EOPNOTSUPP;
}

/* ---- match ---- */

int nfto_sim_check_keys(const struct nfto_sim_parse *p)
{
	if (nfto_sim_used_keys(p->rule) & ~p->personality->keys)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a key of the match is not supported");
	return 0;
}

static void take(void *key, void *mask, const void *from, const void *with, size_t len)
{
	const u8 *k = from, *m = with;
	size_t i;

	for (i = 0; i < len; i++) {
		((u8 *)key)[i] = k[i] & m[i];
		((u8 *)mask)[i] = m[i];
	}
}

#define TAKE(p, member, match, field)					\
	take(&(p)->key->member, &(p)->mask->member, &(match).key->field,	\
	     &(match).mask->field, sizeof((match).key->field))

/* The port to which the rule was given is the one that it is for. */
void nfto_sim_take_port(struct nfto_sim_parse *p)
{
	p->entry->in = p->port;
	p->key->in_port = p->port->number;
	p->mask->in_port = U16_MAX;
}

/* @flags_mask tells which flags the rule asks for; what is known of them is taken. */
void nfto_sim_take_control(struct nfto_sim_parse *p, u32 *flags_mask)
{
	struct flow_match_control match;
	struct nfto_sim_entry *entry = p->entry;

	*flags_mask = 0;
	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_CONTROL))
		return;
	flow_rule_match_control(p->rule, &match);
	p->addr_type = match.key->addr_type;
	*flags_mask = match.mask->flags;
	entry->frag_mask = (match.mask->flags & FLOW_DIS_IS_FRAGMENT ? NFTO_SIM_FRAG : 0) |
			   (match.mask->flags & FLOW_DIS_FIRST_FRAG ? NFTO_SIM_FRAG_FIRST : 0);
	entry->frag_flags = (match.key->flags & FLOW_DIS_IS_FRAGMENT ? NFTO_SIM_FRAG : 0) |
			    (match.key->flags & FLOW_DIS_FIRST_FRAG ? NFTO_SIM_FRAG_FIRST : 0);
	entry->frag_flags &= entry->frag_mask;
}

void nfto_sim_take_basic(struct nfto_sim_parse *p)
{
	struct flow_match_basic match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_BASIC))
		return;
	flow_rule_match_basic(p->rule, &match);
	TAKE(p, n_proto, match, n_proto);
	TAKE(p, ip_proto, match, ip_proto);
}

void nfto_sim_take_eth_addrs(struct nfto_sim_parse *p)
{
	struct flow_match_eth_addrs match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_ETH_ADDRS))
		return;
	flow_rule_match_eth_addrs(p->rule, &match);
	TAKE(p, eth_dst, match, dst);
	TAKE(p, eth_src, match, src);
}

void nfto_sim_take_addresses(struct nfto_sim_parse *p)
{
	struct flow_match_ipv4_addrs ipv4;
	struct flow_match_ipv6_addrs ipv6;

	if (p->addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS &&
	    nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IPV4_ADDRS)) {
		flow_rule_match_ipv4_addrs(p->rule, &ipv4);
		TAKE(p, src, ipv4, src);
		TAKE(p, dst, ipv4, dst);
	} else if (p->addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS &&
		   nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IPV6_ADDRS)) {
		flow_rule_match_ipv6_addrs(p->rule, &ipv6);
		TAKE(p, src, ipv6, src);
		TAKE(p, dst, ipv6, dst);
	}
}

void nfto_sim_take_ports(struct nfto_sim_parse *p)
{
	struct flow_match_ports match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_PORTS))
		return;
	flow_rule_match_ports(p->rule, &match);
	TAKE(p, sport, match, src);
	TAKE(p, dport, match, dst);
}

void nfto_sim_take_ip(struct nfto_sim_parse *p)
{
	struct flow_match_ip match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IP))
		return;
	flow_rule_match_ip(p->rule, &match);
	TAKE(p, tos, match, tos);
	TAKE(p, ttl, match, ttl);
}

void nfto_sim_take_tcp(struct nfto_sim_parse *p)
{
	struct flow_match_tcp match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_TCP))
		return;
	flow_rule_match_tcp(p->rule, &match);
	p->entry->tcp_mask = match.mask->flags;
	p->entry->tcp_flags = match.key->flags & match.mask->flags;
}

/* A tag, 0 the outer one, by protocol, id and priority; no driver looks at the DEI bit. */
void nfto_sim_take_tag(struct nfto_sim_parse *p, const struct flow_match_vlan *match,
		       unsigned int depth)
{
	const __be16 known = htons((u16)~VLAN_CFI_MASK);
	struct nfto_sim_tag *key = &p->key->tag[depth];
	struct nfto_sim_tag *mask = &p->mask->tag[depth];

	mask->tpid = match->mask->vlan_tpid;
	key->tpid = match->key->vlan_tpid & mask->tpid;
	mask->tci = nfto_sim_tci(match->mask) & known;
	key->tci = nfto_sim_tci(match->key) & mask->tci;
}

/* ---- actions ---- */

/*
 * What drivers ask of hw_stats by flow_action_hw_stats_check(): the same for all actions,
 * and every bit of @wanted in it.
 */
int nfto_sim_check_hw_stats(const struct nfto_sim_parse *p, u8 wanted)
{
	const struct flow_action *actions = &p->rule->action;
	const struct flow_action_entry *act;
	int i;

	flow_action_for_each(i, act, actions) {
		if (act->hw_stats != actions->entries[0].hw_stats)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "the actions' hw_stats differ");
		if (~act->hw_stats & wanted)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "no counters of that kind");
	}
	return 0;
}

/* 255 more, in eight bits. */
bool nfto_sim_is_ttl_dec(const struct flow_action_entry *act)
{
	bool ipv4 = act->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4;
	bool ipv6 = act->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP6;
	__be32 byte = htonl(ipv4 ? 0xff000000 : 0x000000ff);

	return (ipv4 || ipv6) && act->mangle.offset == (ipv4 ? 8 : 4) &&
	       act->mangle.mask == (__force u32)~byte && act->mangle.val == (__force u32)byte;
}

static int check_mangle(const struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	if (act->mangle.htype == FLOW_ACT_MANGLE_UNSPEC || act->mangle.htype >= NFTO_SIM_HEADERS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "rewrite of an unknown header");
	if (act->mangle.offset > NFTO_SIM_HEADER_LEN - sizeof(u32))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "rewrite outside of the header");
	return 0;
}

/* Bits of mangle.mask that are set stay as they are. */
int nfto_sim_mangle(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	const u8 *keep = (const u8 *)&act->mangle.mask, *value = (const u8 *)&act->mangle.val;
	struct nfto_sim_header *header;
	u32 at;
	int err;

	err = check_mangle(p, act);
	if (err)
		return err;
	header = &p->headers[act->mangle.htype];
	for (at = act->mangle.offset; at < act->mangle.offset + sizeof(u32); at++) {
		header->value[at] = (header->value[at] & *keep) | (*value & ~*keep);
		header->set[at] |= ~*keep;
		keep++;
		value++;
	}
	return 0;
}

/* Whether an earlier action of the rule wrote any of the same bits. */
bool nfto_sim_mangled_already(const struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	const u8 *keep = (const u8 *)&act->mangle.mask;
	size_t i;

	if (check_mangle(p, act))
		return false;
	for (i = 0; i < sizeof(u32); i++) {
		if (p->headers[act->mangle.htype].set[act->mangle.offset + i] & (u8)~keep[i])
			return true;
	}
	return false;
}

/* Fields that can be rewritten, each as a whole. */
static const struct {
	enum flow_action_mangle_base	htype;
	u8				offset;
	u8				len;
	enum nfto_sim_edit_field	field;
	size_t				to;	/* in struct nfto_sim_edit */
} fields[] = {
#define FIELD(htype, offset, len, field, member)				\
	{ FLOW_ACT_MANGLE_HDR_TYPE_ ## htype, offset, len, NFTO_SIM_ ## field,	\
	  offsetof(struct nfto_sim_edit, member) }
	FIELD(ETH, 0, ETH_ALEN, ETH_DST, eth_dst),
	FIELD(ETH, 6, ETH_ALEN, ETH_SRC, eth_src),
	FIELD(IP4, 8, 1, TTL, ttl),
	FIELD(IP4, 12, 4, SRC, src),
	FIELD(IP4, 16, 4, DST, dst),
	FIELD(IP6, 7, 1, TTL, ttl),
	FIELD(IP6, 8, 16, SRC, src),
	FIELD(IP6, 24, 16, DST, dst),
	FIELD(TCP, 0, 2, SPORT, sport),
	FIELD(TCP, 2, 2, DPORT, dport),
	FIELD(UDP, 0, 2, SPORT, sport),
	FIELD(UDP, 2, 2, DPORT, dport),
#undef FIELD
};

static bool header_matched(const struct nfto_sim_parse *p, unsigned int htype)
{
	switch (htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return p->key->n_proto == htons(ETH_P_IP);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return p->key->n_proto == htons(ETH_P_IPV6);
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
		return p->key->ip_proto == IPPROTO_TCP;
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return p->key->ip_proto == IPPROTO_UDP;
	default:
		return true;
	}
}

/*
 * From headers, as the MANGLE actions left them, to fields. A header that the rule's
 * frames do not have is refused if @strict, and left alone by hardware if not. Parts of
 * fields, and fields not in the list, are refused though some drivers take them: the
 * ASIC has no such rewrite, and must not seem to.
 */
int nfto_sim_mangled_fields(struct nfto_sim_parse *p, bool strict)
{
	struct nfto_sim_header *header;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		u8 *set;

		header = &p->headers[fields[i].htype];
		set = header->set + fields[i].offset;
		if (!nfto_sim_all_bytes(set, 0xff, fields[i].len))
			continue;
		memset(set, 0, fields[i].len);
		if (!header_matched(p, fields[i].htype)) {
			if (!strict)
				continue;
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "rewrite of a header not matched");
		}
		memcpy((u8 *)p->edit + fields[i].to, header->value + fields[i].offset,
		       fields[i].len);
		p->edit->fields |= fields[i].field;
	}
	for (i = 0; i < NFTO_SIM_HEADERS; i++) {
		if (!nfto_sim_all_bytes(p->headers[i].set, 0, NFTO_SIM_HEADER_LEN))
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "rewrite of a field not supported");
	}
	return 0;
}

int nfto_sim_push_op(struct nfto_sim_parse *p, int op, __be16 proto, u16 tci)
{
	struct nfto_sim_edit *edit = p->edit;

	if (edit->n_vlan == NFTO_SIM_MAX_VLAN_OPS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "too many VLAN actions");
	edit->vlan[edit->n_vlan].op = op;
	edit->vlan[edit->n_vlan].proto = proto;
	edit->vlan[edit->n_vlan].tci = tci;
	edit->n_vlan++;
	return 0;
}
