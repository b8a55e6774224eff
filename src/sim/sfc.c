// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "sfc": EF100, modelled on drivers/net/ethernet/sfc of Linux 7.3. Port 0 is
 * the function itself, the others are representors of its virtual functions. Files are
 * tc.c where no other is named.
 *
 *  - efx_tc_setup_block() of tc_bindings.c: a block is never busy, a second one is bound
 *    beside the first. (Unbinding then may miss, and leave a callback behind for ever;
 *    that is not copied.) RTNL is asserted when a block is unbound, and no call says that
 *    it could do without.
 *  - ef100_probe_netdev_pf() of ef100_nic.c: hw-tc-offload is fixed.
 *  - Of the devices only representors have a parent id (ef100_rep.c).
 *  - efx_tc_flower_replace(): a known cookie is -EEXIST, from whichever port.
 *  - efx_tc_flower_stats(): counters come in a stream, now and then.
 *  - Priorities are not looked at.
 *
 * The hardware is one whose match-action engine can match on every field (mae.c asks it).
 * A rule without VLAN key says nothing of tags, and so hits frames with any. That the TTL
 * is decremented whatever it is, 1 and 0 too, is read out of nothing that says otherwise.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>

#include "../compat/sim_tc.h"
#include "parse.h"

/* struct efx_tc_action_set, as far as the order of actions depends on it */
struct sfc_rule {
	struct nfto_sim_parse	p;
	unsigned int		pops;
	unsigned int		pushes;
	bool			dec_ttl;
	bool			done;
};

/* ---- match: efx_tc_flower_parse_match() ---- */

static void match_tags(struct nfto_sim_parse *p)
{
	struct flow_match_vlan match;

	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_VLAN)) {
		flow_rule_match_vlan(p->rule, &match);
		nfto_sim_take_tag(p, &match, 0);
	}
	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_CVLAN)) {
		flow_rule_match_cvlan(p->rule, &match);
		nfto_sim_take_tag(p, &match, 1);
	}
}

static int check_layers(const struct nfto_sim_parse *p)
{
	const u64 l4 = BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) | BIT_ULL(FLOW_DISSECTOR_KEY_TCP);
	const u64 l3 = BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |
		       BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |
		       BIT_ULL(FLOW_DISSECTOR_KEY_IP);
	u64 used = nfto_sim_used_keys(p->rule);

	if ((p->mask->n_proto != htons(U16_MAX) ||
	     (p->key->n_proto != htons(ETH_P_IP) && p->key->n_proto != htons(ETH_P_IPV6))) &&
	    (used & (l3 | l4)))
		return nfto_sim_refuse(p->extack, -EINVAL, "layer 3 needs an ethertype of IP");
	if ((p->mask->ip_proto != U8_MAX ||
	     (p->key->ip_proto != IPPROTO_TCP && p->key->ip_proto != IPPROTO_UDP)) &&
	    (used & l4))
		return nfto_sim_refuse(p->extack, -EINVAL, "layer 4 needs TCP or UDP");
	return 0;
}

static int sfc_match(struct nfto_sim_parse *p)
{
	u32 flags;
	int err;

	nfto_sim_take_control(p, &flags);
	if (flags & ~(FLOW_DIS_IS_FRAGMENT | FLOW_DIS_FIRST_FRAG))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a control flag is not supported");
	err = nfto_sim_check_keys(p);
	if (err)
		return err;
	nfto_sim_take_port(p);
	nfto_sim_take_basic(p);
	err = check_layers(p);
	if (err)
		return err;
	match_tags(p);
	nfto_sim_take_eth_addrs(p);
	nfto_sim_take_ip(p);
	nfto_sim_take_addresses(p);
	nfto_sim_take_ports(p);
	nfto_sim_take_tcp(p);
	return 0;
}

/* ---- actions ---- */

/* efx_tc_flower_action_order_ok(), EFX_TC_AO_DEC_TTL */
static int dec_ttl(struct sfc_rule *rule)
{
	if (rule->dec_ttl)
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "the TTL is decremented twice");
	rule->dec_ttl = true;
	rule->p.edit->fields |= NFTO_SIM_TTL_DEC;
	return 0;
}

/* efx_tc_pedit_add() */
static int action_add(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	if (!nfto_sim_is_ttl_dec(act))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "only the TTL can be added to, and only -1");
	return dec_ttl(rule);
}

/*
 * efx_tc_mangle(): the TTL may be set to one less than what is matched. @byte is where it
 * stands in its word.
 */
static int set_ttl(struct sfc_rule *rule, const struct flow_action_entry *act, unsigned int byte)
{
	const u8 *keep = (const u8 *)&act->mangle.mask, *value = (const u8 *)&act->mangle.val;
	const struct nfto_sim_parse *p = &rule->p;
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(u32); i++) {
		if (keep[i] != (i == byte ? 0 : 0xff))
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "of IP only the TTL can be rewritten");
	}
	if (p->mask->ttl != U8_MAX)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "the TTL is set only where it is matched");
	if (!p->key->ttl)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a TTL of 0 is not decremented");
	err = dec_ttl(rule);
	if (err)
		return err;
	if (value[byte] != p->key->ttl - 1)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "the TTL can only be set to one less");
	return 0;
}

/* The rest of efx_tc_mangle(): whole words at 0 and 8, either half of the one between. */
static int set_mac(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	const u32 upper = (__force u32)htonl(0xffff0000), lower = ~upper;
	u32 offset = act->mangle.offset, keep = act->mangle.mask;

	if (offset == 4 ? keep != upper && keep != lower : keep || (offset && offset != 8))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "part of a MAC address");
	return nfto_sim_mangle(&rule->p, act);
}

static int action_mangle(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return set_mac(rule, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		if (act->mangle.offset == offsetof(struct iphdr, ttl))
			return set_ttl(rule, act, 0);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		if (act->mangle.offset == offsetof(struct ipv6hdr, payload_len))
			return set_ttl(rule, act, 3);
		break;
	default:
		break;
	}
	return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "a rewrite is not supported");
}

/* A pop takes back the push before it; else none may come after one. */
static int action_pop(struct sfc_rule *rule)
{
	if (rule->pushes) {
		rule->pushes--;
		rule->p.edit->n_vlan--;
		return 0;
	}
	if (rule->pops == 2)
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "more than two pops");
	rule->pops++;
	return nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_POP, 0, 0);
}

static int action_push(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	if (rule->pushes == 2)
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "more than two pushes");
	rule->pushes++;
	return nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_PUSH, act->vlan.proto,
				(act->vlan.vid & VLAN_VID_MASK) |
				act->vlan.prio << VLAN_PRIO_SHIFT);
}

/* Counted is what is delivered or dropped; efx_tc_flower_lookup_efv() knows its own. */
static int action_end(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	if (act->hw_stats && !(act->hw_stats & FLOW_ACTION_HW_STATS_DELAYED))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no counters of that kind");
	rule->done = true;
	p->entry->verdict = NFTO_SIM_DROP;
	if (act->id == FLOW_ACTION_DROP)
		return 0;
	p->entry->verdict = NFTO_SIM_REDIRECT;
	if (nfto_sim_out_port(p->port, act->dev, &p->entry->out))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "foreign target: not a port of this function");
	return 0;
}

static int parse_action(struct sfc_rule *rule, const struct flow_action_entry *act)
{
	if (rule->done)
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "an action after the last");
	switch (act->id) {
	case FLOW_ACTION_DROP:
	case FLOW_ACTION_REDIRECT:
		return action_end(rule, act);
	case FLOW_ACTION_VLAN_POP:
		return action_pop(rule);
	case FLOW_ACTION_VLAN_PUSH:
		return action_push(rule, act);
	case FLOW_ACTION_ADD:
		return action_add(rule, act);
	case FLOW_ACTION_MANGLE:
		return action_mangle(rule, act);
	default:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "an action is not supported");
	}
}

static int sfc_actions(struct sfc_rule *rule)
{
	const struct flow_action_entry *act;
	int i, err;

	/* Without delivery it is for the host; what was edited is then lost here. */
	rule->p.entry->verdict = NFTO_SIM_ACCEPT;
	flow_action_for_each(i, act, &rule->p.rule->action) {
		err = parse_action(rule, act);
		if (err)
			return err;
	}
	/* efx_tc_incomplete_mangle() */
	return nfto_sim_mangled_fields(&rule->p, false);
}

static int sfc_replace(const struct nfto_sim_personality *personality, struct nfto_sim_port *port,
		       const struct flow_cls_offload *cls, struct nfto_sim_key *mask,
		       struct nfto_sim_entry *entry)
{
	struct sfc_rule rule = { .p = NFTO_SIM_PARSE(personality, port, cls, mask, entry) };
	int err;

	/* The driver takes other chains, but without GOTO, which is not modelled, none is met. */
	if (cls->common.chain_index)
		return nfto_sim_refuse(rule.p.extack, -EOPNOTSUPP, "not modelled: other chains");
	err = sfc_match(&rule.p);
	return err ?: sfc_actions(&rule);
}

const struct nfto_sim_personality nfto_sim_sfc = {
	.name		= "sfc",
	.setup_types	= BIT(TC_SETUP_BLOCK),
	.parent		= NFTO_SIM_PARENT_REPS,
	.rtnl		= true,
	.never_busy	= true,
	.shared_blocks	= true,
	.hw_tc_fixed	= true,
	.any_callback	= true,
	.keys		= BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_ETH_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |
			  BIT_ULL(FLOW_DISSECTOR_KEY_IP),
	.replace	= sfc_replace,
	.stats		= nfto_sim_stats_delayed,
};
