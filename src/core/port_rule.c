// SPDX-License-Identifier: GPL-2.0
/* What a port's driver is asked about rules, and how its answers are read. */
#include <linux/rtnetlink.h>
#include <net/pkt_cls.h>
#include "../compat/flow_offload.h"
#include "policy.h"
#include "port.h"
#include "trace.h"

static int nfto_port_call(struct nfto_port *port, struct flow_cls_offload *cls, u64 id,
			  const struct nfto_rule *rule)
{
	netdev_features_t features = port->dev->features;
	struct flow_block_cb *cb;
	u64 start = 0;
	int err;

	lockdep_assert_held(&port->mutex);
	if (!port->unlocked)
		ASSERT_RTNL();
	cb = list_first_entry_or_null(&port->block.cb_list, struct flow_block_cb, list);
	if (!cb)
		return -ENODEV;
	cls->cookie = id;
	cls->common.prio = port->driver->prio;
	/* the same on add, delete and stats: nfp wants it */
	cls->common.protocol = rule->match.num_tags ? rule->match.tags[0].tpid :
						      rule->match.n_proto;
	/*
	 * Some drivers do not even delete a rule once hw-tc-offload is off, which we hear of only
	 * then. RTNL protects the features.
	 */
	if (port->rtnl && cls->command != FLOW_CLS_REPLACE)
		port->dev->features |= NETIF_F_HW_TC;
	if (trace_driver_call_enabled())
		start = ktime_get_ns();
	err = cb->cb(TC_SETUP_CLSFLOWER, cls, cb->cb_priv);
	if (start)
		trace_driver_call(port, cls->command, id, ktime_get_ns() - start, err);
	if (port->rtnl && cls->command != FLOW_CLS_REPLACE)
		port->dev->features = features;
	return err;
}

static void nfto_port_allowed(const struct nfto_port *port, struct nfto_policy *allowed)
{
	struct nfto_device_policy policy;

	nfto_policy_get(port->dev, &policy);
	allowed->ttl_lossy = nfto_policy_lossy(&policy);
	allowed->tcp_unguarded = policy.tcp == NFTO_TCP_UNGUARDED;
}

/* Offers a rule in the driver's dialects, from *@rung on, which becomes the one that it took. */
static enum nfto_reason nfto_port_offer(struct nfto_port *port, u64 id,
					const struct nfto_rule *rule,
					const struct nfto_policy *allowed, u8 *rung,
					struct netlink_ext_ack *extack, int *err)
{
	struct flow_cls_offload cls = { .command = FLOW_CLS_REPLACE, .common.extack = extack };
	const struct nfto_driver *driver = port->driver;
	enum nfto_reason reason = NFTO_REASON_UNSUPPORTED, refusal;
	u8 i;

	*err = 0;
	nfto_cls_hardware_only(&cls.common);
	cls.rule = port->offer.rule;
	for (i = *rung; i < driver->num_dialects && reason == NFTO_REASON_UNSUPPORTED; i++) {
		refusal = nfto_dialect_emit(rule, driver, driver->dialects[i], allowed,
					    &port->offer);
		trace_dialect_emit(port, id, driver->dialects[i], refusal);
		if (refusal)	/* what the driver said to a better dialect says more */
			return *err ? reason : refusal;
		extack->_msg = NULL;
		*err = nfto_port_call(port, &cls, id, rule);
		if (*err >= 0) {
			*rung = i;
			*err = 0;
			return NFTO_REASON_NONE;
		}
		reason = nfto_driver_reason(driver, *err, extack->_msg);
	}
	return reason;
}

enum nfto_reason nfto_port_add(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			       struct netlink_ext_ack *extack, int *err)
{
	struct nfto_policy allowed;

	nfto_port_allowed(port, &allowed);
	return nfto_port_offer(port, id, rule, &allowed, &port->rungs[nfto_dialect_kind(rule)],
			       extack, err);
}

enum nfto_reason nfto_port_try(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			       enum nfto_dialect *dialect, struct netlink_ext_ack *extack, int *err)
{
	static const struct nfto_policy all = { .ttl_lossy = true, .tcp_unguarded = true };
	enum nfto_reason reason;
	u8 rung = 0;

	reason = nfto_port_offer(port, id, rule, &all, &rung, extack, err);
	if (!reason)
		*dialect = port->driver->dialects[rung];
	return reason;
}

/* Does @err say that there is no such rule? @theirs: how the driver says it. */
static bool nfto_port_lacks(int err, int theirs)
{
	return err == -ENOENT || (theirs && err == theirs);
}

int nfto_port_del(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
		  struct netlink_ext_ack *extack)
{
	struct flow_cls_offload cls = { .command = FLOW_CLS_DESTROY, .common.extack = extack };
	int err = nfto_port_call(port, &cls, id, rule);

	return nfto_port_lacks(err, port->driver->no_rule_to_delete) ? 0 : err;
}

void nfto_port_kept(const struct nfto_port *port, const char *what, int err, const char *text)
{
	net_warn_ratelimited("nft_offload: %s: hardware kept %s: errno %d%s%s\n", port->dev->name,
			     what, -err, text ? ": " : "", text ? text : "");
}

int nfto_port_stats(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
		    struct flow_stats *stats)
{
	struct netlink_ext_ack extack = {};
	struct flow_cls_offload cls = { .command = FLOW_CLS_STATS, .common.extack = &extack };
	int err = nfto_port_call(port, &cls, id, rule);

	*stats = cls.stats;
	return nfto_port_lacks(err, port->driver->no_rule_to_ask) ? -ENOENT : err;
}

u32 nfto_port_hazards(const struct nfto_port *port)
{
	const u32 ttl = BIT(NFTO_HAZARD_TTL_UNTOUCHED), fin = BIT(NFTO_HAZARD_FIN_RST);
	const struct nfto_driver *driver = port->driver;
	struct nfto_policy allowed;
	u32 hazards, all = 0;
	u8 i;

	nfto_port_allowed(port, &allowed);
	for (i = 0; i < driver->num_dialects; i++) {
		hazards = nfto_dialect_hazards(driver, driver->dialects[i]);
		if (hazards & ttl && !allowed.ttl_lossy)
			continue;	/* never used */
		if (!allowed.tcp_unguarded)
			hazards &= ~fin;	/* used for UDP alone */
		all |= hazards;
	}
	return all;
}
