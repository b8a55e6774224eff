/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watch - what happens around a flow that makes it wrong, in hardware as in the core's flowtable.
 *
 * The core's notifiers tell of it in whatever context: they put down a struct nfto_change, and a
 * work item of their namespace ends the flows that it concerns (watch.c). Where the news come from:
 *
 *   watch.c		devices; they, and all else, by namespace
 *   watch_route.c	routes, rules and nexthop objects
 *   watch_neigh.c	neighbours
 *   watch_bridge.c	bridges: forwarding database, VLANs, state of ports
 *   watch_ipsec.c	IPsec policies
 *
 * What is put down is put down for its namespace: much that happens in one is no other's loss.
 *
 * What stops it: at unload the notifiers go first, which waits for those that run; then the work
 * items are cancelled: no flowtable is ours any more, and with the devices' notifier every port has
 * ended, whose worker says which neighbours are used. At the end of a namespace its route notifiers
 * go with it, then its work item, then what was put down of it, once the work item that looks again
 * for all is done with it, which does not wait for others' turns; from then on nothing is put down,
 * though devices, and on some kernels flowtables, end later.
 */
#ifndef NFTO_WATCH_H
#define NFTO_WATCH_H

#include "flow.h"

struct neighbour;
struct net;
struct nfto_net;

/* Has flows ended that @change concerns. Any context, under whatever locks the core may hold. */
void nfto_watch_tell(const struct nfto_change *change);

/* The same for flows that enter or leave by @dev or by what is below it. RTNL is held. */
void nfto_watch_tell_device(struct net_device *dev, enum nfto_reason reason);

/*
 * A flowtable of ours came to @net, or went. Only where there is one, changes are put down: it
 * comes before its first flow. use() returns 0 or -ENOMEM, and sleeps; commit_mutex may be held.
 */
int nfto_watch_use(struct nfto_net *net);
void nfto_watch_unuse(struct nfto_net *net);

/*
 * Hardware has sent packets to @mac in @net: the core is to see to it that the neighbour is still
 * there. Any context; @net is only compared.
 */
void nfto_watch_neigh_used(const struct net *net, const u8 *mac);

/* Per namespace. May sleep; no locks. */
int nfto_watch_route_net_init(struct nfto_net *net);
void nfto_watch_route_net_exit(struct nfto_net *net);

int nfto_watch_neigh_init(void);
void nfto_watch_neigh_exit(void);

int nfto_watch_bridge_init(void);
void nfto_watch_bridge_exit(void);

/* Cannot fail. exit() waits for those who are telling. */
void nfto_watch_ipsec_init(void);
void nfto_watch_ipsec_exit(void);

int nfto_watch_init(void);
void nfto_watch_exit(void);

#endif
