/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dialect - a canonical rule, said in the words that a driver is known to honour.
 *
 * Pure: no locks, no devices are looked at; compiled for the host too.
 */
#ifndef NFTO_DIALECT_H
#define NFTO_DIALECT_H

#include <net/flow_offload.h>
#include "driver.h"
#include "rule.h"

/* ETH 4, TTL 1, IPv6 addresses 8, ports 2, CSUM 1, VLAN 4, PPPoE 1, redirect 1 */
#define NFTO_ACTIONS_MAX 22

struct nfto_offer_key {
	struct flow_dissector_key_control control;
	struct flow_dissector_key_basic basic;
	struct flow_dissector_key_vlan vlan;
	struct flow_dissector_key_vlan cvlan;
	union {
		struct flow_dissector_key_ipv4_addrs ipv4;
		struct flow_dissector_key_ipv6_addrs ipv6;
	};
	struct flow_dissector_key_ports ports;
	struct flow_dissector_key_tcp tcp;
} __aligned(sizeof(long));	/* drivers compare keys as longs */

/* What a driver is offered. The rule points into the offer: it is used in place, never copied. */
struct nfto_offer {
	struct flow_dissector dissector;
	struct nfto_offer_key key;
	struct nfto_offer_key mask;
	struct flow_rule *rule;		/* the caller's, with room for NFTO_ACTIONS_MAX actions */
	const struct net_device *in;	/* the caller's: whose driver gets it; only compared */
	__be16 protocol;		/* outermost ethertype */
};

/* What the administrator allows beyond what is as good as software. */
struct nfto_policy {
	bool ttl_lossy;		/* packets may leave with the TTL that they came with */
	bool tcp_unguarded;	/* conntrack need not see FIN and RST */
};

/* Rules of one kind are alike to a driver: what it says to one, it will say to the next. */
#define NFTO_KINDS 64

unsigned int nfto_dialect_kind(const struct nfto_rule *rule);	/* < NFTO_KINDS */

/* A letter and a word for lists; never NULL. */
const char *nfto_dialect_name(enum nfto_dialect dialect);

/* What of NFTO_HAZARD_* goes with rules of @driver in @dialect: BIT(enum nfto_hazard). */
u32 nfto_dialect_hazards(const struct nfto_driver *driver, enum nfto_dialect dialect);

/*
 * Writes @rule into @offer for @driver, in @dialect, which is one of the driver's. The offer is
 * complete only if NFTO_REASON_NONE is returned; any other reason, no other dialect of the driver
 * would change. The redirect carries rule->out without a reference of its own. No locks, any
 * context.
 */
enum nfto_reason nfto_dialect_emit(const struct nfto_rule *rule, const struct nfto_driver *driver,
				   enum nfto_dialect dialect, const struct nfto_policy *policy,
				   struct nfto_offer *offer);

#endif
