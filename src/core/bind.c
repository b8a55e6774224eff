// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/netfilter/nf_tables.h>
#include "../compat/flowtable.h"
#include "bind.h"
#include "bind_internal.h"
#include "flow.h"
#include "net.h"
#include "path.h"
#include "port.h"
#include "trace.h"
#include "watch.h"
#include <uapi/linux/nft_offload.h>

/*
 * Of a user's own network namespace, which root has given a NIC: more are refused, as without us.
 * There are walks over the flowtables of a namespace, and their devices, with a lock held that all
 * flows need.
 */
#define NFTO_TABLES_FOREIGN 64
#define NFTO_BINDS_FOREIGN 1024

/* How often the core is asked to delete flows: two will do, but for what it has under way. */
#define NFTO_END_TRIES 5

static DEFINE_HASHTABLE(nfto_tables, 8);	/* by the flowtable's address; nfto_lock */

const struct nfto_bind *nfto_bind_of(const struct nfto_table *table, int ifindex)
{
	const struct nfto_bind *bind;

	lockdep_assert_held(&nfto_lock);
	list_for_each_entry(bind, &table->binds, list)
		if (bind->ifindex == ifindex)
			return bind;
	return NULL;
}

enum nfto_reason nfto_bind_port(const struct nfto_table *table, int ifindex,
				struct nfto_port **port)
{
	const struct nfto_bind *bind = nfto_bind_of(table, ifindex);

	if (!bind)
		return NFTO_REASON_INGRESS;
	if (bind->backend == NFTO_NATIVE)
		return NFTO_REASON_NATIVE;
	if (bind->backend == NFTO_SOFTWARE)
		return bind->reason;
	*port = bind->port;
	return bind->port->gone ? NFTO_REASON_DEVICE_GONE : NFTO_REASON_NONE;
}

bool nfto_bind_closes(struct nfto_net *net, struct flow_offload *core, u8 dir)
{
	const struct nfto_table *table;
	bool closes;

	if (!READ_ONCE(net->num_closing))
		return false;
	rcu_read_lock();
	spin_lock_bh(&nfto_lock);
	table = nfto_bind_table_of(core, dir);
	closes = !table || table->closing;
	spin_unlock_bh(&nfto_lock);
	rcu_read_unlock();
	return closes;
}

struct nfto_table *nfto_bind_table_of(struct flow_offload *core, u8 dir)
{
	struct flow_offload_tuple_rhash *tuplehash = &core->tuplehash[dir];
	struct nfto_net *net = nfto_net_of(nf_ct_net(core->ct));
	struct nfto_table *table;

	lockdep_assert_held(&nfto_lock);
	list_for_each_entry(table, &net->tables, list)
		if (flow_offload_lookup(table->ft, &tuplehash->tuple) == tuplehash)
			return table;
	return NULL;
}

const struct nfto_table *nfto_bind_table_at(const struct net *net, unsigned int at)
{
	const struct nfto_table *table;

	lockdep_assert_held(&nfto_lock);
	list_for_each_entry(table, &nfto_net_of(net)->tables, list)
		if (!at--)
			return table;
	return NULL;
}

const struct nfto_table *nfto_bind_table_behind(const struct nfto_table *table)
{
	lockdep_assert_held(&nfto_lock);
	return list_is_last(&table->list, &table->net->tables) ? NULL :
	       list_next_entry(table, list);
}

u32 nfto_bind_seq(const struct net *net)
{
	lockdep_assert_held(&nfto_lock);
	return nfto_net_of(net)->seq;
}

/*
 * The answer is always an error: after a 0 the core would mark the flow as offloaded by itself,
 * at a time of its own. It throws the error away.
 */
static int nfto_bind_cb(enum tc_setup_type type, void *type_data, void *cb_priv)
{
	struct flow_cls_offload *cls = type_data;
	struct nfto_table *table = cb_priv;

	lockdep_assert_held(&table->ft->flow_block_lock);
	if (type != TC_SETUP_CLSFLOWER)
		return -EOPNOTSUPP;
	switch (cls->command) {
	case FLOW_CLS_REPLACE:
		nfto_flow_replace(table, cls);
		break;
	case FLOW_CLS_DESTROY:
		nfto_flow_destroy(cls);
		break;
	case FLOW_CLS_STATS:
		nfto_flow_stats(cls);
		break;
	default:
		break;
	}
	return -EOPNOTSUPP;
}

/*
 * How many users the flowtable's callbacks have. A driver that serves several devices by one
 * callback (mtk behind a DSA switch) adds a user to it, no callback.
 */
static unsigned int nfto_bind_weight(struct nf_flowtable *ft)
{
	const struct flow_block_cb *cb;
	unsigned int weight = 0;

	down_read(&ft->flow_block_lock);
	list_for_each_entry(cb, &ft->flow_block.cb_list, list)
		weight += 1 + cb->refcnt;
	up_read(&ft->flow_block_lock);
	return weight;
}

/* Do our rules do what the driver's own do not? They do not where none of them is added. */
static bool nfto_bind_over_native(struct net_device *dev)
{
	const struct nfto_driver *driver = NULL;
	struct net_device *lower;
	struct nfto_stack stack;

	if (nfto_net_is_users(dev_net(dev)) || nfto_path_lower(dev, &lower, &stack))
		return false;
	nfto_port_able(lower, &driver);
	return driver && driver->over_native;
}

/* Does the driver take flowtables by itself? If not, nothing of the attempt is left. */
static bool nfto_bind_native(struct nf_flowtable *ft, struct net_device *dev)
{
	unsigned int before = nfto_bind_weight(ft);
	int err;

	if (nfto_bind_over_native(dev))
		return false;
	err = nf_flow_table_offload_setup(ft, dev, FLOW_BLOCK_BIND);
	if (err >= 0 && nfto_bind_weight(ft) > before)
		return true;
	/*
	 * Of a failed bind of a device without ndo_setup_tc the core keeps a pointer to the
	 * flowtable, for drivers to come; a bind that bound nothing (netdevsim) is taken back too.
	 */
	if (err >= 0 || !dev->netdev_ops->ndo_setup_tc)
		nf_flow_table_offload_setup(ft, dev, FLOW_BLOCK_UNBIND);
	return false;
}

static void nfto_bind_unbridge(struct nfto_table *table, struct nfto_bind *bind)
{
	/* its flows may be gone before their entries, and with the last bind nobody tells us */
	nfto_flow_unbind(table, bind->ifindex);
	nfto_port_unbind(bind->port);
	bind->port = NULL;
}

/* Takes over a reference to @port, bound by the caller; NULL: it stays in software for @reason. */
static void nfto_bind_use_port(struct nfto_bind *bind, struct nfto_port *port,
			       const struct nfto_stack *stack, enum nfto_reason reason)
{
	lockdep_assert_held(&nfto_lock);
	bind->port = port;
	bind->stack = *stack;
	bind->reason = reason;
	bind->backend = port ? NFTO_BRIDGED : NFTO_SOFTWARE;
}

/*
 * Looks at policy once @bind is listed: who sets one from then on finds it, and may have it bridged
 * before us.
 */
static void nfto_bind_bridge(struct nfto_bind *bind, struct net_device *dev, const struct net *net)
{
	const struct nfto_driver *driver;
	struct nfto_port *port = NULL;
	struct nfto_stack stack = {};
	struct net_device *lower;
	enum nfto_reason reason;

	reason = nfto_path_lower(dev, &lower, &stack);
	if (!reason)
		reason = nfto_port_able(lower, &driver);
	if (!reason) {
		port = nfto_port_bind(lower, net, driver);
		reason = port ? NFTO_REASON_NONE : NFTO_REASON_NO_MEMORY;
	}
	spin_lock_bh(&nfto_lock);
	if (!bind->port) {
		nfto_bind_use_port(bind, port, &stack, reason);
		port = NULL;
	}
	spin_unlock_bh(&nfto_lock);
	if (port)
		nfto_port_unbind(port);
}

/*
 * Whether a bridged device really is in hardware, its port says once it is known. Who has a user
 * namespace of their own could fill the log.
 */
static void nfto_bind_say(const struct nfto_bind *bind, const struct net_device *dev)
{
	if (nfto_net_is_users(dev_net(dev)))
		return;
	if (bind->backend == NFTO_NATIVE)
		net_info_ratelimited("nft_offload: %s: native\n", dev->name);
	else if (bind->reason)
		net_info_ratelimited("nft_offload: %s: software: %s\n", dev->name,
				     nfto_reason_text(bind->reason));
}

static struct nfto_table *nfto_bind_find_table(const struct nf_flowtable *ft)
{
	struct nfto_table *table, *found = NULL;

	spin_lock_bh(&nfto_lock);
	/* not in its namespace's list: of a flowtable that ends late, it may be gone */
	hash_for_each_possible(nfto_tables, table, by_ft, (unsigned long)ft) {
		if (table->ft == ft) {
			found = table;
			break;
		}
	}
	spin_unlock_bh(&nfto_lock);
	/*
	 * Stays: only this flowtable's setup() and free() end it, which never run at once. Once
	 * the flowtable is in no list any more one work item calls them, without commit_mutex.
	 */
	return found;
}

static void nfto_table_free(struct kref *ref)
{
	struct nfto_table *table = container_of(ref, struct nfto_table, ref);

	kfree(table->name);
	kfree(table->flowtable);
	kfree(table);
}

void nfto_table_put(struct nfto_table *table)
{
	kref_put(&table->ref, nfto_table_free);
}

static struct nfto_table *nfto_bind_alloc_table(struct nf_flowtable *ft)
{
	/* our types are nf_tables' alone, whose flowtable is around the core's */
	const struct nft_flowtable *nft = container_of(ft, struct nft_flowtable, data);
	struct nfto_table *table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);

	if (!table)
		return NULL;
	kref_init(&table->ref);
	table->family = nft->table->family;
	table->handle = nft->handle;
	table->name = kstrdup(nft->table->name, GFP_KERNEL_ACCOUNT);
	table->flowtable = kstrdup(nft->name, GFP_KERNEL_ACCOUNT);
	if (!table->name || !table->flowtable) {
		nfto_table_put(table);
		return NULL;
	}
	table->ft = ft;
	table->net = nfto_net_of(read_pnet(&ft->net));
	INIT_LIST_HEAD(&table->list);
	INIT_LIST_HEAD(&table->binds);
	INIT_LIST_HEAD(&table->flows);
	return table;
}

static struct nfto_table *nfto_bind_new_table(struct nf_flowtable *ft)
{
	struct nfto_table *table = nfto_bind_alloc_table(ft);

	if (!table)
		return NULL;
	/* also if no device is bridged: software's flows and native drivers' become wrong too */
	if (nfto_watch_use(table->net))
		goto err_put;
	if (nf_flow_table_offload_add_cb(ft, nfto_bind_cb, table))
		goto err_unuse;
	spin_lock_bh(&nfto_lock);
	hash_add(nfto_tables, &table->by_ft, (unsigned long)ft);
	list_add_tail(&table->list, &table->net->tables);
	table->net->num_tables++;
	table->net->seq++;
	spin_unlock_bh(&nfto_lock);
	return table;

err_unuse:
	nfto_watch_unuse(table->net);
err_put:
	nfto_table_put(table);
	return NULL;
}

static void nfto_bind_end_table(struct nfto_table *table)
{
	if (table->num_binds)
		return;
	/* unlisted first, so that nothing is attached to it any more */
	spin_lock_bh(&nfto_lock);
	hash_del(&table->by_ft);
	list_del_init(&table->list);
	table->net->num_tables--;
	table->net->seq++;
	spin_unlock_bh(&nfto_lock);
	nfto_flow_drop_table(table);
	/* last: until no flow is attached, the core has to tell us of those that it frees */
	nf_flow_table_offload_del_cb(table->ft, nfto_bind_cb, table);
	nfto_watch_unuse(table->net);
	nfto_table_put(table);
}

static void nfto_bind_count_native(struct nfto_table *table, int num)
{
	lockdep_assert_held(&nfto_lock);
	table->num_native += num;
	table->net->num_native += num;
}

static void nfto_bind_set_closing(struct nfto_table *table, bool closing)
{
	spin_lock_bh(&nfto_lock);
	table->closing = closing;
	table->net->num_closing += closing ? 1 : -1;
	spin_unlock_bh(&nfto_lock);
}

/*
 * Waits for all that the core has under way of flows, and has it delete those that have ended. If
 * there may be flows that we do not know, those by @dev end too, in all flowtables.
 */
static void nfto_bind_flush_core(const struct nfto_table *table, struct net_device *dev)
{
	nf_flow_table_cleanup(READ_ONCE(table->blind) ? dev : init_net.loopback_dev);
}

/*
 * On most kernels DESTROY comes after the unbind, and finds no callback any more. So all flows end
 * before that the driver may have been given on account of @dev: those too that enter by devices
 * that are in no flowtable, which most kernels take, or that stay in this one without a driver of
 * that kind, by our hand or in software. The core deletes none of which something is under way, so
 * it is asked until it has told us of the end of all, but not for ever. The rules that add flows
 * may outlive the flowtable's devices: meanwhile nothing new is offered.
 */
static void nfto_bind_end_native(struct nfto_table *table, struct net_device *dev)
{
	int tries = NFTO_END_TRIES;
	u32 left;

	nfto_bind_set_closing(table, true);
	do {
		nfto_bind_flush_core(table, dev);
		left = nfto_flow_end_foreign(table);
	} while (left && --tries);
	if (left && !nfto_net_is_users(table->net->net))
		net_warn_ratelimited("nft_offload: %s: its driver may keep %u entries in hardware\n",
				     dev->name, left);
	nf_flow_table_offload_setup(table->ft, dev, FLOW_BLOCK_UNBIND);
	nfto_bind_set_closing(table, false);
}

/*
 * When a device goes down, the core deletes what goes by it, but not what it is about to add at
 * that moment: its garbage collection finds that up to a second later, and the device has gone by
 * then. Now that it is down, nothing more is added. veth and the like, to which no driver sends,
 * come and go in numbers. A namespace that has not come to us yet has no flowtables.
 */
void nfto_bind_device_gone(struct net_device *dev)
{
	struct nfto_net *net = nfto_net_of(dev_net(dev));
	int tries = NFTO_END_TRIES;
	u32 left;

	ASSERT_RTNL();
	if (!net || !READ_ONCE(net->num_native) || !dev->netdev_ops->ndo_setup_tc)
		return;
	do {
		nf_flow_table_cleanup(dev);
		left = nfto_flow_native_by(net, dev->ifindex);
	} while (left && --tries);
	if (left && !nfto_net_is_users(net->net))
		net_warn_ratelimited("nft_offload: %s: other drivers may keep %u entries of it\n",
				     dev->name, left);
}

/* @dev is NULL if it is gone: its driver's callback went with it. */
static void nfto_bind_del(struct nfto_table *table, struct nfto_bind *bind,
			  struct net_device *dev)
{
	trace_table_unbind(bind);
	/* first of all, so that no flow can come to the device any more */
	spin_lock_bh(&nfto_lock);
	list_del(&bind->list);
	table->net->num_binds--;
	if (bind->backend == NFTO_NATIVE)
		nfto_bind_count_native(table, -1);
	spin_unlock_bh(&nfto_lock);
	table->num_binds--;

	if (bind->backend == NFTO_NATIVE && dev)
		nfto_bind_end_native(table, dev);
	if (bind->port)
		nfto_bind_unbridge(table, bind);
	kfree(bind);
	nfto_bind_end_table(table);
}

/* The eldest. Without nfto_lock: setup() and free() alone change the list, see above. */
static struct nfto_bind *nfto_bind_find(struct nfto_table *table, const struct net_device *dev)
{
	struct nfto_bind *bind;

	list_for_each_entry(bind, &table->binds, list)
		if (bind->dev == dev)
			return bind;
	return NULL;
}

/* May the device be bound to the flowtable? @table: of it, if this is not the first. */
static bool nfto_bind_room(const struct nf_flowtable *ft, const struct nfto_table *table)
{
	const struct net *net = read_pnet(&ft->net);
	const struct nfto_net *mine = nfto_net_of(net);

	/* commit_mutex: nobody else adds one */
	return !nfto_net_is_users(net) ||
	       ((table || READ_ONCE(mine->num_tables) < NFTO_TABLES_FOREIGN) &&
		READ_ONCE(mine->num_binds) < NFTO_BINDS_FOREIGN);
}

static int nfto_bind_add(struct nf_flowtable *ft, struct net_device *dev)
{
	struct nfto_table *table = nfto_bind_find_table(ft);
	struct nfto_bind *bind;

	if (!nfto_bind_room(ft, table))
		return -EOPNOTSUPP;
	bind = kzalloc(sizeof(*bind), GFP_KERNEL_ACCOUNT);
	if (!bind)
		return -ENOMEM;
	if (!table)
		table = nfto_bind_new_table(ft);
	if (!table) {
		kfree(bind);
		return -ENOMEM;
	}
	bind->dev = dev;
	bind->ifindex = dev->ifindex;
	bind->reason = NFTO_REASON_BIND_PENDING;
	if (nfto_bind_native(ft, dev))
		bind->backend = NFTO_NATIVE;
	table->num_binds++;
	/*
	 * It may be there already: taken out and put back in one transaction, whose UNBIND, meant
	 * for the elder, is still to come.
	 */
	spin_lock_bh(&nfto_lock);
	list_add_tail(&bind->list, &table->binds);
	table->net->num_binds++;
	if (bind->backend == NFTO_NATIVE)
		nfto_bind_count_native(table, 1);
	spin_unlock_bh(&nfto_lock);
	if (bind->backend == NFTO_SOFTWARE)
		nfto_bind_bridge(bind, dev, table->net->net);
	nfto_bind_say(bind, dev);
	trace_table_bind(bind);

	if (nfto_strict && bind->backend == NFTO_SOFTWARE) {
		nfto_bind_del(table, bind, dev);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int nfto_bind_remove(struct nf_flowtable *ft, struct net_device *dev)
{
	struct nfto_table *table = nfto_bind_find_table(ft);
	struct nfto_bind *bind;

	if (!table)
		return -ENOENT;
	bind = nfto_bind_find(table, dev);
	if (!bind)
		return -ENOENT;
	nfto_bind_del(table, bind, dev);
	return 0;
}

/*
 * The last that we hear of a flowtable. RHEL before 10 sends no UNBIND for the devices of a
 * namespace that ends, RHEL 9 none for one that is taken out of a flowtable, and all the others
 * only after this. So what is left ends here, while the flowtable can still be looked into.
 */
void nfto_bind_free(struct nf_flowtable *ft)
{
	struct nfto_table *table = nfto_bind_find_table(ft);
	struct nfto_bind *bind, *next;
	struct net_device *dev;

	if (table) {
		table->num_binds++;	/* keeps it */
		list_for_each_entry_safe(bind, next, &table->binds, list) {
			dev = dev_get_by_index(read_pnet(&ft->net), bind->ifindex);
			nfto_bind_del(table, bind, dev == bind->dev ? dev : NULL);
			if (dev)
				dev_put(dev);
		}
		table->num_binds--;
		nfto_bind_end_table(table);
	}
	nf_flow_table_free(ft);
}

int nfto_bind_setup(struct nf_flowtable *ft, struct net_device *dev, enum flow_block_command cmd)
{
	if (!nf_flowtable_hw_offload(ft))
		return nf_flow_table_offload_setup(ft, dev, cmd);
	return cmd == FLOW_BLOCK_BIND ? nfto_bind_add(ft, dev) : nfto_bind_remove(ft, dev);
}

/* RHEL before 10 does not tell of all devices that go. RTNL is held, so that it stays so. */
static bool nfto_bind_lives(const struct nfto_table *table, const struct nfto_bind *bind)
{
	return __dev_get_by_index(read_pnet(&table->ft->net), bind->ifindex) == bind->dev;
}

/*
 * Is it bridged by a port whose device was unregistered, or left the namespace? Or else, if @dev
 * can be used now, in software?
 */
static bool nfto_bind_lacks_port(const struct nfto_bind *bind, enum nfto_reason reason)
{
	return bind->port ? bind->port->gone : !reason && bind->backend == NFTO_SOFTWARE;
}

/*
 * A bind of @dev, or of a device on top of it, that could be bridged now, or that has to be told
 * @reason for which it cannot. nfto_lock is held.
 */
static struct nfto_bind *nfto_bind_find_unbridged(const struct net_device *dev,
						  enum nfto_reason reason,
						  struct nfto_stack *stack)
{
	/* a device that is looked for is below one of its own namespace */
	struct nfto_net *net = nfto_net_of(dev_net(dev));
	struct net_device *lower;
	struct nfto_table *table;
	struct nfto_bind *bind;

	lockdep_assert_held(&nfto_lock);
	list_for_each_entry(table, &net->tables, list)
		list_for_each_entry(bind, &table->binds, list)
			if (nfto_bind_lacks_port(bind, reason) && nfto_bind_lives(table, bind) &&
			    !nfto_path_lower(bind->dev, &lower, stack) && lower == dev)
				return bind;
	return NULL;
}

static bool nfto_bind_any_unbridged(const struct net_device *dev, enum nfto_reason reason)
{
	struct nfto_stack stack;
	bool any;

	spin_lock_bh(&nfto_lock);
	any = nfto_bind_find_unbridged(dev, reason, &stack);
	spin_unlock_bh(&nfto_lock);
	return any;
}

/* One bind; false: there is none any more. Without memory @dev cannot be used, *@reason says. */
static bool nfto_bind_bridge_late(struct net_device *dev, const struct nfto_driver *driver,
				  enum nfto_reason *reason)
{
	struct nfto_port *port = *reason ? NULL : nfto_port_bind(dev, dev_net(dev), driver),
			 *unused;
	struct nfto_stack stack;
	struct nfto_bind *bind;

	if (!*reason && !port)
		*reason = NFTO_REASON_NO_MEMORY;
	spin_lock_bh(&nfto_lock);
	bind = nfto_bind_find_unbridged(dev, *reason, &stack);
	unused = bind ? bind->port : port;
	if (bind)
		nfto_bind_use_port(bind, port, &stack, *reason);
	spin_unlock_bh(&nfto_lock);
	if (unused)
		nfto_port_unbind(unused);
	return bind;
}

void nfto_bind_look_again(struct net_device *dev)
{
	const struct nfto_driver *driver = NULL;
	enum nfto_reason reason;

	ASSERT_RTNL();
	/* a namespace that has not come to us yet has no flowtables */
	if (!nfto_net_of(dev_net(dev)))
		return;
	reason = nfto_port_able(dev, &driver);
	while (nfto_bind_any_unbridged(dev, reason) &&
	       nfto_bind_bridge_late(dev, driver, &reason))
		;
}

/* A bridged device is in hardware only once the driver's block is bound. */
u32 nfto_bind_backend_of(const struct nfto_bind *bind, enum nfto_reason *reason)
{
	lockdep_assert_held(&nfto_lock);
	if (bind->backend == NFTO_NATIVE)
		return NFTO_BACKEND_NATIVE;
	*reason = bind->port ? bind->port->reason : bind->reason;
	return *reason ? NFTO_BACKEND_SOFTWARE : NFTO_BACKEND_BRIDGED;
}

/* In several flowtables it may be several things: the most that it is in one of them. */
u32 nfto_bind_backend(const struct net_device *dev, enum nfto_reason *reason)
{
	enum nfto_reason why = NFTO_REASON_NONE;
	u32 backend, most = NFTO_BACKEND_NONE;
	const struct nfto_table *table;
	const struct nfto_bind *bind;

	*reason = NFTO_REASON_NONE;
	spin_lock_bh(&nfto_lock);
	list_for_each_entry(table, &nfto_net_of(dev_net(dev))->tables, list) {
		list_for_each_entry(bind, &table->binds, list) {
			if (bind->dev != dev)
				continue;
			backend = nfto_bind_backend_of(bind, &why);
			if (backend <= most)
				continue;
			most = backend;
			*reason = why;
		}
	}
	spin_unlock_bh(&nfto_lock);
	return most;
}

void nfto_bind_check_end(void)
{
	WARN_ON(!hash_empty(nfto_tables));
}
