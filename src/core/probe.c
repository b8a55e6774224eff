// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/sched/signal.h>
#include "bind.h"
#include "flow_netlink.h"
#include "port.h"
#include "probe.h"
#include "trial.h"

/* For how long a table is filled, since generic netlink waits for us. */
#define NFTO_PROBE_TIME		(10 * HZ)
/* How often a driver that does not delete a rule is asked again. */
#define NFTO_PROBE_TRIES	3
/* Its rule is the plainest one that everybody has to take. */
#define NFTO_PROBE_FILLER	1	/* ipv4-udp */

static void nfto_probe_lock(struct nfto_port *port)
{
	rtnl_lock();
	mutex_lock(&port->mutex);
	port->rtnl = true;
}

static void nfto_probe_unlock(struct nfto_port *port)
{
	port->rtnl = false;
	mutex_unlock(&port->mutex);
	rtnl_unlock();
}

/* Can rules be offered, now? */
static bool nfto_probe_works(const struct nfto_probe *probe)
{
	const struct nfto_port *port = probe->port;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	/* who has both the index and the address of the one that was named is it, or as good */
	return !port->gone && port->bound && !port->reason &&
	       __dev_get_by_index(dev_net(port->dev), probe->out_ifindex) == probe->out;
}

static enum nfto_reason nfto_probe_bind(struct nfto_port *port)
{
	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	if (port->gone)
		return NFTO_REASON_DEVICE_GONE;
	if (port->probing)
		return NFTO_REASON_DUPLICATE;
	port->rtnl = true;
	nfto_port_recheck(port);
	nfto_port_try_bind(port);
	port->rtnl = false;
	return port->reason;
}

enum nfto_reason nfto_probe_begin(struct nfto_probe *probe, struct net_device *dev,
				  struct net_device *out)
{
	const struct nfto_driver *driver;
	enum nfto_reason reason;

	ASSERT_RTNL();
	reason = nfto_port_able(dev, &driver);
	if (reason)
		return reason;
	probe->port = nfto_port_bind(dev, dev_net(dev), driver);
	if (!probe->port)
		return NFTO_REASON_NO_MEMORY;
	mutex_lock(&probe->port->mutex);
	reason = nfto_probe_bind(probe->port);
	if (!reason && !out)
		out = nfto_port_peer(probe->port);
	if (!reason && !out)	/* itself it is not: few drivers let a device send to itself */
		reason = NFTO_REASON_EGRESS;
	probe->port->probing |= !reason;
	probe->driver = probe->port->driver;
	mutex_unlock(&probe->port->mutex);
	if (reason) {
		nfto_port_unbind(probe->port);
		return reason;
	}
	probe->out = out;
	probe->out_ifindex = out->ifindex;
	strscpy(probe->out_name, out->name, sizeof(probe->out_name));
	return NFTO_REASON_NONE;
}

void nfto_probe_end(struct nfto_probe *probe)
{
	mutex_lock(&probe->port->mutex);
	WARN_ON(probe->port->probe_num);
	probe->port->probing = false;
	mutex_unlock(&probe->port->mutex);
	nfto_port_unbind(probe->port);
}

/* 0, or what the driver said last. */
static int nfto_probe_delete(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			     unsigned int tries)
{
	struct netlink_ext_ack extack = {};
	int err;

	lockdep_assert_held(&port->mutex);
	do {
		err = nfto_port_del(port, id, rule, &extack);
	} while (err && --tries);
	if (err)
		nfto_port_kept(port, "a rule of a probe", err, extack._msg);
	return err;
}

static void nfto_probe_add(struct nfto_port *port, u64 id, const struct nfto_rule *rule,
			   struct nfto_probe_result *result)
{
	struct netlink_ext_ack extack = {};
	enum nfto_dialect dialect = 0;

	lockdep_assert_held(&port->mutex);
	memset(result, 0, sizeof(*result));
	result->reason = nfto_port_try(port, id, rule, &dialect, &extack, &result->err);
	result->known = !result->reason || result->err;
	result->taken = !result->reason;
	if (result->taken)
		result->hazards = nfto_dialect_hazards(port->driver, dialect);
	/* the words are those of a module that may go */
	if (extack._msg && result->err)
		strscpy(result->text, extack._msg, sizeof(result->text));
}

bool nfto_probe_try(struct nfto_probe *probe, unsigned int trial,
		    struct nfto_probe_result *result)
{
	struct nfto_port *port = probe->port;
	struct nfto_rule rule;
	u64 id = nfto_flow_take_ids(1);
	bool works;

	nfto_probe_lock(port);
	works = nfto_probe_works(probe);
	if (works) {
		nfto_trial_rule(trial, 0, port->dev->ifindex, (struct net_device *)probe->out,
				&rule);
		nfto_probe_add(port, id, &rule, result);
		if (result->taken)
			result->err = nfto_probe_delete(port, id, &rule, NFTO_PROBE_TRIES);
		if (result->taken && result->err) {
			result->taken = false;
			result->reason = NFTO_REASON_STALE_ENTRY;
		}
	}
	nfto_probe_unlock(port);
	return works;
}

/*
 * Deletes rules that were filled in until @deadline, and counts those that could not be in *@left:
 * after the first the driver is not asked often about each, for all wait for us.
 */
static void nfto_probe_empty(struct nfto_port *port, unsigned long deadline, u32 *left)
{
	struct nfto_rule rule;

	lockdep_assert_held(&port->mutex);
	while (port->probe_num && !time_after(jiffies, deadline)) {
		port->probe_num--;
		/* of a rule that is deleted, a driver is told the id and the protocol */
		nfto_trial_rule(NFTO_PROBE_FILLER, port->probe_num, port->dev->ifindex, NULL,
				&rule);
		*left += !!nfto_probe_delete(port, port->probe_id + port->probe_num, &rule,
					     *left ? 1 : NFTO_PROBE_TRIES);
	}
}

void nfto_probe_clear(struct nfto_port *port)
{
	u32 left = 0;

	ASSERT_RTNL();
	lockdep_assert_held(&port->mutex);
	while (port->probe_num) {
		nfto_probe_empty(port, jiffies + NFTO_HOLD, &left);
		cond_resched();
	}
}

/* False: the driver takes no more, and @result says why. */
static bool nfto_probe_fill_some(struct nfto_probe *probe, u32 limit,
				 struct nfto_probe_result *result)
{
	unsigned long deadline = jiffies + NFTO_HOLD;
	struct nfto_port *port = probe->port;
	struct nfto_rule rule;

	lockdep_assert_held(&port->mutex);
	while (port->probe_num < limit && !time_after(jiffies, deadline)) {
		nfto_trial_rule(NFTO_PROBE_FILLER, port->probe_num, port->dev->ifindex,
				(struct net_device *)probe->out, &rule);
		nfto_probe_add(port, port->probe_id + port->probe_num, &rule, result);
		if (!result->taken)
			return false;
		port->probe_num++;
	}
	return true;
}

bool nfto_probe_fill(struct nfto_probe *probe, u32 limit, struct nfto_probe_fill *fill)
{
	unsigned long end = jiffies + NFTO_PROBE_TIME;
	struct nfto_port *port = probe->port;
	bool works, more;
	u32 rest;

	memset(fill, 0, sizeof(*fill));
	nfto_probe_lock(port);
	port->probe_id = nfto_flow_take_ids(limit);
	port->probe_out = probe->out;
	nfto_probe_unlock(port);
	do {
		nfto_probe_lock(port);
		/* if what was there is gone, it was cleared, and counts for nothing */
		works = nfto_probe_works(probe) && port->probe_num == fill->num;
		more = works && nfto_probe_fill_some(probe, limit, &fill->last);
		if (works)
			fill->num = port->probe_num;
		nfto_probe_unlock(port);
		cond_resched();
	} while (more && fill->num < limit && time_before(jiffies, end) &&
		 !signal_pending(current));
	do {
		nfto_probe_lock(port);
		if (port->probe_num)	/* there are none once the port is gone */
			nfto_probe_empty(port, jiffies + NFTO_HOLD, &fill->left);
		rest = port->probe_num;
		if (!rest) {
			port->probe_out = NULL;
			nfto_port_has_room(port);	/* flows may try again */
		}
		nfto_probe_unlock(port);
		cond_resched();
	} while (rest);
	return works;
}
