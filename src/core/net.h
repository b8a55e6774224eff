/* SPDX-License-Identifier: GPL-2.0 */
/*
 * net - what is kept of each network namespace, so that nobody has to walk over, or wait for, what
 * is another namespace's.
 *
 * There from before our first notifier to after our last; of a namespace that ends, until all its
 * flowtables, conntrack entries and notifiers have ended.
 */
#ifndef NFTO_NET_H
#define NFTO_NET_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct net;
struct nfto_watch;

struct nfto_net {
	struct net *net;

	/* bind.c; nfto_lock */
	struct list_head tables;	/* in the order in which they came */
	u32 num_tables;
	u32 num_binds;			/* devices of theirs */
	u32 seq;			/* how often one came or went */
	u32 num_closing;		/* flowtables that let go of a native driver */
	u32 num_native;			/* devices that a native driver carries, in all of them */

	/* flow*.c; nfto_lock */
	struct xarray flows;		/* the attached ones, by id */
	u32 num_flows;			/* so many */

	/* watch.c */
	atomic_t used;			/* flowtables of ours */
	struct nfto_watch *watch;	/* nfto_watch_lock; from the first flowtable to the end */

	/* watch_route.c */
	struct notifier_block fib_nb;
	struct notifier_block nexthop_nb;
	bool watched;			/* fib_nb is registered */
	bool ready;			/* what was there already is told before */

	/* watch_neigh.c; nfto_neigh_lock */
	u32 num_neighs;			/* that are remembered */
	bool blind;			/* a neighbour is not remembered: there was no memory */
};

/*
 * NULL for a namespace that has not come to us yet, or never will for lack of memory: it has
 * devices all the same. Not NULL where a flowtable of ours or its flows are. @net is alive.
 */
struct nfto_net *nfto_net_of(const struct net *net);

/* Is it of a user namespace, whose root has no privileges elsewhere? Any context. */
bool nfto_net_is_users(const struct net *net);

int nfto_net_init(void);
void nfto_net_exit(void);

#endif
