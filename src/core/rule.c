// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include "../compat/flow_offload.h"
#include "rule.h"

/* The keys that nf_flow_table is known to use; its tunnel keys have a reason of their own. */
#define NFTO_KEY(name)	BIT_ULL(FLOW_DISSECTOR_KEY_##name)
#define NFTO_KEYS	(NFTO_KEY(META) | NFTO_KEY(CONTROL) | NFTO_KEY(BASIC) | \
			 NFTO_KEY(VLAN) | NFTO_KEY(CVLAN) | NFTO_KEY(IPV4_ADDRS) | \
			 NFTO_KEY(IPV6_ADDRS) | NFTO_KEY(TCP) | NFTO_KEY(PORTS))
#define NFTO_KEYS_TUNNEL (NFTO_KEY(ENC_CONTROL) | NFTO_KEY(ENC_KEYID) | \
			  NFTO_KEY(ENC_IPV4_ADDRS) | NFTO_KEY(ENC_IPV6_ADDRS) | \
			  NFTO_KEY(ENC_PORTS) | NFTO_KEY(ENC_OPTS) | NFTO_KEY(ENC_IP))

#define NFTO_TCP_GUARD	htons(0x0005)	/* FIN | RST */

/*
 * The first bytes of the headers that MANGLE actions write to, and which of them were written.
 * An action holds four raw header bytes in memory order, so replaying them byte by byte needs no
 * knowledge of the way in which the kernel cut a field into words.
 */
struct nfto_image {
	u8 eth[2 * ETH_ALEN], eth_set[2 * ETH_ALEN];
	u8 ip[sizeof(struct ipv6hdr)], ip_set[sizeof(struct ipv6hdr)];
	u8 l4[4], l4_set[4];
};

static const void *nfto_rule_key(const struct flow_rule *flow_rule, int id)
{
	return (const u8 *)flow_rule->match.key + flow_rule->match.dissector->offset[id];
}

static const void *nfto_rule_mask(const struct flow_rule *flow_rule, int id)
{
	return (const u8 *)flow_rule->match.mask + flow_rule->match.dissector->offset[id];
}

static bool nfto_rule_uses(const struct flow_rule *flow_rule, u64 keys)
{
	return flow_rule->match.dissector->used_keys & keys;
}

static bool nfto_bytes_are(const void *p, int byte, size_t len)
{
	const u8 *b = p;

	while (len--)
		if (*b++ != byte)
			return false;
	return true;
}

static enum nfto_reason nfto_rule_parse_base(const struct flow_rule *flow_rule,
					     struct nfto_match *match)
{
	const struct flow_dissector_key_basic *basic, *basic_mask;
	const struct flow_dissector_key_control *control_mask;
	const struct flow_dissector_key_meta *meta, *meta_mask;

	if (nfto_rule_uses(flow_rule, NFTO_KEYS_TUNNEL))
		return NFTO_REASON_TUNNEL;
	if (nfto_rule_uses(flow_rule, ~NFTO_KEYS) || !nfto_rule_uses(flow_rule, NFTO_KEY(META)) ||
	    !nfto_rule_uses(flow_rule, NFTO_KEY(CONTROL)) ||
	    !nfto_rule_uses(flow_rule, NFTO_KEY(BASIC)))
		return NFTO_REASON_KEY;

	control_mask = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_CONTROL);
	if (control_mask->flags)
		return NFTO_REASON_KEY;

	meta = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_META);
	meta_mask = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_META);
	if ((u32)meta_mask->ingress_ifindex != ~0U)
		return NFTO_REASON_MASK;
	match->in_ifindex = meta->ingress_ifindex;

	basic = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_BASIC);
	basic_mask = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_BASIC);
	if (basic_mask->n_proto != htons(0xffff) || basic_mask->ip_proto != 0xff)
		return NFTO_REASON_MASK;
	if (basic->ip_proto != IPPROTO_TCP && basic->ip_proto != IPPROTO_UDP)
		return NFTO_REASON_PROTOCOL;
	match->n_proto = basic->n_proto;
	match->l4proto = basic->ip_proto;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_rule_parse_addrs(const struct flow_rule *flow_rule,
					      struct nfto_match *match)
{
	const struct flow_dissector_key_ipv4_addrs *v4;
	const struct flow_dissector_key_ipv6_addrs *v6;

	switch (match->n_proto) {
	case htons(ETH_P_IP):
		if (!nfto_rule_uses(flow_rule, NFTO_KEY(IPV4_ADDRS)) ||
		    nfto_rule_uses(flow_rule, NFTO_KEY(IPV6_ADDRS)))
			return NFTO_REASON_KEY;
		v4 = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_IPV4_ADDRS);
		if (!nfto_bytes_are(v4, 0xff, sizeof(*v4)))
			return NFTO_REASON_MASK;
		v4 = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_IPV4_ADDRS);
		match->src[0] = v4->src;
		match->dst[0] = v4->dst;
		return NFTO_REASON_NONE;
	case htons(ETH_P_IPV6):
		if (!nfto_rule_uses(flow_rule, NFTO_KEY(IPV6_ADDRS)) ||
		    nfto_rule_uses(flow_rule, NFTO_KEY(IPV4_ADDRS)))
			return NFTO_REASON_KEY;
		v6 = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_IPV6_ADDRS);
		if (!nfto_bytes_are(v6, 0xff, sizeof(*v6)))
			return NFTO_REASON_MASK;
		v6 = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_IPV6_ADDRS);
		memcpy(match->src, &v6->src, sizeof(match->src));
		memcpy(match->dst, &v6->dst, sizeof(match->dst));
		return NFTO_REASON_NONE;
	default:
		return NFTO_REASON_PROTOCOL;
	}
}

static enum nfto_reason nfto_rule_parse_l4(const struct flow_rule *flow_rule,
					   struct nfto_match *match)
{
	const struct flow_dissector_key_ports *ports, *ports_mask;
	const struct flow_dissector_key_tcp *tcp, *tcp_mask;

	if (!nfto_rule_uses(flow_rule, NFTO_KEY(PORTS)))
		return NFTO_REASON_KEY;
	ports = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_PORTS);
	ports_mask = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_PORTS);
	if (ports_mask->src != htons(0xffff) || ports_mask->dst != htons(0xffff))
		return NFTO_REASON_MASK;
	match->sport = ports->src;
	match->dport = ports->dst;

	if (!nfto_rule_uses(flow_rule, NFTO_KEY(TCP)))
		return NFTO_REASON_NONE;
	/* the guard that every TCP flow gets from the dialect anyway, and nothing else */
	tcp = nfto_rule_key(flow_rule, FLOW_DISSECTOR_KEY_TCP);
	tcp_mask = nfto_rule_mask(flow_rule, FLOW_DISSECTOR_KEY_TCP);
	if (match->l4proto != IPPROTO_TCP || tcp->flags || tcp_mask->flags != NFTO_TCP_GUARD)
		return NFTO_REASON_KEY;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_rule_parse_tag(const struct flow_rule *flow_rule, int id,
					    struct nfto_match *match)
{
	const struct flow_dissector_key_vlan *key, *mask;

	if (!nfto_rule_uses(flow_rule, BIT_ULL(id)))
		return NFTO_REASON_NONE;
	key = nfto_rule_key(flow_rule, id);
	mask = nfto_rule_mask(flow_rule, id);
	if (mask->vlan_id != 0xfff || mask->vlan_tpid != htons(0xffff) ||
	    mask->vlan_priority || mask->vlan_dei)
		return NFTO_REASON_MASK;
	match->tags[match->num_tags].vid = htons(key->vlan_id);
	match->tags[match->num_tags].tpid = key->vlan_tpid;
	match->num_tags++;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_rule_parse_match(const struct flow_rule *flow_rule,
					      struct nfto_match *match)
{
	enum nfto_reason reason;

	reason = nfto_rule_parse_base(flow_rule, match);
	if (!reason)
		reason = nfto_rule_parse_addrs(flow_rule, match);
	if (!reason)
		reason = nfto_rule_parse_l4(flow_rule, match);
	if (!reason)
		reason = nfto_rule_parse_tag(flow_rule, FLOW_DISSECTOR_KEY_VLAN, match);
	if (!reason)
		reason = nfto_rule_parse_tag(flow_rule, FLOW_DISSECTOR_KEY_CVLAN, match);
	return reason;
}

/* Replays one MANGLE action; false if its word is not in the image, or parts of a byte are kept. */
static bool nfto_image_write(u8 *image, u8 *set, size_t len,
			     const struct flow_action_entry *entry)
{
	const u8 *keep = (const u8 *)&entry->mangle.mask;
	const u8 *val = (const u8 *)&entry->mangle.val;
	u32 at = entry->mangle.offset;
	size_t i;

	if (at > len - sizeof(u32))
		return false;
	for (i = 0; i < sizeof(u32); i++) {
		if (keep[i] == 0xff)
			continue;
		if (keep[i])
			return false;
		image[at + i] = val[i];
		set[at + i] = 1;
	}
	return true;
}

static bool nfto_image_mangle(struct nfto_image *image, const struct nfto_match *match,
			      const struct flow_action_entry *entry)
{
	switch (entry->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return nfto_image_write(image->eth, image->eth_set, sizeof(image->eth), entry);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return match->n_proto == htons(ETH_P_IP) &&
		       nfto_image_write(image->ip, image->ip_set, sizeof(struct iphdr), entry);
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return match->n_proto == htons(ETH_P_IPV6) &&
		       nfto_image_write(image->ip, image->ip_set, sizeof(image->ip), entry);
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
		return match->l4proto == IPPROTO_TCP &&
		       nfto_image_write(image->l4, image->l4_set, sizeof(image->l4), entry);
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return match->l4proto == IPPROTO_UDP &&
		       nfto_image_write(image->l4, image->l4_set, sizeof(image->l4), entry);
	default:
		return false;
	}
}

/*
 * Takes one field out of an image: *@edit is set if it was written as a whole, left alone if not at
 * all; a field that was written in part is an error. What was taken is no longer marked as set.
 */
static bool nfto_image_field(const u8 *image, u8 *set, size_t at, size_t len, void *to,
			     u8 *edits, u8 edit)
{
	if (nfto_bytes_are(set + at, 0, len))
		return true;
	if (!nfto_bytes_are(set + at, 1, len))
		return false;
	memcpy(to, image + at, len);
	memset(set + at, 0, len);
	*edits |= edit;
	return true;
}

static enum nfto_reason nfto_rule_take_image(struct nfto_rule *rule, struct nfto_image *image)
{
	bool v4 = rule->match.n_proto == htons(ETH_P_IP);
	size_t len = v4 ? 4 : 16, src = v4 ? offsetof(struct iphdr, saddr) :
					 offsetof(struct ipv6hdr, saddr);

	if (!nfto_bytes_are(image->eth_set, 1, sizeof(image->eth_set)))
		return NFTO_REASON_REWRITE;
	memcpy(rule->eth_dst, image->eth, ETH_ALEN);
	memcpy(rule->eth_src, image->eth + ETH_ALEN, ETH_ALEN);

	if (!nfto_image_field(image->ip, image->ip_set, src, len, rule->src,
			      &rule->edits, NFTO_EDIT_SRC) ||
	    !nfto_image_field(image->ip, image->ip_set, src + len, len, rule->dst,
			      &rule->edits, NFTO_EDIT_DST) ||
	    !nfto_image_field(image->l4, image->l4_set, 0, 2, &rule->sport,
			      &rule->edits, NFTO_EDIT_SPORT) ||
	    !nfto_image_field(image->l4, image->l4_set, 2, 2, &rule->dport,
			      &rule->edits, NFTO_EDIT_DPORT))
		return NFTO_REASON_REWRITE;
	/* any other byte of the IP header */
	if (!nfto_bytes_are(image->ip_set, 0, sizeof(image->ip_set)))
		return NFTO_REASON_REWRITE;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_rule_push(struct nfto_rule *rule, __be16 tpid, u16 vid)
{
	if (rule->num_push == NFTO_TAGS_MAX || rule->pppoe)
		return NFTO_REASON_ACTION;
	rule->push[rule->num_push].tpid = tpid;
	rule->push[rule->num_push].vid = htons(vid);
	rule->num_push++;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_rule_action(struct nfto_rule *rule, struct nfto_image *image,
					 const struct flow_action_entry *entry)
{
	switch (entry->id) {
	case FLOW_ACTION_MANGLE:
		return nfto_image_mangle(image, &rule->match, entry) ? NFTO_REASON_NONE :
								       NFTO_REASON_REWRITE;
	case FLOW_ACTION_CSUM:	/* implied: the dialect adds what its driver wants to hear */
		return NFTO_REASON_NONE;
	case FLOW_ACTION_VLAN_POP:
		if (rule->num_pop == NFTO_TAGS_MAX || rule->num_push || rule->pppoe)
			return NFTO_REASON_ACTION;
		rule->num_pop++;
		return NFTO_REASON_NONE;
	case FLOW_ACTION_VLAN_PUSH:
		return nfto_rule_push(rule, entry->vlan.proto, entry->vlan.vid);
	case FLOW_ACTION_ACCEPT:	/* what is left of a push of other tags than 802.1Q */
		return nfto_rule_push(rule, 0, 0);
	case FLOW_ACTION_REDIRECT:
		rule->out = entry->dev;
		return rule->out ? NFTO_REASON_NONE : NFTO_REASON_NO_REDIRECT;
	case FLOW_ACTION_TUNNEL_ENCAP:
	case FLOW_ACTION_TUNNEL_DECAP:
		return NFTO_REASON_TUNNEL;
	default:
		if (rule->pppoe || !nfto_action_is_pppoe(entry, &rule->pppoe_sid))
			return NFTO_REASON_ACTION;
		rule->pppoe = true;
		return NFTO_REASON_NONE;
	}
}

enum nfto_reason nfto_rule_parse(const struct flow_rule *flow_rule, struct nfto_rule *rule)
{
	struct nfto_image image = {};
	enum nfto_reason reason;
	unsigned int i;

	memset(rule, 0, sizeof(*rule));
	reason = nfto_rule_parse_match(flow_rule, &rule->match);
	if (reason)
		return reason;

	for (i = 0; i < flow_rule->action.num_entries; i++) {
		if (rule->out)	/* something follows the redirect */
			return NFTO_REASON_NO_REDIRECT;
		reason = nfto_rule_action(rule, &image, &flow_rule->action.entries[i]);
		if (reason)
			return reason;
	}
	if (!rule->out)
		return NFTO_REASON_NO_REDIRECT;
	/* the core says what to push from the outermost on, drivers push one upon the other */
	if (rule->num_push == 2)
		swap(rule->push[0], rule->push[1]);
	return nfto_rule_take_image(rule, &image);
}

static bool nfto_tag_equal(const struct nfto_tag *a, const struct nfto_tag *b)
{
	return a->tpid == b->tpid && a->vid == b->vid;
}

static enum nfto_reason nfto_rule_tags_in(struct nfto_rule *rule, const struct nfto_stack *in)
{
	struct nfto_match *match = &rule->match;
	unsigned int i, num_q = 0;

	for (i = 0; i < in->num; i++) {
		num_q += in->tags[i].tpid == htons(ETH_P_8021Q);
		if (match->num_tags && !nfto_tag_equal(&match->tags[i], &in->tags[i]))
			return NFTO_REASON_VLAN_IN;
	}
	if ((match->num_tags && match->num_tags != in->num) || rule->num_pop != num_q)
		return NFTO_REASON_VLAN_IN;
	memcpy(match->tags, in->tags, sizeof(match->tags));
	match->num_tags = in->num;
	rule->num_pop = in->num;
	return NFTO_REASON_NONE;
}

enum nfto_reason nfto_rule_tags(struct nfto_rule *rule, const struct nfto_stack *in,
				const struct nfto_stack *out)
{
	enum nfto_reason reason = nfto_rule_tags_in(rule, in);
	const struct nfto_tag *tag;
	struct nfto_tag *push;
	unsigned int i;

	if (reason)
		return reason;
	if (rule->num_push != out->num)
		return NFTO_REASON_ACTION;
	for (i = 0; i < out->num; i++) {
		tag = &out->tags[out->num - 1 - i];
		push = &rule->push[i];
		if (!push->tpid && tag->tpid != htons(ETH_P_8021Q))
			*push = *tag;
		else if (!nfto_tag_equal(push, tag))
			return NFTO_REASON_ACTION;
	}
	return NFTO_REASON_NONE;
}

enum nfto_reason nfto_rule_enter(struct nfto_rule *rule, u32 ifindex,
				 const struct nfto_stack *stack)
{
	struct nfto_match *match = &rule->match;
	struct nfto_tag tags[NFTO_TAGS_MAX] = {};
	unsigned int i, num = stack->num + match->num_tags;

	if (num > NFTO_TAGS_MAX)
		return NFTO_REASON_TAGS;
	for (i = 0; i < stack->num; i++)
		tags[i] = stack->tags[stack->num - 1 - i];
	for (i = 0; i < match->num_tags; i++)
		tags[stack->num + i] = match->tags[i];
	memcpy(match->tags, tags, sizeof(tags));
	match->num_tags = num;
	rule->num_pop += stack->num;
	match->in_ifindex = ifindex;
	return NFTO_REASON_NONE;
}

enum nfto_reason nfto_rule_leave(struct nfto_rule *rule, struct net_device *port,
				 const struct nfto_stack *stack)
{
	unsigned int i;

	if (rule->num_push + stack->num > NFTO_TAGS_MAX)
		return NFTO_REASON_TAGS;
	for (i = 0; i < stack->num; i++)
		rule->push[rule->num_push++] = stack->tags[i];
	rule->out = port;
	return NFTO_REASON_NONE;
}

bool nfto_rule_equal(const struct nfto_rule *a, const struct nfto_rule *b)
{
	return !memcmp(a, b, sizeof(*a));
}
