// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

#define CLI_TABLE_MAX 255
#define CLI_DEVICES_MAX 256	/* NFT_FLOWTABLE_DEVICE_MAX */

static bool cli_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool cli_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Words of nft's own have to stand in quotes, which old versions do not take here. None of its
 * words is like eth0, except for two.
 */
static bool cli_needs_quotes(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!cli_is_letter(*c) && !cli_is_digit(*c) && !strchr("._-", *c))
			return true;
	return !cli_is_letter(*name) || !cli_is_digit(c[-1]) || !strcmp(name, "ip6") ||
		!strcmp(name, "icmpv6");
}

/* A name that the kernel takes, and that nft can write down; not a pattern. */
static int cli_check_device(const char *name)
{
	const char *c;

	if (!cli_ifname_valid(name))
		return cli_error(CLI_USAGE, "--devices: \"%s\" is no name of a device: it has from 1 to 15 characters, none of them a blank, slash or colon", name);
	for (c = name; *c; c++)
		if (!isgraph((unsigned char)*c) || strchr("\"*\\", *c))
			return cli_error(CLI_USAGE, "--devices: nft has no way to write the name \"%s\"", name);
	return 0;
}

static int cli_add_device(json_t *devices, const char *name)
{
	int ret = cli_check_device(name);
	json_t *other;
	size_t i;

	if (ret)
		return ret;
	json_array_foreach(devices, i, other)
		if (!strcmp(json_string_value(other), name))
			return cli_error(CLI_USAGE, "--devices: %s stands there twice", name);
	json_array_append_new(devices, json_string(name));
	return 0;
}

/* "a,b" to a list */
static int cli_split_devices(const char *text, json_t *devices)
{
	char *copy = strdup(text), *rest = copy, *name;
	int ret = 0;

	if (!copy)
		return cli_error(CLI_ERROR, "out of memory");
	while (!ret && (name = strsep(&rest, ",")))
		ret = cli_add_device(devices, name);
	free(copy);
	if (!ret && json_array_size(devices) < 2)
		ret = cli_error(CLI_USAGE, "--devices: give at least two devices, between which to forward");
	if (!ret && json_array_size(devices) > CLI_DEVICES_MAX)
		ret = cli_error(CLI_USAGE, "--devices: a flowtable has room for %d devices",
				CLI_DEVICES_MAX);
	return ret;
}

static int cli_check_table(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!cli_is_letter(*c) && *c != '_' &&
		    (c == name || (!cli_is_digit(*c) && !strchr(".-", *c))))
			break;
	if (*c || !*name || c - name > CLI_TABLE_MAX)
		return cli_error(CLI_USAGE, "--table %s: give a letter, then letters, digits, '_', '-' or '.'", name);
	return 0;
}

static void cli_write_ruleset(FILE *out, const char *family, const char *table,
			      const json_t *devices)
{
	const char *quote;
	json_t *name;
	size_t i;

	fprintf(out, "table %s %s {\n\tflowtable f {\n\t\thook ingress priority 0\n"
		"\t\tdevices = {", family, table);
	json_array_foreach((json_t *)devices, i, name) {
		quote = cli_needs_quotes(json_string_value(name)) ? "\"" : "";
		fprintf(out, "%s %s%s%s", i ? "," : "", quote, json_string_value(name), quote);
	}
	fprintf(out, " }\n\t\tflags offload\n"
		"\t\t# conntrack counts what hardware forwards\n\t\tcounter\n\t}\n"
		"\tchain forward {\n"
		"\t\t# what no rule accepts is not forwarded\n"
		"\t\ttype filter hook forward priority 0; policy drop;\n"
		"\t\tct state invalid drop\n"
		"\t\t# established connections of these ports may go to hardware\n"
		"\t\ttcp dport { 80, 443 } ct state established flow add @f\n"
		"\t\tct state established,related accept\n"
		"\t\t# new connections that are let through\n"
		"\t\ttcp dport { 80, 443 } accept\n\t}\n}\n");
}

static int cli_print_ruleset(const char *family, const char *table, const json_t *devices)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *tree = json_object();

	if (out) {
		cli_write_ruleset(out, family, table, devices);
		fclose(out);
	}
	json_object_set_new(tree, "ruleset", json_string(text ? text : ""));
	free(text);
	if (cli_json) {
		cli_print_json(tree);
		return 0;
	}
	fputs(cli_text(tree, "ruleset"), stdout);
	json_decref(tree);
	return 0;
}

int cli_generate(const struct cli_args *args)
{
	const char *names = args->option[CLI_OPTION_DEVICES];
	const char *family = args->option[CLI_OPTION_FAMILY];
	const char *table = args->option[CLI_OPTION_TABLE];
	json_t *devices;
	int ret;

	if (!names)
		return cli_error(CLI_USAGE, "generate: name the devices: --devices DEVICE,DEVICE");
	if (!family)
		family = "inet";
	if (cli_choice(cli_options[CLI_OPTION_FAMILY].choices, family) < 0)
		return cli_error(CLI_USAGE, "--family %s: give one of: %s", family,
				 cli_options[CLI_OPTION_FAMILY].choices);
	if (!table)
		table = "filter";
	ret = cli_check_table(table);
	if (ret)
		return ret;
	devices = json_array();
	ret = cli_split_devices(names, devices);
	if (!ret)
		ret = cli_print_ruleset(family, table, devices);
	json_decref(devices);
	return ret;
}
