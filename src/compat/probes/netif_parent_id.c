/* upstream: v6.18 ffea11683461; asking a device for its switch's id has another name */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
int probe(struct net_device *dev, struct netdev_phys_item_id *id);
int probe(struct net_device *dev, struct netdev_phys_item_id *id)
{
	return netif_get_port_parent_id(dev, id, true);
}
#endif
