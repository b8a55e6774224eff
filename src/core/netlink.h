/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink - the generic netlink family `nft_offload`: what became of devices and flows, and policy.
 *
 * Specified in ../spec/nft_offload.yaml, from which netlink_gen.[ch] and the header for users are
 * made (scripts/gen-netlink). Requests run side by side (parallel_ops). RTNL orders those about
 * devices, keeps their device registered and its driver bound, and is taken with no other lock of
 * ours held. Those about flows and flowtables (netlink_flow.c) hold nfto_lock, now and then let go.
 * Probes (netlink_probe.c) take RTNL and the port's mutex, rule by rule.
 *
 * Life:
 *  - Registered once all but the flowtable types is there, and unregistered before anything goes.
 *    The types come after it because nothing may fail once a flowtable can use us.
 *  - A request is over when nfto_netlink_exit() returns: genl waits for it. A dump that its reader
 *    has not taken to the end holds a reference on the module, so that there is no unloading.
 *    Nothing of a dump is kept but the number of what it has passed.
 *  - A device that is unregistered, or leaves the namespace, is not found any more; what a request
 *    is doing with it ends first, for both hold RTNL. Its policy ends there (policy.h).
 *  - Namespaces: a request sees its socket's, which the socket holds. Nothing is kept for each.
 *
 * There is no module alias for the family's name: whoever asks for it must not load the module.
 */
#ifndef NFTO_NETLINK_H
#define NFTO_NETLINK_H

#include <linux/netdevice.h>
#include <net/netlink.h>

struct genl_family;
struct genl_info;

/* What messages that are not answers are made with, too. */
extern struct genl_family nfto_netlink_family;

/* Without RTNL, when it may be renamed meanwhile. 0 or -EMSGSIZE. */
static inline int nfto_netlink_put_ifname(struct sk_buff *skb, int attr,
					  const struct net_device *dev)
{
	char name[IFNAMSIZ];

	strscpy(name, dev->name, sizeof(name));
	return nla_put_string(skb, attr, name);
}

/* Each of @hazards, BIT(enum nfto_hazard), by its word. 0 or -EMSGSIZE. */
int nfto_netlink_put_hazards(struct sk_buff *skb, int attr, u32 hazards);

/*
 * The family has one policy for all requests: refuses attributes but @attrs, BIT_ULL(NFTO_A_*), of
 * which the user is told.
 */
int nfto_netlink_only(struct genl_info *info, u64 attrs);

/* The device that a request is about, or NULL, of which the user is told. RTNL is held. */
struct net_device *nfto_netlink_find(struct genl_info *info, int *err);

int nfto_netlink_init(void);
void nfto_netlink_exit(void);

#endif
