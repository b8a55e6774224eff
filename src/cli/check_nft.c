// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check_findings.h"
#include "check_nft.h"

#define RULE_MAX 240	/* characters; an element or two tell which rule it is */

struct listing {
	json_t *lines;
	char family[16], table[256], chain[256];
	char rule[RULE_MAX + 4];
};

struct nft_ctx *check_nft_open(char **error)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (nft && !nft_ctx_buffer_output(nft) && !nft_ctx_buffer_error(nft))
		return nft;
	if (nft)
		nft_ctx_free(nft);
	*error = check_sentence("libnftables does not start");
	return NULL;
}

/* The text of a rule goes on in more lines if it has a map in it. */
static void add_text(struct listing *listing, const char *text, size_t length)
{
	size_t used = strlen(listing->rule);

	for (; length && *text == '\t'; text++)
		length--;
	if (used >= RULE_MAX)
		return;
	snprintf(listing->rule + used, RULE_MAX + 1 - used, "%s%.*s", used ? " " : "",
		 (int)length, text);
	if (strlen(listing->rule) == RULE_MAX)
		strcpy(listing->rule + RULE_MAX, "...");
}

static void add_rule(struct listing *listing, const char *handle)
{
	json_array_append_new(listing->lines,
			      json_pack("{s:s, s:s, s:s, s:I, s:s}", "family", listing->family,
					"table", listing->table, "chain", listing->chain,
					"handle", (json_int_t)strtoll(handle, NULL, 10),
					"rule", listing->rule));
	listing->rule[0] = '\0';
}

/* A line inside of a chain, @length long. */
static void read_rule_line(struct listing *listing, const char *line, size_t length)
{
	static const char mark[] = " # handle ";
	const char *end = line + length, *handle = NULL, *at = line;

	if (!listing->rule[0] &&
	    (!strncmp(line, "\t\ttype ", 7) || !strncmp(line, "\t\tpolicy ", 9) ||
	     !strncmp(line, "\t\tcomment ", 10)))
		return;
	/* The last one of the line: a comment may have the same words. */
	while ((at = strstr(at, mark)) && at < end) {
		handle = at;
		at += sizeof(mark) - 1;
	}
	if (handle && strspn(handle + sizeof(mark) - 1, "0123456789") ==
		      (size_t)(end - handle) - (sizeof(mark) - 1)) {
		add_text(listing, line, (size_t)(handle - line));
		add_rule(listing, handle + sizeof(mark) - 1);
	} else {
		add_text(listing, line, length);
	}
}

static void read_line(struct listing *listing, const char *line, size_t length)
{
	if (!strncmp(line, "table ", 6)) {
		listing->chain[0] = '\0';
		if (sscanf(line, "table %15s %255s", listing->family, listing->table) != 2)
			listing->table[0] = '\0';
	} else if (!strncmp(line, "\tchain ", 7)) {
		listing->rule[0] = '\0';
		if (sscanf(line, "\tchain %255s", listing->chain) != 1)
			listing->chain[0] = '\0';
	} else if (line[0] == '\t' && line[1] != '\t') {
		listing->chain[0] = '\0';
	} else if (listing->chain[0] && line[0] == '\t') {
		read_rule_line(listing, line, length);
	}
}

static json_t *read_lines(const char *text)
{
	struct listing listing = { .lines = json_array() };
	size_t length;

	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		read_line(&listing, text, length);
	}
	return listing.lines;
}

/*
 * Where nft has no JSON for a statement, it complains past its own buffers, on standard error or,
 * before 1.0, on standard output; that it was not looked at is a finding. What @file was, or -1.
 */
static int silence(FILE *file)
{
	int saved, null;

	fflush(file);
	saved = dup(fileno(file));
	null = saved < 0 ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, fileno(file));
		close(null);
	}
	return saved;
}

static void speak(FILE *file, int saved)
{
	if (saved < 0)
		return;
	fflush(file);
	dup2(saved, fileno(file));
	close(saved);
}

/* The output of "list ruleset", which belongs to @nft. */
static const char *run_list(struct nft_ctx *nft, unsigned int flags, char **error)
{
	int out = flags ? silence(stdout) : -1;
	int errors = flags ? silence(stderr) : -1;
	int err;

	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_HANDLE | flags);
	err = nft_run_cmd_from_buffer(nft, "list ruleset");
	speak(stdout, out);
	speak(stderr, errors);
	if (!err)
		return nft_ctx_get_output_buffer(nft);
	*error = check_sentence("the ruleset cannot be read: %s", nft_ctx_get_error_buffer(nft));
	(*error)[strcspn(*error, "\n")] = '\0';
	return NULL;
}

json_t *check_nft_list(struct nft_ctx *nft, json_t **lines, char **error)
{
	json_error_t reason;
	const char *text;
	json_t *ruleset;

	text = run_list(nft, NFT_CTX_OUTPUT_JSON, error);
	if (!text)
		return NULL;
	ruleset = json_loads(text, 0, &reason);
	if (!ruleset) {
		*error = check_sentence("libnftables writes no JSON: %s", reason.text);
		return NULL;
	}
	text = run_list(nft, 0, error);
	if (!text) {
		json_decref(ruleset);
		return NULL;
	}
	*lines = read_lines(text);
	return ruleset;
}
