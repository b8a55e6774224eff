/* upstream: v5.14 1d91d2e1a7f7; how long the core keeps an idle flow is a sysctl */
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#ifndef NFTO_BASELINE
unsigned int probe(struct net *net);
unsigned int probe(struct net *net)
{
	return nf_tcp_pernet(net)->offload_timeout + nf_udp_pernet(net)->offload_timeout;
}
#endif
