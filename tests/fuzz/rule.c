// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes what nf_flow_table hands over, on its way to a driver: rule, then dialect.
 *
 * A flow is made from the input as the kernel would say it, then spoilt here and there. What the
 * parser takes must do to a packet what the rule says, word for word; what any driver is offered,
 * in any dialect, must do the same, to no other packets, and count the TTL down, unless it is one
 * that cannot; and so must what the virtual ASIC makes of it (asic.c). Nothing that is not known
 * may be taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/in.h>
#include "../../src/core/dialect.h"
#include "../host/nfrule.h"
#include "asic.h"
#include "model.h"

#define KNOWN_KEYS (BIT_ULL(FLOW_DISSECTOR_KEY_META) | BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |	\
		    BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) | BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |	\
		    BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN) | BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) | \
		    BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) | BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |	\
		    BIT_ULL(FLOW_DISSECTOR_KEY_PORTS))

/* The rest of the input; zeroes behind its end. */
struct input {
	const u8 *at;
	size_t left;
};

static void take(struct input *in, void *to, size_t len)
{
	size_t got = len < in->left ? len : in->left;

	memset(to, 0, len);
	memcpy(to, in->at, got);
	in->at += got;
	in->left -= got;
}

static unsigned int number(struct input *in, unsigned int below)
{
	u32 value;

	take(in, &value, sizeof(value));
	return value % below;
}

static void make_spec(struct input *in, struct nfrule_spec *s)
{
	u8 flags;

	take(in, s, offsetof(struct nfrule_spec, snat));
	take(in, &flags, 1);
	s->v6 = flags & 1;
	s->tcp = flags & 2;
	s->snat = flags & 4;
	s->dnat = flags & 8;
	s->pppoe = (flags & 0x30) == 0x30;
	take(in, s->eth_dst, 6);
	take(in, s->eth_src, 6);
	s->num_tags = number(in, 3);
	s->num_push = number(in, 3);
	take(in, s->tags, sizeof(s->tags));
	take(in, s->push, sizeof(s->push));
	s->tags[0] &= 0xfff;
	s->tags[1] &= 0xfff;
	s->push[0] &= 0xfff;
	s->push[1] &= 0xfff;
	s->out = asic_out;
}

static void spoil_action(struct input *in, struct flow_action *action)
{
	struct flow_action_entry *entry = &action->entries[number(in, action->num_entries)];
	struct flow_action_entry other;

	switch (number(in, 6)) {
	case 0:
		entry->id = number(in, FLOW_ACTION_PPPOE_PUSH + 1);
		break;
	case 1:
		entry->mangle.htype = number(in, FLOW_ACT_MANGLE_HDR_TYPE_UDP + 1);
		break;
	case 2:
		take(in, &entry->mangle.offset, 4);
		break;
	case 3:
		entry->mangle.offset = number(in, 48);
		break;
	case 4:
		take(in, &entry->mangle.mask, 8);
		break;
	default:
		other = *entry;
		*entry = action->entries[action->num_entries - 1];
		action->entries[action->num_entries - 1] = other;
	}
}

static void spoil(struct input *in, struct nfrule *r)
{
	struct flow_action *action = &r->rule->action;
	u8 *key = (u8 *)&r->key, *mask = (u8 *)&r->mask;
	u8 byte;

	switch (number(in, 7)) {
	case 0:
		r->dissector.used_keys ^= BIT_ULL(number(in, FLOW_DISSECTOR_KEY_MAX));
		break;
	case 1:
		take(in, &byte, 1);
		key[number(in, sizeof(r->key))] ^= byte;
		break;
	case 2:
		take(in, &byte, 1);
		mask[number(in, sizeof(r->mask))] ^= byte;
		break;
	case 3:
		if (action->num_entries)
			action->num_entries--;
		break;
	case 4:
		if (action->num_entries && action->num_entries < NFRULE_ACTIONS) {
			action->entries[action->num_entries] =
				action->entries[number(in, action->num_entries)];
			action->num_entries++;
		}
		break;
	default:
		if (action->num_entries)
			spoil_action(in, action);
	}
}

/* Whatever a key says must be looked at; a key that is not there points to memory all the same. */
static void point_everywhere(struct nfrule *r)
{
	int i;

	for (i = 0; i < FLOW_DISSECTOR_KEY_MAX; i++)
		if (!r->dissector.offset[i])
			r->dissector.offset[i] = offsetof(struct nfrule_key, control);
	r->dissector.offset[FLOW_DISSECTOR_KEY_META] = offsetof(struct nfrule_key, meta);
	r->dissector.offset[FLOW_DISSECTOR_KEY_VLAN] = offsetof(struct nfrule_key, vlan);
	r->dissector.offset[FLOW_DISSECTOR_KEY_CVLAN] = offsetof(struct nfrule_key, cvlan);
	r->dissector.offset[FLOW_DISSECTOR_KEY_TCP] = offsetof(struct nfrule_key, tcp);
	r->dissector.offset[FLOW_DISSECTOR_KEY_IPV4_ADDRS] = offsetof(struct nfrule_key, ipv4);
	r->dissector.offset[FLOW_DISSECTOR_KEY_IPV6_ADDRS] = offsetof(struct nfrule_key, ipv6);
}

/* What a driver that takes actions one by one, and literally, makes of it. */
static void obey(struct model *m, const struct flow_rule *rule, const struct net_device *out)
{
	const struct flow_action_entry *entry;
	unsigned int i;

	MUST(packet_apply(&m->bytes, rule, &m->ttl));
	for (i = 0; i < rule->action.num_entries; i++) {
		entry = &rule->action.entries[i];
		switch (entry->id) {
		case FLOW_ACTION_VLAN_POP:
			MUST(m->num_tags);
			m->num_tags--;
			break;
		case FLOW_ACTION_VLAN_PUSH:
			m->tags[m->num_tags].tpid = entry->vlan.proto;
			m->tags[m->num_tags++].vid = htons(entry->vlan.vid);
			break;
		case FLOW_ACTION_PPPOE_PUSH:
			m->pppoe = true;
			m->pppoe_sid = entry->pppoe.sid;
			break;
		case FLOW_ACTION_REDIRECT:
			MUST(i == rule->action.num_entries - 1);
			MUST(entry->dev == out);
			break;
		default:
			break;
		}
	}
}

/* Of what the kernel said, nothing was left out: neither a key, nor a mask, nor an action. */
static void nothing_unknown(const struct nfrule *r)
{
	u64 keys = r->dissector.used_keys;
	unsigned int i, redirects = 0;

	MUST(!(keys & ~KNOWN_KEYS));
	MUST(!r->mask.control.flags);
	MUST((u32)r->mask.meta.ingress_ifindex == ~0U);
	MUST(r->mask.basic.ip_proto == 0xff && r->mask.basic.n_proto == 0xffff);
	MUST(r->mask.tp.src == 0xffff && r->mask.tp.dst == 0xffff);
	for (i = 0; i < sizeof(r->mask.ipv4); i++)
		MUST(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS)) ||
		     ((const u8 *)&r->mask.ipv4)[i] == 0xff);
	for (i = 0; i < sizeof(r->mask.ipv6); i++)
		MUST(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS)) ||
		     ((const u8 *)&r->mask.ipv6)[i] == 0xff);
	if (keys & BIT_ULL(FLOW_DISSECTOR_KEY_TCP))
		MUST(!r->key.tcp.flags && r->mask.tcp.flags == htons(5));
	if (keys & BIT_ULL(FLOW_DISSECTOR_KEY_VLAN))
		MUST(r->mask.vlan.vlan_id == 0xfff && !r->mask.vlan.vlan_priority &&
		     !r->mask.vlan.vlan_dei && r->mask.vlan.vlan_tpid == 0xffff);
	if (keys & BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN))
		MUST(r->mask.cvlan.vlan_id == 0xfff && !r->mask.cvlan.vlan_priority &&
		     !r->mask.cvlan.vlan_dei && r->mask.cvlan.vlan_tpid == 0xffff);
	for (i = 0; i < r->rule->action.num_entries; i++)
		switch (r->rule->action.entries[i].id) {
		case FLOW_ACTION_REDIRECT:
			redirects++;
			break;
		case FLOW_ACTION_MANGLE:
		case FLOW_ACTION_CSUM:
		case FLOW_ACTION_VLAN_POP:
		case FLOW_ACTION_VLAN_PUSH:
		case FLOW_ACTION_PPPOE_PUSH:
		case FLOW_ACTION_ACCEPT:
			break;
		default:
			MUST(!"an action that is not known");
		}
	MUST(redirects == 1);
}

/* The parser's reading of headers against the kernel's words, action by action. */
static void parsed_rightly(const struct nfrule *r, const struct nfto_rule *rule)
{
	struct model read = model_of(&rule->match), said = read;
	struct nfto_rule headers = *rule;
	int ttl = 0;

	headers.num_pop = 0;
	headers.num_push = 0;
	model_forward(&read, &headers, false);
	if (packet_apply(&said.bytes, r->rule, &ttl))
		MUST(!memcmp(&said.bytes, &read.bytes, sizeof(read.bytes)));
	MUST(!ttl);
}

static void make_stack(struct input *in, struct nfto_stack *stack, int num, const u16 *vids)
{
	int i;

	memset(stack, 0, sizeof(*stack));
	stack->num = number(in, 8) ? num : number(in, 3);
	for (i = 0; i < stack->num; i++) {
		stack->tags[i].vid = htons(vids[i]);
		stack->tags[i].tpid = htons(number(in, 8) ? ETH_P_8021Q : ETH_P_8021AD);
	}
}

/* Whether @len bytes of a packet pass what @rule says at @at of a key: all, if it says nothing. */
static bool passes(const struct flow_rule *rule, int id, size_t at, const void *bytes, size_t len)
{
	const struct flow_dissector *dissector = rule->match.dissector;
	const u8 *key = (const u8 *)rule->match.key + dissector->offset[id] + at;
	const u8 *mask = (const u8 *)rule->match.mask + dissector->offset[id] + at;
	const u8 *has = bytes;
	size_t i;

	if (!(dissector->used_keys & BIT_ULL(id)))
		return true;
	for (i = 0; i < len; i++)
		if ((has[i] ^ key[i]) & mask[i])
			return false;
	return true;
}

/* The ethertype that stands before the tag of number @num, or before what follows all tags. */
static __be16 ethertype(const struct nfto_match *has, unsigned int num)
{
	return num < has->num_tags ? has->tags[num].tpid : has->n_proto;
}

static bool tag_passes(const struct flow_rule *rule, int id, const struct nfto_match *has,
		       unsigned int num)
{
	struct flow_dissector_key_vlan tag = {};

	if (num >= has->num_tags)
		return !(rule->match.dissector->used_keys & BIT_ULL(id));
	tag.vlan_id = ntohs(has->tags[num].vid);
	tag.vlan_tpid = has->tags[num].tpid;
	tag.vlan_eth_type = ethertype(has, num + 1);
	return passes(rule, id, 0, &tag, sizeof(tag));
}

/* Whether a driver that takes keys literally takes the offer for a packet with these headers. */
static bool matches(const void *by, const struct nfto_match *has, u16 tcp_flags)
{
	const struct nfto_offer *offer = by;
	const struct flow_rule *rule = offer->rule;
	bool v4 = has->n_proto == htons(ETH_P_IP);
	int addrs = v4 ? FLOW_DISSECTOR_KEY_IPV4_ADDRS : FLOW_DISSECTOR_KEY_IPV6_ADDRS;
	size_t len = v4 ? 4 : 16;
	__be16 flags = htons(tcp_flags);

	return offer->protocol == ethertype(has, 0) &&
	       rule->match.dissector->used_keys & BIT_ULL(addrs) &&
	       tag_passes(rule, FLOW_DISSECTOR_KEY_VLAN, has, 0) &&
	       tag_passes(rule, FLOW_DISSECTOR_KEY_CVLAN, has, 1) &&
	       passes(rule, FLOW_DISSECTOR_KEY_BASIC,
		      offsetof(struct flow_dissector_key_basic, n_proto), &has->n_proto, 2) &&
	       passes(rule, FLOW_DISSECTOR_KEY_BASIC,
		      offsetof(struct flow_dissector_key_basic, ip_proto), &has->l4proto, 1) &&
	       passes(rule, addrs, 0, has->src, len) && passes(rule, addrs, len, has->dst, len) &&
	       passes(rule, FLOW_DISSECTOR_KEY_PORTS, 0, &has->sport, 2) &&
	       passes(rule, FLOW_DISSECTOR_KEY_PORTS, 2, &has->dport, 2) &&
	       (has->l4proto != IPPROTO_TCP ||
		passes(rule, FLOW_DISSECTOR_KEY_TCP, 0, &flags, 2));
}

static void matched_rightly(const struct nfto_rule *rule, const struct nfto_offer *offer,
			    bool unguarded)
{
	const struct nfto_offer_key *mask = &offer->mask;

	MUST(!(offer->dissector.used_keys & ~KNOWN_KEYS));
	MUST(!(mask->control.flags & ~FLOW_DIS_IS_FRAGMENT) && !offer->key.control.flags);
	model_exact(&rule->match, matches, offer, false);
	if (rule->match.l4proto == IPPROTO_TCP && !unguarded)
		MUST(!matches(offer, &rule->match, 1) && !matches(offer, &rule->match, 4));
}

static void offered_rightly(const struct nfto_rule *rule, const struct nfto_offer *offer,
			    bool lossy)
{
	struct model want = model_of(&rule->match), got = want;

	MUST(offer->rule->action.num_entries <= NFTO_ACTIONS_MAX);
	model_forward(&want, rule, true);
	obey(&got, offer->rule, rule->out);
	if (lossy && got.ttl == 64)
		got.ttl--;
	model_same(&want, &got);
}

static void offer_all(const struct nfto_rule *rule)
{
	static union {
		struct flow_rule rule;
		u8 room[sizeof(struct flow_rule) +
			NFTO_ACTIONS_MAX * sizeof(struct flow_action_entry)];
	} room;
	const struct nfto_driver *driver;
	struct nfto_policy policy;
	struct nfto_offer offer;
	unsigned int i, j, k;

	for (i = 0; (driver = nfto_driver_at(i)); i++)
		for (j = 0; j < driver->num_dialects; j++)
			for (k = 0; k < 4; k++) {
				policy.ttl_lossy = k & 1;
				policy.tcp_unguarded = k & 2;
				memset(&offer, 0, sizeof(offer));
				offer.rule = &room.rule;
				offer.in = asic_in;
				if (nfto_dialect_emit(rule, driver, driver->dialects[j], &policy,
						      &offer))
					continue;
				offered_rightly(rule, &offer, policy.ttl_lossy);
				matched_rightly(rule, &offer, policy.tcp_unguarded);
				asic_reads(&offer, rule, driver, driver->dialects[j]);
			}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct nfto_stack from, to;
	struct nfrule_spec s = {};
	struct nfto_rule rule;
	unsigned int spoils;
	struct nfrule r;

	make_spec(&in, &s);
	nfrule_build(&r, &s);
	point_everywhere(&r);
	for (spoils = number(&in, 4); spoils; spoils--)
		spoil(&in, &r);
	if (!nfto_rule_parse(r.rule, &rule)) {
		nothing_unknown(&r);
		parsed_rightly(&r, &rule);
		make_stack(&in, &from, s.num_tags, s.tags);
		make_stack(&in, &to, s.num_push, s.push);
		if (!nfto_rule_tags(&rule, &from, &to)) {
			MUST(rule.num_pop == rule.match.num_tags);
			MUST(nfto_dialect_kind(&rule) < NFTO_KINDS);
			offer_all(&rule);
		}
	}
	nfrule_free(&r);
	return 0;
}
