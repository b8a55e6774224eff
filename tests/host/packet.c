// SPDX-License-Identifier: GPL-2.0
#include "packet.h"

bool packet_apply(struct packet *p, const struct flow_rule *rule, int *ttl)
{
	unsigned int i, j;

	for (i = 0; i < rule->action.num_entries; i++) {
		const struct flow_action_entry *e = &rule->action.entries[i];
		const u8 *val = (const u8 *)&e->mangle.val, *keep = (const u8 *)&e->mangle.mask;
		u8 *header = p->l4;

		if (e->id != FLOW_ACTION_MANGLE && e->id != FLOW_ACTION_ADD)
			continue;
		if (e->mangle.offset % 4)
			return false;
		if (e->mangle.htype == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
			header = p->eth;
		else if (e->mangle.htype <= FLOW_ACT_MANGLE_HDR_TYPE_IP6)
			header = p->ip;
		for (j = 0; j < 4; j++) {
			u8 *byte = &header[e->mangle.offset + j];

			if (e->id == FLOW_ACTION_ADD && keep[j] != 0xff)
				*ttl += (signed char)val[j];
			else if (e->id == FLOW_ACTION_MANGLE)
				*byte = (*byte & keep[j]) | (val[j] & ~keep[j]);
		}
	}
	return true;
}
