// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cases.h"
#include "inet.h"
#include "nfrule.h"

static const struct {
	const char *name;
	bool snat, sport, dnat, dport;
} nats[CASES_NAT] = {
	{ "routed", false, false, false, false },
	{ "snat", true, false, false, false },
	{ "snat+port", true, true, false, false },
	{ "dnat", false, false, true, false },
	{ "dnat+port", false, false, true, true },
	{ "snat+dnat", true, false, true, false },
	{ "snat+dnat+ports", true, true, true, true },
};

static const struct {
	const char *name;
	int num_tags, num_push;
	bool pppoe;
} tags[CASES_TAGS] = {
	{ "untagged", 0, 0, false },
	{ "pop", 1, 0, false },
	{ "push", 0, 1, false },
	{ "retag", 1, 1, false },
	{ "qinq-in", 2, 0, false },
	{ "qinq-out", 0, 2, false },
	{ "qinq-retag", 2, 2, false },
	{ "pppoe", 0, 0, true },
};

static void port(u8 at[2], u16 number)
{
	at[0] = number >> 8;
	at[1] = number;
}

static void address(u8 *at, bool v6, const char *v4_text, const char *v6_text)
{
	if (inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? v6_text : v4_text, at) != 1)
		abort();
}

static struct nfrule_spec spec(bool v6, bool tcp, unsigned int nat, unsigned int tag)
{
	struct nfrule_spec s = {
		.v6 = v6, .tcp = tcp, .out = CASE_OUT,
		.snat = nats[nat].snat, .dnat = nats[nat].dnat,
		.eth_dst = { 2, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5 },
		.eth_src = { 2, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5 },
		.num_tags = tags[tag].num_tags, .tags = { 101, 102 },
		.num_push = tags[tag].num_push, .push = { 201, 202 },
		.pppoe = tags[tag].pppoe,
	};

	address(s.src, v6, "192.0.2.1", "2001:db8:1::1");
	address(s.dst, v6, "198.51.100.2", "2001:db8:2::2");
	address(s.new_src, v6, "203.0.113.3", "2001:db8:3::3");
	address(s.new_dst, v6, "10.1.2.4", "2001:db8:4::4");
	port(s.sport, 4097);
	port(s.dport, 80);
	port(s.new_sport, nats[nat].sport ? 5003 : 4097);
	port(s.new_dport, nats[nat].dport ? 8080 : 80);
	return s;
}

/* Tags as the flow has them, which its rule does not say. */
static struct nfto_stack stack(int num, const u16 *vids)
{
	struct nfto_stack made = { .num = num };
	int i;

	for (i = 0; i < num; i++) {
		made.tags[i].tpid = htons(ETH_P_8021Q);
		made.tags[i].vid = htons(vids[i]);
	}
	return made;
}

const char *case_rule(unsigned int i, struct nfto_rule *rule)
{
	unsigned int tag = i % CASES_TAGS, nat = i / CASES_TAGS % CASES_NAT;
	bool tcp = i / CASES_TAGS / CASES_NAT % 2 == 0, v6 = i / CASES_TAGS / CASES_NAT / 2;
	struct nfrule_spec s = spec(v6, tcp, nat, tag);
	struct nfto_stack in = stack(s.num_tags, s.tags), out = stack(s.num_push, s.push);
	static char name[64];
	struct nfrule r;

	nfrule_build(&r, &s);
	if (nfto_rule_parse(r.rule, rule) || nfto_rule_tags(rule, &in, &out))
		abort();
	nfrule_free(&r);
	snprintf(name, sizeof(name), "%s %s %s %s", v6 ? "ipv6" : "ipv4", tcp ? "tcp" : "udp",
		 nats[nat].name, tags[tag].name);
	return name;
}
