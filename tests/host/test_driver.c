// SPDX-License-Identifier: GPL-2.0
/* What must hold for every driver, every dialect and every policy, whatever the rule. */
#include <stdlib.h>
#include <string.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/tc_act/tc_csum.h>
#include "../../src/core/dialect.h"
#include "../../src/core/trial.h"
#include "cases.h"
#include "nfrule.h"
#include "packet.h"
#include "tap.h"

static const struct nfto_policy policies[] = {
	{ }, { .ttl_lossy = true }, { .tcp_unguarded = true },
	{ .ttl_lossy = true, .tcp_unguarded = true },
};

static struct nfto_offer *new_offer(void)
{
	struct nfto_offer *offer = calloc(1, sizeof(*offer));

	offer->rule = calloc(1, sizeof(*offer->rule) +
			     NFTO_ACTIONS_MAX * sizeof(struct flow_action_entry));
	return offer;
}

static void free_offer(struct nfto_offer *offer)
{
	free(offer->rule);
	free(offer);
}

/* What each test is asked for each rule that some driver gets. */
struct question {
	const struct nfto_driver *driver;
	enum nfto_dialect dialect;
	const struct nfto_policy *policy;
	const struct nfto_rule *rule;
	enum nfto_reason reason;
	const struct nfto_offer *offer;	/* if there is no reason */
};

static void ask_with_policies(struct question *q, struct nfto_offer *offer,
			      void (*ask)(const struct question *q))
{
	unsigned int n, p;

	for (n = 0; n < q->driver->num_dialects; n++) {
		q->dialect = q->driver->dialects[n];
		for (p = 0; p < ARRAY_SIZE(policies); p++) {
			q->policy = &policies[p];
			q->reason = nfto_dialect_emit(q->rule, q->driver, q->dialect, q->policy,
						      offer);
			ask(q);
		}
	}
}

static void ask_all(void (*ask)(const struct question *q))
{
	struct nfto_offer *offer = new_offer();
	struct nfto_rule rule;
	struct question q = { .rule = &rule, .offer = offer };
	unsigned int i, d;

	for (i = 0; i < CASES; i++) {
		case_rule(i, &rule);
		for (d = 0; (q.driver = nfto_driver_at(d)); d++)
			ask_with_policies(&q, offer, ask);
	}
	free_offer(offer);
}

static const struct nfto_driver *known(const char *name, bool id)
{
	return nfto_driver_choose(nfto_driver_by_name(name), id);
}

static void drivers_are_found(void)
{
	static const char *const bus[] = { "mlx5_core", "nfp", "sfc_ef100", "cxgb4", "bnxt_en" };
	size_t i;

	CHECK(nfto_driver_find("nft_offload_sim", NULL) == nfto_driver_by_name("nft_offload_sim"));
	for (i = 0; i < ARRAY_SIZE(bus); i++) {
		CHECK(nfto_driver_find(NULL, bus[i]));
		CHECK(nfto_driver_find(NULL, bus[i]) == nfto_driver_by_name(bus[i]));
		CHECK(!nfto_driver_find(bus[i], NULL));
	}
	CHECK(nfto_driver_find("nft_offload_sim", "nfp") == nfto_driver_by_name("nft_offload_sim"));
	CHECK(!nfto_driver_find("veth", NULL) && !nfto_driver_find(NULL, "igb"));
	CHECK(!nfto_driver_find(NULL, NULL) && !nfto_driver_find("vlan", "stmmac"));
	CHECK(!nfto_driver_by_name("mlx5") && !nfto_driver_by_name(""));
}

static void a_parent_id_chooses(void)
{
	const struct nfto_driver *mlx5 = nfto_driver_by_name("mlx5_core");

	CHECK(known("mlx5_core", true)->asic == NFTO_ASIC_PARENT_ID);
	CHECK(known("mlx5_core", true)->can & NFTO_CAN_VLAN_PUSH);
	CHECK(known("mlx5_core", false)->asic == NFTO_ASIC_DRIVER);
	CHECK(!(known("mlx5_core", false)->can & NFTO_CAN_VLAN_PUSH));
	/* whichever of them it is now */
	CHECK(nfto_driver_choose(nfto_driver_choose(mlx5, false), true) == known("mlx5_core", true));
	CHECK(nfto_driver_same(known("mlx5_core", true), known("mlx5_core", false)));
	CHECK(!nfto_driver_same(known("mlx5_core", true), known("nfp", true)));
	CHECK(known("bnxt_en", true) && !known("bnxt_en", false));
	CHECK(known("nfp", true) && !known("nfp", false));
	CHECK(known("cxgb4", false) && known("cxgb4", true) == known("cxgb4", false));
	CHECK(known("sfc_ef100", false) && known("nft_offload_sim", true));
}

/* The same number means different things; what collides is here, the golden texts have them all. */
static void errnos_are_read_by_driver(void)
{
	const struct nfto_driver *mlx5 = known("mlx5_core", true), *nfp = known("nfp", true);
	const struct nfto_driver *cxgb4 = known("cxgb4", false), *bnxt = known("bnxt_en", true);
	const char *many = "mlx5_core: too many pedit actions, can't offload";

	CHECK(nfto_driver_reason(mlx5, -ENOSPC, NULL) == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(mlx5, -ENOSPC, "") == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(mlx5, -ENOSPC, many) == NFTO_REASON_UNSUPPORTED);
	CHECK(nfto_driver_reason(nfp, -ENOSPC, many) == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(nfp, -ENOENT, NULL) == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(mlx5, -ENOENT, NULL) == NFTO_REASON_DRIVER);
	CHECK(nfto_driver_reason(cxgb4, -ENOMEM, NULL) == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(bnxt, -ENOMEM, NULL) == NFTO_REASON_NO_MEMORY);
	CHECK(nfto_driver_reason(mlx5, -EAGAIN, NULL) == NFTO_REASON_TABLE_FULL);
	CHECK(nfto_driver_reason(bnxt, -EAGAIN, NULL) == NFTO_REASON_TRANSIENT);
	CHECK(nfto_driver_reason(nfp, -EEXIST, NULL) == NFTO_REASON_DUPLICATE);
	CHECK(nfto_driver_reason(bnxt, -EIO, NULL) == NFTO_REASON_DRIVER);
}

static void hazards_have_words(void)
{
	int i, j;

	for (i = 0; i < NFTO_HAZARDS; i++) {
		CHECK(nfto_hazard_name(i) && *nfto_hazard_name(i));
		CHECK(nfto_hazard_text(i) && *nfto_hazard_text(i));
		for (j = 0; j < i; j++)
			CHECK(strcmp(nfto_hazard_name(i), nfto_hazard_name(j)));
	}
	CHECK(!strcmp(nfto_hazard_name(NFTO_HAZARDS), "invalid"));
	CHECK(!strcmp(nfto_dialect_name(NFTO_DIALECTS), "invalid"));
}

/* The table does not contradict itself. */
static void entries_are_sound(void)
{
	static const u32 needs[NFTO_DIALECTS] = {
		[NFTO_DIALECT_EXACT] = NFTO_CAN_TTL_ADD | NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS,
		[NFTO_DIALECT_LOSSY] = NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS | NFTO_CAN_CSUM,
		[NFTO_DIALECT_UNGUARDED] = NFTO_CAN_NO_FRAGMENT,
	};
	const struct nfto_driver *driver;
	unsigned int d, i;

	for (d = 0; (driver = nfto_driver_at(d)); d++) {
		CHECK(driver->prio);
		CHECK(!driver->link_kind != !driver->bus_driver);
		CHECK(driver->num_dialects && driver->num_dialects <= NFTO_DIALECTS);
		for (i = 0; i < driver->num_dialects; i++) {
			CHECK((needs[driver->dialects[i]] & ~driver->can) == 0);
			CHECK(!i || driver->dialects[i] > driver->dialects[i - 1]);
		}
		CHECK(!(driver->can & NFTO_CAN_TTL_ADD) == !!driver->dialects[0]);
		CHECK(!(driver->hazards & BIT(NFTO_HAZARD_TTL_UNTOUCHED)));
	}
	CHECK(d == 7);
	CHECK(known("cxgb4", false)->prio > 0x1000);
}

static bool is_port_write(const struct flow_action_entry *e)
{
	return e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_TCP ||
	       e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_UDP;
}

static void never_what_it_cannot(const struct question *q)
{
	const struct flow_action_entry *e = q->offer->rule->action.entries;
	u8 nat = q->rule->match.n_proto == htons(ETH_P_IP) ? q->driver->nat4 : q->driver->nat6;
	u64 keys = q->offer->dissector.used_keys;
	u32 can = q->driver->can;
	unsigned int i;

	if (q->reason)
		return;
	for (i = 0; i < q->offer->rule->action.num_entries; i++, e++) {
		CHECK(e->id != FLOW_ACTION_ADD || can & NFTO_CAN_TTL_ADD);
		CHECK(e->id != FLOW_ACTION_CSUM || can & NFTO_CAN_CSUM);
		CHECK(e->id != FLOW_ACTION_VLAN_POP || can & NFTO_CAN_VLAN_POP);
		CHECK(e->id != FLOW_ACTION_VLAN_PUSH || can & NFTO_CAN_VLAN_PUSH);
		CHECK(e->id != FLOW_ACTION_PPPOE_PUSH || can & NFTO_CAN_PPPOE);
		if (e->id == FLOW_ACTION_MANGLE && e->mangle.htype != FLOW_ACT_MANGLE_HDR_TYPE_ETH)
			CHECK(nat);
		/* nobody but the TTL's own action touches it */
		if (e->id == FLOW_ACTION_MANGLE && e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4)
			CHECK(e->mangle.offset >= 12);
		if (e->id == FLOW_ACTION_MANGLE && e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP6)
			CHECK(e->mangle.offset >= 8);
	}
	CHECK(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_META)));
	CHECK(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_TCP)) || can & NFTO_CAN_TCP_FLAGS);
	CHECK(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_VLAN)) || can & NFTO_CAN_VLAN_POP);
	CHECK(!(keys & BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN)) || can & NFTO_CAN_VLAN_TWO);
	CHECK(!q->offer->mask.control.flags || can & NFTO_CAN_NO_FRAGMENT);
}

static void drivers_get_only_what_they_can(void)
{
	ask_all(never_what_it_cannot);
}

/* Where an action stands, by kind: ETH, TTL, addresses, ports, CSUM, pops, pushes, redirect. */
static int rank(const struct flow_action_entry *e)
{
	switch ((int)e->id) {
	case FLOW_ACTION_MANGLE:
		if (e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
			return 0;
		return is_port_write(e) ? 3 : 2;
	case FLOW_ACTION_ADD:
		return 1;
	case FLOW_ACTION_CSUM:
		return 4;
	case FLOW_ACTION_VLAN_POP:
		return 5;
	case FLOW_ACTION_PPPOE_PUSH:
		return 6;
	case FLOW_ACTION_VLAN_PUSH:
		return 7;
	case FLOW_ACTION_REDIRECT:
		return 8;
	default:
		return -1;
	}
}

static void in_order(const struct question *q)
{
	const struct flow_action_entry *e = q->offer->rule->action.entries;
	unsigned int i, num = q->offer->rule->action.num_entries;

	if (q->reason)
		return;
	CHECK(num && num <= NFTO_ACTIONS_MAX);
	for (i = 0; i < num; i++) {
		CHECK(rank(&e[i]) >= 0);
		CHECK(!i || rank(&e[i]) >= rank(&e[i - 1]));
		CHECK((rank(&e[i]) == 8) == (i == num - 1));
		CHECK(e[i].hw_stats == FLOW_ACTION_HW_STATS_ANY);
		if (!i || e[i].id != FLOW_ACTION_MANGLE || e[i - 1].id != FLOW_ACTION_MANGLE ||
		    e[i].mangle.htype != e[i - 1].mangle.htype)
			continue;
		/* upwards, and no byte of a word twice */
		CHECK(e[i].mangle.offset >= e[i - 1].mangle.offset);
		if (e[i].mangle.offset == e[i - 1].mangle.offset)
			CHECK((e[i].mangle.mask | e[i - 1].mangle.mask) == ~0U);
	}
}

static void actions_are_in_order(void)
{
	ask_all(in_order);
}

static void csum_is_exact(const struct question *q)
{
	u32 l4 = q->rule->match.l4proto == IPPROTO_TCP ? TCA_CSUM_UPDATE_FLAG_TCP :
							 TCA_CSUM_UPDATE_FLAG_UDP;
	const struct flow_action_entry *e = q->offer->rule->action.entries;
	u32 changed = 0, said = 0;
	unsigned int i;

	if (q->reason || q->dialect != NFTO_DIALECT_LOSSY)
		return;
	for (i = 0; i < q->offer->rule->action.num_entries; i++, e++) {
		if (e->id == FLOW_ACTION_CSUM)
			said |= e->csum_flags;
		if (e->id != FLOW_ACTION_MANGLE || e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
			continue;
		changed |= l4;
		if (e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4)
			changed |= TCA_CSUM_UPDATE_FLAG_IPV4HDR;
	}
	CHECK(said == changed);
}

static void checksums_are_what_rewriting_changes(void)
{
	ask_all(csum_is_exact);
}

static void as_allowed(const struct question *q)
{
	const struct flow_action_entry *e = q->offer->rule->action.entries;
	bool ttl = false, guarded;
	unsigned int i;

	CHECK(q->reason < NFTO_REASON_MAX);
	if (q->reason) {
		CHECK(q->reason == NFTO_REASON_TTL || q->reason == NFTO_REASON_TCP_GUARD ||
		      q->reason == NFTO_REASON_NAT || q->reason == NFTO_REASON_VLAN ||
		      q->reason == NFTO_REASON_PPPOE);
		CHECK(q->reason != NFTO_REASON_TTL || !q->policy->ttl_lossy);
		CHECK(q->reason != NFTO_REASON_TCP_GUARD || !q->policy->tcp_unguarded);
		return;
	}
	for (i = 0; i < q->offer->rule->action.num_entries; i++, e++)
		ttl |= e->id == FLOW_ACTION_ADD;
	guarded = q->offer->dissector.used_keys & BIT_ULL(FLOW_DISSECTOR_KEY_TCP) &&
		  q->offer->mask.tcp.flags == htons(5) && !q->offer->key.tcp.flags;
	CHECK(ttl || q->policy->ttl_lossy);
	CHECK(guarded || q->policy->tcp_unguarded || q->rule->match.l4proto != IPPROTO_TCP);
	/* what the hazards say is what the rule is */
	CHECK(ttl == !(nfto_dialect_hazards(q->driver, q->dialect) &
		       BIT(NFTO_HAZARD_TTL_UNTOUCHED)));
	CHECK(q->offer->mask.control.flags == FLOW_DIS_IS_FRAGMENT ||
	      nfto_dialect_hazards(q->driver, q->dialect) & BIT(NFTO_HAZARD_FIRST_FRAGMENT));
	if (q->rule->match.l4proto == IPPROTO_TCP)
		CHECK(guarded == !(nfto_dialect_hazards(q->driver, q->dialect) &
				   BIT(NFTO_HAZARD_FIN_RST)));
}

static void policies_are_kept(void)
{
	ask_all(as_allowed);
}

/* No other dialect would be taken where one is refused for what the flow is. */
static void refusal_is_of_all_dialects(const struct question *q)
{
	struct nfto_offer *offer;
	unsigned int i;

	if (q->reason != NFTO_REASON_NAT && q->reason != NFTO_REASON_VLAN &&
	    q->reason != NFTO_REASON_PPPOE)
		return;
	offer = new_offer();
	for (i = 0; i < q->driver->num_dialects; i++)
		CHECK(nfto_dialect_emit(q->rule, q->driver, q->driver->dialects[i], q->policy,
					offer) == q->reason);
	free_offer(offer);
}

static void refusals_do_not_depend_on_the_dialect(void)
{
	ask_all(refusal_is_of_all_dialects);
}

static void lossy_rules_do_not_turn_back(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	struct nfto_rule rule;
	unsigned int d, n;

	offer->in = CASE_OUT;
	case_rule(CASES / 4, &rule);	/* UDP, nothing special */
	CHECK(rule.match.l4proto == IPPROTO_UDP);
	for (d = 0; (driver = nfto_driver_at(d)); d++)
		for (n = 0; n < driver->num_dialects; n++)
			CHECK(nfto_dialect_emit(&rule, driver, driver->dialects[n], &policies[3],
						offer) ==
			      (driver->dialects[n] == NFTO_DIALECT_EXACT ? NFTO_REASON_NONE :
									   NFTO_REASON_LOOP));
	free_offer(offer);
}

/* How often the rule writes ports, and whether it writes addresses. */
static unsigned int port_writes(const struct nfto_offer *offer, bool *addresses)
{
	const struct flow_action_entry *e = offer->rule->action.entries;
	unsigned int i, ports = 0;

	*addresses = false;
	for (i = 0; i < offer->rule->action.num_entries; i++, e++) {
		if (e->id != FLOW_ACTION_MANGLE)
			continue;
		ports += is_port_write(e);
		*addresses |= e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_IP4;
	}
	return ports;
}

/*
 * Half a translation, which the core does not ask for today: cxgb4 gets the other half with it,
 * from what the rule matches; bnxt and nfp get no port that stays.
 */
static void ports_go_with_addresses_as_wanted(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	bool addresses, address_only;
	struct nfto_rule rule;
	unsigned int d, i, ports;
	u32 wants;

	for (d = 0; (driver = nfto_driver_at(d)); d++)
		for (i = 0; driver->nat4 && i < 2; i++) {
			address_only = i == 0;
			wants = driver->wants;
			case_rule(CASES / 4, &rule);
			rule.edits = address_only ? NFTO_EDIT_SRC : NFTO_EDIT_SPORT;
			rule.src[0] = htonl(0x0a000001);
			rule.sport = rule.match.sport;
			CHECK(!nfto_dialect_emit(&rule, driver, driver->dialects[0], &policies[3],
						 offer));
			ports = port_writes(offer, &addresses);
			CHECK(addresses == (address_only || wants & NFTO_WANTS_NAT_PAIRS));
			CHECK(ports == (wants & NFTO_WANTS_NAT_PAIRS ||
					(!address_only && !(wants & NFTO_WANTS_NAT_CHANGES))));
		}
	free_offer(offer);
}

/* Where a driver takes port 0 for the port as it is, that cannot be the new one. */
static void no_port_becomes_0_unnoticed(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	struct nfto_rule rule;
	unsigned int d;

	for (d = 0; (driver = nfto_driver_at(d)); d++) {
		if (!driver->nat4)
			continue;
		case_rule(CASES / 4, &rule);
		rule.edits = NFTO_EDIT_SRC | NFTO_EDIT_SPORT;
		rule.src[0] = htonl(0x0a000001);
		rule.sport = 0;
		CHECK(nfto_dialect_emit(&rule, driver, driver->dialects[0], &policies[3], offer) ==
		      (driver->wants & NFTO_WANTS_NAT_NONZERO ? NFTO_REASON_NAT :
								NFTO_REASON_NONE));
		rule.match.sport = 0;
		CHECK(!nfto_dialect_emit(&rule, driver, driver->dialects[0], &policies[3], offer));
	}
	free_offer(offer);
}

/* A random flow as the core offers it; some of the translations change nothing. */
static struct nfrule_spec random_spec(unsigned int i)
{
	struct nfrule_spec s = { .v6 = i & 1, .tcp = i & 2, .snat = i & 4, .dnat = i & 8,
				 .out = CASE_OUT };
	unsigned int j;

	for (j = 0; j < 16; j++) {
		s.src[j] = rand();
		s.dst[j] = rand();
		s.new_src[j] = rand();
		s.new_dst[j] = rand();
	}
	for (j = 0; j < 6; j++) {
		s.eth_dst[j] = rand();
		s.eth_src[j] = rand();
	}
	for (j = 0; j < 2; j++) {
		s.sport[j] = rand();
		s.dport[j] = rand();
		s.new_sport[j] = i & 16 ? s.sport[j] : rand();
		s.new_dport[j] = i & 32 ? s.dport[j] : rand();
	}
	return s;
}

/* The packets that a flow's rule matches have its addresses and ports. */
static void flow_packet(struct packet *p, const struct nfrule_spec *s)
{
	size_t i, len = s->v6 ? 16 : 4, at = s->v6 ? 8 : 12;

	for (i = 0; i < sizeof(*p); i++)
		((u8 *)p)[i] = rand();
	memcpy(p->ip + at, s->src, len);
	memcpy(p->ip + at + len, s->dst, len);
	memcpy(p->l4, s->sport, 2);
	memcpy(p->l4 + 2, s->dport, 2);
}

static unsigned int compare(const struct nfto_driver *driver, const struct nfrule_spec *s,
			    struct nfto_offer *offer)
{
	unsigned int n, compared = 0;
	struct packet before, core, hardware;
	struct nfto_rule rule;
	struct nfrule r;
	int ttl = 0;

	flow_packet(&before, s);
	core = before;
	nfrule_build(&r, s);
	CHECK(packet_apply(&core, r.rule, &ttl) && !ttl);
	CHECK(!nfto_rule_parse(r.rule, &rule));
	nfrule_free(&r);
	for (n = 0; n < driver->num_dialects; n++) {
		if (nfto_dialect_emit(&rule, driver, driver->dialects[n], &policies[3], offer))
			continue;
		hardware = before;
		ttl = 0;
		CHECK(packet_apply(&hardware, offer->rule, &ttl));
		CHECK(!memcmp(&core, &hardware, sizeof(core)));
		CHECK(ttl == (driver->dialects[n] == NFTO_DIALECT_EXACT ? -1 : 0));
		compared++;
	}
	return compared;
}

/* What a driver is told changes a packet as what the core asked for does, but for the TTL. */
static void drivers_are_told_what_the_core_asked(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	unsigned int i, d, compared;
	struct nfrule_spec s;

	srand(1);
	for (d = 0; (driver = nfto_driver_at(d)); d++) {
		compared = 0;
		for (i = 0; i < 2048; i++) {
			s = random_spec(i);
			compared += compare(driver, &s, offer);
		}
		/* flows that are only routed, at least */
		CHECK(compared >= 2048 / 4);
	}
	free_offer(offer);
}

/* Tags of 802.1ad. */
static void foreign_tags_need_a_driver_that_knows_them(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	enum nfto_reason reason;
	struct nfto_rule rule;
	unsigned int d, i;

	for (d = 0; (driver = nfto_driver_at(d)); d++)
		for (i = 1; i < 4; i++) {	/* pop, push, retag */
			case_rule(CASES / 4 + i, &rule);
			rule.match.tags[0].tpid = htons(ETH_P_8021AD);
			rule.push[0].tpid = htons(ETH_P_8021AD);
			reason = nfto_dialect_emit(&rule, driver, driver->dialects[0],
						   &policies[3], offer);
			CHECK(reason == (driver->can & NFTO_CAN_VLAN_AD &&
					 (i < 3 || !(driver->wants & NFTO_WANTS_PCP_ZERO)) ?
					 NFTO_REASON_NONE : NFTO_REASON_VLAN));
		}
	free_offer(offer);
}

static void kinds_are_few_and_different(void)
{
	bool seen[NFTO_KINDS] = { };
	unsigned int i, kind, num = 0;
	struct nfto_rule rule;

	for (i = 0; i < CASES; i++) {
		case_rule(i, &rule);
		kind = nfto_dialect_kind(&rule);
		CHECK(kind < NFTO_KINDS);
		num += kind < NFTO_KINDS && !seen[kind];
		seen[kind % NFTO_KINDS] = true;
	}
	CHECK(num == NFTO_KINDS);
}

/* By the table: is there a dialect of the driver in which it can be said? */
static bool trial_is_known(const struct nfto_driver *driver, unsigned int trial, u32 num,
			   struct nfto_offer *offer)
{
	static const struct nfto_policy all = { .ttl_lossy = true, .tcp_unguarded = true };
	struct nfto_rule rule;
	unsigned int i;

	nfto_trial_rule(trial, num, 2, (struct net_device *)0x1000, &rule);
	for (i = 0; i < driver->num_dialects; i++)
		if (!nfto_dialect_emit(&rule, driver, driver->dialects[i], &all, offer))
			return true;
	return false;
}

static void trials_are_what_the_table_says(void)
{
	struct nfto_offer *offer = new_offer();
	const struct nfto_driver *driver;
	unsigned int d, t;

	for (d = 0; (driver = nfto_driver_at(d)); d++) {
		for (t = 0; t < NFTO_TRIALS; t++)
			CHECK(trial_is_known(driver, t, 0, offer) ==
			      trial_is_known(driver, t, 14999999, offer));
		CHECK(trial_is_known(driver, 0, 0, offer) && trial_is_known(driver, 1, 0, offer));
		CHECK(!trial_is_known(driver, NFTO_TRIALS - 1, 0, offer));	/* pppoe */
	}
	for (t = 0; t < NFTO_TRIALS - 1; t++)
		CHECK(trial_is_known(known("nft_offload_sim", true), t, 0, offer));
	free_offer(offer);
}

static void trials_differ(void)
{
	struct nfto_rule rule, other;
	unsigned int t, u;

	for (t = 0; t < NFTO_TRIALS; t++) {
		nfto_trial_rule(t, 0, 2, NULL, &rule);
		for (u = 0; u < t; u++) {
			nfto_trial_rule(u, 0, 2, NULL, &other);
			CHECK(!nfto_rule_equal(&rule, &other));
			CHECK(strcmp(nfto_trial_name(t), nfto_trial_name(u)));
		}
		/* the first of each port and host, and the last that there are */
		for (u = 1; u < 15000000; u += 61439) {
			nfto_trial_rule(t, u, 2, NULL, &other);
			CHECK(memcmp(&rule.match, &other.match, sizeof(rule.match)));
			CHECK(other.match.sport != 0 && other.match.sport != htons(9));
		}
	}
}

void driver_tests(void)
{
	TEST(trials_are_what_the_table_says);
	TEST(trials_differ);
	TEST(drivers_are_found);
	TEST(a_parent_id_chooses);
	TEST(errnos_are_read_by_driver);
	TEST(hazards_have_words);
	TEST(entries_are_sound);
	TEST(drivers_get_only_what_they_can);
	TEST(actions_are_in_order);
	TEST(checksums_are_what_rewriting_changes);
	TEST(policies_are_kept);
	TEST(refusals_do_not_depend_on_the_dialect);
	TEST(lossy_rules_do_not_turn_back);
	TEST(ports_go_with_addresses_as_wanted);
	TEST(no_port_becomes_0_unnoticed);
	TEST(drivers_are_told_what_the_core_asked);
	TEST(foreign_tags_need_a_driver_that_knows_them);
	TEST(kinds_are_few_and_different);
}
