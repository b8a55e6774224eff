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

/*
 * Are there more headers to put on from @dev, which sends to @mac, downwards than a flow can say?
 * The core forgets the outermost ones; later, with the other way to ask, it takes no such flow.
 * Before 5.13 it takes none with any. Caller is an RCU reader.
 */
static inline bool nfto_netdev_too_deep(const struct net_device *dev, const u8 *mac)
{
	int num = 0;
#if NFTO_HAVE_FLOW_ENCAP && !NFTO_HAVE_FORWARD_PATH_CTX
	struct net_device_path_stack stack;
	int i;

	if (dev_fill_forward_path(dev, mac, &stack) < 0)
		return false;
	for (i = 0; i < stack.num_paths; i++)
		num += stack.path[i].type == DEV_PATH_VLAN ||
		       stack.path[i].type == DEV_PATH_PPPOE;
#endif
	return num > 2;
}

#endif
