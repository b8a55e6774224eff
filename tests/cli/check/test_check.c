// SPDX-License-Identifier: GPL-2.0
/*
 * What is found in the rulesets beside this file. Each has a .nft, the .json as "nft -j list
 * ruleset" writes it, the .flowtables with their flags, and the .expected findings:
 *
 *	SEVERITY ID FAMILY TABLE CHAIN|FLOWTABLE HANDLE LINE
 *
 * with - for what a finding does not have. A .checked is what the live ruleset is checked from,
 * devices included. Output is TAP. "test_check --write NAME.nft..." writes the other files, for
 * review with git diff.
 */
#include <errno.h>
#include <glob.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../../src/cli/check.h"

static int number, failed;

static void result(bool ok, const char *name, const char *what, const char *details)
{
	const char *line = details;
	size_t length;

	printf("%sok %d - %s%s\n", ok ? "" : "not ", ++number, name, what);
	failed += !ok;
	for (; !ok && line && *line; line += length + (line[length] == '\n')) {
		length = strcspn(line, "\n");
		printf("#   %.*s\n", (int)length, line);
	}
}

static void *must(void *pointer)
{
	if (!pointer) {
		fprintf(stderr, "test_check: out of memory, or a file is missing\n");
		exit(2);
	}
	return pointer;
}

static char *path_of(const char *stem, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s%s", stem, suffix) < 0 ? must(NULL) : path;
}

static json_t *load(const char *stem, const char *suffix)
{
	char *path = path_of(stem, suffix);
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);

	if (!json) {
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
		exit(2);
	}
	free(path);
	return json;
}

static char *slurp(const char *stem, const char *suffix)
{
	char *path = path_of(stem, suffix), *text = NULL;
	FILE *file = fopen(path, "r");
	size_t size = 0;

	if (file && getdelim(&text, &size, '\0', file) < 0)
		*(char *)must(text = realloc(text, 1)) = '\0';
	if (file)
		fclose(file);
	free(path);
	return must(text);
}

static const char *string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "-";
}

static void print_number(FILE *out, const json_t *finding, const char *key, bool wanted)
{
	json_int_t value = json_integer_value(json_object_get(finding, key));

	if (value && wanted)
		fprintf(out, " %lld", (long long)value);
	else
		fputs(" -", out);
}

/* As in .expected; what the reader of the ruleset cannot know is left out. */
static char *summary(const json_t *findings, bool handles, bool lines)
{
	const json_t *finding, *flowtable;
	char *text;
	size_t size, i;
	FILE *out = must(open_memstream(&text, &size));

	json_array_foreach(findings, i, finding) {
		if (!lines && !strcmp(string(finding, "id"), "old-spelling"))
			continue;
		flowtable = json_object_get(finding, "flowtable");
		fprintf(out, "%s %s %s %s %s", string(finding, "severity"), string(finding, "id"),
			string(finding, "family"), string(finding, "table"),
			string(finding, flowtable ? "flowtable" : "chain"));
		print_number(out, finding, "handle", handles);
		print_number(out, finding, "line", lines);
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

/* The expected findings without the last two columns, or one of them. */
static char *expectation(const char *stem, bool handles, bool lines)
{
	char *text = slurp(stem, ".expected"), *line, *next = text, *all, words[7][128];
	size_t size;
	FILE *out = must(open_memstream(&all, &size));

	while ((line = strsep(&next, "\n"))) {
		if (!*line || *line == '#')
			continue;
		if (sscanf(line, "%127s %127s %127s %127s %127s %127s %127s", words[0], words[1],
			   words[2], words[3], words[4], words[5], words[6]) != 7) {
			fprintf(stderr, "%s.expected: %s\n", stem, line);
			exit(2);
		}
		if (!lines && !strcmp(words[1], "old-spelling"))
			continue;
		fprintf(out, "%s %s %s %s %s %s %s\n", words[0], words[1], words[2], words[3],
			words[4], handles ? words[5] : "-", lines ? words[6] : "-");
	}
	fclose(out);
	free(text);
	return all;
}

static void compare(const char *stem, const char *what, char *want, char *got)
{
	char *details = NULL;

	if (asprintf(&details, "expected:\n%sfound:\n%s", want, got) < 0)
		must(NULL);
	result(!strcmp(want, got), stem, what, details);
	free(details);
	free(want);
	free(got);
}

/* Findings have all that a reader needs, and texts of their own. */
static bool is_complete(const json_t *findings, char **why)
{
	static const char *const severities[] = { "problem", "bypass", "hint" };
	const json_t *finding;
	bool known;
	size_t i, j;

	json_array_foreach(findings, i, finding) {
		for (known = false, j = 0; j < 3; j++)
			known |= !strcmp(string(finding, "severity"), severities[j]);
		if (known && strlen(string(finding, "text")) > 20 &&
		    !strstr(string(finding, "text"), "%s"))
			continue;
		*why = json_dumps(finding, 0);
		return false;
	}
	return true;
}

static void test_json(const char *stem)
{
	json_t *ruleset = load(stem, ".json"), *flowtables = load(stem, ".flowtables");
	json_t *findings = must(json_array());
	char *why = NULL;

	if (cli_check_analyse(ruleset, flowtables, findings))
		must(NULL);
	compare(stem, ": findings", expectation(stem, true, false), summary(findings, true, false));
	if (!is_complete(findings, &why))
		result(false, stem, ": complete", why);
	free(why);
	json_decref(findings);
	json_decref(ruleset);
	json_decref(flowtables);
}

/* A .nft may need what not every kernel has, and names it in its first line. */
static bool is_missing(const char *stem, const char *error)
{
	char *text = slurp(stem, ".nft");
	bool needs = !strncmp(text, "# needs ", 8);

	text[strcspn(text, "\n")] = '\0';
	if (needs && strstr(error, "Could not process rule"))
		/* the tests in virtual machines load them all */
		printf("# %s: not loaded, the kernel here has no %s\n", stem, text + 8);
	else
		needs = false;
	free(text);
	return needs;
}

static void test_file(const char *stem)
{
	char *path = path_of(stem, ".nft"), *error = NULL;
	json_t *checked = cli_check_file(path, &error), *findings;

	if (checked) {
		findings = must(cli_check_findings(checked));
		compare(stem, ": file", expectation(stem, false, true),
			summary(findings, false, true));
		json_decref(findings);
	} else if (!is_missing(stem, error)) {
		result(false, stem, ": file", error);
	}
	json_decref(checked);
	free(error);
	free(path);
}

/* A file that nft does not take: the error is the .error. */
static void test_error(const char *stem)
{
	char *path = path_of(stem, ".nft"), *error = NULL, *want = slurp(stem, ".error");
	json_t *checked = cli_check_file(path, &error);

	if (want[0])
		want[strlen(want) - 1] = '\0';
	result(!checked && error && !strcmp(error, want), stem, ": error",
	       error ? error : "the file was taken");
	json_decref(checked);
	free(error);
	free(want);
	free(path);
}

static void test_checked(const char *stem)
{
	json_t *checked = load(stem, ".checked"), *findings = must(cli_check_findings(checked));

	compare(stem, ": devices", expectation(stem, true, false), summary(findings, true, false));
	json_decref(findings);
	json_decref(checked);
}

static void analyse(const json_t *ruleset, const json_t *flowtables)
{
	json_t *findings = must(json_array());
	char *text;

	if (cli_check_analyse(ruleset, flowtables, findings))
		must(NULL);
	free(summary(findings, true, true));
	text = json_dumps(findings, 0);
	free(must(text));
	json_decref(findings);
}

static json_t *wrong_value(unsigned int kind)
{
	switch (kind) {
	case 0:
		return json_null();
	case 1:
		return json_integer(-7);
	case 2:
		return json_string("");
	case 3:
		return json_array();
	case 4:
		return json_object();
	case 5:
		return json_pack("[n, s, [], {s:n}]", "x", "set");
	default:
		return json_pack("{s:{s:[n, i]}}", "set", "elem", 1);
	}
}

#define WRONG_VALUES 7

/* Analyses @root with each value below @node replaced by wrong ones, or gone. */
static unsigned int spoil(json_t *node, const json_t *root, const json_t *flowtables)
{
	unsigned int count = 0, kind;
	json_t *value, *old;
	const char *key;
	void *tmp;
	size_t i;

	json_object_foreach_safe(node, tmp, key, value) {
		old = json_incref(value);
		for (kind = 0; kind < WRONG_VALUES; kind++, count++) {
			json_object_set_new(node, key, wrong_value(kind));
			analyse(root, flowtables);
		}
		json_object_set_new(node, key, old);
		count += spoil(old, root, flowtables);
	}
	json_array_foreach(node, i, value) {
		old = json_incref(value);
		for (kind = 0; kind < WRONG_VALUES; kind++, count++) {
			json_array_set_new(node, i, wrong_value(kind));
			analyse(root, flowtables);
		}
		json_array_set_new(node, i, old);
		count += spoil(old, root, flowtables);
	}
	return count;
}

/* Keys go one by one; what is left is as it was, but for the order of keys. */
static unsigned int thin(json_t *node, const json_t *root, const json_t *flowtables)
{
	unsigned int count = 0;
	json_t *value, *copy;
	const char *key;
	size_t i;

	copy = json_is_object(node) ? must(json_copy(node)) : NULL;
	json_object_foreach(copy, key, value) {
		json_object_del(node, key);
		analyse(root, flowtables);
		json_object_set(node, key, value);
		count += 1 + thin(value, root, flowtables);
	}
	json_decref(copy);
	json_array_foreach(node, i, value)
		count += thin(value, root, flowtables);
	return count;
}

static void test_malformed(const char *stem)
{
	json_t *ruleset = load(stem, ".json"), *flowtables = load(stem, ".flowtables");
	unsigned int count;

	count = spoil(ruleset, ruleset, flowtables);
	count += spoil(flowtables, ruleset, flowtables);
	count += thin(ruleset, ruleset, flowtables);
	analyse(NULL, NULL);
	analyse(flowtables, ruleset);
	result(count > 100, stem, ": malformed JSON", "nothing was spoiled");
	json_decref(ruleset);
	json_decref(flowtables);
}

/* Chains that jump to each other end; the kernel would not take them. */
static void test_endless(void)
{
	json_t *ruleset = must(json_pack("{s:[]}", "nftables")), *list;
	char name[16], next[16];
	int i;

	list = json_object_get(ruleset, "nftables");
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		json_array_append_new(list, json_pack(
			"{s:{s:s, s:s, s:s, s:s, s:s, s:i, s:s}}", "chain", "family", "inet",
			"table", "t", "name", name, "type", "filter", "hook",
			i ? "" : "forward", "prio", 0, "policy", "drop"));
	}
	for (i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "c%d", i / 4);
		snprintf(next, sizeof(next), "c%d", i % 4);
		json_array_append_new(list, json_pack(
			"{s:{s:s, s:s, s:s, s:i, s:[{s:{s:s}}]}}", "rule", "family", "inet",
			"table", "t", "chain", name, "handle", i + 10, "expr", "jump",
			"target", next));
	}
	analyse(ruleset, NULL);
	result(true, "endless jumps", "", NULL);
	json_decref(ruleset);
}

static void write_json(const char *stem, const char *suffix, json_t *json)
{
	char *path = path_of(stem, suffix);

	if (json_dump_file(json, path, JSON_INDENT(1)))
		must(NULL);
	free(path);
}

static void write_all(const char *path)
{
	char *stem = strndup(path, strlen(path) - 4), *error = NULL, *text, *file;
	json_t *checked = cli_check_file(path, &error), *findings;
	FILE *out;

	if (!checked) {
		fprintf(stderr, "%s\n", error);
		exit(2);
	}
	findings = must(cli_check_findings(checked));
	write_json(stem, ".json", json_object_get(checked, "ruleset"));
	write_json(stem, ".flowtables", json_object_get(checked, "flowtables"));
	text = summary(findings, true, true);
	file = path_of(stem, ".expected");
	out = must(fopen(file, "w"));
	fputs(text, out);
	fclose(out);
	cli_check_print(stdout, findings, path);
	json_decref(findings);
	json_decref(checked);
	free(text);
	free(file);
	free(stem);
}

static void each(const char *suffix, void (*test)(const char *stem))
{
	glob_t found = { 0 };
	char *pattern = path_of("*", suffix);
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		result(false, pattern, ": there are some", NULL);
	for (i = 0; i < found.gl_pathc; i++) {
		found.gl_pathv[i][strlen(found.gl_pathv[i]) - strlen(suffix)] = '\0';
		printf("# running %s\n", found.gl_pathv[i]);
		fflush(stdout);
		test(found.gl_pathv[i]);
	}
	globfree(&found);
	free(pattern);
}

static bool has_link(const json_t *checked, const char *name)
{
	const json_t *link;
	size_t i;

	json_array_foreach(json_object_get(checked, "links"), i, link)
		if (!strcmp(string(link, "name"), name))
			return true;
	return false;
}

/* In a namespace of its own: 0 if what is live there is told. */
static int check_live(void)
{
	static const char rules[] =
		"table ip t { chain forward { type filter hook forward priority 0; log; }; }";
	static const char flowtable[] =
		"add flowtable ip t f { hook ingress priority 0; devices = { lo }; counter; }";
	struct nft_ctx *nft = must(nft_ctx_new(NFT_CTX_DEFAULT));
	json_t *checked, *findings, *line, *flags;
	char *error = NULL;
	bool has_flowtables;

	if (nft_run_cmd_from_buffer(nft, rules))
		return 1;
	nft_ctx_buffer_error(nft);
	has_flowtables = !nft_run_cmd_from_buffer(nft, flowtable);
	nft_ctx_free(nft);
	checked = cli_check_live(&error);
	if (!checked) {
		printf("# %s\n", error);
		return 1;
	}
	findings = must(cli_check_findings(checked));
	line = json_array_get(json_object_get(checked, "lines"), 0);
	flags = json_array_get(json_object_get(checked, "flowtables"), 0);
	if (!has_link(checked, "lo") || strcmp(string(line, "rule"), "log") ||
	    cli_check_failures(findings) != 1)
		return 1;
	/* 2 is counter, as libnftnl has it. */
	if (has_flowtables && (json_integer_value(json_object_get(flags, "flags")) != 2 ||
			       strcmp(string(flags, "name"), "f")))
		return 1;
	printf("# flowtables: %s\n", has_flowtables ? "read" : "not in this kernel");
	json_decref(findings);
	json_decref(checked);
	return 0;
}

static void test_live(const char *self)
{
	char *command;

	if (asprintf(&command, "unshare %s '%s' --live", geteuid() ? "-rn" : "-n", self) < 0)
		must(NULL);
	fflush(stdout);
	result(!system(command), "live", ": ruleset, flags and devices", NULL);
	free(command);
}

/* Whether rulesets can be loaded at all: an empty one can. */
static bool has_kernel(void)
{
	char *error = NULL;
	json_t *checked = cli_check_file("/dev/null", &error);

	if (!checked)
		printf("# no ruleset can be loaded here: %s\n", error);
	json_decref(checked);
	free(error);
	return checked;
}

int main(int argc, char **argv)
{
	int i;

	if (argc > 2 && !strcmp(argv[1], "--write")) {
		for (i = 2; i < argc; i++)
			write_all(argv[i]);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--live"))
		return check_live();
	each(".json", test_json);
	each(".checked", test_checked);
	each(".json", test_malformed);
	test_endless();
	if (has_kernel()) {
		each(".json", test_file);
		each(".error", test_error);
		test_live(argv[0]);
	} else {
		printf("# no file is loaded: the kernel here has no nf_tables, or no namespaces\n");
	}
	printf("1..%d\n", number);
	return failed ? 1 : 0;
}
