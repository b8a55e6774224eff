/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	src/spec/nft_offload.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_NFT_OFFLOAD_GEN_H
#define _LINUX_NFT_OFFLOAD_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/nft_offload.h>

/* Common nested types */
extern const struct nla_policy nfto_filter_nl_policy[NFTO_A_FILTER_DIRECTION + 1];
extern const struct nla_policy nfto_policy_nl_policy[NFTO_A_POLICY_OFFLOAD + 1];

/* Global operation policy for nft_offload */
extern const struct nla_policy nfto_main_nl_policy[NFTO_A_LIMIT + 1];

/* Ops table for nft_offload */
extern const struct genl_small_ops nfto_nl_ops[9];

int nfto_nl_device_get_doit(struct sk_buff *skb, struct genl_info *info);
int nfto_nl_device_get_dumpit(struct sk_buff *skb,
				     struct netlink_callback *cb);
int nfto_nl_device_set_doit(struct sk_buff *skb, struct genl_info *info);
int nfto_nl_flowtable_get_dumpit(struct sk_buff *skb,
					struct netlink_callback *cb);
int nfto_nl_flow_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int nfto_nl_reason_get_dumpit(struct sk_buff *skb,
				     struct netlink_callback *cb);
int nfto_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info);
int nfto_nl_subscribe_doit(struct sk_buff *skb, struct genl_info *info);
int nfto_nl_version_get_doit(struct sk_buff *skb,
				    struct genl_info *info);
int nfto_nl_device_probe_doit(struct sk_buff *skb,
				     struct genl_info *info);

#endif /* _LINUX_NFT_OFFLOAD_GEN_H */
