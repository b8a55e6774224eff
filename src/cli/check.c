// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include "check.h"
#include "check_analyse.h"

int check_analyse_all(const json_t *ruleset, const json_t *flowtables, const json_t *links,
		      json_t *findings)
{
	struct check_analysis a = { .links = links, .findings = findings };

	a.err = check_model_init(&a.model, ruleset, flowtables);
	if (a.err)
		return a.err;
	check_find_adds(&a);
	if (!a.err)
		check_walk_forward(&a);
	if (!a.err)
		check_flowtables(&a);
	if (!a.err && links)
		check_devices(&a);
	if (!a.err)
		check_report_adds(&a);
	if (!a.err)
		check_bypass(&a);
	free(a.flows);
	free(a.adds);
	check_model_exit(&a.model);
	return a.err;
}

int cli_check_analyse(const json_t *ruleset, const json_t *flowtables, json_t *findings)
{
	return check_analyse_all(ruleset, flowtables, NULL, findings);
}

json_t *cli_check_findings(const json_t *checked)
{
	json_t *findings = json_array();

	if (!findings)
		return NULL;
	if (check_analyse_all(json_object_get(checked, "ruleset"),
			      json_object_get(checked, "flowtables"),
			      json_object_get(checked, "links"), findings) ||
	    (json_object_get(checked, "notes") &&
	     json_array_extend(findings, json_object_get(checked, "notes")))) {
		json_decref(findings);
		return NULL;
	}
	check_add_lines(findings, json_object_get(checked, "lines"));
	return findings;
}
