// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <net/switchdev.h>
#include "watch.h"

/*
 * A host was seen behind a port of a bridge: flows to it that leave elsewhere are wrong. The age of
 * an entry means nothing: hardware does not tell the bridge of what it forwards. Atomic context.
 */
static int nfto_bridge_fdb(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct switchdev_notifier_fdb_info *fdb = ptr;
	struct net_device *dev = switchdev_notifier_info_to_dev(ptr);
	struct nfto_change change;

	if (event != SWITCHDEV_FDB_ADD_TO_DEVICE)
		return NOTIFY_DONE;
	memset(&change, 0, sizeof(change));
	change.kind = NFTO_CHANGE_MOVED;
	change.net = dev_net(dev);
	change.reason = NFTO_REASON_STALE_BRIDGE;
	change.ifindex = dev->ifindex;
	change.real = is_vlan_dev(dev) ? vlan_dev_real_dev(dev)->ifindex : dev->ifindex;
	ether_addr_copy(change.mac, fdb->addr);
	nfto_watch_tell(&change);
	return NOTIFY_DONE;
}

static struct notifier_block nfto_bridge_fdb_nb = {
	.notifier_call = nfto_bridge_fdb,
};

static bool nfto_bridge_matters(unsigned long event, const void *ptr)
{
	const struct switchdev_notifier_port_attr_info *attr = ptr;
	const struct switchdev_notifier_port_obj_info *obj = ptr;

	switch (event) {
	case SWITCHDEV_PORT_OBJ_ADD:
	case SWITCHDEV_PORT_OBJ_DEL:
		return obj->obj->id == SWITCHDEV_OBJ_ID_PORT_VLAN;
	case SWITCHDEV_PORT_ATTR_SET:
		return attr->attr->id == SWITCHDEV_ATTR_ID_PORT_STP_STATE ||
		       attr->attr->id == SWITCHDEV_ATTR_ID_PORT_BRIDGE_FLAGS ||
		       attr->attr->id == SWITCHDEV_ATTR_ID_BRIDGE_VLAN_FILTERING;
	default:
		return false;
	}
}

/* RTNL is held. Nothing is answered, as if nobody had heard: no switch is set up here. */
static int nfto_bridge_port(struct notifier_block *nb, unsigned long event, void *ptr)
{
	if (nfto_bridge_matters(event, ptr))
		nfto_watch_tell_device(switchdev_notifier_info_to_dev(ptr),
				       NFTO_REASON_STALE_BRIDGE);
	return NOTIFY_DONE;
}

static struct notifier_block nfto_bridge_port_nb = {
	.notifier_call = nfto_bridge_port,
};

int nfto_watch_bridge_init(void)
{
	int err = register_switchdev_notifier(&nfto_bridge_fdb_nb);

	if (err)
		return err;
	err = register_switchdev_blocking_notifier(&nfto_bridge_port_nb);
	if (err)
		unregister_switchdev_notifier(&nfto_bridge_fdb_nb);
	return err;
}

void nfto_watch_bridge_exit(void)
{
	unregister_switchdev_blocking_notifier(&nfto_bridge_port_nb);
	unregister_switchdev_notifier(&nfto_bridge_fdb_nb);
}
