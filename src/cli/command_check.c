// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include "check.h"
#include "cli.h"

static void cli_check_print_text(const json_t *findings, size_t failures, const char *path)
{
	size_t hints = json_array_size(findings) - failures;

	cli_check_print(stdout, findings, path);
	if (!failures)
		printf("%s keeps flows out of hardware or is bypassed by it%s\n",
		       hints ? "no rule" : "nothing", hints ? "; hints are above" : "");
}

int cli_check(const struct cli_args *args)
{
	const char *path = args->option[CLI_OPTION_FILE];
	char *error = NULL;
	json_t *checked = path ? cli_check_file(path, &error) : cli_check_live(&error);
	json_t *findings, *tree;
	size_t failures;
	int ret;

	if (!checked) {
		ret = cli_error(CLI_ERROR, "%s", error ? error : "there is not enough memory");
		free(error);
		return ret;
	}
	findings = cli_check_findings(checked);
	json_decref(checked);
	if (!findings)
		return cli_error(CLI_ERROR, "there is not enough memory");
	failures = cli_check_failures(findings);
	if (cli_json) {
		tree = json_object();
		json_object_set_new(tree, "file", path ? json_string(path) : json_null());
		json_object_set_new(tree, "failures", json_integer(failures));
		json_object_set(tree, "findings", findings);
		cli_print_json(tree);
	} else {
		cli_check_print_text(findings, failures, path);
	}
	json_decref(findings);
	return failures ? CLI_FOUND : CLI_OK;
}
