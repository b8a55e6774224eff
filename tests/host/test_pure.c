// SPDX-License-Identifier: GPL-2.0
/* rule and reason on the host, and what the dialect makes of rules for the virtual ASIC. */
#include <stdlib.h>
#include <string.h>
#include <linux/errno.h>
#include <linux/in.h>
#include "../../src/core/dialect.h"
#include "nfrule.h"
#include "packet.h"
#include "tap.h"

TAP_STATE;

static struct net_device *const out = (struct net_device *)0x1000;

static struct nfrule_spec spec(bool v6, bool tcp)
{
	struct nfrule_spec s = {
		.v6 = v6, .tcp = tcp, .out = out,
		.src = { 192, 0, 2, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
		.dst = { 198, 51, 100, 2, 105, 106, 107, 108,
			 109, 110, 111, 112, 113, 114, 115, 116 },
		.new_src = { 203, 0, 113, 3, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 },
		.new_dst = { 10, 1, 2, 4, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52 },
		.sport = { 0x10, 0x11 }, .dport = { 0x20, 0x21 },
		.new_sport = { 0x30, 0x31 }, .new_dport = { 0x40, 0x41 },
		.eth_dst = { 2, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5 },
		.eth_src = { 2, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5 },
	};

	return s;
}

static const struct nfto_driver *sim(void)
{
	return nfto_driver_find("nft_offload_sim", NULL);
}

static enum nfto_reason parse(struct nfrule *r, struct nfto_rule *rule)
{
	enum nfto_reason reason = nfto_rule_parse(r->rule, rule);

	nfrule_free(r);
	return reason;
}

/* What the flow says of its tags, the outermost first. */
static struct nfto_stack tags_of(int num, const u16 *vids)
{
	struct nfto_stack stack = { .num = num };
	int i;

	for (i = 0; i < num; i++) {
		stack.tags[i].tpid = htons(ETH_P_8021Q);
		stack.tags[i].vid = htons(vids[i]);
	}
	return stack;
}

static enum nfto_reason tags(struct nfto_rule *rule, const struct nfrule_spec *s)
{
	struct nfto_stack in = tags_of(s->num_tags, s->tags), to = tags_of(s->num_push, s->push);

	return nfto_rule_tags(rule, &in, &to);
}

static void reasons_have_words(void)
{
	int i, j;

	for (i = 0; i < NFTO_REASON_MAX; i++) {
		CHECK(nfto_reason_name(i) && *nfto_reason_name(i));
		CHECK(nfto_reason_text(i) && *nfto_reason_text(i));
		for (j = 0; j < i; j++)
			CHECK(strcmp(nfto_reason_name(i), nfto_reason_name(j)));
	}
	CHECK(!strcmp(nfto_reason_name(NFTO_REASON_MAX), "invalid"));
	CHECK(!strcmp(nfto_reason_name(-1), "invalid"));
}

static void parses_plain_ipv4(void)
{
	struct nfrule_spec s = spec(false, true);
	struct nfto_rule rule;
	struct nfrule r;

	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	CHECK(rule.match.in_ifindex == 7);
	CHECK(rule.match.n_proto == htons(ETH_P_IP));
	CHECK(rule.match.l4proto == IPPROTO_TCP);
	CHECK(!memcmp(rule.match.src, s.src, 4) && !rule.match.src[1]);
	CHECK(!memcmp(rule.match.dst, s.dst, 4) && !rule.match.dst[1]);
	CHECK(!memcmp(&rule.match.sport, s.sport, 2));
	CHECK(!memcmp(&rule.match.dport, s.dport, 2));
	CHECK(!memcmp(rule.eth_dst, s.eth_dst, 6));
	CHECK(!memcmp(rule.eth_src, s.eth_src, 6));
	CHECK(!rule.edits && !rule.num_pop && !rule.num_push && !rule.pppoe);
	CHECK(rule.out == out);
}

static void parses_nat(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		struct nfrule_spec s = spec(i & 1, i & 2);
		struct nfto_rule rule;
		struct nfrule r;
		size_t len = s.v6 ? 16 : 4;

		s.snat = true;
		s.dnat = i & 4;
		nfrule_build(&r, &s);
		CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
		CHECK(rule.edits == (s.dnat ? 15 : (NFTO_EDIT_SRC | NFTO_EDIT_SPORT)));
		CHECK(!memcmp(rule.src, s.new_src, len));
		CHECK(!memcmp(&rule.sport, s.new_sport, 2));
		if (s.dnat) {
			CHECK(!memcmp(rule.dst, s.new_dst, len));
			CHECK(!memcmp(&rule.dport, s.new_dport, 2));
		}
	}
}

static void parses_tags(void)
{
	struct nfrule_spec s = spec(false, false);
	struct nfto_rule rule;
	struct nfrule r;

	s.num_tags = 2;
	s.tags[0] = 100;
	s.tags[1] = 200;
	s.num_push = 1;
	s.push[0] = 300;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	CHECK(!rule.match.num_tags && rule.num_pop == 2 && rule.num_push == 1);
	CHECK(tags(&rule, &s) == NFTO_REASON_NONE);
	CHECK(rule.match.num_tags == 2 && rule.num_pop == 2 && rule.num_push == 1);
	CHECK(rule.match.tags[0].vid == htons(100) && rule.match.tags[1].vid == htons(200));
	CHECK(rule.push[0].vid == htons(300) && rule.push[0].tpid == htons(ETH_P_8021Q));
}

/* The rule has a pop for each 802.1Q tag, and an empty action for each push of another. */
static void tags_are_the_flows(void)
{
	struct nfrule_spec s = spec(false, false);
	struct nfto_stack in, to;
	struct nfto_rule rule;
	struct nfrule r;

	s.num_tags = 1;
	s.tags[0] = 100;
	s.num_push = 2;
	s.push[0] = 300;
	s.push[1] = 301;
	in = tags_of(1, s.tags);
	to = tags_of(2, s.push);
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	in.num = 0;
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_VLAN_IN);
	in.num = 1;
	to.num = 1;
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_ACTION);
	to.num = 2;
	to.tags[1].vid = htons(302);
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_ACTION);

	nfrule_build(&r, &s);
	r.rule->action.entries[5].id = FLOW_ACTION_ACCEPT;
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	to = tags_of(2, s.push);
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_ACTION);
	nfrule_build(&r, &s);
	r.rule->action.entries[5].id = FLOW_ACTION_ACCEPT;
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	to.tags[0].tpid = htons(ETH_P_8021AD);
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_NONE);
	CHECK(rule.push[0].vid == htons(301) && rule.push[0].tpid == htons(ETH_P_8021Q));
	CHECK(rule.push[1].vid == htons(300) && rule.push[1].tpid == htons(ETH_P_8021AD));

	/* one of two that come is 802.1ad: there is one pop for them */
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	in = tags_of(2, s.push);
	in.tags[0].tpid = htons(ETH_P_8021AD);
	to = tags_of(2, s.push);
	CHECK(nfto_rule_tags(&rule, &in, &to) == NFTO_REASON_NONE);
	CHECK(rule.match.num_tags == 2 && rule.num_pop == 2);
	CHECK(rule.match.tags[0].tpid == htons(ETH_P_8021AD));
}

static struct nfto_stack stack_of(int num, u16 inner, u16 outer)
{
	struct nfto_stack stack = { .num = num };

	stack.tags[0].tpid = htons(ETH_P_8021Q);
	stack.tags[0].vid = htons(inner);
	if (num == 2) {
		stack.tags[1].tpid = htons(ETH_P_8021AD);
		stack.tags[1].vid = htons(outer);
	}
	return stack;
}

static void enters_through_vlan_devices(void)
{
	struct nfrule_spec s = spec(false, false);
	struct nfto_stack none = {}, one = stack_of(1, 10, 0), two = stack_of(2, 10, 20);
	struct nfto_rule plain, tagged, rule;
	struct nfrule r;

	nfrule_build(&r, &s);
	CHECK(parse(&r, &plain) == NFTO_REASON_NONE);
	s.num_tags = 1;
	s.tags[0] = 100;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &tagged) == NFTO_REASON_NONE);
	CHECK(tags(&tagged, &s) == NFTO_REASON_NONE);

	memcpy(&rule, &plain, sizeof(rule));
	CHECK(nfto_rule_enter(&rule, 7, &none) == NFTO_REASON_NONE);
	CHECK(nfto_rule_equal(&rule, &plain));
	CHECK(nfto_rule_enter(&rule, 9, &two) == NFTO_REASON_NONE);
	CHECK(rule.match.in_ifindex == 9 && rule.match.num_tags == 2 && rule.num_pop == 2);
	CHECK(rule.match.tags[0].vid == htons(20));
	CHECK(rule.match.tags[0].tpid == htons(ETH_P_8021AD));
	CHECK(rule.match.tags[1].vid == htons(10));
	CHECK(rule.match.tags[1].tpid == htons(ETH_P_8021Q));

	/* what the rule matches itself stands behind the device's tag */
	memcpy(&rule, &tagged, sizeof(rule));
	CHECK(nfto_rule_enter(&rule, 9, &one) == NFTO_REASON_NONE);
	CHECK(rule.match.num_tags == 2 && rule.num_pop == 2);
	CHECK(rule.match.tags[0].vid == htons(10) && rule.match.tags[1].vid == htons(100));
	memcpy(&rule, &tagged, sizeof(rule));
	CHECK(nfto_rule_enter(&rule, 9, &two) == NFTO_REASON_TAGS);
}

static void leaves_through_vlan_devices(void)
{
	struct net_device *const port = (struct net_device *)0x2000;
	struct nfrule_spec s = spec(true, true);
	struct nfto_stack none = {}, one = stack_of(1, 10, 0), two = stack_of(2, 10, 20);
	struct nfto_rule plain, pushing, rule;
	struct nfrule r;

	nfrule_build(&r, &s);
	CHECK(parse(&r, &plain) == NFTO_REASON_NONE);
	s.num_push = 1;
	s.push[0] = 300;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &pushing) == NFTO_REASON_NONE);

	memcpy(&rule, &plain, sizeof(rule));
	CHECK(nfto_rule_leave(&rule, out, &none) == NFTO_REASON_NONE);
	CHECK(nfto_rule_equal(&rule, &plain));
	CHECK(nfto_rule_leave(&rule, port, &two) == NFTO_REASON_NONE);
	CHECK(rule.out == port && rule.num_push == 2);
	CHECK(rule.push[0].vid == htons(10) && rule.push[1].vid == htons(20));
	CHECK(rule.push[1].tpid == htons(ETH_P_8021AD));

	memcpy(&rule, &pushing, sizeof(rule));
	CHECK(nfto_rule_leave(&rule, port, &one) == NFTO_REASON_NONE);
	CHECK(rule.push[0].vid == htons(300) && rule.push[1].vid == htons(10));
	CHECK(nfto_rule_leave(&rule, port, &one) == NFTO_REASON_TAGS);
}

/* Spoils one thing of a rule that is understood; which reason that has to give. */
static enum nfto_reason spoil(struct nfrule *r, int what)
{
	struct flow_action_entry *entries = r->rule->action.entries;
	unsigned int *num = &r->rule->action.num_entries;

	switch (what) {
	case 0:
		r->dissector.used_keys |= BIT_ULL(FLOW_DISSECTOR_KEY_IP);
		return NFTO_REASON_KEY;
	case 1:
		r->dissector.used_keys |= BIT_ULL(FLOW_DISSECTOR_KEY_ENC_KEYID);
		return NFTO_REASON_TUNNEL;
	case 2:
		r->mask.ipv4.src = htonl(0xffffff00);
		return NFTO_REASON_MASK;
	case 3:
		r->mask.tp.dst = 0;
		return NFTO_REASON_MASK;
	case 4:
		r->key.basic.ip_proto = IPPROTO_GRE;
		return NFTO_REASON_PROTOCOL;
	case 5:
		r->mask.tcp.flags = htons(0x0002);
		return NFTO_REASON_KEY;
	case 6:		/* parts of bytes */
		entries[2].mangle.mask = 0x0f0f0f0f;
		return NFTO_REASON_REWRITE;
	case 7:		/* beyond the MACs */
		entries[0].mangle.offset = 12;
		return NFTO_REASON_REWRITE;
	case 8:		/* one word of the MACs is missing */
		entries[1] = entries[0];
		return NFTO_REASON_REWRITE;
	case 9:
		entries[*num - 1].id = FLOW_ACTION_DROP;
		return NFTO_REASON_ACTION;
	case 10:	/* one tag more than there may be */
		entries[0].id = FLOW_ACTION_VLAN_POP;
		entries[1].id = FLOW_ACTION_VLAN_POP;
		entries[2].id = FLOW_ACTION_VLAN_POP;
		return NFTO_REASON_ACTION;
	case 11:
		--*num;
		return NFTO_REASON_NO_REDIRECT;
	case 12:	/* behind the redirect */
		nfrule_action(r, FLOW_ACTION_CSUM);
		return NFTO_REASON_NO_REDIRECT;
	default:
		return NFTO_REASON_MAX;
	}
}

/* The rest, split for size only. */
static enum nfto_reason spoil_more(struct nfrule *r, int what)
{
	struct flow_action_entry *entries = r->rule->action.entries;

	switch (what) {
	case 0:
		r->key.basic.n_proto = htons(ETH_P_ARP);
		return NFTO_REASON_PROTOCOL;
	case 1:
		r->mask.meta.ingress_ifindex = 0;
		return NFTO_REASON_MASK;
	case 2:
		r->mask.control.flags = FLOW_DIS_IS_FRAGMENT;
		return NFTO_REASON_KEY;
	case 3:
		entries[0].mangle.htype = FLOW_ACT_MANGLE_HDR_TYPE_UDP;
		return NFTO_REASON_REWRITE;
	case 4:
		entries[0].id = FLOW_ACTION_TUNNEL_ENCAP;
		return NFTO_REASON_TUNNEL;
	case 5:
		r->mask.basic.n_proto = 0;
		return NFTO_REASON_MASK;
	case 6:		/* the type of service */
		nfrule_action(r, FLOW_ACTION_REDIRECT)->dev = out;
		entries[r->rule->action.num_entries - 2] = entries[0];
		entries[r->rule->action.num_entries - 2].mangle.htype =
			FLOW_ACT_MANGLE_HDR_TYPE_IP4;
		entries[r->rule->action.num_entries - 2].mangle.offset = 0;
		return NFTO_REASON_REWRITE;
	case 7:		/* in no header, though nothing of it is written */
		nfrule_action(r, FLOW_ACTION_REDIRECT)->dev = out;
		entries[r->rule->action.num_entries - 2] = entries[0];
		entries[r->rule->action.num_entries - 2].mangle.offset = 12;
		entries[r->rule->action.num_entries - 2].mangle.mask = ~0U;
		return NFTO_REASON_REWRITE;
	default:
		return NFTO_REASON_MAX;
	}
}

static void refuses_what_it_does_not_know(void)
{
	enum nfto_reason (*const spoilers[])(struct nfrule *, int) = { spoil, spoil_more };
	struct nfrule_spec s = spec(false, true);
	enum nfto_reason reason;
	struct nfto_rule rule;
	struct nfrule r;
	int what, num = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spoilers); i++) {
		for (what = 0; ; what++, num++) {
			nfrule_build(&r, &s);
			reason = spoilers[i](&r, what);
			if (reason == NFTO_REASON_MAX)
				break;
			CHECK(parse(&r, &rule) == reason);
		}
		/* and as it is, it is understood */
		CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	}
	CHECK(num == 21);
}

static bool emit(const struct nfto_rule *rule, struct nfto_offer *offer)
{
	static const struct nfto_policy strict;

	memset(offer, 0, sizeof(*offer));
	offer->rule = calloc(1, sizeof(*offer->rule) +
			     NFTO_ACTIONS_MAX * sizeof(struct flow_action_entry));
	return !nfto_dialect_emit(rule, sim(), NFTO_DIALECT_EXACT, &strict, offer);
}

static void dialect_golden_ipv4_tcp_snat(void)
{
	static const struct {
		int id, htype;
		u32 offset;
		u8 keep[4], val[4];
	} golden[] = {
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 0,
		  { 0, 0, 0, 0 }, { 2, 0xa1, 0xa2, 0xa3 } },
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 4,
		  { 0, 0, 0xff, 0xff }, { 0xa4, 0xa5, 0, 0 } },
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 4,
		  { 0xff, 0xff, 0, 0 }, { 0, 0, 2, 0xb1 } },
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 8,
		  { 0, 0, 0, 0 }, { 0xb2, 0xb3, 0xb4, 0xb5 } },
		{ FLOW_ACTION_ADD, FLOW_ACT_MANGLE_HDR_TYPE_IP4, 8,
		  { 0, 0xff, 0xff, 0xff }, { 0xff, 0, 0, 0 } },
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_IP4, 12,
		  { 0, 0, 0, 0 }, { 203, 0, 113, 3 } },
		{ FLOW_ACTION_MANGLE, FLOW_ACT_MANGLE_HDR_TYPE_TCP, 0,
		  { 0, 0, 0xff, 0xff }, { 0x30, 0x31, 0, 0 } },
	};
	struct nfrule_spec s = spec(false, true);
	const struct flow_action_entry *e;
	struct nfto_offer offer;
	struct nfto_rule rule;
	struct nfrule r;
	size_t i;

	s.snat = true;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	CHECK(emit(&rule, &offer));
	CHECK(offer.rule->action.num_entries == ARRAY_SIZE(golden) + 1);
	e = offer.rule->action.entries;
	for (i = 0; i < ARRAY_SIZE(golden); i++) {
		CHECK((int)e[i].id == golden[i].id);
		CHECK((int)e[i].mangle.htype == golden[i].htype);
		CHECK(e[i].mangle.offset == golden[i].offset);
		CHECK(!memcmp(&e[i].mangle.mask, golden[i].keep, 4));
		CHECK(!memcmp(&e[i].mangle.val, golden[i].val, 4));
		CHECK(e[i].hw_stats == FLOW_ACTION_HW_STATS_ANY);
	}
	CHECK(e[i].id == FLOW_ACTION_REDIRECT && e[i].dev == out);
	CHECK(offer.protocol == htons(ETH_P_IP));
	CHECK(!(offer.dissector.used_keys & BIT_ULL(FLOW_DISSECTOR_KEY_META)));
	CHECK(offer.mask.control.flags == FLOW_DIS_IS_FRAGMENT && !offer.key.control.flags);
	CHECK(offer.mask.tcp.flags == htons(5) && !offer.key.tcp.flags);
	free(offer.rule);
}

static void dialect_says_outer_protocol(void)
{
	struct nfrule_spec s = spec(true, false);
	struct nfto_offer offer;
	struct nfto_rule rule;
	struct nfrule r;

	s.num_tags = 1;
	s.tags[0] = 5;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	CHECK(tags(&rule, &s) == NFTO_REASON_NONE);
	CHECK(emit(&rule, &offer));
	CHECK(offer.protocol == htons(ETH_P_8021Q));
	CHECK(offer.key.basic.n_proto == htons(ETH_P_IPV6));
	CHECK(offer.key.vlan.vlan_id == 5);
	CHECK(!(offer.dissector.used_keys & BIT_ULL(FLOW_DISSECTOR_KEY_TCP)));
	free(offer.rule);
}

/* The core names the outermost first; a driver pushes one upon the other. */
static void dialect_pushes_innermost_first(void)
{
	struct nfrule_spec s = spec(false, true);
	const struct flow_action_entry *e;
	struct nfto_offer offer;
	struct nfto_rule rule;
	struct nfrule r;

	s.num_push = 2;
	s.push[0] = 10;
	s.push[1] = 20;
	nfrule_build(&r, &s);
	CHECK(parse(&r, &rule) == NFTO_REASON_NONE);
	CHECK(emit(&rule, &offer));
	e = &offer.rule->action.entries[offer.rule->action.num_entries - 3];
	CHECK(e[0].id == FLOW_ACTION_VLAN_PUSH && e[0].vlan.vid == 20);
	CHECK(e[1].id == FLOW_ACTION_VLAN_PUSH && e[1].vlan.vid == 10);
	CHECK(e[2].id == FLOW_ACTION_REDIRECT);
	free(offer.rule);
}

int main(void)
{
	TEST(reasons_have_words);
	TEST(parses_plain_ipv4);
	TEST(parses_nat);
	TEST(parses_tags);
	TEST(tags_are_the_flows);
	TEST(enters_through_vlan_devices);
	TEST(leaves_through_vlan_devices);
	TEST(refuses_what_it_does_not_know);
	TEST(dialect_golden_ipv4_tcp_snat);
	TEST(dialect_says_outer_protocol);
	TEST(dialect_pushes_innermost_first);
	driver_tests();
	golden_tests();
	return tap_end();
}
