/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NFTO_CLI_CHECK_ANALYSE_H
#define NFTO_CLI_CHECK_ANALYSE_H

#include "check_findings.h"
#include "check_walk.h"

/* A rule with "flow add". */
struct check_add {
	const struct check_rule *rule;
	const char *name;		/* the flowtable's, which need not exist; no NUL after it */
	int length;
	const struct check_flowtable *ft;
	bool forward;			/* packets to be forwarded are asked about it */
	bool early;			/* connections without a reply are */
	unsigned int ct;		/* states that get to it */
	const char *hook;		/* another one that leads to it, or NULL */
	const struct check_rule *taker;	/* why no established packet does */
};

/* What gets to such a rule on one way. */
struct check_flows {
	struct check_cond cond;
	const struct check_add *add;
};

struct check_analysis {
	struct check_model model;
	const json_t *links;		/* or NULL */
	json_t *findings;
	struct check_add *adds;
	size_t add_count;
	struct check_flows *flows;
	size_t flow_count;
	int err;
};

/* Where flows are added, and what happens to established connections: check_flow.c */
void check_find_adds(struct check_analysis *a);
void check_walk_forward(struct check_analysis *a);
void check_report_adds(struct check_analysis *a);

/* What flows in hardware bypass: check_bypass.c */
void check_bypass(struct check_analysis *a);

/* Flowtables and their devices: check_flowtable.c */
void check_flowtables(struct check_analysis *a);
void check_devices(struct check_analysis *a);

/* The above on any ruleset; @links is NULL if it is not the live one. */
int check_analyse_all(const json_t *ruleset, const json_t *flowtables, const json_t *links,
		      json_t *findings);

/* The hook forward of a family whose packets are routed. */
bool check_is_forward(const struct check_chain *chain);

#endif
