/* SPDX-License-Identifier: GPL-2.0 */
/* A test is a function; its first CHECK() that fails is reported. Output is TAP. */
#ifndef NFTO_HOST_TAP_H
#define NFTO_HOST_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_number, tap_failed;
static const char *tap_file, *tap_what;
static int tap_line;

static inline void tap_check(bool ok, const char *what, const char *file, int line)
{
	if (ok || tap_what)
		return;
	tap_what = what;
	tap_file = file;
	tap_line = line;
}

#define CHECK(cond) tap_check(cond, #cond, __FILE__, __LINE__)

static inline void tap_run(const char *name, void (*test)(void))
{
	tap_what = NULL;
	test();
	tap_number++;
	if (tap_what) {
		tap_failed++;
		printf("not ok %d - %s\n# %s:%d: %s\n", tap_number, name, tap_file, tap_line,
		       tap_what);
	} else {
		printf("ok %d - %s\n", tap_number, name);
	}
}

#define TEST(test) tap_run(#test, test)

static inline int tap_end(void)
{
	printf("1..%d\n", tap_number);
	return !!tap_failed;
}

#endif
