// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/pkt_cls.h>
#include <net/rtnetlink.h>
#include <net/sch_generic.h>
#include "../compat/netdev.h"
#include "event.h"
#include "flow.h"
#include "net.h"
#include "policy.h"
#include "port.h"
#include "probe.h"
#include "program.h"
#include "trace.h"

/* A bind is cheap and has no other event to wait for when a qdisc leaves the driver's block. */
#define NFTO_BIND_BACKOFF_MAX (8 * HZ)

static LIST_HEAD(nfto_ports);	/* nfto_lock */
static struct workqueue_struct *nfto_wq;

const struct nfto_driver *nfto_port_driver(const struct net_device *dev,
					   const struct nfto_device_policy *policy)
{
	const struct device *parent = dev->dev.parent;

	if (policy->driver)
		return policy->driver;
	return nfto_driver_find(dev->rtnl_link_ops ? dev->rtnl_link_ops->kind : NULL,
				parent && parent->driver ? parent->driver->name : NULL);
}

enum nfto_reason nfto_port_able(struct net_device *dev, const struct nfto_driver **driver)
{
	struct nfto_device_policy policy;

	if (!dev->netdev_ops->ndo_setup_tc)
		return NFTO_REASON_NO_TC;
	nfto_policy_get(dev, &policy);
	*driver = nfto_port_driver(dev, &policy);
	if (policy.offload == NFTO_OFFLOAD_OFF)
		return NFTO_REASON_POLICY;
	if (!*driver)
		return NFTO_REASON_UNKNOWN_DRIVER;
	if (nfto_net_is_users(dev_net(dev)))
		return NFTO_REASON_USER_NAMESPACE;
	return NFTO_REASON_NONE;
}

static void nfto_port_free(struct kref *ref)
{
	struct nfto_port *port = container_of(ref, struct nfto_port, ref);

	WARN_ON(!list_empty(&port->flows));
	rhashtable_destroy(&port->owners);
	kfree(port->offer.rule);
	kfree(port);
}

void nfto_port_put(struct nfto_port *port)
{
	kref_put(&port->ref, nfto_port_free);
}

static struct nfto_port *nfto_port_find(const struct net_device *dev)
{
	struct nfto_port *port;

	lockdep_assert_held(&nfto_lock);
	list_for_each_entry(port, &nfto_ports, list)
		if (port->dev == dev)
			return port;
	return NULL;
}

static struct nfto_port *nfto_port_alloc(struct net_device *dev, const struct net *net,
					 const struct nfto_driver *driver)
{
	struct nfto_port *port = kzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return NULL;
	port->offer.rule = flow_rule_alloc(NFTO_ACTIONS_MAX);
	if (!port->offer.rule)
		goto err_free_port;
	if (nfto_flow_init_owners(&port->owners))
		goto err_free_rule;
	kref_init(&port->ref);
	port->dev = dev;
	port->driver = driver;
	port->offer.in = dev;
	port->net = net;
	INIT_DELAYED_WORK(&port->work, nfto_program_work);
	INIT_LIST_HEAD(&port->list);
	INIT_LIST_HEAD(&port->flows);
	INIT_LIST_HEAD(&port->queue);
	INIT_LIST_HEAD(&port->removals);
	INIT_LIST_HEAD(&port->retry);
	port->reason = NFTO_REASON_BIND_PENDING;
	mutex_init(&port->mutex);
	flow_block_init(&port->block);
	port->bind_next = jiffies;
	port->retry_next = jiffies;
	port->poll_next = jiffies;
	return port;

err_free_rule:
	kfree(port->offer.rule);
err_free_port:
	kfree(port);
	return NULL;
}

struct nfto_port *nfto_port_bind(struct net_device *dev, const struct net *net,
				 const struct nfto_driver *driver)
{
	struct nfto_port *port, *fresh = nfto_port_alloc(dev, net, driver);

	if (!fresh)
		return NULL;
	spin_lock_bh(&nfto_lock);
	port = nfto_port_find(dev);
	if (!port) {
		port = fresh;
		fresh = NULL;
		dev_hold(dev);
		list_add_tail(&port->list, &nfto_ports);
	}
	port->binds++;
	kref_get(&port->ref);
	nfto_port_kick(port, 0);
	spin_unlock_bh(&nfto_lock);
	if (fresh)
		nfto_port_put(fresh);
	return port;
}

void nfto_port_unbind(struct nfto_port *port)
{
	spin_lock_bh(&nfto_lock);
	port->binds--;
	if (!port->gone)
		nfto_port_kick(port, 0);
	spin_unlock_bh(&nfto_lock);
	nfto_port_put(port);
}

void nfto_port_kick(struct nfto_port *port, unsigned long delay)
{
	bool new;

	kref_get(&port->ref);
	if (delay)	/* never later than it would run already */
		new = queue_delayed_work(nfto_wq, &port->work, delay);
	else
		new = !mod_delayed_work(nfto_wq, &port->work, 0);
	if (!new)	/* the pending one has its reference; the caller's keeps us alive */
		nfto_port_put(port);
}

enum nfto_reason nfto_port_reaches(const struct nfto_port *port, const struct net_device *out)
{
	const struct nfto_port *to = nfto_port_find(out);

	if (!to)
		return NFTO_REASON_EGRESS;
	if (!port->identified || !to->identified)
		return NFTO_REASON_BIND_PENDING;
	if (port->driver->asic == NFTO_ASIC_DRIVER)
		return nfto_driver_same(port->driver, to->driver) ? NFTO_REASON_NONE :
								    NFTO_REASON_OTHER_ASIC;
	if (!port->asic.id_len || port->asic.id_len != to->asic.id_len ||
	    memcmp(port->asic.id, to->asic.id, port->asic.id_len))
		return NFTO_REASON_OTHER_ASIC;
	return NFTO_REASON_NONE;
}

struct net_device *nfto_port_peer(const struct nfto_port *port)
{
	struct net_device *dev = NULL;
	const struct nfto_port *peer;

	ASSERT_RTNL();
	spin_lock_bh(&nfto_lock);
	list_for_each_entry(peer, &nfto_ports, list) {
		if (peer != port && peer->net == port->net &&
		    nfto_port_reaches(port, peer->dev) == NFTO_REASON_NONE) {
			dev = peer->dev;
			break;
		}
	}
	spin_unlock_bh(&nfto_lock);
	return dev;
}

static enum nfto_reason nfto_port_identify(struct nfto_port *port)
{
	struct netdev_phys_item_id asic = {};
	int err = nfto_netdev_asic(port->dev, &asic);

	if (err && err != -EOPNOTSUPP)
		return NFTO_REASON_BIND_PENDING;
	if (err)
		asic.id_len = 0;
	spin_lock_bh(&nfto_lock);
	port->asic = asic;
	port->identified = true;
	spin_unlock_bh(&nfto_lock);
	return NFTO_REASON_NONE;
}

static int nfto_port_block(struct nfto_port *port, enum flow_block_command command,
			   struct netlink_ext_ack *extack)
{
	struct flow_block_offload bo = {
		.command = command,
		.binder_type = FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS,
		.net = dev_net(port->dev),
		.block = &port->block,
		.cb_list_head = &port->block.cb_list,
		.extack = extack,
	};
	struct flow_block_cb *cb, *next;
	int err;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	INIT_LIST_HEAD(&bo.cb_list);
	err = port->dev->netdev_ops->ndo_setup_tc(port->dev, TC_SETUP_BLOCK, &bo);
	if (command == FLOW_BLOCK_BIND) {
		if (!err)
			list_splice(&bo.cb_list, &port->block.cb_list);
		port->unlocked = bo.unlocked_driver_cb;
		return err;
	}
	list_for_each_entry_safe(cb, next, &bo.cb_list, list) {
		list_del(&cb->list);
		flow_block_cb_free(cb);
	}
	return err;
}

/* The qdisc in whose hands the driver's block is, for the log; RTNL is held. */
static const char *nfto_port_block_owner(const struct net_device *dev)
{
	const struct netdev_queue *queue = rtnl_dereference(dev->ingress_queue);
	const struct Qdisc *qdisc = queue ? rtnl_dereference(queue->qdisc_sleeping) : NULL;

	return qdisc ? qdisc->ops->id : "unknown";
}

/* @detail: more words, or NULL. Says it in the log if it is news. */
static void nfto_port_set_reason(struct nfto_port *port, enum nfto_reason reason,
				 const char *detail, int err)
{
	bool news;

	spin_lock_bh(&nfto_lock);
	news = port->reason != reason;
	port->reason = reason;
	spin_unlock_bh(&nfto_lock);
	trace_port_bind(port, err);
	if (!news)
		return;
	nfto_event_device(reason ? NFTO_EVENT_UNBOUND : NFTO_EVENT_BOUND, port->dev, reason);
	if (!reason)
		net_info_ratelimited("nft_offload: %s: bridged (%s); its driver takes no clsact or ingress qdisc meanwhile\n",
				     port->dev->name, port->driver->name);
	else if (err)
		net_info_ratelimited("nft_offload: %s: software: %s: errno %d%s%s\n",
				     port->dev->name, nfto_reason_text(reason), -err,
				     detail ? ": " : "", detail ? detail : "");
	else
		net_info_ratelimited("nft_offload: %s: software: %s\n", port->dev->name,
				     nfto_reason_text(reason));
}

static bool nfto_port_may_bind(struct nfto_port *port)
{
	bool may;

	spin_lock_bh(&nfto_lock);
	may = port->binds && !port->gone;
	spin_unlock_bh(&nfto_lock);
	return may && !port->bound && !time_before(jiffies, port->bind_next) &&
	       port->dev->reg_state == NETREG_REGISTERED;
}

/* What keeps the driver from being used, or used on, at all? RTNL is held. */
static enum nfto_reason nfto_port_obstacle(const struct nfto_port *port)
{
	const struct nfto_driver *driver;
	enum nfto_reason reason;

	if (dev_net(port->dev) != port->net)	/* it moved as it was bound through a VLAN */
		return NFTO_REASON_LOWER_NAMESPACE;
	reason = nfto_port_able(port->dev, &driver);
	if (reason)
		return reason;
	if (port->bound && !nfto_driver_same(port->driver, driver))
		return NFTO_REASON_BIND_PENDING;	/* anew, as the one that it is said to be */
	return tc_can_offload(port->dev) ? NFTO_REASON_NONE : NFTO_REASON_HW_TC_OFF;
}

/* Which entry of the driver's family it is, as of now. */
static enum nfto_reason nfto_port_choose(struct nfto_port *port)
{
	const struct nfto_driver *driver;
	enum nfto_reason reason;

	lockdep_assert_held(&port->mutex);
	reason = nfto_port_able(port->dev, &driver);
	if (reason)
		return reason;
	driver = nfto_driver_choose(driver, port->asic.id_len);
	if (!driver)
		return NFTO_REASON_SWITCHDEV;
	memset(port->rungs, 0, sizeof(port->rungs));
	spin_lock_bh(&nfto_lock);	/* others that send to it look at it */
	port->driver = driver;
	spin_unlock_bh(&nfto_lock);
	return NFTO_REASON_NONE;
}

void nfto_port_try_bind(struct nfto_port *port)
{
	struct netlink_ext_ack extack = {};
	enum nfto_reason reason;
	const char *detail = NULL;
	int err = 0;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	if (!nfto_port_may_bind(port))
		return;
	reason = nfto_port_identify(port);
	if (!reason)
		reason = nfto_port_choose(port);
	if (!reason)
		reason = nfto_port_obstacle(port);
	if (!reason) {
		err = nfto_port_block(port, FLOW_BLOCK_BIND, &extack);
		detail = extack._msg;
		if (err == -EBUSY) {
			reason = NFTO_REASON_BLOCK_BUSY;
			detail = nfto_port_block_owner(port->dev);
		} else if (err) {
			reason = NFTO_REASON_BIND;
		} else if (!list_is_singular(&port->block.cb_list)) {
			/* netdevsim's kind of yes: nobody is there to take a rule */
			nfto_port_block(port, FLOW_BLOCK_UNBIND, NULL);
			reason = NFTO_REASON_BIND;
		}
	}
	port->bound = !reason;
	if (reason) {
		port->bind_next = jiffies + min_t(unsigned long, HZ << min(port->bind_tries, 8U),
						  NFTO_BIND_BACKOFF_MAX);
		port->bind_tries++;
	} else {
		port->bind_tries = 0;
	}
	nfto_port_set_reason(port, reason, detail, err);
}

static void nfto_port_release(struct nfto_port *port)
{
	int err;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	err = nfto_port_block(port, FLOW_BLOCK_UNBIND, NULL);
	trace_port_unbind(port, err);
	if (err)
		net_warn_ratelimited("nft_offload: %s: unbind failed: %d\n", port->dev->name, err);
	port->bound = false;
	if (!list_empty(&port->block.cb_list))	/* the driver may call into it yet: leak */
		kref_get(&port->ref);
}

/* Flows that come from now on know better. Their counters are to be polled anew behind this. */
static void nfto_port_leave(struct nfto_port *port, enum nfto_reason reason)
{
	lockdep_assert_held(&port->mutex);
	port->leaving = reason;
	port->poll_round++;
}

void nfto_port_go_on_leaving(struct nfto_port *port, unsigned long deadline)
{
	lockdep_assert_held(&port->mutex);
	if (port->leaving && nfto_flow_leave(port, port->leaving, deadline))
		nfto_port_leave(port, NFTO_REASON_NONE);
}

/*
 * A port that is bound, but may not be used any more, gives its flows back to software; its block,
 * in try_release(), once the last entry is out of hardware.
 */
void nfto_port_recheck(struct nfto_port *port)
{
	enum nfto_reason reason;
	bool changed, judge;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	changed = port->changed;
	judge = port->judge;
	port->changed = false;
	port->judge = false;
	spin_unlock_bh(&nfto_lock);
	if (!port->bound || !changed)	/* a policy that was set is a change too */
		return;
	reason = nfto_port_obstacle(port);
	if (reason != port->reason) {
		nfto_port_set_reason(port, reason, NULL, 0);
		if (reason)
			nfto_port_leave(port, reason);
	} else if (judge) {	/* what is in hardware may not be any more */
		memset(port->rungs, 0, sizeof(port->rungs));
		nfto_port_leave(port, NFTO_REASON_POLICY);
	}
}

void nfto_port_try_release(struct nfto_port *port)
{
	bool empty;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	empty = list_empty(&port->flows);
	spin_unlock_bh(&nfto_lock);
	if (!port->bound || !port->reason || !empty || port->probe_num)
		return;
	nfto_port_release(port);
	port->bind_next = jiffies;
}

/* The port is gone, because of @reason; who still sees it is told so. */
static void nfto_port_tell_end(struct nfto_port *port, enum nfto_reason reason)
{
	bool news = port->bound && !port->reason;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	port->reason = reason;
	spin_unlock_bh(&nfto_lock);
	if (news)
		nfto_event_device(NFTO_EVENT_UNBOUND, port->dev, reason);
}

/* Everything of ours leaves the driver and the device. The port is unlinked and gone already. */
static void nfto_port_wind_up(struct nfto_port *port)
{
	if (port->bound)
		nfto_port_release(port);
	/* A worker that waits to run has nothing to do any more; one that waits for our locks
	 * will see that the port is gone.
	 */
	if (cancel_delayed_work(&port->work))
		nfto_port_put(port);
	dev_put(port->dev);
	port->dev = NULL;
}

bool nfto_port_try_end(struct nfto_port *port)
{
	bool end;

	spin_lock_bh(&nfto_lock);
	end = !port->gone && !port->binds && list_empty(&port->flows);
	if (end) {
		port->gone = true;
		list_del_init(&port->list);
	}
	spin_unlock_bh(&nfto_lock);
	if (!end)
		return false;
	nfto_port_tell_end(port, NFTO_REASON_UNBOUND);
	nfto_port_wind_up(port);
	nfto_port_put(port);
	return true;
}

/* There is no later try for what is left in hardware when its device goes. */
static int nfto_port_delete_now(struct nfto_port *port, struct nfto_flow *flow,
				struct netlink_ext_ack *extack)
{
	unsigned int tries = 3;
	int err;

	do {
		err = nfto_program_delete(port, flow, extack);
	} while (err && --tries);
	return err;
}

/* Takes entries out of hardware inline; those that leave by @out, or all (NULL). */
static unsigned int nfto_port_clear(struct nfto_port *port, const struct net_device *out)
{
	struct netlink_ext_ack extack;
	struct nfto_flow *flow, *next;
	unsigned int num = 0;
	LIST_HEAD(flows);
	int err;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	if (!out || out == port->probe_out)
		nfto_probe_clear(port);
	nfto_flow_take_gone(port, out, &flows);
	list_for_each_entry_safe(flow, next, &flows, queue_node) {
		memset(&extack, 0, sizeof(extack));
		err = flow->installed ? nfto_port_delete_now(port, flow, &extack) : 0;
		if (err)
			nfto_port_kept(port, "an entry", err, extack._msg);
		if (err && out)		/* the port lives on, and so does the entry */
			nfto_flow_deleted(flow, err, extack._msg);
		else
			nfto_flow_forget(flow);
		num++;
	}
	return num;
}

static void nfto_port_gone_ingress(struct nfto_port *port)
{
	unsigned long start = jiffies;
	unsigned int num;
	bool end;

	mutex_lock(&port->mutex);
	port->rtnl = true;
	spin_lock_bh(&nfto_lock);
	end = !port->gone;
	if (end) {	/* from here on nobody queues anything */
		port->gone = true;
		list_del_init(&port->list);
	}
	spin_unlock_bh(&nfto_lock);
	if (end) {
		nfto_port_tell_end(port, NFTO_REASON_DEVICE_GONE);
		num = nfto_port_clear(port, NULL);
		if (num)
			net_info_ratelimited("nft_offload: %s: unregistered: %u flows left it in %u ms\n",
					     port->dev->name, num,
					     jiffies_to_msecs(jiffies - start));
		nfto_port_wind_up(port);
	}
	port->rtnl = false;
	mutex_unlock(&port->mutex);
	if (end)
		nfto_port_put(port);
}

/* The port after @prev (whose reference is dropped), referenced, or NULL. */
static struct nfto_port *nfto_port_next(struct nfto_port *prev)
{
	struct nfto_port *port = NULL, *found;

	spin_lock_bh(&nfto_lock);
	if (!prev) {
		found = list_first_entry_or_null(&nfto_ports, struct nfto_port, list);
	} else if (list_empty(&prev->list)) {	/* it ended meanwhile: its peers start again */
		found = list_first_entry_or_null(&nfto_ports, struct nfto_port, list);
	} else {
		found = list_is_last(&prev->list, &nfto_ports) ? NULL : list_next_entry(prev, list);
	}
	if (found) {
		kref_get(&found->ref);
		port = found;
	}
	spin_unlock_bh(&nfto_lock);
	if (prev)
		nfto_port_put(prev);
	return port;
}

void nfto_port_gone(struct net_device *dev)
{
	struct nfto_port *port;

	/*
	 * Most that come and go (veth of containers) can neither be a port nor sent to by one. The
	 * driver tells nothing: it may have been vouched for at a time.
	 */
	if (!dev->netdev_ops->ndo_setup_tc)
		return;

	ASSERT_RTNL();
	spin_lock_bh(&nfto_lock);
	port = nfto_port_find(dev);
	if (port)
		kref_get(&port->ref);
	spin_unlock_bh(&nfto_lock);
	if (port) {
		nfto_port_gone_ingress(port);
		nfto_port_put(port);
	}
	for (port = nfto_port_next(NULL); port; port = nfto_port_next(port)) {
		mutex_lock(&port->mutex);
		port->rtnl = true;
		if (!port->gone)
			nfto_port_clear(port, dev);
		port->rtnl = false;
		mutex_unlock(&port->mutex);
	}
}

bool nfto_port_get_info(const struct net_device *dev, struct nfto_port_info *info)
{
	const struct nfto_port *port;

	spin_lock_bh(&nfto_lock);
	port = nfto_port_find(dev);
	if (port) {
		info->asic = port->asic;
		info->hazards = nfto_port_hazards(port);
		info->entries = port->entries;
		info->added = port->added;
		info->deleted = port->deleted;
		info->failed = port->failed;
	}
	spin_unlock_bh(&nfto_lock);
	return port;
}

static void nfto_port_look_again(const struct net_device *dev, bool judge)
{
	struct nfto_port *port;

	spin_lock_bh(&nfto_lock);
	port = nfto_port_find(dev);
	if (port) {
		WRITE_ONCE(port->bind_next, jiffies);
		WRITE_ONCE(port->changed, true);
		port->judge |= judge;
		port->epoch++;
		nfto_port_kick(port, 0);
	}
	spin_unlock_bh(&nfto_lock);
}

void nfto_port_changed(const struct net_device *dev)
{
	nfto_port_look_again(dev, false);
}

void nfto_port_policy_changed(const struct net_device *dev)
{
	ASSERT_RTNL();
	nfto_port_look_again(dev, true);
}

void nfto_port_flush(const struct net *net)
{
	struct nfto_port *port;

	for (port = nfto_port_next(NULL); port; port = nfto_port_next(port)) {
		if (port->net != net)
			continue;
		nfto_port_kick(port, 0);
		flush_delayed_work(&port->work);
	}
}

int nfto_port_init(void)
{
	nfto_wq = alloc_workqueue("nft_offload", WQ_UNBOUND, 0);
	return nfto_wq ? 0 : -ENOMEM;
}

void nfto_port_exit(void)
{
	destroy_workqueue(nfto_wq);
	WARN_ON(!list_empty(&nfto_ports));
}
