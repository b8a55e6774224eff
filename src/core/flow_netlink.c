// SPDX-License-Identifier: GPL-2.0
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include "bind.h"
#include "filter.h"
#include "flow_internal.h"
#include "flow_netlink.h"
#include "net.h"
#include "netlink.h"
#include <uapi/linux/nft_offload.h>

/* As packets leave: the other direction's, the other way round. */
static void nfto_ends_of_core(const struct nfto_flow *flow, struct nfto_ends *ends)
{
	const struct flow_offload_tuple *tuple = &flow->core->tuplehash[flow->dir].tuple;
	const struct flow_offload_tuple *back = &flow->core->tuplehash[!flow->dir].tuple;

	ends->protocol = tuple->l4proto;
	ends->sport = tuple->src_port;
	ends->dport = tuple->dst_port;
	ends->new_sport = back->dst_port;
	ends->new_dport = back->src_port;
	if (tuple->l3proto == NFPROTO_IPV4) {
		ends->addr_len = sizeof(tuple->src_v4);
		ends->src[0] = tuple->src_v4.s_addr;
		ends->dst[0] = tuple->dst_v4.s_addr;
		ends->new_src[0] = back->dst_v4.s_addr;
		ends->new_dst[0] = back->src_v4.s_addr;
		return;
	}
	ends->addr_len = sizeof(tuple->src_v6);
	memcpy(ends->src, &tuple->src_v6, sizeof(ends->src));
	memcpy(ends->dst, &tuple->dst_v6, sizeof(ends->dst));
	memcpy(ends->new_src, &back->dst_v6, sizeof(ends->new_src));
	memcpy(ends->new_dst, &back->src_v6, sizeof(ends->new_dst));
}

static void nfto_ends_of_rule(const struct nfto_rule *rule, struct nfto_ends *ends)
{
	const struct nfto_match *match = &rule->match;

	ends->addr_len = match->n_proto == htons(ETH_P_IP) ? 4 : 16;
	ends->protocol = match->l4proto;
	ends->sport = match->sport;
	ends->dport = match->dport;
	ends->new_sport = rule->edits & NFTO_EDIT_SPORT ? rule->sport : match->sport;
	ends->new_dport = rule->edits & NFTO_EDIT_DPORT ? rule->dport : match->dport;
	memcpy(ends->src, match->src, sizeof(ends->src));
	memcpy(ends->dst, match->dst, sizeof(ends->dst));
	memcpy(ends->new_src, rule->edits & NFTO_EDIT_SRC ? rule->src : match->src,
	       sizeof(ends->new_src));
	memcpy(ends->new_dst, rule->edits & NFTO_EDIT_DST ? rule->dst : match->dst,
	       sizeof(ends->new_dst));
}

void nfto_flow_ends(const struct nfto_flow *flow, struct nfto_ends *ends)
{
	lockdep_assert_held(&nfto_lock);
	memset(ends, 0, sizeof(*ends));
	if (flow->attached)
		nfto_ends_of_core(flow, ends);
	else	/* it was in hardware, or was to be: so it has a rule */
		nfto_ends_of_rule(&flow->rule, ends);
}

static int nfto_ends_put(struct sk_buff *skb, const struct nfto_ends *ends)
{
	if (nla_put_u32(skb, NFTO_A_FLOW_PROTOCOL, ends->protocol) ||
	    nla_put(skb, NFTO_A_FLOW_SOURCE, ends->addr_len, ends->src) ||
	    nla_put(skb, NFTO_A_FLOW_DESTINATION, ends->addr_len, ends->dst) ||
	    nla_put_be16(skb, NFTO_A_FLOW_SOURCE_PORT, ends->sport) ||
	    nla_put_be16(skb, NFTO_A_FLOW_DESTINATION_PORT, ends->dport))
		return -EMSGSIZE;
	if (memcmp(ends->src, ends->new_src, ends->addr_len) &&
	    nla_put(skb, NFTO_A_FLOW_NEW_SOURCE, ends->addr_len, ends->new_src))
		return -EMSGSIZE;
	if (memcmp(ends->dst, ends->new_dst, ends->addr_len) &&
	    nla_put(skb, NFTO_A_FLOW_NEW_DESTINATION, ends->addr_len, ends->new_dst))
		return -EMSGSIZE;
	if (ends->sport != ends->new_sport &&
	    nla_put_be16(skb, NFTO_A_FLOW_NEW_SOURCE_PORT, ends->new_sport))
		return -EMSGSIZE;
	if (ends->dport != ends->new_dport &&
	    nla_put_be16(skb, NFTO_A_FLOW_NEW_DESTINATION_PORT, ends->new_dport))
		return -EMSGSIZE;
	return 0;
}

static int nfto_tag_put(struct sk_buff *skb, int attr, const struct nfto_tag *tag)
{
	return nla_put_u32(skb, attr, ntohs(tag->tpid) << 16 | ntohs(tag->vid));
}

/* Both lists from the outermost tag on. A flow without a rule has none to tell of. */
static int nfto_tags_put(struct sk_buff *skb, const struct nfto_rule *rule)
{
	const struct nfto_match *match = &rule->match;
	unsigned int i;

	for (i = 0; i < match->num_tags; i++)
		if (nfto_tag_put(skb, NFTO_A_FLOW_TAG, &match->tags[i]))
			return -EMSGSIZE;
	for (i = rule->num_push; i--; )
		if (nfto_tag_put(skb, NFTO_A_FLOW_NEW_TAG, &rule->push[i]))
			return -EMSGSIZE;
	for (i = rule->num_pop; i < match->num_tags; i++)
		if (nfto_tag_put(skb, NFTO_A_FLOW_NEW_TAG, &match->tags[i]))
			return -EMSGSIZE;
	return 0;
}

static int nfto_device_put(struct sk_buff *skb, int attr, int name_attr, struct net *net,
			   int ifindex)
{
	const struct net_device *dev;
	int err = 0;

	if (!ifindex)
		return 0;
	if (nla_put_u32(skb, attr, ifindex))
		return -EMSGSIZE;
	rcu_read_lock();
	dev = dev_get_by_index_rcu(net, ifindex);
	if (dev)
		err = nfto_netlink_put_ifname(skb, name_attr, dev);
	rcu_read_unlock();
	return err;
}

static int nfto_counters_put(struct sk_buff *skb, const struct nfto_flow *flow)
{
	bool account = flow->attached && (flow->table->ft->flags & NF_FLOWTABLE_COUNTER);
	u64 packets, bytes;

	if (nla_put_u64_64bit(skb, NFTO_A_FLOW_PACKETS, flow->packets, NFTO_A_FLOW_PAD) ||
	    nla_put_u64_64bit(skb, NFTO_A_FLOW_BYTES, flow->bytes, NFTO_A_FLOW_PAD))
		return -EMSGSIZE;
	if (!account || !nfto_flow_acct(flow, &packets, &bytes))
		return 0;
	/* it has counted ours too; that of both one may be a moment older does no harm */
	packets -= min(packets, flow->packets_before + flow->packets);
	bytes -= min(bytes, flow->bytes_before + flow->bytes);
	if (nla_put_u64_64bit(skb, NFTO_A_FLOW_SOFTWARE_PACKETS, packets, NFTO_A_FLOW_PAD) ||
	    nla_put_u64_64bit(skb, NFTO_A_FLOW_SOFTWARE_BYTES, bytes, NFTO_A_FLOW_PAD))
		return -EMSGSIZE;
	return 0;
}

static int nfto_state_put(struct sk_buff *skb, const struct nfto_flow *flow)
{
	unsigned long now = jiffies;

	if (nla_put_u32(skb, NFTO_A_FLOW_DIRECTION, flow->dir) ||
	    nla_put_u32(skb, NFTO_A_FLOW_STATE, flow->state) ||
	    nla_put_u64_64bit(skb, NFTO_A_FLOW_AGE, jiffies64_to_msecs(now - flow->since),
			      NFTO_A_FLOW_PAD))
		return -EMSGSIZE;
	if (flow->reason != NFTO_REASON_NONE &&
	    (nla_put_string(skb, NFTO_A_FLOW_REASON, nfto_reason_name(flow->reason)) ||
	     nla_put_string(skb, NFTO_A_FLOW_REASON_TEXT, nfto_reason_text(flow->reason))))
		return -EMSGSIZE;
	if (flow->err && nla_put_u32(skb, NFTO_A_FLOW_ERRNO, -flow->err))
		return -EMSGSIZE;
	if (flow->err && flow->text && nla_put_string(skb, NFTO_A_FLOW_DRIVER_TEXT, flow->text))
		return -EMSGSIZE;
	if (flow->tries && time_before(now, flow->next_try) &&
	    nla_put_u64_64bit(skb, NFTO_A_FLOW_RETRY, jiffies_to_msecs(flow->next_try - now),
			      NFTO_A_FLOW_PAD))
		return -EMSGSIZE;
	return 0;
}

static int nfto_flow_put_all(struct sk_buff *skb, const struct nfto_flow *flow)
{
	struct net *net = nf_ct_net(flow->ct);
	struct nfto_ends ends;

	nfto_flow_ends(flow, &ends);
	if (nla_put_u64_64bit(skb, NFTO_A_FLOW_ID, flow->id, NFTO_A_FLOW_PAD) ||
	    nfto_state_put(skb, flow) || nfto_ends_put(skb, &ends) ||
	    nfto_tags_put(skb, &flow->rule) || nfto_counters_put(skb, flow) ||
	    nfto_device_put(skb, NFTO_A_FLOW_INGRESS, NFTO_A_FLOW_INGRESS_NAME, net,
			    flow->way.in) ||
	    nfto_device_put(skb, NFTO_A_FLOW_EGRESS, NFTO_A_FLOW_EGRESS_NAME, net, flow->way.out))
		return -EMSGSIZE;
	if (nla_put_string(skb, NFTO_A_FLOW_TABLE, flow->table->name) ||
	    nla_put_string(skb, NFTO_A_FLOW_FLOWTABLE, flow->table->flowtable))
		return -EMSGSIZE;
	return 0;
}

int nfto_flow_put(struct sk_buff *skb, const struct nfto_flow *flow)
{
	struct nlattr *nest = nla_nest_start(skb, NFTO_A_FLOW);

	lockdep_assert_held(&nfto_lock);
	if (!nest || nfto_flow_put_all(skb, flow))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

u64 nfto_flow_youngest(void)
{
	u64 id;

	spin_lock_bh(&nfto_lock);
	id = nfto_flow_last_id;
	spin_unlock_bh(&nfto_lock);
	return id;
}

u64 nfto_flow_take_ids(u32 num)
{
	u64 id;

	spin_lock_bh(&nfto_lock);
	id = nfto_flow_last_id + 1;
	nfto_flow_last_id += num;
	spin_unlock_bh(&nfto_lock);
	return id;
}

u64 nfto_flow_for_each(u64 id, u64 last, const struct nfto_filter *filter,
		       int (*show)(const struct nfto_flow *flow, void *data), void *data)
{
	struct nfto_net *net = nfto_net_of(filter->net);
	struct nfto_flow *flow;
	unsigned int looked = 0;
	unsigned long at = id;

	spin_lock_bh(&nfto_lock);
	while ((flow = nfto_flow_next_by_id(net, &at, last))) {
		if (nfto_filter_passes(filter, flow) && show(flow, data))
			break;
		id = at;
		nfto_flow_breathe(&looked);
	}
	spin_unlock_bh(&nfto_lock);
	return id;
}

/* The row of @key, or the one where it belongs; NULL: there is no room for it. */
static struct nfto_tally_row *nfto_tally_find(struct nfto_tally *tally, unsigned long key)
{
	unsigned int mask = (1U << tally->bits) - 1, at = hash_long(key, tally->bits), i;

	for (i = 0; i <= mask; i++, at = (at + 1) & mask)
		if (!tally->rows[at].key || tally->rows[at].key == key)
			return &tally->rows[at];
	return NULL;
}

static int nfto_tally_count(const struct nfto_flow *flow, void *data)
{
	struct nfto_tally *tally = data;
	unsigned long key = tally->by_table ? (unsigned long)flow->table : flow->way.in;
	struct nfto_tally_row *row = nfto_tally_find(tally, key);

	if (!row)
		return 0;
	row->key = key;
	row->counts[flow->state]++;
	return 0;
}

/* They may enter by devices that are in no flowtable. */
static unsigned int nfto_tally_keys(const struct net *net, bool by_table)
{
	const struct net_device *dev;
	unsigned int num = 0;

	if (by_table)
		return READ_ONCE(nfto_net_of(net)->num_tables);
	rcu_read_lock();
	for_each_netdev_rcu((struct net *)net, dev)
		num++;
	rcu_read_unlock();
	return num;
}

struct nfto_tally *nfto_flow_tally(const struct net *net, bool by_table)
{
	struct nfto_filter filter = { .net = net };
	struct nfto_tally *tally;
	unsigned int bits;

	bits = order_base_2(2 * nfto_tally_keys(net, by_table) + 16);
	tally = kvzalloc(struct_size(tally, rows, 1UL << bits), GFP_KERNEL);
	if (!tally)
		return NULL;
	tally->by_table = by_table;
	tally->bits = bits;
	nfto_flow_for_each(0, nfto_flow_youngest(), &filter, nfto_tally_count, tally);
	return tally;
}

int nfto_tally_put(struct sk_buff *skb, int attr, struct nfto_tally *tally, unsigned long key)
{
	static const struct nfto_tally_row none;
	const struct nfto_tally_row *row = nfto_tally_find(tally, key);
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	if (!row)
		row = &none;
	/* the attributes stand in the order of the states */
	for (i = 0; i < NFTO_STATES; i++)
		if (nla_put_u32(skb, NFTO_A_COUNTS_QUEUED + i, row->counts[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfto_reasons_count(const struct nfto_flow *flow, void *data)
{
	u32 *counts = data;

	counts[flow->reason]++;
	return 0;
}

void nfto_flow_count_reasons(const struct net *net, u32 counts[NFTO_REASON_MAX])
{
	struct nfto_filter filter = { .net = net };

	memset(counts, 0, NFTO_REASON_MAX * sizeof(*counts));
	nfto_flow_for_each(0, nfto_flow_youngest(), &filter, nfto_reasons_count, counts);
}
