// SPDX-License-Identifier: GPL-2.0
/*
 * Personalities "cxgb4" and "cxgb4-bare": a Chelsio T6, modelled on drivers/net/ethernet/
 * chelsio/cxgb4 of Linux 7.3. Files are cxgb4_tc_flower.c where no other is named.
 *
 * An adapter matches on the fields of its filter mode, 36 bits wide (FILTER_OPT_LEN of
 * t4_hw.h); validate_filter() of cxgb4_filter.c refuses all others. "cxgb4" has PORT,
 * PROTOCOL, ETHERTYPE, TOS and FRAGMENTATION in it (3 + 8 + 16 + 8 + 1, widths in
 * t4_values.h), "cxgb4-bare" only the first three. VLAN, 17 bits, does not fit beside the
 * ethertype and the protocol, which a routed flow needs: no tag can be matched.
 *
 *  - cxgb_setup_tc_block() of cxgb4_main.c: one block at a time, under RTNL.
 *  - cxgb_setup_tc_block_ingress_cb() of cxgb4_main.c: hw-tc-offload and chain 0 are asked
 *    for in every call, DESTROY too, and nothing keeps it from being switched off.
 *  - The adapter's ports have no parent id.
 *  - cxgb4_tc_flower_replace(): a known cookie, of whichever port, is -EEXIST.
 *  - cxgb4_flow_rule_replace(): everything that is wrong with a rule is -EOPNOTSUPP, a full
 *    table -ENOMEM. IPv6 takes two slots (cxgb4_get_free_ftid() of cxgb4_filter.c).
 *  - cxgb4_tc_flower_stats(): read on demand; says nothing if nothing is new.
 *
 * Not modelled: that rules of contradictory priorities are refused as if the table were
 * full. The adapter's firmware is one that has FILTER2_WR.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>

#include "../compat/sim_tc.h"
#include "parse.h"

/* Fields of the filter mode that not all adapters have; variant. */
#define HAS_FRAGMENT	BIT(0)
#define HAS_TOS		BIT(1)

enum nat {
	SIP	= BIT(0),
	DIP	= BIT(1),
	SPORT	= BIT(2),
	DPORT	= BIT(3),
};

/*
 * cxgb4_natmode_config_array[]: which combinations there are, and what each writes. In the
 * last three, which only T6 takes, the mode writes ports that the rule did not ask for.
 */
static const struct {
	u8 asked;
	u8 written;
} nat_modes[] = {
	{ 0, 0 },
	{ DIP, DIP },
	{ DIP | DPORT, DIP | DPORT },
	{ DIP | DPORT | SIP, DIP | DPORT | SIP },
	{ DIP | DPORT | SPORT, DIP | DPORT | SPORT },
	{ SIP | SPORT, SIP | SPORT },
	{ DIP | SIP | SPORT, DIP | SIP | SPORT },
	{ DIP | SIP | DPORT | SPORT, DIP | SIP | DPORT | SPORT },
	{ SIP, SIP | SPORT },
	{ DIP | SPORT, DIP | DPORT | SPORT },
	{ DIP | SIP, DIP | SIP | DPORT | SPORT },
};

struct cxgb4_rule {
	struct nfto_sim_parse	p;
	u8			nat;		/* enum nat, asked for */
	u8			macs[2 * ETH_ALEN];
	bool			new_dmac;
	bool			new_smac;
	bool			edits;
	bool			redirects;
	bool			pops;
	bool			pushes;		/* or rewrites */
	u16			tci;
};

/* ---- match ---- */

/* cxgb4_validate_flow_match(), the part on CONTROL in cxgb4_flow_rule_replace() */
static int check_match(struct nfto_sim_parse *p)
{
	u32 flags;
	int err;

	err = nfto_sim_check_keys(p);
	if (err)
		return err;
	nfto_sim_take_basic(p);
	nfto_sim_take_ip(p);
	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_IP) &&
	    p->key->n_proto != htons(ETH_P_IP) && p->key->n_proto != htons(ETH_P_IPV6))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "TOS outside of IP");
	if (p->mask->ttl)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the TTL cannot be matched");
	nfto_sim_take_control(p, &flags);
	if (flags & ~FLOW_DIS_IS_FRAGMENT)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "of the control flags only \"fragment\" is supported");
	return 0;
}

/* validate_filter() of cxgb4_filter.c */
static int check_filter_mode(const struct nfto_sim_parse *p)
{
	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_VLAN))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no tag in the filter mode");
	if (p->mask->tos && !(p->personality->variant & HAS_TOS))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no TOS in the filter mode");
	if (p->entry->frag_mask && !(p->personality->variant & HAS_FRAGMENT))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no fragment in the filter mode");
	return 0;
}

/* cxgb4_process_flow_match() */
static void take_match(struct nfto_sim_parse *p)
{
	nfto_sim_take_port(p);
	nfto_sim_take_addresses(p);
	nfto_sim_take_ports(p);
	if (p->key->n_proto == htons(ETH_P_IPV6))
		p->entry->slots = 2;
}

/* ---- actions ---- */

/* The ports, in one word: one half of it at a time. */
static int edit_ports(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	const u8 *keep = (const u8 *)&act->mangle.mask, *value = (const u8 *)&act->mangle.val;
	bool sport = keep[0] != 0xff || keep[1] != 0xff;
	bool dport = keep[2] != 0xff || keep[3] != 0xff;

	if (act->mangle.offset || (sport && dport))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "more than one port");
	memcpy(sport ? &rule->p.edit->sport : &rule->p.edit->dport, value + (sport ? 0 : 2), 2);
	rule->nat |= sport ? SPORT : DPORT;
	return 0;
}

/* offload_pedit(): whole words, the mask only clears bits. */
static void edit_word(void *to, const struct flow_action_entry *act)
{
	u32 value = act->mangle.val & ~act->mangle.mask;

	memcpy(to, &value, sizeof(value));
}

static int edit_ipv4(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	switch (act->mangle.offset) {
	case offsetof(struct iphdr, saddr):
		edit_word(&rule->p.edit->src, act);
		rule->nat |= SIP;
		return 0;
	case offsetof(struct iphdr, daddr):
		edit_word(&rule->p.edit->dst, act);
		rule->nat |= DIP;
		return 0;
	default:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "of IPv4 only the addresses");
	}
}

static int edit_ipv6(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	u32 at = act->mangle.offset - offsetof(struct ipv6hdr, saddr);

	if (at % sizeof(u32) || at >= 2 * sizeof(struct in6_addr))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "of IPv6 only the addresses");
	if (at < sizeof(struct in6_addr)) {
		edit_word(&rule->p.edit->src.s6_addr[at], act);
		rule->nat |= SIP;
	} else {
		edit_word(&rule->p.edit->dst.s6_addr[at - sizeof(struct in6_addr)], act);
		rule->nat |= DIP;
	}
	return 0;
}

/*
 * process_pedit_field(): the word at 0 says that there is a new destination, the one at 8 a
 * new source; of the word between only one half is looked at, the destination's first.
 */
static int edit_eth(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	const u8 *keep = (const u8 *)&act->mangle.mask;
	u32 value = act->mangle.val & ~act->mangle.mask;
	bool dst = keep[0] != 0xff || keep[1] != 0xff;

	switch (act->mangle.offset) {
	case 0:
		rule->new_dmac = true;
		edit_word(rule->macs, act);
		return 0;
	case 4:
		memcpy(rule->macs + (dst ? 4 : 6), (u8 *)&value + (dst ? 0 : 2), 2);
		return 0;
	case 8:
		rule->new_smac = true;
		edit_word(rule->macs + 8, act);
		return 0;
	default:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "of Ethernet only the addresses");
	}
}

/* valid_pedit_action() */
static int action_mangle(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	rule->edits = true;
	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return edit_eth(rule, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return edit_ipv4(rule, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return edit_ipv6(rule, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return edit_ports(rule, act);
	default:
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "rewrite of an unknown header");
	}
}

/* One tag to take off and one to put on, the last one that is asked for: fs->newvlan. */
static int action_vlan(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	if (act->id != FLOW_ACTION_VLAN_POP && act->vlan.proto != htons(ETH_P_8021Q))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "only tags of 802.1Q");
	rule->pops |= act->id != FLOW_ACTION_VLAN_PUSH;
	if (act->id != FLOW_ACTION_VLAN_POP) {
		rule->pushes = true;
		rule->tci = act->vlan.vid | act->vlan.prio << VLAN_PRIO_SHIFT;
	}
	rule->edits = true;
	return 0;
}

/* The last verdict counts. */
static int parse_action(struct cxgb4_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	switch (act->id) {
	case FLOW_ACTION_ACCEPT:
		p->entry->verdict = NFTO_SIM_ACCEPT;
		return 0;
	case FLOW_ACTION_DROP:
		p->entry->verdict = NFTO_SIM_DROP;
		return 0;
	case FLOW_ACTION_REDIRECT:
		if (nfto_sim_out_port(p->port, act->dev, &p->entry->out))
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "foreign target: not a port of this adapter");
		p->entry->verdict = NFTO_SIM_REDIRECT;
		rule->redirects = true;
		return 0;
	case FLOW_ACTION_VLAN_POP:
	case FLOW_ACTION_VLAN_PUSH:
	case FLOW_ACTION_VLAN_MANGLE:
		return action_vlan(rule, act);
	case FLOW_ACTION_MANGLE:
		return action_mangle(rule, act);
	default:
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "an action is not supported");
	}
}

/*
 * set_filter_wr() of cxgb4_filter.c turns the bytes of a new port round, for those that come
 * from a rewrite. Those that come from the match, because the mode writes a port that the
 * rule did not ask for, stand the other way round already.
 */
static void write_ports(struct cxgb4_rule *rule, u8 written)
{
	struct nfto_sim_edit *edit = rule->p.edit;
	const struct nfto_sim_key *key = rule->p.key;

	if ((written & SPORT) && !(rule->nat & SPORT))
		edit->sport = (__force __be16)swab16((__force u16)key->sport);
	if ((written & DPORT) && !(rule->nat & DPORT))
		edit->dport = (__force __be16)swab16((__force u16)key->dport);
	edit->fields |= (written & SPORT ? NFTO_SIM_SPORT : 0) |
			(written & DPORT ? NFTO_SIM_DPORT : 0);
}

/* cxgb4_action_natmode_validate(), cxgb4_action_natmode_tweak() */
static int choose_nat_mode(struct cxgb4_rule *rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nat_modes); i++) {
		if (nat_modes[i].asked != rule->nat)
			continue;
		rule->p.edit->fields |= (rule->nat & SIP ? NFTO_SIM_SRC : 0) |
					(rule->nat & DIP ? NFTO_SIM_DST : 0);
		write_ports(rule, nat_modes[i].written);
		return 0;
	}
	return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "no NAT of this combination");
}

static int set_tags(struct cxgb4_rule *rule)
{
	int err = 0;

	if (rule->pops)
		err = nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_POP, 0, 0);
	if (!err && rule->pushes)
		err = nfto_sim_push_op(&rule->p, NFTO_SIM_VLAN_PUSH, htons(ETH_P_8021Q),
				       rule->tci);
	return err;
}

/* cxgb4_validate_flow_actions(), cxgb4_process_flow_actions() */
static int cxgb4_actions(struct cxgb4_rule *rule)
{
	struct nfto_sim_parse *p = &rule->p;
	const struct flow_action_entry *act;
	int i, err;

	err = nfto_sim_check_hw_stats(p, FLOW_ACTION_HW_STATS_ANY);
	if (err)
		return err;
	p->entry->verdict = NFTO_SIM_ACCEPT;
	flow_action_for_each(i, act, &p->rule->action) {
		err = parse_action(rule, act);
		if (err)
			return err;
	}
	if (rule->edits && !rule->redirects)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "rewrite without redirect");
	return set_tags(rule);
}

static void set_macs(struct cxgb4_rule *rule)
{
	struct nfto_sim_edit *edit = rule->p.edit;

	ether_addr_copy(edit->eth_dst, rule->macs);
	ether_addr_copy(edit->eth_src, rule->macs + ETH_ALEN);
	edit->fields |= (rule->new_dmac ? NFTO_SIM_ETH_DST : 0) |
			(rule->new_smac ? NFTO_SIM_ETH_SRC : 0);
}

static int cxgb4_replace(const struct nfto_sim_personality *personality,
			 struct nfto_sim_port *port, const struct flow_cls_offload *cls,
			 struct nfto_sim_key *mask, struct nfto_sim_entry *entry)
{
	struct cxgb4_rule rule = { .p = NFTO_SIM_PARSE(personality, port, cls, mask, entry) };
	int err;

	err = cxgb4_actions(&rule);
	if (err)
		return err;
	err = check_match(&rule.p);
	if (err)
		return err;
	take_match(&rule.p);
	err = choose_nat_mode(&rule);
	if (err)
		return err;
	set_macs(&rule);
	entry->prio = cls->common.prio;
	return check_filter_mode(&rule.p);
}

/* When it was seen: by the query, or by the scan each half a second (STATS_CHECK_PERIOD). */
static void cxgb4_stats(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
	u64 packets = atomic64_read(&entry->packets);
	u64 bytes = atomic64_read(&entry->bytes);
	unsigned long at = roundup(READ_ONCE(entry->lastused), HZ / 2);

	if (packets == entry->told_packets)
		return;
	flow_stats_update(stats, bytes - entry->told_bytes, packets - entry->told_packets, 0,
			  time_after(at, jiffies) ? jiffies : at,
			  FLOW_ACTION_HW_STATS_IMMEDIATE);
	entry->told_packets = packets;
	entry->told_bytes = bytes;
}

#define CXGB4_COMMON								\
	.setup_types		= BIT(TC_SETUP_BLOCK),				\
	.parent			= NFTO_SIM_PARENT_NONE,				\
	.rtnl			= true,						\
	.shared_blocks		= true,						\
	.hw_tc_each_call	= true,						\
	.chain0_each_call	= true,						\
	.any_callback		= true,						\
	.full			= -ENOMEM,					\
	.keys			= BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |		\
				  BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |		\
				  BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |	\
				  BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |	\
				  BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |		\
				  BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |		\
				  BIT_ULL(FLOW_DISSECTOR_KEY_IP),		\
	.replace		= cxgb4_replace,				\
	.stats			= cxgb4_stats

const struct nfto_sim_personality nfto_sim_cxgb4 = {
	.name		= "cxgb4",
	.variant	= HAS_FRAGMENT | HAS_TOS,
	CXGB4_COMMON,
};

const struct nfto_sim_personality nfto_sim_cxgb4_bare = {
	.name		= "cxgb4-bare",
	CXGB4_COMMON,
};
