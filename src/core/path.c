// SPDX-License-Identifier: GPL-2.0
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <net/dst.h>
#include <net/flow.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include "../compat/flowtable.h"
#include "../compat/netdev.h"
#include "bind.h"
#include "path.h"
#include "port.h"

#if IS_ENABLED(CONFIG_VLAN_8021Q)
static struct net_device *nfto_path_below(const struct net_device *dev)
{
	return vlan_dev_priv(dev)->real_dev;
}

/* Priorities follow from what the host knows of a packet, which hardware does not. */
static bool nfto_path_sets_priority(const struct net_device *dev)
{
	return vlan_dev_priv(dev)->nr_egress_mappings;
}
#else
static struct net_device *nfto_path_below(const struct net_device *dev)
{
	return NULL;
}

static bool nfto_path_sets_priority(const struct net_device *dev)
{
	return false;
}
#endif

enum nfto_reason nfto_path_lower(struct net_device *dev, struct net_device **lower,
				 struct nfto_stack *stack)
{
	const struct net *net = dev_net(dev);

	memset(stack, 0, sizeof(*stack));
	for (*lower = dev; is_vlan_dev(*lower); *lower = nfto_path_below(*lower)) {
		if (stack->num == NFTO_TAGS_MAX)
			return NFTO_REASON_TAGS;
		stack->tags[stack->num].tpid = vlan_dev_vlan_proto(*lower);
		stack->tags[stack->num].vid = htons(vlan_dev_vlan_id(*lower));
		stack->num++;
	}
	/* what happens to it there is not this namespace's to see */
	return net_eq(dev_net(*lower), net) ? NFTO_REASON_NONE : NFTO_REASON_LOWER_NAMESPACE;
}

enum nfto_reason nfto_path_priorities(const struct net_device *dev)
{
	for (; dev && is_vlan_dev(dev); dev = nfto_path_below(dev))
		if (nfto_path_sets_priority(dev))
			return NFTO_REASON_VLAN_QOS;
	return NFTO_REASON_NONE;
}

/* The VLAN devices on top of the port, for whose tags the core's rule has pushes. */
static enum nfto_reason nfto_path_push_priorities(const struct nfto_rule *rule)
{
	struct net_device *dev = rule->out;
	const struct nfto_tag *tag;
	unsigned int i;

	for (i = rule->num_push; i-- && dev; ) {
		tag = &rule->push[i];
		dev = __vlan_find_dev_deep_rcu(dev, tag->tpid, ntohs(tag->vid));
		if (dev && nfto_path_sets_priority(dev))
			return NFTO_REASON_VLAN_QOS;
	}
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_path_leave(const struct nfto_table *table, struct nfto_rule *rule,
					int via)
{
	struct net_device *dev = rule->out, *lower;
	enum nfto_reason reason;
	struct nfto_stack stack;

	/*
	 * A VLAN device lets go of what it stands on at its end, and is unregistered before. Who is
	 * an RCU reader and has seen that it was not yet has both.
	 */
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "not an RCU reader");
	if (dev->reg_state != NETREG_REGISTERED)
		return NFTO_REASON_DEVICE_GONE;
	reason = nfto_path_priorities(dev);
	if (!reason)
		reason = nfto_path_push_priorities(rule);
	if (!reason && via)
		reason = nfto_path_priorities(dev_get_by_index_rcu(dev_net(dev), via));
	if (!reason)
		reason = nfto_path_lower(dev, &lower, &stack);
	/* or else users could not tell from their flowtable what is in hardware */
	if (!reason && stack.num && !nfto_bind_of(table, dev->ifindex))
		reason = NFTO_REASON_EGRESS;
	return reason ? reason : nfto_rule_leave(rule, lower, &stack);
}

/*
 * The route that the packets of @flow take now, referenced, or NULL. Rules for marked packets, or
 * by where packets come in, are not seen: nobody knows the flow's mark any more.
 */
static struct dst_entry *nfto_path_route(struct net *net, const struct flow_offload *flow, u8 dir)
{
	/* the other direction's packets, as they come in, are the mirror of these, as they leave */
	const struct flow_offload_tuple *tuple = &flow->tuplehash[!dir].tuple;
	struct dst_entry *dst = NULL;
	struct flowi fl = {};

	if (tuple->l3proto == NFPROTO_IPV4) {
		fl.u.ip4.daddr = tuple->src_v4.s_addr;
		fl.u.ip4.saddr = tuple->dst_v4.s_addr;
		fl.u.ip4.flowi4_flags = FLOWI_FLAG_ANYSRC;
	} else {
		fl.u.ip6.daddr = tuple->src_v6;
		fl.u.ip6.saddr = tuple->dst_v6;
		fl.u.ip6.flowi6_flags = FLOWI_FLAG_ANYSRC;
	}
	rcu_read_lock();	/* for IPv6, which may be a module */
	if (nf_route(net, &dst, &fl, false, tuple->l3proto))
		dst = NULL;
	rcu_read_unlock();
	return dst;
}

bool nfto_path_wraps(struct net *net, const struct flow_offload *flow, u8 dir)
{
	const struct dst_entry *kept = nfto_flowtable_dst(&flow->tuplehash[dir].tuple);
	struct dst_entry *dst;
	bool wraps;

	if (nfto_flowtable_tunnel(&flow->tuplehash[0].tuple) ||
	    nfto_flowtable_tunnel(&flow->tuplehash[1].tuple))
		return true;
	if (kept)
		return kept->lwtstate;
	dst = nfto_path_route(net, flow, dir);
	wraps = dst && dst->lwtstate;
	dst_release(dst);
	return wraps;
}

bool nfto_path_leads_nowhere(struct net *net, const struct flow_offload *flow)
{
	const struct flow_offload_tuple *tuple;
	const struct rtable *route;
	struct fib_result res;
	u8 dir;

	for (dir = 0; dir < FLOW_OFFLOAD_DIR_MAX; dir++) {
		struct flowi4 fl = {};

		tuple = &flow->tuplehash[!dir].tuple;
		route = (const struct rtable *)nfto_flowtable_dst(&flow->tuplehash[dir].tuple);
		if (tuple->l3proto != NFPROTO_IPV4 || !route || route->rt_is_input)
			continue;
		fl.daddr = tuple->src_v4.s_addr;
		fl.saddr = tuple->dst_v4.s_addr;
		fl.flowi4_oif = route->rt_iif;	/* the device it was looked for at */
		if (fib_lookup(net, &fl, &res, 0))
			return true;
	}
	return false;
}

bool nfto_path_cut(struct net *net, const struct flow_offload *flow)
{
	const struct net_device *dev;
	bool cut = false;
	u8 mac[ETH_ALEN];
	int dir, via;

	rcu_read_lock();
	for (dir = 0; dir < FLOW_OFFLOAD_DIR_MAX && !cut; dir++) {
		via = 0;
		nfto_flowtable_direct(&flow->tuplehash[dir].tuple, &via, mac);
		dev = via ? dev_get_by_index_rcu(net, via) : NULL;
		cut = dev && nfto_netdev_too_deep(dev, mac);
	}
	rcu_read_unlock();
	return cut;
}

enum nfto_reason nfto_path_resolve(const struct nfto_table *table, struct nfto_rule *rule,
				   int via)
{
	const struct nfto_bind *bind = nfto_bind_of(table, rule->match.in_ifindex);
	struct nfto_port *port;
	enum nfto_reason reason;

	reason = nfto_bind_port(table, rule->match.in_ifindex, &port);
	if (!reason)
		reason = nfto_rule_enter(rule, port->dev->ifindex, &bind->stack);
	if (reason)
		return reason;
	rcu_read_lock();
	reason = nfto_path_leave(table, rule, via);
	rcu_read_unlock();
	return reason;
}
