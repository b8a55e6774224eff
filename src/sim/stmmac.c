// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "stmmac": the false acceptor, modelled on drivers/net/ethernet/stmicro/stmmac
 * of Linux 7.3. It switches nothing, ever. Files are stmmac_tc.c where no other is named.
 *
 *  - stmmac_setup_tc_block_cb() of stmmac_main.c: hw-tc-offload and chain 0 are asked for in
 *    every call.
 *  - tc_parse_flow_actions(): but for DROP, no action is looked at: REDIRECT and all
 *    rewrites are accepted.
 *  - tc_add_flow(): a rule becomes a filter of what gets in. With the first one, IPv4 that
 *    none hits gets in no more: dwmac4_config_l3_filter() of dwmac4_core.c sets IPFE, and
 *    nothing takes it back while there are filters. A known cookie takes the old one's
 *    place; there are few entries, and when they are taken, -ENOENT.
 *  - tc_del_flow(): an unknown cookie is -ENOENT. There are no counters.
 */
#include <linux/if_vlan.h>
#include <net/pkt_cls.h>

#include "parse.h"

/* tc_add_basic_flow(), whose -EOPNOTSUPP are the only ones that count */
static int match_basic(struct nfto_sim_parse *p)
{
	if (!p->mask->n_proto && !p->mask->ip_proto)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "no protocol in the match");
	if ((p->mask->n_proto && p->mask->n_proto != htons(U16_MAX)) ||
	    (p->mask->ip_proto && p->mask->ip_proto != U8_MAX))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "part of a protocol");
	if (p->mask->n_proto && p->key->n_proto != htons(ETH_P_IP))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "only IPv4 can be matched");
	if (p->mask->ip_proto && p->key->ip_proto != IPPROTO_TCP &&
	    p->key->ip_proto != IPPROTO_UDP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "only TCP and UDP can be matched");
	return 0;
}

/*
 * tc_add_ip4_flow(), tc_add_ports_flow(): by dwmac4_config_l4_filter(), of two ports the
 * second one wipes the first.
 */
static void match_tuple(struct nfto_sim_parse *p)
{
	p->addr_type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
	nfto_sim_take_addresses(p);
	if (p->key->ip_proto != IPPROTO_TCP && p->key->ip_proto != IPPROTO_UDP)
		return;
	nfto_sim_take_ports(p);
	if (p->key->dport) {
		p->key->sport = 0;
		p->mask->sport = 0;
	}
}

/* The filters are inverse with DROP: here, simply, what they hit is dropped. */
static int parse_actions(struct nfto_sim_parse *p)
{
	const struct flow_action_entry *act;
	int i, err;

	if (!flow_action_has_entries(&p->rule->action))
		return nfto_sim_refuse(p->extack, -EINVAL, "no action");
	err = nfto_sim_check_hw_stats(p, FLOW_ACTION_HW_STATS_ANY);
	if (err)
		return err;
	p->entry->verdict = NFTO_SIM_ACCEPT;
	flow_action_for_each(i, act, &p->rule->action) {
		if (act->id == FLOW_ACTION_DROP)
			p->entry->verdict = NFTO_SIM_DROP;
	}
	return 0;
}

static int stmmac_replace(const struct nfto_sim_personality *personality,
			  struct nfto_sim_port *port, const struct flow_cls_offload *cls,
			  struct nfto_sim_key *mask, struct nfto_sim_entry *entry)
{
	struct nfto_sim_parse p = NFTO_SIM_PARSE(personality, port, cls, mask, entry);
	int err;

	err = parse_actions(&p);
	if (err)
		return err;
	if (!nfto_sim_has_key(&p, FLOW_DISSECTOR_KEY_BASIC))
		return nfto_sim_refuse(p.extack, -EINVAL, "no protocol in the match");
	nfto_sim_take_port(&p);
	nfto_sim_take_basic(&p);
	err = match_basic(&p);
	if (err)
		return err;
	match_tuple(&p);
	return 0;
}

const struct nfto_sim_personality nfto_sim_stmmac = {
	.name			= "stmmac",
	.setup_types		= BIT(TC_SETUP_BLOCK),
	.parent			= NFTO_SIM_PARENT_NONE,
	.rtnl			= true,
	.shared_blocks		= true,
	.hw_tc_each_call	= true,
	.chain0_each_call	= true,
	.port_cookies		= true,
	.replaces		= true,
	.no_stats		= true,
	.drops_misses		= true,
	.full			= -ENOENT,
	.replace		= stmmac_replace,
};
