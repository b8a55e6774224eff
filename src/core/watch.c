// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/mm.h>
#include <linux/rtnetlink.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include "../compat/flowtable.h"
#include "bind.h"
#include "net.h"
#include "path.h"
#include "policy.h"
#include "port.h"
#include "trace.h"
#include "watch.h"

#define NFTO_CHANGES_MAX 256	/* of one namespace, in one look */
/* between two looks at a namespace's flows, and between two times that all settles */
#define NFTO_WATCH_PAUSE_MIN max_t(unsigned long, HZ / 10, 1)
#define NFTO_WATCH_PAUSE_MAX (HZ / 4)
/*
 * What settles, settles for all flowtables there are: users have less of it. None of our rules for
 * them is in hardware.
 */
#define NFTO_USERS_PAUSE_MAX (10 * HZ)

/* What happened in a namespace. */
struct nfto_changes {
	unsigned int num;
	struct nfto_change list[NFTO_CHANGES_MAX];
};

/*
 * The namespaces of the initial user namespace, and those of users. What is told is looked at by a
 * work item of the namespace, at once, whatever others have to look at; but users' ones take turns,
 * for there may be any number of them, and a look holds the lock that all flows need. It is looked
 * at once more by a work item for all, a namespace in each run, when what was on its way has come:
 * see settle(). A namespace that ends waits for no look at another.
 */
struct nfto_watch_group {
	struct workqueue_struct *wq;
	struct list_head unsettled;	/* nfto_watch_lock; who has what is looked at once */
	struct list_head settling;	/* nfto_watch_lock; who is to be looked at again */
	struct nfto_watch *now;		/* nfto_watch_lock; who is being looked at again */
	wait_queue_head_t done;		/* now is another, or nobody */
	struct delayed_work settle_dwork;
	/* in jiffies; the work item's alone */
	unsigned long settle_next;	/* when all may settle again */
	unsigned long settle_spent;	/* what this time has taken so far */
	unsigned long settle_most;	/* until the next; constant */
};

static struct nfto_watch_group nfto_watch_groups[2];	/* by nfto_net_is_users() */

/* Of a namespace. */
struct nfto_watch {
	struct nfto_net *net;
	struct nfto_watch_group *group;
	struct nfto_changes told;	/* nfto_watch_lock */
	struct nfto_changes looked;	/* the work item's, and so is next */
	unsigned long next;		/* jiffies; the earliest next look */
	struct delayed_work dwork;
	struct nfto_changes unsettled;	/* nfto_watch_lock; looked at once */
	struct list_head unsettled_node; /* nfto_watch_lock; while there are some */
	struct nfto_changes settled;	/* the group's work item's */
	struct list_head settled_node;	/* nfto_watch_lock; of what it has */
};

/* Protects what is told, by namespace; taken in any context. */
static DEFINE_SPINLOCK(nfto_watch_lock);

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

/* @to was empty. */
static void nfto_watch_move(struct nfto_changes *to, struct nfto_changes *from)
{
	lockdep_assert_held(&nfto_watch_lock);
	memcpy(to->list, from->list, from->num * sizeof(*from->list));
	to->num = from->num;
	from->num = 0;
}

/* Most of what happens, happens where no flow can be. */
static bool nfto_watch_used(const struct nfto_net *net)
{
	return net && atomic_read(&net->used);
}

void nfto_watch_tell(const struct nfto_change *change)
{
	struct nfto_net *net = nfto_net_of(change->net);
	unsigned long flags;

	if (!nfto_watch_used(net))
		return;
	trace_watch_change(change);
	spin_lock_irqsave(&nfto_watch_lock, flags);
	if (net->watch) {	/* else it ends */
		nfto_watch_put(&net->watch->told, change);
		queue_delayed_work(net->watch->group->wq, &net->watch->dwork, 0);
	}
	spin_unlock_irqrestore(&nfto_watch_lock, flags);
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

/* Is it too early? Then the work item comes again. */
static bool nfto_watch_early(struct nfto_watch_group *group, struct delayed_work *dwork,
			     unsigned long next)
{
	unsigned long now = jiffies;

	if (!time_before(now, next))
		return false;
	queue_delayed_work(group->wq, dwork, next - now);
	return true;
}

/* Many flows take long to look at: a quarter of the time, while @most is not too late. */
static unsigned long nfto_watch_pause(unsigned long spent, unsigned long most)
{
	return jiffies + clamp_t(unsigned long, 3 * spent, NFTO_WATCH_PAUSE_MIN, most);
}

/* One by one: interrupts are off while one is compared with all. */
static void nfto_watch_put_unsettled(struct nfto_watch *watch)
{
	unsigned int i;

	for (i = 0; i < watch->looked.num; i++) {
		spin_lock_irq(&nfto_watch_lock);
		nfto_watch_put(&watch->unsettled, &watch->looked.list[i]);
		if (list_empty(&watch->unsettled_node))
			list_add_tail(&watch->unsettled_node, &watch->group->unsettled);
		spin_unlock_irq(&nfto_watch_lock);
	}
}

/* Those flows that are known at once. */
static void nfto_watch_look_work(struct work_struct *work)
{
	struct nfto_watch *watch = container_of(to_delayed_work(work), struct nfto_watch, dwork);
	unsigned long start = jiffies;

	if (nfto_watch_early(watch->group, &watch->dwork, watch->next))
		return;
	spin_lock_irq(&nfto_watch_lock);
	nfto_watch_move(&watch->looked, &watch->told);
	spin_unlock_irq(&nfto_watch_lock);
	if (!watch->looked.num)	/* told, and taken along, as the last look began */
		return;
	nfto_flow_end_changed(watch->net, watch->looked.list, watch->looked.num);
	nfto_watch_put_unsettled(watch);
	queue_delayed_work(watch->group->wq, &watch->group->settle_dwork, 0);
	watch->next = nfto_watch_pause(jiffies - start, NFTO_WATCH_PAUSE_MAX);
}

/*
 * Moves what is looked at once to where it is looked at again, and those who have it with it. Any
 * of them may end meanwhile, and be in no list then.
 */
static void nfto_watch_take(struct nfto_watch_group *group)
{
	struct nfto_watch *watch;
	LIST_HEAD(taken);

	spin_lock_irq(&nfto_watch_lock);
	list_splice_init(&group->unsettled, &taken);
	while ((watch = list_first_entry_or_null(&taken, struct nfto_watch, unsettled_node))) {
		nfto_watch_move(&watch->settled, &watch->unsettled);
		list_del_init(&watch->unsettled_node);
		list_add_tail(&watch->settled_node, &group->settling);
		/* one by one: interrupts are off */
		spin_unlock_irq(&nfto_watch_lock);
		spin_lock_irq(&nfto_watch_lock);
	}
	spin_unlock_irq(&nfto_watch_lock);
}

/* Whose turn is it to be looked at again? It is not freed until its turn is over. */
static struct nfto_watch *nfto_watch_turn(struct nfto_watch_group *group)
{
	struct nfto_watch *watch;

	spin_lock_irq(&nfto_watch_lock);
	watch = list_first_entry_or_null(&group->settling, struct nfto_watch, settled_node);
	if (watch)
		list_del_init(&watch->settled_node);
	group->now = watch;
	spin_unlock_irq(&nfto_watch_lock);
	return watch;
}

static void nfto_watch_look_again(struct nfto_watch *watch)
{
	struct nfto_watch_group *group = watch->group;

	nfto_flow_end_changed(watch->net, watch->settled.list, watch->settled.num);
	watch->settled.num = 0;
	spin_lock_irq(&nfto_watch_lock);
	group->now = NULL;	/* @watch may be freed from here on */
	spin_unlock_irq(&nfto_watch_lock);
	wake_up_all(&group->done);
}

/*
 * The flows that were on their way to us. Those that settled at once take turns, one in a run. It
 * comes until a run finds nothing: what is looked at once meanwhile may have found it queued.
 */
static void nfto_watch_settle_work(struct work_struct *work)
{
	struct nfto_watch_group *group = container_of(to_delayed_work(work),
						      struct nfto_watch_group, settle_dwork);
	unsigned long start = jiffies;
	struct nfto_watch *watch;

	watch = nfto_watch_turn(group);
	if (!watch) {
		if (nfto_watch_early(group, &group->settle_dwork, group->settle_next))
			return;
		group->settle_spent = 0;
		nfto_watch_take(group);
		if (list_empty(&group->settling))	/* only we add */
			return;
		nfto_watch_settle();
		watch = nfto_watch_turn(group);
	}
	if (watch)
		nfto_watch_look_again(watch);
	group->settle_spent += jiffies - start;
	group->settle_next = nfto_watch_pause(group->settle_spent, group->settle_most);
	queue_delayed_work(group->wq, &group->settle_dwork, 0);
}

static struct nfto_watch *nfto_watch_alloc(struct nfto_net *net)
{
	struct nfto_watch *watch = kvzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);

	if (!watch)
		return NULL;
	watch->net = net;
	watch->group = &nfto_watch_groups[nfto_net_is_users(net->net)];
	watch->next = jiffies;
	INIT_DELAYED_WORK(&watch->dwork, nfto_watch_look_work);
	INIT_LIST_HEAD(&watch->unsettled_node);
	INIT_LIST_HEAD(&watch->settled_node);
	return watch;
}

int nfto_watch_use(struct nfto_net *net)
{
	struct nfto_watch *watch;

	/* commit_mutex: nobody else does the same */
	if (!net->watch) {
		watch = nfto_watch_alloc(net);
		if (!watch)
			return -ENOMEM;
		spin_lock_irq(&nfto_watch_lock);
		net->watch = watch;
		spin_unlock_irq(&nfto_watch_lock);
	}
	atomic_inc(&net->used);
	return 0;
}

void nfto_watch_unuse(struct nfto_net *net)
{
	atomic_dec(&net->used);
}

static bool nfto_watch_is_over(const struct nfto_watch *watch)
{
	bool over;

	spin_lock_irq(&nfto_watch_lock);
	over = watch->group->now != watch;
	spin_unlock_irq(&nfto_watch_lock);
	return over;
}

/*
 * Of a namespace that ends. In this order, so that it comes back to no list: nothing is told, its
 * work item is cancelled, it is taken off the lists, its turn is over.
 */
static void nfto_watch_forget(struct nfto_net *net)
{
	struct nfto_watch *watch = net->watch;

	if (!watch)
		return;
	spin_lock_irq(&nfto_watch_lock);
	net->watch = NULL;	/* nothing is told any more */
	spin_unlock_irq(&nfto_watch_lock);
	cancel_delayed_work_sync(&watch->dwork);
	spin_lock_irq(&nfto_watch_lock);
	list_del_init(&watch->unsettled_node);
	list_del_init(&watch->settled_node);
	spin_unlock_irq(&nfto_watch_lock);
	wait_event(watch->group->done, nfto_watch_is_over(watch));
	kvfree(watch);
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
	/* before a walk that may be long: a VLAN device may be in a bridge that has more of them */
	if (!nfto_watch_used(nfto_net_of(dev_net(dev))))
		return;
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
		nfto_bind_device_gone(dev);
		nfto_policy_forget(dev);
		break;
	case NETDEV_REGISTER:
		/* its port is of the namespace it left: bound through a VLAN on its way */
		nfto_port_gone(dev);
		fallthrough;		/* it may have come back to what is on top of it */
	case NETDEV_UP:		/* there may be the memory now that was not then */
		nfto_bind_look_again(dev);
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

static int nfto_watch_begin_group(struct nfto_watch_group *group, struct workqueue_struct *wq,
				  unsigned long most)
{
	if (!wq)
		return -ENOMEM;
	group->wq = wq;
	INIT_LIST_HEAD(&group->unsettled);
	INIT_LIST_HEAD(&group->settling);
	init_waitqueue_head(&group->done);
	INIT_DELAYED_WORK(&group->settle_dwork, nfto_watch_settle_work);
	group->settle_next = jiffies;
	group->settle_most = most;
	return 0;
}

/* Nobody queues anything any more. */
static void nfto_watch_end_group(struct nfto_watch_group *group)
{
	cancel_delayed_work_sync(&group->settle_dwork);
	destroy_workqueue(group->wq);
}

static int nfto_watch_begin_groups(void)
{
	int err = nfto_watch_begin_group(&nfto_watch_groups[false],
					 alloc_workqueue("nft_offload_watch", WQ_UNBOUND, 0),
					 NFTO_WATCH_PAUSE_MAX);

	if (err)
		return err;
	err = nfto_watch_begin_group(&nfto_watch_groups[true],
				     alloc_ordered_workqueue("nft_offload_users", 0),
				     NFTO_USERS_PAUSE_MAX);
	if (err)
		nfto_watch_end_group(&nfto_watch_groups[false]);
	return err;
}

static void nfto_watch_end_groups(void)
{
	nfto_watch_end_group(&nfto_watch_groups[true]);
	nfto_watch_end_group(&nfto_watch_groups[false]);
}

int nfto_watch_init(void)
{
	int err;

	err = nfto_watch_begin_groups();
	if (err)
		return err;
	err = register_pernet_subsys(&nfto_watch_net_ops);
	if (err)
		goto err_end_groups;
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
err_end_groups:
	nfto_watch_end_groups();
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
	nfto_watch_end_groups();
}
