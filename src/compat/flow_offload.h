/* SPDX-License-Identifier: GPL-2.0 */
/* The rules that drivers get. Pure: for the host too, where probed.h says yes to everything. */
#ifndef NFTO_COMPAT_FLOW_OFFLOAD_H
#define NFTO_COMPAT_FLOW_OFFLOAD_H

#include <net/flow_offload.h>
#include "probed.h"

/* Is it a PPPoE header to be pushed? Kernels before 5.13 never ask for one. */
static inline bool nfto_action_is_pppoe(const struct flow_action_entry *entry, u16 *sid)
{
#if NFTO_HAVE_PPPOE_PUSH
	if (entry->id != FLOW_ACTION_PPPOE_PUSH)
		return false;
	*sid = entry->pppoe.sid;
	return true;
#else
	return false;
#endif
}

/* The other way round; false if the kernel has no word for it. */
static inline bool nfto_action_set_pppoe(struct flow_action_entry *entry, u16 sid)
{
#if NFTO_HAVE_PPPOE_PUSH
	entry->id = FLOW_ACTION_PPPOE_PUSH;
	entry->pppoe.sid = sid;
	return true;
#else
	return false;
#endif
}

/* Some drivers trap or ignore what they cannot do unless software is out of the question. */
static inline void nfto_cls_hardware_only(struct flow_cls_common_offload *common)
{
#if NFTO_HAVE_CLS_SKIP_SW
	common->skip_sw = true;
#endif
}

#endif
