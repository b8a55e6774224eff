/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all stages share: the lock order and the module's parameters.
 *
 * Lock order, outermost first; the core's own locks are in brackets:
 *
 *	RTNL
 *	  [nftables commit_mutex -> nf_flowtable.flow_block_lock]
 *	    nfto_port.mutex	protects a port's driver block and every call into its driver
 *	      nfto_lock		protects the registry: tables, binds, ports' queues, flows
 *		nfto_policy_lock	protects what the administrator wants of devices; policy.c's
 *
 * What happens around flows is put down under nfto_watch_lock, in whatever context the core tells
 * of it; nothing else is taken under it.
 *
 * - commit_mutex is taken under RTNL by the core, so nothing that runs under commit_mutex or
 *   flow_block_lock (setup(), action(), the block callback) may take RTNL, flush our workqueue or
 *   take a port's mutex: they only change the registry and queue work.
 * - The core flushes its offload workqueues under RTNL, so what runs there (action(), the block
 *   callback) must not wait for RTNL either.
 * - Drivers are called by a port's worker, and inline from NETDEV_UNREGISTER, where RTNL is held
 *   and the device must be free of us on return. Nobody waits for a worker while holding RTNL.
 */
#ifndef NFTO_H
#define NFTO_H

#include <linux/spinlock.h>

/* Taken with bottom halves disabled. Nothing sleeps under it. */
extern spinlock_t nfto_lock;

/* Set at load time, constant afterwards. */
extern bool nfto_strict;	/* a device that cannot offload makes the flowtable fail */
extern bool nfto_lossy;		/* a driver that cannot decrement the TTL may be used */

#endif
