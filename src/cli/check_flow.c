// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "check_analyse.h"

/* More ways than this lead to "flow add" only by accident; then any flow may be added. */
#define FLOWS_MAX 256

/* What a forward chain does with established connections. */
struct forward {
	struct check_analysis *a;
	bool accepts;			/* packets of both directions */
	unsigned int one_way, ends;	/* rules that accept those of one */
	const struct check_rule *last;	/* drops whatever comes to it */
};

bool check_is_forward(const struct check_chain *chain)
{
	return !strcmp(chain->hook, "forward") &&
	       (!strcmp(chain->family, "inet") || !strcmp(chain->family, "ip") ||
		!strcmp(chain->family, "ip6"));
}

/*
 * The flowtable that a statement adds flows to, without an end of its own, or NULL. Anonymous
 * chains are listed as text, with all their rules in it.
 */
static const char *flowtable_of(const json_t *statement)
{
	const char *text = json_string_value(statement), *name;

	if (text) {
		name = strstr(text, "flow add @");
		return name ? name + strlen("flow add @") : NULL;
	}
	name = check_string(json_object_get(statement, "flow"), "flowtable");
	return name[0] ? name + (name[0] == '@') : NULL;
}

static const struct check_flowtable *find_flowtable(const struct check_model *model,
						    const struct check_add *add)
{
	const struct check_chain *chain = add->rule->chain;
	const struct check_flowtable *ft;
	size_t i;

	for (i = 0; i < model->flowtable_count; i++) {
		ft = &model->flowtables[i];
		if (!strcmp(ft->family, chain->family) && !strcmp(ft->table, chain->table) &&
		    strlen(ft->name) == (size_t)add->length &&
		    !memcmp(ft->name, add->name, (size_t)add->length))
			return ft;
	}
	return NULL;
}

static void find_add(struct check_analysis *a, const struct check_rule *rule)
{
	const json_t *statement;
	struct check_add *add;
	const char *name = NULL;
	size_t i;

	json_array_foreach(rule->expr, i, statement) {
		name = flowtable_of(statement);
		if (name)
			break;
	}
	if (!name)
		return;
	add = check_grow(a->adds, a->add_count, sizeof(*add));
	if (!add) {
		a->err = -ENOMEM;
		return;
	}
	a->adds = add;
	add += a->add_count++;
	add->rule = rule;
	add->name = name;
	add->length = (int)strcspn(name, " \t\n;}");
	add->ft = find_flowtable(&a->model, add);
}

void check_find_adds(struct check_analysis *a)
{
	size_t i, j;

	for (i = 0; i < a->model.chain_count; i++)
		for (j = 0; j < a->model.chains[i].count; j++)
			find_add(a, &a->model.chains[i].rules[j]);
}

static void add_flows(struct check_analysis *a, const struct check_add *add,
		      const struct check_cond *cond)
{
	struct check_flows *flows;

	if (a->flow_count == FLOWS_MAX) {
		check_cond_init(&a->flows[0].cond, "inet");
		return;
	}
	flows = check_grow(a->flows, a->flow_count, sizeof(*flows));
	if (!flows) {
		a->err = -ENOMEM;
		return;
	}
	a->flows = flows;
	flows += a->flow_count++;
	flows->cond = *cond;
	flows->add = add;
}

static void visit_add(struct check_walk *walk, const struct check_rule *rule,
		      const struct check_cond *cond, bool text)
{
	struct forward *forward = walk->arg;
	struct check_analysis *a = forward->a;
	struct check_add *add = NULL;
	size_t i;

	for (i = 0; i < a->add_count; i++)
		if (a->adds[i].rule == rule)
			add = &a->adds[i];
	if (!add)
		return;
	if (!check_is_forward(walk->base)) {
		add->hook = walk->base->hook;
		return;
	}
	add->forward = true;
	add->ct |= cond->ct;
	if (cond->ct & CT_ESTABLISHED) {
		add_flows(a, add, cond);
		add->early |= !text && (cond->ct & CT_NEW);
	} else {
		add->taker = cond->taker;
	}
}

static void visit_accept(struct forward *forward, const struct check_cond *cond)
{
	/* ICMP and the like are in no flowtable. */
	if (!cond->l3 || !(cond->l4 & L4_FLOWS))
		return;
	if (!cond->one_way)
		forward->accepts = true;
	forward->one_way |= cond->one_way;
	if (cond->one_way & ONE_WAY_ENDS)
		forward->ends++;
}

static void visit(struct check_walk *walk, const struct check_rule *rule, const char *kind,
		  const json_t *value, const struct check_cond *cond)
{
	struct forward *forward = walk->arg;

	if (!value || !strcmp(kind, "flow"))
		visit_add(walk, rule, cond, !value);
	if (!(cond->ct & CT_ESTABLISHED))
		return;
	if (!strcmp(kind, "accept") || !strcmp(kind, "queue"))
		visit_accept(forward, cond);
	else if (!value || !strcmp(kind, "xt"))
		/* Who knows what is in there; a chain as text may accept them. */
		forward->accepts = true;
	else if ((!strcmp(kind, "drop") || !strcmp(kind, "reject")) && !cond->narrowed)
		forward->last = rule;
}

/* Two rules for two ways, such as one for each device, may well be for both directions. */
static bool accepts_established(const struct forward *forward)
{
	const unsigned int ports = ONE_WAY_DPORT | ONE_WAY_SPORT;

	return forward->accepts || forward->ends > 1 || (forward->one_way & ports) == ports;
}

/* Are there flows whose packets come to @chain? */
static bool has_flows(const struct check_analysis *a, const struct check_chain *chain)
{
	struct check_cond flows, here;
	size_t i;

	check_cond_init(&here, chain->family);
	for (i = 0; i < a->add_count; i++) {
		check_cond_init(&flows, a->adds[i].rule->chain->family);
		if (flows.l3 & here.l3)
			return true;
	}
	return false;
}

static void report_dropped(struct check_analysis *a, const struct check_chain *chain,
			   const struct forward *forward, unsigned int left)
{
	struct check_place place = forward->last ? check_place_of_rule(forward->last) :
						   check_place_of_chain(chain);

	if (!forward->last && !((left & CT_ESTABLISHED) && !strcmp(chain->policy, "drop")))
		return;
	if (!has_flows(a, chain) || accepts_established(forward))
		return;
	if (check_report(a->findings, "established-dropped", "problem", &place,
			 "%s: packets of established connections are dropped before their flow is offloaded, and after it came back: add `ct state established,related accept` after `flow add`",
			 forward->last ? "this rule takes what is left" : "policy drop"))
		a->err = -ENOMEM;
}

void check_walk_forward(struct check_analysis *a)
{
	struct check_walk walk = { .model = &a->model, .steps = 1000000, .visit = visit };
	const struct check_place nowhere = { 0 };
	const struct check_chain *chain;
	unsigned int left;
	size_t i;

	for (i = 0; i < a->model.chain_count; i++) {
		struct forward forward = { .a = a };

		chain = &a->model.chains[i];
		if (!check_is_base(chain))
			continue;
		walk.arg = &forward;
		left = check_walk_base(&walk, chain);
		if (check_is_forward(chain) && !strcmp(chain->type, "filter"))
			report_dropped(a, chain, &forward, left);
	}
	if (!walk.steps && check_report(a->findings, "too-large", "hint", &nowhere,
					"too many jumps to follow all of them: findings are missing"))
		a->err = -ENOMEM;
}

static int report_taken(struct check_analysis *a, const struct check_add *add)
{
	struct check_place place = check_place_of_rule(add->rule);
	const struct check_chain *chain = add->taker->chain;
	json_t *before;

	if (check_report(a->findings, "flow-add-unreachable", "problem", &place,
			 "flow add @%.*s: no established packet comes here, the rule with handle %lld in chain %s takes them all: move this rule in front of that one",
			 add->length, add->name, (long long)add->taker->handle, chain->name))
		return -ENOMEM;
	before = json_pack("{s:s, s:s, s:s, s:I}", "family", chain->family, "table",
			   chain->table, "chain", chain->name, "handle", add->taker->handle);
	return json_object_set_new(json_array_get(a->findings, json_array_size(a->findings) - 1),
				   "before", before) ? -ENOMEM : 0;
}

static int report_unreachable(struct check_analysis *a, const struct check_add *add)
{
	struct check_place place = check_place_of_rule(add->rule);

	if (!add->forward && add->hook)
		return check_report(a->findings, "flow-add-hook", "problem", &place,
				    "flow add @%.*s: only the hook %s leads here, and only forwarded packets can be offloaded: move the rule to a chain with hook forward",
				    add->length, add->name, add->hook);
	if (!add->forward)
		return check_report(a->findings, "flow-add-unhooked", "problem", &place,
				    "flow add @%.*s: no packet comes here, the chain has no hook and no chain with one jumps to it: jump to it from the forward chain",
				    add->length, add->name);
	if (add->taker)
		return report_taken(a, add);
	return check_report(a->findings, "flow-add-unreachable", "problem", &place,
			    "flow add @%.*s: no established packet comes here, by what the rule or those that lead to it ask for: ask for `ct state established`",
			    add->length, add->name);
}

static int report_add(struct check_analysis *a, const struct check_add *add)
{
	struct check_place place = check_place_of_rule(add->rule);
	int err = 0;

	if (!add->ft)
		err = check_report(a->findings, "flow-add-unknown", "problem", &place,
				   "flow add @%.*s: this table has no such flowtable",
				   add->length, add->name);
	else if (add->ft->flags != CHECK_FLAGS_UNKNOWN && !(add->ft->flags & CHECK_FLAG_OFFLOAD))
		err = check_report(a->findings, "flow-add-software", "problem", &place,
				   "flow add @%.*s: the flowtable has no `flags offload`, so its flows stay in software: add it there",
				   add->length, add->name);
	if (err)
		return err;
	if (!(add->ct & CT_ESTABLISHED))
		return report_unreachable(a, add);
	if (add->early)
		return check_report(a->findings, "flow-add-state", "hint", &place,
				    "flow add @%.*s: connections without a reply are offered too, which hardware takes too early: ask for `ct state established`",
				    add->length, add->name);
	return 0;
}

void check_report_adds(struct check_analysis *a)
{
	size_t i;

	for (i = 0; i < a->add_count && !a->err; i++)
		a->err = report_add(a, &a->adds[i]);
}
