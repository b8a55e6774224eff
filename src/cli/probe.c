// SPDX-License-Identifier: GPL-2.0
/* Tries a driver, and compares what it says with what is known about it. */
#include <inttypes.h>
#include <linux/nft_offload.h>
#include <string.h>
#include "cli.h"
#include "netlink.h"
#include "policy.h"

#define CLI_FILL_MAX 1048576

enum { PROBE_TO, PROBE_FILL, PROBES };

const struct cli_word cli_probe_words[PROBES + 1] = {
	[PROBE_TO] = { "to", "DEVICE", "@device",
		"where the rules send to; another port of the hardware that is in use without it" },
	[PROBE_FILL] = { "fill", "NUMBER", NULL,
		"fills the hardware's table with up to so many rules to see how many it takes" },
};

static int cli_put_fill(struct nlmsghdr *nlh, const char *value)
{
	long number = cli_parse_number(value, CLI_FILL_MAX);

	if (number < 1)
		return cli_error(CLI_USAGE, "fill %s: a number from 1 to %d has to follow", value,
				 CLI_FILL_MAX);
	mnl_attr_put_u32(nlh, NFTO_A_LIMIT, number);
	return 0;
}

/* The words behind the device, in pairs. */
static int cli_put_probe(struct nlmsghdr *nlh, char *const *words, int num_words)
{
	bool given[PROBES] = { false };
	int i, which, ret;

	for (i = 0; i < num_words; i += 2) {
		which = cli_choice("to fill", words[i]);
		if (which < 0)
			return cli_error(CLI_USAGE, "%s: this may be \"to\" or \"fill\" (nft-offload help probe)", words[i]);
		if (given[which])
			return cli_error(CLI_USAGE, "%s: this stands there twice; give it once", words[i]);
		given[which] = true;
		if (i + 1 == num_words)
			return cli_error(CLI_USAGE, "%s: a value has to follow: %s %s", words[i],
					 words[i], cli_probe_words[which].value);
		ret = which == PROBE_TO ? cli_put_device(nlh, NFTO_A_EGRESS, words[i + 1]) :
					  cli_put_fill(nlh, words[i + 1]);
		if (ret)
			return ret;
	}
	return 0;
}

/* "errno EOPNOTSUPP: its words", of a trial or of filling. */
static void cli_print_answer(const json_t *object)
{
	if (*cli_text(object, "errno_name"))
		printf(": errno %s", cli_text(object, "errno_name"));
	else if (cli_number(object, "errno"))
		printf(": errno %" PRIu64, cli_number(object, "errno"));
	if (*cli_text(object, "driver_text"))
		printf(": \"%s\"", cli_text(object, "driver_text"));
}

static void cli_print_trial(const json_t *trial)
{
	const json_t *hazards = json_object_get(trial, "hazard");

	printf("    %-20s ", cli_text(trial, "name"));
	if (json_is_true(json_object_get(trial, "taken"))) {
		cli_print_coloured("taken", "hardware");
		if (json_array_size(hazards))
			printf("; hazards:");
		cli_print_words(hazards);
	} else if (!strcmp(cli_text(trial, "reason"), "stale-entry")) {
		cli_print_coloured("taken", "failed");
		printf(", but not deleted");
		cli_print_answer(trial);
	} else if (json_is_true(json_object_get(trial, "known"))) {
		cli_print_coloured("refused", "failed");
		printf(", though the driver is known to do it: %s", cli_text(trial, "reason_text"));
		cli_print_answer(trial);
	} else {
		cli_print_coloured("not tried", "software");
		printf(": %s", cli_text(trial, "reason_text"));
	}
	printf("\n");
}

static void cli_print_fill(const json_t *fill)
{
	uint64_t left = cli_number(fill, "left");
	const char *reason = cli_text(fill, "reason");

	if (!fill)
		return;
	printf("    %-20s %" PRIu64 " rules%s", "fill", cli_number(fill, "rules"),
	       !*reason ? " at least, besides those that it has" :
	       !strcmp(reason, "table-full") ? ", besides those that it has" : "");
	if (*reason && strcmp(reason, "table-full"))
		printf(", then: %s", cli_text(fill, "reason_text"));
	if (*reason)
		cli_print_answer(fill);
	printf("\n");
	if (left)
		printf("    %" PRIu64 " of them the driver did not delete\n", left);
}

/* Whether the driver did something else than it is known to do. */
static bool cli_probe_differs(const json_t *probe)
{
	json_t *trial;
	size_t i;

	json_array_foreach(json_object_get(probe, "trial"), i, trial)
		if (json_is_true(json_object_get(trial, "known")) &&
		    !json_is_true(json_object_get(trial, "taken")))
			return true;
	return cli_number(json_object_get(probe, "fill"), "left") > 0;
}

static int cli_show_probe(json_t *probe)
{
	bool differs = cli_probe_differs(probe);
	json_t *trial;
	size_t i;

	if (cli_json) {
		cli_print_json(probe);
		return differs ? CLI_FOUND : CLI_OK;
	}
	printf("device %s: driver %s, rules send to %s\n", cli_text(probe, "ifname"),
	       cli_text(probe, "driver"), cli_text(probe, "egress_name"));
	json_array_foreach(json_object_get(probe, "trial"), i, trial)
		cli_print_trial(trial);
	cli_print_fill(json_object_get(probe, "fill"));
	json_decref(probe);
	return differs ? CLI_FOUND : CLI_OK;
}

static int cli_put_request(struct nlmsghdr *nlh, const struct cli_args *args)
{
	int ret = cli_put_ifname(nlh, args->words[0]);

	return ret ? ret : cli_put_probe(nlh, args->words + 1, args->num_words - 1);
}

int cli_probe(const struct cli_args *args)
{
	alignas(8) char buffer[CLI_REQUEST_SIZE];
	struct cli_netlink *nl;
	struct nlmsghdr *nlh;
	json_t *probe;
	int ret;

	if (!args->num_words)
		return cli_error(CLI_USAGE, "name the device that is to be probed (nft-offload help probe)");
	/* what is wrong with the words is said whether or not there is a kernel to ask */
	ret = cli_put_request(mnl_nlmsg_put_header(buffer), args);
	if (!ret)
		ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	nlh = cli_request(nl, NFTO_CMD_DEVICE_PROBE, NLM_F_ACK);
	ret = cli_put_request(nlh, args);
	if (!ret)
		ret = cli_ask(nl, nlh, args->words[0], &probe);
	if (!ret)
		ret = cli_show_probe(probe);
	cli_netlink_close(nl);
	return ret;
}
