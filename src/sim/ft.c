// SPDX-License-Identifier: GPL-2.0
/*
 * Personality "ft": a driver with native TC_SETUP_FT, modelled on MediaTek's,
 * drivers/net/ethernet/mediatek/mtk_ppe_offload.c and mtk_ppe.c of Linux 6.1. Each
 * behaviour names the function that it is taken from, harmful ones included:
 *
 *  - mtk_eth_setup_tc(): one handler serves TC_SETUP_BLOCK and TC_SETUP_FT.
 *  - mtk_eth_setup_tc_block(): a second bind of a block counts and succeeds; shared blocks
 *    are not looked at; callbacks are made with the port as identity.
 *  - mtk_eth_setup_tc_block_cb(): hw-tc-offload is asked in every call; rules need no
 *    RTNL, a mutex of the driver's own serialises them.
 *  - mtk_flow_offload_replace(): META has to be there, but the device in it is not looked
 *    at: the rule applies to frames of every port. As the flowtable offers each rule to
 *    the callback of each device, the first one takes it and the others say -EEXIST;
 *    mtk_flow_offload_destroy() likewise: the first removes it, the others say -ENOENT.
 *  - Chain, prio, protocol, hw_stats and all masks are not looked at, nor are keys other
 *    than those below: a TCP flags or, on a routed flow, VLAN match is dropped silently.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/jiffies.h>
#include <net/pkt_cls.h>

#include "../compat/sim_tc.h"
#include "sim.h"

struct parse {
	const struct flow_rule	*rule;
	struct nfto_sim_port	*port;
	struct nfto_sim_key	*key;
	struct nfto_sim_key	*mask;
	struct nfto_sim_entry	*entry;
	struct nfto_sim_edit	*edit;
	u8			eth[2 * ETH_ALEN];
	u16			addr_type;
};

static void set_key(void *key, void *mask, const void *from, size_t len)
{
	memcpy(key, from, len);
	memset(mask, 0xff, len);
}

/* Which port the table shows; the hardware does not depend on it. */
static void note_ingress(struct parse *p)
{
	struct flow_match_meta match;
	struct nfto_sim_port *port;

	flow_rule_match_meta(p->rule, &match);
	list_for_each_entry(port, &p->port->asic->ports, list) {
		if (port->dev->ifindex == match.key->ingress_ifindex &&
		    net_eq(dev_net(port->dev), dev_net(p->port->dev)))
			p->entry->in = port;
	}
}

/*
 * mtk_flow_offload_replace(), case 0: a bridged flow is known by its addresses and, if it
 * is tagged, the id of its tag.
 */
static int match_bridged(struct parse *p)
{
	struct flow_match_eth_addrs addrs;
	struct flow_match_vlan vlan;

	if (!flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_ETH_ADDRS))
		return -EOPNOTSUPP;
	flow_rule_match_eth_addrs(p->rule, &addrs);
	set_key(p->key->eth_dst, p->mask->eth_dst, addrs.key->dst, ETH_ALEN);
	set_key(p->key->eth_src, p->mask->eth_src, addrs.key->src, ETH_ALEN);
	memcpy(p->eth, addrs.key->dst, ETH_ALEN);
	memcpy(p->eth + ETH_ALEN, addrs.key->src, ETH_ALEN);

	p->mask->tag[0].tci = htons(VLAN_VID_MASK);
	if (flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_VLAN)) {
		flow_rule_match_vlan(p->rule, &vlan);
		if (vlan.key->vlan_tpid != htons(ETH_P_8021Q))
			return -EOPNOTSUPP;
		p->key->tag[0].tci = htons(vlan.key->vlan_id);
	}
	return 0;
}

static int match_ports(struct parse *p)
{
	struct flow_match_ports ports;

	if (!flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_PORTS))
		return p->addr_type ? -EOPNOTSUPP : 0;
	if (!p->addr_type)
		return -EOPNOTSUPP;
	flow_rule_match_ports(p->rule, &ports);
	set_key(&p->key->sport, &p->mask->sport, &ports.key->src, sizeof(ports.key->src));
	set_key(&p->key->dport, &p->mask->dport, &ports.key->dst, sizeof(ports.key->dst));
	return 0;
}

static void match_addresses(struct parse *p)
{
	struct flow_match_ipv4_addrs ipv4;
	struct flow_match_ipv6_addrs ipv6;
	__be16 n_proto = 0;

	if (p->addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS) {
		flow_rule_match_ipv4_addrs(p->rule, &ipv4);
		set_key(&p->key->src, &p->mask->src, &ipv4.key->src, sizeof(ipv4.key->src));
		set_key(&p->key->dst, &p->mask->dst, &ipv4.key->dst, sizeof(ipv4.key->dst));
		n_proto = htons(ETH_P_IP);
	} else if (p->addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS) {
		flow_rule_match_ipv6_addrs(p->rule, &ipv6);
		set_key(&p->key->src, &p->mask->src, &ipv6.key->src, sizeof(ipv6.key->src));
		set_key(&p->key->dst, &p->mask->dst, &ipv6.key->dst, sizeof(ipv6.key->dst));
		n_proto = htons(ETH_P_IPV6);
	}
	if (n_proto)
		set_key(&p->key->n_proto, &p->mask->n_proto, &n_proto, sizeof(n_proto));
}

/*
 * mtk_foe_entry_prepare() tells UDP from everything else, and hardware then takes
 * "everything else" for TCP.
 */
static void match_protocol(struct parse *p)
{
	struct flow_match_basic basic;

	flow_rule_match_basic(p->rule, &basic);
	p->mask->ip_proto = U8_MAX;
	p->key->ip_proto = basic.key->ip_proto == IPPROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

/* The checks at the beginning of mtk_flow_offload_replace(), in its order. */
static int parse_match(struct parse *p)
{
	struct flow_match_control control;

	if (!flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_META) ||
	    !flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_CONTROL) ||
	    !flow_rule_match_key(p->rule, FLOW_DISSECTOR_KEY_BASIC))
		return -EOPNOTSUPP;
	note_ingress(p);
	match_protocol(p);

	flow_rule_match_control(p->rule, &control);
	p->addr_type = control.key->addr_type;
	switch (p->addr_type) {
	case 0:
		return match_bridged(p);
	case FLOW_DISSECTOR_KEY_IPV4_ADDRS:
	case FLOW_DISSECTOR_KEY_IPV6_ADDRS:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/*
 * mtk_flow_offload_mangle_eth(): words of four bytes, or with any mask two; which two is
 * told by the mask's lower half. What lies behind the addresses is skipped.
 */
static void mangle_eth(struct parse *p, const struct flow_action_entry *act)
{
	const u8 *value = (const u8 *)&act->mangle.val;
	u32 offset = act->mangle.offset, half;

	if (offset > 2 * ETH_ALEN - sizeof(u32))
		return;
	half = act->mangle.mask == 0xffff ? 2 : 0;
	memcpy(p->eth + offset + half, value + half, act->mangle.mask ? 2 : 4);
}

/* mtk_flow_mangle_ports(), the same for TCP and UDP, whatever the flow is. */
static int mangle_ports(struct parse *p, const struct flow_action_entry *act)
{
	u32 value = ntohl((__force __be32)act->mangle.val);

	if (act->mangle.offset == 0 &&
	    act->mangle.mask != (__force u32)~htonl(0xffff)) {
		p->edit->sport = htons(value >> 16);
		p->edit->fields |= NFTO_SIM_SPORT;
	} else if (act->mangle.offset == 0 || act->mangle.offset == 2) {
		p->edit->dport = htons(value & 0xffff);
		p->edit->fields |= NFTO_SIM_DPORT;
	} else {
		return -EINVAL;
	}
	return 0;
}

/* mtk_flow_mangle_ipv4(): whole addresses, the mask is not looked at. */
static int mangle_ipv4(struct parse *p, const struct flow_action_entry *act)
{
	switch (act->mangle.offset) {
	case offsetof(struct iphdr, saddr):
		memcpy(&p->edit->src, &act->mangle.val, sizeof(u32));
		p->edit->fields |= NFTO_SIM_SRC;
		return 0;
	case offsetof(struct iphdr, daddr):
		memcpy(&p->edit->dst, &act->mangle.val, sizeof(u32));
		p->edit->fields |= NFTO_SIM_DST;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The second loop of mtk_flow_offload_replace(): what is not Ethernet. IPv6 is refused. */
static int mangle(struct parse *p, const struct flow_action_entry *act)
{
	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return mangle_ports(p, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return mangle_ipv4(p, act);
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int push_vlan(struct parse *p, const struct flow_action_entry *act)
{
	struct nfto_sim_edit *edit = p->edit;
	bool pppoe = edit->fields & NFTO_SIM_PPPOE;

	if (edit->n_vlan + pppoe == 2 || act->vlan.proto != htons(ETH_P_8021Q))
		return -EOPNOTSUPP;
	edit->vlan[edit->n_vlan].op = NFTO_SIM_VLAN_PUSH;
	edit->vlan[edit->n_vlan].proto = act->vlan.proto;
	edit->vlan[edit->n_vlan].tci = act->vlan.vid;
	edit->n_vlan++;
	return 0;
}

static int push_pppoe(struct parse *p, const struct flow_action_entry *act)
{
	if ((p->edit->fields & NFTO_SIM_PPPOE) || p->edit->n_vlan == 2 ||
	    !nfto_sim_is_pppoe_push(act, &p->edit->pppoe_sid))
		return -EOPNOTSUPP;
	p->edit->fields |= NFTO_SIM_PPPOE;
	return 0;
}

/*
 * The first loop of mtk_flow_offload_replace(). VLAN_POP and CSUM are accepted and mean
 * nothing: hardware takes every tag off and keeps checksums right anyway.
 */
static int parse_actions(struct parse *p, const struct net_device **out)
{
	const struct flow_action_entry *act;
	int i, err = 0;

	flow_action_for_each(i, act, &p->rule->action) {
		switch (act->id) {
		case FLOW_ACTION_MANGLE:
			if (!p->addr_type)
				return -EOPNOTSUPP;
			if (act->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
				mangle_eth(p, act);
			break;
		case FLOW_ACTION_REDIRECT:
			*out = act->dev;
			break;
		case FLOW_ACTION_CSUM:
		case FLOW_ACTION_VLAN_POP:
			break;
		case FLOW_ACTION_VLAN_PUSH:
			err = push_vlan(p, act);
			break;
		default:
			err = push_pppoe(p, act);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

static int parse_mangles(struct parse *p)
{
	const struct flow_action_entry *act;
	int i, err;

	flow_action_for_each(i, act, &p->rule->action) {
		if (act->id != FLOW_ACTION_MANGLE)
			continue;
		err = mangle(p, act);
		if (err)
			return err;
	}
	return 0;
}

/*
 * mtk_foe_entry_set_vlan() fills the tags from the outside in; ours are pushed, so that
 * the last one stands outside. Inside of both is PPPoE.
 */
static void order_tags(struct nfto_sim_edit *edit)
{
	if (edit->n_vlan == 2)
		swap(edit->vlan[0], edit->vlan[1]);
}

static int ft_replace(const struct nfto_sim_personality *personality, struct nfto_sim_port *port,
		      const struct flow_cls_offload *cls, struct nfto_sim_key *mask,
		      struct nfto_sim_entry *entry)
{
	struct parse p = {
		.rule	= cls->rule,
		.port	= port,
		.key	= &entry->key.key,
		.mask	= mask,
		.entry	= entry,
		.edit	= &entry->edit,
	};
	const struct net_device *out = NULL;
	int err;

	err = parse_match(&p);
	if (err)
		return err;
	err = parse_actions(&p, &out);
	if (err)
		return err;
	if (!is_valid_ether_addr(p.eth) || !is_valid_ether_addr(p.eth + ETH_ALEN))
		return -EINVAL;
	err = match_ports(&p);
	if (err)
		return err;
	match_addresses(&p);
	err = parse_mangles(&p);
	if (err)
		return err;
	/* Its entry for IPv6 has no place for a new port: taken, and dropped silently. */
	if (p.addr_type != FLOW_DISSECTOR_KEY_IPV4_ADDRS)
		p.edit->fields &= ~(NFTO_SIM_SRC | NFTO_SIM_DST | NFTO_SIM_SPORT | NFTO_SIM_DPORT);
	order_tags(p.edit);

	/* mtk_foe_entry_prepare() sets both addresses, and BIND_TTL for every type of flow. */
	memcpy(p.edit->eth_dst, p.eth, ETH_ALEN);
	memcpy(p.edit->eth_src, p.eth + ETH_ALEN, ETH_ALEN);
	p.edit->fields |= NFTO_SIM_ETH_DST | NFTO_SIM_ETH_SRC | NFTO_SIM_TTL_DEC | NFTO_SIM_STRIP;
	/* mtk_flow_set_output_device(): none of ours is the same as none. */
	entry->verdict = NFTO_SIM_REDIRECT;
	return nfto_sim_out_port(port, out, &entry->out);
}

/*
 * mtk_flow_offload_stats(): no counters, and the time since the last hit in whole seconds,
 * which is what the hardware's clock has.
 */
static void ft_stats(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
	unsigned long idle = (jiffies - READ_ONCE(entry->lastused)) / HZ;

	stats->lastused = jiffies - idle * HZ;
}

const struct nfto_sim_personality nfto_sim_ft = {
	.name			= "ft",
	.setup_types		= BIT(TC_SETUP_BLOCK) | BIT(TC_SETUP_FT),
	.rebind			= true,
	.shared_blocks		= true,
	.hw_tc_each_call	= true,
	.any_callback		= true,
	.handed_over		= true,
	.pppoe			= true,
	.guards			= NFTO_SIM_GUARD_ALL,
	/* SYN, FIN and RST are never bound in hardware. */
	.tcp_guard		= cpu_to_be16(0x0007),
	.replace		= ft_replace,
	.stats			= ft_stats,
};
