/* SPDX-License-Identifier: GPL-2.0 */
/*
 * driver - the table of known drivers: what each one honours, its limits, its errors.
 *
 * Acceptance by a driver proves nothing, so only drivers that stand here are programmed.
 * Pure: constant data and look-ups on it.
 */
#ifndef NFTO_DRIVER_H
#define NFTO_DRIVER_H

#include <linux/types.h>
#include "reason.h"

enum nfto_driver_can {
	NFTO_CAN_TTL_ADD	= 1 << 0,	/* honours ADD -1 on TTL and hop limit */
	NFTO_CAN_NO_FRAGMENT	= 1 << 1,	/* honours "is not a fragment" */
	NFTO_CAN_TCP_FLAGS	= 1 << 2,	/* honours a TCP flags match */
	NFTO_CAN_VLAN		= 1 << 3,	/* honours matching, popping and pushing tags */
	NFTO_CAN_PPPOE		= 1 << 4,
};

struct nfto_driver {
	const char *name;	/* as users know it */
	const char *link_kind;	/* recognised by its rtnl link kind, or */
	const char *bus_driver;	/* by the driver of its parent device */
	u32 can;		/* enum nfto_driver_can */
	u32 prio;		/* of our rules; never 0 (mlx5 crashes on it) */
	bool counts_l2;		/* its byte counters include the Ethernet header and tags */
};

/* @link_kind and @bus_driver may be NULL. Returns NULL for a driver that is not known. */
const struct nfto_driver *nfto_driver_find(const char *link_kind, const char *bus_driver);

/* Which reason a failed add (@err < 0) of this driver is. */
enum nfto_reason nfto_driver_reason(const struct nfto_driver *driver, int err);

#endif
