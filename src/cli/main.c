// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "cli.h"

#define CLI_SORT_KEYS "bytes packets age state reason source destination"

const struct cli_option cli_options[CLI_OPTIONS] = {
	[CLI_OPTION_ALL] = { "--all", .help = "those that nothing has, too" },
	[CLI_OPTION_COUNT] = { "--count", .help = "only how many there are in each state" },
	[CLI_OPTION_DEVICES] = { "--devices", NULL, "DEVICE,DEVICE[,DEVICE]", "@devices",
		.help = "the devices of the flowtable" },
	[CLI_OPTION_FAMILY] = { "--family", NULL, "inet|ip|ip6", "inet ip ip6",
		.help = "the table's family; inet without it" },
	[CLI_OPTION_FILE] = { "--file", "-f", "FILE", "@file",
		.help = "a file of nftables rules in place of the running ruleset" },
	[CLI_OPTION_PROMETHEUS] = { "--prometheus", .help = "print metrics for Prometheus" },
	[CLI_OPTION_SORT] = { "--sort", NULL, "KEY", CLI_SORT_KEYS,
		.help = "by bytes, packets or age, the most first, or by state, reason, source or destination" },
	[CLI_OPTION_TABLE] = { "--table", NULL, "NAME",
		.help = "the table's name; filter without it" },
	[CLI_OPTION_WATCH] = { "--watch", "-w", "SECONDS", .may_lack = true,
		.help = "again and again, every 2 or SECONDS seconds" },
};

/* All that there is; usage, help, completion and the manual's test are made from it. */
const struct cli_command cli_commands[] = {
	{ "status", "what became of devices and flowtables",
		"[DEVICE]", 1, "@device",
		.options = CLI_BIT(CLI_OPTION_WATCH) | CLI_BIT(CLI_OPTION_PROMETHEUS),
		.run = cli_status },
	{ "flows", "what became of each direction of each flow",
		"[FILTER...]", -1, .values = cli_filter_words,
		.options = CLI_BIT(CLI_OPTION_SORT) | CLI_BIT(CLI_OPTION_COUNT) |
			CLI_BIT(CLI_OPTION_WATCH),
		.run = cli_flows },
	{ "reasons", "why flows are not in hardware, and how many there are of each",
		.options = CLI_BIT(CLI_OPTION_ALL), .run = cli_reasons },
	{ "check", "what in a ruleset keeps flows out of hardware, or is bypassed by it",
		.options = CLI_BIT(CLI_OPTION_FILE), .run = cli_check },
	{ "doctor", "what on this machine keeps flows out of hardware, and what to do",
		.run = cli_doctor },
	{ "probe", "tries a device's driver with rules that meet no packet",
		"DEVICE [to DEVICE] [fill NUMBER]", -1, "@device", cli_probe_words,
		.run = cli_probe },
	{ "policy", "what a device may do: shows it, or sets it",
		"[DEVICE [POLICY...]]", -1, "@device", cli_policy_words, .run = cli_policy },
	{ "flush", "takes flows out of hardware; those with packets come back",
		"FILTER...|all", -1, "all", cli_filter_words, .run = cli_flush },
	{ "monitor", "what happens to flows and devices, as it happens",
		"[FILTER...]", -1, .values = cli_filter_words, .run = cli_monitor },
	{ "generate", "prints a ruleset with a flowtable for devices, to start from",
		.options = CLI_BIT(CLI_OPTION_DEVICES) | CLI_BIT(CLI_OPTION_FAMILY) |
			CLI_BIT(CLI_OPTION_TABLE),
		.run = cli_generate },
	{ "version", "versions of this command, of the module and of the kernel",
		.run = cli_version },
	{ "help", "how to use a command",
		"[COMMAND]", 1, "@command", .run = cli_help },
	{ .name = NULL }
};

const struct cli_command *cli_command_find(const char *name)
{
	const struct cli_command *command;

	for (command = cli_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

/* Where --json stands does not matter, and errors on words in front of it are JSON, too. */
static int cli_take_json(int argc, char **argv)
{
	int i, to = 1;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < argc)
				argv[to++] = argv[i++];
			break;
		}
		if (strcmp(argv[i], "--json"))
			argv[to++] = argv[i];
		else
			cli_json = true;
	}
	return to;
}

static int cli_find_option(const struct cli_command *command, const char *text, size_t len)
{
	const struct cli_option *option;
	int i;

	for (i = 0; i < CLI_OPTIONS; i++) {
		option = &cli_options[i];
		if (!(command->options & CLI_BIT(i)))
			continue;
		if (strlen(option->name) == len && !strncmp(option->name, text, len))
			return i;
		if (option->letter && !strcmp(option->letter, text))
			return i;
	}
	return -1;
}

static bool cli_is_number(const char *text)
{
	return text && *text && !text[strspn(text, "0123456789.")];
}

/* The option argv[*at]. Its argument stands behind "=" or in the next word, which is then taken. */
static int cli_parse_option(const struct cli_command *command, char **argv, int *at,
			    struct cli_args *args)
{
	const char *text = argv[*at];
	const char *argument = strchr(text, '=');
	int i = cli_find_option(command, text, argument ? (size_t)(argument - text) : strlen(text));
	const struct cli_option *option;

	if (i < 0)
		return cli_error(CLI_USAGE, "%s: %s has no such option (nft-offload help %s)", text,
				 command->name, command->name);
	option = &cli_options[i];
	if (args->option[i])
		return cli_error(CLI_USAGE, "%s: this stands there twice; give it once", text);
	if (argument && !option->argument)
		return cli_error(CLI_USAGE, "%s: %s takes no value", text, option->name);
	if (argument)
		argument++;
	else if (option->argument && (!option->may_lack || cli_is_number(argv[*at + 1])))
		argument = argv[++*at];
	else
		argument = "";
	if (!argument || (option->argument && !option->may_lack && !*argument))
		return cli_error(CLI_USAGE, "%s: a value has to follow: %s %s", option->name,
				 option->name, option->argument);
	args->option[i] = argument;
	return 0;
}

static int cli_run(const struct cli_command *command, char **argv)
{
	struct cli_args args = { .words = argv };
	bool only_words = false;
	int i, ret;

	for (i = 0; argv[i]; i++) {
		if (!only_words && !strcmp(argv[i], "--")) {
			only_words = true;
		} else if (!only_words && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
			return cli_help_command(command);
		} else if (!only_words && argv[i][0] == '-') {
			ret = cli_parse_option(command, argv, &i, &args);
			if (ret)
				return ret;
		} else {
			/* never behind where we read */
			args.words[args.num_words++] = argv[i];
		}
	}
	if (command->max_words >= 0 && args.num_words > command->max_words)
		return cli_error(CLI_USAGE, "%s: this is a word too many (nft-offload help %s)",
				 args.words[command->max_words], command->name);
	return command->run(&args);
}

/* Words in front of the command, or instead of it. */
static int cli_main(char **argv)
{
	const struct cli_command *command;

	if (!argv[0]) {
		if (cli_json)
			return cli_error(CLI_USAGE, "name a command (nft-offload help lists them)");
		cli_usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
		return cli_run(cli_command_find("help"), argv + 1);
	if (!strcmp(argv[0], "--version"))
		return cli_run(cli_command_find("version"), argv + 1);
	if (!strcmp(argv[0], "--completion")) {
		if (!argv[1] || strcmp(argv[1], "bash") || argv[2])
			return cli_error(CLI_USAGE, "--completion: give the name of a shell; known is: bash");
		cli_completion_bash(stdout);
		return CLI_OK;
	}
	if (argv[0][0] == '-')
		return cli_error(CLI_USAGE, "%s: there is no such option in front of a command (nft-offload help)", argv[0]);
	command = cli_command_find(argv[0]);
	if (!command)
		return cli_error(CLI_USAGE, "%s: there is no such command (nft-offload help lists them)", argv[0]);
	return cli_run(command, argv + 1);
}

int main(int argc, char **argv)
{
	int words = cli_take_json(argc, argv);

	argv[words] = NULL;
	return cli_finish(cli_main(argv + (argc > 0)));
}
