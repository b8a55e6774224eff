/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the simulator needs of net_device and what differs between kernels.
 */
#ifndef _NFTO_COMPAT_SIM_NETDEV_H
#define _NFTO_COMPAT_SIM_NETDEV_H

#include <linux/netdevice.h>
#include <net/net_namespace.h>
#include "probed.h"
#if NFTO_HAVE_NETDEV_LOCK_HEADER
#include <net/netdev_lock.h>
#endif

/*
 * Locks of their own class for a device that sits on top of others. Since 6.15 the
 * macro stands in <net/netdev_lock.h>.
 */
#define nfto_sim_lockdep_classes(dev) netdev_lockdep_set_classes(dev)

/*
 * A device without a transmit lock. Since 6.12 this is the field dev->lltx, before
 * it is a feature bit.
 */
static inline void nfto_sim_set_lltx(struct net_device *dev)
{
#if NFTO_HAVE_NETDEV_LLTX
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/*
 * A number that no other namespace ever gets, not even one made later at the same
 * address. Before 5.12 modules have none but that of the namespace's file, which may come again.
 */
static inline u64 nfto_sim_net_cookie(struct net *net)
{
#if NFTO_HAVE_NET_COOKIE
	return net->net_cookie;
#else
	return net->ns.inum;
#endif
}

#endif
