/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the simulator's data path needs of sk_buff and what differs between kernels.
 */
#ifndef _NFTO_COMPAT_SIM_SKB_H
#define _NFTO_COMPAT_SIM_SKB_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include "probed.h"
#if NFTO_HAVE_GSO_HEADER
#include <net/gso.h>
#endif

/*
 * Segments a frame as a receiver does it: complete checksums, no offload left over.
 * Since 6.5 the function is declared in <net/gso.h>.
 */
static inline struct sk_buff *nfto_sim_gso_segment(struct sk_buff *skb)
{
	return __skb_gso_segment(skb, 0, false);
}

#endif
