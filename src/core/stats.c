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

void nfto_stats_read(struct nfto_port *port, struct nfto_flow *flow)
{
	struct flow_stats stats = {};
	u64 l2;

	lockdep_assert_held(&port->mutex);
	if (nfto_port_stats(port, flow->id, &flow->rule, &stats) < 0)
		return;	/* what is not read now is in the next answer */
	l2 = stats.pkts * nfto_stats_l2(port, &flow->rule);
	nfto_flow_counted(flow, stats.pkts, stats.bytes > l2 ? stats.bytes - l2 : 0);
}

bool nfto_stats_poll(struct nfto_port *port, unsigned long deadline)
{
	struct nfto_flow *flow;
	unsigned int num = 0;
	bool done;

	lockdep_assert_held(&port->mutex);
	while ((flow = nfto_flow_poll_next(port, deadline))) {
		nfto_stats_read(port, flow);
		nfto_flow_idle(flow);
		num++;
	}
	done = !time_after(jiffies, deadline);
	trace_stats_poll(port, num, done);
	return done;
}
