// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include "event.h"
#include "flow.h"
#include "port.h"
#include "program.h"
#include "stats.h"
#include "trace.h"

#define NFTO_FULL_MAX		(60 * HZ)
#define NFTO_LOG_INTERVAL	(60 * HZ)
#define NFTO_NEVER		ULONG_MAX

/* One line when rules begin to fail for another reason, or still do after a minute. */
static void nfto_program_log(struct nfto_port *port, enum nfto_reason reason, int err,
			     const char *text)
{
	lockdep_assert_held(&port->mutex);
	if (reason == port->logged && time_before(jiffies, port->logged_at + NFTO_LOG_INTERVAL))
		return;
	port->logged = reason;
	port->logged_at = jiffies;
	net_info_ratelimited("nft_offload: %s: flows stay in software: %s: errno %d%s%s\n",
			     port->dev->name, nfto_reason_text(reason), -err, text ? ": " : "",
			     text ? text : "");
}

/* A full table would say so to every flow: the first that hears it keeps the others away. */
static void nfto_program_note_full(struct nfto_port *port)
{
	unsigned long wait = min_t(unsigned long, HZ << min(port->full_tries, 6U), NFTO_FULL_MAX);

	lockdep_assert_held(&port->mutex);
	WRITE_ONCE(port->full_until, (jiffies + wait) | 1);
	port->full_tries++;
}

static void nfto_program_add(struct nfto_port *port, struct nfto_flow *flow)
{
	struct netlink_ext_ack extack = {};
	enum nfto_reason reason;
	int err = 0;

	lockdep_assert_held(&port->mutex);
	if (port->reason)		/* only written under our mutex */
		reason = port->reason;
	else if (nfto_port_full(port))
		reason = NFTO_REASON_TABLE_FULL;
	else
		reason = nfto_flow_claim(flow);
	if (!reason)
		reason = nfto_port_add(port, flow->id, &flow->rule, &extack, &err);
	if (err) {
		nfto_program_log(port, reason, err, extack._msg);
		if (reason == NFTO_REASON_TABLE_FULL) {
			nfto_program_note_full(port);
			nfto_event_device(NFTO_EVENT_TABLE_FULL, port->dev, reason);
		}
	} else if (!reason) {
		nfto_port_has_room(port);
	}
	nfto_flow_added(flow, err, reason, extack._msg);
}

int nfto_program_delete(struct nfto_port *port, struct nfto_flow *flow,
			struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&port->mutex);
	nfto_stats_read(port, flow);
	err = nfto_port_del(port, flow->id, &flow->rule, extack);
	if (!err)
		nfto_port_has_room(port);
	return err;
}

static void nfto_program_remove(struct nfto_port *port, struct nfto_flow *flow)
{
	struct netlink_ext_ack extack = {};
	int err = nfto_program_delete(port, flow, &extack);

	if (err)
		net_warn_ratelimited("nft_offload: %s: hardware did not delete an entry: errno %d%s%s, trying again\n",
				     port->dev->name, -err, extack._msg ? ": " : "",
				     extack._msg ? extack._msg : "");
	nfto_flow_deleted(flow, err, extack._msg);
}

static void nfto_program_one(struct nfto_port *port, struct nfto_flow *flow)
{
	/* Both may change meanwhile; added() and deleted() see to it. */
	if (READ_ONCE(flow->wanted) && !flow->installed)
		nfto_program_add(port, flow);
	else if (!READ_ONCE(flow->wanted) && flow->installed)
		nfto_program_remove(port, flow);
	else
		nfto_flow_idle(flow);
}

/* In how many jiffies there is something to do again. */
static unsigned long nfto_program_next(struct nfto_port *port)
{
	unsigned long now = jiffies, next = NFTO_NEVER;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	if (port->leaving || !list_empty(&port->queue) || !list_empty(&port->removals))
		next = 0;
	if (!list_empty(&port->flows))
		next = min(next, time_before(now, port->poll_next) ? port->poll_next - now : 0);
	if (!list_empty(&port->retry))
		next = min(next, time_before(now, port->retry_next) ? port->retry_next - now : 0);
	if (port->bound && port->reason && list_empty(&port->flows) && !port->probe_num)
		next = 0;		/* the last entry is out: the block is to be given back */
	if (port->binds && !port->bound && port->dev->reg_state == NETREG_REGISTERED)
		next = min(next, time_before(now, port->bind_next) ? port->bind_next - now : 0);
	spin_unlock_bh(&nfto_lock);
	return next;
}

static unsigned long nfto_program_run(struct nfto_port *port, bool rtnl)
{
	unsigned long deadline = jiffies + NFTO_HOLD;
	u64 start = trace_program_run_enabled() ? ktime_get_ns() : 0;
	struct nfto_flow *flow;
	unsigned int num = 0;

	lockdep_assert_held(&port->mutex);
	if (port->gone)
		return NFTO_NEVER;
	port->rtnl = rtnl;
	if (rtnl) {
		nfto_port_recheck(port);
		nfto_port_try_bind(port);
	}
	nfto_port_go_on_leaving(port, deadline);
	while (!time_after(jiffies, deadline) && (flow = nfto_flow_next(port))) {
		nfto_program_one(port, flow);
		num++;
	}
	/* a budget of its own: flows must not expire because many others are being added */
	if (!port->leaving && !time_before(jiffies, port->poll_next) &&
	    nfto_stats_poll(port, jiffies + NFTO_HOLD)) {
		port->poll_round++;
		port->poll_next = jiffies + NFTO_POLL_INTERVAL;
	}
	if (start)
		trace_program_run(port, num, rtnl, ktime_get_ns() - start);
	if (rtnl)
		nfto_port_try_release(port);
	if (rtnl && nfto_port_try_end(port))
		return NFTO_NEVER;
	port->rtnl = false;
	return nfto_program_next(port);
}

void nfto_program_work(struct work_struct *work)
{
	struct nfto_port *port = container_of(to_delayed_work(work), struct nfto_port, work);
	unsigned long next;
	bool rtnl;

	/*
	 * bound, unlocked and reason change only here, by a probe, and at NETDEV_UNREGISTER, when
	 * the port is gone too. A last unbind, or a change, that comes right after this look has
	 * kicked us: the next run sees it.
	 */
	rtnl = !port->bound || !port->unlocked || port->reason || !READ_ONCE(port->binds) ||
	       READ_ONCE(port->changed);
	if (rtnl)
		rtnl_lock();
	mutex_lock(&port->mutex);
	next = nfto_program_run(port, rtnl);
	/* under the mutex: either the port's end cancels it, or run() saw the end */
	if (next != NFTO_NEVER)
		nfto_port_kick(port, next);
	mutex_unlock(&port->mutex);
	if (rtnl)
		rtnl_unlock();
	nfto_port_put(port);
}
