// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <net/net_namespace.h>
#include "port.h"
#include "watch.h"

/*
 * RTNL is held. A device that is unregistered, or leaves its namespace, must be free of our rules
 * and references on return; nothing here waits for a worker.
 */
static int nfto_watch_netdev(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	switch (event) {
	case NETDEV_UNREGISTER:
		nfto_port_gone(dev);
		break;
	case NETDEV_FEAT_CHANGE:
		nfto_port_changed(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block nfto_watch_netdev_nb = {
	.notifier_call = nfto_watch_netdev,
};

/*
 * The devices' ends came before us, and on most kernels the flowtables' UNBINDs, in nf_tables'
 * pre_exit; what is left of both is in workers. They hold conntrack entries, for whose end
 * conntrack's own exit waits.
 */
static void __net_exit nfto_watch_net_exit(struct net *net)
{
	nfto_port_flush(net);
}

static struct pernet_operations nfto_watch_net_ops = {
	.exit = nfto_watch_net_exit,
};

int nfto_watch_init(void)
{
	int err = register_pernet_subsys(&nfto_watch_net_ops);

	if (err)
		return err;
	err = register_netdevice_notifier(&nfto_watch_netdev_nb);
	if (err)
		unregister_pernet_subsys(&nfto_watch_net_ops);
	return err;
}

void nfto_watch_exit(void)
{
	/* tells us once more that every device is unregistered: all ports end in there */
	unregister_netdevice_notifier(&nfto_watch_netdev_nb);
	unregister_pernet_subsys(&nfto_watch_net_ops);
}
