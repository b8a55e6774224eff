/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the simulator needs of the driver-facing TC API and what differs between
 * kernels.
 */
#ifndef _NFTO_COMPAT_SIM_TC_H
#define _NFTO_COMPAT_SIM_TC_H

#include <linux/string.h>
#include <net/flow_offload.h>
#include "probed.h"

/* The keys of a rule; 32 bits wide in the kernel before 6.6, and before 5.18 signed. */
static inline u64 nfto_sim_used_keys(const struct flow_rule *rule)
{
	return rule->match.dissector->used_keys;
}

/*
 * Whether a META match asks for more than the ingress device. What follows it in the
 * structure has grown over time (type of the device, L2 miss).
 */
static inline bool nfto_sim_meta_has_more(const struct flow_dissector_key_meta *mask)
{
	const size_t rest = offsetofend(struct flow_dissector_key_meta, ingress_ifindex);

	return memchr_inv((const u8 *)mask + rest, 0, sizeof(*mask) - rest);
}

/* Is it a PPPoE header to be pushed? Kernels before 5.13 never ask for one. */
static inline bool nfto_sim_is_pppoe_push(const struct flow_action_entry *act, u16 *sid)
{
#if NFTO_HAVE_PPPOE_PUSH
	if (act->id != FLOW_ACTION_PPPOE_PUSH)
		return false;
	*sid = act->pppoe.sid;
	return true;
#else
	return false;
#endif
}

#endif
