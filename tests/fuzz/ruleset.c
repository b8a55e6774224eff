// SPDX-License-Identifier: GPL-2.0
/* Fuzzes what the command makes of a ruleset's text; files that it includes are left out. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../src/cli/check_scan.h"

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_scan scan;
	char *error;

	if (!size || memmem(data, size, "include", 7))
		return 0;
	stdin = fmemopen((void *)data, size, "r");
	if (!stdin)
		abort();
	error = check_scan_file(&scan, "-");
	fclose(stdin);
	if (!error && lines(scan.plain) != lines(scan.source.text)) {
		fprintf(stderr, "lines of the plain text are not those of the ruleset\n");
		abort();
	}
	free(error);
	check_scan_exit(&scan);
	return 0;
}
