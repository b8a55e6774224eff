// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/rtnetlink.h>
#include <net/sock.h>
#include "bind.h"
#include "driver.h"
#include "event.h"
#include "flow_netlink.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "path.h"
#include "policy.h"
#include "port.h"

/* What a request for a driver that is not known is answered; the table does not change. */
static char nfto_netlink_drivers[512] __ro_after_init;

/* What drives @dev, as the kernel calls it, or NULL. RTNL keeps a registered device's driver. */
static const char *nfto_netlink_device_driver(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	if (parent && parent->driver)
		return parent->driver->name;
	return dev->rtnl_link_ops ? dev->rtnl_link_ops->kind : NULL;
}

static int nfto_netlink_put_policy(struct sk_buff *skb, const struct nfto_device_policy *policy)
{
	struct nlattr *nest = nla_nest_start(skb, NFTO_A_POLICY);

	if (!nest ||
	    nla_put_string(skb, NFTO_A_POLICY_DRIVER, policy->driver ? policy->driver->name : "") ||
	    nla_put_u32(skb, NFTO_A_POLICY_TTL, policy->ttl) ||
	    nla_put_u32(skb, NFTO_A_POLICY_TCP, policy->tcp) ||
	    nla_put_u32(skb, NFTO_A_POLICY_OFFLOAD, policy->offload))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfto_netlink_put_backend(struct sk_buff *skb, const struct net_device *dev)
{
	enum nfto_reason reason;
	u32 backend = nfto_bind_backend(dev, &reason);

	if (nla_put_u32(skb, NFTO_A_BACKEND, backend))
		return -EMSGSIZE;
	if (backend != NFTO_BACKEND_SOFTWARE)
		return 0;
	if (nla_put_string(skb, NFTO_A_REASON, nfto_reason_name(reason)) ||
	    nla_put_string(skb, NFTO_A_REASON_TEXT, nfto_reason_text(reason)))
		return -EMSGSIZE;
	return 0;
}

int nfto_netlink_put_hazards(struct sk_buff *skb, int attr, u32 hazards)
{
	unsigned int hazard;

	for (hazard = 0; hazard < NFTO_HAZARDS; hazard++)
		if (hazards & BIT(hazard) && nla_put_string(skb, attr, nfto_hazard_name(hazard)))
			return -EMSGSIZE;
	return 0;
}

static int nfto_netlink_put_port(struct sk_buff *skb, const struct net_device *dev)
{
	struct nfto_port_info info;
	struct nlattr *nest;

	if (!nfto_port_get_info(dev, &info))
		return 0;
	if (info.asic.id_len && nla_put(skb, NFTO_A_ASIC, info.asic.id_len, info.asic.id))
		return -EMSGSIZE;
	if (nfto_netlink_put_hazards(skb, NFTO_A_HAZARD, info.hazards))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, NFTO_A_STATISTICS);
	if (!nest || nla_put_u32(skb, NFTO_A_STATISTICS_ENTRIES, info.entries) ||
	    nla_put_u64_64bit(skb, NFTO_A_STATISTICS_ADDED, info.added,
			      NFTO_A_STATISTICS_PAD) ||
	    nla_put_u64_64bit(skb, NFTO_A_STATISTICS_DELETED, info.deleted,
			      NFTO_A_STATISTICS_PAD) ||
	    nla_put_u64_64bit(skb, NFTO_A_STATISTICS_FAILED, info.failed,
			      NFTO_A_STATISTICS_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What is of the device whose driver is programmed. */
static int nfto_netlink_put_driven(struct sk_buff *skb, const struct net_device *dev)
{
	const char *device_driver = nfto_netlink_device_driver(dev);
	struct nfto_device_policy policy;
	const struct nfto_driver *driver;

	nfto_policy_get(dev, &policy);
	driver = nfto_port_driver(dev, &policy);
	if (device_driver && nla_put_string(skb, NFTO_A_DEVICE_DRIVER, device_driver))
		return -EMSGSIZE;
	if (driver && nla_put_string(skb, NFTO_A_DRIVER, driver->name))
		return -EMSGSIZE;
	if (nfto_netlink_put_policy(skb, &policy) || nfto_netlink_put_port(skb, dev))
		return -EMSGSIZE;
	return 0;
}

static int nfto_netlink_put_device(struct sk_buff *skb, struct net_device *dev,
				   struct nfto_tally *tally)
{
	struct net_device *lower;
	struct nfto_stack tags;
	int err = 0;

	ASSERT_RTNL();
	if (nla_put_u32(skb, NFTO_A_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, NFTO_A_IFNAME, dev->name) ||
	    nfto_netlink_put_backend(skb, dev))
		return -EMSGSIZE;
	if (!is_vlan_dev(dev))
		err = nfto_netlink_put_driven(skb, dev);
	else if (!nfto_path_lower(dev, &lower, &tags))
		err = nla_put_string(skb, NFTO_A_LOWER, lower->name);
	if (err)
		return -EMSGSIZE;
	return nfto_tally_put(skb, NFTO_A_FLOWS, tally, dev->ifindex);
}

int nfto_netlink_only(struct genl_info *info, u64 attrs)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(nfto_main_nl_policy); i++) {
		if (!info->attrs[i] || attrs & BIT_ULL(i))
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
				    "this request does not take the attribute");
		return -EINVAL;
	}
	return 0;
}

struct net_device *nfto_netlink_find(struct genl_info *info, int *err)
{
	const struct nlattr *ifindex = info->attrs[NFTO_A_IFINDEX];
	const struct nlattr *ifname = info->attrs[NFTO_A_IFNAME];
	struct net *net = genl_info_net(info);
	struct net_device *dev;

	*err = -EINVAL;
	if (!ifindex && !ifname) {
		GENL_SET_ERR_MSG(info, "name the device, by ifindex or by ifname");
		return NULL;
	}
	if (ifindex && ifname) {
		NL_SET_ERR_MSG_ATTR(info->extack, ifname,
				    "name the device by ifindex or by ifname, not by both");
		return NULL;
	}
	dev = ifindex ? __dev_get_by_index(net, nla_get_u32(ifindex)) :
			__dev_get_by_name(net, nla_data(ifname));
	if (!dev) {
		*err = -ENODEV;
		NL_SET_ERR_MSG_ATTR(info->extack, ifindex ? ifindex : ifname,
				    "there is no such device in this network namespace");
	}
	return dev;
}

int nfto_nl_device_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nfto_tally *tally;
	struct net_device *dev;
	struct sk_buff *reply;
	void *header;
	int err;

	if (info->attrs[NFTO_A_POLICY]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[NFTO_A_POLICY],
				    "device-get takes no policy; device-set does");
		return -EINVAL;
	}
	err = nfto_netlink_only(info, BIT_ULL(NFTO_A_IFINDEX) | BIT_ULL(NFTO_A_IFNAME));
	if (err)
		return err;
	tally = nfto_flow_tally(genl_info_net(info), false);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply || !tally) {
		err = -ENOMEM;
		goto err_free_reply;
	}
	header = genlmsg_put_reply(reply, info, &nfto_netlink_family, 0, NFTO_CMD_DEVICE_GET);
	if (!header) {
		err = -EMSGSIZE;
		goto err_free_reply;
	}
	rtnl_lock();
	dev = nfto_netlink_find(info, &err);
	if (dev)
		err = nfto_netlink_put_device(reply, dev, tally);
	rtnl_unlock();
	if (err)
		goto err_free_reply;
	genlmsg_end(reply, header);
	kvfree(tally);
	return genlmsg_reply(reply, info);

err_free_reply:
	nlmsg_free(reply);
	kvfree(tally);
	return err;
}

static int nfto_netlink_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
				 struct net_device *dev, struct nfto_tally *tally)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &nfto_netlink_family, NLM_F_MULTI, NFTO_CMD_DEVICE_GET);

	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, header);
	if (nfto_netlink_put_device(skb, dev, tally)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* cb->args[0]: how many devices of the namespace are done */
int nfto_nl_device_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	struct nfto_tally *tally;
	struct net_device *dev;
	long at = 0;

	if (nlmsg_attrlen(cb->nlh, GENL_HDRLEN)) {
		NL_SET_ERR_MSG_ATTR(cb->extack, nlmsg_attrdata(cb->nlh, GENL_HDRLEN),
				    "a dump of all devices takes no attribute");
		return -EINVAL;
	}
	tally = nfto_flow_tally(net, false);	/* may take its time: not under RTNL */
	if (!tally)
		return -ENOMEM;
	rtnl_lock();
	/* between two parts devices may come and go: whoever dumps is told then, and asks again */
	cb->seq = net->dev_base_seq;
	for_each_netdev(net, dev) {
		if (at++ < cb->args[0])
			continue;
		if (nfto_netlink_dump_one(skb, cb, dev, tally))
			break;
		cb->args[0] = at;
	}
	rtnl_unlock();
	kvfree(tally);
	return skb->len;
}

/* The driver that the administrator vouches for. */
static int nfto_netlink_parse_driver(struct sk_buff *skb, struct genl_info *info,
				     const struct nlattr *attr, struct nfto_device_policy *policy)
{
	const char *name = nla_data(attr);

	/* a wrong one can upset hardware, whoever the device belongs to */
	if (!netlink_capable(skb, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "vouching for a driver needs CAP_NET_ADMIN in the initial user namespace");
		return -EPERM;
	}
	policy->driver = *name ? nfto_driver_by_name(name) : NULL;
	if (*name && !policy->driver) {
		/* the macros take literals alone; the answer is copied before we can go away */
		NL_SET_BAD_ATTR(info->extack, attr);
		info->extack->_msg = nfto_netlink_drivers;
		return -EINVAL;
	}
	return 0;
}

/* Changes in @policy what the request names. */
static int nfto_netlink_parse_policy(struct sk_buff *skb, struct genl_info *info,
				     struct nlattr **tb, struct nfto_device_policy *policy)
{
	bool any = false;
	int i, err;

	for (i = 1; i <= NFTO_A_POLICY_MAX; i++)
		any = any || tb[i];
	if (!any) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[NFTO_A_POLICY],
				    "the policy names nothing to change");
		return -EINVAL;
	}
	if (tb[NFTO_A_POLICY_DRIVER]) {
		err = nfto_netlink_parse_driver(skb, info, tb[NFTO_A_POLICY_DRIVER], policy);
		if (err)
			return err;
	}
	if (tb[NFTO_A_POLICY_TTL])
		policy->ttl = nla_get_u32(tb[NFTO_A_POLICY_TTL]);
	if (tb[NFTO_A_POLICY_TCP])
		policy->tcp = nla_get_u32(tb[NFTO_A_POLICY_TCP]);
	if (tb[NFTO_A_POLICY_OFFLOAD])
		policy->offload = nla_get_u32(tb[NFTO_A_POLICY_OFFLOAD]);
	return 0;
}

/* RTNL is held, so that of two requests the later one starts from what the earlier one left. */
static int nfto_netlink_set(struct sk_buff *skb, struct genl_info *info, struct nlattr **tb)
{
	struct nfto_device_policy policy;
	struct net_device *dev;
	int err;

	dev = nfto_netlink_find(info, &err);
	if (!dev)
		return err;
	if (is_vlan_dev(dev)) {	/* nobody would ask for it */
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[NFTO_A_POLICY],
				    "a VLAN device has no policy: that of the device below it counts");
		return -EOPNOTSUPP;
	}
	nfto_policy_get(dev, &policy);
	err = nfto_netlink_parse_policy(skb, info, tb, &policy);
	if (err)
		return err;
	err = nfto_policy_set(dev, &policy);
	if (err)
		return err;
	nfto_port_policy_changed(dev);
	nfto_bind_look_again(dev);
	return 0;
}

int nfto_nl_device_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[NFTO_A_POLICY_MAX + 1];
	int err;

	if (!info->attrs[NFTO_A_POLICY]) {
		GENL_SET_ERR_MSG(info, "there is no policy to set");
		return -EINVAL;
	}
	err = nfto_netlink_only(info, BIT_ULL(NFTO_A_IFINDEX) | BIT_ULL(NFTO_A_IFNAME) |
				      BIT_ULL(NFTO_A_POLICY));
	if (err)
		return err;
	err = nla_parse_nested(tb, NFTO_A_POLICY_MAX, info->attrs[NFTO_A_POLICY],
			       nfto_policy_nl_policy, info->extack);
	if (err)
		return err;
	rtnl_lock();
	err = nfto_netlink_set(skb, info, tb);
	rtnl_unlock();
	return err;
}

struct genl_family nfto_netlink_family __ro_after_init = {
	.name		= NFTO_FAMILY_NAME,
	.version	= NFTO_FAMILY_VERSION,
	.maxattr	= ARRAY_SIZE(nfto_main_nl_policy) - 1,
	.policy		= nfto_main_nl_policy,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.small_ops	= nfto_nl_ops,
	.n_small_ops	= ARRAY_SIZE(nfto_nl_ops),
};

int __init nfto_netlink_init(void)
{
	const struct nfto_driver *driver;
	unsigned int i;
	size_t len;
	int err;

	len = scnprintf(nfto_netlink_drivers, sizeof(nfto_netlink_drivers),
			"there is no known driver of that name; those known are:");
	for (i = 0; (driver = nfto_driver_at(i)); i++)
		if (nfto_driver_by_name(driver->name) == driver)	/* once */
			len += scnprintf(nfto_netlink_drivers + len,
					 sizeof(nfto_netlink_drivers) - len, " %s", driver->name);
	err = nfto_event_init();
	if (err)
		return err;
	err = genl_register_family(&nfto_netlink_family);
	if (err)
		nfto_event_exit();
	return err;
}

void nfto_netlink_exit(void)
{
	genl_unregister_family(&nfto_netlink_family);
	nfto_event_exit();
}
