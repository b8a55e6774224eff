// SPDX-License-Identifier: GPL-2.0
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "../compat/flow_offload.h"
#include "dialect.h"

/*
 * The order of actions is the one that all capable drivers take: Ethernet, TTL, addresses upwards,
 * ports, tags, redirect. Half words of one header word are never merged (cxgb4 takes one half an
 * action).
 */

#define NFTO_USE(offer, id, member) do {					\
	(offer)->dissector.offset[FLOW_DISSECTOR_KEY_##id] =			\
		offsetof(struct nfto_offer_key, member);			\
	(offer)->dissector.used_keys |= BIT_ULL(FLOW_DISSECTOR_KEY_##id);	\
} while (0)

static void nfto_offer_tag(struct flow_dissector_key_vlan *key,
			   struct flow_dissector_key_vlan *mask, const struct nfto_tag *tag)
{
	key->vlan_id = ntohs(tag->vid);
	mask->vlan_id = 0xfff;
	key->vlan_tpid = tag->tpid;
	mask->vlan_tpid = htons(0xffff);
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

static void nfto_offer_match(struct nfto_offer *offer, const struct nfto_match *match,
			     const struct nfto_driver *driver)
{
	NFTO_USE(offer, CONTROL, control);
	NFTO_USE(offer, BASIC, basic);
	NFTO_USE(offer, PORTS, ports);
	nfto_offer_addrs(offer, match);
	offer->mask.control.addr_type = 0xffff;
	if (driver->can & NFTO_CAN_NO_FRAGMENT)
		offer->mask.control.flags = FLOW_DIS_IS_FRAGMENT;

	offer->key.basic.n_proto = match->n_proto;
	offer->mask.basic.n_proto = htons(0xffff);
	offer->key.basic.ip_proto = match->l4proto;
	offer->mask.basic.ip_proto = 0xff;
	offer->key.ports.src = match->sport;
	offer->key.ports.dst = match->dport;
	offer->mask.ports.src = htons(0xffff);
	offer->mask.ports.dst = htons(0xffff);

	if (match->l4proto == IPPROTO_TCP && (driver->can & NFTO_CAN_TCP_FLAGS)) {
		NFTO_USE(offer, TCP, tcp);
		offer->mask.tcp.flags = htons(0x0005);	/* FIN and RST are conntrack's to see */
	}
	offer->protocol = match->n_proto;
	if (match->num_tags > 0) {
		NFTO_USE(offer, VLAN, vlan);
		nfto_offer_tag(&offer->key.vlan, &offer->mask.vlan, &match->tags[0]);
		offer->protocol = match->tags[0].tpid;
	}
	if (match->num_tags > 1) {
		NFTO_USE(offer, CVLAN, cvlan);
		nfto_offer_tag(&offer->key.cvlan, &offer->mask.cvlan, &match->tags[1]);
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

static void nfto_offer_nat(struct nfto_offer *offer, const struct nfto_rule *rule, bool v4)
{
	int ip = v4 ? FLOW_ACT_MANGLE_HDR_TYPE_IP4 : FLOW_ACT_MANGLE_HDR_TYPE_IP6;
	int l4 = rule->match.l4proto == IPPROTO_TCP ? FLOW_ACT_MANGLE_HDR_TYPE_TCP :
						      FLOW_ACT_MANGLE_HDR_TYPE_UDP;
	u32 src = v4 ? 12 : 8, len = v4 ? 4 : 16;

	if (rule->edits & NFTO_EDIT_SRC)
		nfto_offer_write(offer, ip, src, rule->src, len);
	if (rule->edits & NFTO_EDIT_DST)
		nfto_offer_write(offer, ip, src + len, rule->dst, len);
	if (rule->edits & NFTO_EDIT_SPORT)
		nfto_offer_write(offer, l4, 0, &rule->sport, sizeof(rule->sport));
	if (rule->edits & NFTO_EDIT_DPORT)
		nfto_offer_write(offer, l4, 2, &rule->dport, sizeof(rule->dport));
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

static enum nfto_reason nfto_dialect_check(const struct nfto_rule *rule,
					   const struct nfto_driver *driver, bool lossy)
{
	if (!(driver->can & NFTO_CAN_TTL_ADD) && !lossy)
		return NFTO_REASON_TTL;
	if ((rule->match.num_tags || rule->num_push) && !(driver->can & NFTO_CAN_VLAN))
		return NFTO_REASON_VLAN;
	if (rule->pppoe && !(driver->can & NFTO_CAN_PPPOE))
		return NFTO_REASON_PPPOE;
	if (rule->match.l4proto == IPPROTO_TCP && !(driver->can & NFTO_CAN_TCP_FLAGS))
		return NFTO_REASON_TCP_GUARD;
	return NFTO_REASON_NONE;
}

enum nfto_reason nfto_dialect_emit(const struct nfto_rule *rule, const struct nfto_driver *driver,
				   bool lossy, struct nfto_offer *offer)
{
	bool v4 = rule->match.n_proto == htons(ETH_P_IP);
	enum nfto_reason reason;

	reason = nfto_dialect_check(rule, driver, lossy);
	if (reason)
		return reason;

	memset(&offer->dissector, 0, sizeof(offer->dissector));
	memset(&offer->key, 0, sizeof(offer->key));
	memset(&offer->mask, 0, sizeof(offer->mask));
	offer->rule->match.dissector = &offer->dissector;
	offer->rule->match.key = &offer->key;
	offer->rule->match.mask = &offer->mask;
	offer->rule->action.num_entries = 0;

	nfto_offer_match(offer, &rule->match, driver);
	nfto_offer_write(offer, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 0, rule->eth_dst, ETH_ALEN);
	nfto_offer_write(offer, FLOW_ACT_MANGLE_HDR_TYPE_ETH, ETH_ALEN, rule->eth_src, ETH_ALEN);
	if (driver->can & NFTO_CAN_TTL_ADD)
		nfto_offer_ttl(offer, v4);
	nfto_offer_nat(offer, rule, v4);
	nfto_offer_tags(offer, rule);
	nfto_offer_action(offer, FLOW_ACTION_REDIRECT)->dev = rule->out;
	return NFTO_REASON_NONE;
}
