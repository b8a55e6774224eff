// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "driver.h"

static const struct nfto_driver nfto_drivers[] = {
	{
		.name = "nft_offload_sim",
		.link_kind = "nft_offload_sim",
		.can = NFTO_CAN_TTL_ADD | NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS |
		       NFTO_CAN_VLAN,
		.prio = 1,
		.counts_l2 = true,
	},
};

const struct nfto_driver *nfto_driver_find(const char *link_kind, const char *bus_driver)
{
	const struct nfto_driver *driver;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nfto_drivers); i++) {
		driver = &nfto_drivers[i];
		if (link_kind && driver->link_kind && !strcmp(link_kind, driver->link_kind))
			return driver;
		if (bus_driver && driver->bus_driver && !strcmp(bus_driver, driver->bus_driver))
			return driver;
	}
	return NULL;
}

enum nfto_reason nfto_driver_reason(const struct nfto_driver *driver, int err)
{
	switch (err) {
	case -ENOSPC:
	case -ENOBUFS:
		return NFTO_REASON_TABLE_FULL;
	case -ENOMEM:
		return NFTO_REASON_NO_MEMORY;
	case -EOPNOTSUPP:
	case -EINVAL:
	case -ERANGE:
		return NFTO_REASON_UNSUPPORTED;
	case -EBUSY:
	case -EAGAIN:
	case -ENODEV:
	case -ENETDOWN:
	case -ETIMEDOUT:
		return NFTO_REASON_TRANSIENT;
	default:
		return NFTO_REASON_DRIVER;
	}
}
