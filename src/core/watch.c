// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include "../compat/flowtable.h"
#include "policy.h"
#include "path.h"
#include "port.h"
#include "trace.h"
#include "watch.h"

#define NFTO_CHANGES_MAX 256
#define NFTO_CHANGES_OF_NET 64	/* of one namespace, so that others have room */
/* between two looks at all flows */
#define NFTO_WATCH_PAUSE_MIN max_t(unsigned long, HZ / 10, 1)
#define NFTO_WATCH_PAUSE_MAX (HZ / 2)

static DEFINE_SPINLOCK(nfto_watch_lock);	/* protects what follows; taken in any context */
static struct nfto_change nfto_changes[NFTO_CHANGES_MAX];
static unsigned int nfto_num_changes;

static void nfto_watch_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(nfto_watch_dwork, nfto_watch_work);
static struct workqueue_struct *nfto_watch_wq;
static unsigned long nfto_watch_next;	/* jiffies; the earliest next look; the work item's alone */

/* How many changes of @net are put down; all of them if one of them says "everything". */
static unsigned int nfto_watch_count(const struct net *net)
{
	unsigned int i, num = 0;

	lockdep_assert_held(&nfto_watch_lock);
	for (i = 0; i < nfto_num_changes; i++) {
		if (nfto_changes[i].net && nfto_changes[i].net != net)
			continue;
		if (nfto_changes[i].kind == NFTO_CHANGE_ALL)
			return NFTO_CHANGES_MAX;
		num++;
	}
	return num;
}

static void nfto_watch_forget_net(const struct net *net)
{
	unsigned int i, num = 0;

	lockdep_assert_held(&nfto_watch_lock);
	for (i = 0; i < nfto_num_changes; i++)
		if (net && nfto_changes[i].net != net)
			nfto_changes[num++] = nfto_changes[i];
	nfto_num_changes = num;
}

/*
 * Too much at once to remember one by one: what a namespace put down becomes "everything" of it. If
 * there is no room even for that, it is everything of all.
 */
static void nfto_watch_put_all(const struct net *net, enum nfto_reason reason)
{
	struct nfto_change *all;

	lockdep_assert_held(&nfto_watch_lock);
	nfto_watch_forget_net(net);
	if (nfto_num_changes == NFTO_CHANGES_MAX)
		nfto_watch_forget_net(net = NULL);
	all = &nfto_changes[nfto_num_changes++];
	memset(all, 0, sizeof(*all));	/* compared as memory */
	all->kind = NFTO_CHANGE_ALL;
	all->net = net;
	all->reason = reason;
}

static bool nfto_watch_known(const struct nfto_change *change)
{
	unsigned int i;

	lockdep_assert_held(&nfto_watch_lock);
	for (i = 0; i < nfto_num_changes; i++)
		if (!memcmp(&nfto_changes[i], change, sizeof(*change)))
			return true;
	return false;
}

static void nfto_watch_put(const struct nfto_change *change)
{
	unsigned int num = nfto_watch_count(change->net);

	lockdep_assert_held(&nfto_watch_lock);
	if (num == NFTO_CHANGES_MAX || nfto_watch_known(change))
		return;
	if (change->kind == NFTO_CHANGE_ALL || num >= NFTO_CHANGES_OF_NET ||
	    nfto_num_changes == NFTO_CHANGES_MAX)
		nfto_watch_put_all(change->net, change->reason);
	else
		memcpy(&nfto_changes[nfto_num_changes++], change, sizeof(*change));
}

void nfto_watch_tell(const struct nfto_change *change)
{
	unsigned long flags;

	/* most of what happens, happens where no flow can be */
	if (!nfto_watch_used(change->net))
		return;
	trace_watch_change(change);
	spin_lock_irqsave(&nfto_watch_lock, flags);
	nfto_watch_put(change);
	queue_delayed_work(nfto_watch_wq, &nfto_watch_dwork, 0);
	spin_unlock_irqrestore(&nfto_watch_lock, flags);
}

/* Copies what was put down and forgets it. */
static unsigned int nfto_watch_take(struct nfto_change *changes)
{
	unsigned int num;

	spin_lock_irq(&nfto_watch_lock);
	num = nfto_num_changes;
	memcpy(changes, nfto_changes, num * sizeof(*changes));
	nfto_num_changes = 0;
	spin_unlock_irq(&nfto_watch_lock);
	return num;
}

/*
 * A flow may have been built from what was right a moment ago, and not be known to us yet. So first
 * those finish who told of the change, most of them under RTNL, before it can be seen; then those
 * who are just asking for a way, which they do as RCU readers; then the core's work items by which
 * we hear of new flows, for which there is one exported function: it would end the flows of a
 * device, and is given one that has none.
 */
static void nfto_watch_settle(void)
{
	rtnl_lock();
	rtnl_unlock();
	synchronize_net();
	nf_flow_table_cleanup(init_net.loopback_dev);
}

/* In how many jiffies the next look may be. Only the work item looks, one at a time. */
static unsigned long nfto_watch_wait(void)
{
	unsigned long now = jiffies;

	return time_before(now, nfto_watch_next) ? nfto_watch_next - now : 0;
}

static void nfto_watch_work(struct work_struct *work)
{
	static struct nfto_change changes[NFTO_CHANGES_MAX];	/* this work item's alone */
	unsigned long wait = nfto_watch_wait(), start;
	unsigned int num;

	if (wait) {
		queue_delayed_work(nfto_watch_wq, &nfto_watch_dwork, wait);
		return;
	}
	start = jiffies;
	num = nfto_watch_take(changes);
	if (!num)
		return;
	/* those that are known at once; then the ones that were on their way to us */
	nfto_flow_end_changed(changes, num);
	nfto_watch_settle();
	nfto_flow_end_changed(changes, num);
	/* many flows take long to look at: a quarter of a CPU's time, while that is soon enough */
	nfto_watch_next = jiffies + clamp_t(unsigned long, 3 * (jiffies - start),
					    NFTO_WATCH_PAUSE_MIN, NFTO_WATCH_PAUSE_MAX);
}

/* The core looks through VLANs and bridges: flows name what is below. As deep as devices nest. */
static void nfto_watch_tell_lower(struct net_device *dev, struct nfto_change *change)
{
	struct net_device *lower;
	struct list_head *iter;

	change->ifindex = dev->ifindex;
	nfto_watch_tell(change);
	netdev_for_each_lower_dev(dev, lower, iter)
		nfto_watch_tell_lower(lower, change);
}

void nfto_watch_tell_device(struct net_device *dev, enum nfto_reason reason)
{
	struct nfto_change change;

	ASSERT_RTNL();
	memset(&change, 0, sizeof(change));	/* compared as memory */
	change.kind = NFTO_CHANGE_DEVICE;
	change.net = dev_net(dev);
	change.reason = reason;
	nfto_watch_tell_lower(dev, &change);
}

/*
 * RTNL is held. A device that is unregistered, or leaves its namespace, must be free of our rules
 * and references on return; nothing here waits for a worker.
 */
static int nfto_watch_netdev(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	const struct netdev_notifier_changeupper_info *upper = ptr;

	switch (event) {
	case NETDEV_CHANGEUPPER:
		if (!upper->master)	/* a new VLAN takes nothing away from the others */
			break;
		nfto_watch_tell_device(dev, NFTO_REASON_STALE_DEVICE);
		break;
	case NETDEV_CHANGE:
		if (netif_carrier_ok(dev) && !nfto_path_priorities(dev))
			break;
		fallthrough;
	case NETDEV_DOWN:
	case NETDEV_CHANGEADDR:
	case NETDEV_CHANGEMTU:
	case NETDEV_CHANGENAME:
		nfto_watch_tell_device(dev, NFTO_REASON_STALE_DEVICE);
		break;
	case NETDEV_UNREGISTER:
		nfto_watch_tell_device(dev, NFTO_REASON_STALE_DEVICE);
		nfto_port_gone(dev);
		nfto_policy_forget(dev);
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

static int __net_init nfto_watch_net_init(struct net *net)
{
	return nfto_watch_route_net_init(net);
}

/*
 * The devices' ends came before us, and on most kernels the flowtables' UNBINDs, in nf_tables'
 * pre_exit; what is left of both is in workers. They hold conntrack entries, for whose end
 * conntrack's own exit waits.
 */
static void __net_exit nfto_watch_net_exit(struct net *net)
{
	nfto_watch_route_net_exit(net);
	nfto_port_flush(net);
}

static struct pernet_operations nfto_watch_net_ops = {
	.init = nfto_watch_net_init,
	.exit = nfto_watch_net_exit,
};

int nfto_watch_init(void)
{
	int err;

	nfto_watch_next = jiffies;
	nfto_watch_wq = alloc_workqueue("nft_offload_watch", WQ_UNBOUND, 0);
	if (!nfto_watch_wq)
		return -ENOMEM;
	err = nfto_watch_route_init();
	if (err)
		goto err_destroy_wq;
	err = register_pernet_subsys(&nfto_watch_net_ops);
	if (err)
		goto err_exit_route;
	err = nfto_watch_neigh_init();
	if (err)
		goto err_unregister_net;
	err = nfto_watch_bridge_init();
	if (err)
		goto err_exit_neigh;
	nfto_watch_ipsec_init();
	err = register_netdevice_notifier(&nfto_watch_netdev_nb);
	if (err)
		goto err_exit_ipsec;
	return 0;

err_exit_ipsec:
	nfto_watch_ipsec_exit();
	nfto_watch_bridge_exit();
err_exit_neigh:
	nfto_watch_neigh_exit();
err_unregister_net:
	unregister_pernet_subsys(&nfto_watch_net_ops);
err_exit_route:
	nfto_watch_route_exit();
err_destroy_wq:
	cancel_delayed_work_sync(&nfto_watch_dwork);
	destroy_workqueue(nfto_watch_wq);
	return err;
}

void nfto_watch_exit(void)
{
	/* tells us once more that every device is unregistered: all ports and policies end there */
	unregister_netdevice_notifier(&nfto_watch_netdev_nb);
	nfto_watch_ipsec_exit();
	nfto_watch_bridge_exit();
	nfto_watch_neigh_exit();
	unregister_pernet_subsys(&nfto_watch_net_ops);
	nfto_watch_route_exit();
	cancel_delayed_work_sync(&nfto_watch_dwork);
	destroy_workqueue(nfto_watch_wq);
}
