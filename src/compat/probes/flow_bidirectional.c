/* upstream: v6.3 8f84780b84d6; the core offers the reply direction only if it is told to */
#include <linux/netfilter.h>
#include <net/netfilter/nf_flow_table.h>
#ifndef NFTO_BASELINE
int probe(void);
int probe(void)
{
	return NF_FLOW_HW_BIDIRECTIONAL;
}
#endif
