// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include "cli.h"

static void cli_metric(const char *name, const char *type, const char *help)
{
	printf("# HELP nft_offload_%s %s\n# TYPE nft_offload_%s %s\n", name, help, name, type);
}

static void cli_label(const char *separator, const char *name, const char *value)
{
	printf("%s%s=\"", separator, name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			printf("\\%c", *value);
		else if (*value == '\n')
			printf("\\n");
		else
			putchar(*value);
	}
	putchar('"');
}

static void cli_label_flowtable(const json_t *flowtable)
{
	cli_label("{", "family", cli_word(flowtable, "family"));
	cli_label(",", "table", cli_text(flowtable, "table"));
	cli_label(",", "flowtable", cli_text(flowtable, "name"));
}

static void cli_metric_backends(const json_t *devices)
{
	json_t *device;
	size_t i;

	cli_metric("device_backend", "gauge",
		   "Who carries the flows of a device, and the reason if it is software; always 1.");
	json_array_foreach((json_t *)devices, i, device) {
		printf("nft_offload_device_backend");
		cli_label("{", "device", cli_text(device, "ifname"));
		cli_label(",", "backend", cli_word(device, "backend"));
		cli_label(",", "reason", cli_text(device, "reason"));
		printf("} 1\n");
	}
}

/* A value that all devices' statistics have. */
static void cli_metric_statistic(const json_t *devices, const char *metric, const char *key)
{
	const json_t *statistics;
	json_t *device;
	size_t i;

	json_array_foreach((json_t *)devices, i, device) {
		statistics = json_object_get(device, "statistics");
		if (!json_object_get(statistics, key))
			continue;
		printf("nft_offload_%s", metric);
		cli_label("{", "device", cli_text(device, "ifname"));
		printf("} %" PRIu64 "\n", cli_number(statistics, key));
	}
}

static void cli_metric_statistics(const json_t *devices)
{
	cli_metric("device_entries", "gauge", "Entries of nft_offload in the hardware table.");
	cli_metric_statistic(devices, "device_entries", "entries");
	cli_metric("device_added_total", "counter", "Rules that the driver took.");
	cli_metric_statistic(devices, "device_added_total", "added");
	cli_metric("device_deleted_total", "counter", "Rules that the driver deleted.");
	cli_metric_statistic(devices, "device_deleted_total", "deleted");
	cli_metric("device_failed_total", "counter", "Rules that the driver said no to.");
	cli_metric_statistic(devices, "device_failed_total", "failed");
}

static void cli_metric_flows(const json_t *devices, const json_t *flowtables)
{
	json_t *entry, *count;
	const char *state;
	size_t i;

	cli_metric("device_flows", "gauge", "Flow directions that enter by the device, by state.");
	json_array_foreach((json_t *)devices, i, entry)
		json_object_foreach(json_object_get(entry, "flows"), state, count) {
			printf("nft_offload_device_flows");
			cli_label("{", "device", cli_text(entry, "ifname"));
			cli_label(",", "state", state);
			printf("} %" JSON_INTEGER_FORMAT "\n", json_integer_value(count));
		}
	cli_metric("flowtable_flows", "gauge", "Flow directions of the flowtable, by state.");
	json_array_foreach((json_t *)flowtables, i, entry)
		json_object_foreach(json_object_get(entry, "flows"), state, count) {
			printf("nft_offload_flowtable_flows");
			cli_label_flowtable(entry);
			cli_label(",", "state", state);
			printf("} %" JSON_INTEGER_FORMAT "\n", json_integer_value(count));
		}
}

void cli_print_prometheus(const json_t *status)
{
	const json_t *devices = json_object_get(status, "devices");
	const json_t *stock = json_object_get(status, "stock_flowtables");

	cli_metric("module_info", "gauge", "Version of the module that is loaded; always 1.");
	printf("nft_offload_module_info");
	cli_label("{", "version", cli_text(status, "module"));
	printf("} 1\n");
	cli_metric_backends(devices);
	cli_metric_flows(devices, json_object_get(status, "flowtables"));
	cli_metric_statistics(devices);
	if (!stock)
		return;
	cli_metric("stock_flowtables", "gauge",
		   "Flowtables with flags offload that were made before the module was loaded.");
	printf("nft_offload_stock_flowtables %zu\n", json_array_size(stock));
}
