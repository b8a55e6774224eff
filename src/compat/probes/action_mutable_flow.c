/* upstream: v6.2 8f84780b84d6; action() may change the flow, before it must not */
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#ifndef NFTO_BASELINE
static int probe(struct net *net, struct flow_offload *flow,
		 enum flow_offload_tuple_dir dir, struct nf_flow_rule *rule)
{
	return 0;
}

const struct nf_flowtable_type probe_type = { .action = probe };
#endif
