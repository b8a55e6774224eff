/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flowtables. The core does not export how long it keeps an idle flow, but the sysctls behind it
 * (nf_flowtable_tcp_timeout, nf_flowtable_udp_timeout) stand in headers; RHEL 8 has them elsewhere,
 * for its structures must not change.
 */
#ifndef NFTO_COMPAT_FLOWTABLE_H
#define NFTO_COMPAT_FLOWTABLE_H

#include <linux/etherdevice.h>
#include <linux/netfilter.h>
#include <net/dst.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include <net/netfilter/nf_flow_table.h>
#include "probed.h"

/* In jiffies. @ct is referenced. */
static inline u32 nfto_flowtable_timeout(const struct nf_conn *ct)
{
#if NFTO_HAVE_FLOW_TIMEOUT
	struct net *net = nf_ct_net(ct);

	switch (nf_ct_protonum(ct)) {
	case IPPROTO_TCP:
		return READ_ONCE(nf_tcp_pernet(net)->offload_timeout);
	case IPPROTO_UDP:
		return READ_ONCE(nf_udp_pernet(net)->offload_timeout);
	default:
		break;
	}
#elif NFTO_HAVE_RHEL8_FLOW_TIMEOUT
	struct net *net = nf_ct_net(ct);

	switch (nf_ct_protonum(ct)) {
	case IPPROTO_TCP:
		return READ_ONCE(net->nf_tcp_net_offload_timeout);
	case IPPROTO_UDP:
		return READ_ONCE(net->nf_udp_net_offload_timeout);
	default:
		break;
	}
#endif
	return NF_FLOW_TIMEOUT;
}

/*
 * The @i-th header, outermost first, with which packets of a flow arrive, and its VLAN or session;
 * *@proto is 0 if the device takes it off by itself. False: there is none. Kernels before 5.13
 * know of none.
 */
static inline bool nfto_flowtable_encap(const struct flow_offload_tuple *tuple, unsigned int i,
					__be16 *proto, u16 *id)
{
#if NFTO_HAVE_FLOW_ENCAP
	if (i >= tuple->encap_num)
		return false;
	*proto = tuple->in_vlan_ingress & BIT(i) ? 0 : tuple->encap[i].proto;
	*id = tuple->encap[i].id;
	return true;
#else
	return false;
#endif
}

/*
 * Index of the device that software hands the flow's packets to, if it is not the one of their
 * route; else 0. It may be a VLAN device, for which hardware has to push the tag.
 */
static inline int nfto_flowtable_out(const struct flow_offload_tuple *tuple)
{
#if NFTO_HAVE_FLOW_XMIT_TYPE
	return tuple->xmit_type == FLOW_OFFLOAD_XMIT_DIRECT ? tuple->out.ifidx : 0;
#else
	return 0;
#endif
}

/*
 * Does IPsec encrypt what the flow sends? Kernels before 5.13 would build a rule all the same, with
 * which hardware sent it in clear. The flow holds its routes as long as it exists.
 */
static inline bool nfto_flowtable_ipsec(const struct flow_offload_tuple *tuple)
{
#if NFTO_HAVE_FLOW_XMIT_TYPE
	return tuple->xmit_type == FLOW_OFFLOAD_XMIT_XFRM;
#else
	return dst_xfrm(tuple->dst_cache);
#endif
}

/*
 * Does the core's software path send the flow straight to a device, under MACs that were looked up
 * once? Then *@ifindex and @mac are set to where. Kernels before 5.13 look with every packet.
 */
static inline void nfto_flowtable_direct(const struct flow_offload_tuple *tuple, int *ifindex,
					 u8 *mac)
{
#if NFTO_HAVE_FLOW_XMIT_TYPE
	if (tuple->xmit_type == FLOW_OFFLOAD_XMIT_DIRECT) {
		*ifindex = tuple->out.ifidx;
		ether_addr_copy(mac, tuple->out.h_dest);
	}
#endif
}

/* The route of the flow's packets, if it has kept it; else NULL. Lives as long as the flow. */
static inline const struct dst_entry *nfto_flowtable_dst(const struct flow_offload_tuple *tuple)
{
#if NFTO_HAVE_FLOW_XMIT_TYPE
	if (tuple->xmit_type != FLOW_OFFLOAD_XMIT_NEIGH &&
	    tuple->xmit_type != FLOW_OFFLOAD_XMIT_XFRM)
		return NULL;
#endif
	return tuple->dst_cache;
}

/* Do packets of the flow come in an IP tunnel that the core takes off by itself? */
static inline bool nfto_flowtable_tunnel(const struct flow_offload_tuple *tuple)
{
#if NFTO_HAVE_FLOW_TUNNEL
	return tuple->tun_num;
#else
	return false;
#endif
}

/* What type->action() gets. 5.10 promises not to change it; we have nothing to change there. */
#if NFTO_HAVE_ACTION_MUTABLE_FLOW
#define NFTO_ACTION_CONST
#else
#define NFTO_ACTION_CONST const
#endif

/* Has the core offer the reply direction too. Kernels without the bit always do. */
static inline void nfto_flowtable_both_ways(struct flow_offload *flow)
{
#if NFTO_HAVE_FLOW_BIDIRECTIONAL
	set_bit(NF_FLOW_HW_BIDIRECTIONAL, &flow->flags);
#endif
}

#endif
