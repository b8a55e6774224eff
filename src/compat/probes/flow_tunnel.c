/* upstream: after v6.12, by v7.2; flows know the IP tunnel that their packets go through */
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#ifndef NFTO_BASELINE
int probe(const struct flow_offload_tuple *tuple);
int probe(const struct flow_offload_tuple *tuple)
{
	return tuple->tun_num;
}
#endif
