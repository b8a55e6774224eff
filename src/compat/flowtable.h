/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flowtables. The core does not export how long it keeps an idle flow, but the sysctls behind it
 * (nf_flowtable_tcp_timeout, nf_flowtable_udp_timeout) stand in headers.
 */
#ifndef NFTO_COMPAT_FLOWTABLE_H
#define NFTO_COMPAT_FLOWTABLE_H

#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include <net/netfilter/nf_flow_table.h>

/* In jiffies. @ct is referenced. */
static inline u32 nfto_flowtable_timeout(const struct nf_conn *ct)
{
	struct net *net = nf_ct_net(ct);

	switch (nf_ct_protonum(ct)) {
	case IPPROTO_TCP:
		return READ_ONCE(nf_tcp_pernet(net)->offload_timeout);
	case IPPROTO_UDP:
		return READ_ONCE(nf_udp_pernet(net)->offload_timeout);
	default:
		return NF_FLOW_TIMEOUT;
	}
}

/* Has the core offer the reply direction too. Kernels without the bit always do. */
static inline void nfto_flowtable_both_ways(struct flow_offload *flow)
{
	set_bit(NF_FLOW_HW_BIDIRECTIONAL, &flow->flags);
}

#endif
