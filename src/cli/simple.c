// SPDX-License-Identifier: GPL-2.0
/* Commands of one request. */
#include <errno.h>
#include <inttypes.h>
#include <linux/nft_offload.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "cli.h"
#include "netlink.h"

/* The most frequent first. */
static int cli_compare_reasons(const void *first, const void *second)
{
	const json_t *a = *(json_t *const *)first, *b = *(json_t *const *)second;
	uint64_t x = cli_number(a, "count"), y = cli_number(b, "count");

	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(cli_text(a, "reason"), cli_text(b, "reason"));
}

/* @all: those that nothing has, too. */
static json_t *cli_sort_reasons(const json_t *reasons, bool all)
{
	size_t num = 0, i;
	json_t **sorted = calloc(json_array_size(reasons) + 1, sizeof(*sorted));
	json_t *list = json_array();
	json_t *reason;

	if (!sorted)
		return list;
	json_array_foreach((json_t *)reasons, i, reason)
		if (all || cli_number(reason, "count"))
			sorted[num++] = reason;
	qsort(sorted, num, sizeof(*sorted), cli_compare_reasons);
	for (i = 0; i < num; i++)
		json_array_append(list, sorted[i]);
	free(sorted);
	return list;
}

int cli_reasons(const struct cli_args *args)
{
	json_t *reasons, *tree, *reason;
	struct cli_netlink *nl;
	size_t i;
	int ret;

	ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	ret = cli_collect(nl, NFTO_CMD_REASON_GET, NULL, &reasons);
	cli_netlink_close(nl);
	if (ret)
		return ret;
	tree = json_object();
	json_object_set_new(tree, "reasons",
			    cli_sort_reasons(reasons, args->option[CLI_OPTION_ALL]));
	json_decref(reasons);
	if (cli_json) {
		cli_print_json(tree);
		return 0;
	}
	json_array_foreach(json_object_get(tree, "reasons"), i, reason)
		printf("%8" PRIu64 "  %-16s %s\n", cli_number(reason, "count"),
		       cli_text(reason, "reason"), cli_text(reason, "reason_text"));
	if (!i)
		printf("no flow is kept from hardware (--all lists what could keep one)\n");
	json_decref(tree);
	return 0;
}

/* The word "all", which is a filter that names nothing, or another filter. */
static int cli_flush_filter(struct nlmsghdr *nlh, const struct cli_args *args)
{
	struct nlattr *nest;

	if (!args->num_words)
		return cli_error(CLI_USAGE, "flush: say which flows: give a filter, or the word all");
	if (strcmp(args->words[0], "all"))
		return cli_put_filter(nlh, args);
	if (args->num_words > 1)
		return cli_error(CLI_USAGE, "%s: the word all stands alone; leave out one of the two",
				 args->words[1]);
	nest = mnl_attr_nest_start(nlh, NFTO_A_FILTER);
	mnl_attr_nest_end(nlh, nest);
	return 0;
}

int cli_flush(const struct cli_args *args)
{
	alignas(8) char buffer[CLI_REQUEST_SIZE];
	struct cli_netlink *nl;
	struct nlmsghdr *nlh;
	json_t *answer;
	int ret;

	/* what is wrong with the words is said whether or not there is a kernel to ask */
	ret = cli_flush_filter(mnl_nlmsg_put_header(buffer), args);
	if (!ret)
		ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	nlh = cli_request(nl, NFTO_CMD_FLOW_FLUSH, NLM_F_ACK);
	ret = cli_flush_filter(nlh, args);
	if (!ret)
		ret = cli_ask(nl, nlh, NULL, &answer);
	cli_netlink_close(nl);
	if (ret)
		return ret;
	if (cli_json) {
		cli_print_json(answer);
		return 0;
	}
	printf("%" PRIu64 " flow directions leave hardware and their flowtable; those with packets come back\n",
	       cli_number(answer, "count"));
	json_decref(answer);
	return 0;
}

/* The release of its package may stand behind a module's version. */
static bool cli_is_our_version(const char *version)
{
	size_t length = strcspn(version, "-");

	return length == strlen(CLI_VERSION) && !strncmp(version, CLI_VERSION, length);
}

json_t *cli_in_force(const json_t *version)
{
	if (json_object_get(version, "in_force"))
		return json_true();
	/* one of another version may not say it */
	return cli_is_our_version(cli_text(version, "version")) ? json_false() : json_null();
}

/* @known: it has been found out whether there is a module. */
static void cli_print_version(const json_t *tree, bool known)
{
	printf("nft-offload: %s\n", cli_text(tree, "command"));
	if (*cli_text(tree, "module"))
		printf("module nft_offload: %s (shims: %s)\n", cli_text(tree, "module"),
		       cli_text(tree, "shims"));
	else if (known)
		printf("module nft_offload: not loaded (modprobe nft_offload)\n");
	if (json_is_false(json_object_get(tree, "in_force")))
		printf("%s\n", CLI_NOT_IN_FORCE);
	printf("kernel: %s\n", cli_text(tree, "kernel"));
}

static int cli_add_module(json_t *tree)
{
	struct cli_netlink *nl;
	json_t *answer;
	int err, ret;

	nl = cli_netlink_try(&err);
	if (!nl && err == -ENOENT)
		return 0;
	if (!nl)
		return cli_netlink_refused(err);
	ret = cli_ask(nl, cli_request(nl, NFTO_CMD_VERSION_GET, NLM_F_ACK), NULL, &answer);
	cli_netlink_close(nl);
	if (ret)
		return ret;
	json_object_set(tree, "module", json_object_get(answer, "version"));
	json_object_set(tree, "shims", json_object_get(answer, "shims"));
	json_object_set_new(tree, "in_force", cli_in_force(answer));
	json_decref(answer);
	return 0;
}

int cli_version(const struct cli_args *args)
{
	struct utsname name;
	json_t *tree;
	int ret;

	(void)args;
	tree = json_object();
	json_object_set_new(tree, "command", json_string(CLI_VERSION));
	json_object_set_new(tree, "module", json_null());
	json_object_set_new(tree, "shims", json_null());
	json_object_set_new(tree, "in_force", json_null());
	if (!uname(&name))
		json_object_set_new(tree, "kernel",
				    cli_parse_string(name.release, strlen(name.release)));
	ret = cli_add_module(tree);
	if (!cli_json)
		cli_print_version(tree, !ret);
	else if (!ret)
		cli_print_json(json_incref(tree));
	json_decref(tree);
	return ret;
}
