// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "nfto.h"
#include "policy.h"

struct nfto_policy_entry {
	struct hlist_node node;
	const struct net_device *dev;	/* only compared */
	struct nfto_device_policy policy;
};

/* Protects the table and what its entries say; see nfto.h. */
static DEFINE_SPINLOCK(nfto_policy_lock);
/* By the device's address. Written under RTNL as well. */
static DEFINE_HASHTABLE(nfto_policies, 8);

static struct nfto_policy_entry *nfto_policy_find(const struct net_device *dev)
{
	struct nfto_policy_entry *entry;

	lockdep_assert_held(&nfto_policy_lock);
	hash_for_each_possible(nfto_policies, entry, node, (unsigned long)dev)
		if (entry->dev == dev)
			return entry;
	return NULL;
}

void nfto_policy_get(const struct net_device *dev, struct nfto_device_policy *policy)
{
	const struct nfto_policy_entry *entry;

	spin_lock_bh(&nfto_policy_lock);
	entry = nfto_policy_find(dev);
	*policy = entry ? entry->policy : (struct nfto_device_policy){};
	spin_unlock_bh(&nfto_policy_lock);
}

static bool nfto_policy_is_default(const struct nfto_device_policy *policy)
{
	return !policy->driver && policy->ttl == NFTO_TTL_DEFAULT &&
	       policy->tcp == NFTO_TCP_GUARDED && policy->offload == NFTO_OFFLOAD_AUTO;
}

int nfto_policy_set(const struct net_device *dev, const struct nfto_device_policy *policy)
{
	struct nfto_policy_entry *entry, *fresh;

	ASSERT_RTNL();
	if (nfto_policy_is_default(policy)) {
		nfto_policy_forget(dev);
		return 0;
	}
	/* accounted: a user namespace may make devices without end, and set a policy for each */
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return -ENOMEM;
	spin_lock_bh(&nfto_policy_lock);
	entry = nfto_policy_find(dev);
	if (!entry) {
		entry = fresh;
		fresh = NULL;
		entry->dev = dev;
		hash_add(nfto_policies, &entry->node, (unsigned long)dev);
	}
	entry->policy = *policy;
	spin_unlock_bh(&nfto_policy_lock);
	kfree(fresh);
	return 0;
}

bool nfto_policy_lossy(const struct nfto_device_policy *policy)
{
	return policy->ttl == NFTO_TTL_DEFAULT ? nfto_lossy : policy->ttl == NFTO_TTL_LOSSY;
}

void nfto_policy_forget(const struct net_device *dev)
{
	struct nfto_policy_entry *entry;

	ASSERT_RTNL();
	spin_lock_bh(&nfto_policy_lock);
	entry = nfto_policy_find(dev);
	if (entry)
		hash_del(&entry->node);
	spin_unlock_bh(&nfto_policy_lock);
	kfree(entry);
}

void nfto_policy_exit(void)
{
	WARN_ON(!hash_empty(nfto_policies));
}
