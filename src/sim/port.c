// SPDX-License-Identifier: GPL-2.0
/* The port: a net_device whose wire is another Ethernet device. */

#include <linux/capability.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <net/rtnetlink.h>

#include "../compat/sim_netdev.h"
#include "../compat/sim_rtnl.h"
#include "sim.h"

/* ---- counters ---- */

/* Up to here the counters are shown by ethtool -S; the others make up the link's own. */
static const char counter_names[NFTO_SIM_HOST_RX_BYTES][ETH_GSTRING_LEN] = {
	[NFTO_SIM_HW_RX_PACKETS]	= "hw_rx_packets",
	[NFTO_SIM_HW_RX_BYTES]		= "hw_rx_bytes",
	[NFTO_SIM_HW_TX_PACKETS]	= "hw_tx_packets",
	[NFTO_SIM_HW_TX_BYTES]		= "hw_tx_bytes",
	[NFTO_SIM_HW_TX_DROPPED]	= "hw_tx_dropped",
	[NFTO_SIM_HOST_MISS]		= "host_miss",
	[NFTO_SIM_HOST_TTL]		= "host_ttl",
	[NFTO_SIM_HOST_FRAGMENT]	= "host_fragment",
	[NFTO_SIM_HOST_OPTIONS]		= "host_options",
	[NFTO_SIM_HOST_TCP_FLAGS]	= "host_tcp_flags",
	[NFTO_SIM_HOST_OTHER]		= "host_other",
	[NFTO_SIM_HOST_RX_PACKETS]	= "host_rx_packets",
	[NFTO_SIM_HOST_TX_PACKETS]	= "host_tx_packets",
	[NFTO_SIM_RX_FILTERED]		= "rx_filtered",
	[NFTO_SIM_RX_ERRORS]		= "rx_errors",
};

static void read_counters(const struct nfto_sim_port *port, u64 *sum)
{
	u64 value[NFTO_SIM_COUNTERS];
	unsigned int start;
	int cpu, i;

	memset(sum, 0, sizeof(value));
	for_each_possible_cpu(cpu) {
		const struct nfto_sim_counters *counters = per_cpu_ptr(port->counters, cpu);

		do {
			start = u64_stats_fetch_begin(&counters->syncp);
			for (i = 0; i < NFTO_SIM_COUNTERS; i++)
				value[i] = u64_stats_read(&counters->value[i]);
		} while (u64_stats_fetch_retry(&counters->syncp, start));
		for (i = 0; i < NFTO_SIM_COUNTERS; i++)
			sum[i] += value[i];
	}
}

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? ARRAY_SIZE(counter_names) : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		memcpy(data, counter_names, sizeof(counter_names));
}

static void get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	u64 sum[NFTO_SIM_COUNTERS];

	read_counters(netdev_priv(dev), sum);
	memcpy(data, sum, ARRAY_SIZE(counter_names) * sizeof(*data));
}

/* The host's own packets only: what the ASIC switches is not the host's. */
static void get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	u64 sum[NFTO_SIM_COUNTERS];

	read_counters(netdev_priv(dev), sum);
	stats->rx_packets = sum[NFTO_SIM_HOST_RX_PACKETS];
	stats->rx_bytes = sum[NFTO_SIM_HOST_RX_BYTES];
	stats->rx_errors = sum[NFTO_SIM_RX_ERRORS];
	stats->tx_packets = sum[NFTO_SIM_HOST_TX_PACKETS];
	stats->tx_bytes = sum[NFTO_SIM_HOST_TX_BYTES];
	stats->tx_dropped = sum[NFTO_SIM_HOST_TX_DROPPED];
}

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	strscpy(info->driver, NFTO_SIM_NAME, sizeof(info->driver));
	strscpy(info->fw_version, READ_ONCE(port->asic->personality)->name,
		sizeof(info->fw_version));
	snprintf(info->bus_info, sizeof(info->bus_info), "asic%d", port->asic->number);
}

static const struct ethtool_ops port_ethtool_ops = {
	.get_drvinfo		= get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= get_sset_count,
	.get_strings		= get_strings,
	.get_ethtool_stats	= get_ethtool_stats,
};

/* ---- the wire ---- */

static struct nfto_sim_port *port_of_wire(const struct net_device *lower)
{
	if (rtnl_dereference(lower->rx_handler) != nfto_sim_receive)
		return NULL;
	return rtnl_dereference(lower->rx_handler_data);
}

static void follow_carrier(const struct nfto_sim_port *port)
{
	if ((port->lower->flags & IFF_UP) && netif_carrier_ok(port->lower))
		netif_carrier_on(port->dev);
	else
		netif_carrier_off(port->dev);
}

static void copy_names(struct nfto_sim_port *port)
{
	mutex_lock(&port->asic->lock);
	strscpy(port->name, port->dev->name, sizeof(port->name));
	strscpy(port->lower_name, port->lower->name, sizeof(port->lower_name));
	mutex_unlock(&port->asic->lock);
}

/* Frames for any address have to get here: the port's need not be the wire's. */
static int port_open(struct net_device *dev)
{
	struct nfto_sim_port *port = netdev_priv(dev);

	return dev_set_promiscuity(port->lower, 1);
}

static int port_stop(struct net_device *dev)
{
	struct nfto_sim_port *port = netdev_priv(dev);

	dev_set_promiscuity(port->lower, -1);
	return 0;
}

/*
 * What the host sends. The features are such that checksums are complete and segments
 * made before a frame gets here, as on a wire.
 */
static netdev_tx_t port_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct nfto_sim_port *port = netdev_priv(dev);
	u32 len = skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	int err;

	skb_scrub_packet(skb, true);
	skb->dev = port->lower;
	err = dev_queue_xmit(skb);
	if (net_xmit_eval(err))
		nfto_sim_count1(port, NFTO_SIM_HOST_TX_DROPPED);
	else
		nfto_sim_count(port, NFTO_SIM_HOST_TX_PACKETS, NFTO_SIM_HOST_TX_BYTES, len);
	return NETDEV_TX_OK;
}

/* ---- the device ---- */

static int change_mtu(struct net_device *dev, int mtu)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	if (mtu > port->lower->mtu)
		return -EINVAL;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

/* A driver that has it fixed has it on, whatever is asked for. */
static netdev_features_t fix_features(struct net_device *dev, netdev_features_t features)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	if (READ_ONCE(port->asic->personality)->hw_tc_fixed)
		features |= NETIF_F_HW_TC;
	return features;
}

/*
 * As mlx5 (set_feature_hw_tc) and nfp (nfp_port_set_features): not while there are rules, unless a
 * knob says so. Others do not mind, and then cannot be told to delete them.
 */
static int set_features(struct net_device *dev, netdev_features_t features)
{
	struct nfto_sim_port *port = netdev_priv(dev);
	u32 rules;
	int err;

	if (features & NETIF_F_HW_TC)
		return 0;
	mutex_lock(&port->asic->lock);
	rules = port->rules;
	err = port->asic->pin_features ? port->asic->personality->pins_hw_tc : 0;
	mutex_unlock(&port->asic->lock);
	if (!rules || !err)
		return 0;
	netdev_warn(dev, "hw-tc-offload stays on: %u rules are offloaded\n", rules);
	/* Refused is refused: not to be tried again with the next change of any feature. */
	dev->wanted_features |= NETIF_F_HW_TC;
	return err;
}

static int get_phys_port_name(struct net_device *dev, char *name, size_t len)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	return snprintf(name, len, "p%u", port->number) >= len ? -EINVAL : 0;
}

static int get_port_parent_id(struct net_device *dev, struct netdev_phys_item_id *ppid)
{
	const struct nfto_sim_port *port = netdev_priv(dev);
	enum nfto_sim_parent parent = READ_ONCE(port->asic->personality)->parent;

	if (parent == NFTO_SIM_PARENT_NONE || (parent == NFTO_SIM_PARENT_REPS && !port->number))
		return -EOPNOTSUPP;
	BUILD_BUG_ON(sizeof(port->asic->id) > sizeof(ppid->id));
	ppid->id_len = sizeof(port->asic->id);
	memcpy(ppid->id, port->asic->id, ppid->id_len);
	return 0;
}

static int get_iflink(const struct net_device *dev)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	/* A link whose end is known may be asked for once more, when the wire is gone. */
	return dev->reg_state <= NETREG_REGISTERED ? port->lower->ifindex : dev->ifindex;
}

static int port_init(struct net_device *dev)
{
	struct nfto_sim_port *port = netdev_priv(dev);
	int err;

	nfto_sim_lockdep_classes(dev);
	port->counters = netdev_alloc_pcpu_stats(struct nfto_sim_counters);
	if (!port->counters)
		return -ENOMEM;
	err = nfto_sim_asic_join(port);
	if (err)
		goto err_free_counters;
	copy_names(port);
	err = netdev_rx_handler_register(port->lower, nfto_sim_receive, port);
	if (err)
		goto err_leave_asic;
	dev_hold(port->lower);
	return 0;

err_leave_asic:
	nfto_sim_asic_leave(port);
	nfto_sim_asic_put(port->asic);
err_free_counters:
	free_percpu(port->counters);
	return err;
}

static void port_uninit(struct net_device *dev)
{
	struct nfto_sim_port *port = netdev_priv(dev);

	/* No frame comes in from here on, and none is on its way to an entry of ours. */
	netdev_rx_handler_unregister(port->lower);
	nfto_sim_asic_leave(port);
	/*
	 * Frames from other ports may still leave through this one: the core waits for RCU before
	 * port_free(), and before the wire is freed, whose end cannot come to this unless it has
	 * begun together with ours or begins later. It is let go here: kernels before 5.18 wait for
	 * devices that end together one by one, and the wire may come first.
	 */
	dev_put(port->lower);
}

static void port_free(struct net_device *dev)
{
	struct nfto_sim_port *port = netdev_priv(dev);

	nfto_sim_asic_put(port->asic);
	free_percpu(port->counters);
}

static const struct net_device_ops port_ops = {
	.ndo_init		= port_init,
	.ndo_uninit		= port_uninit,
	.ndo_open		= port_open,
	.ndo_stop		= port_stop,
	.ndo_start_xmit		= port_xmit,
	.ndo_change_mtu		= change_mtu,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_fix_features	= fix_features,
	.ndo_set_features	= set_features,
	.ndo_get_stats64	= get_stats64,
	.ndo_get_iflink		= get_iflink,
	.ndo_get_phys_port_name	= get_phys_port_name,
	.ndo_get_port_parent_id	= get_port_parent_id,
	.ndo_setup_tc		= nfto_sim_setup_tc,
};

bool nfto_sim_is_port(const struct net_device *dev)
{
	return dev->netdev_ops == &port_ops;
}

bool nfto_sim_beside(const struct nfto_sim_port *port, int ifindex)
{
	bool found;

	rcu_read_lock();
	found = dev_get_by_index_rcu(dev_net(port->dev), ifindex);
	rcu_read_unlock();
	return found;
}

static void port_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &port_ops;
	dev->ethtool_ops = &port_ethtool_ops;
	/* Until the wire is known; a larger MTU than Ethernet's usual one can be asked for. */
	dev->max_mtu = ETH_MAX_MTU;
	dev->needs_free_netdev = true;
	dev->priv_destructor = port_free;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;
	/* No checksum, no segmentation: the stack does both, see port_xmit(). */
	dev->features = NETIF_F_HIGHDMA | NETIF_F_HW_TC;
	dev->hw_features = NETIF_F_HW_TC;
	nfto_sim_set_lltx(dev);
}

/* ---- link kind ---- */

static int validate(struct nlattr *tb[], struct nlattr *data[], struct netlink_ext_ack *extack)
{
	if (!tb[IFLA_ADDRESS])
		return 0;
	if (nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN)
		return nfto_sim_refuse(extack, -EINVAL, "the address is not an Ethernet address");
	if (!is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS])))
		return nfto_sim_refuse(extack, -EADDRNOTAVAIL, "the address is not usable");
	return 0;
}

static int find_port(struct net_device *lower, struct netdev_nested_priv *priv)
{
	return nfto_sim_is_port(lower);
}

/* What cannot be a wire. */
static int check_lower(struct net_device *lower, const struct net_device *dev,
		       struct netlink_ext_ack *extack)
{
	struct netdev_nested_priv none = {};

	if (!net_eq(dev_net(lower), dev_net(dev)))
		return nfto_sim_refuse(extack, -EINVAL,
				       "the lower device is in another namespace");
	if (lower->flags & IFF_LOOPBACK)
		return nfto_sim_refuse(extack, -EINVAL, "the lower device is a loopback device");
	if (lower->type != ARPHRD_ETHER || lower->addr_len != ETH_ALEN)
		return nfto_sim_refuse(extack, -EINVAL,
				       "the lower device is not an Ethernet device");
	if (nfto_sim_is_port(lower))
		return nfto_sim_refuse(extack, -ELOOP, "the lower device is itself a port");
	if (netdev_walk_all_lower_dev(lower, find_port, &none))
		return nfto_sim_refuse(extack, -ELOOP, "the lower device stands on a port");
	if (netdev_is_rx_handler_busy(lower))
		return nfto_sim_refuse(extack, -EBUSY,
				       "the lower device is in use (bridge, bond, macvlan or port)");
	if (vlan_uses_dev(lower))
		return nfto_sim_refuse(extack, -EBUSY, "the lower device has VLAN devices on it");
	return 0;
}

static int inherit_from_lower(struct net_device *dev, struct net_device *lower,
			      struct nlattr *tb[], struct netlink_ext_ack *extack)
{
	if (!tb[IFLA_MTU])
		dev->mtu = lower->mtu;
	else if (dev->mtu > lower->mtu)
		return nfto_sim_refuse(extack, -EINVAL, "the MTU exceeds the lower device's");
	dev->max_mtu = lower->max_mtu;
	dev->needed_headroom = lower->needed_headroom + lower->hard_header_len - ETH_HLEN;
	dev->needed_tailroom = lower->needed_tailroom;
	if (!tb[IFLA_ADDRESS])
		eth_hw_addr_inherit(dev, lower);
	return 0;
}

int nfto_sim_newlink(struct net_device *dev, struct net *link_net, struct nlattr *tb[],
		     struct netlink_ext_ack *extack)
{
	struct nfto_sim_port *port = netdev_priv(dev);
	struct net_device *lower;
	int err;

	/* Not ns_capable(): an ASIC is no toy for an unprivileged namespace. */
	if (!capable(CAP_NET_ADMIN))
		return nfto_sim_refuse(extack, -EPERM,
				       "needs CAP_NET_ADMIN in the initial user namespace");
	if (!tb[IFLA_LINK])
		return nfto_sim_refuse(extack, -EINVAL, "no lower device given (link DEV)");
	lower = __dev_get_by_index(link_net, nla_get_u32(tb[IFLA_LINK]));
	if (!lower)
		return nfto_sim_refuse(extack, -ENODEV, "no such lower device");
	err = check_lower(lower, dev, extack);
	if (err)
		return err;
	err = inherit_from_lower(dev, lower, tb, extack);
	if (err)
		return err;

	port->dev = dev;
	port->lower = lower;
	port->group = nfto_sim_next_group();
	netif_carrier_off(dev);
	err = register_netdevice(dev);
	if (err)
		return err;
	err = netdev_upper_dev_link(lower, dev, extack);
	if (err) {
		unregister_netdevice(dev);
		return err;
	}
	dev_disable_lro(lower);
	follow_carrier(port);
	return 0;
}

static void dellink(struct net_device *dev, struct list_head *head)
{
	struct nfto_sim_port *port = netdev_priv(dev);

	port->leaving = true;
	netdev_upper_dev_unlink(port->lower, dev);
	unregister_netdevice_queue(dev, head);
}

static struct net *get_link_net(const struct net_device *dev)
{
	const struct nfto_sim_port *port = netdev_priv(dev);

	return dev_net(port->lower);
}

/* No MODULE_ALIAS_RTNL_LINK: nobody gets the module loaded by asking for a link. */
static struct rtnl_link_ops port_link_ops = {
	.priv_size	= sizeof(struct nfto_sim_port),
	.setup		= port_setup,
	.validate	= validate,
	.newlink	= nfto_sim_rtnl_newlink,
	.dellink	= dellink,
	.get_link_net	= get_link_net,
};

/* ---- events ---- */

/* The wire goes, its port with it; unless both are on the way out already. */
static void lower_unregister(struct nfto_sim_port *port)
{
	LIST_HEAD(list);

	if (port->leaving || port->lower->reg_state != NETREG_UNREGISTERING)
		return;
	dellink(port->dev, &list);
	unregister_netdevice_many(&list);
}

/* A VLAN device would take its frames away before they get to the ASIC. */
static int lower_gets_upper(const struct netdev_notifier_changeupper_info *change)
{
	struct netlink_ext_ack *extack = netdev_notifier_info_to_extack(&change->info);

	if (!change->linking || !is_vlan_dev(change->upper_dev))
		return NOTIFY_DONE;
	NL_SET_ERR_MSG_MOD(extack, "the device is the wire of a port");
	return notifier_from_errno(-EBUSY);
}

static int lower_event(struct nfto_sim_port *port, unsigned long event, void *ptr)
{
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		follow_carrier(port);
		break;
	case NETDEV_CHANGEMTU:
		if (port->dev->mtu > port->lower->mtu)
			dev_set_mtu(port->dev, port->lower->mtu);
		break;
	case NETDEV_CHANGENAME:
		copy_names(port);
		break;
	case NETDEV_UNREGISTER:
		lower_unregister(port);
		break;
	case NETDEV_PRECHANGEUPPER:
		return lower_gets_upper(ptr);
	case NETDEV_PRE_TYPE_CHANGE:
		return NOTIFY_BAD;
	}
	return NOTIFY_DONE;
}

static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct nfto_sim_port *port;

	/* A move to another namespace may rename without saying more than this. */
	if (event == NETDEV_REGISTER)
		event = NETDEV_CHANGENAME;
	if (event == NETDEV_CHANGENAME && nfto_sim_is_port(dev))
		copy_names(netdev_priv(dev));

	port = port_of_wire(dev);
	return port ? lower_event(port, event, ptr) : NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = device_event,
};

int nfto_sim_port_init(const char *kind)
{
	int err;

	port_link_ops.kind = kind;
	err = register_netdevice_notifier(&notifier);
	if (err)
		return err;
	err = rtnl_link_register(&port_link_ops);
	if (err)
		unregister_netdevice_notifier(&notifier);
	return err;
}

void nfto_sim_port_exit(void)
{
	rtnl_link_unregister(&port_link_ops);
	unregister_netdevice_notifier(&notifier);
}
