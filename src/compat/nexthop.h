/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nexthop objects (`ip nexthop`). RHEL 8 has none; their notifier got an extack in 5.11, with the
 * event's data. May sleep; no locks but what register_pernet_subsys() holds.
 *
 * And nexthops of IPv4 routes.
 */
#ifndef NFTO_COMPAT_NEXTHOP_H
#define NFTO_COMPAT_NEXTHOP_H

#include <linux/inetdevice.h>
#include <net/ip_fib.h>
#include <net/nexthop.h>
#include "probed.h"

static inline int nfto_nexthop_watch(struct net *net, struct notifier_block *nb)
{
#if NFTO_HAVE_NEXTHOP_EXTACK
	return register_nexthop_notifier(net, nb, NULL);
#elif NFTO_HAVE_NEXTHOP_NOTIFIER
	return register_nexthop_notifier(net, nb);
#else
	return 0;
#endif
}

/*
 * Does the event change where packets go? Some only ask, or are about counters; that one bucket of
 * a resilient group goes elsewhere happens when it is idle.
 */
static inline bool nfto_nexthop_changes(unsigned long event)
{
#if NFTO_HAVE_NEXTHOP_NOTIFIER
	return event == NEXTHOP_EVENT_DEL || event == NEXTHOP_EVENT_REPLACE;
#else
	return false;
#endif
}

/*
 * @nh can be used again: does that change where packets go? Alone in its route it was used without
 * a carrier too, unless routes of devices without one are to be ignored. RHEL 8 keeps these things
 * elsewhere: there it may.
 */
static inline bool nfto_nexthop_revives(const struct fib_nh *nh)
{
#if NFTO_HAVE_FIB_ACCESSORS
	return fib_info_num_path(nh->nh_parent) > 1 || ip_ignore_linkdown(nh->fib_nh_dev);
#else
	return true;
#endif
}

static inline void nfto_nexthop_unwatch(struct net *net, struct notifier_block *nb)
{
#if NFTO_HAVE_NEXTHOP_NOTIFIER
	unregister_nexthop_notifier(net, nb);
#endif
}

#endif
