/* upstream: v5.3 8590ceedb701; nexthop objects tell when they go (5.10: and change) */
#include <net/nexthop.h>
#ifndef NFTO_BASELINE
int probe(struct net *net, struct notifier_block *nb);
int probe(struct net *net, struct notifier_block *nb)
{
	return unregister_nexthop_notifier(net, nb);
}
#endif
