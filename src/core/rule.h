/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rule - what nf_flow_table asks for, in one canonical form.
 *
 * Pure: no locks, no devices are looked at (the egress device is only carried); compiled for the
 * host too. What is not understood is refused with a reason, never dropped silently.
 */
#ifndef NFTO_RULE_H
#define NFTO_RULE_H

#include <linux/types.h>
#include <linux/if_ether.h>
#include "reason.h"

struct flow_rule;
struct net_device;

#define NFTO_TAGS_MAX 2

struct nfto_tag {
	__be16 tpid;
	__be16 vid;	/* network order, 12 bits */
};

/*
 * Which packets. Also the key of hardware ownership, compared as memory: there is no padding, and
 * unused members are zero. IPv4 addresses stand in word 0.
 */
struct nfto_match {
	u32 in_ifindex;
	__be32 src[4];
	__be32 dst[4];
	__be16 sport;
	__be16 dport;
	__be16 n_proto;		/* ETH_P_IP or ETH_P_IPV6, behind all tags */
	u8 l4proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	u8 num_tags;
	struct nfto_tag tags[NFTO_TAGS_MAX];	/* outermost first */
};

/* Which members of struct nfto_rule are to be written into the packet. */
enum nfto_edit {
	NFTO_EDIT_SRC	= 1 << 0,
	NFTO_EDIT_DST	= 1 << 1,
	NFTO_EDIT_SPORT	= 1 << 2,
	NFTO_EDIT_DPORT	= 1 << 3,
};

/* Tags of which the core's rule does not tell; which is first is said where it is used. */
struct nfto_stack {
	u8 num;
	struct nfto_tag tags[NFTO_TAGS_MAX];
};

/* What happens to them. Both MACs are always rewritten, the TTL is always decremented by one. */
struct nfto_rule {
	struct nfto_match match;
	__be32 src[4];
	__be32 dst[4];
	__be16 sport;
	__be16 dport;
	u8 edits;		/* enum nfto_edit */
	u8 num_pop;		/* tags to take off, from the outermost */
	u8 num_push;
	bool pppoe;
	u16 pppoe_sid;
	u8 eth_dst[ETH_ALEN];
	u8 eth_src[ETH_ALEN];
	struct nfto_tag push[NFTO_TAGS_MAX];	/* in the order of pushing: innermost first */
	struct net_device *out;	/* carried, no reference */
};

/*
 * Reads @flow_rule into @rule, which is of use only if NFTO_REASON_NONE is returned, and complete
 * only after nfto_rule_tags(). No locks, any context; so are all of these.
 */
enum nfto_reason nfto_rule_parse(const struct flow_rule *flow_rule, struct nfto_rule *rule);

/*
 * All kernels write the tags with which packets arrive into their rules, and none of them says in
 * used_keys that it did; of tags to push that are not 802.1Q nothing is left but an empty action.
 * So both are taken from what the flow itself says, @in and @out, the outermost tag first.
 */
enum nfto_reason nfto_rule_tags(struct nfto_rule *rule, const struct nfto_stack *in,
				const struct nfto_stack *out);

/*
 * A rule for packets of a VLAN device becomes one for those of the port below, @ifindex, that come
 * with the tags of @stack, the innermost first. @rule is of no use unless NFTO_REASON_NONE is
 * returned; so it is below.
 */
enum nfto_reason nfto_rule_enter(struct nfto_rule *rule, u32 ifindex,
				 const struct nfto_stack *stack);

/* A rule that sends to a VLAN device becomes one that sends to @port with the tags of @stack. */
enum nfto_reason nfto_rule_leave(struct nfto_rule *rule, struct net_device *port,
				 const struct nfto_stack *stack);

/* True if both do the same to the same packets. */
bool nfto_rule_equal(const struct nfto_rule *a, const struct nfto_rule *b);

#endif
