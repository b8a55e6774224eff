// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

void model_broken(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

struct model model_of(const struct nfto_match *match)
{
	struct model m = { .ttl = 64 };
	bool v4 = match->n_proto == htons(ETH_P_IP);
	size_t len = v4 ? 4 : 16, at = v4 ? 12 : 8;
	unsigned int i;

	memset(m.bytes.eth, 0xee, sizeof(m.bytes.eth));
	memset(m.bytes.ip, 0x11, sizeof(m.bytes.ip));
	memcpy(m.bytes.ip + at, match->src, len);
	memcpy(m.bytes.ip + at + len, match->dst, len);
	memcpy(m.bytes.l4, &match->sport, 2);
	memcpy(m.bytes.l4 + 2, &match->dport, 2);
	for (i = 0; i < match->num_tags; i++)
		m.tags[match->num_tags - 1 - i] = match->tags[i];
	m.num_tags = match->num_tags;
	return m;
}

void model_forward(struct model *m, const struct nfto_rule *rule, bool ttl)
{
	bool v4 = rule->match.n_proto == htons(ETH_P_IP);
	size_t len = v4 ? 4 : 16, at = v4 ? 12 : 8;
	unsigned int i;

	memcpy(m->bytes.eth, rule->eth_dst, 6);
	memcpy(m->bytes.eth + 6, rule->eth_src, 6);
	if (rule->edits & NFTO_EDIT_SRC)
		memcpy(m->bytes.ip + at, rule->src, len);
	if (rule->edits & NFTO_EDIT_DST)
		memcpy(m->bytes.ip + at + len, rule->dst, len);
	if (rule->edits & NFTO_EDIT_SPORT)
		memcpy(m->bytes.l4, &rule->sport, 2);
	if (rule->edits & NFTO_EDIT_DPORT)
		memcpy(m->bytes.l4 + 2, &rule->dport, 2);
	if (ttl)
		m->ttl--;
	MUST(m->num_tags >= rule->num_pop);
	m->num_tags -= rule->num_pop;
	m->pppoe = rule->pppoe;
	m->pppoe_sid = rule->pppoe_sid;
	for (i = 0; i < rule->num_push; i++)
		m->tags[m->num_tags++] = rule->push[i];
}

void model_same(const struct model *a, const struct model *b)
{
	MUST(!memcmp(&a->bytes, &b->bytes, sizeof(a->bytes)));
	MUST(a->ttl == b->ttl);
	MUST(a->num_tags == b->num_tags);
	MUST(!memcmp(a->tags, b->tags, a->num_tags * sizeof(a->tags[0])));
	MUST(a->pppoe == b->pppoe && a->pppoe_sid == b->pppoe_sid);
}

/* Members from src on tell flows apart; an IPv4 address has but the first word of each. */
static bool is_compared(const struct nfto_match *match, size_t at)
{
	return match->n_proto != htons(ETH_P_IP) || at >= offsetof(struct nfto_match, sport) ||
	       (at - offsetof(struct nfto_match, src)) % sizeof(match->src) < sizeof(__be32);
}

void model_exact(const struct nfto_match *match, model_hits *hits, const void *by, bool more_tags)
{
	struct nfto_match other;
	size_t i;

	MUST(hits(by, match, 0));
	for (i = offsetof(struct nfto_match, src); i < offsetof(struct nfto_match, num_tags); i++) {
		other = *match;
		((u8 *)&other)[i] ^= 1 << i % 8;
		MUST(!is_compared(match, i) || !hits(by, &other, 0));
	}
	for (i = 0; i < match->num_tags; i++) {
		other = *match;
		other.tags[i].vid ^= htons(1 << match->dport % 12);
		MUST(!hits(by, &other, 0));
		other.tags[i] = match->tags[i];
		other.tags[i].tpid ^= htons(1);
		MUST(!hits(by, &other, 0));
	}
	for (i = 0; i < NFTO_TAGS_MAX; i++) {
		other = *match;
		other.num_tags = (match->num_tags + 1 + i) % (NFTO_TAGS_MAX + 1);
		MUST(!hits(by, &other, 0) || (more_tags && other.num_tags > match->num_tags));
	}
}
