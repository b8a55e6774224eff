/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of a packet of a flow, and what a canonical rule says becomes of it. */
#ifndef NFTO_FUZZ_MODEL_H
#define NFTO_FUZZ_MODEL_H

#include "../../src/core/rule.h"
#include "../host/packet.h"

struct model {
	struct packet bytes;
	int ttl;
	unsigned int num_tags;
	struct nfto_tag tags[8];	/* innermost first */
	bool pppoe;
	u16 pppoe_sid;
};

#define MUST(condition) ((condition) ? (void)0 : model_broken(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) void model_broken(const char *condition, const char *file, int line);

/* A packet that @match is of: its TTL is 64, and bytes that no match speaks of are alike. */
struct model model_of(const struct nfto_match *match);

/* What @rule says becomes of @m; its TTL is one less only if @ttl. */
void model_forward(struct model *m, const struct nfto_rule *rule, bool ttl);

/* Whether packets with these headers, and of TCP with these flags, are hit by what @by is. */
typedef bool model_hits(const void *by, const struct nfto_match *has, u16 flags);

/*
 * Ends the run unless packets of @match are hit, and none that differ in one bit of any byte that
 * tells flows apart, nor in their tags; more tags than in @match may be hit if @more_tags.
 */
void model_exact(const struct nfto_match *match, model_hits *hits, const void *by, bool more_tags);

/* Ends the run unless both are alike. */
void model_same(const struct model *a, const struct model *b);

#endif
