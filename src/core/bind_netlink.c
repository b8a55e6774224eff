// SPDX-License-Identifier: GPL-2.0
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/netlink.h>
#include "bind.h"
#include "netlink.h"
#include "nfto.h"
#include <uapi/linux/nft_offload.h>

/* @few: there is room for sentences. */
static int nfto_bind_put_bind(struct sk_buff *skb, const struct nfto_bind *bind,
			      const struct net_device *dev, bool few)
{
	enum nfto_reason reason = NFTO_REASON_NONE;
	u32 backend = nfto_bind_backend_of(bind, &reason);

	if (nla_put_u32(skb, NFTO_A_FLOWTABLE_DEVICE_IFINDEX, bind->ifindex) ||
	    nla_put_u32(skb, NFTO_A_FLOWTABLE_DEVICE_BACKEND, backend) ||
	    (dev && nfto_netlink_put_ifname(skb, NFTO_A_FLOWTABLE_DEVICE_IFNAME, dev)))
		return -EMSGSIZE;
	if (backend != NFTO_BACKEND_SOFTWARE)
		return 0;
	if (nla_put_string(skb, NFTO_A_FLOWTABLE_DEVICE_REASON, nfto_reason_name(reason)) ||
	    (few && nla_put_string(skb, NFTO_A_FLOWTABLE_DEVICE_REASON_TEXT,
				   nfto_reason_text(reason))))
		return -EMSGSIZE;
	return 0;
}

static unsigned int nfto_bind_count(const struct nfto_table *table)
{
	const struct nfto_bind *bind;
	unsigned int num = 0;

	list_for_each_entry(bind, &table->binds, list)
		num++;
	return num;
}

int nfto_bind_put_table_info(struct sk_buff *skb, const struct nfto_table *table)
{
	struct net *net = read_pnet(&table->ft->net);
	const struct nfto_bind *bind;
	struct nlattr *nest;
	bool few;

	lockdep_assert_held(&nfto_lock);
	few = nfto_bind_count(table) <= 16;	/* all of them have to go into one message */
	if (nla_put_u32(skb, NFTO_A_FLOWTABLE_FAMILY, table->family) ||
	    nla_put_string(skb, NFTO_A_FLOWTABLE_TABLE, table->name) ||
	    nla_put_string(skb, NFTO_A_FLOWTABLE_NAME, table->flowtable) ||
	    nla_put_u64_64bit(skb, NFTO_A_FLOWTABLE_HANDLE, table->handle, NFTO_A_FLOWTABLE_PAD))
		return -EMSGSIZE;
	if (table->ft->flags & NF_FLOWTABLE_COUNTER &&
	    nla_put_flag(skb, NFTO_A_FLOWTABLE_COUNTER))
		return -EMSGSIZE;
	list_for_each_entry(bind, &table->binds, list) {
		nest = nla_nest_start(skb, NFTO_A_FLOWTABLE_DEVICE);
		if (!nest ||
		    nfto_bind_put_bind(skb, bind, dev_get_by_index_rcu(net, bind->ifindex), few))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}
