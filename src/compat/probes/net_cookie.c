/* upstream: v5.12 3d368ab87cf6; a namespace has its number from birth on */
#include <net/net_namespace.h>
#ifndef NFTO_BASELINE
u64 probe(const struct net *net);
u64 probe(const struct net *net)
{
	return net->net_cookie;
}
#endif
