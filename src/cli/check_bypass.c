// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "check_analyse.h"

#define WAY_OUT "let it see new connections only (`ct state new`), or leave this traffic out of `flow add`"
#define LEAVE_OUT "leave this traffic out of `flow add`"

/*
 * What a statement means for flows in hardware. @always: for the connection as a whole, so that
 * it counts at new ones too. The text begins with the thing.
 */
struct meaning {
	const char *statement, *id, *severity;
	bool always;
	const char *text;
};

static const struct meaning meanings[] = {
	{ "log", "log", "bypass", false,
	  "log: packets of a flow in hardware are not logged: " WAY_OUT },
	{ "queue", "queue", "bypass", false,
	  "queue: packets of a flow in hardware do not come to user space: " LEAVE_OUT },
	{ "limit", "limit", "bypass", false,
	  "limit: a flow in hardware is not held to the rate: " WAY_OUT },
	{ "quota", "quota", "bypass", false,
	  "quota: what a flow in hardware transfers is not counted: " LEAVE_OUT },
	{ "counter", "counter", "bypass", false,
	  "counter: packets of a flow in hardware are not counted: count new connections only (`ct state new`), or read the bytes from conntrack, for which the flowtable needs `counter`" },
	{ "last", "last", "bypass", false,
	  "last: packets of a flow in hardware do not change it: " WAY_OUT },
	{ "ct count", "connlimit", "bypass", false,
	  "ct count: a flow in hardware is not asked about: " WAY_OUT },
	{ "set", "dynset", "bypass", false,
	  "set update: a flow in hardware neither adds nor refreshes elements: " WAY_OUT },
	{ "map", "dynset", "bypass", false,
	  "map update: a flow in hardware neither adds nor refreshes elements: " WAY_OUT },
	{ "meter", "dynset", "bypass", false,
	  "meter: packets of a flow in hardware are not metered: " WAY_OUT },
	{ "mangle", "mangle", "bypass", false,
	  "%s set: packets of a flow in hardware leave unchanged: " LEAVE_OUT },
	{ "ct helper", "helper", "problem", true,
	  "ct helper: connections with a helper are never offloaded: give it only to those that need it" },
	{ "synproxy", "synproxy", "problem", true,
	  "synproxy: its connections get new sequence numbers, and are never offloaded: use it only where it is needed" },
	{ "tproxy", "tproxy", "bypass", false,
	  "tproxy: packets of a flow in hardware do not come to the proxy: " LEAVE_OUT },
	{ "dup", "dup", "bypass", false,
	  "dup: packets of a flow in hardware are not duplicated: " LEAVE_OUT },
	{ "fwd", "fwd", "bypass", false,
	  "fwd: packets of a flow in hardware go where its route leads: " LEAVE_OUT },
	{ "secmark", "secmark", "bypass", false,
	  "secmark: packets of a flow in hardware are not marked: " LEAVE_OUT },
	{ "notrack", "notrack", "hint", true,
	  "notrack: without conntrack there is no flow to offload: use it only where it is needed" },
	{ "drop", "packet-drop", "bypass", false,
	  "drop by %s: packets of a flow in hardware are not asked for it: " LEAVE_OUT },
	{ "reject", "packet-drop", "bypass", false,
	  "reject by %s: packets of a flow in hardware are not asked for it: " LEAVE_OUT },
	{ "xt", "opaque", "hint", true,
	  "xt: only iptables knows what this rule does, it was not looked at" },
	{ "", "opaque", "hint", true,
	  "a statement that nft lists as text only, such as an anonymous chain, was not looked at: give the chain a name" },
};

/* Each has a bit. */
#define MEANINGS 22

_Static_assert(sizeof(meanings) == MEANINGS * sizeof(struct meaning) && MEANINGS <= 32,
	       "as many, and a bit for each");

struct hit {
	const struct check_rule *rule;
	const struct meaning *meaning;
	char thing[CHECK_THING];
};

struct bypass {
	struct check_analysis *a;
	uint32_t *seen;			/* by rule, bits by meaning: many ways lead to a rule */
	struct hit *hits;
	size_t count;
	bool nat;			/* destinations may be translated */
};

static const struct meaning *meaning_of(const char *kind, const json_t *value)
{
	size_t i;

	for (i = 0; i < MEANINGS; i++)
		if (!strcmp(meanings[i].statement, value ? kind : ""))
			return &meanings[i];
	return NULL;
}

/* Only the SYN has an MSS, and it is never switched; zones and events are not of a packet. */
static bool is_harmless(const json_t *mangle)
{
	const json_t *key = json_object_get(mangle, "key");
	const char *ct = check_string(json_object_get(key, "ct"), "key");

	return !strcmp(check_string(json_object_get(key, "tcp option"), "name"), "maxseg") ||
	       !strcmp(ct, "zone") || !strcmp(ct, "event");
}

/* iptables gives each of its rules a counter, wanted or not; its chains have the names of hooks. */
static bool is_of_iptables(const struct check_chain *base)
{
	return base->name[0] == base->hook[0] - 'a' + 'A' && !strcasecmp(base->name, base->hook);
}

/* The service's port, if it is translated, is another one outside of the forward chain. */
static bool concerns_flows(const struct bypass *bypass, const struct check_walk *walk,
			   const struct check_cond *cond)
{
	bool same_ports = !bypass->nat || check_is_forward(walk->base);
	size_t i;

	for (i = 0; i < bypass->a->flow_count; i++)
		if (check_cond_overlap(&bypass->a->flows[i].cond, cond, same_ports))
			return true;
	return false;
}

static void add_hit(struct bypass *bypass, const struct check_rule *rule,
		    const struct meaning *meaning, const json_t *value,
		    const struct check_cond *cond)
{
	uint32_t bit = 1U << (meaning - meanings);
	struct hit *hit;

	if (bypass->seen[rule->number] & bit)
		return;
	bypass->seen[rule->number] |= bit;
	hit = check_grow(bypass->hits, bypass->count, sizeof(*hit));
	if (!hit) {
		bypass->a->err = -ENOMEM;
		return;
	}
	bypass->hits = hit;
	hit += bypass->count++;
	hit->rule = rule;
	hit->meaning = meaning;
	if (!strcmp(meaning->id, "mangle"))
		check_thing(json_object_get(value, "key"), hit->thing);
	else
		memcpy(hit->thing, cond->packet, sizeof(hit->thing));
}

static void visit(struct check_walk *walk, const struct check_rule *rule, const char *kind,
		  const json_t *value, const struct check_cond *cond)
{
	const struct meaning *meaning = meaning_of(kind, value);
	struct bypass *bypass = walk->arg;

	if (!meaning || !(meaning->always ? cond->ct : cond->ct & CT_ESTABLISHED))
		return;
	if (!strcmp(meaning->id, "packet-drop") && !cond->packet[0])
		return;
	if (!strcmp(meaning->id, "mangle") && is_harmless(value))
		return;
	if (!strcmp(meaning->id, "counter") && is_of_iptables(walk->base))
		return;
	if (concerns_flows(bypass, walk, cond))
		add_hit(bypass, rule, meaning, value, cond);
}

/* A chain of type nat sees only the first packet of a connection. */
static bool is_bypassed(const struct check_chain *chain)
{
	bool routed = !strcmp(chain->family, "inet") || !strcmp(chain->family, "ip") ||
		      !strcmp(chain->family, "ip6");

	if (!strcmp(chain->hook, "ingress") || !strcmp(chain->hook, "egress"))
		return routed || !strcmp(chain->family, "netdev");
	return routed && strcmp(chain->type, "nat") &&
	       (check_is_forward(chain) || !strcmp(chain->hook, "prerouting") ||
		!strcmp(chain->hook, "postrouting"));
}

static bool translates_destinations(const struct check_chain *chain)
{
	return !strcmp(chain->type, "nat") && !strcmp(chain->hook, "prerouting") && chain->count;
}

static int compare(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->rule->number != y->rule->number)
		return x->rule->number < y->rule->number ? -1 : 1;
	return x->meaning < y->meaning ? -1 : x->meaning > y->meaning;
}

static int report(struct check_analysis *a, const struct hit *hit)
{
	struct check_place place = check_place_of_rule(hit->rule);
	const char *text = hit->meaning->text, *hole = strstr(text, "%s");

	if (!hole)
		return check_report(a->findings, hit->meaning->id, hit->meaning->severity,
				    &place, "%s", text);
	return check_report(a->findings, hit->meaning->id, hit->meaning->severity, &place,
			    "%.*s%s%s", (int)(hole - text), text, hit->thing, hole + 2);
}

static void report_hits(struct check_analysis *a, struct bypass *bypass)
{
	const struct check_chain *opaque = NULL;
	const struct hit *hit;
	size_t i;

	if (bypass->count)
		qsort(bypass->hits, bypass->count, sizeof(*bypass->hits), compare);
	for (i = 0; i < bypass->count && !a->err; i++) {
		hit = &bypass->hits[i];
		/* Where one rule is of iptables, all of the chain are: once is enough. */
		if (!strcmp(hit->meaning->statement, "xt")) {
			if (hit->rule->chain == opaque)
				continue;
			opaque = hit->rule->chain;
		}
		a->err = report(a, hit);
	}
}

void check_bypass(struct check_analysis *a)
{
	struct bypass bypass = { .a = a };
	struct check_walk walk = {
		.model = &a->model, .steps = 1000000, .visit = visit, .arg = &bypass,
	};
	size_t i;

	bypass.seen = calloc(a->model.rule_count + 1, sizeof(*bypass.seen));
	if (!bypass.seen) {
		a->err = -ENOMEM;
		return;
	}
	for (i = 0; i < a->model.chain_count; i++)
		bypass.nat |= translates_destinations(&a->model.chains[i]);
	for (i = 0; i < a->model.chain_count && !a->err; i++)
		if (is_bypassed(&a->model.chains[i]))
			check_walk_base(&walk, &a->model.chains[i]);
	report_hits(a, &bypass);
	free(bypass.hits);
	free(bypass.seen);
}
