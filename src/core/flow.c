// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include "../compat/flowtable.h"
#include "bind.h"
#include "event.h"
#include "flow_internal.h"
#include "net.h"
#include "path.h"
#include "port.h"
#include "trace.h"
#include "watch.h"

#define NFTO_BACKOFF_MAX (60 * HZ)
/*
 * Attached ones of a user's own network namespace; of others conntrack's limit is the
 * administrator's. Those beyond go on in software, as without us.
 */
#define NFTO_FLOWS_FOREIGN 4096

DEFINE_SPINLOCK(nfto_lock);

u64 nfto_flow_last_id;	/* nfto_lock */

static struct rhashtable nfto_cookies;
static struct kmem_cache *nfto_flow_cache;

static const struct rhashtable_params nfto_cookie_params = {
	.key_len = sizeof(unsigned long),
	.key_offset = offsetof(struct nfto_flow, cookie),
	.head_offset = offsetof(struct nfto_flow, by_cookie),
	.automatic_shrinking = true,
};

static const struct rhashtable_params nfto_owner_params = {
	.key_len = sizeof(struct nfto_match),
	.key_offset = offsetof(struct nfto_flow, rule.match),
	.head_offset = offsetof(struct nfto_flow, by_match),
	.automatic_shrinking = true,
};

struct nfto_flow *nfto_flow_find(unsigned long cookie)
{
	lockdep_assert_held(&nfto_lock);
	return rhashtable_lookup_fast(&nfto_cookies, &cookie, nfto_cookie_params);
}

struct nfto_flow *nfto_flow_back(const struct nfto_flow *flow)
{
	return nfto_flow_find((unsigned long)&flow->core->tuplehash[!flow->dir].tuple);
}

/* Deletion needs no egress device; nothing else may follow. */
static void nfto_flow_drop_out(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	if (flow->holds_out)
		dev_put(flow->rule.out);
	flow->holds_out = false;
	flow->rule.out = NULL;
}

static void nfto_flow_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(nfto_flow_cache, container_of(rcu, struct nfto_flow, rcu));
}

/* Ends the flow's business at its port, and the flow, if there is none left. */
static void nfto_flow_settle(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	if (flow->port && !flow->wanted && !flow->installed && !flow->busy &&
	    list_empty(&flow->queue_node)) {
		if (flow->owner)
			rhashtable_remove_fast(&flow->port->owners, &flow->by_match,
					       nfto_owner_params);
		flow->owner = false;
		list_del(&flow->port_node);
		/* a port without binds waits for just that to end */
		if (list_empty(&flow->port->flows) && !flow->port->binds && !flow->port->gone)
			nfto_port_kick(flow->port, 0);
		flow->port = NULL;
		nfto_flow_drop_out(flow);
	}
	if (flow->attached || flow->port)
		return;
	nf_ct_put(flow->ct);
	nfto_table_put(flow->table);
	kfree(flow->text);
	call_rcu(&flow->rcu, nfto_flow_free_rcu);	/* a hash walk may still pass over it */
}

/* Keeps the port's books. */
static void nfto_flow_set_installed(struct nfto_flow *flow, bool installed)
{
	struct nfto_port *port = flow->port;

	lockdep_assert_held(&nfto_lock);
	if (installed == flow->installed)
		return;
	flow->installed = installed;
	if (installed) {
		port->entries++;
		port->added++;
	} else {
		port->entries--;
		port->deleted++;
	}
}

/* It has left hardware. */
static void nfto_flow_end_installed(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	nfto_flow_set_installed(flow, false);
	flow->state = NFTO_STATE_REFUSED;
	trace_flow_removed(flow);
	nfto_event_flow(NFTO_EVENT_REMOVED, flow);
	nfto_flow_mark(flow, false);
}

static void nfto_flow_tell_refused(const struct nfto_flow *flow)
{
	trace_flow_refused(flow);
	nfto_event_flow(NFTO_EVENT_REFUSED, flow);
}

static void nfto_flow_tell_failed(const struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	flow->port->failed++;
	trace_flow_failed(flow);
	nfto_event_flow(NFTO_EVENT_FAILED, flow);
}

static void nfto_flow_enqueue(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	if (list_empty(&flow->queue_node))
		list_add_tail(&flow->queue_node, flow->installed ? &flow->port->removals :
								   &flow->port->queue);
	nfto_port_kick(flow->port, 0);
}

void nfto_flow_unwant(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	flow->wanted = false;
	if (flow->installed) {
		flow->state = NFTO_STATE_REMOVING;
		if (!flow->busy)
			nfto_flow_enqueue(flow);
	} else if (!flow->busy) {	/* a busy one's queue_node is its holder's */
		list_del_init(&flow->queue_node);
	}
	nfto_flow_settle(flow);
}

void nfto_flow_withdraw(struct nfto_flow *flow, enum nfto_reason reason)
{
	lockdep_assert_held(&nfto_lock);
	flow->reason = reason;
	flow->state = NFTO_STATE_REFUSED;
	flow->err = 0;
	flow->tries = 0;	/* there is nothing that the driver has said to wait for */
	if (flow->port)
		nfto_flow_unwant(flow);
}

/* What hardware has of it is deleted by the worker. */
void nfto_flow_detach(struct nfto_flow *flow, enum nfto_reason reason)
{
	lockdep_assert_held(&nfto_lock);
	rhashtable_remove_fast(&nfto_cookies, &flow->by_cookie, nfto_cookie_params);
	xa_erase(&flow->table->net->flows, flow->id);
	flow->table->net->num_flows--;
	list_del(&flow->table_node);
	if (flow->installed)
		nfto_flow_mark(flow, false);
	nfto_flow_take_back_tag(flow);
	flow->attached = false;
	flow->core = NULL;
	flow->reason = reason;
	nfto_flow_unwant(flow);
}

/* Where the packets of @core's direction @dir come from and go to, as far as the core says. */
static void nfto_flow_find_way(struct nfto_way *way, const struct flow_offload *core, u8 dir)
{
	const struct flow_offload_tuple *tuple = &core->tuplehash[dir].tuple;
	const struct flow_offload_tuple *back = &core->tuplehash[!dir].tuple;

	way->in = tuple->iifidx;
	nfto_flowtable_direct(tuple, &way->out, way->mac);
	if (tuple->l3proto == NFPROTO_IPV4) {
		way->family = AF_INET;
		way->to[0] = back->src_v4.s_addr;
	} else {
		way->family = AF_INET6;
		memcpy(way->to, &back->src_v6, sizeof(way->to));
	}
}

/*
 * What there is of the direction of a flow that the core speaks of, which lives as long as it does
 * so. One of another connection that had this address ends.
 */
static struct nfto_flow *nfto_flow_told(const struct flow_offload_tuple *tuple)
{
	struct nfto_flow *flow = nfto_flow_find((unsigned long)tuple);

	lockdep_assert_held(&nfto_lock);
	if (!flow)
		return NULL;
	if (flow->ct != container_of(tuple, struct flow_offload, tuplehash[tuple->dir].tuple)->ct) {
		nfto_flow_detach(flow, NFTO_REASON_SUPERSEDED);
		return NULL;
	}
	nfto_flow_keep_tag(flow);
	return flow;
}

static struct nfto_flow *nfto_flow_alloc(struct flow_offload *core, u8 dir)
{
	struct nfto_flow *flow = kmem_cache_zalloc(nfto_flow_cache, GFP_KERNEL);

	if (!flow)
		return NULL;
	flow->cookie = (unsigned long)&core->tuplehash[dir].tuple;
	flow->core = core;
	flow->dir = dir;
	flow->ct = core->ct;
	flow->state = NFTO_STATE_REFUSED;
	flow->since = jiffies;
	nfto_flow_find_way(&flow->way, core, dir);
	nf_conntrack_get(&flow->ct->ct_general);
	nfto_flow_acct(flow, &flow->packets_before, &flow->bytes_before);
	INIT_LIST_HEAD(&flow->queue_node);
	return flow;
}

static void nfto_flow_free_fresh(struct nfto_flow *flow)
{
	if (!flow)
		return;
	nf_ct_put(flow->ct);
	kmem_cache_free(nfto_flow_cache, flow);
}

static bool nfto_flow_may_attach(const struct nfto_table *table)
{
	const struct nfto_net *net = table->net;

	lockdep_assert_held(&nfto_lock);
	if (list_empty(&table->list))	/* it ends */
		return false;
	return !nfto_net_is_users(net->net) || net->num_flows < NFTO_FLOWS_FOREIGN;
}

static bool nfto_flow_attach(struct nfto_flow *flow, struct nfto_table *table)
{
	lockdep_assert_held(&nfto_lock);
	if (!nfto_flow_may_attach(table))
		return false;
	if (rhashtable_insert_fast(&nfto_cookies, &flow->by_cookie, nfto_cookie_params))
		return false;
	flow->id = ++nfto_flow_last_id;
	if (xa_err(xa_store(&table->net->flows, flow->id, flow, GFP_ATOMIC))) {
		rhashtable_remove_fast(&nfto_cookies, &flow->by_cookie, nfto_cookie_params);
		return false;
	}
	table->net->num_flows++;
	kref_get(&table->ref);
	flow->table = table;
	flow->attached = true;
	list_add_tail(&flow->table_node, &table->flows);
	return true;
}

/* The tags with which packets of a direction arrive, the outermost first. */
static enum nfto_reason nfto_flow_tags(const struct flow_offload_tuple *tuple,
				       struct nfto_stack *stack)
{
	__be16 proto;
	unsigned int i;
	u16 id;

	memset(stack, 0, sizeof(*stack));
	for (i = 0; nfto_flowtable_encap(tuple, i, &proto, &id); i++) {
		if (!proto || proto == htons(ETH_P_PPP_SES))
			continue;
		if (stack->num == NFTO_TAGS_MAX)
			return NFTO_REASON_TAGS;
		stack->tags[stack->num].tpid = proto;
		stack->tags[stack->num].vid = htons(id);
		stack->num++;
	}
	return NFTO_REASON_NONE;
}

/* No driver that we program can match a PPPoE header; a rule without would take other packets. */
static bool nfto_flow_pppoe_in(const struct flow_offload_tuple *tuple)
{
	__be16 proto;
	unsigned int i;
	u16 id;

	for (i = 0; nfto_flowtable_encap(tuple, i, &proto, &id); i++)
		if (proto == htons(ETH_P_PPP_SES))
			return true;
	return false;
}

/* Completes @rule by what it does not say. What is read does not change while the flow lives. */
static enum nfto_reason nfto_flow_encap(const struct flow_offload *core, u8 dir,
					struct nfto_rule *rule)
{
	/* the other direction's packets arrive with what these have to leave with */
	const struct flow_offload_tuple *tuple = &core->tuplehash[dir].tuple;
	const struct flow_offload_tuple *other = &core->tuplehash[!dir].tuple;
	struct nfto_stack in, out;
	enum nfto_reason reason;

	if (nfto_flow_pppoe_in(tuple))
		return NFTO_REASON_PPPOE_IN;
	reason = nfto_flow_tags(tuple, &in);
	if (!reason)
		reason = nfto_flow_tags(other, &out);
	return reason ? reason : nfto_rule_tags(rule, &in, &out);
}

/* Where would it go in hardware, and is there anything against it that needs no driver to see? */
static enum nfto_reason nfto_flow_place(const struct nfto_flow *flow, struct nfto_port **port)
{
	const struct flow_offload_tuple *tuple = &flow->core->tuplehash[flow->dir].tuple;
	const struct nfto_rule *rule = &flow->rule;
	enum nfto_reason reason;

	lockdep_assert_held(&nfto_lock);
	if (nfto_flow_dying(flow->core))
		return NFTO_REASON_TEARDOWN;
	reason = nfto_bind_port(flow->table, flow->way.in, port);
	if (reason)
		return reason;
	if (rule->out->reg_state != NETREG_REGISTERED)
		return NFTO_REASON_DEVICE_GONE;
	if ((*port)->reason && (*port)->reason != NFTO_REASON_BIND_PENDING)
		return (*port)->reason;
	reason = nfto_port_reaches(*port, rule->out);
	if (reason && reason != NFTO_REASON_BIND_PENDING)
		return reason;
	/* hardware forwards what software would fragment or answer with "packet too big" */
	if ((*port)->dev->mtu > min_t(unsigned int, rule->out->mtu, tuple->mtu))
		return NFTO_REASON_MTU;
	return NFTO_REASON_NONE;
}

static void nfto_flow_refuse(struct nfto_flow *flow, enum nfto_reason reason)
{
	bool news = flow->reason != reason || flow->state != NFTO_STATE_REFUSED;

	lockdep_assert_held(&nfto_lock);
	flow->state = NFTO_STATE_REFUSED;
	flow->reason = reason;
	flow->err = 0;
	flow->tries = 0;
	if (news)
		nfto_flow_tell_refused(flow);
}

/*
 * Who has the hardware entry for this match? An older cookie's flow, whose DESTROY is late, makes
 * way; its deletion is queued before our add. If it is still in hardware, the worker asks again.
 */
static bool nfto_flow_make_way(const struct nfto_flow *flow, struct nfto_port *port)
{
	struct nfto_flow *older;

	lockdep_assert_held(&nfto_lock);
	older = rhashtable_lookup_fast(&port->owners, &flow->rule.match, nfto_owner_params);
	if (!older || !older->attached)
		return false;
	nfto_flow_detach(older, NFTO_REASON_SUPERSEDED);
	return true;
}

static void nfto_flow_become_owner(struct nfto_flow *flow)
{
	lockdep_assert_held(&nfto_lock);
	flow->owner = !rhashtable_lookup_insert_fast(&flow->port->owners, &flow->by_match,
						     nfto_owner_params);
}

/* The core offers @rule for a flow that has no business at a port. */
static void nfto_flow_offer(struct nfto_flow *flow, const struct nfto_rule *rule,
			    enum nfto_reason reason)
{
	struct nfto_port *port = NULL;

	lockdep_assert_held(&nfto_lock);
	memcpy(&flow->rule, rule, sizeof(*rule));
	flow->account = flow->table->ft->flags & NF_FLOWTABLE_COUNTER;
	if (!reason)
		reason = nfto_flow_place(flow, &port);
	if (reason) {
		nfto_flow_refuse(flow, reason);
		return;
	}
	if (flow->tries && flow->epoch == port->epoch && time_before(jiffies, flow->next_try))
		return;
	if (!nfto_flow_make_way(flow, port) && nfto_port_full(port)) {
		/* what the driver has said to this very flow says more */
		if (flow->reason != NFTO_REASON_TABLE_FULL)
			nfto_flow_refuse(flow, NFTO_REASON_TABLE_FULL);
		return;
	}

	flow->port = port;
	flow->wanted = true;
	flow->state = NFTO_STATE_QUEUED;
	flow->reason = NFTO_REASON_NONE;
	flow->poll_round = port->poll_round;
	flow->holds_out = true;
	dev_hold(flow->rule.out);
	list_add_tail(&flow->port_node, &port->flows);
	nfto_flow_become_owner(flow);
	trace_flow_queued(flow);
	nfto_flow_enqueue(flow);
}

void nfto_flow_replace(struct nfto_table *table, struct flow_cls_offload *cls)
{
	struct flow_offload_tuple *tuple = (struct flow_offload_tuple *)cls->cookie;
	u8 dir = tuple->dir;
	struct flow_offload *core = container_of(tuple, struct flow_offload, tuplehash[dir].tuple);
	struct nfto_flow *flow, *fresh = NULL;
	enum nfto_reason unfit, reason;
	struct nfto_rule asked, rule;

	unfit = nfto_rule_parse(cls->rule, &asked);
	if (!unfit)
		unfit = nfto_flow_encap(core, dir, &asked);
	trace_rule_parse(&asked, unfit);
again:
	reason = unfit;
	memcpy(&rule, &asked, sizeof(rule));	/* as a whole: rules are compared as memory */
	spin_lock_bh(&nfto_lock);
	if (!reason)
		reason = nfto_path_resolve(table, &rule, nfto_flowtable_out(tuple));
	flow = nfto_flow_told(tuple);
	/* queued or in hardware as it is now, or on its way out; the core asks again */
	if (flow && flow->table == table && flow->port &&
	    (!flow->wanted || (!reason && nfto_rule_equal(&flow->rule, &rule))))
		goto out_unlock;
	if (flow && (flow->table != table || flow->port)) {
		nfto_flow_detach(flow, NFTO_REASON_SUPERSEDED);
		flow = NULL;
	}
	if (!flow) {
		if (!fresh) {
			spin_unlock_bh(&nfto_lock);
			fresh = nfto_flow_alloc(core, dir);
			if (fresh)
				goto again;
			WRITE_ONCE(table->blind, true);	/* a native driver may have it */
			return;
		}
		if (!nfto_flow_attach(fresh, table)) {
			WRITE_ONCE(table->blind, true);	/* the same */
			goto out_unlock;
		}
		flow = fresh;
		fresh = NULL;
	}
	if (!unfit) {	/* wherever it is placed: a native driver may have it */
		flow->way.port = rule.match.in_ifindex;
		flow->way.out = rule.out->ifindex;
		ether_addr_copy(flow->way.mac, rule.eth_dst);
	}
	nfto_flow_offer(flow, &rule, reason);
out_unlock:
	spin_unlock_bh(&nfto_lock);
	nfto_flow_free_fresh(fresh);
}

/* @failed: this is the direction for which there is no rule; the other may have one. */
static void nfto_flow_remember(struct flow_offload *core, u8 dir, enum nfto_reason reason,
			       bool failed)
{
	struct nfto_flow *flow, *fresh = nfto_flow_alloc(core, dir);
	struct nfto_table *table;

	if (!fresh)
		return;
	rcu_read_lock();	/* for the look into the flowtables */
	spin_lock_bh(&nfto_lock);
	flow = nfto_flow_told(&core->tuplehash[dir].tuple);
	table = flow ? flow->table : nfto_bind_table_of(core, dir);
	if (!flow && table && nfto_flow_attach(fresh, table)) {
		flow = fresh;
		fresh = NULL;
		flow->rule.match.in_ifindex = flow->way.in;
	}
	if (flow && !flow->port && (failed || !fresh))
		nfto_flow_refuse(flow, reason);
	spin_unlock_bh(&nfto_lock);
	rcu_read_unlock();
	nfto_flow_free_fresh(fresh);
}

/*
 * The core offers neither direction then, but sends packets of both by what it has looked up: to
 * end the flow when that changes, each has to be known.
 */
void nfto_flow_unbuildable(struct flow_offload *core, u8 dir, enum nfto_reason reason)
{
	nfto_flow_remember(core, dir, reason, true);
	nfto_flow_remember(core, !dir, reason, false);
}

void nfto_flow_destroy(struct flow_cls_offload *cls)
{
	struct nfto_flow *flow;

	spin_lock_bh(&nfto_lock);
	flow = nfto_flow_find(cls->cookie);
	if (flow)
		nfto_flow_detach(flow, NFTO_REASON_TEARDOWN);
	spin_unlock_bh(&nfto_lock);
}

void nfto_flow_stats(struct flow_cls_offload *cls)
{
	struct nfto_flow *flow;

	spin_lock_bh(&nfto_lock);
	flow = nfto_flow_told((struct flow_offload_tuple *)cls->cookie);
	/*
	 * Only a use since the last answer counts: the core adds its timeout to it in 64 bits and
	 * compares with a 32-bit time, so an older one could move the flow's end backwards.
	 */
	if (flow && flow->seen) {
		flow->seen = false;
		cls->stats.lastused = max_t(u64, cls->stats.lastused, jiffies);
	}
	spin_unlock_bh(&nfto_lock);
}

void nfto_flow_both_ways(struct flow_offload *core)
{
	nfto_flowtable_both_ways(core);
}

struct nfto_flow *nfto_flow_next(struct nfto_port *port)
{
	struct nfto_flow *flow;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	if (!time_before(jiffies, port->retry_next))
		list_splice_tail_init(&port->retry, &port->removals);
	flow = list_first_entry_or_null(list_empty(&port->removals) ? &port->queue :
					&port->removals, struct nfto_flow, queue_node);
	if (flow) {
		list_del_init(&flow->queue_node);
		flow->busy = true;
	}
	spin_unlock_bh(&nfto_lock);
	return flow;
}

enum nfto_reason nfto_flow_claim(struct nfto_flow *flow)
{
	enum nfto_reason reason;

	lockdep_assert_held(&flow->port->mutex);
	spin_lock_bh(&nfto_lock);
	if (!flow->attached || nfto_flow_dying(flow->core))
		reason = NFTO_REASON_TEARDOWN;
	else
		reason = nfto_port_reaches(flow->port, flow->rule.out);
	if (!reason && !flow->owner) {
		flow->owner = !rhashtable_lookup_insert_fast(&flow->port->owners, &flow->by_match,
							     nfto_owner_params);
		if (!flow->owner)
			reason = NFTO_REASON_STALE_ENTRY;
	}
	spin_unlock_bh(&nfto_lock);
	return reason;
}

static unsigned long nfto_flow_backoff(const struct nfto_flow *flow)
{
	switch (flow->reason) {
	case NFTO_REASON_BIND_PENDING:	/* a matter of milliseconds */
	case NFTO_REASON_STALE_ENTRY:	/* of the deletion's next try */
	case NFTO_REASON_TABLE_FULL:	/* the port keeps the time, see program.c */
		return HZ;
	case NFTO_REASON_UNSUPPORTED:
		return NFTO_BACKOFF_MAX;
	default:
		return min_t(unsigned long, HZ << min_t(u8, flow->tries - 1, 6), NFTO_BACKOFF_MAX);
	}
}

/* The driver's words, or NULL, are those of a module that may go. The copy may be NULL. */
static char *nfto_flow_copy_text(const char *text)
{
	return text ? kstrndup(text, 127, GFP_KERNEL) : NULL;
}

void nfto_flow_added(struct nfto_flow *flow, int err, enum nfto_reason reason, const char *text)
{
	char *copy = nfto_flow_copy_text(text);

	spin_lock_bh(&nfto_lock);
	swap(flow->text, copy);
	flow->busy = false;
	if (!flow->wanted) {	/* its end came while the driver was at it, with its own reason */
		nfto_flow_set_installed(flow, !reason);
		nfto_flow_unwant(flow);
	} else if (!reason) {
		nfto_flow_set_installed(flow, true);
		flow->err = 0;
		flow->reason = NFTO_REASON_NONE;
		flow->tries = 0;
		flow->state = NFTO_STATE_HARDWARE;
		trace_flow_hardware(flow);
		nfto_event_flow(NFTO_EVENT_HARDWARE, flow);
		nfto_flow_mark(flow, true);
	} else {
		flow->err = err;
		flow->reason = reason;
		flow->wanted = false;
		flow->state = err ? NFTO_STATE_FAILED : NFTO_STATE_REFUSED;
		if (flow->tries < U8_MAX)
			flow->tries++;
		flow->epoch = flow->port->epoch;
		flow->next_try = jiffies + nfto_flow_backoff(flow);
		if (err)
			nfto_flow_tell_failed(flow);
		else
			nfto_flow_tell_refused(flow);
		nfto_flow_settle(flow);
	}
	spin_unlock_bh(&nfto_lock);
	kfree(copy);
}

void nfto_flow_deleted(struct nfto_flow *flow, int err, const char *text)
{
	struct nfto_port *port = flow->port;
	char *copy = nfto_flow_copy_text(text);

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	swap(flow->text, copy);
	flow->busy = false;
	flow->err = err;
	if (err) {
		/*
		 * It still forwards: nothing is more urgent, but not in a busy loop. The device
		 * that it forwards to may go meanwhile, see take_gone().
		 */
		if (list_empty(&port->retry))
			port->retry_next = jiffies + HZ;
		list_move_tail(&flow->queue_node, &port->retry);
		nfto_port_kick(port, HZ);
		if (flow->holds_out && flow->rule.out->reg_state != NETREG_REGISTERED)
			nfto_flow_drop_out(flow);
	} else {
		list_del_init(&flow->queue_node);
		nfto_flow_end_installed(flow);
		nfto_flow_settle(flow);
	}
	spin_unlock_bh(&nfto_lock);
	kfree(copy);
}

void nfto_flow_idle(struct nfto_flow *flow)
{
	spin_lock_bh(&nfto_lock);
	flow->busy = false;
	if (flow->installed && !flow->wanted && list_empty(&flow->queue_node))
		nfto_flow_enqueue(flow);
	nfto_flow_settle(flow);
	spin_unlock_bh(&nfto_lock);
}

void nfto_flow_lost(struct nfto_flow *flow)
{
	spin_lock_bh(&nfto_lock);
	flow->busy = false;
	if (flow->wanted) {
		flow->reason = NFTO_REASON_LOST;
		nfto_flow_end_installed(flow);
		flow->reason = NFTO_REASON_NONE;
		flow->state = NFTO_STATE_QUEUED;
		nfto_flow_enqueue(flow);
	} else {
		nfto_flow_end_installed(flow);
		nfto_flow_settle(flow);
	}
	spin_unlock_bh(&nfto_lock);
}

struct nfto_flow *nfto_flow_poll_next(struct nfto_port *port, unsigned long deadline)
{
	struct nfto_flow *flow, *found = NULL;
	unsigned int looked = 0;

	lockdep_assert_held(&port->mutex);
	spin_lock_bh(&nfto_lock);
	while (!found && !time_after(jiffies, deadline) && (flow = nfto_flow_next_at_port(port))) {
		if (flow->installed && list_empty(&flow->queue_node)) {
			flow->busy = true;
			found = flow;
		} else {
			nfto_flow_breathe(&looked);
		}
	}
	spin_unlock_bh(&nfto_lock);
	return found;
}

void nfto_flow_counted(struct nfto_flow *flow, u64 packets, u64 bytes)
{
	spin_lock_bh(&nfto_lock);
	nfto_flow_keep_tag(flow);
	/* the end of an older flow of the same connection may have cleared it */
	if (flow->installed && flow->wanted)
		nfto_flow_mark(flow, true);
	if (!packets)
		goto out_unlock;
	flow->packets += packets;
	flow->bytes += bytes;
	flow->seen = true;
	if (flow->attached)	/* `counter` may have come or gone with a new ruleset */
		flow->account = flow->table->ft->flags & NF_FLOWTABLE_COUNTER;
	nfto_watch_neigh_used(nf_ct_net(flow->ct), flow->way.mac);
	if (flow->account)
		nfto_flow_acct_add(flow, packets, bytes);
	nfto_flow_keep_alive(flow);
out_unlock:
	spin_unlock_bh(&nfto_lock);
}

void nfto_flow_forget(struct nfto_flow *flow)
{
	spin_lock_bh(&nfto_lock);
	list_del_init(&flow->queue_node);
	flow->busy = false;
	flow->reason = NFTO_REASON_DEVICE_GONE;
	if (flow->installed)
		nfto_flow_end_installed(flow);
	flow->state = NFTO_STATE_REFUSED;
	nfto_flow_settle(flow);
	spin_unlock_bh(&nfto_lock);
}

int nfto_flow_init_owners(struct rhashtable *owners)
{
	return rhashtable_init(owners, &nfto_owner_params);
}

int nfto_flow_init(void)
{
	int err;

	nfto_flow_cache = KMEM_CACHE(nfto_flow, 0);
	if (!nfto_flow_cache)
		return -ENOMEM;
	err = rhashtable_init(&nfto_cookies, &nfto_cookie_params);
	if (err)
		kmem_cache_destroy(nfto_flow_cache);
	return err;
}

void nfto_flow_exit(void)
{
	WARN_ON(atomic_read(&nfto_cookies.nelems));
	rhashtable_destroy(&nfto_cookies);
	kmem_cache_destroy(nfto_flow_cache);
}
