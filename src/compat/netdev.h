/* SPDX-License-Identifier: GPL-2.0 */
/* Network devices. */
#ifndef NFTO_COMPAT_NETDEV_H
#define NFTO_COMPAT_NETDEV_H

#include <linux/netdevice.h>
#include "probed.h"

/*
 * The id of the switch that @dev is a port of, or that the devices below it have in common.
 * RTNL is held. -EOPNOTSUPP: it has none. Renamed in 6.18.
 */
static inline int nfto_netdev_asic(struct net_device *dev, struct netdev_phys_item_id *id)
{
#if NFTO_HAVE_NETIF_PARENT_ID
	return netif_get_port_parent_id(dev, id, true);
#else
	return dev_get_port_parent_id(dev, id, true);
#endif
}

#endif
