/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink - talks to the kernel.
 *
 * Functions return 0, or the exit status after having said what is wrong.
 */
#ifndef CLI_NETLINK_H
#define CLI_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdalign.h>
#include "parse.h"

#define CLI_BUFFER_SIZE 65536	/* a dump's parts are not larger */
#define CLI_REQUEST_SIZE 4096

struct cli_netlink {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t seq;
	bool interrupted;		/* what the last dump said may have gaps */
	struct cli_verdict verdict;	/* on the last request */

	alignas(8) char request[CLI_REQUEST_SIZE];
	alignas(8) char buffer[CLI_BUFFER_SIZE];
};

/* Called for each message of an answer; 0, or the exit status to end with. */
typedef int (*cli_message_fn)(const struct nlmsghdr *nlh, void *data);

/* NULL: there is no such socket, and errno says why. @bus: NETLINK_GENERIC or another */
struct cli_netlink *cli_netlink_new(int bus);
void cli_netlink_close(struct cli_netlink *nl);

/* A socket on which the family's number is known; says so if the module is not loaded. */
int cli_netlink_open(struct cli_netlink **nl);

/* The same, but leaves it to the caller to say what @err is: 0 or a negative errno. */
struct cli_netlink *cli_netlink_try(int *err);
int cli_netlink_refused(int err);

/* Begins a request to the family in nl->request. @flags: NLM_F_ACK or NLM_F_DUMP */
struct nlmsghdr *cli_request(struct cli_netlink *nl, uint8_t command, uint16_t flags);

/*
 * Sends a request and hands all answers to @fn, up to the last. @fn may be NULL. Returns a negative
 * errno too, which cli_explain() turns into words.
 */
int cli_exchange(struct cli_netlink *nl, struct nlmsghdr *nlh, cli_message_fn fn, void *data);

/* Receives once, without a request. As cli_exchange(). */
int cli_receive(struct cli_netlink *nl, cli_message_fn fn, void *data, bool *done);

/* Says what a negative errno means, if it is one; @what was asked about, or NULL. */
int cli_explain(const struct cli_netlink *nl, int err, const char *what);

/* One object as an answer. */
int cli_ask(struct cli_netlink *nl, struct nlmsghdr *nlh, const char *what, json_t **answer);

/* The device of that name, or (NULL) all but those of no flowtable. status.c */
int cli_get_devices(struct cli_netlink *nl, const char *name, json_t **devices);

/*
 * A dump as an array; again if something changed meanwhile. @key: what of each message, or NULL
 * for all.
 */
int cli_collect(struct cli_netlink *nl, uint8_t command, const char *key, json_t **array);

#endif
