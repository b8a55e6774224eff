/* SPDX-License-Identifier: GPL-2.0 */
/* What a driver gets, as text. */
#ifndef NFTO_HOST_DUMP_H
#define NFTO_HOST_DUMP_H

#include <stdio.h>
#include "../../src/core/dialect.h"

void dump_keys(FILE *to, const struct nfto_offer *offer);
void dump_actions(FILE *to, const struct nfto_offer *offer);

#endif
