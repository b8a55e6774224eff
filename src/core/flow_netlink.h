/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What users are told of flows. Part of the registry: it looks behind cookies, under nfto_lock.
 */
#ifndef NFTO_FLOW_NETLINK_H
#define NFTO_FLOW_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/nft_offload.h>
#include "reason.h"

#define NFTO_STATES (NFTO_STATE_REMOVING + 1)

struct net;
struct nfto_filter;
struct nfto_flow;
struct sk_buff;

/* Who a flow direction is of, as addresses and ports; unused words are zero. */
struct nfto_ends {
	__be32 src[4], dst[4], new_src[4], new_dst[4];
	__be16 sport, dport, new_sport, new_dport;
	u8 addr_len;
	u8 protocol;
};

/* Caller holds nfto_lock. */
void nfto_flow_ends(const struct nfto_flow *flow, struct nfto_ends *ends);

/* The nest NFTO_A_FLOW. 0 or -EMSGSIZE, after which the message is to be given up. nfto_lock. */
int nfto_flow_put(struct sk_buff *skb, const struct nfto_flow *flow);

/* The id of the youngest flow. Takes nfto_lock. */
u64 nfto_flow_youngest(void);

/* The first of @num ids that no flow has or will have, for rules of others. Takes nfto_lock. */
u64 nfto_flow_take_ids(u32 num);

/*
 * Calls @show(flow, data) for attached flows that @filter passes, in the order of their ids, those
 * behind @id up to @last; nfto_lock is held in each call, and let go of now and then. Ends behind
 * the last, or when @show returns an error. Returns the id of the last one that was looked at, and
 * not refused by @show. May sleep; no locks.
 */
u64 nfto_flow_for_each(u64 id, u64 last, const struct nfto_filter *filter,
		       int (*show)(const struct nfto_flow *flow, void *data), void *data);

/*
 * How many flow directions of a namespace there are by state, for each key: the ifindex of the
 * device where they enter, or the flowtable. There are rows for twice as many of these as there are
 * at its making; if flows know still more by the end, those do not count.
 */
struct nfto_tally_row {
	unsigned long key;
	u32 counts[NFTO_STATES];
};

struct nfto_tally {
	bool by_table;
	unsigned int bits;			/* of the number of rows */
	struct nfto_tally_row rows[];		/* hashed; key 0: free */
};

/* NULL: no memory. Ends with kvfree(). May sleep; no locks. */
struct nfto_tally *nfto_flow_tally(const struct net *net, bool by_table);

/* The nest NFTO_A_FLOWS, or another of that kind. 0 or -EMSGSIZE. */
int nfto_tally_put(struct sk_buff *skb, int attr, struct nfto_tally *tally, unsigned long key);

/* How many flow directions of a namespace have each reason. May sleep; no locks. */
void nfto_flow_count_reasons(const struct net *net, u32 counts[NFTO_REASON_MAX]);

#endif
