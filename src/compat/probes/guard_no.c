/* guard: must not compile */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
int probe(struct net_device *dev);
int probe(struct net_device *dev)
{
	return dev->nfto_no_such_member;
}
#endif
