// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/slab.h>
#include <net/fib_notifier.h>
#include <net/fib_rules.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "../compat/nexthop.h"
#include "watch.h"

struct nfto_route_net {
	struct net *net;
	struct notifier_block fib_nb;
	struct notifier_block nexthop_nb;
	bool ready;	/* what was there already is told before */
	atomic_t used;	/* flowtables of ours */
};

static unsigned int nfto_route_net_id __read_mostly;

static void nfto_route_entry4(struct nfto_change *change, const struct fib_notifier_info *info)
{
	const struct fib_entry_notifier_info *entry =
		container_of(info, struct fib_entry_notifier_info, info);

	change->addr[0] = htonl(entry->dst);
	change->len = entry->dst_len;
}

static void nfto_route_entry6(struct nfto_change *change, const struct fib_notifier_info *info)
{
	const struct fib6_entry_notifier_info *entry =
		container_of(info, struct fib6_entry_notifier_info, info);

	memcpy(change->addr, &entry->rt->fib6_dst.addr, sizeof(change->addr));
	change->len = entry->rt->fib6_dst.plen;
}

/* Of which prefixes is not told. */
static bool nfto_route_revives(const struct fib_notifier_info *info)
{
	return nfto_nexthop_revives(container_of(info, struct fib_nh_notifier_info, info)->fib_nh);
}

/*
 * Which table a route is in, and which rule leads to it, is not looked at: a flow ends if the route
 * could be its own. Atomic context, often a softirq.
 */
static int nfto_route_fib(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct nfto_route_net *route = container_of(nb, struct nfto_route_net, fib_nb);
	const struct fib_notifier_info *info = ptr;
	struct nfto_change change;

	if (!READ_ONCE(route->ready) || (info->family != AF_INET && info->family != AF_INET6))
		return NOTIFY_DONE;
	memset(&change, 0, sizeof(change));
	change.kind = NFTO_CHANGE_PREFIX;
	change.net = route->net;
	change.reason = NFTO_REASON_STALE_ROUTE;
	change.family = info->family;
	switch (event) {
	case FIB_EVENT_ENTRY_REPLACE:
	case FIB_EVENT_ENTRY_APPEND:
	case FIB_EVENT_ENTRY_ADD:
	case FIB_EVENT_ENTRY_DEL:
		if (info->family == AF_INET)
			nfto_route_entry4(&change, info);
		else
			nfto_route_entry6(&change, info);
		break;
	case FIB_EVENT_NH_ADD:
		if (!nfto_route_revives(info))
			return NOTIFY_DONE;
		break;			/* any address: 0/0 */
	case FIB_EVENT_RULE_ADD:
	case FIB_EVENT_RULE_DEL:
		break;
	default:			/* NH_DEL: its device's own event tells whose flows end */
		return NOTIFY_DONE;
	}
	nfto_watch_tell(&change);
	return NOTIFY_DONE;
}

/* Which routes use the object is not told. RTNL is held. */
static int nfto_route_object(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct nfto_route_net *route = container_of(nb, struct nfto_route_net, nexthop_nb);
	struct nfto_change change;

	if (!READ_ONCE(route->ready) || !nfto_nexthop_changes(event))
		return NOTIFY_DONE;
	memset(&change, 0, sizeof(change));
	change.kind = NFTO_CHANGE_ALL;
	change.net = route->net;
	change.reason = NFTO_REASON_STALE_ROUTE;
	nfto_watch_tell(&change);
	return NOTIFY_DONE;
}

static struct pernet_operations nfto_route_net_ops = {
	.id = &nfto_route_net_id,
	.size = sizeof(struct nfto_route_net),
};

int nfto_watch_route_net_init(struct net *net)
{
	struct nfto_route_net *route = net_generic(net, nfto_route_net_id);
	unsigned int tries = 50;
	int err;

	route->net = net;
	route->fib_nb.notifier_call = nfto_route_fib;
	route->nexthop_nb.notifier_call = nfto_route_object;
	/* it tells all routes that there are, and gives up if they change meanwhile */
	while ((err = register_fib_notifier(net, &route->fib_nb, NULL, NULL)) == -EBUSY && --tries)
		msleep(20);
	if (err == -EBUSY)
		pr_err("nft_offload: routes change too often to begin watching them: try again\n");
	if (err)
		return err;
	err = nfto_nexthop_watch(net, &route->nexthop_nb);
	if (err)
		unregister_fib_notifier(net, &route->fib_nb);
	else
		WRITE_ONCE(route->ready, true);
	return err;
}

void nfto_watch_route_net_exit(struct net *net)
{
	struct nfto_route_net *route = net_generic(net, nfto_route_net_id);

	nfto_nexthop_unwatch(net, &route->nexthop_nb);
	unregister_fib_notifier(net, &route->fib_nb);
}

void nfto_watch_use(struct net *net)
{
	struct nfto_route_net *route = net_generic(net, nfto_route_net_id);

	atomic_inc(&route->used);
}

void nfto_watch_unuse(struct net *net)
{
	struct nfto_route_net *route = net_generic(net, nfto_route_net_id);

	atomic_dec(&route->used);
}

bool nfto_watch_used(const struct net *net)
{
	const struct nfto_route_net *route = net_generic(net, nfto_route_net_id);

	return atomic_read(&route->used);
}

/* Only the memory, which must be there before, and stay until after, the notifiers. */
int nfto_watch_route_init(void)
{
	return register_pernet_subsys(&nfto_route_net_ops);
}

void nfto_watch_route_exit(void)
{
	unregister_pernet_subsys(&nfto_route_net_ops);
}
