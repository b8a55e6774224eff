// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>
#include "dialect.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "probe.h"
#include "trial.h"

/* All trials, each with the longest of words, and what was filled in. */
#define NFTO_PROBE_REPLY	(16 * 1024)
#define NFTO_PROBE_LIMIT	1048576

/* By which attributes a nest says why a rule was not taken. */
struct nfto_probe_attrs {
	int reason, reason_text, err, text;
};

static int nfto_probe_put_why(struct sk_buff *skb, const struct nfto_probe_attrs *attrs,
			      const struct nfto_probe_result *result)
{
	if (result->reason &&
	    (nla_put_string(skb, attrs->reason, nfto_reason_name(result->reason)) ||
	     nla_put_string(skb, attrs->reason_text, nfto_reason_text(result->reason))))
		return -EMSGSIZE;
	if (result->err && nla_put_u32(skb, attrs->err, -result->err))
		return -EMSGSIZE;
	return *result->text ? nla_put_string(skb, attrs->text, result->text) : 0;
}

static int nfto_probe_put_trial(struct sk_buff *skb, unsigned int trial,
				const struct nfto_probe_result *result)
{
	static const struct nfto_probe_attrs attrs = {
		NFTO_A_TRIAL_REASON, NFTO_A_TRIAL_REASON_TEXT, NFTO_A_TRIAL_ERRNO,
		NFTO_A_TRIAL_DRIVER_TEXT,
	};
	struct nlattr *nest = nla_nest_start(skb, NFTO_A_TRIAL);

	if (!nest || nla_put_string(skb, NFTO_A_TRIAL_NAME, nfto_trial_name(trial)) ||
	    (result->known && nla_put_flag(skb, NFTO_A_TRIAL_KNOWN)) ||
	    (result->taken && nla_put_flag(skb, NFTO_A_TRIAL_TAKEN)) ||
	    nfto_netlink_put_hazards(skb, NFTO_A_TRIAL_HAZARD, result->hazards) ||
	    nfto_probe_put_why(skb, &attrs, result))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfto_probe_put_fill(struct sk_buff *skb, const struct nfto_probe_fill *fill)
{
	static const struct nfto_probe_attrs attrs = {
		NFTO_A_FILL_REASON, NFTO_A_FILL_REASON_TEXT, NFTO_A_FILL_ERRNO,
		NFTO_A_FILL_DRIVER_TEXT,
	};
	struct nlattr *nest = nla_nest_start(skb, NFTO_A_FILL);

	if (!nest || nla_put_u32(skb, NFTO_A_FILL_RULES, fill->num) ||
	    nla_put_u32(skb, NFTO_A_FILL_LEFT, fill->left) ||
	    nfto_probe_put_why(skb, &attrs, &fill->last))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfto_probe_put_changed(struct genl_info *info)
{
	GENL_SET_ERR_MSG(info, "the device, or the one that rules send to, changed meanwhile");
	return -EAGAIN;
}

/* Does all that was asked for, and writes it down. No locks. */
static int nfto_probe_run(struct nfto_probe *probe, struct sk_buff *reply, struct genl_info *info,
			  u32 limit)
{
	struct nfto_probe_result result;
	struct nfto_probe_fill fill;
	unsigned int trial;
	int err;

	if (nla_put_string(reply, NFTO_A_DRIVER, probe->driver->name) ||
	    nla_put_u32(reply, NFTO_A_EGRESS, probe->out_ifindex) ||
	    nla_put_string(reply, NFTO_A_EGRESS_NAME, probe->out_name))
		return -EMSGSIZE;
	for (trial = 0; trial < NFTO_TRIALS && !signal_pending(current); trial++) {
		if (!nfto_probe_try(probe, trial, &result))
			return nfto_probe_put_changed(info);
		err = nfto_probe_put_trial(reply, trial, &result);
		if (err)
			return err;
	}
	if (signal_pending(current))
		return -EINTR;
	if (!limit)
		return 0;
	if (!nfto_probe_fill(probe, limit, &fill))
		return nfto_probe_put_changed(info);
	return nfto_probe_put_fill(reply, &fill);
}

/* Why there is no probe, in the words that flows have for it, but for what flows do not meet. */
static int nfto_probe_refuse(struct genl_info *info, enum nfto_reason reason)
{
	switch (reason) {
	case NFTO_REASON_EGRESS:
		GENL_SET_ERR_MSG(info, "no other port of its hardware is in use: name one, as in probe DEVICE to DEVICE");
		return -EDESTADDRREQ;
	case NFTO_REASON_DUPLICATE:
		GENL_SET_ERR_MSG(info, "another probe of the device is under way");
		return -EBUSY;
	default:
		/* a constant that is copied before we can go away; the macros take literals */
		info->extack->_msg = nfto_reason_text(reason);
		return reason == NFTO_REASON_NO_MEMORY ? -ENOMEM :
		       reason == NFTO_REASON_BIND_PENDING ? -EAGAIN : -EOPNOTSUPP;
	}
}

/* RTNL is held. */
static int nfto_probe_start(struct nfto_probe *probe, struct sk_buff *reply,
			    struct genl_info *info)
{
	const struct nlattr *egress = info->attrs[NFTO_A_EGRESS];
	struct net_device *dev, *out = NULL;
	enum nfto_reason reason;
	int err;

	dev = nfto_netlink_find(info, &err);
	if (!dev)
		return err;
	if (egress) {
		out = __dev_get_by_index(genl_info_net(info), nla_get_u32(egress));
		if (!out) {
			NL_SET_ERR_MSG_ATTR(info->extack, egress,
					    "there is no such device in this network namespace");
			return -ENODEV;
		}
		if (!out->netdev_ops->ndo_setup_tc) {	/* its end would not be seen either */
			NL_SET_ERR_MSG_ATTR(info->extack, egress,
					    "rules cannot send there: its driver has no TC offload");
			return -EOPNOTSUPP;
		}
	}
	if (nla_put_u32(reply, NFTO_A_IFINDEX, dev->ifindex) ||
	    nla_put_string(reply, NFTO_A_IFNAME, dev->name))
		return -EMSGSIZE;
	reason = nfto_probe_begin(probe, dev, out);
	if (!reason)
		return 0;
	return nfto_probe_refuse(info, reason);
}

/* What was asked for is not more than there may be. */
static int nfto_probe_check(struct genl_info *info, u32 *limit)
{
	const struct nlattr *attr = info->attrs[NFTO_A_LIMIT];

	*limit = attr ? nla_get_u32(attr) : 0;
	if (*limit <= NFTO_PROBE_LIMIT)
		return nfto_netlink_only(info, BIT_ULL(NFTO_A_IFINDEX) | BIT_ULL(NFTO_A_IFNAME) |
					       BIT_ULL(NFTO_A_EGRESS) | BIT_ULL(NFTO_A_LIMIT));
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "a probe fills in up to 1048576 rules");
	return -ERANGE;
}

int nfto_nl_device_probe_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nfto_probe probe;
	struct sk_buff *reply;
	void *header;
	u32 limit;
	int err;

	err = nfto_probe_check(info, &limit);
	if (err)
		return err;
	reply = genlmsg_new(NFTO_PROBE_REPLY, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	err = -EMSGSIZE;
	header = genlmsg_put_reply(reply, info, &nfto_netlink_family, 0, NFTO_CMD_DEVICE_PROBE);
	if (!header)
		goto err_free_reply;
	rtnl_lock();
	err = nfto_probe_start(&probe, reply, info);
	rtnl_unlock();
	if (err)
		goto err_free_reply;
	err = nfto_probe_run(&probe, reply, info, limit);
	nfto_probe_end(&probe);
	if (err)
		goto err_free_reply;
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);

err_free_reply:
	nlmsg_free(reply);
	return err;
}
