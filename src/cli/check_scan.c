// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check_findings.h"
#include "check_scan.h"
#include "check_token.h"

/* Where a statement stands. Names are "" outside of it. */
struct context {
	enum { AT_TOP, IN_TABLE, IN_CHAIN } in;
	char family[16], table[256], chain[256];
};

struct scanner {
	struct check_scan *scan;
	struct check_reader reader;
	struct check_token token;	/* the one to be looked at */
	const struct context *context;
	json_t *defines;		/* name: [value] */
	FILE *plain;
	const char *copied;		/* up to here the text is in plain */
	bool lost;			/* which rules are in which chain */
};

static void scan_block(struct scanner *s, const struct context *context);

/*
 * Copies the text up to @from, and goes on at @to: nothing but its lines is kept. What is copied
 * or cut already, as where a flow statement stands right behind a block, stays so.
 */
static void cut(struct scanner *s, const char *from, const char *to, const char *instead)
{
	if (from < s->copied)
		from = s->copied;
	if (to < from)
		to = from;
	fwrite(s->copied, 1, (size_t)(from - s->copied), s->plain);
	fputs(instead, s->plain);
	for (; from < to; from++)
		if (*from == '\n')
			fputs(from[-1] == '\\' && *instead ? "\\\n" : "\n", s->plain);
	s->copied = to;
}

static json_t *word_of(const struct check_token *token)
{
	/* There is one for each, even if it is no UTF-8. */
	return json_stringn(token->start, token->length) ?: json_string("?");
}

static void copy_word(char *to, size_t size, const struct check_token *token)
{
	snprintf(to, size, "%.*s", (int)token->length, token->start);
}

static void note_old_spelling(struct scanner *s, const char *name)
{
	const struct context *context = s->context;
	struct check_place place = {
		.family = context->table[0] ? context->family : NULL,
		.table = context->table[0] ? context->table : NULL,
		.chain = context->chain[0] ? context->chain : NULL,
	};

	check_report(s->scan->notes, "old-spelling", "hint", &place,
		     "flow offload @%s: newer versions of nft call it `flow add @%s`", name, name);
	check_scan_place(s->scan, s->token.line,
			 json_array_get(s->scan->notes, json_array_size(s->scan->notes) - 1));
}

/* "flow add @NAME" at the current token; leaves its last word for the caller to skip. */
static void scan_flow(struct scanner *s)
{
	struct check_reader ahead = s->reader;
	struct check_token verb = check_token_next(&ahead), name = check_token_next(&ahead);
	char instead[64], text[128];
	size_t number;

	if (!check_token_is(&verb, "add") && !check_token_is(&verb, "offload"))
		return;
	if (name.type != TOKEN_WORD || name.start[0] != '@')
		return;
	if (name.length == 1) {
		name = check_token_next(&ahead);
		if (name.type != TOKEN_WORD && name.type != TOKEN_STRING)
			return;
	} else {
		name.start++;
		name.length--;
	}
	copy_word(text, sizeof(text), &name);
	if (check_token_is(&verb, "offload"))
		note_old_spelling(s, text);
	number = json_array_size(s->scan->names);
	json_array_append_new(s->scan->names, word_of(&name));
	snprintf(instead, sizeof(instead), CHECK_STAND_IN_STATEMENT "%x",
		 CHECK_STAND_IN + (unsigned int)number % 0x10000);
	cut(s, s->token.from, name.to, instead);
	s->reader = ahead;
}

static void next(struct scanner *s)
{
	s->token = check_token_next(&s->reader);
	if (check_token_is(&s->token, "flow"))
		scan_flow(s);
}

/* Up to the end of the statement, or to the } of what it is in; blocks belong to it. */
static void skip_statement(struct scanner *s)
{
	unsigned int depth = 0;

	for (;; next(s)) {
		switch (s->token.type) {
		case TOKEN_END:
			return;
		case TOKEN_OPEN:
			depth++;
			break;
		case TOKEN_CLOSE:
			if (!depth)
				return;
			depth--;
			break;
		case TOKEN_SEPARATOR:
			if (!depth)
				return;
			break;
		default:
			break;
		}
	}
}

/* The words at @token, with $NAME replaced by what it was defined as. */
static void add_value(const struct scanner *s, json_t *values, const struct check_token *token)
{
	json_t *word = word_of(token), *defined;
	const char *name = json_string_value(word);

	if (name && token->type == TOKEN_WORD && name[0] == '$') {
		defined = json_object_get(s->defines, name + 1);
		if (defined)
			json_array_extend(values, defined);
		json_decref(word);
	} else if (word) {
		json_array_append_new(values, word);
	}
}

/* The words up to the end of the statement, or in { }. */
static json_t *scan_values(struct scanner *s)
{
	json_t *values = json_array();
	unsigned int depth = 0;

	for (; s->token.type != TOKEN_END; next(s)) {
		if (s->token.type == TOKEN_WORD || s->token.type == TOKEN_STRING)
			add_value(s, values, &s->token);
		else if (s->token.type == TOKEN_OPEN)
			depth++;
		else if (!depth && (s->token.type == TOKEN_CLOSE ||
				    s->token.type == TOKEN_SEPARATOR))
			return values;
		if (s->token.type == TOKEN_CLOSE && !--depth) {
			next(s);
			return values;
		}
	}
	return values;
}

static void scan_define(struct scanner *s)
{
	char name[128];

	next(s);
	copy_word(name, sizeof(name), &s->token);
	next(s);
	json_object_set_new(s->defines, name, scan_values(s));
}

static bool is_one_of(const struct check_token *token, const char *const *words)
{
	for (; *words; words++)
		if (check_token_is(token, *words))
			return true;
	return false;
}

static bool is_family(const struct check_token *token)
{
	static const char *const families[] = {
		"ip", "ip6", "inet", "arp", "bridge", "netdev", NULL
	};

	return is_one_of(token, families);
}

static void rules_key(char *key, size_t size, const struct context *context)
{
	snprintf(key, size, "%s %s %s", context->family, context->table, context->chain);
}

static void add_rule(struct scanner *s, const struct context *context, size_t line)
{
	char key[600];
	json_t *lines;

	rules_key(key, sizeof(key), context);
	lines = json_object_get(s->scan->rules, key);
	if (!lines) {
		lines = json_array();
		json_object_set_new(s->scan->rules, key, lines);
	}
	json_array_append_new(lines, json_integer((json_int_t)line));
}

/* What is of the chain, the table, or at all: its rules become @lines, which is taken over. */
static void set_rules(struct scanner *s, const struct context *context, json_t *lines)
{
	size_t length;
	char key[600];
	const char *other;
	json_t *old;
	void *tmp;

	rules_key(key, sizeof(key), context);
	length = strlen(key) + !!context->chain[0];
	json_object_foreach_safe(s->scan->rules, tmp, other, old)
		if (!context->table[0] || !strncmp(other, key, length))
			json_object_set_new(s->scan->rules, other, json_copy(lines));
	json_decref(lines);
}

/* Reads [FAMILY] and as many names as fit: of a table, of a chain. Those that come are set. */
static void scan_names(struct scanner *s, struct context *context, bool chain)
{
	if (context->in == AT_TOP) {
		strcpy(context->family, "ip");
		if (is_family(&s->token)) {
			copy_word(context->family, sizeof(context->family), &s->token);
			next(s);
		}
		if (s->token.type == TOKEN_WORD || s->token.type == TOKEN_STRING) {
			copy_word(context->table, sizeof(context->table), &s->token);
			next(s);
		}
	}
	if (chain && (s->token.type == TOKEN_WORD || s->token.type == TOKEN_STRING)) {
		copy_word(context->chain, sizeof(context->chain), &s->token);
		next(s);
	}
}

/* nft refuses those that are no 32 bit numbers, and we say nothing of them that matters. */
static int to_priority(const json_t *words)
{
	long long value = 0, number, sign = 1;
	const json_t *item;
	const char *word;
	char *end;
	size_t i;

	json_array_foreach(words, i, item) {
		/* "filter" is 0, and may have a sign and a number with or without spaces. */
		word = json_string_value(item);
		word += strcspn(word, "+-0123456789");
		if (*word == '-' || *word == '+')
			sign = *word++ == '-' ? -1 : 1;
		if (!*word)
			continue;
		number = strtoll(word, &end, 10);
		if (number > INT_MAX || value < -INT_MAX || value > INT_MAX)
			return 0;
		value += sign * number;
	}
	return value < -INT_MAX || value > INT_MAX ? 0 : (int)value;
}

struct flowtable {
	json_t *devices;
	int prio, flags;
};

static void add_devices(json_t *devices, const json_t *more)
{
	json_t *device, *old;
	size_t i, j;

	json_array_foreach(more, i, device) {
		json_array_foreach(devices, j, old)
			if (json_equal(old, device))
				break;
		if (j == json_array_size(devices))
			json_array_append(devices, device);
	}
}

/* One line in the block of a flowtable. */
static void scan_flowtable_line(struct scanner *s, struct flowtable *ft)
{
	json_t *words;

	if (check_token_is(&s->token, "hook")) {
		while (s->token.type == TOKEN_WORD && !check_token_is(&s->token, "priority"))
			next(s);
		if (check_token_is(&s->token, "priority"))
			next(s);
		words = scan_values(s);
		ft->prio = to_priority(words);
		json_decref(words);
	} else if (check_token_is(&s->token, "devices")) {
		next(s);
		words = scan_values(s);
		add_devices(ft->devices, words);
		json_decref(words);
	} else if (check_token_is(&s->token, "flags")) {
		for (; s->token.type == TOKEN_WORD || s->token.type == TOKEN_OTHER; next(s)) {
			if (check_token_is(&s->token, "offload"))
				ft->flags |= CHECK_FLAG_OFFLOAD;
			else if (check_token_is(&s->token, "counter"))
				ft->flags |= CHECK_FLAG_COUNTER;
		}
	} else if (check_token_is(&s->token, "counter")) {
		ft->flags |= CHECK_FLAG_COUNTER;
	}
	skip_statement(s);
}

/* Where it is in both lists, or their size. */
static size_t find_flowtable(const struct scanner *s, const struct context *context,
			     const char *name)
{
	const json_t *ft;
	size_t i;

	json_array_foreach(s->scan->flags, i, ft)
		if (!strcmp(check_string(ft, "family"), context->family) &&
		    !strcmp(check_string(ft, "table"), context->table) &&
		    !strcmp(check_string(ft, "name"), name))
			break;
	return i;
}

/* A flowtable that is written in two parts has the devices of both. */
static void add_flowtable(struct scanner *s, const struct context *context, const char *name,
			  const struct flowtable *ft)
{
	size_t i = find_flowtable(s, context, name);
	json_t *flags = json_array_get(s->scan->flags, i), *old;

	if (flags) {
		old = json_object_get(json_array_get(s->scan->flowtables, i), "flowtable");
		add_devices(json_object_get(old, "dev"), ft->devices);
		json_object_set_new(flags, "flags",
				    json_integer(check_integer(flags, "flags") | ft->flags));
		return;
	}
	json_array_append_new(s->scan->flowtables,
			      json_pack("{s:{s:s, s:s, s:s, s:s, s:i, s:O}}", "flowtable",
					"family", context->family, "name", name,
					"table", context->table, "hook", "ingress",
					"prio", ft->prio, "dev", ft->devices));
	json_array_append_new(s->scan->flags,
			      json_pack("{s:s, s:s, s:s, s:i}", "family", context->family,
					"table", context->table, "name", name,
					"flags", ft->flags));
}

/* One of the table, or all of it, or all, as far as names are given. */
static void remove_flowtable(struct scanner *s, const struct context *context, const char *name)
{
	size_t i = json_array_size(s->scan->flags);
	const json_t *ft;

	while (i--) {
		ft = json_array_get(s->scan->flags, i);
		if (context->table[0] && (strcmp(check_string(ft, "table"), context->table) ||
					  strcmp(check_string(ft, "family"), context->family)))
			continue;
		if (name && strcmp(check_string(ft, "name"), name))
			continue;
		json_array_remove(s->scan->flags, i);
		json_array_remove(s->scan->flowtables, i);
	}
}

/* After the word "flowtable". All of it is cut out, from @from on. */
static void scan_flowtable(struct scanner *s, const struct context *outer, const char *from,
			   bool make)
{
	struct flowtable ft = { .devices = json_array() };
	struct context context = *outer;
	char name[128];

	next(s);
	scan_names(s, &context, false);
	copy_word(name, sizeof(name), &s->token);
	while (s->token.type == TOKEN_WORD || s->token.type == TOKEN_STRING)
		next(s);
	if (s->token.type == TOKEN_OPEN) {
		next(s);
		while (s->token.type != TOKEN_CLOSE && s->token.type != TOKEN_END) {
			if (s->token.type == TOKEN_SEPARATOR)
				next(s);
			else
				scan_flowtable_line(s, &ft);
		}
		if (s->token.type == TOKEN_CLOSE)
			next(s);
	}
	if (make)
		add_flowtable(s, &context, name, &ft);
	else
		remove_flowtable(s, &context, name);
	cut(s, from, s->token.from, "");
	json_decref(ft.devices);
}

/* A chain's own line; the devices that it is hooked to are wanted. */
static void scan_chain_line(struct scanner *s)
{
	json_t *words;
	bool many;

	while (s->token.type == TOKEN_WORD || s->token.type == TOKEN_STRING) {
		many = check_token_is(&s->token, "devices");
		if (!many && !check_token_is(&s->token, "device")) {
			next(s);
			continue;
		}
		next(s);
		if (many) {
			words = scan_values(s);
			json_array_extend(s->scan->devices, words);
			json_decref(words);
		} else {
			add_value(s, s->scan->devices, &s->token);
		}
	}
	skip_statement(s);
}

static void scan_in_chain(struct scanner *s, const struct context *context)
{
	static const char *const own[] = {
		"type", "policy", "comment", "device", "devices", "flags", "hook", "include",
		"undefine", NULL
	};

	if (check_token_is(&s->token, "define") || check_token_is(&s->token, "redefine")) {
		scan_define(s);
	} else if (is_one_of(&s->token, own)) {
		s->lost |= check_token_is(&s->token, "include");
		scan_chain_line(s);
	} else {
		add_rule(s, context, s->token.line);
		skip_statement(s);
	}
}

static void scan_chain(struct scanner *s, const struct context *outer, bool make)
{
	struct context context = *outer;

	next(s);
	scan_names(s, &context, true);
	context.in = IN_CHAIN;
	if (!make)
		set_rules(s, &context, json_array());
	if (s->token.type != TOKEN_OPEN) {
		skip_statement(s);
		return;
	}
	next(s);
	scan_block(s, &context);
}

static void scan_table(struct scanner *s, const struct context *outer, bool make, bool flush)
{
	struct context context = *outer;

	next(s);
	scan_names(s, &context, false);
	context.in = IN_TABLE;
	if (!make) {
		set_rules(s, &context, json_array());
		if (!flush)
			remove_flowtable(s, &context, NULL);
	}
	if (s->token.type != TOKEN_OPEN) {
		skip_statement(s);
		return;
	}
	next(s);
	scan_block(s, &context);
}

/* After the word "rule": only rules that are added at the end keep the order of the file. */
static void scan_rule(struct scanner *s, const struct context *outer, bool add, size_t line)
{
	static const char *const positions[] = { "handle", "position", "index", NULL };
	struct context context = *outer;

	next(s);
	scan_names(s, &context, true);
	add_rule(s, &context, line);
	if (!add || is_one_of(&s->token, positions))
		/* The order of the file is not that of the chain any more. */
		set_rules(s, &context, json_null());
	s->context = &context;
	skip_statement(s);
	s->context = outer;
}

static void scan_command(struct scanner *s, const struct context *context)
{
	static const char *const verbs[] = {
		"add", "create", "insert", "replace", "delete", "destroy", "flush", "list",
		"reset", "get", NULL
	};
	static const char *const objects[] = {
		"set", "map", "element", "counter", "quota", "limit", "ct", "secmark", "synproxy",
		"meter", "sets", "maps", "counters", "undefine", "tunnel", NULL
	};
	bool verb = is_one_of(&s->token, verbs), make = !verb, list = false;
	const struct check_token first = s->token;

	if (verb) {
		make = check_token_is(&first, "add") || check_token_is(&first, "create");
		list = check_token_is(&first, "list") || check_token_is(&first, "get") ||
		       check_token_is(&first, "reset");
		next(s);
	}
	if (list) {
		skip_statement(s);
	} else if (check_token_is(&s->token, "table")) {
		scan_table(s, context, make, check_token_is(&first, "flush"));
	} else if (check_token_is(&s->token, "chain")) {
		scan_chain(s, context, make);
	} else if (check_token_is(&s->token, "flowtable")) {
		scan_flowtable(s, context, first.from, make);
	} else if (check_token_is(&s->token, "rule")) {
		scan_rule(s, context, make, first.line);
	} else if (check_token_is(&s->token, "ruleset")) {
		set_rules(s, context, json_array());
		remove_flowtable(s, context, NULL);
		skip_statement(s);
	} else {
		/* "add ip filter forward ..." is a rule, too. */
		s->lost |= !is_one_of(&s->token, objects);
		skip_statement(s);
	}
}

static void scan_in_table(struct scanner *s, const struct context *context)
{
	if (check_token_is(&s->token, "chain"))
		scan_chain(s, context, true);
	else if (check_token_is(&s->token, "flowtable"))
		scan_flowtable(s, context, s->token.from, true);
	else
		skip_statement(s);
}

/* Up to and with the } of the block. */
static void scan_block(struct scanner *s, const struct context *context)
{
	while (s->token.type != TOKEN_END) {
		s->context = context;
		if (s->token.type == TOKEN_CLOSE) {
			next(s);
			/* Too many of them: nft will say so. */
			if (context->in != AT_TOP)
				return;
		} else if (s->token.type == TOKEN_SEPARATOR) {
			next(s);
		} else if (context->in == IN_CHAIN) {
			scan_in_chain(s, context);
		} else if (check_token_is(&s->token, "define") ||
			   check_token_is(&s->token, "redefine")) {
			scan_define(s);
		} else if (context->in == IN_TABLE) {
			scan_in_table(s, context);
		} else {
			scan_command(s, context);
		}
		/* What was in there may have had a context of its own, which has ended. */
		s->context = context;
		/* What was left over is nothing that is known. */
		if (s->token.type == TOKEN_OPEN || s->token.type == TOKEN_OTHER)
			skip_statement(s);
	}
}

void check_scan_place(const struct check_scan *scan, size_t index, json_t *object)
{
	const struct check_origin *origin;

	if (index >= scan->source.line_count)
		return;
	origin = &scan->source.lines[index];
	json_object_set_new(object, "line", json_integer((json_int_t)origin->line));
	if (origin->file)
		json_object_set_new(object, "file",
				    json_string(scan->source.files[origin->file]));
}

char *check_scan_file(struct check_scan *scan, const char *path)
{
	const struct context top = { .in = AT_TOP };
	struct scanner s = { .scan = scan, .context = &top };
	char *error;
	size_t size;

	memset(scan, 0, sizeof(*scan));
	error = check_source_read(&scan->source, path);
	if (error)
		return error;
	scan->names = json_array();
	scan->flowtables = json_array();
	scan->flags = json_array();
	scan->devices = json_array();
	scan->rules = json_object();
	scan->notes = json_array();
	s.defines = json_object();
	s.plain = open_memstream(&scan->plain, &size);
	if (!s.plain)
		return check_sentence("out of memory");
	s.reader.at = scan->source.text;
	s.copied = s.reader.at;
	next(&s);
	scan_block(&s, &top);
	fputs(s.copied, s.plain);
	if (s.lost)
		json_object_clear(scan->rules);
	json_decref(s.defines);
	return fclose(s.plain) ? check_sentence("out of memory") : NULL;
}

void check_scan_exit(struct check_scan *scan)
{
	check_source_exit(&scan->source);
	free(scan->plain);
	json_decref(scan->names);
	json_decref(scan->flowtables);
	json_decref(scan->flags);
	json_decref(scan->devices);
	json_decref(scan->rules);
	json_decref(scan->notes);
	memset(scan, 0, sizeof(*scan));
}
