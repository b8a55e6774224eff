/* SPDX-License-Identifier: GPL-2.0 */
/*
 * policy - what the administrator wants of a device, whether or not a flowtable uses it.
 *
 * Pure data: whoever changes a policy tells the port (nfto_port_policy_changed()).
 *
 * Life: a device without an entry has the default policy. An entry is made and changed by
 * nfto_policy_set(), under RTNL and only for a registered device; it ends
 *  - in nfto_policy_set(), once it says nothing but the default, or
 *  - in nfto_policy_forget() at NETDEV_UNREGISTER, which comes when a device is unregistered or
 *    leaves its namespace, when the namespace ends, and for every device when we unload
 *    (nfto_watch_exit()). A renamed device keeps it.
 * So no entry outlives its device: the device's address is enough to tell it, and no reference is
 * held. RTNL keeps an entry from being made between NETDEV_UNREGISTER and the device's end.
 */
#ifndef NFTO_POLICY_H
#define NFTO_POLICY_H

#include <linux/types.h>
#include <uapi/linux/nft_offload.h>

struct net_device;
struct nfto_driver;

/* All zero is the default. */
struct nfto_device_policy {
	const struct nfto_driver *driver;	/* vouched for; NULL: as recognised */
	u8 ttl;					/* enum nfto_policy_ttl */
	u8 tcp;					/* enum nfto_policy_tcp */
	u8 offload;				/* enum nfto_policy_offload */
};

/* Copies the policy of @dev to @policy. Any context but hard interrupts; nfto_lock may be held. */
void nfto_policy_get(const struct net_device *dev, struct nfto_device_policy *policy);

/* Replaces the policy of @dev, which is registered. RTNL is held; may sleep. 0 or -ENOMEM. */
int nfto_policy_set(const struct net_device *dev, const struct nfto_device_policy *policy);

/* May hardware that does not decrement the TTL forward packets that enter by the device? */
bool nfto_policy_lossy(const struct nfto_device_policy *policy);

/* NETDEV_UNREGISTER. RTNL is held. */
void nfto_policy_forget(const struct net_device *dev);

/* The watch is gone, and with it every device's policy. */
void nfto_policy_exit(void);

#endif
