/* upstream: after v6.12, by v7.2; who asks for a device's path says so in a structure */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
int probe(struct net_device_path_ctx *ctx, struct net_device_path_stack *stack);
int probe(struct net_device_path_ctx *ctx, struct net_device_path_stack *stack)
{
	return dev_fill_forward_path(ctx, stack);
}
#endif
