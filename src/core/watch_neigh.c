// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/arp.h>
#include <net/ndisc.h>
#include <net/neighbour.h>
#include <net/netevent.h>
#include "watch.h"

/*
 * The core tells what a neighbour's MAC is now, flows were built with what it was before: so this
 * remembers it, for every neighbour that has one. As many entries as the core has, which limits
 * them. Which flow goes to which neighbour nobody remembers; those with that MAC end.
 */
struct nfto_neigh_key {
	const struct net *net;
	int ifindex;
	u32 family;
	__be32 addr[4];
};

struct nfto_neigh {
	struct rhash_head node;
	struct nfto_neigh_key key;
	u8 mac[ETH_ALEN];
	struct rcu_head rcu;
};

/* Protects what follows. Taken under the core's locks of neighbours, in process and softirq. */
static DEFINE_SPINLOCK(nfto_neigh_lock);
static struct rhashtable nfto_neighs;
static bool nfto_neigh_blind;	/* there was no memory once to remember one */

static const struct rhashtable_params nfto_neigh_params = {
	.key_len = sizeof(struct nfto_neigh_key),
	.key_offset = offsetof(struct nfto_neigh, key),
	.head_offset = offsetof(struct nfto_neigh, node),
	.automatic_shrinking = true,
};

static bool nfto_neigh_key(const struct neighbour *neigh, struct nfto_neigh_key *key)
{
	int family = neigh->tbl->family;

	if ((family != AF_INET && family != AF_INET6) || neigh->dev->addr_len != ETH_ALEN)
		return false;
	memset(key, 0, sizeof(*key));	/* compared as memory */
	key->net = dev_net(neigh->dev);
	key->ifindex = neigh->dev->ifindex;
	key->family = family;
	memcpy(key->addr, neigh->primary_key, neigh->tbl->key_len);
	return true;
}

/* The entry is gone, or has no MAC any more. */
static void nfto_neigh_drop(struct nfto_neigh *known)
{
	lockdep_assert_held(&nfto_neigh_lock);
	rhashtable_remove_fast(&nfto_neighs, &known->node, nfto_neigh_params);
	kfree_rcu(known, rcu);
}

static void nfto_neigh_learn(const struct nfto_neigh_key *key, const u8 *mac)
{
	struct nfto_neigh *known = kzalloc(sizeof(*known), GFP_ATOMIC);

	lockdep_assert_held(&nfto_neigh_lock);
	if (!known) {
		nfto_neigh_blind = true;
		return;
	}
	known->key = *key;
	ether_addr_copy(known->mac, mac);
	if (rhashtable_insert_fast(&nfto_neighs, &known->node, nfto_neigh_params)) {
		nfto_neigh_blind = true;
		kfree(known);
	}
}

/*
 * Puts down what is so now, and says in *@change what that means for flows; false: nothing. Once a
 * neighbour was not remembered, an unknown one may be that one, with another MAC: all flows end.
 */
static bool nfto_neigh_note(const struct nfto_neigh_key *key, bool valid, const u8 *mac,
			    struct nfto_change *change)
{
	struct nfto_neigh *known;
	bool changed = true;

	lockdep_assert_held(&nfto_neigh_lock);
	known = rhashtable_lookup_fast(&nfto_neighs, key, nfto_neigh_params);
	if (known) {
		change->kind = NFTO_CHANGE_MAC;
		ether_addr_copy(change->mac, known->mac);
		if (!valid)
			nfto_neigh_drop(known);
		else if (ether_addr_equal(known->mac, mac))
			changed = false;
		else
			ether_addr_copy(known->mac, mac);
	} else if (valid) {
		change->kind = nfto_neigh_blind ? NFTO_CHANGE_ALL : NFTO_CHANGE_RESOLVED;
		change->family = key->family;
		change->len = key->family == AF_INET ? 32 : 128;
		memcpy(change->addr, key->addr, sizeof(change->addr));
		nfto_neigh_learn(key, mac);
	} else {
		changed = false;
	}
	return changed;
}

static void nfto_neigh_look(struct neighbour *neigh, struct nfto_change *change, bool *changed)
{
	struct nfto_neigh_key key;
	u8 mac[MAX_ADDR_LEN];
	bool valid;

	*changed = false;
	if (!nfto_neigh_key(neigh, &key))
		return;
	memset(change, 0, sizeof(*change));
	change->net = key.net;
	change->reason = NFTO_REASON_STALE_NEIGHBOUR;
	/* under the lock, so that the last word comes last */
	spin_lock_bh(&nfto_neigh_lock);
	valid = READ_ONCE(neigh->nud_state) & NUD_VALID && !READ_ONCE(neigh->dead);
	neigh_ha_snapshot((char *)mac, neigh, neigh->dev);
	*changed = nfto_neigh_note(&key, valid, mac, change);
	spin_unlock_bh(&nfto_neigh_lock);
}

/* Atomic context. */
static int nfto_neigh_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct nfto_change change;
	bool changed;

	if (event != NETEVENT_NEIGH_UPDATE)
		return NOTIFY_DONE;
	nfto_neigh_look(ptr, &change, &changed);
	if (changed)
		nfto_watch_tell(&change);
	return NOTIFY_DONE;
}

static struct notifier_block nfto_neigh_nb = {
	.notifier_call = nfto_neigh_event,
};

/* What was there before us. */
static void nfto_neigh_meet(struct neighbour *neigh, void *data)
{
	struct nfto_change change;
	bool changed;

	nfto_neigh_look(neigh, &change, &changed);
}

int nfto_watch_neigh_init(void)
{
	int err = rhashtable_init(&nfto_neighs, &nfto_neigh_params);

	if (err)
		return err;
	err = register_netevent_notifier(&nfto_neigh_nb);
	if (err) {
		rhashtable_destroy(&nfto_neighs);
		return err;
	}
	neigh_for_each(&arp_tbl, nfto_neigh_meet, NULL);
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_mod_enabled())		/* else there is no table behind it */
		neigh_for_each(&nd_tbl, nfto_neigh_meet, NULL);
#endif
	return 0;
}

static void nfto_neigh_free(void *ptr, void *data)
{
	kfree(ptr);
}

void nfto_watch_neigh_exit(void)
{
	unregister_netevent_notifier(&nfto_neigh_nb);
	rhashtable_free_and_destroy(&nfto_neighs, nfto_neigh_free, NULL);
}
