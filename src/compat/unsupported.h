/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is built for a kernel older than all supported ones: a module that says so and does not
 * load. A build that fails instead would keep the distribution from upgrading its kernel.
 */
#ifndef NFTO_COMPAT_UNSUPPORTED_H
#define NFTO_COMPAT_UNSUPPORTED_H

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/utsname.h>

static int __init nfto_unsupported_init(void)
{
	pr_err(KBUILD_MODNAME ": kernel %s is older than the oldest supported, " NFTO_OLDEST
	       ": not loaded, and flowtables stay as they are\n", init_utsname()->release);
	return -EOPNOTSUPP;
}
module_init(nfto_unsupported_init);

MODULE_VERSION(NFTO_VERSION);
MODULE_LICENSE("GPL");

#endif
