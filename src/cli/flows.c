// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/nft_offload.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "netlink.h"

#define CLI_OTHER_STATE "other"

enum cli_sort { SORT_BYTES, SORT_PACKETS, SORT_AGE, SORT_STATE, SORT_REASON, SORT_SOURCE,
	SORT_DESTINATION };

/*
 * A flow to be sorted, by the first of these that differs. The message is kept and not its tree, of
 * which a million would need gigabytes.
 */
struct cli_row {
	uint64_t number;		/* the largest first */
	unsigned char key[32];		/* a word, or an address with its family in front */
	uint64_t id;
	struct nlmsghdr *message;
};

struct cli_flow_list {
	bool count_only;
	unsigned int lines;	/* how many more may be printed */
	bool limited;
	size_t more;		/* how many were not */
	json_t *counts;		/* by state */
	int sort;		/* enum cli_sort, or -1 */
	struct cli_row *rows;
	size_t num, room;
};

static json_t *cli_new_counts(void)
{
	static const char *const states[] = {
		"queued", "hardware", "refused", "failed", "removing",
	};
	json_t *counts = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		json_object_set_new(counts, states[i], json_integer(0));
	return counts;
}

static void cli_count_flow(json_t *counts, const json_t *flow)
{
	const char *state = cli_text(flow, "state");

	if (!*state)
		state = CLI_OTHER_STATE;
	json_object_set_new(counts, state, json_integer(cli_number(counts, state) + 1));
}

static void cli_show_flow(struct cli_flow_list *list, json_t *flow)
{
	if (cli_json) {
		cli_stream_element(flow);
	} else if (list->limited && !list->lines) {
		list->more++;
	} else {
		if (list->limited)
			list->lines--;
		cli_print_flow(flow, cli_word(flow, "state"));
		putchar('\n');
	}
}

static void cli_sort_address(struct cli_row *row, const char *text)
{
	if (strchr(text, ':')) {
		row->key[0] = 6;
		inet_pton(AF_INET6, text, row->key + 1);
	} else if (*text) {
		row->key[0] = 4;
		inet_pton(AF_INET, text, row->key + 1);
	}
}

static void cli_sort_word(struct cli_row *row, const char *text)
{
	memcpy(row->key, text, strnlen(text, sizeof(row->key)));
}

static void cli_sort_row(struct cli_row *row, const json_t *flow, enum cli_sort sort)
{
	row->id = cli_number(flow, "id");
	switch (sort) {
	case SORT_BYTES:
		row->number = cli_number(flow, "bytes");
		break;
	case SORT_PACKETS:
		row->number = cli_number(flow, "packets");
		break;
	case SORT_AGE:
		row->number = cli_number(flow, "age_ms");
		break;
	case SORT_STATE:
		cli_sort_word(row, cli_text(flow, "state"));
		break;
	case SORT_REASON:
		cli_sort_word(row, cli_text(flow, "reason"));
		break;
	case SORT_SOURCE:
		cli_sort_address(row, cli_text(flow, "source"));
		break;
	case SORT_DESTINATION:
		cli_sort_address(row, cli_text(flow, "destination"));
		break;
	}
}

static int cli_no_memory(const struct cli_flow_list *list)
{
	return cli_error(CLI_ERROR, "there is no memory to sort more than %zu flow directions: leave out --sort, or give a filter",
			 list->num);
}

/* For later. */
static int cli_keep_flow(struct cli_flow_list *list, const struct nlmsghdr *nlh,
			 const json_t *flow)
{
	struct cli_row *rows = list->rows;
	struct cli_row *row;

	if (list->num == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		rows = reallocarray(list->rows, list->room, sizeof(*rows));
		if (!rows)
			return cli_no_memory(list);
		list->rows = rows;
	}
	row = &rows[list->num];
	memset(row, 0, sizeof(*row));
	row->message = malloc(nlh->nlmsg_len);
	if (!row->message)
		return cli_no_memory(list);
	memcpy(row->message, nlh, nlh->nlmsg_len);
	list->num++;
	cli_sort_row(row, flow, list->sort);
	return 0;
}

static int cli_take_flow(const struct nlmsghdr *nlh, void *data)
{
	json_t *message = cli_parse_message(nlh);
	json_t *flow = json_object_get(message, "flow");
	struct cli_flow_list *list = data;
	int ret = 0;

	if (flow && list->count_only)
		cli_count_flow(list->counts, flow);
	else if (flow && list->sort >= 0)
		ret = cli_keep_flow(list, nlh, flow);
	else if (flow)
		cli_show_flow(list, flow);
	json_decref(message);
	/* whoever reads may have gone */
	return ferror(stdout) ? CLI_ERROR : ret;
}

static int cli_compare_rows(const void *first, const void *second)
{
	const struct cli_row *a = first, *b = second;
	int differ;

	if (a->number != b->number)
		return a->number > b->number ? -1 : 1;
	differ = memcmp(a->key, b->key, sizeof(a->key));
	if (!differ)
		differ = (a->id > b->id) - (a->id < b->id);
	return differ;
}

static void cli_show_sorted(struct cli_flow_list *list)
{
	json_t *message;
	size_t i;

	if (list->num)
		qsort(list->rows, list->num, sizeof(*list->rows), cli_compare_rows);
	for (i = 0; i < list->num; i++) {
		message = cli_parse_message(list->rows[i].message);
		cli_show_flow(list, json_object_get(message, "flow"));
		json_decref(message);
	}
}

static void cli_free_rows(struct cli_flow_list *list)
{
	size_t i;

	for (i = 0; i < list->num; i++)
		free(list->rows[i].message);
	free(list->rows);
}

static void cli_show_counts(const struct cli_flow_list *list, bool complete)
{
	json_t *tree;

	if (!cli_json) {
		cli_print_counts(list->counts);
		printf("\n");
		return;
	}
	tree = json_object();
	json_object_set(tree, "counts", list->counts);
	json_object_set_new(tree, "complete", json_boolean(complete));
	cli_print_json(tree);
}

static int cli_dump_flows(struct cli_netlink *nl, const struct cli_args *args,
			  struct cli_flow_list *list)
{
	struct nlmsghdr *nlh = cli_request(nl, NFTO_CMD_FLOW_GET, NLM_F_DUMP);
	int ret = cli_put_filter(nlh, args);
	bool complete;

	if (ret)
		return ret;
	if (cli_json && !list->count_only)
		cli_stream_begin("flows");
	ret = cli_explain(nl, cli_exchange(nl, nlh, cli_take_flow, list), NULL);
	if (ret)
		return ret;
	cli_show_sorted(list);
	complete = !nl->interrupted;
	if (list->count_only)
		cli_show_counts(list, complete);
	else if (cli_json)
		cli_stream_end(complete);
	else if (list->more)
		printf("and %zu more\n", list->more);
	if (!complete)
		cli_warn("flows changed while they were listed: some may be missing");
	return 0;
}

static int cli_flows_once(const struct cli_args *args)
{
	const char *key = args->option[CLI_OPTION_SORT];
	struct cli_flow_list list = {
		.count_only = args->option[CLI_OPTION_COUNT],
		.lines = cli_watch_lines(),
		.sort = key ? cli_choice(cli_options[CLI_OPTION_SORT].choices, key) : -1,
	};
	struct cli_netlink *nl;
	int ret;

	ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	list.limited = list.lines;
	list.counts = cli_new_counts();
	ret = cli_dump_flows(nl, args, &list);
	cli_free_rows(&list);
	json_decref(list.counts);
	cli_netlink_close(nl);
	return ret;
}

int cli_flows(const struct cli_args *args)
{
	alignas(8) char buffer[CLI_REQUEST_SIZE];
	const char *key = args->option[CLI_OPTION_SORT];
	const char *choices = cli_options[CLI_OPTION_SORT].choices;
	int ret;

	if (key && cli_choice(choices, key) < 0)
		return cli_error(CLI_USAGE, "--sort %s: give one of: %s", key, choices);
	if (key && args->option[CLI_OPTION_COUNT])
		return cli_error(CLI_USAGE, "--count: there is nothing to sort; leave out one of the two");
	/* what is wrong with the words is said whether or not there is a kernel to ask */
	ret = cli_put_filter(mnl_nlmsg_put_header(buffer), args);
	return ret ? ret : cli_repeat(args, cli_flows_once);
}
