// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "bnxt": NetXtreme-C/E in switchdev mode, modelled on drivers/net/ethernet/
 * broadcom/bnxt of Linux 7.3, harmful behaviour above all. Files are bnxt_tc.c where no
 * other is named.
 *
 *  - bnxt_setup_tc() of bnxt.c: one block at a time, under RTNL.
 *  - bnxt_setup_tc_block_cb() of bnxt.c: hw-tc-offload and chain 0 are asked for in every
 *    call, DESTROY too, and nothing keeps it from being switched off.
 *  - bnxt_tc_add_flow(): a rule with a known cookie, from whichever port, takes the old
 *    one's place, without a word. The old one is gone even if there is no room for the new.
 *  - bnxt_tc_del_flow(): an unknown cookie is -EINVAL; bnxt_tc_get_flow_stats(): -1.
 *  - Priorities are not looked at. A full table is the firmware's -ENOSPC
 *    (hwrm_to_stderr() of bnxt_hwrm.c).
 *  - bnxt_tc_parse_flow(): there is no list of keys. META, TCP flags, TTL and TOS, the inner
 *    tag are not looked at: the rule matches more than it says.
 *  - bnxt_tc_parse_actions(): nor is there one of actions. ADD (of the TTL, say), CSUM, TRAP,
 *    ACCEPT, PPPOE_PUSH are skipped.
 *
 * What the firmware does is not known; it is taken at its word, or the driver's comments.
 * A rule without VLAN key hits frames with any tag, though the driver says NUM_VLAN_NONE.
 * Where the driver swaps bytes of a new address or port, the firmware is taken to want
 * them so: l2_rewrite_dmac is said to be an array of numbers of 16 bits. That nat_port 0
 * means "leave the port" is a guess: the driver gives no other sign that it need not be
 * translated.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>

#include "parse.h"

/* struct bnxt_tc_actions */
struct bnxt_rule {
	struct nfto_sim_parse	p;
	bool			l2_rewrite;
	bool			nat;
	bool			nat_src;	/* else the destination; the last rewrite says */
	bool			pops;
	bool			pushes;
	bool			drops;
	bool			forwards;
	struct in6_addr		src;		/* union l3, its two halves */
	struct in6_addr		dst;
	__be16			sport;		/* union l4 */
	__be16			dport;
	__be16			push_proto;
	u16			push_tci;
};

/* ---- match ---- */

/* is_vlan_tci_allowed(): the whole id; of the priority, 0 or nothing. */
static int match_tag(struct nfto_sim_parse *p)
{
	struct flow_match_vlan match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_VLAN))
		return 0;
	flow_rule_match_vlan(p->rule, &match);
	nfto_sim_take_tag(p, &match, 0);
	/* Not the protocol: the key has 802.1Q in it, and the firmware gets none. */
	p->key->tag[0].tpid = 0;
	p->mask->tag[0].tpid = 0;
	if (!match.key->vlan_id && !match.key->vlan_priority)
		return 0;
	if (match.mask->vlan_id != VLAN_VID_MASK ||
	    (match.mask->vlan_priority &&
	     (match.mask->vlan_priority != 7 || match.key->vlan_priority)))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "part of a tag");
	return 0;
}

/* bnxt_tc_can_offload() */
static int check_match(const struct nfto_sim_parse *p)
{
	const struct nfto_sim_key *key = p->key, *mask = p->mask;

	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_PORTS) &&
	    key->ip_proto != IPPROTO_TCP && key->ip_proto != IPPROTO_UDP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "ports of neither TCP nor UDP");
	if ((!is_zero_ether_addr(key->eth_src) && !is_broadcast_ether_addr(mask->eth_src)) ||
	    (!is_zero_ether_addr(key->eth_dst) && !is_broadcast_ether_addr(mask->eth_dst)))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "part of a MAC address");
	if (mask->n_proto != htons(U16_MAX))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the ethertype must be matched");
	return 0;
}

/* bnxt_hwrm_cfa_flow_alloc() gives no masks of MAC address and protocol to the firmware. */
static void take_match(struct nfto_sim_parse *p)
{
	nfto_sim_take_port(p);
	nfto_sim_take_basic(p);
	if (p->key->n_proto != htons(ETH_P_IP) && p->key->n_proto != htons(ETH_P_IPV6)) {
		p->key->ip_proto = 0;
		p->mask->ip_proto = 0;
	}
	nfto_sim_take_eth_addrs(p);
	/* Which of the addresses: by keys, where flower puts both; told apart by the type. */
	nfto_sim_take_addresses(p);
	nfto_sim_take_ports(p);
}

static int bnxt_match(struct nfto_sim_parse *p)
{
	u32 flags;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_CONTROL) ||
	    !nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_BASIC))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no protocol in the match");
	nfto_sim_take_control(p, &flags);
	if (flags)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no control flag is supported");
	take_match(p);
	return 0;
}

/* ---- actions ---- */

/* bnxt_tc_parse_pedit(), FLOW_ACT_MANGLE_HDR_TYPE_ETH */
static int edit_eth(struct bnxt_rule *rule, const struct flow_action_entry *act)
{
	if (act->mangle.offset > 8)
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "of Ethernet only the addresses");
	rule->l2_rewrite = true;
	return nfto_sim_mangle(&rule->p, act);
}

/* ..._IP4, ..._IP6: whole words. Which end is translated is what was said last. */
static int edit_address(struct bnxt_rule *rule, const struct flow_action_entry *act, u32 start,
			u32 len)
{
	u32 at = act->mangle.offset - start;

	if (act->mangle.offset < start || at >= 2 * len ||
	    (len == sizeof(u32) && at % sizeof(u32)))
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "of IP only the addresses");
	rule->nat = true;
	rule->nat_src = at < len;
	at = round_down(at % len, sizeof(u32));
	memcpy((rule->nat_src ? rule->src.s6_addr : rule->dst.s6_addr) + at, &act->mangle.val,
	       sizeof(u32));
	return 0;
}

/*
 * ..._TCP, ..._UDP: the port of the end that was translated before, and of the word of both
 * ports the first two bytes. A new source port stands there; a new destination port stands
 * behind it, and 0 is what is left of it. A mask is not looked at.
 */
static int edit_port(struct bnxt_rule *rule, const struct flow_action_entry *act)
{
	if (!rule->nat)
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "a new port without new address");
	memcpy(rule->nat_src ? &rule->sport : &rule->dport, &act->mangle.val, sizeof(__be16));
	return 0;
}

static int action_mangle(struct bnxt_rule *rule, const struct flow_action_entry *act)
{
	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return edit_eth(rule, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return edit_address(rule, act, offsetof(struct iphdr, saddr), sizeof(__be32));
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return edit_address(rule, act, offsetof(struct ipv6hdr, saddr),
				    sizeof(struct in6_addr));
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return edit_port(rule, act);
	default:
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "rewrite of an unknown header");
	}
}

static int parse_action(struct bnxt_rule *rule, const struct flow_action_entry *act)
{
	switch (act->id) {
	case FLOW_ACTION_DROP:
		rule->drops = true;
		return 0;
	case FLOW_ACTION_REDIRECT:
		/* bnxt_flow_get_dst_fid(), which is asked at the end */
		rule->forwards = true;
		rule->p.entry->out = NULL;
		nfto_sim_out_port(rule->p.port, act->dev, &rule->p.entry->out);
		return 0;
	case FLOW_ACTION_VLAN_POP:
		rule->pops = true;
		return 0;
	case FLOW_ACTION_VLAN_PUSH:
		/* bnxt_tc_parse_vlan(): without its priority */
		rule->pushes = true;
		rule->push_proto = act->vlan.proto;
		rule->push_tci = act->vlan.vid;
		return 0;
	case FLOW_ACTION_VLAN_MANGLE:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "no rewrite of tags");
	case FLOW_ACTION_MANGLE:
		return action_mangle(rule, act);
	default:
		return 0;
	}
}

static int parse_actions(struct bnxt_rule *rule)
{
	const struct flow_action *actions = &rule->p.rule->action;
	const struct flow_action_entry *act;
	int i, err;

	if (!flow_action_has_entries(actions))
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "no action");
	err = nfto_sim_check_hw_stats(&rule->p, FLOW_ACTION_HW_STATS_ANY);
	if (err)
		return err;
	flow_action_for_each(i, act, actions) {
		err = parse_action(rule, act);
		/* What follows a drop is not even looked at. */
		if (err || rule->drops)
			return err;
	}
	return 0;
}

/* bnxt_fill_l2_rewrite_fields(): each address as a whole, and not of zeros alone. */
static int check_macs(const struct bnxt_rule *rule)
{
	const struct nfto_sim_header *eth = &rule->p.headers[FLOW_ACT_MANGLE_HDR_TYPE_ETH];
	const u8 *set = eth->set;
	int i;

	if (nfto_sim_all_bytes(eth->value, 0, 2 * ETH_ALEN))
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "no MAC address");
	for (i = 0; i < 2; i++, set += ETH_ALEN) {
		if (!nfto_sim_all_bytes(set, 0, ETH_ALEN) &&
		    !nfto_sim_all_bytes(set, 0xff, ETH_ALEN))
			return nfto_sim_refuse(rule->p.extack, -EINVAL, "part of a MAC address");
	}
	return 0;
}

/* bnxt_hwrm_cfa_flow_alloc(): one end, and its port unless that is 0. */
static void set_nat(struct bnxt_rule *rule)
{
	struct nfto_sim_edit *edit = rule->p.edit;

	if (!rule->nat)
		return;
	edit->src = rule->src;
	edit->dst = rule->dst;
	edit->sport = rule->sport;
	edit->dport = rule->dport;
	if (rule->nat_src)
		edit->fields |= NFTO_SIM_SRC | (rule->sport ? NFTO_SIM_SPORT : 0);
	else
		edit->fields |= NFTO_SIM_DST | (rule->dport ? NFTO_SIM_DPORT : 0);
}

/*
 * The same: the header of layer 2 is rewritten as one, both addresses and the tag. A push
 * or a pop puts the matched addresses in the place of the new ones: zeros, without
 * ETH_ADDRS in the match. No protocol of a tag means that the frame's own is popped, and a
 * pop wipes that of a push.
 */
static int set_l2(struct bnxt_rule *rule)
{
	const struct nfto_sim_header *eth = &rule->p.headers[FLOW_ACT_MANGLE_HDR_TYPE_ETH];
	struct nfto_sim_edit *edit = rule->p.edit;
	int err;

	if (!rule->l2_rewrite && !rule->pushes && !rule->pops)
		return 0;
	if (rule->pushes || rule->pops) {
		ether_addr_copy(edit->eth_dst, rule->p.key->eth_dst);
		ether_addr_copy(edit->eth_src, rule->p.key->eth_src);
	} else {
		memcpy(edit->eth_dst, eth->value, ETH_ALEN);
		memcpy(edit->eth_src, eth->value + ETH_ALEN, ETH_ALEN);
	}
	edit->fields |= NFTO_SIM_ETH_DST | NFTO_SIM_ETH_SRC;
	err = nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_POP, 0, 0);
	if (err || !rule->pushes || rule->pops)
		return err;
	return nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_PUSH, rule->push_proto, rule->push_tci);
}

static int commit(struct bnxt_rule *rule)
{
	struct nfto_sim_parse *p = &rule->p;

	p->entry->verdict = NFTO_SIM_ACCEPT;
	if (rule->drops) {
		p->entry->out = NULL;
		p->entry->verdict = NFTO_SIM_DROP;
		return 0;
	}
	if (!rule->forwards)
		return 0;
	p->entry->verdict = NFTO_SIM_REDIRECT;
	set_nat(rule);
	return set_l2(rule);
}

static int bnxt_replace(const struct nfto_sim_personality *personality, struct nfto_sim_port *port,
			const struct flow_cls_offload *cls, struct nfto_sim_key *mask,
			struct nfto_sim_entry *entry)
{
	struct bnxt_rule rule = { .p = NFTO_SIM_PARSE(personality, port, cls, mask, entry) };
	int err;

	err = bnxt_match(&rule.p);
	if (err)
		return err;
	err = parse_actions(&rule);
	if (err)
		return err;
	if (!rule.drops && rule.l2_rewrite) {
		err = check_macs(&rule);
		if (err)
			return err;
	}
	if (!rule.drops && rule.forwards && !entry->out)
		return nfto_sim_refuse(rule.p.extack, -EINVAL,
				       "foreign target: not a port of this switch");
	err = match_tag(&rule.p);
	if (err)
		return err;
	err = check_match(&rule.p);
	return err ?: commit(&rule);
}

/*
 * bnxt_tc_flow_stats_batch_update(): every poll finds that a rule was used, until what it
 * had counted has been asked for.
 */
static void bnxt_stats(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
	u64 packets, bytes;
	unsigned long at;

	nfto_sim_stats_polled(entry, &packets, &bytes, &at);
	if (packets != entry->told_packets)
		entry->told_lastused = rounddown(jiffies, HZ);
	flow_stats_update(stats, bytes - entry->told_bytes, packets - entry->told_packets, 0,
			  entry->told_lastused, FLOW_ACTION_HW_STATS_DELAYED);
	entry->told_packets = packets;
	entry->told_bytes = bytes;
}

const struct nfto_sim_personality nfto_sim_bnxt = {
	.name			= "bnxt",
	.setup_types		= BIT(TC_SETUP_BLOCK),
	.rtnl			= true,
	.shared_blocks		= true,
	.hw_tc_each_call	= true,
	.chain0_each_call	= true,
	.any_callback		= true,
	.replaces		= true,
	.no_rule_to_del		= -EINVAL,
	.no_rule_to_ask		= -1,
	.replace		= bnxt_replace,
	.stats			= bnxt_stats,
};
