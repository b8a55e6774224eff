/* upstream: v5.13 5139c0c00725; a flow knows that IPsec encrypts it, and the core builds no rule */
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#ifndef NFTO_BASELINE
int probe(const struct flow_offload_tuple *tuple);
int probe(const struct flow_offload_tuple *tuple)
{
	return tuple->xmit_type == FLOW_OFFLOAD_XMIT_XFRM;
}
#endif
