/* upstream: v5.11 ce7e9c8a0e8f; who listens to nexthop objects gets those that are there already */
#include <net/nexthop.h>
#ifndef NFTO_BASELINE
int probe(struct net *net, struct notifier_block *nb, struct netlink_ext_ack *extack);
int probe(struct net *net, struct notifier_block *nb, struct netlink_ext_ack *extack)
{
	return register_nexthop_notifier(net, nb, extack);
}
#endif
