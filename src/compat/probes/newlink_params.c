/* upstream: v6.15 69c7be1b903f; newlink() gets namespaces and attributes in a structure */
#include <net/rtnetlink.h>
#ifndef NFTO_BASELINE
static int probe(struct net_device *dev, struct rtnl_newlink_params *params,
		 struct netlink_ext_ack *extack)
{
	return params->tb && rtnl_newlink_link_net(params);
}

extern const struct rtnl_link_ops probe_ops;
const struct rtnl_link_ops probe_ops = { .newlink = probe };
#endif
