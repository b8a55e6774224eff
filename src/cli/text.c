// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include "cli.h"

#define CLI_TPID_8021Q 0x8100
#define CLI_TPID_8021AD 0x88a8

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *cli_word(const json_t *object, const char *key)
{
	static char numbers[CLI_WORDS_KEPT][24];
	static unsigned int at;
	const json_t *value = json_object_get(object, key);
	char *number;

	if (!json_is_integer(value))
		return cli_text(object, key);
	number = numbers[at++ % CLI_WORDS_KEPT];
	snprintf(number, sizeof(numbers[0]), "%" PRIu64, cli_number(object, key));
	return number;
}

void cli_print_words(const json_t *words)
{
	json_t *word;
	size_t i;

	json_array_foreach((json_t *)words, i, word)
		printf(" %s", json_string_value(word));
}

void cli_print_counts(const json_t *counts)
{
	const char *separator = "";
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)counts, key, value) {
		if (!json_integer_value(value))
			continue;
		printf("%s%" PRIu64 " ", separator, cli_number(counts, key));
		cli_print_coloured(key, key);
		separator = ", ";
	}
	if (!*separator)
		printf("none");
}

/* An address and a port, where there are any; those of @other for what @flow does not name. */
static void cli_print_end(const json_t *flow, const char *address, const char *port,
			  const char *other, const char *other_port)
{
	const char *text = cli_text(flow, address);
	const json_t *number = json_object_get(flow, port);

	if (!*text)
		text = cli_text(flow, other);
	if (!number)
		number = json_object_get(flow, other_port);
	if (!number)
		printf("%s", *text ? text : "?");
	else if (strchr(text, ':'))
		printf("[%s]:%d", text, (int)json_integer_value(number));
	else
		printf("%s:%d", *text ? text : "?", (int)json_integer_value(number));
}

static void cli_print_ends(const json_t *flow)
{
	static const char *const keys[] = {
		"new_source", "new_destination", "new_source_port", "new_destination_port",
	};
	bool translated = false;
	size_t i;

	cli_print_end(flow, "source", "source_port", "source", "source_port");
	printf(" > ");
	cli_print_end(flow, "destination", "destination_port", "destination", "destination_port");
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		translated = translated || json_object_get(flow, keys[i]);
	if (!translated)
		return;
	printf(" => ");
	cli_print_end(flow, "new_source", "new_source_port", "source", "source_port");
	printf(" > ");
	cli_print_end(flow, "new_destination", "new_destination_port", "destination",
		      "destination_port");
}

static void cli_print_device(const json_t *flow, const char *name, const char *ifindex)
{
	if (*cli_text(flow, name))
		printf("%s", cli_text(flow, name));
	else if (json_object_get(flow, ifindex))
		printf("device %" PRIu64, cli_number(flow, ifindex));
	else
		printf("?");
}

/* "10", "802.1ad:100.10", "none" */
static void cli_print_tag_list(const json_t *tags)
{
	json_t *tag;
	size_t i;

	json_array_foreach((json_t *)tags, i, tag) {
		if (i)
			putchar('.');
		if (cli_number(tag, "tpid") == CLI_TPID_8021AD)
			printf("802.1ad:");
		else if (cli_number(tag, "tpid") != CLI_TPID_8021Q)
			printf("0x%04" PRIx64 ":", cli_number(tag, "tpid"));
		printf("%" PRIu64, cli_number(tag, "vid"));
	}
	if (!json_array_size(tags))
		printf("none");
}

static void cli_print_tags(const json_t *flow)
{
	const json_t *tags = json_object_get(flow, "tag");
	const json_t *new_tags = json_object_get(flow, "new_tag");

	if (!json_array_size(tags) && !json_array_size(new_tags))
		return;
	printf("  vlan ");
	cli_print_tag_list(tags);
	if (json_equal(tags, new_tags))
		return;
	printf(" > ");
	cli_print_tag_list(new_tags);
}

static void cli_print_reason(const json_t *flow)
{
	const char *name = cli_text(flow, "errno_name");
	const char *words = cli_text(flow, "driver_text");

	if (*cli_text(flow, "reason"))
		printf(": %s", cli_text(flow, "reason"));
	if (!json_object_get(flow, "errno") && !*words)
		return;
	printf(" (");
	if (*name)
		printf("%s", name);
	else if (json_object_get(flow, "errno"))
		printf("errno %" PRIu64, cli_number(flow, "errno"));
	if (*words)
		printf("%s\"%s\"", json_object_get(flow, "errno") ? ", " : "", words);
	printf(")");
}

static void cli_print_duration(const char *what, uint64_t ms)
{
	uint64_t seconds = ms / 1000;

	if (seconds < 60)
		printf("  %s %" PRIu64 ".%" PRIu64 "s", what, seconds, ms % 1000 / 100);
	else if (seconds < 3600)
		printf("  %s %" PRIu64 "m%" PRIu64 "s", what, seconds / 60, seconds % 60);
	else if (seconds < 86400)
		printf("  %s %" PRIu64 "h%" PRIu64 "m", what, seconds / 3600, seconds / 60 % 60);
	else
		printf("  %s %" PRIu64 "d%" PRIu64 "h", what, seconds / 86400,
		       seconds / 3600 % 24);
}

void cli_print_flow(const json_t *flow, const char *word)
{
	const char *protocol = cli_word(flow, "protocol");

	if (json_is_integer(json_object_get(flow, "protocol")))
		printf("protocol ");
	printf("%s ", protocol);
	cli_print_ends(flow);
	printf("  ");
	cli_print_device(flow, "ingress_name", "ingress");
	printf(" > ");
	cli_print_device(flow, "egress_name", "egress");
	cli_print_tags(flow);
	printf("  %s  ", cli_word(flow, "direction"));
	cli_print_coloured(word, word);
	cli_print_reason(flow);
	printf("  hardware %" PRIu64 " packets %" PRIu64 " bytes", cli_number(flow, "packets"),
	       cli_number(flow, "bytes"));
	if (json_object_get(flow, "software_packets"))
		printf("  software %" PRIu64 " packets %" PRIu64 " bytes",
		       cli_number(flow, "software_packets"), cli_number(flow, "software_bytes"));
	if (json_object_get(flow, "age_ms"))
		cli_print_duration("age", cli_number(flow, "age_ms"));
	if (json_object_get(flow, "retry_ms"))
		cli_print_duration("retry in", cli_number(flow, "retry_ms"));
}
