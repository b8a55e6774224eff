// SPDX-License-Identifier: GPL-2.0
#include <net/genetlink.h>
#include <net/sock.h>
#include "../compat/shims.h"
#include "bind.h"
#include "event.h"
#include "filter.h"
#include "flow.h"
#include "flow_internal.h"
#include "flow_netlink.h"
#include "netlink.h"
#include "netlink_gen.h"

/* Starts a part of a dump's answer, or NULL: the message is full. */
static void *nfto_netlink_part(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &nfto_netlink_family, NLM_F_MULTI, cmd);
}

struct nfto_flow_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int nfto_flow_dump_one(const struct nfto_flow *flow, void *data)
{
	struct nfto_flow_dump *dump = data;
	void *header = nfto_netlink_part(dump->skb, dump->cb, NFTO_CMD_FLOW_GET);

	if (!header)
		return -EMSGSIZE;
	if (nfto_flow_put(dump->skb, flow)) {
		genlmsg_cancel(dump->skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(dump->skb, header);
	return 0;
}

/* The filter of a dump, which its every part reads anew. */
static int nfto_flow_dump_filter(struct netlink_callback *cb, const struct net *net,
				 struct nfto_filter *filter)
{
	struct nlattr *tb[NFTO_A_MAX + 1];
	int err, i;

	err = nlmsg_parse(cb->nlh, GENL_HDRLEN, tb, ARRAY_SIZE(nfto_main_nl_policy) - 1,
			  nfto_main_nl_policy, cb->extack);
	if (err)
		return err;
	for (i = 1; i < (int)ARRAY_SIZE(nfto_main_nl_policy); i++) {
		if (!tb[i] || i == NFTO_A_FILTER)
			continue;
		NL_SET_ERR_MSG_ATTR(cb->extack, tb[i], "a dump of flows takes nothing but a filter");
		return -EINVAL;
	}
	return nfto_filter_parse(tb[NFTO_A_FILTER], net, filter, cb->extack);
}

/*
 * cb->args[0]: the id of the last flow that is done, as long as a long goes; args[1]: that of the
 * last at all, or else a dump might never end where flows come all the time.
 */
int nfto_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nfto_flow_dump dump = { .skb = skb, .cb = cb };
	struct nfto_filter filter;
	int err;

	err = nfto_flow_dump_filter(cb, sock_net(skb->sk), &filter);
	if (err)
		return err;
	if (!cb->args[1])
		cb->args[1] = nfto_flow_youngest();
	cb->args[0] = nfto_flow_for_each(cb->args[0], cb->args[1], &filter, nfto_flow_dump_one,
					 &dump);
	return skb->len;
}

/* A dump that takes no attribute at all. */
static int nfto_netlink_dump_all(struct netlink_callback *cb)
{
	if (!nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return 0;
	NL_SET_ERR_MSG_ATTR(cb->extack, nlmsg_attrdata(cb->nlh, GENL_HDRLEN),
			    "this dump takes no attribute");
	return -EINVAL;
}

static int nfto_reason_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
				enum nfto_reason reason, u32 count)
{
	void *header = nfto_netlink_part(skb, cb, NFTO_CMD_REASON_GET);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_string(skb, NFTO_A_REASON, nfto_reason_name(reason)) ||
	    nla_put_string(skb, NFTO_A_REASON_TEXT, nfto_reason_text(reason)) ||
	    nla_put_u32(skb, NFTO_A_COUNT, count)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* cb->args[0]: the last reason that is done; NFTO_REASON_NONE is none */
int nfto_nl_reason_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	u32 counts[NFTO_REASON_MAX];
	int err = nfto_netlink_dump_all(cb);

	if (err)
		return err;
	if (cb->args[0] == NFTO_REASON_MAX - 1)
		return 0;
	nfto_flow_count_reasons(sock_net(skb->sk), counts);
	while (cb->args[0] < NFTO_REASON_MAX - 1 &&
	       !nfto_reason_dump_one(skb, cb, cb->args[0] + 1, counts[cb->args[0] + 1]))
		cb->args[0]++;
	return skb->len;
}

static int nfto_table_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
			       const struct nfto_table *table, struct nfto_tally *tally)
{
	void *header = nfto_netlink_part(skb, cb, NFTO_CMD_FLOWTABLE_GET);
	struct nlattr *nest;

	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, NFTO_A_FLOWTABLE);
	genl_dump_check_consistent(cb, header);
	if (!nest || nfto_bind_put_table_info(skb, table) ||
	    nfto_tally_put(skb, NFTO_A_FLOWTABLE_FLOWS, tally, (unsigned long)table)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	return 0;
}

/* cb->args[0]: how many flowtables of the namespace are done */
int nfto_nl_flowtable_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct net *net = sock_net(skb->sk);
	const struct nfto_table *table;
	struct nfto_tally *tally;
	int err = nfto_netlink_dump_all(cb);

	if (err)
		return err;
	tally = nfto_flow_tally(net, true);
	if (!tally)
		return -ENOMEM;
	rcu_read_lock();	/* for the devices' names */
	spin_lock_bh(&nfto_lock);
	/* one that came or went between two parts may have moved the others */
	cb->seq = nfto_bind_seq(net) ?: 1;
	for (table = nfto_bind_table_at(net, cb->args[0]); table;
	     table = nfto_bind_table_behind(table)) {
		err = nfto_table_dump_one(skb, cb, table, tally);
		if (err)
			break;
		cb->args[0]++;
	}
	spin_unlock_bh(&nfto_lock);
	rcu_read_unlock();
	kvfree(tally);
	/* one with so many devices that no message can hold it is not left out in silence */
	return err && !skb->len ? err : skb->len;
}

/* Answers a request by one message, which @put completes. */
static int nfto_netlink_answer(struct genl_info *info, u8 cmd,
			       int (*put)(struct sk_buff *skb, const void *data),
			       const void *data)
{
	struct sk_buff *reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &nfto_netlink_family, 0, cmd);
	if (!header || put(reply, data)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

static int nfto_netlink_put_count(struct sk_buff *skb, const void *data)
{
	return nla_put_u32(skb, NFTO_A_COUNT, *(const u32 *)data);
}

int nfto_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nfto_filter filter;
	u32 count;
	int err;

	err = nfto_netlink_only(info, BIT_ULL(NFTO_A_FILTER));
	if (err)
		return err;
	if (!info->attrs[NFTO_A_FILTER]) {
		GENL_SET_ERR_MSG(info, "say which flows by a filter; an empty one means all");
		return -EINVAL;
	}
	err = nfto_filter_parse(info->attrs[NFTO_A_FILTER], genl_info_net(info), &filter,
				info->extack);
	if (err)
		return err;
	count = nfto_flow_flush(&filter);
	return nfto_netlink_answer(info, NFTO_CMD_FLOW_FLUSH, nfto_netlink_put_count, &count);
}

int nfto_nl_subscribe_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nfto_filter filter;
	int err;

	err = nfto_netlink_only(info, BIT_ULL(NFTO_A_FILTER));
	if (!err)
		err = nfto_filter_parse(info->attrs[NFTO_A_FILTER], genl_info_net(info), &filter,
					info->extack);
	return err ? err : nfto_event_subscribe(genl_info_net(info), info->snd_portid, &filter,
						info->extack);
}

static int nfto_netlink_put_version(struct sk_buff *skb, const void *data)
{
	if (nla_put_string(skb, NFTO_A_VERSION, NFTO_VERSION) ||
	    nla_put_string(skb, NFTO_A_SHIMS, nfto_shims()))
		return -EMSGSIZE;
	return nfto_bind_in_force() ? nla_put_flag(skb, NFTO_A_IN_FORCE) : 0;
}

int nfto_nl_version_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = nfto_netlink_only(info, 0);

	return err ? err : nfto_netlink_answer(info, NFTO_CMD_VERSION_GET,
					       nfto_netlink_put_version, NULL);
}
