/* SPDX-License-Identifier: GPL-2.0 */
/* What the virtual ASIC makes of an offer, as the device of the driver that it is for. */
#ifndef NFTO_FUZZ_ASIC_H
#define NFTO_FUZZ_ASIC_H

#include "../../src/core/dialect.h"

/* Two of its ports. */
extern struct net_device *const asic_in, *const asic_out;

/*
 * Ends the run if the offer of @rule, made in @dialect, is taken by a personality of the simulator
 * that stands for @driver, which then does something else, or that to other packets, than @rule
 * says and the driver's known hazards allow.
 */
void asic_reads(const struct nfto_offer *offer, const struct nfto_rule *rule,
		const struct nfto_driver *driver, enum nfto_dialect dialect);

#endif
