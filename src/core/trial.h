/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trial - the rules that a driver is tried with.
 *
 * For addresses, ports and MACs that are kept for documentation (RFC 5737, 3849, 7042), so that no
 * packet is met. Pure: no locks, no devices are looked at; compiled for the host too.
 */
#ifndef NFTO_TRIAL_H
#define NFTO_TRIAL_H

#include "rule.h"

#define NFTO_TRIALS 24

/* A word for tools ("ipv4-snat-port"). @trial < NFTO_TRIALS */
const char *nfto_trial_name(unsigned int trial);

/*
 * Writes rule @trial, for packets that come in by @in_ifindex and leave by @out, which is carried
 * without a reference, into @rule. @num: another rule of the same kind, up to 15 million of them.
 */
void nfto_trial_rule(unsigned int trial, u32 num, u32 in_ifindex, struct net_device *out,
		     struct nfto_rule *rule);

#endif
