/* SPDX-License-Identifier: GPL-2.0 */
/* A ruleset's file as one text, with those that it includes in it. */
#ifndef NFTO_CLI_CHECK_INCLUDE_H
#define NFTO_CLI_CHECK_INCLUDE_H

#include <stddef.h>

/* Where a line of the text comes from; file is 0 for the first one. */
struct check_origin {
	size_t file, line;
};

struct check_source {
	char *text;
	size_t length;
	struct check_origin *lines;
	size_t line_count;
	char **files;
	size_t file_count;
};

/* "-" is standard input. NULL if all is well, an error otherwise, to be freed. */
char *check_source_read(struct check_source *source, const char *path);
void check_source_exit(struct check_source *source);

#endif
