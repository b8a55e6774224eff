// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "check_findings.h"

struct check_place check_place_of_rule(const struct check_rule *rule)
{
	struct check_place place = check_place_of_chain(rule->chain);

	place.handle = rule->handle;
	return place;
}

struct check_place check_place_of_chain(const struct check_chain *chain)
{
	return (struct check_place) {
		.family = chain->family, .table = chain->table, .chain = chain->name,
	};
}

struct check_place check_place_of_flowtable(const struct check_flowtable *ft)
{
	return (struct check_place) {
		.family = ft->family, .table = ft->table, .flowtable = ft->name,
		.handle = ft->handle,
	};
}

char *check_sentence(const char *format, ...)
{
	char *sentence;
	va_list args;

	va_start(args, format);
	if (vasprintf(&sentence, format, args) < 0)
		sentence = NULL;
	va_end(args);
	return sentence;
}

static int set_string(json_t *object, const char *key, const char *value)
{
	return value ? json_object_set_new(object, key, json_string(value)) : 0;
}

int check_report(json_t *findings, const char *id, const char *severity,
		 const struct check_place *place, const char *format, ...)
{
	json_t *finding = json_pack("{s:s, s:s}", "id", id, "severity", severity);
	json_t *text;
	va_list args;
	int err;

	va_start(args, format);
	text = json_vsprintf(format, args);
	va_end(args);
	err = set_string(finding, "family", place->family) ||
	      set_string(finding, "table", place->table) ||
	      set_string(finding, "chain", place->chain) ||
	      set_string(finding, "flowtable", place->flowtable);
	if (place->handle && json_object_set_new(finding, "handle", json_integer(place->handle)))
		err = 1;
	/* The last two take their object over, whatever they return. */
	if (json_object_set_new(finding, "text", text))
		err = 1;
	if (json_array_append_new(findings, finding))
		err = 1;
	return err ? -ENOMEM : 0;
}

/* Of a rule, or of a finding on one; to be freed. */
static char *rule_key(const json_t *rule)
{
	return check_sentence("%s %s %s %lld", check_string(rule, "family"),
			      check_string(rule, "table"), check_string(rule, "chain"),
			      (long long)check_integer(rule, "handle"));
}

static void add_line(json_t *finding, const json_t *index)
{
	static const char *const keys[] = { "rule", "line", "file", NULL };
	char *key = rule_key(finding);
	const json_t *line = key ? json_object_get(index, key) : NULL;
	json_t *value;
	size_t i;

	for (i = 0; keys[i]; i++) {
		value = json_object_get(line, keys[i]);
		if (value)
			json_object_set(finding, keys[i], value);
	}
	free(key);
}

void check_add_lines(json_t *findings, const json_t *lines)
{
	json_t *finding, *line, *index = json_object();
	char *key;
	size_t i;

	json_array_foreach(lines, i, line) {
		key = rule_key(line);
		if (key)
			json_object_set(index, key, line);
		free(key);
	}
	json_array_foreach(findings, i, finding) {
		if (json_object_get(finding, "handle"))
			add_line(finding, index);
		if (json_object_get(finding, "before"))
			add_line(json_object_get(finding, "before"), index);
	}
	json_decref(index);
}

size_t cli_check_failures(const json_t *findings)
{
	const json_t *finding;
	size_t i, count = 0;

	json_array_foreach(findings, i, finding)
		if (strcmp(check_string(finding, "severity"), "hint"))
			count++;
	return count;
}

static void print_line(FILE *out, const json_t *finding)
{
	const char *file = check_string(finding, "file");
	json_int_t line = check_integer(finding, "line");

	if (line)
		fprintf(out, " (%s%sline %lld)", file, file[0] ? " " : "", (long long)line);
}

static void print_place(FILE *out, const json_t *finding, const char *path)
{
	const char *table = check_string(finding, "table");
	const char *chain = check_string(finding, "chain");
	const char *flowtable = check_string(finding, "flowtable");
	json_int_t handle = check_integer(finding, "handle");

	if (table[0])
		fprintf(out, "table %s %s", check_string(finding, "family"), table);
	else
		fputs(path ? path : "ruleset", out);
	if (chain[0])
		fprintf(out, " chain %s", chain);
	if (flowtable[0])
		fprintf(out, " flowtable %s", flowtable);
	if (handle)
		fprintf(out, " handle %lld", (long long)handle);
	print_line(out, finding);
}

void cli_check_print(FILE *out, const json_t *findings, const char *path)
{
	const json_t *finding, *before;
	const char *rule;
	size_t i;

	json_array_foreach(findings, i, finding) {
		print_place(out, finding, path);
		fprintf(out, ": %s: %s\n", check_string(finding, "severity"),
			check_string(finding, "text"));
		rule = check_string(finding, "rule");
		if (rule[0])
			fprintf(out, "    %s\n", rule);
		before = json_object_get(finding, "before");
		rule = check_string(before, "rule");
		if (!rule[0])
			continue;
		fprintf(out, "    before it: %s", rule);
		print_line(out, before);
		fputc('\n', out);
	}
}
