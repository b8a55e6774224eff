/* SPDX-License-Identifier: GPL-2.0 */
/* Findings as JSON. */
#ifndef NFTO_CLI_CHECK_FINDINGS_H
#define NFTO_CLI_CHECK_FINDINGS_H

#include <jansson.h>
#include "check_model.h"

/* What does not apply is NULL, or 0. */
struct check_place {
	const char *family, *table, *chain, *flowtable;
	json_int_t handle;
};

int check_report(json_t *findings, const char *id, const char *severity,
		 const struct check_place *place, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

struct check_place check_place_of_rule(const struct check_rule *rule);
struct check_place check_place_of_chain(const struct check_chain *chain);
struct check_place check_place_of_flowtable(const struct check_flowtable *ft);

/* Gives findings on rules what @lines knows of them. */
void check_add_lines(json_t *findings, const json_t *lines);

/* A sentence, to be freed. */
char *check_sentence(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
