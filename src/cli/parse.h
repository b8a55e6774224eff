/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parse - from netlink messages to trees of values.
 *
 * Whatever stands in a buffer, nothing outside of it is read. What is not known is left out, and of
 * a word that is not known there is its number.
 */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include <jansson.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel says to a request: 0 or a negative errno, and why. */
struct cli_verdict {
	int err;
	char text[512];		/* "" if it gave no reason */
};

/* Is there a whole message in the @len bytes at @nlh? */
bool cli_message_ok(const struct nlmsghdr *nlh, size_t len);

/* A message of the family nft_offload; NULL if it is too short. */
json_t *cli_parse_message(const struct nlmsghdr *nlh);

/* Its command; 0 if it is too short. */
uint8_t cli_parse_command(const struct nlmsghdr *nlh);

/* NLMSG_ERROR or NLMSG_DONE. */
void cli_parse_verdict(const struct nlmsghdr *nlh, struct cli_verdict *verdict);

/* A message of the generic netlink controller: which family it is about. 0 or its id. */
uint16_t cli_parse_family(const struct nlmsghdr *nlh, const char *name);

/* "inet", or the number. */
json_t *cli_parse_nfproto(uint32_t family);

/* A string in which nothing can upset a terminal, and that is UTF-8. */
json_t *cli_parse_string(const char *text, size_t len);

#endif
