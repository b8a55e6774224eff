/* upstream: v6.15 8ef890df4031; lock classes of a device moved to a header of their own */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
#include <net/netdev_lock.h>
#endif
