// SPDX-License-Identifier: GPL-2.0
#include <linux/nft_offload.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "parse.h"
#include "parse_all.h"

bool parse_all(const void *data, size_t len)
{
	struct nlmsghdr *nlh = malloc(len ? len : 1);
	struct cli_verdict verdict;
	bool any = false;
	json_t *tree;
	char *text;

	memcpy(nlh, data, len);
	if (cli_message_ok(nlh, len)) {
		tree = cli_parse_message(nlh);
		text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
		if (tree && !text) {
			fprintf(stderr, "a tree cannot be printed\n");
			abort();
		}
		any = json_object_size(tree);
		free(text);
		json_decref(tree);
		cli_parse_verdict(nlh, &verdict);
		cli_parse_family(nlh, NFTO_FAMILY_NAME);
		cli_parse_command(nlh);
	}
	free(nlh);
	return any;
}
