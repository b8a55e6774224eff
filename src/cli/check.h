/* SPDX-License-Identifier: GPL-2.0 */
/* nft-offload check: what in a ruleset keeps flows out of hardware, or is bypassed by it. */
#ifndef NFTO_CLI_CHECK_H
#define NFTO_CLI_CHECK_H

#include <jansson.h>
#include <stdio.h>

/*
 * What there is to check, as one object:
 *   ruleset     what "nft -j list ruleset" says
 *   flowtables  [{family, table, name, flags}], which older nft leaves out: 1 offload, 2 counter
 *   lines       [{family, table, chain, handle, rule, line, file}] of rules, as far as known;
 *               file only where it is not the one that was asked for
 *   links       [{name, index, kind, link, master}] of the live namespace
 *   notes       findings that only the text of a file has
 * The last two may be missing. NULL, and an error to be freed, if there is nothing to check.
 */
json_t *cli_check_live(char **error);
json_t *cli_check_file(const char *path, char **error);

/*
 * Appends to @findings, an array, objects with the keys id, severity (problem, bypass, hint) and
 * text, and as far as they apply family, table, chain, flowtable, handle, and before, the rule
 * that leaves nothing for this one. Needs no kernel.
 * Returns 0, or -ENOMEM.
 */
int cli_check_analyse(const json_t *ruleset, const json_t *flowtables, json_t *findings);

/* All findings on what cli_check_live() or _file() returned, with rule, line and file; or NULL. */
json_t *cli_check_findings(const json_t *checked);

/* How many of @findings are a problem or a bypass. */
size_t cli_check_failures(const json_t *findings);

/* @path is the file that was checked, or NULL. */
void cli_check_print(FILE *out, const json_t *findings, const char *path);

#endif
