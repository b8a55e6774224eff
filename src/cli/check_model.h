/* SPDX-License-Identifier: GPL-2.0 */
/* The ruleset's JSON as chains of rules. It points into the JSON, and lives no longer. */
#ifndef NFTO_CLI_CHECK_MODEL_H
#define NFTO_CLI_CHECK_MODEL_H

#include <jansson.h>
#include <stdbool.h>

#define CHECK_FLAG_OFFLOAD 1
#define CHECK_FLAG_COUNTER 2
#define CHECK_FLAGS_UNKNOWN (-1)

struct check_chain;

struct check_rule {
	const struct check_chain *chain;
	json_int_t handle;
	const json_t *expr;
	size_t number;			/* among all rules */
};

/* Strings are never NULL. */
struct check_chain {
	const char *family, *table, *name, *type, *hook, *policy;
	json_int_t handle;
	struct check_rule *rules;
	size_t count;
};

struct check_flowtable {
	const char *family, *table, *name;
	json_int_t handle, prio;
	const json_t *dev;		/* a string, an array of strings, or NULL */
	int flags;
};

struct check_model {
	struct check_chain *chains;
	size_t chain_count;
	struct check_flowtable *flowtables;
	size_t flowtable_count;
	size_t rule_count;
	json_t *names;			/* "family table chain" to the chain's number */
	json_t *maps;			/* "family table map" to its elements */
};

int check_model_init(struct check_model *model, const json_t *ruleset, const json_t *flowtables);
void check_model_exit(struct check_model *model);

struct check_chain *check_model_chain(const struct check_model *model, const char *family,
				      const char *table, const char *name);
const json_t *check_model_map(const struct check_model *model, const struct check_chain *chain,
			      const char *name);

/* A string of @object, or "". */
const char *check_string(const json_t *object, const char *key);
json_int_t check_integer(const json_t *object, const char *key);

/* The one key of {"key": value}, or NULL. */
const char *check_only_key(const json_t *object, const json_t **value);

/* Strings are an array, or one by itself. */
size_t check_string_count(const json_t *strings);
const char *check_string_at(const json_t *strings, size_t i);

/* Grows an array of @count elements by one, zeroed; NULL without memory. */
void *check_grow(void *array, size_t count, size_t size);

static inline bool check_is_base(const struct check_chain *chain)
{
	return chain->hook[0];
}

#endif
