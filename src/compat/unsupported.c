// SPDX-License-Identifier: GPL-2.0
/* nft_offload.ko for a kernel that is not supported. */
#include "unsupported.h"

/* Accepted as by the real module, so that a line in modprobe.d is no second complaint. */
static char *strict;
module_param(strict, charp, 0444);
MODULE_PARM_DESC(strict, "not used: this kernel is not supported");

static char *ttl;
module_param(ttl, charp, 0444);
MODULE_PARM_DESC(ttl, "not used: this kernel is not supported");

MODULE_DESCRIPTION("nftables flowtables in hardware: a stub, for this kernel is not supported");
