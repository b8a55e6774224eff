/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A test is a function; its first CHECK() that fails is reported. Output is TAP. main() is in
 * test_pure.c, with the one TAP_STATE.
 */
#ifndef NFTO_HOST_TAP_H
#define NFTO_HOST_TAP_H

#include <stdbool.h>
#include <stdio.h>

struct tap {
	int number, failed, line;
	const char *file, *what;
};

extern struct tap tap;

#define TAP_STATE struct tap tap

static inline void tap_check(bool ok, const char *what, const char *file, int line)
{
	if (ok || tap.what)
		return;
	tap.what = what;
	tap.file = file;
	tap.line = line;
}

#define CHECK(cond) tap_check(cond, #cond, __FILE__, __LINE__)

static inline void tap_end_test(const char *name)
{
	tap.number++;
	if (tap.what) {
		tap.failed++;
		printf("not ok %d - %s\n# %s:%d: %s\n", tap.number, name, tap.file, tap.line,
		       tap.what);
	} else {
		printf("ok %d - %s\n", tap.number, name);
	}
	tap.what = NULL;
}

static inline void tap_run(const char *name, void (*test)(void))
{
	test();
	tap_end_test(name);
}

#define TEST(test) tap_run(#test, test)

static inline int tap_end(void)
{
	printf("1..%d\n", tap.number);
	return !!tap.failed;
}

void driver_tests(void);	/* test_driver.c */
void golden_tests(void);	/* golden.c */

#endif
