// SPDX-License-Identifier: GPL-2.0
#include <linux/ktime.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include "event.h"
#include "filter.h"
#include "flow_internal.h"
#include "flow_netlink.h"
#include "net.h"
#include "netlink.h"

#define NFTO_SUBSCRIBERS_MAX 16		/* of a namespace */
/* what their sockets filter with runs with a lock held that all flows need */
#define NFTO_SUBSCRIBERS_OWN 4		/* of one that is not the initial user namespace's */
#define NFTO_SUBSCRIBERS_FOREIGN 64	/* of all of these */
#define NFTO_EVENT_SIZE 1536		/* of the longest, names and words included */

struct nfto_subscriber {
	struct list_head list;
	u32 portid;
	u32 lost;			/* events for which its socket had no room */
	bool foreign;			/* of a user's own namespace; they may be without number */
	struct nfto_filter filter;	/* whose net is the socket's */
};

/* Protects the list and who is in it. The innermost of our locks; taken in softirq too. */
static DEFINE_SPINLOCK(nfto_event_lock);
static LIST_HEAD(nfto_subscribers);

/* What happens is told for each flow: where nobody listens, that must cost nothing. */
static bool nfto_event_wanted(void)
{
	return !list_empty_careful(&nfto_subscribers);
}

static int nfto_event_put_device(struct sk_buff *skb, const struct net_device *dev,
				 enum nfto_reason reason)
{
	if (nla_put_u32(skb, NFTO_A_IFINDEX, dev->ifindex) ||
	    nfto_netlink_put_ifname(skb, NFTO_A_IFNAME, dev))
		return -EMSGSIZE;
	if (reason != NFTO_REASON_NONE &&
	    (nla_put_string(skb, NFTO_A_REASON, nfto_reason_name(reason)) ||
	     nla_put_string(skb, NFTO_A_REASON_TEXT, nfto_reason_text(reason))))
		return -EMSGSIZE;
	return 0;
}

/* Either @flow or @dev is what it happened to. */
static struct sk_buff *nfto_event_message(const struct nfto_subscriber *to,
					  enum nfto_event_kind kind, const struct nfto_flow *flow,
					  const struct net_device *dev, enum nfto_reason reason)
{
	struct sk_buff *skb = genlmsg_new(NFTO_EVENT_SIZE, GFP_ATOMIC);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, &nfto_netlink_family, 0, NFTO_CMD_EVENT_NTF);
	if (!header || nla_put_u32(skb, NFTO_A_EVENT, kind) ||
	    nla_put_u64_64bit(skb, NFTO_A_TIME, ktime_get_real_ns(), NFTO_A_PAD) ||
	    (to->lost && nla_put_u32(skb, NFTO_A_LOST, to->lost)) ||
	    (flow && nfto_flow_put(skb, flow)) ||
	    (dev && nfto_event_put_device(skb, dev, reason))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

static void nfto_event_send(struct nfto_subscriber *to, struct sk_buff *skb)
{
	lockdep_assert_held(&nfto_event_lock);
	/* the socket is in the list, and so in its namespace: neither can be gone */
	if (skb && !genlmsg_unicast((struct net *)to->filter.net, skb, to->portid))
		to->lost = 0;
	else
		to->lost++;
}

void nfto_event_flow(enum nfto_event_kind kind, const struct nfto_flow *flow)
{
	struct nfto_subscriber *to;

	lockdep_assert_held(&nfto_lock);
	if (!nfto_event_wanted())
		return;
	spin_lock_bh(&nfto_event_lock);
	list_for_each_entry(to, &nfto_subscribers, list)
		if (nfto_filter_passes(&to->filter, flow))
			nfto_event_send(to, nfto_event_message(to, kind, flow, NULL, 0));
	spin_unlock_bh(&nfto_event_lock);
}

void nfto_event_device(enum nfto_event_kind kind, const struct net_device *dev,
		       enum nfto_reason reason)
{
	struct nfto_subscriber *to;

	if (!nfto_event_wanted())
		return;
	spin_lock_bh(&nfto_event_lock);
	list_for_each_entry(to, &nfto_subscribers, list)
		if (to->filter.net == dev_net(dev))
			nfto_event_send(to, nfto_event_message(to, kind, NULL, dev, reason));
	spin_unlock_bh(&nfto_event_lock);
}

/* The subscriber that the socket is already, or NULL. */
static struct nfto_subscriber *nfto_event_find(const struct net *net, u32 portid)
{
	struct nfto_subscriber *each;

	lockdep_assert_held(&nfto_event_lock);
	list_for_each_entry(each, &nfto_subscribers, list)
		if (each->filter.net == net && each->portid == portid)
			return each;
	return NULL;
}

/* Is there room for one more? */
static bool nfto_event_room(const struct nfto_subscriber *fresh)
{
	unsigned int num = 0, foreign = 0;
	const struct nfto_subscriber *each;

	lockdep_assert_held(&nfto_event_lock);
	list_for_each_entry(each, &nfto_subscribers, list) {
		num += each->filter.net == fresh->filter.net;
		foreign += each->foreign;
	}
	if (fresh->foreign)
		return num < NFTO_SUBSCRIBERS_OWN && foreign < NFTO_SUBSCRIBERS_FOREIGN;
	return num < NFTO_SUBSCRIBERS_MAX;
}

int nfto_event_subscribe(const struct net *net, u32 portid, const struct nfto_filter *filter,
			 struct netlink_ext_ack *extack)
{
	struct nfto_subscriber *fresh, *known;
	int err = 0;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return -ENOMEM;
	fresh->portid = portid;
	fresh->foreign = nfto_net_is_users(net);
	fresh->filter = *filter;
	spin_lock_bh(&nfto_event_lock);
	known = nfto_event_find(net, portid);
	if (known) {
		known->filter = *filter;
	} else if (nfto_event_room(fresh)) {
		list_add_tail(&fresh->list, &nfto_subscribers);
		fresh = NULL;
	} else {
		NL_SET_ERR_MSG(extack, "16 sockets of this network namespace (4, if it is a user's own), or 64 of all users' own, have subscribed already");
		err = -EUSERS;
	}
	spin_unlock_bh(&nfto_event_lock);
	kfree(fresh);
	return err;
}

/* A socket is closed. Process context. */
static int nfto_event_closed(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct netlink_notify *closed = ptr;
	struct nfto_subscriber *gone;

	if (event != NETLINK_URELEASE || closed->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	if (!nfto_event_wanted())
		return NOTIFY_DONE;
	spin_lock_bh(&nfto_event_lock);
	gone = nfto_event_find(closed->net, closed->portid);
	if (gone)
		list_del(&gone->list);
	spin_unlock_bh(&nfto_event_lock);
	kfree(gone);
	return NOTIFY_DONE;
}

static struct notifier_block nfto_event_nb = {
	.notifier_call = nfto_event_closed,
};

int nfto_event_init(void)
{
	return netlink_register_notifier(&nfto_event_nb);
}

void nfto_event_exit(void)
{
	struct nfto_subscriber *each, *next;

	/* no request is running any more; as long as there are any, their sockets' end is told */
	spin_lock_bh(&nfto_event_lock);
	list_for_each_entry_safe(each, next, &nfto_subscribers, list) {
		list_del(&each->list);
		kfree(each);
	}
	spin_unlock_bh(&nfto_event_lock);
	netlink_unregister_notifier(&nfto_event_nb);
}
