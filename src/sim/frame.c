// SPDX-License-Identifier: GPL-2.0
/*
 * Frame to key. Reads only: the data may be shared. Offsets count from the start of the
 * Ethernet header, where skb->data stands.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/ppp_defs.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "sim.h"

#define MAX_EXTENSION_HEADERS	8

static bool parse_pppoe(const struct sk_buff *skb, struct nfto_sim_frame *frame)
{
	const struct nfto_sim_pppoe *session;
	struct nfto_sim_pppoe buf;

	session = skb_header_pointer(skb, frame->l3_off, sizeof(buf), &buf);
	if (!session)
		return false;
	switch (session->proto) {
	case htons(PPP_IP):
		frame->key.n_proto = htons(ETH_P_IP);
		break;
	case htons(PPP_IPV6):
		frame->key.n_proto = htons(ETH_P_IPV6);
		break;
	default:
		return true;
	}
	frame->l3_off += sizeof(*session);
	return true;
}

/* The outer tag may stand beside the frame, in the skb; the others stand in its header. */
static bool parse_ethernet(const struct sk_buff *skb, bool pppoe, struct nfto_sim_frame *frame)
{
	struct nfto_sim_key *key = &frame->key;
	const struct vlan_hdr *vlan;
	struct vlan_hdr vlan_buf;
	const struct ethhdr *eth;
	struct ethhdr eth_buf;

	eth = skb_header_pointer(skb, 0, sizeof(eth_buf), &eth_buf);
	if (!eth)
		return false;
	ether_addr_copy(key->eth_dst, eth->h_dest);
	ether_addr_copy(key->eth_src, eth->h_source);
	key->n_proto = eth->h_proto;
	frame->l3_off = ETH_HLEN;

	if (skb_vlan_tag_present(skb)) {
		key->tag[0].tpid = skb->vlan_proto;
		key->tag[0].tci = htons(skb_vlan_tag_get(skb));
		key->n_tags = 1;
		frame->len += VLAN_HLEN;
	}
	while (eth_type_vlan(key->n_proto) && key->n_tags < NFTO_SIM_MAX_TAGS) {
		vlan = skb_header_pointer(skb, frame->l3_off, sizeof(vlan_buf), &vlan_buf);
		if (!vlan)
			return false;
		key->tag[key->n_tags].tpid = key->n_proto;
		key->tag[key->n_tags].tci = vlan->h_vlan_TCI;
		key->n_tags++;
		key->n_proto = vlan->h_vlan_encapsulated_proto;
		frame->l3_off += VLAN_HLEN;
	}
	if (pppoe && key->n_proto == htons(ETH_P_PPP_SES))
		return parse_pppoe(skb, frame);
	return true;
}

static bool parse_ports(const struct sk_buff *skb, struct nfto_sim_frame *frame)
{
	struct nfto_sim_key *key = &frame->key;
	const struct tcphdr *tcp;
	const struct udphdr *udp;
	struct tcphdr tcp_buf;
	struct udphdr udp_buf;

	switch (key->ip_proto) {
	case IPPROTO_TCP:
		tcp = skb_header_pointer(skb, frame->l4_off, sizeof(tcp_buf), &tcp_buf);
		if (!tcp)
			return false;
		key->sport = tcp->source;
		key->dport = tcp->dest;
		/* The twelve bits that the dissector's key has, without the data offset. */
		frame->tcp_flags = *(const __be16 *)((const u8 *)tcp + 12) & htons(0x0fff);
		break;
	case IPPROTO_UDP:
		udp = skb_header_pointer(skb, frame->l4_off, sizeof(udp_buf), &udp_buf);
		if (!udp)
			return false;
		key->sport = udp->source;
		key->dport = udp->dest;
		break;
	}
	return true;
}

/*
 * A layer 4 header that does not fit its packet is an error, but in a fragment it only
 * means that there are no ports to match on.
 */
static bool parse_l4(const struct sk_buff *skb, struct nfto_sim_frame *frame)
{
	u32 need = 0;

	if (frame->portless)
		return true;
	if (frame->key.ip_proto == IPPROTO_TCP)
		need = sizeof(struct tcphdr);
	else if (frame->key.ip_proto == IPPROTO_UDP)
		need = sizeof(struct udphdr);
	if (frame->l4_off + need > frame->l3_off + frame->l3_len || !parse_ports(skb, frame)) {
		frame->portless = frame->fragment;
		return frame->fragment;
	}
	return true;
}

static bool parse_ipv4(const struct sk_buff *skb, struct nfto_sim_frame *frame)
{
	struct nfto_sim_key *key = &frame->key;
	u8 buf[60] __aligned(4);	/* the longest header */
	const struct iphdr *ip;
	unsigned int ihl;

	ip = skb_header_pointer(skb, frame->l3_off, sizeof(*ip), buf);
	if (!ip || ip->version != 4 || ip->ihl < 5)
		return false;
	ihl = ip->ihl * 4;
	ip = skb_header_pointer(skb, frame->l3_off, ihl, buf);
	if (!ip || ip_fast_csum((const u8 *)ip, ip->ihl))
		return false;
	frame->l3_len = ntohs(ip->tot_len);
	if (frame->l3_len < ihl || frame->l3_off + frame->l3_len > skb->len)
		return false;

	key->src.s6_addr32[0] = ip->saddr;
	key->dst.s6_addr32[0] = ip->daddr;
	key->ip_proto = ip->protocol;
	key->tos = ip->tos;
	key->ttl = ip->ttl;
	frame->options = ip->ihl > 5;
	frame->fragment = ip_is_fragment(ip);
	frame->portless = ip->frag_off & htons(IP_OFFSET);
	frame->first = frame->fragment && !frame->portless;
	frame->l4_off = frame->l3_off + ihl;
	return parse_l4(skb, frame);
}

/* Walks the extension headers; false where they do not fit the packet. */
static bool parse_ipv6_headers(const struct sk_buff *skb, struct nfto_sim_frame *frame, u8 nexthdr)
{
	unsigned int off = frame->l3_off + sizeof(struct ipv6hdr);
	const struct ipv6_opt_hdr *opt;
	const struct frag_hdr *frag;
	struct frag_hdr buf;
	int i;

	for (i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		if (!ipv6_ext_hdr(nexthdr) || nexthdr == NEXTHDR_NONE || frame->portless) {
			frame->key.ip_proto = nexthdr;
			frame->l4_off = off;
			return off <= frame->l3_off + frame->l3_len;
		}
		opt = skb_header_pointer(skb, off, sizeof(*opt), &buf);
		if (!opt)
			return false;
		if (nexthdr == NEXTHDR_FRAGMENT) {
			frag = skb_header_pointer(skb, off, sizeof(buf), &buf);
			if (!frag)
				return false;
			frame->fragment = true;
			frame->portless = frag->frag_off & htons(IP6_OFFSET);
			frame->first = !frame->portless;
			nexthdr = frag->nexthdr;
			off += sizeof(*frag);
			continue;
		}
		frame->options = true;
		off += nexthdr == NEXTHDR_AUTH ? ipv6_authlen(opt) : ipv6_optlen(opt);
		nexthdr = opt->nexthdr;
	}
	return false;
}

static bool parse_ipv6(const struct sk_buff *skb, struct nfto_sim_frame *frame)
{
	struct nfto_sim_key *key = &frame->key;
	const struct ipv6hdr *ip;
	struct ipv6hdr buf;

	ip = skb_header_pointer(skb, frame->l3_off, sizeof(buf), &buf);
	/* No length means a jumbogram, which is none of the ASIC's business. */
	if (!ip || ip->version != 6 || !ip->payload_len)
		return false;
	frame->l3_len = sizeof(*ip) + ntohs(ip->payload_len);
	if (frame->l3_off + frame->l3_len > skb->len)
		return false;

	key->src = ip->saddr;
	key->dst = ip->daddr;
	key->tos = ipv6_get_dsfield(ip);
	key->ttl = ip->hop_limit;
	return parse_ipv6_headers(skb, frame, ip->nexthdr) && parse_l4(skb, frame);
}

/* False if the frame is too short to have a key at all. */
bool nfto_sim_frame_parse(const struct sk_buff *skb, bool pppoe, struct nfto_sim_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	frame->len = skb->len;
	if (!parse_ethernet(skb, pppoe, frame))
		return false;

	switch (frame->key.n_proto) {
	case htons(ETH_P_IP):
		frame->ip = true;
		frame->bad = !parse_ipv4(skb, frame);
		break;
	case htons(ETH_P_IPV6):
		frame->ip = true;
		frame->bad = !parse_ipv6(skb, frame);
		break;
	}
	return true;
}
