// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "check_walk.h"

#define DEPTH_MAX 16	/* as in the kernel */

/* One rule on one way to it. */
struct step {
	struct check_walk *walk;
	const struct check_rule *rule;
	unsigned int depth;
	unsigned int returned;	/* states that go back to the calling chain */
};

static unsigned int walk_chain(struct check_walk *walk, const struct check_chain *chain,
			       const struct check_cond *cond, unsigned int depth);

static unsigned int walk_target(struct step *step, const json_t *verdict,
				const struct check_cond *cond)
{
	const struct check_chain *from = step->rule->chain, *chain;

	chain = check_model_chain(step->walk->model, from->family, from->table,
				  check_string(verdict, "target"));
	return chain ? walk_chain(step->walk, chain, cond, step->depth + 1) : cond->ct;
}

/* A verdict or a statement. Returns the states that go no further in this chain. */
static unsigned int walk_statement(struct step *step, const char *kind, const json_t *value,
				   const struct check_cond *cond)
{
	static const char *const last[] = { "accept", "drop", "reject", "queue", "fwd", NULL };
	unsigned int i;

	step->walk->visit(step->walk, step->rule, kind, value, cond);
	if (!strcmp(kind, "jump"))
		return cond->ct & ~walk_target(step, value, cond);
	if (!strcmp(kind, "goto")) {
		step->returned |= walk_target(step, value, cond);
		return cond->ct;
	}
	if (!strcmp(kind, "return")) {
		step->returned |= cond->ct;
		return cond->ct;
	}
	for (i = 0; last[i]; i++)
		if (!strcmp(kind, last[i]))
			return cond->ct;
	return 0;
}

/* An element of a verdict map; @others are the states that no other element has. */
static unsigned int walk_element(struct step *step, const json_t *key, const json_t *element,
				 const struct check_cond *cond, unsigned int others)
{
	const json_t *left = json_array_get(element, 0), *value;
	const char *verdict = check_only_key(json_array_get(element, 1), &value);
	const char *name = json_string_value(left);
	struct check_cond here = *cond;
	unsigned int gone;

	if (!verdict)
		return 0;
	here.partial = false;
	if (name && !strcmp(name, "*"))
		here.ct &= others;
	else
		check_cond_equal(&here, key, left);
	gone = walk_statement(step, verdict, value, &here);
	return here.partial ? 0 : gone;
}

static unsigned int walk_vmap(struct step *step, const json_t *vmap, const struct check_cond *cond)
{
	const json_t *key = json_object_get(vmap, "key"), *data = json_object_get(vmap, "data");
	const char *name = json_string_value(data);
	unsigned int gone = 0, others = CT_ALL;
	const json_t *elements, *element;
	size_t i;

	elements = name ? check_model_map(step->walk->model, step->rule->chain, name) :
			  json_object_get(data, "set");
	if (check_is_ct_state(key))
		json_array_foreach(elements, i, element)
			others &= ~check_ct_states(json_array_get(element, 0));
	json_array_foreach(elements, i, element)
		gone |= walk_element(step, key, element, cond, others);
	/* Elements of a named map may come and go. */
	return name ? 0 : gone;
}

/* Such a statement ends the rule for some packets, and not for others. */
static bool is_condition(const char *kind)
{
	static const char *const kinds[] = {
		"limit", "quota", "ct count", "set", "map", "meter", "xt", NULL
	};
	unsigned int i;

	for (i = 0; kinds[i]; i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

/* What nft has no JSON for is text: updates of maps, and anonymous chains. */
static void walk_text(struct step *step, const json_t *statement, struct check_cond *cond)
{
	const char *text = json_string_value(statement);
	bool update = !strncmp(text, "add @", 5) || !strncmp(text, "update @", 8) ||
		      !strncmp(text, "delete @", 8);

	check_cond_some(cond);
	step->walk->visit(step->walk, step->rule, update ? "map" : text,
			  update ? statement : NULL, cond);
}

static void walk_rule(struct step *step, struct check_cond *chain)
{
	struct check_cond cond = *chain;
	const json_t *statement, *value;
	unsigned int gone = 0;
	const char *kind;
	size_t i;

	cond.partial = false;
	json_array_foreach(step->rule->expr, i, statement) {
		kind = check_only_key(statement, &value);
		if (json_is_string(statement)) {
			walk_text(step, statement, &cond);
		} else if (!kind) {
			check_cond_some(&cond);
		} else if (!strcmp(kind, "match")) {
			check_cond_match(&cond, value);
		} else if (!strcmp(kind, "vmap")) {
			gone |= walk_vmap(step, value, &cond);
		} else {
			if (is_condition(kind))
				check_cond_some(&cond);
			gone |= walk_statement(step, kind, value, &cond);
		}
	}
	if (cond.partial || !(chain->ct & gone))
		return;
	if (chain->ct & gone & CT_ESTABLISHED)
		chain->taker = step->rule;
	chain->ct &= ~gone;
}

static unsigned int walk_chain(struct check_walk *walk, const struct check_chain *chain,
			       const struct check_cond *cond, unsigned int depth)
{
	struct step step = { .walk = walk, .depth = depth };
	struct check_cond here = *cond;
	size_t i;

	if (depth > DEPTH_MAX)
		return cond->ct;
	for (i = 0; i < chain->count && walk->steps; i++) {
		walk->steps--;
		step.rule = &chain->rules[i];
		walk_rule(&step, &here);
	}
	return step.returned | here.ct;
}

unsigned int check_walk_base(struct check_walk *walk, const struct check_chain *base)
{
	struct check_cond cond;

	check_cond_init(&cond, base->family);
	walk->base = base;
	return walk_chain(walk, base, &cond, 0);
}
