/* upstream: v6.12 00d066a4d4ed; "no transmit lock" is a field of the device, not a feature bit */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
void probe(struct net_device *dev);
void probe(struct net_device *dev)
{
	dev->lltx = true;
}
#endif
