/* guard: must compile, else nothing that the compiler says counts */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
int probe(struct net_device *dev);
int probe(struct net_device *dev)
{
	return dev->ifindex;
}
#endif
