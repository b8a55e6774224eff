/* SPDX-License-Identifier: GPL-2.0 */
/* The flows that every driver's rules are shown for: each way to forward, to translate, to tag. */
#ifndef NFTO_HOST_CASES_H
#define NFTO_HOST_CASES_H

#include "../../src/core/rule.h"

#define CASES_NAT 7
#define CASES_TAGS 8
#define CASES (2 * 2 * CASES_NAT * CASES_TAGS)

/* The rule of case @i as the parser reads it from what the core says, and its name. */
const char *case_rule(unsigned int i, struct nfto_rule *rule);

#define CASE_OUT ((struct net_device *)0x1000)

#endif
