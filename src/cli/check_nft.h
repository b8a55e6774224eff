/* SPDX-License-Identifier: GPL-2.0 */
/* What libnftables says of the ruleset of this namespace. */
#ifndef NFTO_CLI_CHECK_NFT_H
#define NFTO_CLI_CHECK_NFT_H

#include <jansson.h>
#include <nftables/libnftables.h>

struct nft_ctx *check_nft_open(char **error);

/*
 * The ruleset as {"nftables": ...}, and its rules as text in @lines, [{family, table, chain,
 * handle, rule}]. NULL and an error to be freed if it cannot be read.
 */
json_t *check_nft_list(struct nft_ctx *nft, json_t **lines, char **error);

#endif
