// SPDX-License-Identifier: GPL-2.0
/*
 * Personalities "mlx5" (NIC mode) and "mlx5-switchdev" (port 0 is the uplink, the others
 * are representors of virtual functions), modelled on drivers/net/ethernet/mellanox/mlx5/
 * core of Linux 7.3. Files are en_tc.c where no other is named. Each behaviour names the
 * function that it is taken from.
 *
 *  - mlx5e_setup_tc() of en_main.c: calls without RTNL; one block at a time.
 *  - get_tc_ht(): each port has its own table of cookies; mlx5e_configure_flower(): a
 *    known cookie is -EEXIST; mlx5e_delete_flower(), mlx5e_stats_flower(): an unknown
 *    one is -EINVAL.
 *  - mlx5e_tc_add_flow(): hw-tc-offload is asked when a rule is added; set_feature_hw_tc()
 *    of en_main.c: it stays on while there are rules, -EINVAL.
 *  - mlx5_fc_query_cached() of lib/fs_counters.c: counters are read once in a second.
 *  - mlx5_chains_get_prio_range() of lib/fs_chains.c, for firmware without
 *    ignore_flow_level: one priority in NIC mode, 16 in switchdev mode. Prio 0 is no
 *    priority: mlx5e_add_offloaded_nic_rule() then goes on with a table that is not there.
 *
 * The firmware is one that can match on the TTL and on a second tag.
 *
 * What the hardware does: an edit of the TTL adds, with no look at the result (1 becomes
 * 0, 0 becomes 255); options, and without a guard fragments, are switched like the rest.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>
#include <net/tc_act/tc_csum.h>

#include "../compat/sim_tc.h"
#include "parse.h"

#define SWITCHDEV	1	/* variant */
#define NIC_PRIOS	1
#define FDB_PRIOS	16	/* FDB_TC_MAX_PRIO of eswitch.h */

struct mlx5_rule {
	struct nfto_sim_parse	p;
	bool			edits;		/* MLX5_FLOW_CONTEXT_ACTION_MOD_HDR */
	bool			forwards;	/* ..._FWD_DEST */
	bool			drops;		/* ..._DROP */
	bool			touches_ip;	/* more of it than the TTL */
	bool			dec_ttl;
	bool			pops;		/* ..._VLAN_POP, not yet made a rewrite */
	unsigned int		total_vlan;
};

/* ---- match: __parse_cls_flower() ---- */

/* mlx5e_flower_parse_meta() */
static int match_meta(struct nfto_sim_parse *p)
{
	struct flow_match_meta match;

	if (!nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_META))
		return 0;
	flow_rule_match_meta(p->rule, &match);
	if (nfto_sim_meta_has_more(match.mask))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "l2_miss cannot be matched");
	if (!match.mask->ingress_ifindex)
		return 0;
	if (match.mask->ingress_ifindex != (int)~0U)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "part of an ingress device");
	if (match.key->ingress_ifindex == p->port->dev->ifindex)
		return 0;
	if (!nfto_sim_beside(p->port, match.key->ingress_ifindex))
		return nfto_sim_refuse(p->extack, -ENOENT, "no such ingress device");
	return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the ingress device is not this port");
}

static bool asks_for_tag(const struct flow_match_vlan *match)
{
	return match->mask->vlan_id || match->mask->vlan_priority || match->mask->vlan_tpid;
}

/* Which of the two tags it is comes from the protocol, whatever its mask: it has to be there. */
static void match_tag(struct nfto_sim_parse *p, const struct flow_match_vlan *match,
		      unsigned int depth)
{
	bool stag = match->key->vlan_tpid == htons(ETH_P_8021AD);

	if (!asks_for_tag(match))
		return;
	nfto_sim_take_tag(p, match, depth);
	p->key->tag[depth].tpid = htons(stag ? ETH_P_8021AD : ETH_P_8021Q);
	p->mask->tag[depth].tpid = htons(U16_MAX);
}

/*
 * Without a VLAN key, an ethertype in the match means "untagged"; without a CVLAN key, one of what
 * is behind the tag means "no second tag".
 */
static void match_tags(struct nfto_sim_parse *p)
{
	struct flow_match_vlan match;

	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_VLAN)) {
		flow_rule_match_vlan(p->rule, &match);
		match_tag(p, &match, 0);
		if (asks_for_tag(&match) && match.mask->vlan_eth_type &&
		    !nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_CVLAN)) {
			p->key->n_tags = 1;
			p->mask->n_tags = U8_MAX;
		}
	} else if (p->mask->n_proto) {
		p->mask->n_tags = U8_MAX;
	}
	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_CVLAN)) {
		flow_rule_match_cvlan(p->rule, &match);
		match_tag(p, &match, 1);
	}
}

static int mlx5_match(struct nfto_sim_parse *p)
{
	u32 flags;
	int err;

	err = nfto_sim_check_keys(p);
	if (err)
		return err;
	err = match_meta(p);
	if (err)
		return err;
	nfto_sim_take_port(p);
	nfto_sim_take_basic(p);
	match_tags(p);
	nfto_sim_take_eth_addrs(p);
	nfto_sim_take_control(p, &flags);
	if (flags & ~FLOW_DIS_IS_FRAGMENT)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "of the control flags only \"fragment\" is supported");
	nfto_sim_take_addresses(p);
	nfto_sim_take_ip(p);
	if (nfto_sim_has_key(p, FLOW_DISSECTOR_KEY_PORTS) &&
	    p->key->ip_proto != IPPROTO_TCP && p->key->ip_proto != IPPROTO_UDP)
		return nfto_sim_refuse(p->extack, -EINVAL, "ports of neither TCP nor UDP");
	nfto_sim_take_ports(p);
	nfto_sim_take_tcp(p);
	return 0;
}

/* ---- actions: parse_tc_actions(), and en/tc/act/ by name of the file ---- */

/* is_flow_action_modify_ip_header() */
static bool is_more_than_ttl(const struct flow_action_entry *act)
{
	const u8 *keep = (const u8 *)&act->mangle.mask;

	switch (act->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return act->mangle.offset != offsetof(struct iphdr, ttl) ||
		       !nfto_sim_all_bytes(keep + 1, 0xff, 3);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return act->mangle.offset != offsetof(struct ipv6hdr, payload_len) ||
		       !nfto_sim_all_bytes(keep, 0xff, 3);
	default:
		return false;
	}
}

/* pedit.c; set_pedit_val(): nothing twice. */
static int action_pedit(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;
	bool v4;

	rule->edits = true;
	rule->touches_ip |= is_more_than_ttl(act);
	if (act->id == FLOW_ACTION_ADD) {
		if (!nfto_sim_is_ttl_dec(act))
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
					       "not modelled: to add anything but -1 to the TTL");
		if (rule->dec_ttl)
			return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a field is edited twice");
		rule->dec_ttl = true;
		v4 = act->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4;
		if (p->key->n_proto == htons(v4 ? ETH_P_IP : ETH_P_IPV6))
			p->edit->fields |= NFTO_SIM_TTL_DEC;
		return 0;
	}
	if (nfto_sim_mangled_already(p, act))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a field is edited twice");
	return nfto_sim_mangle(p, act);
}

/* csum.c; csum_offload_supported() */
static int action_csum(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	if (!rule->edits)
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "checksums are updated after edits only");
	if (act->csum_flags & ~(TCA_CSUM_UPDATE_FLAG_IPV4HDR | TCA_CSUM_UPDATE_FLAG_TCP |
				TCA_CSUM_UPDATE_FLAG_UDP))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP,
				       "checksum of an unknown header");
	return 0;
}

/* vlan_mangle.c; mlx5e_tc_act_vlan_add_rewrite_action(): the id of a matched 802.1Q tag. */
static int rewrite_tag(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	if (p->key->tag[0].tpid != htons(ETH_P_8021Q))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "a tag is rewritten only where it is matched");
	if (act->vlan.prio != ntohs(p->key->tag[0].tci) >> VLAN_PRIO_SHIFT)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a tag's priority stays");
	rule->edits = true;
	return nfto_sim_push_op(p, NFTO_SIM_VLAN_SET_ID, 0, act->vlan.vid & VLAN_VID_MASK);
}

/* vlan.c; tc_act_parse_vlan(): a pop and a push are a rewrite. */
static int action_vlan(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	if (act->id == FLOW_ACTION_VLAN_MANGLE)
		return rewrite_tag(rule, act);
	if (act->id == FLOW_ACTION_VLAN_PUSH && rule->pops) {
		if (rule->total_vlan > 1)
			return nfto_sim_refuse(p->extack, -EINVAL,
					       "not modelled: two pops and a push");
		rule->pops = false;
		p->edit->n_vlan--;
		return rewrite_tag(rule, act);
	}
	/* parse_tc_vlan_action(), MLX5_FS_VLAN_DEPTH */
	if (rule->total_vlan >= 2)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "more than two tags");
	rule->total_vlan++;
	if (act->id == FLOW_ACTION_VLAN_PUSH)
		return nfto_sim_push_op(p, NFTO_SIM_VLAN_PUSH,
					act->vlan.proto ?: htons(ETH_P_8021Q),
					act->vlan.vid | act->vlan.prio << VLAN_PRIO_SHIFT);
	if (rule->total_vlan == 2 && !rule->pops)
		return nfto_sim_refuse(p->extack, -EINVAL, "not modelled: to pop after a push");
	rule->pops = true;
	return nfto_sim_push_op(p, NFTO_SIM_VLAN_POP, 0, 0);
}

/*
 * mirred_nic.c: any device of the adapter, itself too. mirred.c: any of the eswitch, but
 * not a virtual function to itself (same_vf_reps()); the uplink may, as far as the
 * firmware has termination_table_raw_traffic (verify_uplink_forwarding()).
 */
static int action_redirect(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	struct nfto_sim_parse *p = &rule->p;

	if (p->personality->variant == SWITCHDEV && rule->forwards)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "not modelled: two targets");
	if (nfto_sim_out_port(p->port, act->dev, &p->entry->out))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "foreign target: not a device of this adapter");
	if (p->personality->variant == SWITCHDEV && p->port->number && p->entry->out == p->port)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "a function cannot send to itself");
	p->entry->verdict = NFTO_SIM_REDIRECT;
	rule->forwards = true;
	return 0;
}

static int parse_action(struct mlx5_rule *rule, const struct flow_action_entry *act)
{
	if (act->id >= 64 || !(rule->p.personality->actions & BIT_ULL(act->id)))
		return nfto_sim_refuse(rule->p.extack, -EOPNOTSUPP, "an action is not supported");
	switch (act->id) {
	case FLOW_ACTION_MANGLE:
	case FLOW_ACTION_ADD:
		return action_pedit(rule, act);
	case FLOW_ACTION_CSUM:
		return action_csum(rule, act);
	case FLOW_ACTION_VLAN_PUSH:
	case FLOW_ACTION_VLAN_POP:
	case FLOW_ACTION_VLAN_MANGLE:
		return action_vlan(rule, act);
	case FLOW_ACTION_REDIRECT:
		return action_redirect(rule, act);
	case FLOW_ACTION_DROP:
		rule->p.entry->verdict = NFTO_SIM_DROP;
		rule->drops = true;
		return 0;
	case FLOW_ACTION_ACCEPT:
	case FLOW_ACTION_TRAP:
		rule->p.entry->verdict = act->id == FLOW_ACTION_TRAP ? NFTO_SIM_TRAP :
				      NFTO_SIM_ACCEPT;
		rule->forwards = true;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* modify_header_match_supported(), verify_attr_actions(), offload_pedit_fields() */
static int check_actions(struct mlx5_rule *rule)
{
	struct nfto_sim_parse *p = &rule->p;
	u8 proto = p->key->ip_proto;
	int err;

	if (rule->touches_ip && proto != IPPROTO_TCP && proto != IPPROTO_UDP &&
	    proto != IPPROTO_ICMP)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "addresses can be rewritten for TCP, UDP and ICMP only");
	if (rule->forwards == rule->drops)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "a rule must either forward or drop");
	if (rule->edits && rule->drops)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "edit of what is dropped");
	err = nfto_sim_mangled_fields(p, false);
	if (err)
		return err;
	if ((p->edit->fields & NFTO_SIM_TTL) && rule->dec_ttl)
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP, "the TTL is set and added to");
	if (p->entry->verdict != NFTO_SIM_REDIRECT && (p->edit->fields || p->edit->n_vlan))
		return nfto_sim_refuse(p->extack, -EOPNOTSUPP,
				       "not modelled: edit of what the host gets");
	return 0;
}

static int mlx5_actions(struct mlx5_rule *rule)
{
	const struct flow_action_entry *act;
	int i, err;

	/* flow_action_supported() */
	if (!flow_action_has_entries(&rule->p.rule->action))
		return nfto_sim_refuse(rule->p.extack, -EINVAL, "no action");
	err = nfto_sim_check_hw_stats(&rule->p, FLOW_ACTION_HW_STATS_DELAYED);
	if (err)
		return err;
	flow_action_for_each(i, act, &rule->p.rule->action) {
		err = parse_action(rule, act);
		if (err)
			return err;
	}
	return check_actions(rule);
}

static int mlx5_replace(const struct nfto_sim_personality *personality, struct nfto_sim_port *port,
			const struct flow_cls_offload *cls, struct nfto_sim_key *mask,
			struct nfto_sim_entry *entry)
{
	struct mlx5_rule rule = { .p = NFTO_SIM_PARSE(personality, port, cls, mask, entry) };
	int err;

	if (!tc_can_offload(port->dev))
		return nfto_sim_refuse(rule.p.extack, -EOPNOTSUPP, "hw-tc-offload is off");
	if (cls->common.chain_index)
		return nfto_sim_refuse(rule.p.extack, -EOPNOTSUPP, "only chain 0 is supported");
	/* The driver that is modelled would crash the kernel. */
	if (WARN(!cls->common.prio, "mlx5: a rule with prio 0\n"))
		return -EINVAL;
	err = mlx5_match(&rule.p);
	if (err)
		return err;
	err = mlx5_actions(&rule);
	if (err)
		return err;
	if (cls->common.prio > personality->max_prio)
		return nfto_sim_refuse(rule.p.extack, -EOPNOTSUPP, "no such priority");
	entry->prio = cls->common.prio;
	return 0;
}

#define MLX5_KEYS	(BIT_ULL(FLOW_DISSECTOR_KEY_META) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_ETH_ADDRS) |	\
			 BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |	\
			 BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |	\
			 BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |		\
			 BIT_ULL(FLOW_DISSECTOR_KEY_IP))

/* tc_acts_nic[] of en/tc/act/act.c */
#define MLX5_ACTIONS	(BIT_ULL(FLOW_ACTION_ACCEPT) |			\
			 BIT_ULL(FLOW_ACTION_DROP) |			\
			 BIT_ULL(FLOW_ACTION_REDIRECT) |		\
			 BIT_ULL(FLOW_ACTION_MANGLE) |			\
			 BIT_ULL(FLOW_ACTION_ADD) |			\
			 BIT_ULL(FLOW_ACTION_CSUM))

/* What tc_acts_fdb[] has besides. */
#define FDB_ACTIONS	(BIT_ULL(FLOW_ACTION_TRAP) |			\
			 BIT_ULL(FLOW_ACTION_VLAN_PUSH) |		\
			 BIT_ULL(FLOW_ACTION_VLAN_POP) |		\
			 BIT_ULL(FLOW_ACTION_VLAN_MANGLE))

#define MLX5_COMMON							\
	.setup_types	= BIT(TC_SETUP_BLOCK),				\
	.rtnl		= true,						\
	.unlocked	= true,						\
	.shared_blocks	= true,						\
	.port_cookies	= true,						\
	.pins_hw_tc	= -EINVAL,					\
	.no_rule_to_del	= -EINVAL,					\
	.no_rule_to_ask	= -EINVAL,					\
	.keys		= MLX5_KEYS,					\
	.replace	= mlx5_replace,					\
	.stats		= nfto_sim_stats_delayed

const struct nfto_sim_personality nfto_sim_mlx5 = {
	.name		= "mlx5",
	.parent		= NFTO_SIM_PARENT_NONE,
	.max_prio	= NIC_PRIOS,
	.actions	= MLX5_ACTIONS,
	MLX5_COMMON,
};

const struct nfto_sim_personality nfto_sim_mlx5_switchdev = {
	.name		= "mlx5-switchdev",
	.parent		= NFTO_SIM_PARENT_ALL,
	.variant	= SWITCHDEV,
	/* the first is the uplink, the others are representors (en/rep/tc.c) */
	.others_setup_types = BIT(TC_SETUP_FT),
	.max_prio	= FDB_PRIOS,
	.actions	= MLX5_ACTIONS | FDB_ACTIONS,
	MLX5_COMMON,
};
