/* RHEL 8.4 to 8.10 alone; struct net has what upstream v5.14 1d91d2e1a7f7 put elsewhere */
#include <net/net_namespace.h>
#ifndef NFTO_BASELINE
unsigned int probe(struct net *net);
unsigned int probe(struct net *net)
{
	return net->nf_tcp_net_offload_timeout + net->nf_udp_net_offload_timeout;
}
#endif
