// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "../../src/sim/sim.h"
#include "asic.h"
#include "model.h"

/* Of so many, each takes some: one that takes nothing would be no test. */
#define OFFERS 50000

struct reading {
	const struct nfto_sim_personality *personality;
	struct nfto_sim_key mask;
	struct nfto_sim_entry entry;
};

static struct net_device devices[2] = { { .ifindex = 1 }, { .ifindex = 2 } };
static struct nfto_sim_port ports[2];
static struct nfto_sim_asic asic = { .ports = { &ports[0].list, &ports[1].list } };
static struct nfto_sim_port ports[2] = {
	{ .dev = &devices[0], .asic = &asic, .number = 3, .list = { &ports[1].list, &asic.ports } },
	{ .dev = &devices[1], .asic = &asic, .number = 4, .list = { &asic.ports, &ports[0].list } },
};

struct net_device *const asic_in = &devices[0], *const asic_out = &devices[1];

/* Which device has which driver. */
static const struct {
	const struct nfto_sim_personality *personality;
	const char *driver;
	enum nfto_driver_id id;
} known[] = {
	{ &nfto_sim_generic, "nft_offload_sim", NFTO_ID_ANY },
	{ &nfto_sim_mlx5, "mlx5_core", NFTO_ID_WITH },
	{ &nfto_sim_mlx5_switchdev, "mlx5_core", NFTO_ID_WITH },
	{ &nfto_sim_mlx5, "mlx5_core", NFTO_ID_WITHOUT },
	{ &nfto_sim_nfp, "nfp", NFTO_ID_WITH },
	{ &nfto_sim_sfc, "sfc_ef100", NFTO_ID_ANY },
	{ &nfto_sim_cxgb4, "cxgb4", NFTO_ID_ANY },
	{ &nfto_sim_cxgb4_bare, "cxgb4", NFTO_ID_ANY },
	{ &nfto_sim_bnxt, "bnxt_en", NFTO_ID_WITH },
};

static unsigned long offered[ARRAY_SIZE(known)], taken[ARRAY_SIZE(known)];

/* Of these, personalities make nothing when they read a rule. */
void nfto_sim_stats_now(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
}

void nfto_sim_stats_delayed(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
}

void nfto_sim_stats_polled(struct nfto_sim_entry *entry, u64 *packets, u64 *bytes,
			   unsigned long *at)
{
}

bool nfto_sim_beside(const struct nfto_sim_port *port, int ifindex)
{
	return false;
}

/* ---- which packets ---- */

static void key_of(const struct nfto_match *has, struct nfto_sim_key *key)
{
	unsigned int i;

	memset(key, 0, sizeof(*key));
	memcpy(&key->src, has->src, sizeof(key->src));
	memcpy(&key->dst, has->dst, sizeof(key->dst));
	memset(key->eth_dst, 0xee, sizeof(key->eth_dst));
	memset(key->eth_src, 0xee, sizeof(key->eth_src));
	for (i = 0; i < has->num_tags; i++) {
		key->tag[i].tpid = has->tags[i].tpid;
		key->tag[i].tci = has->tags[i].vid;
	}
	key->n_tags = has->num_tags;
	key->n_proto = has->n_proto;
	key->ip_proto = has->l4proto;
	key->sport = has->sport;
	key->dport = has->dport;
	key->in_port = ports[0].number;
	key->ttl = 64;
}

static bool hits(const void *by, const struct nfto_match *has, u16 flags)
{
	const struct reading *reading = by;
	const struct nfto_sim_entry *entry = &reading->entry;
	const u8 *wants = (const u8 *)&entry->key.key, *mask = (const u8 *)&reading->mask;
	struct nfto_sim_key key;
	size_t i;

	key_of(has, &key);
	for (i = 0; i < sizeof(key); i++)
		if ((((const u8 *)&key)[i] ^ wants[i]) & mask[i])
			return false;
	return has->l4proto != IPPROTO_TCP || (htons(flags) & entry->tcp_mask) == entry->tcp_flags;
}

static void spares_what_it_must(const struct reading *reading, const struct nfto_match *match,
				u32 hazards)
{
	const struct nfto_sim_entry *entry = &reading->entry;
	u8 guards = reading->personality->guards;

	if (match->l4proto == IPPROTO_TCP && !(hazards & BIT(NFTO_HAZARD_FIN_RST)))
		MUST(!hits(reading, match, 1) && !hits(reading, match, 4));
	if (!(hazards & BIT(NFTO_HAZARD_FIRST_FRAGMENT)))
		MUST(guards & NFTO_SIM_GUARD_FRAGMENT ||
		     (entry->frag_mask & NFTO_SIM_FRAG && !(entry->frag_flags & NFTO_SIM_FRAG)));
	if (!(hazards & BIT(NFTO_HAZARD_IP_OPTIONS)))
		MUST(guards & NFTO_SIM_GUARD_OPTIONS);
	if (!(hazards & (BIT(NFTO_HAZARD_TTL_ONE) | BIT(NFTO_HAZARD_TTL_UNTOUCHED))))
		MUST(guards & NFTO_SIM_GUARD_TTL);
}

/* ---- what becomes of them ---- */

/* No tag is taken off, or gets another id, where there is none. */
static void retag(struct model *m, const struct nfto_sim_vlan_op *op)
{
	struct nfto_tag tag = { op->proto, htons(op->tci) };

	/* no flow has another priority than 0 */
	MUST(!(op->tci & ~VLAN_VID_MASK));
	if (op->op == NFTO_SIM_VLAN_SET_ID) {
		if (!m->num_tags)
			return;
		tag.tpid = m->tags[m->num_tags - 1].tpid;
	}
	if (op->op != NFTO_SIM_VLAN_PUSH && m->num_tags)
		m->num_tags--;
	if (op->op == NFTO_SIM_VLAN_POP)
		return;
	MUST(m->num_tags < ARRAY_SIZE(m->tags));
	m->tags[m->num_tags++] = tag;
}

static void rewrite(struct model *m, bool v4, const struct nfto_sim_edit *edit)
{
	size_t len = v4 ? 4 : 16, at = v4 ? 12 : 8;
	unsigned int i;

	if (edit->fields & NFTO_SIM_ETH_DST)
		memcpy(m->bytes.eth, edit->eth_dst, ETH_ALEN);
	if (edit->fields & NFTO_SIM_ETH_SRC)
		memcpy(m->bytes.eth + ETH_ALEN, edit->eth_src, ETH_ALEN);
	if (edit->fields & NFTO_SIM_SRC)
		memcpy(m->bytes.ip + at, &edit->src, len);
	if (edit->fields & NFTO_SIM_DST)
		memcpy(m->bytes.ip + at + len, &edit->dst, len);
	if (edit->fields & NFTO_SIM_SPORT)
		memcpy(m->bytes.l4, &edit->sport, 2);
	if (edit->fields & NFTO_SIM_DPORT)
		memcpy(m->bytes.l4 + 2, &edit->dport, 2);
	if (edit->fields & NFTO_SIM_TTL)
		m->ttl = edit->ttl;
	if (edit->fields & NFTO_SIM_TTL_DEC)
		m->ttl--;
	if (edit->fields & NFTO_SIM_STRIP)
		m->num_tags = 0;
	m->pppoe = edit->fields & NFTO_SIM_PPPOE;
	m->pppoe_sid = edit->pppoe_sid;
	for (i = 0; i < edit->n_vlan; i++)
		retag(m, &edit->vlan[i]);
}

static void switches_rightly(const struct reading *reading, const struct nfto_rule *rule,
			     u32 hazards)
{
	struct model want = model_of(&rule->match), got = want;

	MUST(reading->entry.verdict == NFTO_SIM_REDIRECT);
	MUST(reading->entry.out == &ports[1]);
	model_forward(&want, rule, !(hazards & BIT(NFTO_HAZARD_TTL_UNTOUCHED)));
	rewrite(&got, rule->match.n_proto == htons(ETH_P_IP), &reading->entry.edit);
	model_same(&want, &got);
}

void asic_reads(const struct nfto_offer *offer, const struct nfto_rule *rule,
		const struct nfto_driver *driver, enum nfto_dialect dialect)
{
	u32 hazards = nfto_dialect_hazards(driver, dialect);
	struct netlink_ext_ack extack;
	struct flow_cls_offload cls = {
		.common = { .protocol = offer->protocol, .prio = driver->prio, .extack = &extack },
		.rule = offer->rule,
	};
	bool found = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct reading reading = { .personality = known[i].personality };

		if (strcmp(known[i].driver, driver->name) || known[i].id != driver->id)
			continue;
		found = true;
		MUST(taken[i] || offered[i] < OFFERS);
		offered[i]++;
		if (reading.personality->replace(reading.personality, &ports[0], &cls,
						 &reading.mask, &reading.entry))
			continue;
		taken[i]++;
		model_exact(&rule->match, hits, &reading,
			    hazards & BIT(NFTO_HAZARD_TAGGED_HIT));
		spares_what_it_must(&reading, &rule->match, hazards);
		switches_rightly(&reading, rule, hazards);
	}
	MUST(found);
}
