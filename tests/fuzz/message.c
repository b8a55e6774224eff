// SPDX-License-Identifier: GPL-2.0
/* Fuzzes what the command makes of netlink messages, as if from a kernel that means it no good. */
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../cli/parse_all.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = malloc(size ? size : 1);

	memcpy(nlh, data, size);
	/* most inputs would have a length that is of no use */
	if (size >= sizeof(nlh->nlmsg_len) && nlh->nlmsg_len > size)
		nlh->nlmsg_len = (uint32_t)size;
	parse_all(nlh, size);
	free(nlh);
	return 0;
}
