// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	src/spec/nft_offload.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/nft_offload.h>

/* Common nested types */
const struct nla_policy nfto_filter_nl_policy[NFTO_A_FILTER_DIRECTION + 1] = {
	[NFTO_A_FILTER_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[NFTO_A_FILTER_TABLE] = { .type = NLA_NUL_STRING, .len = 255, },
	[NFTO_A_FILTER_FLOWTABLE] = { .type = NLA_NUL_STRING, .len = 255, },
	[NFTO_A_FILTER_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
	[NFTO_A_FILTER_REASON] = { .type = NLA_NUL_STRING, .len = 31, },
	[NFTO_A_FILTER_ADDRESS] = { .type = NLA_BINARY, },
	[NFTO_A_FILTER_PORT] = { .type = NLA_U16, },
	[NFTO_A_FILTER_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, 255),
	[NFTO_A_FILTER_DIRECTION] = NLA_POLICY_MAX(NLA_U32, 1),
};

const struct nla_policy nfto_policy_nl_policy[NFTO_A_POLICY_OFFLOAD + 1] = {
	[NFTO_A_POLICY_DRIVER] = { .type = NLA_NUL_STRING, .len = 31, },
	[NFTO_A_POLICY_TTL] = NLA_POLICY_MAX(NLA_U32, 2),
	[NFTO_A_POLICY_TCP] = NLA_POLICY_MAX(NLA_U32, 1),
	[NFTO_A_POLICY_OFFLOAD] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* Global operation policy for nft_offload */
const struct nla_policy nfto_main_nl_policy[NFTO_A_LIMIT + 1] = {
	[NFTO_A_IFINDEX] = NLA_POLICY_MIN(NLA_U32, 1),
	[NFTO_A_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[NFTO_A_POLICY] = NLA_POLICY_NESTED(nfto_policy_nl_policy),
	[NFTO_A_FILTER] = NLA_POLICY_NESTED(nfto_filter_nl_policy),
	[NFTO_A_EGRESS] = NLA_POLICY_MIN(NLA_U32, 1),
	[NFTO_A_LIMIT] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Ops table for nft_offload */
const struct genl_small_ops nfto_nl_ops[9] = {
	{
		.cmd	= NFTO_CMD_DEVICE_GET,
		.doit	= nfto_nl_device_get_doit,
		.dumpit	= nfto_nl_device_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_DEVICE_SET,
		.doit	= nfto_nl_device_set_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_FLOWTABLE_GET,
		.dumpit	= nfto_nl_flowtable_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_FLOW_GET,
		.dumpit	= nfto_nl_flow_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_REASON_GET,
		.dumpit	= nfto_nl_reason_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_FLOW_FLUSH,
		.doit	= nfto_nl_flow_flush_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_SUBSCRIBE,
		.doit	= nfto_nl_subscribe_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_VERSION_GET,
		.doit	= nfto_nl_version_get_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= NFTO_CMD_DEVICE_PROBE,
		.doit	= nfto_nl_device_probe_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
};
