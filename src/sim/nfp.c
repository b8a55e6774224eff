// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "nfp": Netronome's flower firmware, modelled on drivers/net/ethernet/
 * netronome/nfp/flower of Linux 7.3. Files are offload.c where no other is named.
 *
 *  - nfp_flower_setup_tc_block(): calls without RTNL; one block at a time, which may be
 *    shared.
 *  - nfp_flower_setup_tc_block_cb(): hw-tc-offload is asked in every call;
 *    nfp_port_set_features() of nfp_port.c: it stays on while there are rules, -EBUSY.
 *  - nfp_flower_repr_offload(): the protocol must be an ethertype, in every call.
 *  - nfp_flower_search_fl_table() of metadata.c: a rule is known by cookie and port. Unknown
 *    to DESTROY: -ENOENT; to STATS: -EINVAL.
 *  - nfp_get_stats_entry(), nfp_compile_flow_metadata() of metadata.c: neither a counter
 *    left, nor one of 256 masks: -ENOENT, for both.
 *  - nfp_flower_rx_flow_stats() of metadata.c: counters come from the firmware, now and then.
 *  - Priorities are not looked at. META is accepted and not looked at.
 *
 * The firmware is one that knows QinQ and priorities in tags. A rule without VLAN key says
 * nothing of tags (nfp_flower_compile_tci() of match.c), and so hits frames with any.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>
#include <net/tc_act/tc_csum.h>

#include "../compat/sim_tc.h"
#include "parse.h"

#define MASK_IDS	256	/* NFP_FLOWER_MASK_ENTRY_RS of main.h */
/* NFP_FLOWER_SUPPORTED_TCPFLAGS: FIN, SYN, RST, PSH, URG */
#define TCP_FLAGS	0x002f
#define TCP_FLAGS_ALONE	0x0007	/* those that PSH and URG need beside them */

struct nfp_rule {
	struct nfto_sim_parse	p;
	u32			csum;		/* that hardware mends without being asked to */
	u32			run_csum;	/* likewise, of this run of MANGLEs */
	bool			done;		/* it has left: no more edits */
};

/* ---- match ---- */

/* The middle of nfp_flower_calculate_key_layers(). */
static int check_layers(struct nfto_sim_parse *p)
{
	bool l4_key = nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_PORTS);
	bool l3_key = nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IPV4_ADDRS) ||
		      nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IPV6_ADDRS);

	if (p->mask->n_proto) {
		switch (p->key->n_proto) {
		case htons(ETH_P_IP):
		case htons(ETH_P_IPV6):
		case htons(ETH_P_8021Q):
			break;
		default:
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "this ethertype cannot be matched");
		}
	} else if (l3_key || l4_key) {
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the ethertype must be matched");
	}
	switch (p->key->ip_proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 0;
	default:
		return l4_key ? nfto_sim_refuse(p->extack, -EOPNOTSUPP,
						"ports without their protocol") : 0;
	}
}

/* The end of it: the value is checked, bits of the mask that mean nothing to it are lost. */
static int match_tcp(struct nfto_sim_parse *p)
{
	struct flow_match_tcp match;
	u16 flags;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_TCP))
		return 0;
	flow_rule_match_tcp(p->rule, &match);
	flags = ntohs(match.key->flags);
	if (flags & ~TCP_FLAGS)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no such TCP flags");
	if ((flags & ~TCP_FLAGS_ALONE) && !(flags & TCP_FLAGS_ALONE))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "PSH or URG alone");
	if (p->key->n_proto != htons(ETH_P_IP) && p->key->n_proto != htons(ETH_P_IPV6))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "TCP flags outside of IP");
	p->entry->tcp_mask = match.mask->flags & htons(TCP_FLAGS);
	p->entry->tcp_flags = match.key->flags & p->entry->tcp_mask;
	return 0;
}

/* nfp_flower_compile_vlan() of match.c */
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

static int nfp_match(struct nfto_sim_parse *p)
{
	u32 flags;
	int err;

	err = nfto_sim_check_keys(p);
	if (err)
		return err;
	nfto_sim_take_port(p);
	nfto_sim_take_basic(p);
	err = check_layers(p);
	if (err)
		return err;
	err = match_tcp(p);
	if (err)
		return err;
	nfto_sim_take_control(p, &flags);
	if (flags & ~(FLOW_DIS_IS_FRAGMENT | FLOW_DIS_FIRST_FRAG))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a control flag is not supported");
	match_tags(p);
	nfto_sim_take_eth_addrs(p);
	nfto_sim_take_addresses(p);
	nfto_sim_take_ip(p);
	nfto_sim_take_ports(p);
	return 0;
}

/* ---- actions, of action.c ---- */

/* nfp_fl_csum_l4_to_flag() */
static u32 l4_csum(const struct nfto_sim_parse *p)
{
	switch (p->key->ip_proto) {
	case 0:
		return TCA_CSUM_UPDATE_FLAG_TCP | TCA_CSUM_UPDATE_FLAG_UDP;
	case IPPROTO_TCP:
		return TCA_CSUM_UPDATE_FLAG_TCP;
	case IPPROTO_UDP:
		return TCA_CSUM_UPDATE_FLAG_UDP;
	default:
		return 0;
	}
}

/* nfp_fl_pedit() and what it calls: values lie within their masks, ports stand in one word. */
static int action_mangle(struct nfp_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;
	u32 offset = act->mangle.offset;

	if (act->mangle.val & act->mangle.mask)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a value outside of its mask");
	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		if (offset + sizeof(u32) > 2 * ETH_ALEN)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "of Ethernet only the addresses");
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		rule->run_csum |= TCA_CSUM_UPDATE_FLAG_IPV4HDR | l4_csum(p);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		rule->run_csum |= l4_csum(p);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		if (offset)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "of layer 4 only the ports");
		rule->run_csum |= l4_csum(p);
		break;
	default:
		break;
	}
	return rule->done ? 0 : nfto_sim_mangle(p, act);
}

/* nfp_flower_loop_action(): not more than hardware mends. */
static int action_csum(struct nfp_rule *rule, const struct flow_action_entry *act)
{
	if (act->csum_flags & ~rule->csum)
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "checksum of what was not changed");
	rule->csum &= ~act->csum_flags;
	return 0;
}

/* nfp_flower_output_action(), nfp_fl_output(): and not less. */
static int action_redirect(struct nfp_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	if (rule->csum)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "a checksum has to be updated, and no action says so");
	if (nfto_sim_out_port(p->port, act->dev, &p->entry->out))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "foreign target: not a port of this device");
	p->entry->verdict = NFTO_SIM_REDIRECT;
	rule->done = true;
	return 0;
}

static int action_vlan(struct nfp_rule *rule, int op, __be16 proto, u16 tci)
{
	return rule->done ? 0 : nfto_sim_push_op(&rule->p, op, proto, tci);
}

static int parse_action(struct nfp_rule *rule, const struct flow_action_entry *act)
{
	switch (act->id) {
	case FLOW_ACTION_DROP:
		return 0;
	case FLOW_ACTION_REDIRECT:
		return action_redirect(rule, act);
	case FLOW_ACTION_VLAN_POP:
		return action_vlan(rule, NFTO_SIM_VLAN_POP, 0, 0);
	case FLOW_ACTION_VLAN_PUSH:
		return action_vlan(rule, NFTO_SIM_VLAN_PUSH, act->vlan.proto,
				   act->vlan.vid | act->vlan.prio << VLAN_PRIO_SHIFT);
	case FLOW_ACTION_MANGLE:
		return action_mangle(rule, act);
	case FLOW_ACTION_CSUM:
		return action_csum(rule, act);
	default:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "an action is not supported");
	}
}

/*
 * nfp_flower_compile_action(): a run of MANGLEs is committed at its end
 * (nfp_fl_check_mangle_end()), and only then is it known what hardware mends.
 */
static int nfp_actions(struct nfp_rule *rule)
{
	const struct flow_action *actions = &rule->p.rule->action;
	const struct flow_action_entry *act;
	int i, err;

	err = nfto_sim_check_hw_stats(&rule->p, FLOW_ACTION_HW_STATS_DELAYED);
	if (err)
		return err;
	/* What is not put out anywhere is gone. */
	rule->p.entry->verdict = NFTO_SIM_DROP;
	flow_action_for_each(i, act, actions) {
		err = parse_action(rule, act);
		if (err)
			return err;
		if (act->id == FLOW_ACTION_MANGLE && i + 1 < (int)actions->num_entries &&
		    actions->entries[i + 1].id == FLOW_ACTION_MANGLE)
			continue;
		rule->csum |= rule->run_csum;
		rule->run_csum = 0;
	}
	return nfto_sim_mangled_fields(&rule->p, false);
}

static int nfp_replace(const struct nfto_sim_personality *personality, struct nfto_sim_port *port,
		       const struct flow_cls_offload *cls, struct nfto_sim_key *mask,
		       struct nfto_sim_entry *entry)
{
	struct nfp_rule rule = { .p = NFTO_SIM_PARSE(personality, port, cls, mask, entry) };
	int err;

	/* offload_pre_check() */
	if (cls->common.chain_index)
		return nfto_sim_refuse(rule.p.extack, -EOPNOTSUPP, "only chain 0 is supported");
	err = nfp_match(&rule.p);
	return err ?: nfp_actions(&rule);
}

const struct nfto_sim_personality nfto_sim_nfp = {
	.name			= "nfp",
	.setup_types		= BIT(TC_SETUP_BLOCK),
	.rtnl			= true,
	.unlocked		= true,
	.shared_blocks		= true,
	.hw_tc_each_call	= true,
	.ethertype_each_call	= true,
	.port_cookies		= true,
	.pins_hw_tc		= -EBUSY,
	.full			= -ENOENT,
	.max_masks		= MASK_IDS,
	.no_rule_to_ask		= -EINVAL,
	/* NFP_FLOWER_WHITELIST_DISSECTOR */
	.keys			= BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_ETH_ADDRS) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_META) |
				  BIT_ULL(FLOW_DISSECTOR_KEY_IP),
	.replace		= nfp_replace,
	.stats			= nfto_sim_stats_delayed,
};
