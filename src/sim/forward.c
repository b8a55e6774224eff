// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: from the wire of one port through the table to the wire of another, or
 * to the host. Runs in softirq under RCU and takes no lock but, once in a second, an entry's.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "../compat/sim_skb.h"
#include "sim.h"

/* Length on the wire, without FCS. */
static u32 frame_len(const struct sk_buff *skb)
{
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

static void to_host(const struct nfto_sim_port *port, struct sk_buff *skb,
		    enum nfto_sim_counter cause)
{
	nfto_sim_count1(port, cause);
	nfto_sim_count(port, NFTO_SIM_HOST_RX_PACKETS, NFTO_SIM_HOST_RX_BYTES, frame_len(skb));
	skb->protocol = eth_type_trans(skb, port->dev);
	netif_receive_skb(skb);
}

static bool can_send(const struct nfto_sim_port *out)
{
	return netif_running(out->dev) && netif_carrier_ok(out->dev) &&
	       (out->lower->flags & IFF_UP);
}

static void send_out(const struct nfto_sim_port *out, struct sk_buff *skb)
{
	u32 len = frame_len(skb);
	int err;

	skb->dev = out->lower;
	err = dev_queue_xmit(skb);
	if (net_xmit_eval(err))
		nfto_sim_count1(out, NFTO_SIM_HW_TX_DROPPED);
	else
		nfto_sim_count(out, NFTO_SIM_HW_TX_PACKETS, NFTO_SIM_HW_TX_BYTES, len);
}

/*
 * Padding ends here, as it does in the kernel's forwarding: the wire at the other side
 * pads anew if it has to.
 */
static void redirect(const struct nfto_sim_entry *entry, struct sk_buff *skb,
		     const struct nfto_sim_frame *frame)
{
	const struct nfto_sim_port *out = entry->out;
	u32 mtu = READ_ONCE(out->dev->mtu);
	u32 l3_len = skb->len - frame->l3_off;

	if (frame->ip)
		l3_len = frame->l3_len;
	if (entry->edit.fields & NFTO_SIM_PPPOE)
		l3_len += sizeof(struct nfto_sim_pppoe);
	if (l3_len > mtu || !can_send(out))
		goto err_drop;
	if (frame->ip && pskb_trim(skb, frame->l3_off + frame->l3_len))
		goto err_drop;
	if (nfto_sim_rewrite(skb, frame, &entry->edit))
		goto err_drop;
	send_out(out, skb);
	return;

err_drop:
	nfto_sim_count1(out, NFTO_SIM_HW_TX_DROPPED);
	kfree_skb(skb);
}

static void hit(const struct nfto_sim_port *port, struct nfto_sim_entry *entry,
		struct sk_buff *skb, const struct nfto_sim_frame *frame)
{
	nfto_sim_stats_hit(entry, frame->len);
	switch (entry->verdict) {
	case NFTO_SIM_TRAP:
	case NFTO_SIM_ACCEPT:
		to_host(port, skb, NFTO_SIM_HOST_OTHER);
		break;
	case NFTO_SIM_DROP:
		nfto_sim_count(port, NFTO_SIM_HW_RX_PACKETS, NFTO_SIM_HW_RX_BYTES, frame->len);
		kfree_skb(skb);
		break;
	case NFTO_SIM_REDIRECT:
		nfto_sim_count(port, NFTO_SIM_HW_RX_PACKETS, NFTO_SIM_HW_RX_BYTES, frame->len);
		redirect(entry, skb, frame);
		break;
	}
}

/*
 * What no rule can change: such a frame is for the host. Returns the counter of the
 * cause, or -1.
 */
static int why_guarded(const struct nfto_sim_frame *frame, u8 guards)
{
	if (frame->fragment && (guards & NFTO_SIM_GUARD_FRAGMENT))
		return NFTO_SIM_HOST_FRAGMENT;
	if (frame->options && (guards & NFTO_SIM_GUARD_OPTIONS))
		return NFTO_SIM_HOST_OPTIONS;
	if (frame->ip && frame->key.ttl <= 1 && (guards & NFTO_SIM_GUARD_TTL))
		return NFTO_SIM_HOST_TTL;
	return -1;
}

/* Why a frame that no entry took is the host's. */
static enum nfto_sim_counter why_missed(const struct nfto_sim_port *port,
					const struct nfto_sim_frame *frame,
					const struct nfto_sim_spared *spared, int guarded)
{
	if (frame->portless)
		return nfto_sim_table_match_pair(port->asic, frame) ?
		       NFTO_SIM_HOST_FRAGMENT : NFTO_SIM_HOST_MISS;
	if (guarded >= 0 && (spared->tcp_flags || spared->fragment))
		return guarded;
	if (spared->fragment)
		return NFTO_SIM_HOST_FRAGMENT;
	if (spared->tcp_flags)
		return NFTO_SIM_HOST_TCP_FLAGS;
	return frame->ip ? NFTO_SIM_HOST_MISS : NFTO_SIM_HOST_OTHER;
}

/*
 * The entry that switches this frame, or NULL and why the host gets it. A guard is the
 * cause only if an entry would have switched the frame without it.
 */
static struct nfto_sim_entry *decide(const struct nfto_sim_port *port,
				     const struct nfto_sim_personality *personality,
				     const struct nfto_sim_frame *frame,
				     enum nfto_sim_counter *cause)
{
	int guarded = why_guarded(frame, personality->guards);
	struct nfto_sim_spared spared;
	struct nfto_sim_entry *entry;

	*cause = NFTO_SIM_HOST_OTHER;
	if (frame->bad)
		return NULL;
	entry = nfto_sim_table_match(port->asic, frame, &spared);
	if (entry && (frame->tcp_flags & personality->tcp_guard)) {
		entry = NULL;
		spared.tcp_flags = true;
	}
	if (entry && guarded < 0)
		return entry;
	*cause = entry ? guarded : why_missed(port, frame, &spared, guarded);
	return NULL;
}

/* The filter that stands before the table in every NIC: the wire is promiscuous. */
static bool for_port(const struct nfto_sim_port *port, const struct sk_buff *skb)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;

	return (port->dev->flags & IFF_PROMISC) || is_multicast_ether_addr(eth->h_dest) ||
	       ether_addr_equal(eth->h_dest, port->dev->dev_addr);
}

/* One frame as it came over the wire: no GSO, checksums complete, data at the MAC header. */
static void switch_frame(const struct nfto_sim_port *port, struct sk_buff *skb)
{
	const struct nfto_sim_personality *personality = READ_ONCE(port->asic->personality);
	enum nfto_sim_counter cause;
	struct nfto_sim_entry *entry;
	struct nfto_sim_frame frame;

	if (!for_port(port, skb)) {
		nfto_sim_count1(port, NFTO_SIM_RX_FILTERED);
		kfree_skb(skb);
		return;
	}
	if (!nfto_sim_frame_parse(skb, personality->pppoe, &frame)) {
		to_host(port, skb, NFTO_SIM_HOST_OTHER);
		return;
	}
	frame.key.in_port = port->number;
	entry = decide(port, personality, &frame, &cause);
	if (entry) {
		hit(port, entry, skb, &frame);
	} else if (personality->drops_misses && READ_ONCE(port->rules) &&
		   frame.key.n_proto == htons(ETH_P_IP)) {
		nfto_sim_count1(port, NFTO_SIM_RX_FILTERED);
		kfree_skb(skb);
	} else {
		to_host(port, skb, cause);
	}
}

/* A wire carries bytes: whatever the sender's or another host's stack knew ends here. */
static void forget_past(struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_init_secmark(skb);
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb->priority = 0;
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_valid = 0;
	skb->csum_level = 0;
}

/*
 * Frames that stand in an skb in a form no wire carries: several in one, or with a
 * checksum still to be made. NULL if there is no telling what the wire would have
 * carried.
 */
static struct sk_buff *as_on_wire(struct sk_buff *skb)
{
	struct sk_buff *segments;

	if (!skb_is_gso(skb)) {
		if (skb->ip_summed == CHECKSUM_PARTIAL && skb_csum_hwoffload_help(skb, 0))
			goto err_free;
		return skb;
	}
	segments = nfto_sim_gso_segment(skb);
	if (IS_ERR_OR_NULL(segments))
		goto err_free;
	consume_skb(skb);
	return segments;

err_free:
	kfree_skb(skb);
	return NULL;
}

/* The rx_handler of a wire. Under RCU; the port is there as long as the handler is. */
rx_handler_result_t nfto_sim_receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb, *next;
	const struct nfto_sim_port *port = rcu_dereference(skb->dev->rx_handler_data);

	/* Made by the host for itself, without a header: not from the wire. */
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb) {
		nfto_sim_count1(port, NFTO_SIM_RX_ERRORS);
		return RX_HANDLER_CONSUMED;
	}
	if (!netif_running(port->dev)) {
		kfree_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	__skb_push(skb, skb->data - skb_mac_header(skb));

	skb = as_on_wire(skb);
	if (!skb)
		nfto_sim_count1(port, NFTO_SIM_RX_ERRORS);
	skb_list_walk_safe(skb, skb, next) {
		skb_mark_not_on_list(skb);
		forget_past(skb);
		switch_frame(port, skb);
	}
	return RX_HANDLER_CONSUMED;
}
