/* SPDX-License-Identifier: GPL-2.0 */
/* The ways that packets of forwarded flows take through chains. */
#ifndef NFTO_CLI_CHECK_WALK_H
#define NFTO_CLI_CHECK_WALK_H

#include "check_match.h"
#include "check_model.h"

struct check_walk {
	const struct check_model *model;
	const struct check_chain *base;
	size_t steps;			/* left, so that crossing jumps come to an end */
	/*
	 * Called for each statement but matches, on each way to it, with what holds there;
	 * @value is NULL for one that nft lists as text. Verdicts of maps come as statements.
	 */
	void (*visit)(struct check_walk *walk, const struct check_rule *rule, const char *kind,
		      const json_t *value, const struct check_cond *cond);
	void *arg;
};

/* The ct states with which packets come to the end of @base, and to its policy. */
unsigned int check_walk_base(struct check_walk *walk, const struct check_chain *base);

#endif
