// SPDX-License-Identifier: GPL-2.0
#include <linux/if_vlan.h>
#include "flow.h"
#include "port.h"
#include "stats.h"
#include "trace.h"

/* What a driver counts beyond what conntrack does: conntrack starts at the IP header. */
static u64 nfto_stats_l2(const struct nfto_port *port, const struct nfto_rule *rule)
{
	return port->driver->counts_l2 ? ETH_HLEN + rule->match.num_tags * VLAN_HLEN : 0;
}

bool nfto_stats_read(struct nfto_port *port, struct nfto_flow *flow)
{
	struct flow_stats stats = {};
	int err;
	u64 l2;

	lockdep_assert_held(&port->mutex);
	err = nfto_port_stats(port, flow->id, &flow->rule, &stats);
	if (err < 0)	/* what is not read now is in the next answer */
		return err != -ENOENT;
	l2 = stats.pkts * nfto_stats_l2(port, &flow->rule);
	nfto_flow_counted(flow, stats.pkts, stats.bytes > l2 ? stats.bytes - l2 : 0);
	return true;
}

/*
 * Drivers lose rules without a word to those who gave them (mlx5 when its device is reset or
 * reloaded). If it has it all the same, it must not have two.
 */
static bool nfto_stats_lost(struct nfto_port *port, struct nfto_flow *flow)
{
	struct netlink_ext_ack extack = {};

	lockdep_assert_held(&port->mutex);
	if (nfto_port_del(port, flow->id, &flow->rule, &extack))
		return false;
	nfto_port_has_room(port);
	nfto_flow_lost(flow);
	return true;
}

bool nfto_stats_poll(struct nfto_port *port, unsigned long deadline)
{
	struct nfto_flow *flow;
	unsigned int num = 0, lost = 0;
	bool done;

	lockdep_assert_held(&port->mutex);
	while ((flow = nfto_flow_poll_next(port, deadline))) {
		num++;
		if (!nfto_stats_read(port, flow) && nfto_stats_lost(port, flow))
			lost++;
		else
			nfto_flow_idle(flow);
	}
	if (lost)
		net_warn_ratelimited("nft_offload: %s: its driver has lost rules (a reset or devlink reload?): %u to be added again\n",
				     port->dev->name, lost);
	done = !time_after(jiffies, deadline);
	trace_stats_poll(port, num, done);
	return done;
}
