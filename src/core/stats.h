/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats - one walk per port and interval reads the driver; everybody else is answered from there.
 *
 * Counters go to conntrack (in 64 bit, if the flowtable has `counter`) and keep the core's flow
 * alive; see nfto_flow_counted().
 */
#ifndef NFTO_STATS_H
#define NFTO_STATS_H

#include <linux/jiffies.h>

struct nfto_flow;
struct nfto_port;

#define NFTO_POLL_INTERVAL HZ

/*
 * Reads one busy flow. The port's mutex is held, and RTNL where its driver needs it. False: the
 * driver has no such rule.
 */
bool nfto_stats_read(struct nfto_port *port, struct nfto_flow *flow);

/*
 * Goes on with the port's walk until @deadline (jiffies). Same locks. True: this round is done.
 * Rules that turn out to be lost are queued to be added again.
 */
bool nfto_stats_poll(struct nfto_port *port, unsigned long deadline);

#endif
