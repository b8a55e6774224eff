// SPDX-License-Identifier: GPL-2.0
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "trial.h"

/* Source ports, from the first on. */
#define NFTO_TRIAL_PORT		0x1000
#define NFTO_TRIAL_PORTS	0xf000

#define NFTO_EDIT_SRC_PORT	(NFTO_EDIT_SRC | NFTO_EDIT_SPORT)
#define NFTO_EDIT_DST_PORT	(NFTO_EDIT_DST | NFTO_EDIT_DPORT)
#define NFTO_EDIT_BOTH_PORTS	(NFTO_EDIT_SRC_PORT | NFTO_EDIT_DST_PORT)

/* Translations are tried with UDP, so that what a driver can do about TCP's flags is no matter. */
static const struct nfto_trial {
	const char *name;
	u16 n_proto;
	u8 l4proto;
	u8 edits;	/* enum nfto_edit */
	u8 tags;	/* on packets as they arrive */
	u8 new_tags;	/* as they leave */
	bool ad;	/* the outermost of these is of 802.1ad */
	bool pppoe;
} nfto_trials[NFTO_TRIALS] = {
	{ "ipv4-tcp", ETH_P_IP, IPPROTO_TCP, .edits = 0 },
	{ "ipv4-udp", ETH_P_IP, IPPROTO_UDP, .edits = 0 },
	{ "ipv6-tcp", ETH_P_IPV6, IPPROTO_TCP, .edits = 0 },
	{ "ipv6-udp", ETH_P_IPV6, IPPROTO_UDP, .edits = 0 },
	{ "ipv4-snat", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_SRC },
	{ "ipv4-snat-port", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_SRC_PORT },
	{ "ipv4-dnat", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_DST },
	{ "ipv4-dnat-port", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_DST_PORT },
	{ "ipv4-both", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_SRC | NFTO_EDIT_DST },
	{ "ipv4-both-ports", ETH_P_IP, IPPROTO_UDP, .edits = NFTO_EDIT_BOTH_PORTS },
	{ "ipv4-tcp-both-ports", ETH_P_IP, IPPROTO_TCP, .edits = NFTO_EDIT_BOTH_PORTS },
	{ "ipv6-snat", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_SRC },
	{ "ipv6-snat-port", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_SRC_PORT },
	{ "ipv6-dnat", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_DST },
	{ "ipv6-dnat-port", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_DST_PORT },
	{ "ipv6-both", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_SRC | NFTO_EDIT_DST },
	{ "ipv6-both-ports", ETH_P_IPV6, IPPROTO_UDP, .edits = NFTO_EDIT_BOTH_PORTS },
	{ "vlan-pop", ETH_P_IP, IPPROTO_UDP, .tags = 1 },
	{ "vlan-push", ETH_P_IP, IPPROTO_UDP, .new_tags = 1 },
	{ "vlan-retag", ETH_P_IP, IPPROTO_UDP, .tags = 1, .new_tags = 1 },
	{ "vlan-pop-two", ETH_P_IP, IPPROTO_UDP, .tags = 2 },
	{ "vlan-push-two", ETH_P_IP, IPPROTO_UDP, .new_tags = 2 },
	{ "vlan-push-802.1ad", ETH_P_IP, IPPROTO_UDP, .new_tags = 2, .ad = true },
	{ "pppoe", ETH_P_IP, IPPROTO_UDP, .pppoe = true },
};

const char *nfto_trial_name(unsigned int trial)
{
	return nfto_trials[trial].name;
}

/* Address @host of documentation network @net, of which there are three. */
static void nfto_trial_addr(__be32 addr[4], bool v4, unsigned int net, u8 host)
{
	static const u32 nets[] = { 0xc0000200, 0xc6336400, 0xcb007100 };	/* RFC 5737 */

	if (v4) {
		addr[0] = htonl(nets[net] | host);
		return;
	}
	addr[0] = htonl(0x20010db8);
	addr[1] = htonl(net);
	addr[3] = htonl(host);
}

static void nfto_trial_edit(const struct nfto_trial *trial, struct nfto_rule *rule)
{
	const struct nfto_match *match = &rule->match;
	bool v4 = trial->n_proto == ETH_P_IP;

	rule->edits = trial->edits;
	if (trial->edits & NFTO_EDIT_SRC)
		nfto_trial_addr(rule->src, v4, 2, 1);
	if (trial->edits & NFTO_EDIT_DST)
		nfto_trial_addr(rule->dst, v4, 2, 2);
	if (trial->edits & NFTO_EDIT_SPORT)
		rule->sport = htons(ntohs(match->sport) ^ 0x101);
	if (trial->edits & NFTO_EDIT_DPORT)
		rule->dport = htons(ntohs(match->dport) ^ 0x101);
}

static void nfto_trial_tags(const struct nfto_trial *trial, struct nfto_rule *rule)
{
	u8 i;

	rule->match.num_tags = trial->tags;
	rule->num_pop = trial->tags;
	for (i = 0; i < trial->tags; i++) {
		rule->match.tags[i].tpid = htons(ETH_P_8021Q);
		rule->match.tags[i].vid = htons(4001 + i);
	}
	rule->num_push = trial->new_tags;
	for (i = 0; i < trial->new_tags; i++) {
		rule->push[i].tpid = htons(trial->ad && i == trial->new_tags - 1 ? ETH_P_8021AD :
										 ETH_P_8021Q);
		rule->push[i].vid = htons(4011 + i);
	}
}

void nfto_trial_rule(unsigned int number, u32 num, u32 in_ifindex, struct net_device *out,
		     struct nfto_rule *rule)
{
	static const u8 mac[ETH_ALEN] = { 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01 };
	const struct nfto_trial *trial = &nfto_trials[number];
	bool v4 = trial->n_proto == ETH_P_IP;

	memset(rule, 0, sizeof(*rule));	/* the match is compared as memory */
	rule->match.in_ifindex = in_ifindex;
	nfto_trial_addr(rule->match.src, v4, 0, num / NFTO_TRIAL_PORTS);
	nfto_trial_addr(rule->match.dst, v4, 1, 1);
	rule->match.sport = htons(NFTO_TRIAL_PORT + num % NFTO_TRIAL_PORTS);
	rule->match.dport = htons(9);	/* discard */
	rule->match.n_proto = htons(trial->n_proto);
	rule->match.l4proto = trial->l4proto;
	memcpy(rule->eth_dst, mac, ETH_ALEN);
	memcpy(rule->eth_src, mac, ETH_ALEN);
	rule->eth_src[ETH_ALEN - 1]++;
	nfto_trial_edit(trial, rule);
	nfto_trial_tags(trial, rule);
	rule->pppoe = trial->pppoe;
	rule->pppoe_sid = trial->pppoe ? 1 : 0;
	rule->out = out;
}
