/* SPDX-License-Identifier: GPL-2.0 */
/* doctor - what is shared by those who look at one thing each. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#define CLI_PROBLEM	"problem"	/* keeps flows out of hardware */
#define CLI_HINT	"hint"		/* offloaded flows do not get it */
#define CLI_NOTE	"note"		/* good to know; nothing to be done */

/*
 * Appends a finding, of one of these severities. @place and @command may be NULL; they are its own
 * from now on.
 */
void cli_find(json_t *findings, const char *id, const char *severity, json_t *place,
	      const char *text, json_t *command);

/*
 * machine.c: why the module is not there; the kernel, conntrack, and the ruleset as nft-offload
 * check sees it
 */
void cli_examine_module(json_t *findings);
void cli_examine_machine(json_t *findings);
void cli_examine_ruleset(json_t *findings);

/* Are we root, if at all, of a user namespace alone? Not if it cannot be told. */
bool cli_in_user_namespace(void);

/* Of a flowtable that such root makes where there is no NIC. */
#define CLI_FLAG_DROPPED "a user namespace that was given no NIC cannot have it: it is left out as flowtables load, and software forwards"

/* Only of interest where conntrack is to count. */
bool cli_accounting_is_off(void);

#endif
