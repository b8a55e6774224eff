// SPDX-License-Identifier: GPL-2.0
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/tc_act/tc_csum.h>
#include "../compat/flow_offload.h"
#include "dialect.h"

/*
 * The order of actions is the one that all capable drivers take: Ethernet, TTL, addresses upwards,
 * ports, checksums, tags, redirect. Half words of one header word are never merged (cxgb4 takes one
 * half an action, sfc no whole word in the middle of the MACs), no word is written twice (mlx5
 * refuses that), and the redirect is always the last (nfp reads beyond a last MANGLE).
 *
 * META is not used: a rule goes to the block of its ingress device only, and most drivers refuse
 * the key.
 */

struct nfto_words {
	const char *name;
	u32 says;	/* which of NFTO_CAN_* it needs, where the rule has a use for it */
	u32 hazards;
};

static const struct nfto_words nfto_words[NFTO_DIALECTS] = {
	[NFTO_DIALECT_EXACT] = {
		.name = "A (exact)",
		.says = NFTO_CAN_TTL_ADD | NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS,
	},
	[NFTO_DIALECT_LOSSY] = {
		.name = "C (lossy)",
		.says = NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS | NFTO_CAN_CSUM,
		.hazards = BIT(NFTO_HAZARD_TTL_UNTOUCHED),
	},
	[NFTO_DIALECT_UNGUARDED] = {
		.name = "D1 (unguarded)",
		.says = NFTO_CAN_NO_FRAGMENT,
		.hazards = BIT(NFTO_HAZARD_TTL_UNTOUCHED) | BIT(NFTO_HAZARD_FIN_RST),
	},
	[NFTO_DIALECT_BARE] = {
		.name = "D2 (bare)",
		.hazards = BIT(NFTO_HAZARD_TTL_UNTOUCHED) | BIT(NFTO_HAZARD_FIN_RST) |
			   BIT(NFTO_HAZARD_FIRST_FRAGMENT),
	},
};

/* What is written of a translation; the driver may want more or less than the rule says. */
struct nfto_nat {
	u8 edits;	/* enum nfto_edit */
	const __be32 *src, *dst;
	__be16 sport, dport;
};

#define NFTO_USE(offer, id, member) do {					\
	(offer)->dissector.offset[FLOW_DISSECTOR_KEY_##id] =			\
		offsetof(struct nfto_offer_key, member);			\
	(offer)->dissector.used_keys |= BIT_ULL(FLOW_DISSECTOR_KEY_##id);	\
} while (0)

/* @behind: the type of what follows the tag, without which mlx5 does not look for another tag. */
static void nfto_offer_tag(struct flow_dissector_key_vlan *key,
			   struct flow_dissector_key_vlan *mask, const struct nfto_tag *tag,
			   __be16 behind)
{
	key->vlan_id = ntohs(tag->vid);
	mask->vlan_id = 0xfff;
	key->vlan_tpid = tag->tpid;
	mask->vlan_tpid = htons(0xffff);
	key->vlan_eth_type = behind;
	mask->vlan_eth_type = htons(0xffff);
}

static void nfto_offer_addrs(struct nfto_offer *offer, const struct nfto_match *match)
{
	if (match->n_proto == htons(ETH_P_IP)) {
		NFTO_USE(offer, IPV4_ADDRS, ipv4);
		offer->key.control.addr_type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
		offer->key.ipv4.src = match->src[0];
		offer->key.ipv4.dst = match->dst[0];
		memset(&offer->mask.ipv4, 0xff, sizeof(offer->mask.ipv4));
		return;
	}
	NFTO_USE(offer, IPV6_ADDRS, ipv6);
	offer->key.control.addr_type = FLOW_DISSECTOR_KEY_IPV6_ADDRS;
	memcpy(&offer->key.ipv6.src, match->src, sizeof(match->src));
	memcpy(&offer->key.ipv6.dst, match->dst, sizeof(match->dst));
	memset(&offer->mask.ipv6, 0xff, sizeof(offer->mask.ipv6));
}

static void nfto_offer_guards(struct nfto_offer *offer, const struct nfto_match *match, u32 says)
{
	if (says & NFTO_CAN_NO_FRAGMENT)
		offer->mask.control.flags = FLOW_DIS_IS_FRAGMENT;
	if (match->l4proto == IPPROTO_TCP && (says & NFTO_CAN_TCP_FLAGS)) {
		NFTO_USE(offer, TCP, tcp);
		offer->mask.tcp.flags = htons(0x0005);	/* FIN and RST are conntrack's to see */
	}
}

static void nfto_offer_match(struct nfto_offer *offer, const struct nfto_match *match)
{
	NFTO_USE(offer, CONTROL, control);
	NFTO_USE(offer, BASIC, basic);
	NFTO_USE(offer, PORTS, ports);
	nfto_offer_addrs(offer, match);
	offer->mask.control.addr_type = 0xffff;
	offer->key.basic.n_proto = match->n_proto;
	offer->mask.basic.n_proto = htons(0xffff);
	offer->key.basic.ip_proto = match->l4proto;
	offer->mask.basic.ip_proto = 0xff;
	offer->key.ports.src = match->sport;
	offer->key.ports.dst = match->dport;
	offer->mask.ports.src = htons(0xffff);
	offer->mask.ports.dst = htons(0xffff);

	offer->protocol = match->n_proto;
	if (match->num_tags > 0) {
		NFTO_USE(offer, VLAN, vlan);
		nfto_offer_tag(&offer->key.vlan, &offer->mask.vlan, &match->tags[0],
			       match->num_tags > 1 ? match->tags[1].tpid : match->n_proto);
		offer->protocol = match->tags[0].tpid;
	}
	if (match->num_tags > 1) {
		NFTO_USE(offer, CVLAN, cvlan);
		nfto_offer_tag(&offer->key.cvlan, &offer->mask.cvlan, &match->tags[1],
			       match->n_proto);
	}
}

/* Every action gets the same hw_stats: mixed ones fail everywhere, "don't care" means none. */
static struct flow_action_entry *nfto_offer_action(struct nfto_offer *offer, int id)
{
	struct flow_action *action = &offer->rule->action;
	struct flow_action_entry *entry;

	action->num_entries++;	/* first: it is what the compiler takes for the array's size */
	entry = &action->entries[action->num_entries - 1];
	memset(entry, 0, sizeof(*entry));
	entry->id = id;
	entry->hw_stats = FLOW_ACTION_HW_STATS_ANY;
	return entry;
}

/*
 * Writes @len bytes of header @htype at @at, a word an action; bytes of a word that are not written
 * are kept (mask 0xff).
 */
static void nfto_offer_write(struct nfto_offer *offer, int htype, u32 at, const void *data,
			     size_t len)
{
	struct flow_action_entry *entry;
	const u8 *byte = data;
	u8 *val, *keep;

	while (len) {
		entry = nfto_offer_action(offer, FLOW_ACTION_MANGLE);
		entry->mangle.htype = htype;
		entry->mangle.offset = round_down(at, sizeof(u32));
		entry->mangle.mask = ~0U;
		val = (u8 *)&entry->mangle.val;
		keep = (u8 *)&entry->mangle.mask;
		do {
			val[at % sizeof(u32)] = *byte++;
			keep[at % sizeof(u32)] = 0;
			len--;
		} while (++at % sizeof(u32) && len);
	}
}

static void nfto_offer_ttl(struct nfto_offer *offer, bool v4)
{
	struct flow_action_entry *entry = nfto_offer_action(offer, FLOW_ACTION_ADD);
	u32 field = (__force u32)htonl(v4 ? 0xff000000 : 0x000000ff);

	/* TTL is byte 8 of IPv4, the hop limit byte 7 of IPv6; adding 255 is subtracting one */
	entry->mangle.htype = v4 ? FLOW_ACT_MANGLE_HDR_TYPE_IP4 : FLOW_ACT_MANGLE_HDR_TYPE_IP6;
	entry->mangle.offset = v4 ? 8 : 4;
	entry->mangle.mask = ~field;
	entry->mangle.val = field;
}

static void nfto_offer_nat(struct nfto_offer *offer, const struct nfto_match *match,
			   const struct nfto_nat *nat)
{
	bool v4 = match->n_proto == htons(ETH_P_IP);
	int ip = v4 ? FLOW_ACT_MANGLE_HDR_TYPE_IP4 : FLOW_ACT_MANGLE_HDR_TYPE_IP6;
	int l4 = match->l4proto == IPPROTO_TCP ? FLOW_ACT_MANGLE_HDR_TYPE_TCP :
						 FLOW_ACT_MANGLE_HDR_TYPE_UDP;
	u32 src = v4 ? 12 : 8, len = v4 ? 4 : 16;

	if (nat->edits & NFTO_EDIT_SRC)
		nfto_offer_write(offer, ip, src, nat->src, len);
	if (nat->edits & NFTO_EDIT_DST)
		nfto_offer_write(offer, ip, src + len, nat->dst, len);
	if (nat->edits & NFTO_EDIT_SPORT)
		nfto_offer_write(offer, l4, 0, &nat->sport, sizeof(nat->sport));
	if (nat->edits & NFTO_EDIT_DPORT)
		nfto_offer_write(offer, l4, 2, &nat->dport, sizeof(nat->dport));
}

/* Exactly the checksums that change: nfp refuses more, and less. New MACs change none. */
static void nfto_offer_csum(struct nfto_offer *offer, const struct nfto_match *match,
			    const struct nfto_nat *nat)
{
	u32 flags = match->l4proto == IPPROTO_TCP ? TCA_CSUM_UPDATE_FLAG_TCP :
						    TCA_CSUM_UPDATE_FLAG_UDP;

	if (!nat->edits)
		return;
	if (match->n_proto == htons(ETH_P_IP) && (nat->edits & (NFTO_EDIT_SRC | NFTO_EDIT_DST)))
		flags |= TCA_CSUM_UPDATE_FLAG_IPV4HDR;
	nfto_offer_action(offer, FLOW_ACTION_CSUM)->csum_flags = flags;
}

static void nfto_offer_tags(struct nfto_offer *offer, const struct nfto_rule *rule)
{
	struct flow_action_entry *entry;
	int i;

	for (i = 0; i < rule->num_pop; i++)
		nfto_offer_action(offer, FLOW_ACTION_VLAN_POP);
	if (rule->pppoe)	/* below the tags; only read from a kernel that can say it */
		nfto_action_set_pppoe(nfto_offer_action(offer, FLOW_ACTION_ACCEPT),
				      rule->pppoe_sid);
	for (i = 0; i < rule->num_push; i++) {
		entry = nfto_offer_action(offer, FLOW_ACTION_VLAN_PUSH);
		entry->vlan.vid = ntohs(rule->push[i].vid);
		entry->vlan.proto = rule->push[i].tpid;
	}
}

/* Puts a translation as @driver wants to hear it. */
static void nfto_dialect_nat(const struct nfto_rule *rule, const struct nfto_driver *driver,
			     struct nfto_nat *nat)
{
	const struct nfto_match *match = &rule->match;
	u8 edits = rule->edits;

	if (driver->wants & NFTO_WANTS_NAT_PAIRS) {
		if (edits & (NFTO_EDIT_SRC | NFTO_EDIT_SPORT))
			nat->edits |= NFTO_EDIT_SRC | NFTO_EDIT_SPORT;
		if (edits & (NFTO_EDIT_DST | NFTO_EDIT_DPORT))
			nat->edits |= NFTO_EDIT_DST | NFTO_EDIT_DPORT;
	} else {
		nat->edits = edits;
	}
	nat->src = edits & NFTO_EDIT_SRC ? rule->src : match->src;
	nat->dst = edits & NFTO_EDIT_DST ? rule->dst : match->dst;
	nat->sport = edits & NFTO_EDIT_SPORT ? rule->sport : match->sport;
	nat->dport = edits & NFTO_EDIT_DPORT ? rule->dport : match->dport;
	if (driver->wants & NFTO_WANTS_NAT_CHANGES) {
		if (nat->sport == match->sport)
			nat->edits &= ~NFTO_EDIT_SPORT;
		if (nat->dport == match->dport)
			nat->edits &= ~NFTO_EDIT_DPORT;
	}
}

static bool nfto_driver_can_nat(const struct nfto_driver *driver, const struct nfto_match *match,
				const struct nfto_nat *nat)
{
	bool src = nat->edits & (NFTO_EDIT_SRC | NFTO_EDIT_SPORT);
	bool dst = nat->edits & (NFTO_EDIT_DST | NFTO_EDIT_DPORT);
	bool sport = nat->edits & NFTO_EDIT_SPORT && nat->sport != match->sport;
	bool dport = nat->edits & NFTO_EDIT_DPORT && nat->dport != match->dport;
	u8 can = match->n_proto == htons(ETH_P_IP) ? driver->nat4 : driver->nat6;
	u8 needs = 0;

	if (driver->wants & NFTO_WANTS_NAT_NONZERO &&
	    ((sport && !nat->sport) || (dport && !nat->dport)))
		return false;
	if (src)
		needs |= NFTO_NAT_SRC;
	if (sport)
		needs |= NFTO_NAT_SPORT;
	if (dst)
		needs |= NFTO_NAT_DST;
	if (dport)
		needs |= NFTO_NAT_DPORT;
	if (src && dst)
		needs |= NFTO_NAT_BOTH;
	if (src && dst && (sport || dport))
		needs |= NFTO_NAT_BOTH_PORTS;
	return !(needs & ~can);
}

/* Whether every tag that the rule names is of 802.1Q. */
static bool nfto_rule_plain_tags(const struct nfto_rule *rule)
{
	int i;

	for (i = 0; i < rule->match.num_tags; i++)
		if (rule->match.tags[i].tpid != htons(ETH_P_8021Q))
			return false;
	for (i = 0; i < rule->num_push; i++)
		if (rule->push[i].tpid != htons(ETH_P_8021Q))
			return false;
	return true;
}

static bool nfto_driver_can_tags(const struct nfto_driver *driver, const struct nfto_rule *rule)
{
	unsigned int in = rule->match.num_tags, out = rule->num_push;
	u32 needs = 0;

	if (in)
		needs |= NFTO_CAN_VLAN_POP;
	if (out)
		needs |= NFTO_CAN_VLAN_PUSH;
	if (in && out)
		needs |= in + out > 2 ? NFTO_CAN_VLAN_MIX : NFTO_CAN_VLAN_RETAG;
	if (in == 2 || out == 2)
		needs |= NFTO_CAN_VLAN_TWO;
	/* what keeps PCP keeps the TPID as well */
	if (!nfto_rule_plain_tags(rule) &&
	    (!(driver->can & NFTO_CAN_VLAN_AD) ||
	     (in && out && (driver->wants & NFTO_WANTS_PCP_ZERO))))
		return false;
	return !(needs & ~driver->can);
}

static enum nfto_reason nfto_dialect_check(const struct nfto_rule *rule,
					   const struct nfto_driver *driver, u32 says,
					   const struct nfto_policy *policy,
					   const struct net_device *in)
{
	if (rule->pppoe && !(driver->can & NFTO_CAN_PPPOE))
		return NFTO_REASON_PPPOE;
	if (!nfto_driver_can_tags(driver, rule))
		return NFTO_REASON_VLAN;
	if (!(says & NFTO_CAN_TTL_ADD)) {
		if (!policy->ttl_lossy)
			return NFTO_REASON_TTL;
		if (rule->out == in)
			return NFTO_REASON_LOOP;
	}
	if (rule->match.l4proto == IPPROTO_TCP && !(says & NFTO_CAN_TCP_FLAGS) &&
	    !policy->tcp_unguarded)
		return NFTO_REASON_TCP_GUARD;
	return NFTO_REASON_NONE;
}

static void nfto_offer_reset(struct nfto_offer *offer)
{
	memset(&offer->dissector, 0, sizeof(offer->dissector));
	memset(&offer->key, 0, sizeof(offer->key));
	memset(&offer->mask, 0, sizeof(offer->mask));
	offer->rule->match.dissector = &offer->dissector;
	offer->rule->match.key = &offer->key;
	offer->rule->match.mask = &offer->mask;
	offer->rule->action.num_entries = 0;
}

enum nfto_reason nfto_dialect_emit(const struct nfto_rule *rule, const struct nfto_driver *driver,
				   enum nfto_dialect dialect, const struct nfto_policy *policy,
				   struct nfto_offer *offer)
{
	u32 says = nfto_words[dialect].says & driver->can;
	const struct nfto_match *match = &rule->match;
	enum nfto_reason reason;
	struct nfto_nat nat = {};

	nfto_dialect_nat(rule, driver, &nat);
	if (!nfto_driver_can_nat(driver, match, &nat))
		return NFTO_REASON_NAT;
	reason = nfto_dialect_check(rule, driver, says, policy, offer->in);
	if (reason)
		return reason;

	nfto_offer_reset(offer);
	nfto_offer_match(offer, match);
	nfto_offer_guards(offer, match, says);
	if (rule->num_pop && rule->num_push && (driver->wants & NFTO_WANTS_PCP_ZERO))
		offer->mask.vlan.vlan_priority = 7;	/* software would send it with PCP 0 */
	nfto_offer_write(offer, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 0, rule->eth_dst, ETH_ALEN);
	nfto_offer_write(offer, FLOW_ACT_MANGLE_HDR_TYPE_ETH, ETH_ALEN, rule->eth_src, ETH_ALEN);
	if (says & NFTO_CAN_TTL_ADD)
		nfto_offer_ttl(offer, match->n_proto == htons(ETH_P_IP));
	nfto_offer_nat(offer, match, &nat);
	if (says & NFTO_CAN_CSUM)
		nfto_offer_csum(offer, match, &nat);
	nfto_offer_tags(offer, rule);
	nfto_offer_action(offer, FLOW_ACTION_REDIRECT)->dev = rule->out;
	return NFTO_REASON_NONE;
}

unsigned int nfto_dialect_kind(const struct nfto_rule *rule)
{
	const struct nfto_match *match = &rule->match;
	unsigned int kind = 0;

	if (match->n_proto == htons(ETH_P_IPV6))
		kind |= 1 << 0;
	if (match->l4proto == IPPROTO_TCP)
		kind |= 1 << 1;
	if (rule->edits & (NFTO_EDIT_SRC | NFTO_EDIT_SPORT))
		kind |= 1 << 2;
	if (rule->edits & (NFTO_EDIT_DST | NFTO_EDIT_DPORT))
		kind |= 1 << 3;
	if (match->num_tags)
		kind |= 1 << 4;
	if (rule->num_push)
		kind |= 1 << 5;
	return kind;
}

const char *nfto_dialect_name(enum nfto_dialect dialect)
{
	return (unsigned int)dialect < NFTO_DIALECTS ? nfto_words[dialect].name : "invalid";
}

u32 nfto_dialect_hazards(const struct nfto_driver *driver, enum nfto_dialect dialect)
{
	u32 hazards = driver->hazards | nfto_words[dialect].hazards;

	/* what does not count down does not count beyond the end */
	if (!(nfto_words[dialect].says & NFTO_CAN_TTL_ADD))
		hazards &= ~BIT(NFTO_HAZARD_TTL_ONE);
	return hazards;
}
