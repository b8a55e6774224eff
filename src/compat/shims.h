/* SPDX-License-Identifier: GPL-2.0 */
/* Which wrappers stand in for something: what a bug report needs beside the kernel's version. */
#ifndef NFTO_COMPAT_SHIMS_H
#define NFTO_COMPAT_SHIMS_H

#include "probed.h"

/* Names of probes whose answer was no, or yes for what one distribution alone has. */
static inline const char *nfto_shims(void)
{
	return *NFTO_SHIMS ? NFTO_SHIMS : "none";
}

#endif
