// SPDX-License-Identifier: GPL-2.0
#include <net/netlink.h>
#include "bind.h"
#include "filter.h"
#include "flow_internal.h"
#include "flow_netlink.h"
#include "netlink_gen.h"

static int nfto_filter_parse_reason(const struct nlattr *attr, struct nfto_filter *filter,
				    struct netlink_ext_ack *extack)
{
	unsigned int reason;

	for (reason = 0; reason < NFTO_REASON_MAX; reason++) {
		if (strcmp(nfto_reason_name(reason), nla_data(attr)))
			continue;
		filter->reason = reason;
		filter->by_reason = true;
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such reason; nft-offload reasons --all lists them");
	return -EINVAL;
}

static int nfto_filter_parse_address(const struct nlattr *attr, struct nfto_filter *filter,
				     struct netlink_ext_ack *extack)
{
	if (nla_len(attr) != 4 && nla_len(attr) != 16) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	filter->addr_len = nla_len(attr);
	memcpy(filter->addr, nla_data(attr), filter->addr_len);
	return 0;
}

/* What has a range is checked by the policy already. */
static void nfto_filter_parse_numbers(struct nlattr **tb, struct nfto_filter *filter)
{
	if (tb[NFTO_A_FILTER_IFINDEX])
		filter->ifindex = nla_get_u32(tb[NFTO_A_FILTER_IFINDEX]);
	filter->by_state = tb[NFTO_A_FILTER_STATE];
	if (filter->by_state)
		filter->state = nla_get_u32(tb[NFTO_A_FILTER_STATE]);
	filter->by_port = tb[NFTO_A_FILTER_PORT];
	if (filter->by_port)
		filter->port = nla_get_be16(tb[NFTO_A_FILTER_PORT]);
	filter->by_protocol = tb[NFTO_A_FILTER_PROTOCOL];
	if (filter->by_protocol)
		filter->protocol = nla_get_u32(tb[NFTO_A_FILTER_PROTOCOL]);
	filter->by_direction = tb[NFTO_A_FILTER_DIRECTION];
	if (filter->by_direction)
		filter->direction = nla_get_u32(tb[NFTO_A_FILTER_DIRECTION]);
}

int nfto_filter_parse(const struct nlattr *attr, const struct net *net,
		      struct nfto_filter *filter, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[NFTO_A_FILTER_MAX + 1];
	int err;

	memset(filter, 0, sizeof(*filter));
	filter->net = net;
	if (!attr)
		return 0;
	err = nla_parse_nested(tb, NFTO_A_FILTER_MAX, attr, nfto_filter_nl_policy, extack);
	if (err)
		return err;
	nfto_filter_parse_numbers(tb, filter);
	if (tb[NFTO_A_FILTER_TABLE])
		strscpy(filter->table, nla_data(tb[NFTO_A_FILTER_TABLE]), sizeof(filter->table));
	if (tb[NFTO_A_FILTER_FLOWTABLE])
		strscpy(filter->flowtable, nla_data(tb[NFTO_A_FILTER_FLOWTABLE]),
			sizeof(filter->flowtable));
	if (tb[NFTO_A_FILTER_REASON])
		err = nfto_filter_parse_reason(tb[NFTO_A_FILTER_REASON], filter, extack);
	if (!err && tb[NFTO_A_FILTER_ADDRESS])
		err = nfto_filter_parse_address(tb[NFTO_A_FILTER_ADDRESS], filter, extack);
	return err;
}

static bool nfto_filter_names(const struct nfto_filter *filter, const struct nfto_flow *flow)
{
	if (*filter->table && strcmp(filter->table, flow->table->name))
		return false;
	return !*filter->flowtable || !strcmp(filter->flowtable, flow->table->flowtable);
}

static bool nfto_filter_has(const struct nfto_filter *filter, const __be32 *addr, u8 addr_len)
{
	return filter->addr_len == addr_len && !memcmp(filter->addr, addr, addr_len);
}

static bool nfto_filter_ends(const struct nfto_filter *filter, const struct nfto_flow *flow)
{
	struct nfto_ends ends;

	if (!filter->addr_len && !filter->by_port && !filter->by_protocol)
		return true;
	nfto_flow_ends(flow, &ends);
	if (filter->by_protocol && filter->protocol != ends.protocol)
		return false;
	if (filter->by_port && filter->port != ends.sport && filter->port != ends.dport &&
	    filter->port != ends.new_sport && filter->port != ends.new_dport)
		return false;
	return !filter->addr_len || nfto_filter_has(filter, ends.src, ends.addr_len) ||
	       nfto_filter_has(filter, ends.dst, ends.addr_len) ||
	       nfto_filter_has(filter, ends.new_src, ends.addr_len) ||
	       nfto_filter_has(filter, ends.new_dst, ends.addr_len);
}

bool nfto_filter_passes(const struct nfto_filter *filter, const struct nfto_flow *flow)
{
	const struct nfto_way *way = &flow->way;

	lockdep_assert_held(&nfto_lock);
	if (filter->net != nf_ct_net(flow->ct))
		return false;
	if (filter->by_state && filter->state != flow->state)
		return false;
	if (filter->by_reason && filter->reason != flow->reason)
		return false;
	if (filter->by_direction && filter->direction != flow->dir)
		return false;
	if (filter->ifindex && filter->ifindex != way->in && filter->ifindex != way->port &&
	    filter->ifindex != way->out)
		return false;
	return nfto_filter_names(filter, flow) && nfto_filter_ends(filter, flow);
}
