// SPDX-License-Identifier: GPL-2.0
/*
 * What a hit does to the frame. The bytes that leave are those which the kernel's own
 * forwarding would have sent: checksums are updated incrementally, with the same helpers.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/ppp_defs.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "sim.h"

/* One change that the checksum of layer 4 has to follow: a port or an address. */
struct change {
	const void	*from;
	const void	*to;
	size_t		len;
};

static void update_checksum(struct sk_buff *skb, __sum16 *sum, const struct change *change)
{
	switch (change->len) {
	case sizeof(__be16):
		inet_proto_csum_replace2(sum, skb, *(const __be16 *)change->from,
					 *(const __be16 *)change->to, false);
		break;
	case sizeof(__be32):
		inet_proto_csum_replace4(sum, skb, *(const __be32 *)change->from,
					 *(const __be32 *)change->to, true);
		break;
	case sizeof(struct in6_addr):
		inet_proto_csum_replace16(sum, skb, change->from, change->to, true);
		break;
	}
}

static void update_l4(struct sk_buff *skb, const struct nfto_sim_frame *frame,
		      const struct change *change)
{
	void *l4 = skb->data + frame->l4_off;
	struct udphdr *udp = l4;
	struct tcphdr *tcp = l4;

	/* It stands in the first fragment, and hardware mends it there. */
	if (frame->portless)
		return;
	if (frame->key.ip_proto == IPPROTO_TCP) {
		update_checksum(skb, &tcp->check, change);
	} else if (frame->key.ip_proto == IPPROTO_UDP && udp->check) {
		/* No checksum stays no checksum, and one that comes out as 0 must not say so. */
		update_checksum(skb, &udp->check, change);
		if (!udp->check)
			udp->check = CSUM_MANGLED_0;
	}
}

static void set_ipv4_address(struct sk_buff *skb, const struct nfto_sim_frame *frame,
			     __be32 *addr, __be32 new)
{
	struct iphdr *ip = (struct iphdr *)(skb->data + frame->l3_off);
	const struct change change = { addr, &new, sizeof(new) };

	csum_replace4(&ip->check, *addr, new);
	update_l4(skb, frame, &change);
	*addr = new;
}

static void set_ipv6_address(struct sk_buff *skb, const struct nfto_sim_frame *frame,
			     struct in6_addr *addr, const struct in6_addr *new)
{
	const struct change change = { addr, new, sizeof(*new) };

	update_l4(skb, frame, &change);
	*addr = *new;
}

static void rewrite_ipv4(struct sk_buff *skb, const struct nfto_sim_frame *frame,
			 const struct nfto_sim_edit *edit)
{
	struct iphdr *ip = (struct iphdr *)(skb->data + frame->l3_off);

	if (edit->fields & NFTO_SIM_SRC)
		set_ipv4_address(skb, frame, &ip->saddr, edit->src.s6_addr32[0]);
	if (edit->fields & NFTO_SIM_DST)
		set_ipv4_address(skb, frame, &ip->daddr, edit->dst.s6_addr32[0]);
	if (edit->fields & NFTO_SIM_TTL) {
		csum_replace2(&ip->check, htons(ip->ttl << 8), htons(edit->ttl << 8));
		ip->ttl = edit->ttl;
	}
	/* Not ip_decrease_ttl(): 0 becomes 255 here. */
	if (edit->fields & NFTO_SIM_TTL_DEC) {
		csum_replace2(&ip->check, htons(ip->ttl << 8), htons((u8)(ip->ttl - 1) << 8));
		ip->ttl--;
	}
}

static void rewrite_ipv6(struct sk_buff *skb, const struct nfto_sim_frame *frame,
			 const struct nfto_sim_edit *edit)
{
	struct ipv6hdr *ip = (struct ipv6hdr *)(skb->data + frame->l3_off);

	if (edit->fields & NFTO_SIM_SRC)
		set_ipv6_address(skb, frame, &ip->saddr, &edit->src);
	if (edit->fields & NFTO_SIM_DST)
		set_ipv6_address(skb, frame, &ip->daddr, &edit->dst);
	if (edit->fields & NFTO_SIM_TTL)
		ip->hop_limit = edit->ttl;
	if (edit->fields & NFTO_SIM_TTL_DEC)
		ip->hop_limit--;
}

static void set_port(struct sk_buff *skb, const struct nfto_sim_frame *frame, __be16 *port,
		     __be16 new)
{
	const struct change change = { port, &new, sizeof(new) };

	update_l4(skb, frame, &change);
	*port = new;
}

/* TCP and UDP alike start with the two ports. */
static void rewrite_ports(struct sk_buff *skb, const struct nfto_sim_frame *frame,
			  const struct nfto_sim_edit *edit)
{
	__be16 *ports = (__be16 *)(skb->data + frame->l4_off);

	if (frame->portless || (frame->key.ip_proto != IPPROTO_TCP &&
				frame->key.ip_proto != IPPROTO_UDP))
		return;
	if (edit->fields & NFTO_SIM_SPORT)
		set_port(skb, frame, &ports[0], edit->sport);
	if (edit->fields & NFTO_SIM_DPORT)
		set_port(skb, frame, &ports[1], edit->dport);
}

static void set_ethertype(struct sk_buff *skb, __be16 proto)
{
	((struct ethhdr *)skb->data)->h_proto = proto;
	skb->protocol = proto;
}

/* Everything between the addresses and layer 3 goes. */
static void strip(struct sk_buff *skb, const struct nfto_sim_frame *frame)
{
	unsigned int extra = frame->l3_off - ETH_HLEN;

	__vlan_hwaccel_clear_tag(skb);
	if (extra) {
		memmove(skb->data + extra, skb->data, 2 * ETH_ALEN);
		__skb_pull(skb, extra);
		skb_reset_mac_header(skb);
	}
	set_ethertype(skb, frame->key.n_proto);
	skb_set_network_header(skb, ETH_HLEN);
	skb_reset_mac_len(skb);
}

static int push_pppoe(struct sk_buff *skb, const struct nfto_sim_frame *frame, u16 sid)
{
	bool ipv6 = frame->key.n_proto == htons(ETH_P_IPV6);
	struct nfto_sim_pppoe *session;
	int err;

	err = skb_cow_head(skb, sizeof(*session));
	if (err)
		return err;
	__skb_push(skb, sizeof(*session));
	memmove(skb->data, skb->data + sizeof(*session), 2 * ETH_ALEN);
	skb_reset_mac_header(skb);

	session = (struct nfto_sim_pppoe *)(skb->data + ETH_HLEN);
	session->version_type = 0x11;
	session->code = 0;
	session->sid = htons(sid);
	session->length = htons(frame->l3_len + sizeof(session->proto));
	session->proto = htons(ipv6 ? PPP_IPV6 : PPP_IP);

	set_ethertype(skb, htons(ETH_P_PPP_SES));
	skb_set_network_header(skb, ETH_HLEN);
	skb_reset_mac_len(skb);
	return 0;
}

/* The outer tag as the frame has it, or false. */
static bool outer_tag(const struct sk_buff *skb, struct nfto_sim_vlan_op *tag)
{
	const struct vlan_ethhdr *eth = (const struct vlan_ethhdr *)skb->data;

	if (skb_vlan_tag_present(skb)) {
		tag->proto = skb->vlan_proto;
		tag->tci = skb_vlan_tag_get(skb);
		return true;
	}
	if (!eth_type_vlan(eth->h_vlan_proto))
		return false;
	tag->proto = eth->h_vlan_proto;
	tag->tci = ntohs(eth->h_vlan_TCI);
	return true;
}

static int apply_vlan_op(struct sk_buff *skb, const struct nfto_sim_vlan_op *op)
{
	struct nfto_sim_vlan_op tag = *op;
	int err = 0;

	if (op->op == NFTO_SIM_VLAN_SET_ID) {
		if (!outer_tag(skb, &tag))
			return 0;
		tag.tci = (tag.tci & ~VLAN_VID_MASK) | op->tci;
	}
	if (op->op != NFTO_SIM_VLAN_PUSH)
		err = skb_vlan_pop(skb);
	if (!err && op->op != NFTO_SIM_VLAN_POP)
		err = skb_vlan_push(skb, tag.proto, tag.tci);
	return err;
}

/*
 * Any error leaves a frame that must not be sent. The caller has cut the padding off, and
 * CHECKSUM_PARTIAL is resolved: the checksums are in the frame.
 */
int nfto_sim_rewrite(struct sk_buff *skb, const struct nfto_sim_frame *frame,
		     const struct nfto_sim_edit *edit)
{
	unsigned int i;
	int err;

	/* The data may be shared with a packet socket or another segment. */
	err = skb_ensure_writable(skb, min_t(unsigned int, skb->len, frame->l4_off +
					     sizeof(struct tcphdr)));
	if (err)
		return err;
	if (frame->key.n_proto == htons(ETH_P_IP))
		rewrite_ipv4(skb, frame, edit);
	else if (frame->key.n_proto == htons(ETH_P_IPV6))
		rewrite_ipv6(skb, frame, edit);
	if (edit->fields & (NFTO_SIM_SPORT | NFTO_SIM_DPORT))
		rewrite_ports(skb, frame, edit);

	if (edit->fields & NFTO_SIM_ETH_DST)
		ether_addr_copy(((struct ethhdr *)skb->data)->h_dest, edit->eth_dst);
	if (edit->fields & NFTO_SIM_ETH_SRC)
		ether_addr_copy(((struct ethhdr *)skb->data)->h_source, edit->eth_src);

	if (edit->fields & NFTO_SIM_STRIP)
		strip(skb, frame);
	if (edit->fields & NFTO_SIM_PPPOE) {
		err = push_pppoe(skb, frame, edit->pppoe_sid);
		if (err)
			return err;
	}
	for (i = 0; i < edit->n_vlan; i++) {
		err = apply_vlan_op(skb, &edit->vlan[i]);
		if (err)
			return err;
	}
	return 0;
}
