// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <linux/nft_offload.h>
#include <string.h>
#include "cli.h"
#include "doctor.h"
#include "netlink.h"
#include "policy.h"

static void cli_print_statistics(const json_t *statistics)
{
	if (!statistics)
		return;
	printf("    entries: %" PRIu64 " in hardware; %" PRIu64 " added, %" PRIu64 " deleted, %"
	       PRIu64 " failed\n", cli_number(statistics, "entries"),
	       cli_number(statistics, "added"), cli_number(statistics, "deleted"),
	       cli_number(statistics, "failed"));
}

static void cli_print_hazards(const json_t *hazards)
{
	if (!json_array_size(hazards))
		return;
	printf("    hazards:");
	cli_print_words(hazards);
	printf("\n");
}

/* In no flowtable, and programmed all the same: for a VLAN device, or until its entries are out. */
static bool cli_is_below(const json_t *device)
{
	return !strcmp(cli_text(device, "backend"), "none") &&
		json_object_get(device, "statistics");
}

static bool cli_has_upper(const json_t *device, const json_t *devices)
{
	json_t *other;
	size_t i;

	json_array_foreach((json_t *)devices, i, other)
		if (!strcmp(cli_text(other, "lower"), cli_text(device, "ifname")))
			return true;
	return false;
}

/* @devices: those that are shown */
static void cli_print_device(const json_t *device, const json_t *devices)
{
	const char *backend = cli_word(device, "backend");
	const char *driver = cli_text(device, "driver");
	const char *device_driver = cli_text(device, "device_driver");
	const json_t *policy = json_object_get(device, "policy");

	printf("device %s: ", cli_text(device, "ifname"));
	cli_print_coloured(backend, backend);
	if (*cli_text(device, "reason_text"))
		printf(": %s", cli_text(device, "reason_text"));
	else if (cli_is_below(device))
		printf(cli_has_upper(device, devices) ?
		       " itself, but VLAN devices on it are in a flowtable" :
		       " itself, but it is programmed: for a VLAN device on it, for a probe, or until its driver has deleted what is left");
	printf("\n");
	if (*cli_text(device, "lower"))
		printf("    on: %s\n", cli_text(device, "lower"));
	if (*driver || *device_driver)
		printf("    driver: %s%s%s%s\n", *driver ? driver : "not known",
		       *device_driver ? " (the device's is " : "", device_driver,
		       *device_driver ? ")" : "");
	if (*cli_text(device, "asic"))
		printf("    ASIC: %s\n", cli_text(device, "asic"));
	if (json_object_get(device, "flows")) {
		printf("    flows: ");
		cli_print_counts(json_object_get(device, "flows"));
		printf("\n");
	}
	cli_print_statistics(json_object_get(device, "statistics"));
	if (policy && !cli_policy_is_default(policy)) {
		printf("    policy:");
		cli_print_policy(policy, true);
		printf("\n");
	}
	cli_print_hazards(json_object_get(device, "hazard"));
}

static void cli_print_flowtable(const json_t *flowtable)
{
	const char *backend;
	json_t *device;
	size_t i;

	printf("flowtable %s %s %s: ", cli_word(flowtable, "family"),
	       cli_text(flowtable, "table"), cli_text(flowtable, "name"));
	cli_print_counts(json_object_get(flowtable, "flows"));
	printf("\n");
	json_array_foreach(json_object_get(flowtable, "device"), i, device) {
		backend = cli_word(device, "backend");
		printf("    %s: ", cli_text(device, "ifname"));
		cli_print_coloured(backend, backend);
		if (*cli_text(device, "reason_text"))
			printf(": %s", cli_text(device, "reason_text"));
		printf("\n");
	}
}

static void cli_print_others(const json_t *flowtables, const char *text)
{
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)flowtables, i, entry)
		printf("flowtable %s %s %s: %s\n", cli_word(entry, "family"),
		       cli_text(entry, "table"), cli_text(entry, "name"), text);
}

static void cli_print_status(const json_t *status)
{
	const json_t *devices = json_object_get(status, "devices");
	const json_t *flowtables = json_object_get(status, "flowtables");
	const json_t *stock = json_object_get(status, "stock_flowtables");
	const json_t *waiting = json_object_get(status, "waiting_flowtables");
	json_t *entry;
	size_t i;

	if (json_is_false(json_object_get(status, "in_force")))
		printf("%s\n", CLI_NOT_IN_FORCE);
	json_array_foreach((json_t *)devices, i, entry)
		cli_print_device(entry, devices);
	json_array_foreach((json_t *)flowtables, i, entry)
		cli_print_flowtable(entry);
	cli_print_others(stock, "stock: made before nft_offload was loaded; reload the ruleset to offload it");
	cli_print_others(waiting, "waiting: none of its devices is there");
	if (!json_array_size(devices) && !json_array_size(flowtables) && !json_array_size(stock) &&
	    !json_array_size(waiting))
		printf("no flowtable has flags offload (%s)\n", cli_in_user_namespace() ?
		       CLI_FLAG_DROPPED : "nft-offload generate prints one to start from");
}

int cli_get_devices(struct cli_netlink *nl, const char *name, json_t **devices)
{
	json_t *device;
	size_t i;
	int ret;

	if (name) {
		ret = cli_get_device(nl, name, &device);
		if (ret)
			return ret;
		*devices = json_array();
		json_array_append_new(*devices, device);
		return 0;
	}
	ret = cli_collect(nl, NFTO_CMD_DEVICE_GET, NULL, devices);
	if (ret)
		return ret;
	for (i = json_array_size(*devices); i-- > 0;) {
		device = json_array_get(*devices, i);
		if (!strcmp(cli_text(device, "backend"), "none") && !cli_is_below(device))
			json_array_remove(*devices, i);
	}
	return 0;
}

static bool cli_has_device(const json_t *flowtable, const char *name)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(flowtable, "device"), i, device)
		if (!strcmp(cli_text(device, "ifname"), name))
			return true;
	return false;
}

/* @name: only those that have this device, or NULL. */
static int cli_get_flowtables(struct cli_netlink *nl, const char *name, json_t **flowtables)
{
	int ret = cli_collect(nl, NFTO_CMD_FLOWTABLE_GET, "flowtable", flowtables);
	size_t i;

	if (ret || !name)
		return ret;
	for (i = json_array_size(*flowtables); i-- > 0;)
		if (!cli_has_device(json_array_get(*flowtables, i), name))
			json_array_remove(*flowtables, i);
	return 0;
}

static int cli_get_status(struct cli_netlink *nl, const char *name, json_t *status)
{
	json_t *version, *devices, *flowtables, *stock, *waiting;
	int ret;

	ret = cli_ask(nl, cli_request(nl, NFTO_CMD_VERSION_GET, NLM_F_ACK), NULL, &version);
	if (ret)
		return ret;
	json_object_set(status, "module", json_object_get(version, "version"));
	json_object_set_new(status, "in_force", cli_in_force(version));
	json_decref(version);
	ret = cli_get_devices(nl, name, &devices);
	if (ret)
		return ret;
	json_object_set_new(status, "devices", devices);
	ret = cli_get_flowtables(nl, name, &flowtables);
	if (ret)
		return ret;
	json_object_set_new(status, "flowtables", flowtables);
	if (name)
		return 0;
	ret = cli_other_flowtables(flowtables, &stock, &waiting);
	if (stock)
		json_object_set_new(status, "stock_flowtables", stock);
	if (waiting)
		json_object_set_new(status, "waiting_flowtables", waiting);
	return ret;
}

static int cli_status_once(const struct cli_args *args)
{
	const char *name = args->num_words ? args->words[0] : NULL;
	json_t *status = json_object();
	struct cli_netlink *nl;
	int ret;

	ret = cli_netlink_open(&nl);
	if (!ret) {
		ret = cli_get_status(nl, name, status);
		cli_netlink_close(nl);
	}
	if (!ret) {
		if (args->option[CLI_OPTION_PROMETHEUS])
			cli_print_prometheus(status);
		else if (cli_json)
			cli_print_json(json_incref(status));
		else
			cli_print_status(status);
	}
	json_decref(status);
	return ret;
}

int cli_status(const struct cli_args *args)
{
	bool prometheus = args->option[CLI_OPTION_PROMETHEUS];

	if (prometheus && (cli_json || args->option[CLI_OPTION_WATCH]))
		return cli_error(CLI_USAGE, "--prometheus: this is a format of its own, and goes neither with --json nor with --watch");
	return cli_repeat(args, cli_status_once);
}
