/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is built for a kernel that is not supported: a module that says why and does not load. A
 * build that fails instead would keep the distribution from upgrading its kernel.
 *
 * NFTO_UNSUPPORTED  from Kbuild: what is wrong with the kernel; the sentence's predicate
 */
#ifndef NFTO_COMPAT_UNSUPPORTED_H
#define NFTO_COMPAT_UNSUPPORTED_H

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/utsname.h>

static int __init nfto_unsupported_init(void)
{
	pr_err(KBUILD_MODNAME ": kernel %s " NFTO_UNSUPPORTED
	       ": not loaded, and a ruleset with flags offload may not load\n",
	       init_utsname()->release);
	return -EOPNOTSUPP;
}
module_init(nfto_unsupported_init);

/* For report-stub. */
MODULE_INFO(unsupported, NFTO_UNSUPPORTED);
MODULE_VERSION(NFTO_VERSION);
MODULE_LICENSE("GPL");

#endif
