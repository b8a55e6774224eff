/* guard: must not compile, whatever the kernel's flags say about warnings */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
int probe(struct net_device *dev);
int probe(struct net_device *dev)
{
	return nfto_no_such_function(dev);
}
#endif
