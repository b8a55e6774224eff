/* upstream: v5.9 4b61d3e8d3da; drivers report drops too */
#include <net/flow_offload.h>
#ifndef NFTO_BASELINE
void probe(struct flow_stats *stats);
void probe(struct flow_stats *stats)
{
	flow_stats_update(stats, 1, 2, 3, 4, FLOW_ACTION_HW_STATS_DELAYED);
}
#endif
