// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check_model.h"

const char *check_string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

json_int_t check_integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *check_only_key(const json_t *object, const json_t **value)
{
	/* libjansson's iterators take no const, but change nothing. */
	void *iter = json_object_iter((json_t *)object);

	*value = iter ? json_object_iter_value(iter) : NULL;
	return iter ? json_object_iter_key(iter) : NULL;
}

size_t check_string_count(const json_t *strings)
{
	return json_is_string(strings) ? 1 : json_array_size(strings);
}

const char *check_string_at(const json_t *strings, size_t i)
{
	const char *value;

	value = json_string_value(json_is_string(strings) ? strings : json_array_get(strings, i));
	return value ? value : "";
}

void *check_grow(void *array, size_t count, size_t size)
{
	char *bigger = array;

	/* Powers of two only, so that long rulesets are not copied for each rule. */
	if (!(count & (count - 1))) {
		bigger = realloc(array, (count ? 2 * count : 1) * size);
		if (!bigger)
			return NULL;
	}
	memset(bigger + count * size, 0, size);
	return bigger;
}

/* Freed by the caller. Names have no spaces in them. */
static char *name_key(const char *family, const char *table, const char *name)
{
	size_t size = strlen(family) + strlen(table) + strlen(name) + 3;
	char *key = malloc(size);

	if (key)
		snprintf(key, size, "%s %s %s", family, table, name);
	return key;
}

static int name_set(json_t *names, const json_t *object, const char *name, json_t *value)
{
	char *key = name_key(check_string(object, "family"), check_string(object, "table"), name);
	int err = !key || json_object_set_nocheck(names, key, value) ? -ENOMEM : 0;

	free(key);
	return err;
}

static json_t *name_get(const json_t *names, const char *family, const char *table,
			const char *name)
{
	char *key = name_key(family, table, name);
	json_t *value = key ? json_object_get(names, key) : NULL;

	free(key);
	return value;
}

struct check_chain *check_model_chain(const struct check_model *model, const char *family,
				      const char *table, const char *name)
{
	json_t *number = name_get(model->names, family, table, name);

	return number ? &model->chains[json_integer_value(number)] : NULL;
}

const json_t *check_model_map(const struct check_model *model, const struct check_chain *chain,
			      const char *name)
{
	return name_get(model->maps, chain->family, chain->table, name + (*name == '@'));
}

static int add_chain(struct check_model *model, const json_t *object)
{
	struct check_chain *chain;
	json_t *number;
	int err;

	chain = check_grow(model->chains, model->chain_count, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	model->chains = chain;
	chain += model->chain_count;
	chain->family = check_string(object, "family");
	chain->table = check_string(object, "table");
	chain->name = check_string(object, "name");
	chain->type = check_string(object, "type");
	chain->hook = check_string(object, "hook");
	chain->policy = check_string(object, "policy");
	chain->handle = check_integer(object, "handle");
	number = json_integer((json_int_t)model->chain_count++);
	err = number ? name_set(model->names, object, chain->name, number) : -ENOMEM;
	json_decref(number);
	return err;
}

static int add_rule(struct check_model *model, const json_t *object)
{
	struct check_chain *chain;
	struct check_rule *rule;

	chain = check_model_chain(model, check_string(object, "family"),
				  check_string(object, "table"), check_string(object, "chain"));
	if (!chain)
		return 0;
	rule = check_grow(chain->rules, chain->count, sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	chain->rules = rule;
	rule += chain->count++;
	rule->chain = chain;
	rule->handle = check_integer(object, "handle");
	rule->expr = json_object_get(object, "expr");
	rule->number = model->rule_count++;
	return 0;
}

/* What nft itself tells counts; older versions tell nothing. */
static int flowtable_flags(const json_t *object, const json_t *flowtables)
{
	const json_t *flags = json_object_get(object, "flags"), *other;
	int value = 0;
	size_t i;

	for (i = 0; i < check_string_count(flags); i++) {
		if (!strcmp(check_string_at(flags, i), "offload"))
			value |= CHECK_FLAG_OFFLOAD;
		else if (!strcmp(check_string_at(flags, i), "counter"))
			value |= CHECK_FLAG_COUNTER;
	}
	json_array_foreach(flowtables, i, other) {
		if (!strcmp(check_string(other, "family"), check_string(object, "family")) &&
		    !strcmp(check_string(other, "table"), check_string(object, "table")) &&
		    !strcmp(check_string(other, "name"), check_string(object, "name")) &&
		    json_is_integer(json_object_get(other, "flags")))
			return value | (int)check_integer(other, "flags");
	}
	return flags ? value : CHECK_FLAGS_UNKNOWN;
}

static int add_flowtable(struct check_model *model, const json_t *object,
			 const json_t *flowtables)
{
	struct check_flowtable *ft;

	ft = check_grow(model->flowtables, model->flowtable_count, sizeof(*ft));
	if (!ft)
		return -ENOMEM;
	model->flowtables = ft;
	ft += model->flowtable_count++;
	ft->family = check_string(object, "family");
	ft->table = check_string(object, "table");
	ft->name = check_string(object, "name");
	ft->handle = check_integer(object, "handle");
	ft->prio = check_integer(object, "prio");
	ft->dev = json_object_get(object, "dev");
	ft->flags = flowtable_flags(object, flowtables);
	return 0;
}

static int add_object(struct check_model *model, const json_t *item, const json_t *flowtables)
{
	const json_t *object, *elements;
	const char *kind = check_only_key(item, &object);

	if (!kind)
		return 0;
	if (!strcmp(kind, "chain"))
		return add_chain(model, object);
	if (!strcmp(kind, "flowtable"))
		return add_flowtable(model, object, flowtables);
	elements = json_object_get(object, "elem");
	if (!strcmp(kind, "map") && elements)
		return name_set(model->maps, object, check_string(object, "name"),
				(json_t *)elements);
	return 0;
}

int check_model_init(struct check_model *model, const json_t *ruleset, const json_t *flowtables)
{
	const json_t *list = json_object_get(ruleset, "nftables"), *item, *object;
	const char *kind;
	int err = -ENOMEM;
	size_t i;

	memset(model, 0, sizeof(*model));
	model->names = json_object();
	model->maps = json_object();
	if (!model->names || !model->maps)
		goto err_exit;
	json_array_foreach(list, i, item) {
		err = add_object(model, item, flowtables);
		if (err)
			goto err_exit;
	}
	/* Rules point to their chains, which stay where they are from here on. */
	json_array_foreach(list, i, item) {
		kind = check_only_key(item, &object);
		err = kind && !strcmp(kind, "rule") ? add_rule(model, object) : 0;
		if (err)
			goto err_exit;
	}
	return 0;

err_exit:
	check_model_exit(model);
	return err;
}

void check_model_exit(struct check_model *model)
{
	size_t i;

	for (i = 0; i < model->chain_count; i++)
		free(model->chains[i].rules);
	free(model->chains);
	free(model->flowtables);
	json_decref(model->names);
	json_decref(model->maps);
	memset(model, 0, sizeof(*model));
}
