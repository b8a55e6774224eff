/* SPDX-License-Identifier: GPL-2.0 */
/*
 * filter - which flow directions a user means. All zero but @net: every one of the namespace.
 */
#ifndef NFTO_FILTER_H
#define NFTO_FILTER_H

#include <linux/types.h>
#include <uapi/linux/netfilter/nf_tables.h>
#include "reason.h"

struct genl_info;
struct net;
struct netlink_ext_ack;
struct nfto_flow;
struct nlattr;

struct nfto_filter {
	const struct net *net;		/* only compared */
	int ifindex;			/* in or out; 0: any */
	char table[NFT_NAME_MAXLEN];	/* empty: any */
	char flowtable[NFT_NAME_MAXLEN];
	bool by_state, by_reason, by_port, by_protocol, by_direction;
	u8 state;			/* enum nfto_flow_state */
	u8 reason;			/* enum nfto_reason */
	u8 protocol;
	u8 direction;			/* enum nfto_flow_direction */
	u8 addr_len;			/* 4 or 16; 0: any */
	__be32 addr[4];			/* of either end, on either side of NAT; so is the port */
	__be16 port;
};

/*
 * Reads a filter; @attr is the nest, or NULL, which every flow passes. 0, or -EINVAL with words and
 * the attribute in @extack. May sleep.
 */
int nfto_filter_parse(const struct nlattr *attr, const struct net *net,
		      struct nfto_filter *filter, struct netlink_ext_ack *extack);

/* Does @flow pass? One that is not attached is in no flowtable. Caller holds nfto_lock. */
bool nfto_filter_passes(const struct nfto_filter *filter, const struct nfto_flow *flow);

#endif
