// SPDX-License-Identifier: GPL-2.0
/* The flowtable types themselves, and how they come to stand in front of the stock ones. */
#include <linux/if_macvlan.h>
#include <linux/if_pppox.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/ppp_defs.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/netfilter/nf_tables.h>
#include "../compat/flowtable.h"
#include "bind.h"
#include "bind_internal.h"
#include "flow.h"
#include "net.h"
#include "nfto.h"
#include "path.h"

/* The stock verdict is passed on as it is: an error after a success would leak a device. */
static int nfto_bind_action(struct net *net, NFTO_ACTION_CONST struct flow_offload *const_flow,
			    enum flow_offload_tuple_dir dir, struct nf_flow_rule *flow_rule)
{
	struct flow_offload *flow = (struct flow_offload *)const_flow;
	int err = -1;

	/* refreshed as it ended: DESTROY is over, and nobody would tell us of its end */
	if (dir == FLOW_OFFLOAD_DIR_ORIGINAL && test_bit(NF_FLOW_HW_DYING, &flow->flags))
		return -EOPNOTSUPP;
	/* the first direction decides for both; the next packet adds it anew */
	if (dir == FLOW_OFFLOAD_DIR_ORIGINAL && nfto_bind_closes(nfto_net_of(net), flow, dir)) {
		nfto_flow_end_core(flow);
		return -EOPNOTSUPP;
	}
	nfto_flow_both_ways(flow);
	/* before anything is built, for what was built must not fail any more */
	if (nfto_flowtable_ipsec(&flow->tuplehash[dir].tuple)) {
		nfto_flow_unbuildable(flow, dir, NFTO_REASON_IPSEC);
		return -EOPNOTSUPP;
	}
	if (nfto_path_wraps(net, flow, dir)) {
		nfto_flow_unbuildable(flow, dir, NFTO_REASON_TUNNEL);
		return -EOPNOTSUPP;
	}
	if (nfto_path_cut(net, flow)) {
		nfto_flow_unbuildable(flow, dir, NFTO_REASON_TAGS);
		return -EOPNOTSUPP;
	}
	if (flow->tuplehash[dir].tuple.l3proto == NFPROTO_IPV4)
		err = nf_flow_rule_route_ipv4(net, flow, dir, flow_rule);
	else if (flow->tuplehash[dir].tuple.l3proto == NFPROTO_IPV6)
		err = nf_flow_rule_route_ipv6(net, flow, dir, flow_rule);
	if (err < 0 && nfto_path_leads_nowhere(net, flow)) {
		/* the core would go on sending it there */
		nfto_flow_unbuildable(flow, dir, NFTO_REASON_STALE_ROUTE);
		nfto_flow_end_core(flow);
	} else if (err < 0) {
		nfto_flow_unbuildable(flow, dir, NFTO_REASON_BUILD);
	}
	return err;
}

/* The protocol of the packet behind one VLAN tag or PPPoE header that is still in the packet. */
static __be16 nfto_bind_inner_protocol(struct sk_buff *skb)
{
	const struct pppoe_hdr *pppoe;
	const __be16 *ppp;

	switch (skb->protocol) {
	case htons(ETH_P_8021Q):
		if (!pskb_may_pull(skb, skb_mac_offset(skb) + sizeof(struct vlan_ethhdr)))
			return 0;
		return ((struct vlan_ethhdr *)skb_mac_header(skb))->h_vlan_encapsulated_proto;
	case htons(ETH_P_PPP_SES):
		if (!pskb_may_pull(skb, PPPOE_SES_HLEN))
			return 0;
		pppoe = (struct pppoe_hdr *)skb_network_header(skb);
		ppp = (const __be16 *)(pppoe + 1);
		return *ppp == htons(PPP_IP) ? htons(ETH_P_IP) :
		       *ppp == htons(PPP_IPV6) ? htons(ETH_P_IPV6) : 0;
	default:
		return skb->protocol;
	}
}

static unsigned int nfto_bind_inet_hook(void *priv, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	switch (nfto_bind_inner_protocol(skb)) {
	case htons(ETH_P_IP):
		return nf_flow_offload_ip_hook(priv, skb, state);
	case htons(ETH_P_IPV6):
		return nf_flow_offload_ipv6_hook(priv, skb, state);
	default:
		return NF_ACCEPT;
	}
}

/* Root has to give a user a NIC, or a device on top of one: those that anybody makes are none. */
static bool nfto_bind_is_nic(const struct net_device *dev)
{
	if (is_vlan_dev(dev))
		dev = vlan_dev_real_dev(dev);
	else if (netif_is_macvlan(dev))
		dev = macvlan_dev_real_dev(dev);
	return dev->netdev_ops->ndo_setup_tc;
}

static bool nfto_bind_any_nic(struct net *net)
{
	const struct net_device *dev;
	bool any = false;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev) {
		any = nfto_bind_is_nic(dev);
		if (any)
			break;
	}
	rcu_read_unlock();
	return any;
}

/*
 * The core queues work for each flow of a flowtable with `flags offload`, and waits for all of it,
 * once for each such flowtable, under RTNL whenever a device goes down. Without us a user whose
 * devices no driver serves can have none. So it loads, but without the flag: now, as later it may
 * have flows, whose work would be waited for no more.
 */
static int nfto_bind_begin(struct nf_flowtable *ft)
{
	struct net *net = read_pnet(&ft->net);

	if (!nfto_strict && nfto_net_is_users(net) && !nfto_bind_any_nic(net))
		ft->flags &= ~NF_FLOWTABLE_HW_OFFLOAD;
	return nf_flow_table_init(ft);
}

static struct nf_flowtable_type nfto_types[] = {
	{
		.family	= NFPROTO_INET,
		.init	= nfto_bind_begin,
		.setup	= nfto_bind_setup,
		.action	= nfto_bind_action,
		.free	= nfto_bind_free,
		.hook	= nfto_bind_inet_hook,
		.owner	= THIS_MODULE,
	}, {
		.family	= NFPROTO_IPV4,
		.init	= nfto_bind_begin,
		.setup	= nfto_bind_setup,
		.action	= nfto_bind_action,
		.free	= nfto_bind_free,
		.hook	= nf_flow_offload_ip_hook,
		.owner	= THIS_MODULE,
	}, {
		.family	= NFPROTO_IPV6,
		.init	= nfto_bind_begin,
		.setup	= nfto_bind_setup,
		.action	= nfto_bind_action,
		.free	= nfto_bind_free,
		.hook	= nf_flow_offload_ipv6_hook,
		.owner	= THIS_MODULE,
	},
};

static void nfto_bind_unregister(unsigned int num)
{
	while (num--)
		nft_unregister_flowtable_type(&nfto_types[num]);
}

/*
 * Registers the types at the end of nf_tables' list and returns the list's head, which is not
 * exported: it is what follows a type that was just appended. If somebody else appended one in
 * between, the three answers differ, and NULL is returned.
 */
static struct list_head *nfto_bind_register(void)
{
	struct list_head *head = NULL, *next;
	unsigned int i;
	bool same = true;

	for (i = 0; i < ARRAY_SIZE(nfto_types); i++) {
		nft_register_flowtable_type(&nfto_types[i]);
		nfnl_lock(NFNL_SUBSYS_NFTABLES);
		next = nfto_types[i].list.next;
		nfnl_unlock(NFNL_SUBSYS_NFTABLES);
		same = same && (!head || head == next);
		head = next;
	}
	return same ? head : NULL;
}

/* nf_tables takes the first type of a family; readers walk the list under RCU. */
static void nfto_bind_to_front(struct list_head *head)
{
	unsigned int i;

	nfnl_lock(NFNL_SUBSYS_NFTABLES);
	for (i = 0; i < ARRAY_SIZE(nfto_types); i++)
		list_del_rcu(&nfto_types[i].list);
	nfnl_unlock(NFNL_SUBSYS_NFTABLES);
	synchronize_rcu();	/* whoever stands on a node goes on to the one behind it */
	nfnl_lock(NFNL_SUBSYS_NFTABLES);
	for (i = 0; i < ARRAY_SIZE(nfto_types); i++)
		list_add_rcu(&nfto_types[i].list, head);
	nfnl_unlock(NFNL_SUBSYS_NFTABLES);
}

/* nf_tables' list of types, once it is known. */
static struct list_head *nfto_bind_head;

static bool nfto_bind_is_first(const struct list_head *head,
			       const struct nf_flowtable_type *ours)
{
	const struct nf_flowtable_type *type;

	list_for_each_entry(type, head, list)
		if (type->family == ours->family)
			return type == ours;
	return false;
}

bool nfto_bind_in_force(void)
{
	const struct list_head *head = READ_ONCE(nfto_bind_head);
	bool in_force = head;
	unsigned int i;

	nfnl_lock(NFNL_SUBSYS_NFTABLES);
	for (i = 0; i < ARRAY_SIZE(nfto_types) && in_force; i++)
		in_force = nfto_bind_is_first(head, &nfto_types[i]);
	nfnl_unlock(NFNL_SUBSYS_NFTABLES);
	return in_force;
}

int nfto_bind_init(void)
{
	struct list_head *head;
	int tries = 10;

	while (!(head = nfto_bind_register()) && --tries) {
		nfto_bind_unregister(ARRAY_SIZE(nfto_types));
		synchronize_rcu();
	}
	/* not a failure: a flowtable may have one of our types already */
	if (head)
		nfto_bind_to_front(head);
	WRITE_ONCE(nfto_bind_head, head);
	if (!nfto_bind_in_force())
		pr_warn("nft_offload: other flowtable types stay in front: nothing will be offloaded\n");
	return 0;
}

void nfto_bind_exit(void)
{
	nfto_bind_unregister(ARRAY_SIZE(nfto_types));
	nfto_bind_check_end();
}
