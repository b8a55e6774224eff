/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the text of a ruleset says by itself: its flowtables, the devices that it needs, and the
 * lines of its rules. nft itself is the judge of whether it is right.
 */
#ifndef NFTO_CLI_CHECK_SCAN_H
#define NFTO_CLI_CHECK_SCAN_H

#include <jansson.h>
#include "check_include.h"

/*
 * Stands for "flow add": the number of the flowtable is in the last two bytes. The statement is
 * one that nobody writes with such a value.
 */
#define CHECK_STAND_IN 0xf10a0000U
#define CHECK_STAND_IN_STATEMENT "meta mark set 0x"

struct check_scan {
	struct check_source source;
	/*
	 * The text without flowtables, and with stand-ins for "flow add", line by line the same:
	 * it loads without flowtables in the kernel, whatever their devices can do.
	 */
	char *plain;
	json_t *names;		/* flowtables by the stand-in's number */
	json_t *flowtables;	/* {"flowtable": ...} as nft lists them */
	json_t *flags;		/* {family, table, name, flags} */
	json_t *devices;	/* that chains are hooked to */
	json_t *rules;		/* "family table chain": [index of a line], or null: not known */
	json_t *notes;
};

/* NULL if all is well, an error to be freed otherwise. */
char *check_scan_file(struct check_scan *scan, const char *path);
void check_scan_exit(struct check_scan *scan);

/* {"line": ..., "file": ...} of a line of the text, added to @object. */
void check_scan_place(const struct check_scan *scan, size_t index, json_t *object);

#endif
