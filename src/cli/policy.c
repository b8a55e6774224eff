// SPDX-License-Identifier: GPL-2.0
#include <linux/nft_offload.h>
#include <string.h>
#include "cli.h"
#include "netlink.h"
#include "policy.h"

/* What all devices are at first. */
static const struct {
	const char *key;
	const char *value;
} cli_defaults[] = {
	{ "driver", "" },
	{ "ttl", "default" },
	{ "tcp", "guarded" },
	{ "offload", "auto" },
};

bool cli_policy_is_default(const json_t *policy)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cli_defaults); i++)
		if (json_object_get(policy, cli_defaults[i].key) &&
		    strcmp(cli_word(policy, cli_defaults[i].key), cli_defaults[i].value))
			return false;
	return true;
}

void cli_print_policy(const json_t *policy, bool changed)
{
	const char *value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cli_defaults); i++) {
		if (!json_object_get(policy, cli_defaults[i].key))
			continue;
		value = cli_word(policy, cli_defaults[i].key);
		if (changed && !strcmp(value, cli_defaults[i].value))
			continue;
		printf(" %s %s", cli_defaults[i].key, *value ? value : "recognised");
	}
}

int cli_put_ifname(struct nlmsghdr *nlh, const char *name)
{
	if (!cli_ifname_valid(name))
		return cli_error(CLI_ERROR, "%s: there is no such device in this network namespace",
				 name);
	mnl_attr_put_strz(nlh, NFTO_A_IFNAME, name);
	return 0;
}

int cli_get_device(struct cli_netlink *nl, const char *name, json_t **device)
{
	struct nlmsghdr *nlh = cli_request(nl, NFTO_CMD_DEVICE_GET, NLM_F_ACK);
	int ret = cli_put_ifname(nlh, name);

	return ret ? ret : cli_ask(nl, nlh, name, device);
}

static int cli_set_policy(struct cli_netlink *nl, const struct cli_args *args)
{
	struct nlmsghdr *nlh = cli_request(nl, NFTO_CMD_DEVICE_SET, NLM_F_ACK);
	int ret = cli_put_ifname(nlh, args->words[0]);

	if (!ret)
		ret = cli_put_policy(nlh, args->words + 1, args->num_words - 1);
	if (ret)
		return ret;
	return cli_explain(nl, cli_exchange(nl, nlh, NULL, NULL), args->words[0]);
}

/* Of all devices those of which there is something to tell. */
static int cli_list_policies(struct cli_netlink *nl, json_t **devices)
{
	int ret = cli_collect(nl, NFTO_CMD_DEVICE_GET, NULL, devices);
	const json_t *device;
	size_t i;

	if (ret)
		return ret;
	for (i = json_array_size(*devices); i-- > 0;) {
		device = json_array_get(*devices, i);
		if (!strcmp(cli_text(device, "backend"), "none") &&
		    cli_policy_is_default(json_object_get(device, "policy")))
			json_array_remove(*devices, i);
	}
	return 0;
}

/* The tree of what is known about @devices has more than their policy. */
static json_t *cli_policy_tree(const json_t *devices)
{
	static const char *const keys[] = { "ifindex", "ifname", "lower", "policy" };
	json_t *list = json_array(), *tree = json_object();
	json_t *device, *entry;
	size_t i, j;

	json_array_foreach((json_t *)devices, i, device) {
		entry = json_object();
		for (j = 0; j < ARRAY_SIZE(keys); j++)
			json_object_set(entry, keys[j], json_object_get(device, keys[j]));
		json_array_append_new(list, entry);
	}
	json_object_set_new(tree, "devices", list);
	return tree;
}

static void cli_print_policies(json_t *tree)
{
	json_t *device;
	size_t i;

	if (cli_json) {
		cli_print_json(tree);
		return;
	}
	json_array_foreach(json_object_get(tree, "devices"), i, device) {
		printf("%s:", cli_text(device, "ifname"));
		if (*cli_text(device, "lower"))
			printf(" that of %s", cli_text(device, "lower"));
		cli_print_policy(json_object_get(device, "policy"), false);
		printf("\n");
	}
	if (!i)
		printf("all devices have the policy that they had at first, and none is in a flowtable that has flags offload\n");
	json_decref(tree);
}

static int cli_show_policy(struct cli_netlink *nl, const struct cli_args *args)
{
	json_t *devices, *device;
	int ret;

	if (args->num_words) {
		ret = cli_get_device(nl, args->words[0], &device);
		if (ret)
			return ret;
		devices = json_array();
		json_array_append_new(devices, device);
	} else {
		ret = cli_list_policies(nl, &devices);
		if (ret)
			return ret;
	}
	cli_print_policies(cli_policy_tree(devices));
	json_decref(devices);
	return 0;
}

/* What it is told is wrong whether or not there is a kernel to tell. */
static int cli_check_words(const struct cli_args *args)
{
	alignas(8) char buffer[CLI_REQUEST_SIZE];

	if (args->num_words < 2)
		return 0;
	return cli_put_policy(mnl_nlmsg_put_header(buffer), args->words + 1, args->num_words - 1);
}

int cli_policy(const struct cli_args *args)
{
	struct cli_netlink *nl;
	int ret;

	ret = cli_check_words(args);
	if (!ret)
		ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	if (args->num_words > 1)
		ret = cli_set_policy(nl, args);
	if (!ret)
		ret = cli_show_policy(nl, args);
	cli_netlink_close(nl);
	return ret;
}
