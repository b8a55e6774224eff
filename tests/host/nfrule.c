// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include "nfrule.h"

#define USE(r, id, member) do {						\
	(r)->dissector.offset[FLOW_DISSECTOR_KEY_##id] =		\
		offsetof(struct nfrule_key, member);			\
	(r)->dissector.used_keys |= BIT_ULL(FLOW_DISSECTOR_KEY_##id);	\
} while (0)

struct flow_action_entry *nfrule_action(struct nfrule *r, int id)
{
	struct flow_action_entry *e;

	if (r->rule->action.num_entries == NFRULE_ACTIONS)
		abort();
	e = &r->rule->action.entries[r->rule->action.num_entries++];
	e->id = id;
	e->hw_stats = FLOW_ACTION_HW_STATS_DONT_CARE;
	return e;
}

static void mangle(struct nfrule *r, int htype, u32 offset, const u8 val[4], const u8 keep[4])
{
	struct flow_action_entry *e = nfrule_action(r, FLOW_ACTION_MANGLE);

	e->mangle.htype = htype;
	e->mangle.offset = offset;
	memcpy(&e->mangle.val, val, 4);
	memcpy(&e->mangle.mask, keep, 4);
}

static const u8 whole[4];
static const u8 second_half[4] = { 0xff, 0xff, 0, 0 };
static const u8 first_half[4] = { 0, 0, 0xff, 0xff };

static void eth(struct nfrule *r, const struct nfrule_spec *s)
{
	u8 word[4] = { 0, 0, s->eth_src[0], s->eth_src[1] };

	mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 4, word, second_half);
	mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 8, s->eth_src + 2, whole);
	mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 0, s->eth_dst, whole);
	memcpy(word, s->eth_dst + 4, 2);
	mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_ETH, 4, word, first_half);
}

static void address(struct nfrule *r, const struct nfrule_spec *s, u32 offset, const u8 *to)
{
	int i;

	if (!s->v6) {
		mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_IP4, offset, to, whole);
		return;
	}
	for (i = 0; i < 4; i++)
		mangle(r, FLOW_ACT_MANGLE_HDR_TYPE_IP6, offset + 4 * i, to + 4 * i, whole);
}

static void nat(struct nfrule *r, const struct nfrule_spec *s)
{
	int l4 = s->tcp ? FLOW_ACT_MANGLE_HDR_TYPE_TCP : FLOW_ACT_MANGLE_HDR_TYPE_UDP;
	u8 port[4] = {};

	if (s->snat) {
		address(r, s, s->v6 ? 8 : 12, s->new_src);
		memcpy(port, s->new_sport, 2);
		mangle(r, l4, 0, port, first_half);
	}
	if (s->dnat) {
		address(r, s, s->v6 ? 24 : 16, s->new_dst);
		memset(port, 0, 2);
		memcpy(port + 2, s->new_dport, 2);
		mangle(r, l4, 0, port, second_half);
	}
	if ((s->snat || s->dnat) && !s->v6)
		nfrule_action(r, FLOW_ACTION_CSUM);
}

static void match(struct nfrule *r, const struct nfrule_spec *s)
{
	USE(r, META, meta);
	USE(r, CONTROL, control);
	USE(r, BASIC, basic);
	USE(r, PORTS, tp);
	r->key.meta.ingress_ifindex = 7;
	r->mask.meta.ingress_ifindex = -1;
	r->mask.control.addr_type = 0xffff;
	r->key.basic.n_proto = s->v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	r->key.basic.ip_proto = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	r->mask.basic.n_proto = 0xffff;
	r->mask.basic.ip_proto = 0xff;
	memcpy(&r->key.tp.src, s->sport, 2);
	memcpy(&r->key.tp.dst, s->dport, 2);
	memset(&r->mask.tp, 0xff, sizeof(r->mask.tp));
	if (s->v6) {
		USE(r, IPV6_ADDRS, ipv6);
		memcpy(&r->key.ipv6.src, s->src, 16);
		memcpy(&r->key.ipv6.dst, s->dst, 16);
		memset(&r->mask.ipv6, 0xff, sizeof(r->mask.ipv6));
	} else {
		USE(r, IPV4_ADDRS, ipv4);
		memcpy(&r->key.ipv4.src, s->src, 4);
		memcpy(&r->key.ipv4.dst, s->dst, 4);
		memset(&r->mask.ipv4, 0xff, sizeof(r->mask.ipv4));
	}
	if (s->tcp) {
		USE(r, TCP, tcp);
		r->mask.tcp.flags = htons(0x0005);
	}
}

static void tag(struct flow_dissector_key_vlan *key, struct flow_dissector_key_vlan *mask, u16 vid)
{
	key->vlan_id = vid;
	key->vlan_tpid = htons(ETH_P_8021Q);
	mask->vlan_id = 0xfff;
	mask->vlan_tpid = 0xffff;
}

void nfrule_build(struct nfrule *r, const struct nfrule_spec *s)
{
	struct flow_action_entry *e;
	int i;

	memset(r, 0, sizeof(*r));
	r->rule = calloc(1, sizeof(*r->rule) + NFRULE_ACTIONS * sizeof(*e));
	r->rule->match.dissector = &r->dissector;
	r->rule->match.key = &r->key;
	r->rule->match.mask = &r->mask;
	match(r, s);
	/* written, but never declared as used: so all kernels do */
	if (s->num_tags > 0)
		tag(&r->key.vlan, &r->mask.vlan, s->tags[0]);
	if (s->num_tags > 1)
		tag(&r->key.cvlan, &r->mask.cvlan, s->tags[1]);
	eth(r, s);
	for (i = 0; i < s->num_tags; i++)
		nfrule_action(r, FLOW_ACTION_VLAN_POP);
	if (s->pppoe)
		nfrule_action(r, FLOW_ACTION_PPPOE_PUSH)->pppoe.sid = 0x1234;
	for (i = 0; i < s->num_push; i++) {
		e = nfrule_action(r, FLOW_ACTION_VLAN_PUSH);
		e->vlan.vid = s->push[i];
		e->vlan.proto = htons(ETH_P_8021Q);
	}
	nat(r, s);
	nfrule_action(r, FLOW_ACTION_REDIRECT)->dev = s->out;
}

void nfrule_free(struct nfrule *r)
{
	free(r->rule);
}
