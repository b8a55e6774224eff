// SPDX-License-Identifier: GPL-2.0
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
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

static enum nfto_reason nfto_path_priorities(const struct net_device *dev)
{
	for (; dev && is_vlan_dev(dev); dev = nfto_path_below(dev))
		if (nfto_path_sets_priority(dev))
			return NFTO_REASON_VLAN_QOS;
	return NFTO_REASON_NONE;
}

static enum nfto_reason nfto_path_leave(struct nfto_rule *rule, int via)
{
	struct net_device *dev = rule->out, *lower;
	enum nfto_reason reason;
	struct nfto_stack stack;

	/*
	 * A VLAN device lets go of what it stands on at its end, and is unregistered before. Who is
	 * an RCU reader and has seen that it was not yet has both.
	 */
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "not an RCU reader");
	if (READ_ONCE(dev->reg_state) != NETREG_REGISTERED)
		return NFTO_REASON_DEVICE_GONE;
	reason = nfto_path_priorities(dev);
	if (!reason && via)
		reason = nfto_path_priorities(dev_get_by_index_rcu(dev_net(dev), via));
	if (!reason)
		reason = nfto_path_lower(dev, &lower, &stack);
	return reason ? reason : nfto_rule_leave(rule, lower, &stack);
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
	reason = nfto_path_leave(rule, via);
	rcu_read_unlock();
	return reason;
}
