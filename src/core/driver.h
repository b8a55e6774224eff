/* SPDX-License-Identifier: GPL-2.0 */
/*
 * driver - the table of known drivers: what each one honours, its limits, its errors.
 *
 * Acceptance by a driver proves nothing, so only drivers that stand here are programmed, and what
 * an entry does not say the driver can, it is never asked for.
 * Pure: constant data and look-ups on it; compiled for the host too.
 */
#ifndef NFTO_DRIVER_H
#define NFTO_DRIVER_H

#include <linux/types.h>
#include "reason.h"

/*
 * The ways to say a rule, from the best on; dialect.c has what each of them says.
 *
 * There is none that pins the TTL (match N, write N - 1), which nfp could do: it needs a rule per
 * TTL seen, and nf_flow_table does not keep the TTLs of a flow's packets.
 */
enum nfto_dialect {
	NFTO_DIALECT_EXACT,	/* A: decrements the TTL; fragments, FIN and RST miss */
	NFTO_DIALECT_LOSSY,	/* C: as A, but the TTL stays as it is */
	NFTO_DIALECT_UNGUARDED,	/* D1: as C, but FIN and RST do not miss */
	NFTO_DIALECT_BARE,	/* D2: as D1, but neither do first fragments */
	NFTO_DIALECTS
};

enum nfto_driver_can {
	NFTO_CAN_TTL_ADD	= 1 << 0,	/* ADD of 255 to TTL and hop limit */
	NFTO_CAN_NO_FRAGMENT	= 1 << 1,	/* the match "is not a fragment" */
	NFTO_CAN_TCP_FLAGS	= 1 << 2,	/* a TCP flags match */
	NFTO_CAN_CSUM		= 1 << 3,	/* CSUM of exactly what rewriting changes */
	NFTO_CAN_VLAN_POP	= 1 << 4,	/* matching one tag, taking it off */
	NFTO_CAN_VLAN_PUSH	= 1 << 5,	/* adding one tag */
	NFTO_CAN_VLAN_RETAG	= 1 << 6,	/* one tag for another */
	NFTO_CAN_VLAN_TWO	= 1 << 7,	/* two tags on one side, none on the other */
	NFTO_CAN_VLAN_MIX	= 1 << 8,	/* two tags on one side, one or two on the other */
	NFTO_CAN_VLAN_AD	= 1 << 9,	/* tags of 802.1ad */
	NFTO_CAN_PPPOE		= 1 << 10,
};

/* Address translation, for IPv4 and IPv6 apart. */
enum nfto_driver_nat {
	NFTO_NAT_SRC		= 1 << 0,
	NFTO_NAT_SPORT		= 1 << 1,	/* with the port changed */
	NFTO_NAT_DST		= 1 << 2,
	NFTO_NAT_DPORT		= 1 << 3,
	NFTO_NAT_BOTH		= 1 << 4,	/* source and destination at once */
	NFTO_NAT_BOTH_PORTS	= 1 << 5,	/* ... with any port changed */
};

#define NFTO_NAT_ALL	(NFTO_NAT_SRC | NFTO_NAT_SPORT | NFTO_NAT_DST | NFTO_NAT_DPORT | \
			 NFTO_NAT_BOTH | NFTO_NAT_BOTH_PORTS)

enum nfto_driver_wants {
	NFTO_WANTS_NAT_PAIRS	= 1 << 0,	/* a side's address and port together, or neither */
	NFTO_WANTS_NAT_CHANGES	= 1 << 1,	/* no port that stays as it is */
	NFTO_WANTS_PCP_ZERO	= 1 << 2,	/* retagging keeps PCP: only PCP 0 may hit */
	NFTO_WANTS_NAT_NONZERO	= 1 << 3,	/* no new port 0: it would be left as it is */
};

/*
 * Where hardware, as its driver programs it, does something else than software would. None of
 * these can be kept from happening by another rule; policies allow or forbid some of them.
 */
enum nfto_hazard {
	NFTO_HAZARD_TTL_UNTOUCHED,
	NFTO_HAZARD_TTL_ONE,
	NFTO_HAZARD_FIN_RST,
	NFTO_HAZARD_FIRST_FRAGMENT,
	NFTO_HAZARD_IP_OPTIONS,
	NFTO_HAZARD_TAGGED_HIT,
	NFTO_HAZARD_RETAG_DEI,
	NFTO_HAZARD_NAT_FIRMWARE,
	NFTO_HAZARD_NAT_UNPROVEN,
	NFTO_HAZARD_BYTES_UNKNOWN,
	NFTO_HAZARDS
};

/* Several entries of one name differ in whether the device has a switch parent id. */
enum nfto_driver_id {
	NFTO_ID_ANY,
	NFTO_ID_WITH,
	NFTO_ID_WITHOUT,
};

/* How to find out whether two ports of the driver are on one ASIC. */
enum nfto_driver_asic {
	NFTO_ASIC_PARENT_ID,	/* their parent ids are equal */
	NFTO_ASIC_DRIVER,	/* the driver itself refuses targets that are not */
};

/* What an errno means, if it comes with @text in the driver's words (NULL: whatever it says). */
struct nfto_driver_errno {
	int err;	/* 0 ends a list */
	const char *text;
	enum nfto_reason reason;
};

struct nfto_driver {
	const char *name;	/* as users know it, and as administrators name it */
	const char *mode;	/* which of the entries of that name, for display, or NULL */
	const char *link_kind;	/* recognised by its rtnl link kind, or */
	const char *bus_driver;	/* by the driver of its parent device */
	enum nfto_driver_id id;
	enum nfto_driver_asic asic;
	u8 dialects[NFTO_DIALECTS];	/* enum nfto_dialect, the first to be tried first */
	u8 num_dialects;
	u32 can;		/* enum nfto_driver_can */
	u32 wants;		/* enum nfto_driver_wants */
	u8 nat4, nat6;		/* enum nfto_driver_nat */
	u32 hazards;		/* BIT(enum nfto_hazard), besides those of the dialect */
	u32 prio;		/* of our rules; never 0 (mlx5 crashes on it) */
	bool counts_l2;		/* its byte counters include the Ethernet header and tags */
	/* bridged, though some of its devices take flowtables by themselves; of a family's first */
	bool over_native;
	const struct nfto_driver_errno *errnos;	/* where it differs from others, or NULL */
	/* what it answers if it has no such rule; 0: -ENOENT */
	int no_rule_to_delete;
	int no_rule_to_ask;
};

/*
 * The family of a device: the first of its driver's entries, or NULL for a driver that is not
 * known. @link_kind and @bus_driver may be NULL. Asks nobody anything.
 */
const struct nfto_driver *nfto_driver_find(const char *link_kind, const char *bus_driver);

/* The same choice, made by an administrator. */
const struct nfto_driver *nfto_driver_by_name(const char *name);

/*
 * The entry of @driver's family (which any of its entries stands for) for a device of which is
 * known whether it has a parent id. NULL: it has to be brought to switchdev mode first.
 */
const struct nfto_driver *nfto_driver_choose(const struct nfto_driver *driver, bool has_parent_id);

/* Are both entries of one family? */
bool nfto_driver_same(const struct nfto_driver *a, const struct nfto_driver *b);

/* For lists: entry number @i, or NULL behind the last. */
const struct nfto_driver *nfto_driver_at(unsigned int i);

/* Which reason a failed add (@err < 0) of this driver is. @text: the driver's words, or NULL. */
enum nfto_reason nfto_driver_reason(const struct nfto_driver *driver, int err, const char *text);

/* A short word for tools ("ttl-untouched") and a sentence for people; never NULL. */
const char *nfto_hazard_name(enum nfto_hazard hazard);
const char *nfto_hazard_text(enum nfto_hazard hazard);

#endif
