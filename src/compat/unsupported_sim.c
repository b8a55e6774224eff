// SPDX-License-Identifier: GPL-2.0
/* nft_offload_sim.ko for a kernel that is not supported. */
#include "unsupported.h"

/* Accepted as by the real module, so that a line in modprobe.d is no second complaint. */
static char *personality;
module_param(personality, charp, 0444);
MODULE_PARM_DESC(personality, "not used: this kernel is not supported");

static unsigned int capacity;
module_param(capacity, uint, 0444);
MODULE_PARM_DESC(capacity, "not used: this kernel is not supported");

MODULE_DESCRIPTION("Virtual switching ASIC: a stub, for this kernel is not supported");
