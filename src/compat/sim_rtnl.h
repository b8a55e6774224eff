/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtnl_link_ops->newlink of the simulator. Since 6.15 the namespace of IFLA_LINK and the
 * attributes arrive in struct rtnl_newlink_params, and the device comes first.
 */
#ifndef _NFTO_COMPAT_SIM_RTNL_H
#define _NFTO_COMPAT_SIM_RTNL_H

#include <net/rtnetlink.h>
#include "probed.h"

int nfto_sim_newlink(struct net_device *dev, struct net *link_net, struct nlattr *tb[],
		     struct netlink_ext_ack *extack);

#if NFTO_HAVE_NEWLINK_PARAMS
static inline int nfto_sim_rtnl_newlink(struct net_device *dev,
					struct rtnl_newlink_params *params,
					struct netlink_ext_ack *extack)
{
	return nfto_sim_newlink(dev, rtnl_newlink_link_net(params), params->tb, extack);
}
#else
static inline int nfto_sim_rtnl_newlink(struct net *link_net, struct net_device *dev,
					struct nlattr *tb[], struct nlattr *data[],
					struct netlink_ext_ack *extack)
{
	return nfto_sim_newlink(dev, link_net, tb, extack);
}
#endif

#endif
