// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/mm.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include "../compat/flowtable.h"
#include "net.h"
#include "path.h"
#include "policy.h"
#include "port.h"
#include "trace.h"
#include "watch.h"

#define NFTO_CHANGES_MAX 256	/* of one namespace, in one look */
/* between two looks at all flows */
#define NFTO_WATCH_PAUSE_MIN max_t(unsigned long, HZ / 10, 1)
#define NFTO_WATCH_PAUSE_MAX (HZ / 2)

/* What happened in a namespace. */
struct nfto_changes {
	unsigned int num;
	struct nfto_change list[NFTO_CHANGES_MAX];
};

/* Protects what is told, by namespace; taken in any context. */
static DEFINE_SPINLOCK(nfto_watch_lock);
static LIST_HEAD(nfto_watch_told);	/* namespaces of which something is */

/* Held for a look at flows: no namespace that is looked at ends meanwhile. */
static DEFINE_MUTEX(nfto_watch_mutex);

static void nfto_watch_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(nfto_watch_dwork, nfto_watch_work);
static struct workqueue_struct *nfto_watch_wq;
static unsigned long nfto_watch_next;	/* jiffies; the earliest next look; the work item's alone */

/* Is it told already, or "everything"? */
static bool nfto_watch_known(const struct nfto_changes *told, const struct nfto_change *change)
{
	unsigned int i;

	lockdep_assert_held(&nfto_watch_lock);
	for (i = 0; i < told->num; i++)
		if (told->list[i].kind == NFTO_CHANGE_ALL ||
		    !memcmp(&told->list[i], change, sizeof(*change)))
			return true;
	return false;
}

/* Too much at once to remember one by one becomes "everything". */
static void nfto_watch_put(struct nfto_changes *told, const struct nfto_change *change)
{
	bool all = change->kind == NFTO_CHANGE_ALL || told->num == NFTO_CHANGES_MAX;

	lockdep_assert_held(&nfto_watch_lock);
	if (nfto_watch_known(told, change))
		return;
	if (all)
		told->num = 0;
	memcpy(&told->list[told->num], change, sizeof(*change));
	if (all)
		told->list[told->num].kind = NFTO_CHANGE_ALL;
	told->num++;
}

void nfto_watch_tell(const struct nfto_change *change)
{
	struct nfto_net *net = nfto_net_of(change->net);
	unsigned long flags;

	/* most of what happens, happens where no flow can be */
	if (!net || !atomic_read(&net->used))
		return;
	trace_watch_change(change);
	spin_lock_irqsave(&nfto_watch_lock, flags);
	if (net->told) {	/* else it ends */
		nfto_watch_put(net->told, change);
		if (list_empty(&net->told_node))
			list_add_tail(&net->told_node, &nfto_watch_told);
		queue_delayed_work(nfto_watch_wq, &nfto_watch_dwork, 0);
	}
	spin_unlock_irqrestore(&nfto_watch_lock, flags);
}

int nfto_watch_use(struct nfto_net *net)
{
	struct nfto_changes *told = NULL, *looked = NULL;

	/* commit_mutex: nobody else does the same */
	if (!net->told) {
		told = kvzalloc(sizeof(*told), GFP_KERNEL_ACCOUNT);
		looked = kvzalloc(sizeof(*looked), GFP_KERNEL_ACCOUNT);
		if (!told || !looked) {
			kvfree(told);
			kvfree(looked);
			return -ENOMEM;
		}
		spin_lock_irq(&nfto_watch_lock);
		net->looked = looked;
		net->told = told;
		spin_unlock_irq(&nfto_watch_lock);
	}
	atomic_inc(&net->used);
	return 0;
}

void nfto_watch_unuse(struct nfto_net *net)
{
	atomic_dec(&net->used);
}

/* Of a namespace that ends. */
static void nfto_watch_forget(struct nfto_net *net)
{
	struct nfto_changes *told, *looked;

	mutex_lock(&nfto_watch_mutex);
	spin_lock_irq(&nfto_watch_lock);
	list_del_init(&net->told_node);
	told = net->told;
	looked = net->looked;
	net->told = NULL;
	net->looked = NULL;
	spin_unlock_irq(&nfto_watch_lock);
	mutex_unlock(&nfto_watch_mutex);
	kvfree(told);
	kvfree(looked);
}

/* Moves what was told to where it is looked at, and its namespaces to @nets, by look_node. */
static void nfto_watch_take(struct list_head *nets)
{
	struct nfto_net *net, *next;

	lockdep_assert_held(&nfto_watch_mutex);
	spin_lock_irq(&nfto_watch_lock);
	list_for_each_entry_safe(net, next, &nfto_watch_told, told_node) {
		swap(net->told, net->looked);
		net->told->num = 0;
		list_del_init(&net->told_node);
		list_add_tail(&net->look_node, nets);
	}
	spin_unlock_irq(&nfto_watch_lock);
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

static void nfto_watch_look(const struct list_head *nets)
{
	struct nfto_net *net;

	lockdep_assert_held(&nfto_watch_mutex);
	list_for_each_entry(net, nets, look_node)
		nfto_flow_end_changed(net, net->looked->list, net->looked->num);
}

/* @nets is its owner's, who returns; the namespaces stay. */
static void nfto_watch_let_go(struct list_head *nets)
{
	struct nfto_net *net, *next;

	lockdep_assert_held(&nfto_watch_mutex);
	list_for_each_entry_safe(net, next, nets, look_node)
		list_del_init(&net->look_node);
}

static void nfto_watch_work(struct work_struct *work)
{
	unsigned long wait = nfto_watch_wait(), start;
	LIST_HEAD(nets);

	if (wait) {
		queue_delayed_work(nfto_watch_wq, &nfto_watch_dwork, wait);
		return;
	}
	start = jiffies;
	mutex_lock(&nfto_watch_mutex);
	nfto_watch_take(&nets);
	/* those that are known at once; then the ones that were on their way to us */
	nfto_watch_look(&nets);
	nfto_watch_settle();
	nfto_watch_look(&nets);
	nfto_watch_let_go(&nets);
	mutex_unlock(&nfto_watch_mutex);
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
	return nfto_watch_route_net_init(nfto_net_of(net));
}

/*
 * The devices' ends came before us, and on most kernels the flowtables' UNBINDs, in nf_tables'
 * pre_exit; what is left of both is in workers. They hold conntrack entries, for whose end
 * conntrack's own exit waits.
 */
static void __net_exit nfto_watch_net_exit(struct net *net)
{
	nfto_watch_route_net_exit(nfto_net_of(net));
	nfto_watch_forget(nfto_net_of(net));
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
	err = register_pernet_subsys(&nfto_watch_net_ops);
	if (err)
		goto err_destroy_wq;
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
	cancel_delayed_work_sync(&nfto_watch_dwork);
	destroy_workqueue(nfto_watch_wq);
}
