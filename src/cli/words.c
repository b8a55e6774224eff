// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/nft_offload.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

#define CLI_NAME_MAX 255	/* of tables and flowtables */
#define CLI_WORD_MAX 31		/* of reasons and drivers */

#define CLI_STATES "queued hardware refused failed removing"
#define CLI_DIRECTIONS "original reply"

enum { FILTER_DEVICE, FILTER_FLOWTABLE, FILTER_TABLE, FILTER_STATE, FILTER_REASON, FILTER_ADDRESS,
	FILTER_PORT, FILTER_PROTOCOL, FILTER_DIRECTION, FILTERS };

const struct cli_word cli_filter_words[FILTERS + 1] = {
	[FILTER_DEVICE] = { "device", "DEVICE", "@device",
		"packets enter or leave by this device" },
	[FILTER_FLOWTABLE] = { "flowtable", "[TABLE/]NAME", NULL,
		"the flowtable of that name, in any table or in TABLE" },
	[FILTER_TABLE] = { "table", "TABLE", NULL, "flowtables of that table" },
	[FILTER_STATE] = { "state", "STATE", CLI_STATES, "what became of the flow direction" },
	[FILTER_REASON] = { "reason", "WORD", "@reason", "why it is not in hardware" },
	[FILTER_ADDRESS] = { "address", "ADDRESS", NULL,
		"source or destination, as packets arrive or as they leave" },
	[FILTER_PORT] = { "port", "NUMBER", NULL, "the same for ports" },
	[FILTER_PROTOCOL] = { "protocol", "tcp|udp|NUMBER", "tcp udp", "protocol in the IP header" },
	[FILTER_DIRECTION] = { "direction", "DIRECTION", CLI_DIRECTIONS,
		"as seen from who opened the connection" },
};

enum { POLICY_DRIVER, POLICY_TTL, POLICY_TCP, POLICY_OFFLOAD, POLICIES };

const struct cli_word cli_policy_words[POLICIES + 1] = {
	[POLICY_DRIVER] = { "driver", "NAME", "recognised",
		"vouches that the device honours what the driver NAME does; \"recognised\" or \"\" takes that back" },
	[POLICY_TTL] = { "ttl", "default|require|lossy", "default require lossy",
		"lossy: hardware may forward without decrementing the TTL" },
	[POLICY_TCP] = { "tcp", "guarded|unguarded", "guarded unguarded",
		"unguarded: hardware may forward the FIN and RST of TCP too" },
	[POLICY_OFFLOAD] = { "offload", "auto|off", "auto off",
		"off: all flows of the device stay in software" },
};

int cli_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);
	int at;

	for (at = 0; *choices; at++) {
		if (len && len == strcspn(word, " ") && !strncmp(choices, word, len) &&
		    (choices[len] == ' ' || !choices[len]))
			return at;
		choices += strcspn(choices, " ");
		choices += *choices == ' ';
	}
	return -1;
}

/* The kernel's rule for names of devices. */
bool cli_ifname_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len < IFNAMSIZ && strcmp(name, ".") && strcmp(name, "..") &&
		!strpbrk(name, "/: \t\n\v\f\r\xa0");
}

long cli_parse_number(const char *text, long max)
{
	char *end;
	long number;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return *end || errno || number > max ? -1 : number;
}

int cli_put_device(struct nlmsghdr *nlh, uint16_t attr, const char *name)
{
	unsigned int ifindex = cli_ifname_valid(name) ? if_nametoindex(name) : 0;

	if (!ifindex)
		return cli_error(CLI_ERROR, "%s: there is no such device in this network namespace",
				 name);
	mnl_attr_put_u32(nlh, attr, ifindex);
	return 0;
}

static int cli_put_name(struct nlmsghdr *nlh, uint16_t attr, const char *what, const char *name,
			size_t len, size_t max)
{
	char copy[CLI_NAME_MAX + 1];

	if (!len || len > max)
		return cli_error(CLI_USAGE, "%s %.*s: names have from 1 to %zu characters", what,
				 (int)len, name, max);
	memcpy(copy, name, len);
	copy[len] = '\0';
	mnl_attr_put_strz(nlh, attr, copy);
	return 0;
}

static int cli_put_flowtable(struct nlmsghdr *nlh, const char *value, bool *table)
{
	const char *slash = strrchr(value, '/');
	const char *name = slash ? slash + 1 : value;
	int ret;

	if (slash && *table)
		return cli_error(CLI_USAGE, "flowtable %s: the table is named twice", value);
	if (slash) {
		*table = true;
		ret = cli_put_name(nlh, NFTO_A_FILTER_TABLE, "table", value, slash - value,
				   CLI_NAME_MAX);
		if (ret)
			return ret;
	}
	return cli_put_name(nlh, NFTO_A_FILTER_FLOWTABLE, "flowtable", name, strlen(name),
			    CLI_NAME_MAX);
}

static int cli_put_table(struct nlmsghdr *nlh, const char *value, bool *table)
{
	if (*table)
		return cli_error(CLI_USAGE, "table %s: the table is named twice", value);
	*table = true;
	return cli_put_name(nlh, NFTO_A_FILTER_TABLE, "table", value, strlen(value), CLI_NAME_MAX);
}

static int cli_put_choice(struct nlmsghdr *nlh, uint16_t attr, const struct cli_word *word,
			  const char *value)
{
	int number = cli_choice(word->choices, value);

	if (number < 0)
		return cli_error(CLI_USAGE, "%s %s: give one of: %s", word->word, value,
				 word->choices);
	mnl_attr_put_u32(nlh, attr, number);
	return 0;
}

static int cli_put_address(struct nlmsghdr *nlh, const char *value)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, value, bytes) == 1)
		mnl_attr_put(nlh, NFTO_A_FILTER_ADDRESS, 4, bytes);
	else if (inet_pton(AF_INET6, value, bytes) == 1)
		mnl_attr_put(nlh, NFTO_A_FILTER_ADDRESS, 16, bytes);
	else
		return cli_error(CLI_USAGE, "address %s: give one IPv4 or IPv6 address, without a prefix length", value);
	return 0;
}

static int cli_put_port(struct nlmsghdr *nlh, const char *value)
{
	long port = cli_parse_number(value, 65535);

	if (port < 0)
		return cli_error(CLI_USAGE, "port %s: give a number, from 0 to 65535", value);
	mnl_attr_put_u16(nlh, NFTO_A_FILTER_PORT, htons(port));
	return 0;
}

static int cli_put_protocol(struct nlmsghdr *nlh, const char *value)
{
	long protocol = cli_parse_number(value, 255);

	if (!strcmp(value, "tcp"))
		protocol = IPPROTO_TCP;
	else if (!strcmp(value, "udp"))
		protocol = IPPROTO_UDP;
	if (protocol < 0)
		return cli_error(CLI_USAGE, "protocol %s: give tcp, udp or a number, from 0 to 255",
				 value);
	mnl_attr_put_u32(nlh, NFTO_A_FILTER_PROTOCOL, protocol);
	return 0;
}

static int cli_put_filter_word(struct nlmsghdr *nlh, int at, const char *value, bool *table)
{
	const struct cli_word *word = &cli_filter_words[at];

	switch (at) {
	case FILTER_DEVICE:
		return cli_put_device(nlh, NFTO_A_FILTER_IFINDEX, value);
	case FILTER_FLOWTABLE:
		return cli_put_flowtable(nlh, value, table);
	case FILTER_TABLE:
		return cli_put_table(nlh, value, table);
	case FILTER_STATE:
		return cli_put_choice(nlh, NFTO_A_FILTER_STATE, word, value);
	case FILTER_REASON:
		return cli_put_name(nlh, NFTO_A_FILTER_REASON, word->word, value, strlen(value),
				    CLI_WORD_MAX);
	case FILTER_ADDRESS:
		return cli_put_address(nlh, value);
	case FILTER_PORT:
		return cli_put_port(nlh, value);
	case FILTER_PROTOCOL:
		return cli_put_protocol(nlh, value);
	default:
		return cli_put_choice(nlh, NFTO_A_FILTER_DIRECTION, word, value);
	}
}

/* Number @at of @words must be one of @known, not in @seen, and have a value. */
static int cli_find_word(const struct cli_word *known, char *const *words, int num_words, int at,
			 unsigned int *seen, int *found)
{
	int i;

	for (i = 0; known[i].word; i++)
		if (!strcmp(known[i].word, words[at]))
			break;
	if (!known[i].word)
		return cli_error(CLI_USAGE, "%s: there is no such word here (nft-offload help shows those of each command)", words[at]);
	if (at + 1 >= num_words)
		return cli_error(CLI_USAGE, "%s: a value has to follow: %s %s", words[at],
				 words[at], known[i].value);
	if (*seen & CLI_BIT(i))
		return cli_error(CLI_USAGE, "%s: this stands there twice; give it once", words[at]);
	*seen |= CLI_BIT(i);
	*found = i;
	return 0;
}

int cli_put_filter(struct nlmsghdr *request, const struct cli_args *args)
{
	unsigned int seen = 0;
	struct nlattr *nest;
	bool table = false;
	int i, found, ret;

	if (!args->num_words)
		return 0;
	nest = mnl_attr_nest_start(request, NFTO_A_FILTER);
	for (i = 0; i < args->num_words; i += 2) {
		ret = cli_find_word(cli_filter_words, args->words, args->num_words, i, &seen,
				    &found);
		if (!ret)
			ret = cli_put_filter_word(request, found, args->words[i + 1], &table);
		if (ret)
			return ret;
	}
	mnl_attr_nest_end(request, nest);
	return 0;
}

static int cli_put_driver(struct nlmsghdr *nlh, const char *value)
{
	if (!strcmp(value, "recognised"))
		value = "";
	if (strlen(value) > CLI_WORD_MAX)
		return cli_error(CLI_USAGE, "driver %s: no driver has so long a name", value);
	mnl_attr_put_strz(nlh, NFTO_A_POLICY_DRIVER, value);
	return 0;
}

int cli_put_policy(struct nlmsghdr *request, char *const *words, int num_words)
{
	static const uint16_t attrs[POLICIES] = {
		[POLICY_TTL] = NFTO_A_POLICY_TTL,
		[POLICY_TCP] = NFTO_A_POLICY_TCP,
		[POLICY_OFFLOAD] = NFTO_A_POLICY_OFFLOAD,
	};
	unsigned int seen = 0;
	struct nlattr *nest;
	int i, found, ret;

	nest = mnl_attr_nest_start(request, NFTO_A_POLICY);
	for (i = 0; i < num_words; i += 2) {
		ret = cli_find_word(cli_policy_words, words, num_words, i, &seen, &found);
		if (ret)
			return ret;
		if (found == POLICY_DRIVER)
			ret = cli_put_driver(request, words[i + 1]);
		else
			ret = cli_put_choice(request, attrs[found], &cli_policy_words[found],
					     words[i + 1]);
		if (ret)
			return ret;
	}
	mnl_attr_nest_end(request, nest);
	return 0;
}
