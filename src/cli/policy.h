/* SPDX-License-Identifier: GPL-2.0 */
/* policy - what a device may do. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include "netlink.h"

/* Asks for the device @name; as cli_ask(). */
int cli_get_device(struct cli_netlink *nl, const char *name, json_t **device);

/* The device that a request is about; or says that there can be none of that name. */
int cli_put_ifname(struct nlmsghdr *nlh, const char *name);

bool cli_policy_is_default(const json_t *policy);

/* As the words that set it, with a blank in front. @changed: only what is not the default. */
void cli_print_policy(const json_t *policy, bool changed);

#endif
