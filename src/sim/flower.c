// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "generic": a well-behaved NIC, about what mlx5 accepts, and VLAN. It takes
 * nothing that it would not do to the letter, and says what it is that it does not take.
 */
#include <linux/if_vlan.h>
#include <linux/tcp.h>
#include <net/pkt_cls.h>
#include <net/tc_act/tc_csum.h>

#include "../compat/sim_tc.h"
#include "parse.h"

/* ---- match ---- */

/* A field that can be matched as a whole or not at all. */
static int match_field(const struct nfto_sim_parse *p, void *key, void *mask, const void *rule_key,
		       const void *rule_mask, size_t len)
{
	if (nfto_sim_all_bytes(rule_mask, 0, len))
		return 0;
	if (!nfto_sim_all_bytes(rule_mask, 0xff, len))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "partial masks are not supported");
	memcpy(key, rule_key, len);
	memset(mask, 0xff, len);
	return 0;
}

static int match_meta(struct nfto_sim_parse *p)
{
	struct flow_match_meta match;

	flow_rule_match_meta(p->rule, &match);
	if (match.mask->ingress_ifindex != (int)~0U || nfto_sim_meta_has_more(match.mask))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "of META only the whole ingress device is supported");
	if (match.key->ingress_ifindex != p->port->dev->ifindex)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "the ingress device is not this port");
	return 0;
}

static int match_control(struct nfto_sim_parse *p)
{
	struct flow_match_control match;

	flow_rule_match_control(p->rule, &match);
	if (match.mask->flags & ~FLOW_DIS_IS_FRAGMENT)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "of the control flags only \"fragment\" is supported");
	if (match.key->flags & match.mask->flags)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "fragments cannot be matched");
	p->addr_type = match.key->addr_type;
	return 0;
}

static int match_basic(struct nfto_sim_parse *p)
{
	struct flow_match_basic match;

	flow_rule_match_basic(p->rule, &match);
	if (match.mask->n_proto != htons(0xffff))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the ethertype must be matched");
	p->key->n_proto = match.key->n_proto;
	p->mask->n_proto = match.mask->n_proto;
	return match_field(p, &p->key->ip_proto, &p->mask->ip_proto, &match.key->ip_proto,
			   &match.mask->ip_proto, sizeof(match.key->ip_proto));
}

static int match_eth_addrs(struct nfto_sim_parse *p)
{
	struct flow_match_eth_addrs match;
	int err;

	flow_rule_match_eth_addrs(p->rule, &match);
	err = match_field(p, p->key->eth_dst, p->mask->eth_dst, match.key->dst, match.mask->dst,
			  ETH_ALEN);
	if (err)
		return err;
	return match_field(p, p->key->eth_src, p->mask->eth_src, match.key->src, match.mask->src,
			   ETH_ALEN);
}

static int match_tag(struct nfto_sim_parse *p, const struct flow_match_vlan *match)
{
	struct nfto_sim_tag *key = &p->key->tag[p->key->n_tags];
	struct nfto_sim_tag *mask = &p->mask->tag[p->key->n_tags];

	if (match->mask->vlan_tpid != htons(0xffff))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "a tag must be matched with its protocol");
	if ((match->mask->vlan_id && match->mask->vlan_id != VLAN_VID_MASK) ||
	    (match->mask->vlan_priority && match->mask->vlan_priority != 7))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "partial masks are not supported");
	key->tpid = match->key->vlan_tpid;
	mask->tpid = match->mask->vlan_tpid;
	mask->tci = nfto_sim_tci(match->mask);
	key->tci = nfto_sim_tci(match->key) & mask->tci;
	p->key->n_tags++;
	return 0;
}

static int match_vlan(struct nfto_sim_parse *p)
{
	struct flow_match_vlan match;

	flow_rule_match_vlan(p->rule, &match);
	return match_tag(p, &match);
}

static int match_cvlan(struct nfto_sim_parse *p)
{
	struct flow_match_vlan match;

	if (!p->key->n_tags)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "an inner tag without an outer one");
	flow_rule_match_cvlan(p->rule, &match);
	return match_tag(p, &match);
}

/*
 * Flower keeps the addresses of both families in one place, so that a rule with either
 * has both keys: which one is meant is said by the type of address.
 */
static int match_ipv4(struct nfto_sim_parse *p)
{
	struct flow_match_ipv4_addrs match;
	int err;

	if (p->addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS)
		return 0;
	if (p->addr_type != FLOW_DISSECTOR_KEY_IPV4_ADDRS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "addresses without their type");
	if (p->key->n_proto != htons(ETH_P_IP))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "IPv4 addresses outside of IPv4");
	flow_rule_match_ipv4_addrs(p->rule, &match);
	err = match_field(p, &p->key->src, &p->mask->src, &match.key->src, &match.mask->src,
			  sizeof(match.key->src));
	if (err)
		return err;
	return match_field(p, &p->key->dst, &p->mask->dst, &match.key->dst, &match.mask->dst,
			   sizeof(match.key->dst));
}

static int match_ipv6(struct nfto_sim_parse *p)
{
	struct flow_match_ipv6_addrs match;
	int err;

	if (p->addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS)
		return 0;
	if (p->addr_type != FLOW_DISSECTOR_KEY_IPV6_ADDRS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "addresses without their type");
	if (p->key->n_proto != htons(ETH_P_IPV6))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "IPv6 addresses outside of IPv6");
	flow_rule_match_ipv6_addrs(p->rule, &match);
	err = match_field(p, &p->key->src, &p->mask->src, &match.key->src, &match.mask->src,
			  sizeof(match.key->src));
	if (err)
		return err;
	return match_field(p, &p->key->dst, &p->mask->dst, &match.key->dst, &match.mask->dst,
			   sizeof(match.key->dst));
}

static int match_ip(struct nfto_sim_parse *p)
{
	struct flow_match_ip match;

	flow_rule_match_ip(p->rule, &match);
	p->key->tos = match.key->tos & match.mask->tos;
	p->mask->tos = match.mask->tos;
	p->key->ttl = match.key->ttl & match.mask->ttl;
	p->mask->ttl = match.mask->ttl;
	return 0;
}

static int match_ports(struct nfto_sim_parse *p)
{
	struct flow_match_ports match;
	int err;

	if (p->key->ip_proto != IPPROTO_TCP && p->key->ip_proto != IPPROTO_UDP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "ports of neither TCP nor UDP");
	flow_rule_match_ports(p->rule, &match);
	err = match_field(p, &p->key->sport, &p->mask->sport, &match.key->src, &match.mask->src,
			  sizeof(match.key->src));
	if (err)
		return err;
	return match_field(p, &p->key->dport, &p->mask->dport, &match.key->dst, &match.mask->dst,
			   sizeof(match.key->dst));
}

static int match_tcp(struct nfto_sim_parse *p)
{
	struct flow_match_tcp match;

	if (p->key->ip_proto != IPPROTO_TCP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "TCP flags outside of TCP");
	flow_rule_match_tcp(p->rule, &match);
	if (match.mask->flags & ~htons(0x0fff))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no such TCP flags");
	p->entry->tcp_mask = match.mask->flags;
	p->entry->tcp_flags = match.key->flags & match.mask->flags;
	return 0;
}

/* In this order: the later ones look at what the earlier ones found. */
static const struct {
	enum flow_dissector_key_id	key;
	int				(*match)(struct nfto_sim_parse *p);
} matches[] = {
	{ FLOW_DISSECTOR_KEY_META, match_meta },
	{ FLOW_DISSECTOR_KEY_CONTROL, match_control },
	{ FLOW_DISSECTOR_KEY_BASIC, match_basic },
	{ FLOW_DISSECTOR_KEY_ETH_ADDRS, match_eth_addrs },
	{ FLOW_DISSECTOR_KEY_VLAN, match_vlan },
	{ FLOW_DISSECTOR_KEY_CVLAN, match_cvlan },
	{ FLOW_DISSECTOR_KEY_IPV4_ADDRS, match_ipv4 },
	{ FLOW_DISSECTOR_KEY_IPV6_ADDRS, match_ipv6 },
	{ FLOW_DISSECTOR_KEY_IP, match_ip },
	{ FLOW_DISSECTOR_KEY_PORTS, match_ports },
	{ FLOW_DISSECTOR_KEY_TCP, match_tcp },
};

static int parse_match(struct nfto_sim_parse *p)
{
	size_t i;
	int err;

	if (nfto_sim_used_keys(p->rule) & ~p->personality->keys)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a key of the match is not supported");
	for (i = 0; i < ARRAY_SIZE(matches); i++) {
		if (!flow_rule_match_key(p->rule, matches[i].key))
			continue;
		err = matches[i].match(p);
		if (err)
			return err;
	}
	if (!p->mask->n_proto)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the ethertype must be matched");
	if (p->cls->common.protocol != (p->key->n_tags ? p->key->tag[0].tpid : p->key->n_proto))
		return nfto_sim_refuse(p->extack, -EINVAL,
				       "the protocol is not the rule's outer ethertype");
	p->key->in_port = p->port->number;
	p->mask->in_port = U16_MAX;
	p->mask->n_tags = U8_MAX;
	p->tags = p->key->n_tags;
	return 0;
}

/* ---- actions ---- */

/* One hw_stats for all, and a counter: DONT_CARE has the "disabled" bit set as well. */
static int check_hw_stats(const struct nfto_sim_parse *p)
{
	const struct flow_action *actions = &p->rule->action;
	enum flow_action_hw_stats hw_stats = actions->entries[0].hw_stats;
	const struct flow_action_entry *act;
	int i;

	flow_action_for_each(i, act, actions) {
		if (act->hw_stats != hw_stats)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "the actions' hw_stats differ");
	}
	if (!(hw_stats & FLOW_ACTION_HW_STATS_ANY) || (hw_stats & ~FLOW_ACTION_HW_STATS_ANY))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "hw_stats must ask for a counter");
	return 0;
}

/* The TTL or the hop limit, by 255: one less. */
static int action_add(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	bool ipv4 = act->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4;

	if (!nfto_sim_is_ttl_dec(act))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "only the TTL can be added to, and only -1");
	if (p->key->n_proto != htons(ipv4 ? ETH_P_IP : ETH_P_IPV6))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "rewrite of a header not matched");
	if (p->edit->fields & NFTO_SIM_TTL_DEC)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the TTL is decremented twice");
	p->edit->fields |= NFTO_SIM_TTL_DEC;
	return 0;
}

/* The ASIC mends checksums after every rewrite; this only must not ask for others. */
static int action_csum(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	if (act->csum_flags & ~(TCA_CSUM_UPDATE_FLAG_IPV4HDR | TCA_CSUM_UPDATE_FLAG_TCP |
				TCA_CSUM_UPDATE_FLAG_UDP))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "checksum of an unknown header");
	return 0;
}

static int action_vlan(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	struct nfto_sim_vlan_op *op;

	if (p->edit->n_vlan == NFTO_SIM_MAX_VLAN_OPS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "too many VLAN actions");
	op = &p->edit->vlan[p->edit->n_vlan++];
	if (act->id == FLOW_ACTION_VLAN_PUSH) {
		if (p->tags++ == NFTO_SIM_MAX_TAGS)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "more than two tags");
	} else if (!p->tags) {
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no tag matched to pop or change");
	}
	if (act->id == FLOW_ACTION_VLAN_POP) {
		p->tags--;
		op->op = NFTO_SIM_VLAN_POP;
		return 0;
	}
	if (!eth_type_vlan(act->vlan.proto) || act->vlan.vid > VLAN_VID_MASK || act->vlan.prio > 7)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no such tag");
	op->op = act->id == FLOW_ACTION_VLAN_PUSH ? NFTO_SIM_VLAN_PUSH : NFTO_SIM_VLAN_SET;
	op->proto = act->vlan.proto;
	op->tci = act->vlan.vid | act->vlan.prio << VLAN_PRIO_SHIFT;
	return 0;
}

static int action_redirect(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	if (nfto_sim_out_port(p->port, act->dev, &p->entry->out))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "foreign target: not a port of this ASIC");
	p->entry->verdict = NFTO_SIM_REDIRECT;
	return 0;
}

static bool is_terminal(const struct flow_action_entry *act)
{
	switch (act->id) {
	case FLOW_ACTION_REDIRECT:
	case FLOW_ACTION_DROP:
	case FLOW_ACTION_TRAP:
	case FLOW_ACTION_ACCEPT:
		return true;
	default:
		return false;
	}
}

static int parse_action(struct nfto_sim_parse *p, const struct flow_action_entry *act)
{
	if (act->id >= 64 || !(p->personality->actions & BIT_ULL(act->id)))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "an action is not supported");
	switch (act->id) {
	case FLOW_ACTION_MANGLE:
		return nfto_sim_mangle(p, act);
	case FLOW_ACTION_ADD:
		return action_add(p, act);
	case FLOW_ACTION_CSUM:
		return action_csum(p, act);
	case FLOW_ACTION_VLAN_PUSH:
	case FLOW_ACTION_VLAN_POP:
	case FLOW_ACTION_VLAN_MANGLE:
		return action_vlan(p, act);
	case FLOW_ACTION_REDIRECT:
		return action_redirect(p, act);
	case FLOW_ACTION_DROP:
		p->entry->verdict = NFTO_SIM_DROP;
		return 0;
	case FLOW_ACTION_TRAP:
		p->entry->verdict = NFTO_SIM_TRAP;
		return 0;
	case FLOW_ACTION_ACCEPT:
		p->entry->verdict = NFTO_SIM_ACCEPT;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int check_edit(const struct nfto_sim_parse *p)
{
	const u32 ttl = NFTO_SIM_TTL | NFTO_SIM_TTL_DEC;

	if ((p->edit->fields & ttl) == ttl)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the TTL is set and decremented");
	/* The checksums of other protocols are unknown to the ASIC. */
	if ((p->edit->fields & (NFTO_SIM_SRC | NFTO_SIM_DST)) &&
	    p->key->ip_proto != IPPROTO_TCP && p->key->ip_proto != IPPROTO_UDP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "addresses can be rewritten for TCP and UDP only");
	if (p->entry->verdict != NFTO_SIM_REDIRECT && (p->edit->fields || p->edit->n_vlan))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "rewrite without redirect");
	return 0;
}

static int parse_actions(struct nfto_sim_parse *p)
{
	const struct flow_action *actions = &p->rule->action;
	const struct flow_action_entry *act;
	int i, err;

	if (!flow_action_has_entries(actions))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no action");
	err = check_hw_stats(p);
	if (err)
		return err;
	flow_action_for_each(i, act, actions) {
		err = parse_action(p, act);
		if (err)
			return err;
		if (is_terminal(act) != (i == (int)actions->num_entries - 1))
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "the last action, and no other, must end the rule");
	}
	err = nfto_sim_mangled_fields(p, true);
	return err ?: check_edit(p);
}

static int generic_replace(const struct nfto_sim_personality *personality,
			   struct nfto_sim_port *port, const struct flow_cls_offload *cls,
			   struct nfto_sim_key *mask, struct nfto_sim_entry *entry)
{
	struct nfto_sim_parse p = {
		.personality	= personality,
		.port		= port,
		.cls		= cls,
		.rule		= cls->rule,
		.extack		= cls->common.extack,
		.key		= &entry->key.key,
		.mask		= mask,
		.entry		= entry,
		.edit		= &entry->edit,
	};
	int err;

	if (!tc_can_offload(port->dev))
		return nfto_sim_refuse(p.extack, -EOPNOTSUPP, "hw-tc-offload is off");
	if (cls->common.chain_index)
		return nfto_sim_refuse(p.extack, -EOPNOTSUPP, "only chain 0 is supported");
	if (!cls->common.prio)
		return nfto_sim_refuse(p.extack, -EINVAL, "prio 0 is no priority");
	entry->prio = cls->common.prio;
	entry->in = port;

	err = parse_match(&p);
	return err ?: parse_actions(&p);
}

const struct nfto_sim_personality nfto_sim_generic = {
	.name		= "generic",
	.setup_types	= BIT(TC_SETUP_BLOCK),
	.rtnl		= true,
	.guards		= NFTO_SIM_GUARD_ALL,
	.pins_hw_tc	= -EBUSY,
	.keys		= BIT_ULL(FLOW_DISSECTOR_KEY_META) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_ETH_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IP),
	.actions	= BIT_ULL(FLOW_ACTION_ACCEPT) |
			  BIT_ULL(FLOW_ACTION_DROP) |
			  BIT_ULL(FLOW_ACTION_TRAP) |
			  BIT_ULL(FLOW_ACTION_REDIRECT) |
			  BIT_ULL(FLOW_ACTION_MANGLE) |
			  BIT_ULL(FLOW_ACTION_ADD) |
			  BIT_ULL(FLOW_ACTION_CSUM) |
			  BIT_ULL(FLOW_ACTION_VLAN_PUSH) |
			  BIT_ULL(FLOW_ACTION_VLAN_POP) |
			  BIT_ULL(FLOW_ACTION_VLAN_MANGLE),
	.replace	= generic_replace,
	.stats		= nfto_sim_stats_now,
};
