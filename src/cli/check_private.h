/* SPDX-License-Identifier: GPL-2.0 */
/* A network namespace of one's own, to load a ruleset in. */
#ifndef NFTO_CLI_CHECK_PRIVATE_H
#define NFTO_CLI_CHECK_PRIVATE_H

/* Moves this process into one, for good. NULL, or an error to be freed. */
char *check_private_enter(void);

/* Makes a device there. 0, or a negative errno. */
int check_private_link(const char *name);

#endif
