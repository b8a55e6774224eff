/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nft-offload - shows and steers what the module nft_offload does.
 *
 * Each command builds one tree of values, which is printed as text or as JSON.
 */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit status. */
enum cli_status {
	CLI_OK,
	CLI_FOUND,	/* something was looked for, and found */
	CLI_USAGE,
	CLI_ERROR,
};

enum cli_option_id {
	CLI_OPTION_ALL,
	CLI_OPTION_COUNT,
	CLI_OPTION_DEVICES,
	CLI_OPTION_FAMILY,
	CLI_OPTION_FILE,
	CLI_OPTION_PROMETHEUS,
	CLI_OPTION_SORT,
	CLI_OPTION_TABLE,
	CLI_OPTION_WATCH,
	CLI_OPTIONS
};

struct cli_option {
	const char *name;
	const char *letter;	/* the short form, or NULL */
	const char *argument;	/* as in usage, or NULL */
	const char *choices;	/* what the argument may be, for completion; see struct cli_word */
	bool may_lack;		/* its argument, which is a number then */
	const char *help;
};

/* A word of the command line that a value follows. */
struct cli_word {
	const char *word;
	const char *value;	/* as in usage */
	/* what the value may be, with blanks between, or @device, @reason, @file, or NULL */
	const char *choices;
	const char *help;
};

struct cli_args {
	const char *option[CLI_OPTIONS];	/* its argument, "" without, NULL if not given */
	char **words;
	int num_words;
};

struct cli_command {
	const char *name;
	const char *help;
	const char *words;			/* their syntax, or NULL */
	int max_words;				/* -1: any number */
	const char *first;			/* choices for the first word, or NULL */
	const struct cli_word *values;		/* up to one without a word, or NULL */
	unsigned int options;			/* BIT(enum cli_option_id) */
	int (*run)(const struct cli_args *args);
};

#define CLI_BIT(option) (1U << (option))

/* main.c */
extern const struct cli_command cli_commands[];
extern const struct cli_option cli_options[CLI_OPTIONS];

/* NULL: there is none of that name. */
const struct cli_command *cli_command_find(const char *name);

/* usage.c */
void cli_usage(FILE *out);
int cli_help(const struct cli_args *args);
int cli_help_command(const struct cli_command *command);
void cli_completion_bash(FILE *out);

/* out.c */
extern bool cli_json;
extern bool cli_watching;

/* Says what is wrong in one sentence, on stderr or as JSON; returns @status. */
int __printf(2, 3) cli_error(enum cli_status status, const char *format, ...);
void __printf(1, 2) cli_warn(const char *format, ...);

/* Prints and frees a tree. */
void cli_print_json(json_t *tree);

/*
 * Prints the tree {@key: [elements]} piece by piece, so that memory holds one element at a time.
 * If cli_error() is called between, what was begun is ended, and is valid JSON.
 */
void cli_stream_begin(const char *key);
void cli_stream_element(json_t *element);
void cli_stream_end(bool complete);

/* On a terminal, @text in the colour of a state or backend; elsewhere as it is. */
void cli_print_coloured(const char *text, const char *word);

/* How many lines a watched list may have; 0: any number. */
unsigned int cli_watch_lines(void);

/* Does @once once, or with --watch again and again until a signal ends it. */
int cli_repeat(const struct cli_args *args, int (*once)(const struct cli_args *args));

/* Flushes stdout; an error if not all could be written. */
int cli_finish(int status);

/* text.c: pieces of trees for people. What a tree lacks is "" or 0. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);

/*
 * A word, or its number if the kernel knows words that we do not; good until this is called
 * CLI_WORDS_KEPT times more.
 */
#define CLI_WORDS_KEPT 4
const char *cli_word(const json_t *object, const char *key);

/* Each with a blank in front. */
void cli_print_words(const json_t *words);

/* "12 hardware, 3 refused", or "none" */
void cli_print_counts(const json_t *counts);

/* One direction of a flow, in one line without its end. @word: its state, or an event. */
void cli_print_flow(const json_t *flow, const char *word);

/* words.c: words with values */
extern const struct cli_word cli_filter_words[];
extern const struct cli_word cli_policy_words[];
extern const struct cli_word cli_probe_words[];	/* probe.c */

/* Is @word one of @choices, which have blanks between? Its number then, or -1. */
int cli_choice(const char *choices, const char *word);

/* Adds a filter to a request, if there is one. */
int cli_put_filter(struct nlmsghdr *request, const struct cli_args *args);
int cli_put_policy(struct nlmsghdr *request, char *const *words, int num_words);
bool cli_ifname_valid(const char *name);

/* Only decimal digits, up to @max; -1: @text is no such number. */
long cli_parse_number(const char *text, long max);

/* A device of this namespace, by its number; or says that there is none. */
int cli_put_device(struct nlmsghdr *request, uint16_t attr, const char *name);

#define CLI_NOT_IN_FORCE "another module's flowtables come first: flush the rulesets of all network namespaces, load nft_offload anew, and then the rulesets"

/* True or false; null, as a module of another version may not say. @version: the module's answer */
json_t *cli_in_force(const json_t *version);

/*
 * stock.c: flowtables of the ruleset with the flag offload that are none of @ours: those that the
 * stock code has, and those of which no device is there. NULL: the ruleset cannot be read.
 */
int cli_other_flowtables(const json_t *ours, json_t **stock, json_t **waiting);

/* prometheus.c */
void cli_print_prometheus(const json_t *status);

/* commands */
int cli_status(const struct cli_args *args);
int cli_flows(const struct cli_args *args);
int cli_reasons(const struct cli_args *args);
int cli_check(const struct cli_args *args);
int cli_doctor(const struct cli_args *args);
int cli_policy(const struct cli_args *args);
int cli_probe(const struct cli_args *args);
int cli_flush(const struct cli_args *args);
int cli_monitor(const struct cli_args *args);
int cli_version(const struct cli_args *args);
int cli_generate(const struct cli_args *args);

#endif
