// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <string.h>
#include "cli.h"

/* What all commands have. */
#define CLI_GLOBAL_OPTIONS "--json --help"

/* Appends to the string at @to of @size bytes. */
static void __printf(3, 4) cli_append(char *to, size_t size, const char *format, ...)
{
	size_t len = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + len, size - len, format, args);
	va_end(args);
}

static void cli_option_syntax(const struct cli_option *option, char *text, size_t size)
{
	*text = '\0';
	cli_append(text, size, "%s%s%s", option->letter ? option->letter : "",
		   option->letter ? "|" : "", option->name);
	if (option->argument && option->may_lack)
		cli_append(text, size, " [%s]", option->argument);
	else if (option->argument)
		cli_append(text, size, " %s", option->argument);
}

/* Options without which a command does nothing stand without brackets. */
static bool cli_must_have(int option)
{
	return option == CLI_OPTION_DEVICES;
}

static void cli_syntax(const struct cli_command *command, char *text, size_t size)
{
	char option[128];
	int i;

	*text = '\0';
	cli_append(text, size, "%s", command->name);
	for (i = 0; i < CLI_OPTIONS; i++) {
		if (!(command->options & CLI_BIT(i)))
			continue;
		cli_option_syntax(&cli_options[i], option, sizeof(option));
		cli_append(text, size, cli_must_have(i) ? " %s" : " [%s]", option);
	}
	if (command->words)
		cli_append(text, size, " %s", command->words);
}

static json_t *cli_help_entry(const char *key, const char *text, const char *help)
{
	json_t *entry = json_object();

	json_object_set_new(entry, key, json_string(text));
	json_object_set_new(entry, "help", json_string(help));
	return entry;
}

static json_t *cli_help_tree(const struct cli_command *command)
{
	json_t *options = json_array(), *words = json_array();
	const struct cli_word *word;
	char syntax[512];
	json_t *tree;
	int i;

	tree = cli_help_entry("command", command->name, command->help);
	cli_syntax(command, syntax, sizeof(syntax));
	json_object_set_new(tree, "syntax", json_string(syntax));
	for (i = 0; i < CLI_OPTIONS; i++) {
		if (!(command->options & CLI_BIT(i)))
			continue;
		cli_option_syntax(&cli_options[i], syntax, sizeof(syntax));
		json_array_append_new(options, cli_help_entry("syntax", syntax,
							      cli_options[i].help));
	}
	json_object_set_new(tree, "options", options);
	for (word = command->values; word && word->word; word++) {
		snprintf(syntax, sizeof(syntax), "%s %s", word->word, word->value);
		json_array_append_new(words, cli_help_entry("syntax", syntax, word->help));
	}
	json_object_set_new(tree, "words", words);
	return tree;
}

static void cli_print_entries(const json_t *entries, const char *title, FILE *out)
{
	json_t *entry;
	size_t i;

	if (!json_array_size(entries))
		return;
	fprintf(out, "\n%s:\n", title);
	json_array_foreach((json_t *)entries, i, entry)
		fprintf(out, "  %-32s %s\n", cli_text(entry, "syntax"), cli_text(entry, "help"));
}

static const char *cli_values_heading(const struct cli_command *command)
{
	if (command->values == cli_filter_words)
		return "FILTER, each once";
	return command->values == cli_policy_words ? "POLICY, each once" : "words, each once";
}

int cli_help_command(const struct cli_command *command)
{
	json_t *tree = cli_help_tree(command);

	if (cli_json) {
		cli_print_json(tree);
		return CLI_OK;
	}
	printf("usage: nft-offload [--json] %s\n\n%s\n", cli_text(tree, "syntax"), command->help);
	cli_print_entries(json_object_get(tree, "options"), "options", stdout);
	cli_print_entries(json_object_get(tree, "words"),
			  cli_values_heading(command), stdout);
	json_decref(tree);
	return CLI_OK;
}

static json_t *cli_usage_tree(void)
{
	const struct cli_command *command;
	json_t *tree = json_object();
	json_t *list = json_array();

	for (command = cli_commands; command->name; command++)
		json_array_append_new(list, cli_help_tree(command));
	json_object_set_new(tree, "commands", list);
	return tree;
}

void cli_usage(FILE *out)
{
	json_t *tree = cli_usage_tree();
	json_t *command;
	size_t i;

	fprintf(out, "usage: nft-offload [--json] COMMAND\n\n");
	json_array_foreach(json_object_get(tree, "commands"), i, command)
		fprintf(out, "  %s\n      %s\n", cli_text(command, "syntax"),
			cli_text(command, "help"));
	fprintf(out, "\nnft-offload help COMMAND tells more, nft-offload(8) all.\n");
	json_decref(tree);
}

int cli_help(const struct cli_args *args)
{
	const struct cli_command *command;

	if (args->num_words) {
		command = cli_command_find(args->words[0]);
		if (!command)
			return cli_error(CLI_USAGE, "%s: there is no such command (nft-offload help lists them)", args->words[0]);
		return cli_help_command(command);
	}
	if (cli_json)
		cli_print_json(cli_usage_tree());
	else
		cli_usage(stdout);
	return CLI_OK;
}

/* @choices as a word of the shell's. */
static void cli_complete_choices(const char *choices, FILE *out)
{
	const struct cli_command *command;

	if (!choices) {
		fprintf(out, "''");
	} else if (!strcmp(choices, "@command")) {
		fprintf(out, "'");
		for (command = cli_commands; command->name; command++)
			fprintf(out, "%s%s", command == cli_commands ? "" : " ", command->name);
		fprintf(out, "'");
	} else if (*choices == '@') {
		fprintf(out, "$(_nft_offload_%s)", choices + 1);
	} else {
		fprintf(out, "'%s'", choices);
	}
}

static void cli_complete_case(const char *command, const char *before, const char *choices,
			      FILE *out)
{
	fprintf(out, "\t%s:%s) words=", command, before);
	cli_complete_choices(choices, out);
	fprintf(out, " ;;\n");
}

static void cli_complete_option(const char *command, const struct cli_option *option, FILE *out)
{
	cli_complete_case(command, option->name, option->choices, out);
	if (option->letter)
		cli_complete_case(command, option->letter, option->choices, out);
}

/* What may follow one word of a command. */
static void cli_complete_values(const struct cli_command *command, FILE *out)
{
	const struct cli_word *word;
	int i;

	for (word = command->values; word && word->word; word++)
		cli_complete_case(command->name, word->word, word->choices, out);
	for (i = 0; i < CLI_OPTIONS; i++)
		if (command->options & CLI_BIT(i) && cli_options[i].argument &&
		    !cli_options[i].may_lack)
			cli_complete_option(command->name, &cli_options[i], out);
}

/* All else that a command has: options, words that have values and, as its first word, others. */
static void cli_complete_rest(const struct cli_command *command, FILE *out)
{
	const struct cli_word *word;
	int i;

	fprintf(out, "\t%s:*)\n\t\twords='" CLI_GLOBAL_OPTIONS, command->name);
	for (i = 0; i < CLI_OPTIONS; i++)
		if (command->options & CLI_BIT(i))
			fprintf(out, " %s", cli_options[i].name);
	/* a device comes first, what it may do then */
	if (!command->first || *command->first != '@')
		for (word = command->values; word && word->word; word++)
			fprintf(out, " %s", word->word);
	fprintf(out, "'\n");
	if (command->first) {
		fprintf(out, "\t\tif ((first)); then words+=' '");
		cli_complete_choices(command->first, out);
		if (command->values && *command->first == '@') {
			fprintf(out, "; else words+='");
			for (word = command->values; word->word; word++)
				fprintf(out, " %s", word->word);
			fprintf(out, "'");
		}
		fprintf(out, "; fi\n");
	}
	fprintf(out, "\t\t;;\n");
}

/*
 * Bash expands what is in a list of words, so that a device called $(command) would run it: names
 * with characters of the shell's are left out.
 */
static const char cli_bash_head[] =
	"# bash completion for nft-offload; made by: nft-offload --completion bash\n"
	"# shellcheck shell=bash\n"
	"\n"
	"_nft_offload_device() {\n"
	"\tlocal path name\n"
	"\tfor path in /sys/class/net/*; do\n"
	"\t\tname=${path##*/}\n"
	"\t\tif [[ -e $path/ifindex && $name =~ ^[A-Za-z0-9._@-]+$ ]]; then echo \"$name\"; fi\n"
	"\tdone\n"
	"}\n"
	"\n"
	"# Names with commas between, of which the last is not complete yet.\n"
	"_nft_offload_devices() {\n"
	"\tlocal name before=''\n"
	"\t[[ $current != *,* ]] || before=${current%,*},\n"
	"\t[[ $before =~ ^[A-Za-z0-9._@,-]*$ ]] || return 0\n"
	"\tfor name in $(_nft_offload_device); do\n"
	"\t\tif [[ ,$before != *,\"$name\",* ]]; then echo \"$before$name\"; fi\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_nft_offload_file() {\n"
	"\tlocal name\n"
	"\tcompgen -f -- \"$current\" | while read -r name; do\n"
	"\t\tif [[ $name =~ ^[A-Za-z0-9._@/-]+$ ]]; then echo \"$name\"; fi\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_nft_offload_reason() {\n"
	"\tlocal word\n"
	"\twhile read -r _ word _; do\n"
	"\t\tif [[ $word =~ ^[a-z0-9-]+$ ]]; then echo \"$word\"; fi\n"
	"\tdone < <(nft-offload reasons --all 2>/dev/null)\n"
	"}\n"
	"\n"
	"_nft_offload() {\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} words='' command='' first=1 i\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tif [[ ${COMP_WORDS[i]} == -* ]]; then\n"
	"\t\t\tcontinue\n"
	"\t\telif [[ -z $command ]]; then\n"
	"\t\t\tcommand=${COMP_WORDS[i]}\n"
	"\t\telse\n"
	"\t\t\tfirst=0\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcase $command:${COMP_WORDS[COMP_CWORD - 1]} in\n";

static const char cli_bash_tail[] =
	"\tesac\n"
	"\tCOMPREPLY=()\n"
	"\twhile read -r i; do\n"
	"\t\tCOMPREPLY+=(\"$i\")\n"
	"\tdone < <(compgen -W \"$words\" -- \"$current\")\n"
	"}\n"
	"\n"
	"complete -F _nft_offload nft-offload\n";

void cli_completion_bash(FILE *out)
{
	const struct cli_command *command;

	fputs(cli_bash_head, out);
	for (command = cli_commands; command->name; command++)
		cli_complete_values(command, out);
	for (command = cli_commands; command->name; command++)
		cli_complete_rest(command, out);
	cli_complete_case("", "--completion", "bash", out);
	fprintf(out, "\t:*)\n\t\twords=");
	cli_complete_choices("@command", out);
	fprintf(out, "\n\t\twords+=' " CLI_GLOBAL_OPTIONS " --version --completion'\n\t\t;;\n");
	fputs(cli_bash_tail, out);
}
