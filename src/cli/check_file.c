// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "check_findings.h"
#include "check_nft.h"
#include "check_private.h"
#include "check_scan.h"

#define LINKS_MAX 1024
#define TEXT_PATH "/proc/self/fd/"

/* An error of nft's: FILE:LINE:FIRST-LAST: Error: TEXT */
struct complaint {
	const char *file;
	int file_length;
	unsigned int line, first, last;
	const char *text;
	int length;
};

static bool read_complaint(const char *text, struct complaint *complaint)
{
	const char *error = strstr(text, ": Error: ");
	size_t length = strcspn(text, "\n");

	complaint->file = text;
	complaint->file_length = (int)strcspn(text, ":\n");
	if (!error || error > text + length ||
	    sscanf(text + complaint->file_length, ":%u:%u-%u", &complaint->line,
		   &complaint->first, &complaint->last) != 3)
		return false;
	complaint->text = error + strlen(": Error: ");
	complaint->length = (int)(text + length - complaint->text);
	return true;
}

static const char *next_line(const char *text)
{
	text += strcspn(text, "\n");
	return *text ? text + 1 : text;
}

static const char *line_of(const char *text, unsigned int line)
{
	while (--line && *text)
		text = next_line(text);
	return text;
}

/* What the complaint is about, to be freed. */
static char *subject(const struct check_scan *scan, const struct complaint *complaint)
{
	const char *line = line_of(scan->source.text, complaint->line);
	size_t length = strcspn(line, "\n");

	if (!complaint->line || !complaint->first || complaint->first > complaint->last ||
	    complaint->last > length)
		return NULL;
	line += complaint->first - 1;
	length = complaint->last - complaint->first + 1;
	while (length && strchr(" \t\"", *line)) {
		line++;
		length--;
	}
	while (length && strchr(" \t\"", line[length - 1]))
		length--;
	return strndup(line, length);
}

/* The line of a file instead of one of our text; a file that nft itself included stays. */
static void find_origin(const struct check_scan *scan, struct complaint *complaint)
{
	const struct check_source *source = &scan->source;
	const struct check_origin *origin;

	if (strncmp(complaint->file, TEXT_PATH, strlen(TEXT_PATH)) || !complaint->line ||
	    !source->line_count)
		return;
	/* The end of the text is behind its last line. */
	if (complaint->line > source->line_count)
		complaint->line = (unsigned int)source->line_count;
	origin = &source->lines[complaint->line - 1];
	complaint->line = (unsigned int)origin->line;
	complaint->file = source->files[origin->file];
	complaint->file_length = (int)strlen(complaint->file);
}

/* nft's errors with the names and lines of the files, without the text that it repeats. */
static char *to_error(const struct check_scan *scan, const char *path, const char *buffer)
{
	struct complaint complaint;
	char *error = NULL, *longer;
	const char *text;

	for (text = buffer; *text; text = next_line(text)) {
		if (!read_complaint(text, &complaint))
			continue;
		find_origin(scan, &complaint);
		longer = check_sentence("%s%s%.*s:%u: %.*s", error ? error : "",
					error ? "\n" : "", complaint.file_length, complaint.file,
					complaint.line, complaint.length, complaint.text);
		free(error);
		error = longer;
	}
	return error ? error : check_sentence("%s: %.*s", path, (int)strcspn(buffer, "\n"),
					      *buffer ? buffer : "nft does not say what is wrong");
}

/* Makes the devices that nft missed in the text. 0 if there was none. */
static unsigned int make_missing(const struct check_scan *scan, const char *errors)
{
	struct complaint complaint;
	unsigned int made = 0;
	char *name;

	for (; *errors; errors = next_line(errors)) {
		if (!read_complaint(errors, &complaint) ||
		    strncmp(complaint.text, "Interface does not exist",
			    strlen("Interface does not exist")))
			continue;
		name = subject(scan, &complaint);
		if (name && !check_private_link(name))
			made++;
		free(name);
	}
	return made;
}

/* Is there an error but those of the kernel's, which get another chance? */
static bool is_wrong(const char *errors)
{
	static const char kernel[] = "Could not process rule", hint[] = "; did you mean ";
	struct complaint complaint;

	for (; *errors; errors = next_line(errors))
		if (read_complaint(errors, &complaint) &&
		    strncmp(complaint.text, kernel, strlen(kernel)) &&
		    !memmem(complaint.text, (size_t)complaint.length, hint, strlen(hint)))
			return true;
	return false;
}

/* Gives @text to nft, as a file: it tells lines of files only. Its errors, or NULL; to be freed. */
static char *run(const char *text, bool dry)
{
	int fd = memfd_create("ruleset", MFD_CLOEXEC);
	char *error = NULL, path[40];
	struct nft_ctx *nft;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		error = strdup(strerror(errno));
		goto out;
	}
	/* Definitions stay in a context, and would be there twice. */
	nft = check_nft_open(&error);
	if (!nft)
		goto out;
	snprintf(path, sizeof(path), TEXT_PATH "%d", fd);
	nft_ctx_set_dry_run(nft, dry);
	if (nft_run_cmd_from_filename(nft, path))
		error = strdup(nft_ctx_get_error_buffer(nft));
	nft_ctx_free(nft);
out:
	if (fd >= 0)
		close(fd);
	return error;
}

/*
 * nft judges the text as it is; what the kernel says to flowtables here does not matter, as they
 * are loaded somewhere else. Then the rest is loaded for real.
 */
static char *load(const struct check_scan *scan, const char *path)
{
	unsigned int links = LINKS_MAX, made;
	char *errors, *error = NULL;

	do {
		errors = run(scan->source.text, true);
		made = errors ? make_missing(scan, errors) : 0;
		if (!made && errors && is_wrong(errors))
			error = to_error(scan, path, errors);
		free(errors);
		links -= made < links ? made : links;
	} while (made && links);
	if (error)
		return error;
	errors = run(scan->plain, false);
	if (errors)
		error = to_error(scan, path, errors);
	free(errors);
	return error;
}

/* The name of the flowtable that a statement stands in for, or NULL. */
static const char *stood_in(const struct check_scan *scan, const json_t *statement)
{
	const json_t *mangle = json_object_get(statement, "mangle");
	json_int_t value = check_integer(mangle, "value") - (json_int_t)CHECK_STAND_IN;
	const json_t *key = json_object_get(json_object_get(mangle, "key"), "meta");

	if (strcmp(check_string(key, "key"), "mark") || value < 0)
		return NULL;
	return json_string_value(json_array_get(scan->names, (size_t)value));
}

/* The same in text, in what nft writes; to be freed. */
static char *restore_text(const struct check_scan *scan, const char *text)
{
	static const char statement[] = CHECK_STAND_IN_STATEMENT;
	const char *found = strstr(text, statement), *name;
	char *restored, *all;
	unsigned long value;
	char *end;

	if (!found)
		return strdup(text);
	value = strtoul(found + sizeof(statement) - 1, &end, 16);
	name = value < CHECK_STAND_IN ? NULL :
	       json_string_value(json_array_get(scan->names, value - CHECK_STAND_IN));
	restored = restore_text(scan, end);
	if (name)
		all = check_sentence("%.*sflow add @%s%s", (int)(found - text), text, name,
				     restored ? restored : "");
	else
		all = check_sentence("%.*s%s", (int)(end - text), text, restored ? restored : "");
	free(restored);
	return all;
}

static void restore_string(const struct check_scan *scan, json_t *string)
{
	char *text = restore_text(scan, json_string_value(string));

	if (text)
		json_string_set(string, text);
	free(text);
}

static void restore_rule(const struct check_scan *scan, json_t *rule)
{
	json_t *expr = json_object_get(rule, "expr"), *statement;
	const char *name;
	size_t i;

	json_array_foreach(expr, i, statement) {
		name = stood_in(scan, statement);
		if (json_is_string(statement))
			restore_string(scan, statement);
		else if (name)
			json_array_set_new(expr, i, json_pack("{s:{s:s, s:s+}}", "flow", "op",
							      "add", "flowtable", "@", name));
	}
}

/* One device is listed as it is, none not at all. */
static void write_devices(json_t *ft)
{
	json_t *dev = json_object_get(ft, "dev");

	if (json_array_size(dev) == 0)
		json_object_del(ft, "dev");
	else if (json_array_size(dev) == 1)
		json_object_set(ft, "dev", json_array_get(dev, 0));
}

/* Puts flowtables and their statements back to where they were. */
static void restore(const struct check_scan *scan, json_t *ruleset, json_t *lines)
{
	json_t *list = json_object_get(ruleset, "nftables"), *item;
	size_t i;

	json_array_foreach(list, i, item)
		restore_rule(scan, json_object_get(item, "rule"));
	json_array_foreach(scan->flowtables, i, item) {
		write_devices(json_object_get(item, "flowtable"));
		json_array_append(list, item);
	}
	json_array_foreach(lines, i, item)
		restore_string(scan, json_object_get(item, "rule"));
}

static char *chain_key(const json_t *line)
{
	return check_sentence("%s %s %s", check_string(line, "family"),
			      check_string(line, "table"), check_string(line, "chain"));
}

/* How many rules a chain has, by the same key as in the scan. */
static json_t *count_rules(const json_t *lines)
{
	json_t *counts = json_object();
	const json_t *line;
	char *key;
	size_t i;

	json_array_foreach(lines, i, line) {
		key = chain_key(line);
		json_object_set_new(counts, key, json_integer(check_integer(counts, key) + 1));
		free(key);
	}
	return counts;
}

/*
 * The n-th rule of a chain in the text is its n-th rule in the list, if there are as many in both;
 * else no line is said.
 */
static void add_places(const struct check_scan *scan, json_t *lines)
{
	json_t *counts = count_rules(lines), *used = json_object(), *line, *places;
	json_int_t number;
	char *key;
	size_t i;

	json_array_foreach(lines, i, line) {
		key = chain_key(line);
		places = json_object_get(scan->rules, key);
		number = check_integer(used, key);
		json_object_set_new(used, key, json_integer(number + 1));
		if (json_array_size(places) == (size_t)check_integer(counts, key))
			check_scan_place(scan, (size_t)json_integer_value(
						 json_array_get(places, (size_t)number)), line);
		free(key);
	}
	json_decref(counts);
	json_decref(used);
}

/* In the private namespace: the ruleset, or {"error": ...}. */
static json_t *check_privately(const struct check_scan *scan, const char *path)
{
	char *error = check_private_enter();
	json_t *ruleset = NULL, *lines = NULL, *result;
	struct nft_ctx *nft = NULL;
	size_t i;

	for (i = 0; !error && i < json_array_size(scan->devices); i++)
		check_private_link(check_string_at(scan->devices, i));
	if (!error)
		error = load(scan, path);
	if (!error)
		nft = check_nft_open(&error);
	if (nft) {
		ruleset = check_nft_list(nft, &lines, &error);
		nft_ctx_free(nft);
	}
	if (!ruleset) {
		result = json_pack("{s:s}", "error", error ? error : "out of memory");
		free(error);
		return result;
	}
	restore(scan, ruleset, lines);
	add_places(scan, lines);
	return json_pack("{s:o, s:O, s:o, s:O}", "ruleset", ruleset, "flowtables", scan->flags,
			 "lines", lines, "notes", scan->notes);
}

static json_t *read_result(int fd, pid_t child, char **error)
{
	json_error_t reason;
	json_t *result = json_loadfd(fd, 0, &reason);
	const char *sentence = json_string_value(json_object_get(result, "error"));
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (result && !sentence)
		return result;
	/* Some versions of nft crash on some files. */
	if (WIFSIGNALED(status))
		*error = check_sentence("libnftables crashed on the file (%s)",
					strsignal(WTERMSIG(status)));
	else
		*error = check_sentence("%s", sentence ? sentence : "libnftables gave up");
	json_decref(result);
	return NULL;
}

json_t *cli_check_file(const char *path, char **error)
{
	struct check_scan scan;
	json_t *result = NULL;
	int fds[2] = { -1, -1 };
	pid_t child;

	*error = check_scan_file(&scan, path);
	if (*error)
		goto out;
	fflush(NULL);	/* or the child would write it, too */
	child = pipe(fds) ? -1 : fork();
	if (child < 0) {
		*error = check_sentence("%s: %s", path, strerror(errno));
		goto out;
	}
	if (!child) {
		close(fds[0]);
		result = check_privately(&scan, path);
		_exit(json_dumpfd(result, fds[1], 0) ? 1 : 0);
	}
	close(fds[1]);
	fds[1] = -1;
	result = read_result(fds[0], child, error);
out:
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	check_scan_exit(&scan);
	return result;
}
