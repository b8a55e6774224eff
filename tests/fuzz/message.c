// SPDX-License-Identifier: GPL-2.0
/* Fuzzes what the command makes of netlink messages, as if from a kernel that means it no good. */
#include <linux/nft_offload.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../src/cli/cli.h"
#include "../../src/cli/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* memory of just its size: sanitizers see what reads beyond */
	struct nlmsghdr *nlh = malloc(size ? size : 1);
	struct cli_verdict verdict;
	json_t *tree;
	char *text;

	memcpy(nlh, data, size);
	/* most inputs would have a length that is of no use */
	if (size >= sizeof(nlh->nlmsg_len) && nlh->nlmsg_len > size)
		nlh->nlmsg_len = (uint32_t)size;
	if (cli_message_ok(nlh, size)) {
		tree = cli_parse_message(nlh);
		text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
		if (tree && !text)
			abort();
		free(text);
		json_decref(tree);
		cli_parse_verdict(nlh, &verdict);
		cli_parse_family(nlh, NFTO_FAMILY_NAME);
		cli_parse_command(nlh);
	}
	free(nlh);
	return 0;
}
