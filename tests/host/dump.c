// SPDX-License-Identifier: GPL-2.0
/*
 * From the rule alone, and nothing of it is left out: a key, a mask or an action that is not
 * foreseen here shows as a number. A mask is not shown where it is full.
 */
#include <string.h>
#include <linux/tc_act/tc_csum.h>
#include "dump.h"
#include "inet.h"

static const char *const heads[] = {
	[FLOW_ACT_MANGLE_HDR_TYPE_ETH] = "eth", [FLOW_ACT_MANGLE_HDR_TYPE_IP4] = "ip4",
	[FLOW_ACT_MANGLE_HDR_TYPE_IP6] = "ip6", [FLOW_ACT_MANGLE_HDR_TYPE_TCP] = "tcp",
	[FLOW_ACT_MANGLE_HDR_TYPE_UDP] = "udp",
};

static void number(FILE *to, const char *name, const char *format, u32 key, u32 mask, u32 full)
{
	fprintf(to, " %s=", name);
	fprintf(to, format, key);
	if (mask != full)
		fprintf(to, "/%x", mask);
}

static void address(FILE *to, const char *name, int family, const void *key, const void *mask)
{
	static const u8 full[16] = { [0 ... 15] = 0xff };
	char text[INET_TEXT];

	fprintf(to, " %s=%s", name, inet_ntop(family, key, text, sizeof(text)));
	if (memcmp(mask, full, family == AF_INET ? 4 : 16))
		fprintf(to, "/%s", inet_ntop(family, mask, text, sizeof(text)));
}

static void tag(FILE *to, const char *name, const struct flow_dissector_key_vlan *key,
		const struct flow_dissector_key_vlan *mask)
{
	number(to, name, "%u", key->vlan_id, mask->vlan_id, 0xfff);
	number(to, "tpid", "%04x", ntohs(key->vlan_tpid), ntohs(mask->vlan_tpid), 0xffff);
	if (key->vlan_priority || mask->vlan_priority)
		number(to, "pcp", "%u", key->vlan_priority, mask->vlan_priority, 7);
	number(to, "behind", "%04x", ntohs(key->vlan_eth_type), ntohs(mask->vlan_eth_type), 0xffff);
	if (key->vlan_dei || mask->vlan_dei)
		fprintf(to, " MORE-OF-TAG");
}

static void base(FILE *to, const struct nfto_offer *o)
{
	const struct nfto_offer_key *key = &o->key, *mask = &o->mask;

	/* of which ids have numbers of the host's own */
	fprintf(to, " addr_type=%s",
		key->control.addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS ? "ipv4" :
		key->control.addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS ? "ipv6" : "?");
	if (mask->control.addr_type != 0xffff)
		fprintf(to, "/%x", mask->control.addr_type);
	if (key->control.flags || mask->control.flags)
		number(to, "fragment", "%u", key->control.flags, mask->control.flags,
		       FLOW_DIS_IS_FRAGMENT);
	number(to, "n_proto", "%04x", ntohs(key->basic.n_proto), ntohs(mask->basic.n_proto),
	       0xffff);
	number(to, "ip_proto", "%u", key->basic.ip_proto, mask->basic.ip_proto, 0xff);
}

static void addresses(FILE *to, const struct nfto_offer *o, bool v6)
{
	if (v6) {
		address(to, "src", AF_INET6, &o->key.ipv6.src, &o->mask.ipv6.src);
		address(to, "dst", AF_INET6, &o->key.ipv6.dst, &o->mask.ipv6.dst);
	} else {
		address(to, "src", AF_INET, &o->key.ipv4.src, &o->mask.ipv4.src);
		address(to, "dst", AF_INET, &o->key.ipv4.dst, &o->mask.ipv4.dst);
	}
}

static void key(FILE *to, const struct nfto_offer *o, int id)
{
	switch (id) {
	case FLOW_DISSECTOR_KEY_CONTROL:
		base(to, o);
		break;
	case FLOW_DISSECTOR_KEY_BASIC:	/* shown with the former */
		break;
	case FLOW_DISSECTOR_KEY_VLAN:
		tag(to, "vlan", &o->key.vlan, &o->mask.vlan);
		break;
	case FLOW_DISSECTOR_KEY_CVLAN:
		tag(to, "cvlan", &o->key.cvlan, &o->mask.cvlan);
		break;
	case FLOW_DISSECTOR_KEY_IPV4_ADDRS:
	case FLOW_DISSECTOR_KEY_IPV6_ADDRS:
		addresses(to, o, id == FLOW_DISSECTOR_KEY_IPV6_ADDRS);
		break;
	case FLOW_DISSECTOR_KEY_PORTS:
		number(to, "sport", "%u", ntohs(o->key.ports.src), ntohs(o->mask.ports.src),
		       0xffff);
		number(to, "dport", "%u", ntohs(o->key.ports.dst), ntohs(o->mask.ports.dst),
		       0xffff);
		break;
	case FLOW_DISSECTOR_KEY_TCP:
		number(to, "tcp_flags", "%x", ntohs(o->key.tcp.flags), ntohs(o->mask.tcp.flags),
		       0xffff);
		break;
	default:
		fprintf(to, " KEY-%d", id);
	}
}

void dump_keys(FILE *to, const struct nfto_offer *offer)
{
	int id;

	fprintf(to, "protocol=%04x", ntohs(offer->protocol));
	for (id = 0; id < FLOW_DISSECTOR_KEY_MAX; id++)
		if (offer->dissector.used_keys & BIT_ULL(id))
			key(to, offer, id);
	fprintf(to, "\n");
}

/* Four bytes in the order of the wire, "--" for those that stay. */
static void word(FILE *to, const struct flow_action_entry *e)
{
	const u8 *val = (const u8 *)&e->mangle.val, *keep = (const u8 *)&e->mangle.mask;
	const char *head = "?";
	int i;

	if ((size_t)e->mangle.htype < ARRAY_SIZE(heads) && heads[e->mangle.htype])
		head = heads[e->mangle.htype];
	fprintf(to, " %s%s@%u=", e->id == FLOW_ACTION_ADD ? "ADD:" : "", head, e->mangle.offset);
	for (i = 0; i < 4; i++)
		if (keep[i] == 0xff && !val[i])
			fprintf(to, "--");
		else if (keep[i])
			fprintf(to, "%02x&%02x", val[i], keep[i]);
		else
			fprintf(to, "%02x", val[i]);
}

static void checksums(FILE *to, u32 flags)
{
	fprintf(to, " csum=");
	if (flags & TCA_CSUM_UPDATE_FLAG_IPV4HDR)
		fprintf(to, "ip4+");
	if (flags & TCA_CSUM_UPDATE_FLAG_TCP)
		fprintf(to, "tcp");
	if (flags & TCA_CSUM_UPDATE_FLAG_UDP)
		fprintf(to, "udp");
	flags &= ~(TCA_CSUM_UPDATE_FLAG_IPV4HDR | TCA_CSUM_UPDATE_FLAG_TCP |
		   TCA_CSUM_UPDATE_FLAG_UDP);
	if (flags)
		fprintf(to, "+%x", flags);
}

void dump_actions(FILE *to, const struct nfto_offer *offer)
{
	const struct flow_action_entry *e = offer->rule->action.entries;
	unsigned int i;

	for (i = 0; i < offer->rule->action.num_entries; i++, e++) {
		switch ((int)e->id) {
		case FLOW_ACTION_MANGLE:
		case FLOW_ACTION_ADD:
			word(to, e);
			break;
		case FLOW_ACTION_CSUM:
			checksums(to, e->csum_flags);
			break;
		case FLOW_ACTION_VLAN_POP:
			fprintf(to, " vlan-pop");
			break;
		case FLOW_ACTION_VLAN_PUSH:
			fprintf(to, " vlan-push=%u,%04x,pcp%u", e->vlan.vid, ntohs(e->vlan.proto),
				e->vlan.prio);
			break;
		case FLOW_ACTION_PPPOE_PUSH:
			fprintf(to, " pppoe-push=%x", e->pppoe.sid);
			break;
		case FLOW_ACTION_REDIRECT:
			fprintf(to, " redirect");
			break;
		default:
			fprintf(to, " ACTION-%d", e->id);
		}
		if (e->hw_stats != FLOW_ACTION_HW_STATS_ANY)
			fprintf(to, "!hw_stats=%d", e->hw_stats);
	}
	fprintf(to, "\n");
}
