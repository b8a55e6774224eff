/* upstream: v5.13 4cd91f7c290f; flows know the tags and the PPPoE session of their packets */
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#ifndef NFTO_BASELINE
int probe(const struct flow_offload_tuple *tuple);
int probe(const struct flow_offload_tuple *tuple)
{
	return tuple->encap_num && tuple->encap[0].proto && tuple->in_vlan_ingress;
}
#endif
