// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <net/fib_notifier.h>
#include <net/fib_rules.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>
#include "../compat/nexthop.h"
#include "net.h"
#include "watch.h"

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
	struct nfto_net *net = container_of(nb, struct nfto_net, fib_nb);
	const struct fib_notifier_info *info = ptr;
	struct nfto_change change;

	if (!READ_ONCE(net->ready) || (info->family != AF_INET && info->family != AF_INET6))
		return NOTIFY_DONE;
	memset(&change, 0, sizeof(change));
	change.kind = NFTO_CHANGE_PREFIX;
	change.net = net->net;
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
	struct nfto_net *net = container_of(nb, struct nfto_net, nexthop_nb);
	struct nfto_change change;

	if (!READ_ONCE(net->ready) || !nfto_nexthop_changes(event))
		return NOTIFY_DONE;
	memset(&change, 0, sizeof(change));
	change.kind = NFTO_CHANGE_ALL;
	change.net = net->net;
	change.reason = NFTO_REASON_STALE_ROUTE;
	nfto_watch_tell(&change);
	return NOTIFY_DONE;
}

/* It tells all routes that there are, and gives up if they change meanwhile. */
static int nfto_route_watch(struct nfto_net *net)
{
	bool user = nfto_net_is_users(net->net);
	unsigned int tries = user ? 2 : 50;
	int err;

	net->fib_nb.notifier_call = nfto_route_fib;
	while ((err = register_fib_notifier(net->net, &net->fib_nb, NULL, NULL)) == -EBUSY &&
	       --tries)
		msleep(20);
	net->watched = !err;
	if (err != -EBUSY)
		return err;
	/* no user's doing keeps the module away, and no flow of such a namespace is in hardware */
	if (user)
		return 0;
	pr_err("nft_offload: routes change too often to begin watching them: try again\n");
	return err;
}

static void nfto_route_unwatch(struct nfto_net *net)
{
	if (net->watched)
		unregister_fib_notifier(net->net, &net->fib_nb);
}

int nfto_watch_route_net_init(struct nfto_net *net)
{
	int err = nfto_route_watch(net);

	if (err)
		return err;
	net->nexthop_nb.notifier_call = nfto_route_object;
	err = nfto_nexthop_watch(net->net, &net->nexthop_nb);
	if (err)
		nfto_route_unwatch(net);
	else
		WRITE_ONCE(net->ready, true);
	return err;
}

void nfto_watch_route_net_exit(struct nfto_net *net)
{
	nfto_nexthop_unwatch(net->net, &net->nexthop_nb);
	nfto_route_unwatch(net);
}
