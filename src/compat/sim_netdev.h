/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the simulator needs of net_device and what differs between kernels. The simulator is written for the newest form; this is the 6.1 one.
 */
#ifndef _NFTO_COMPAT_SIM_NETDEV_H
#define _NFTO_COMPAT_SIM_NETDEV_H

#include <linux/netdevice.h>
#include <net/net_namespace.h>

/*
 * A device without a transmit lock. Since 6.12 this is the field dev->lltx, before
 * it is a feature bit.
 */
static inline void nfto_sim_set_lltx(struct net_device *dev)
{
	dev->features |= NETIF_F_LLTX;
}

/*
 * A number that no other namespace ever gets, not even one made later at the same
 * address. Before 5.12 it has to be generated on first use.
 */
static inline u64 nfto_sim_net_cookie(const struct net *net)
{
	return net->net_cookie;
}

#endif
