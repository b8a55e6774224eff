// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include "../compat/shims.h"
#include "bind.h"
#include "flow.h"
#include "net.h"
#include "netlink.h"
#include "nfto.h"
#include "policy.h"
#include "port.h"
#include "watch.h"

bool nfto_strict;
bool nfto_lossy;

static char *strict = "0";
module_param(strict, charp, 0444);
MODULE_PARM_DESC(strict, "1: a flowtable with a device that cannot offload fails to load, as without this module (default 0)");

static char *ttl = "require";
module_param(ttl, charp, 0444);
MODULE_PARM_DESC(ttl, "require: only hardware that decrements the TTL is used; lossy: also hardware that does not (default require)");

/* The kernel's own bool parameter fails without a word about which parameter it was. */
static int __init nfto_parse_params(void)
{
	if (kstrtobool(strict, &nfto_strict)) {
		pr_err("nft_offload: parameter strict must be 0 or 1, not \"%s\"\n", strict);
		return -EINVAL;
	}
	if (!strcmp(ttl, "lossy")) {
		nfto_lossy = true;
	} else if (strcmp(ttl, "require")) {
		pr_err("nft_offload: parameter ttl must be require or lossy, not \"%s\"\n", ttl);
		return -EINVAL;
	}
	return 0;
}

/*
 * In the order of the pipeline, from its end: nothing comes in before all behind it is there. The
 * flowtable types come last, for nothing may fail once a flowtable can have one of them.
 */
static int __init nfto_init(void)
{
	int err;

	err = nfto_parse_params();
	if (err)
		return err;
	err = nfto_net_init();
	if (err)
		return err;
	err = nfto_flow_init();
	if (err)
		goto err_exit_net;
	err = nfto_port_init();
	if (err)
		goto err_exit_flow;
	err = nfto_watch_init();
	if (err)
		goto err_exit_port;
	err = nfto_netlink_init();
	if (err)
		goto err_exit_watch;
	err = nfto_bind_init();
	if (err)
		goto err_exit_netlink;
	pr_info("nft_offload: %s: flowtables created from now on may offload (strict=%d ttl=%s shims: %s)\n",
		NFTO_VERSION, nfto_strict, ttl, nfto_shims());
	return 0;

err_exit_netlink:
	nfto_netlink_exit();
err_exit_watch:
	nfto_watch_exit();
err_exit_port:
	nfto_port_exit();
err_exit_flow:
	nfto_flow_exit();
err_exit_net:
	nfto_net_exit();
	return err;
}

/*
 * No flowtable uses us, so no callback, action() or hook runs and no flow is attached. The types go
 * first: until then no new flowtable loads, for they are in front and the module is no more to be
 * had. Netlink's end waits for the requests of all families, ours among them, for seconds if one is
 * a probe. Ports may still be winding up: watch_exit() ends every port and every policy inline,
 * under RTNL; then late workers, which see that their port is gone; then the callbacks that free
 * flows, which RCU readers may have looked at.
 */
static void __exit nfto_exit(void)
{
	nfto_bind_exit();
	nfto_netlink_exit();
	nfto_watch_exit();
	nfto_policy_exit();
	nfto_port_exit();
	rcu_barrier();
	nfto_flow_exit();
	nfto_net_exit();
}

module_init(nfto_init);
module_exit(nfto_exit);

MODULE_DESCRIPTION("nftables flowtables in the hardware that NIC drivers really offer");
MODULE_VERSION(NFTO_VERSION);
MODULE_LICENSE("GPL");
