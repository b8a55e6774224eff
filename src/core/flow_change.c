// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <net/netfilter/nf_conntrack.h>
#include "bind.h"
#include "filter.h"
#include "flow_internal.h"
#include "net.h"
#include "port.h"
#include "trace.h"

static bool nfto_change_covers(const struct nfto_change *change, const struct nfto_way *way)
{
	unsigned int words = change->len / 32, rest = change->len % 32;
	__be32 mask = rest ? htonl(~0U << (32 - rest)) : 0;

	if (change->family != way->family)
		return false;
	if (memcmp(change->addr, way->to, words * sizeof(way->to[0])))
		return false;
	return !mask || !((change->addr[words] ^ way->to[words]) & mask);
}

/* Could it not be built, or not be placed, as happens while a neighbour is not resolved? */
static bool nfto_flow_waits(const struct nfto_flow *flow)
{
	return flow->state == NFTO_STATE_REFUSED &&
	       (flow->reason == NFTO_REASON_BUILD || flow->reason == NFTO_REASON_INGRESS ||
		flow->reason == NFTO_REASON_EGRESS);
}

static bool nfto_change_concerns(const struct nfto_change *change, const struct nfto_flow *flow)
{
	const struct nfto_way *way = &flow->way;

	switch (change->kind) {
	case NFTO_CHANGE_ALL:
		return true;
	case NFTO_CHANGE_DEVICE:
		return way->in == change->ifindex || way->port == change->ifindex ||
		       way->out == change->ifindex;
	case NFTO_CHANGE_PREFIX:
		return nfto_change_covers(change, way);
	case NFTO_CHANGE_MAC:
		return ether_addr_equal(way->mac, change->mac);
	case NFTO_CHANGE_MOVED:
		return ether_addr_equal(way->mac, change->mac) && way->out &&
		       way->out != change->ifindex && way->out != change->real;
	case NFTO_CHANGE_RESOLVED:
		return nfto_flow_waits(flow) && nfto_change_covers(change, way);
	}
	return false;
}

static void nfto_flow_teardown(struct flow_offload *core)
{
	lockdep_assert_held(&nfto_lock);
	if (!nfto_flow_dying(core))
		flow_offload_teardown(core);
}

/*
 * Both directions end: the core's flow is one for both. Its next packet goes through the ruleset,
 * which may add it again once the core's garbage collection has taken this one away.
 */
static void nfto_flow_end(struct nfto_flow *flow, enum nfto_reason reason)
{
	struct nfto_flow *back = nfto_flow_back(flow);

	lockdep_assert_held(&nfto_lock);
	/* if it is on its way out already, hardware need not wait for that */
	nfto_flow_teardown(flow->core);
	nfto_flow_withdraw(flow, reason);
	trace_flow_stale(flow);
	if (back)
		nfto_flow_withdraw(back, reason);
}

void nfto_flow_end_core(struct flow_offload *core)
{
	spin_lock_bh(&nfto_lock);
	nfto_flow_teardown(core);
	spin_unlock_bh(&nfto_lock);
}

static void nfto_flow_end_if_changed(struct nfto_flow *flow, const struct nfto_change *changes,
				     unsigned int num)
{
	unsigned int i;

	lockdep_assert_held(&nfto_lock);
	for (i = 0; i < num; i++) {
		if (!nfto_change_concerns(&changes[i], flow))
			continue;
		nfto_flow_end(flow, changes[i].reason);
		return;
	}
}

struct nfto_flow *nfto_flow_next_by_id(struct nfto_net *net, unsigned long *at, u64 last)
{
	lockdep_assert_held(&nfto_lock);
	return xa_find_after(&net->flows, at, last, XA_PRESENT);
}

void nfto_flow_end_changed(struct nfto_net *net, const struct nfto_change *changes,
			   unsigned int num)
{
	unsigned int looked = 0;
	struct nfto_flow *flow;
	unsigned long at = 0;
	u64 last;

	spin_lock_bh(&nfto_lock);
	last = nfto_flow_last_id;
	while ((flow = nfto_flow_next_by_id(net, &at, last))) {
		nfto_flow_end_if_changed(flow, changes, num);
		looked += num / NFTO_COMPARISONS;
		nfto_flow_breathe(&looked);
	}
	spin_unlock_bh(&nfto_lock);
}

/* Calls @fn for each flow of @net, with nfto_lock held; returns the sum of what it answers. */
static u32 nfto_flow_walk(struct nfto_net *net, u32 (*fn)(struct nfto_flow *flow, const void *data),
			  const void *data)
{
	unsigned int looked = 0;
	struct nfto_flow *flow;
	unsigned long at = 0;
	u32 num = 0;
	u64 last;

	spin_lock_bh(&nfto_lock);
	last = nfto_flow_last_id;
	while ((flow = nfto_flow_next_by_id(net, &at, last))) {
		num += fn(flow, data);
		nfto_flow_breathe(&looked);
	}
	spin_unlock_bh(&nfto_lock);
	return num;
}

/* Ends both directions if the filter passes this one; returns how many it passes. */
static u32 nfto_flow_flush_one(struct nfto_flow *flow, const void *data)
{
	const struct nfto_flow *back = nfto_flow_back(flow);
	const struct nfto_filter *filter = data;
	u32 num;

	lockdep_assert_held(&nfto_lock);
	if (nfto_flow_dying(flow->core) || !nfto_filter_passes(filter, flow))
		return 0;
	num = 1 + (back && nfto_filter_passes(filter, back));
	nfto_flow_end(flow, NFTO_REASON_FLUSHED);
	return num;
}

u32 nfto_flow_flush(const struct nfto_filter *filter)
{
	return nfto_flow_walk(nfto_net_of(filter->net), nfto_flow_flush_one, filter);
}

/* The same of @table alone. Behind each that is looked at, others may have nfto_lock. */
static struct nfto_flow *nfto_flow_next_in_table(struct nfto_table *table, unsigned long *at,
						 u64 last, unsigned int *looked)
{
	struct nfto_flow *flow;

	lockdep_assert_held(&nfto_lock);
	while (!list_empty(&table->flows)) {
		nfto_flow_breathe(looked);
		flow = nfto_flow_next_by_id(table->net, at, last);
		if (!flow || flow->table == table)
			return flow;
	}
	return NULL;
}

void nfto_flow_unbind(struct nfto_table *table, int ifindex)
{
	unsigned int looked = 0;
	struct nfto_flow *flow;
	unsigned long at = 0;
	u64 last;

	spin_lock_bh(&nfto_lock);
	last = nfto_flow_last_id;
	while ((flow = nfto_flow_next_in_table(table, &at, last, &looked)))
		if (flow->way.in == ifindex)
			nfto_flow_end(flow, NFTO_REASON_UNBOUND);
	spin_unlock_bh(&nfto_lock);
}

void nfto_flow_drop_table(struct nfto_table *table)
{
	struct nfto_flow *flow;
	unsigned int looked = 0;

	spin_lock_bh(&nfto_lock);
	while (!list_empty(&table->flows)) {
		flow = list_first_entry(&table->flows, struct nfto_flow, table_node);
		/* the flowtable may stay, and get devices again */
		nfto_flow_teardown(flow->core);
		nfto_flow_detach(flow, NFTO_REASON_UNBOUND);
		nfto_flow_breathe(&looked);
	}
	spin_unlock_bh(&nfto_lock);
}

u32 nfto_flow_end_foreign(struct nfto_table *table)
{
	unsigned int looked = 0;
	const struct nfto_bind *bind;
	struct nfto_flow *flow;
	unsigned long at = 0;
	u32 num = 0;
	u64 last;

	spin_lock_bh(&nfto_lock);
	last = nfto_flow_last_id;
	while ((flow = nfto_flow_next_in_table(table, &at, last, &looked))) {
		bind = nfto_bind_of(table, flow->way.in);
		if (bind && bind->backend == NFTO_NATIVE)
			continue;
		nfto_flow_end(flow, NFTO_REASON_UNBOUND);
		num++;
	}
	spin_unlock_bh(&nfto_lock);
	return num;
}

/* As the core has it: both directions of a flow go by a device, or none. */
static u32 nfto_flow_is_native_by(struct nfto_flow *flow, const void *data)
{
	const struct flow_offload_tuple_rhash *both = flow->core->tuplehash;
	const int *ifindex = data;

	lockdep_assert_held(&nfto_lock);
	return flow->table->num_native && (both[0].tuple.iifidx == *ifindex ||
					   both[1].tuple.iifidx == *ifindex);
}

u32 nfto_flow_native_by(struct nfto_net *net, int ifindex)
{
	return nfto_flow_walk(net, nfto_flow_is_native_by, &ifindex);
}

struct nfto_flow *nfto_flow_next_at_port(struct nfto_port *port)
{
	struct nfto_flow *flow;

	lockdep_assert_held(&nfto_lock);
	flow = list_first_entry_or_null(&port->flows, struct nfto_flow, port_node);
	if (!flow || flow->poll_round == port->poll_round)
		return NULL;
	flow->poll_round = port->poll_round;
	list_move_tail(&flow->port_node, &port->flows);
	return flow;
}

bool nfto_flow_leave(struct nfto_port *port, enum nfto_reason reason, unsigned long deadline)
{
	unsigned int looked = 0;
	struct nfto_flow *flow;
	bool done = false;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	while (!done && !time_after(jiffies, deadline)) {
		flow = nfto_flow_next_at_port(port);
		done = !flow;
		if (flow && flow->wanted)
			nfto_flow_withdraw(flow, reason);
		nfto_flow_breathe(&looked);
	}
	spin_unlock_bh(&nfto_lock);
	return done;
}

/* Nothing new comes that would have to go too: the device is not registered any more. */
void nfto_flow_take_gone(struct nfto_port *port, const struct net_device *out,
			 struct list_head *to)
{
	unsigned int looked = 0;
	struct nfto_flow *flow;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	port->poll_round++;
	while ((flow = nfto_flow_next_at_port(port))) {
		if (!out || flow->rule.out == out) {
			flow->wanted = false;
			flow->busy = true;
			list_move_tail(&flow->queue_node, to);
		}
		nfto_flow_breathe(&looked);
	}
	port->poll_round++;
	spin_unlock_bh(&nfto_lock);
}
