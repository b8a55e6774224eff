/* upstream: v5.3 5481d73f8154, b75ed8b1aa9c; nexthops of IPv4 routes have accessors and their names */
#include <linux/inetdevice.h>
#include <net/ip_fib.h>
#include <net/nexthop.h>
#ifndef NFTO_BASELINE
int probe(const struct fib_nh *nh);
int probe(const struct fib_nh *nh)
{
	return fib_info_num_path(nh->nh_parent) + ip_ignore_linkdown(nh->fib_nh_dev);
}
#endif
