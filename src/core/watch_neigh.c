// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/arp.h>
#include <net/ndisc.h>
#include <net/neighbour.h>
#include <net/netevent.h>
#include "net.h"
#include "watch.h"

#define NFTO_NEIGH_INTERVAL (2 * HZ)
#define NFTO_NEIGH_CHUNK 256	/* looked at in one RCU section */
/*
 * Remembered of a user's own network namespace, whose permanent ones the core does not limit. Flows
 * to those beyond are as without us when the MAC changes.
 */
#define NFTO_NEIGHS_FOREIGN 4096

/*
 * The core tells what a neighbour's MAC is now, flows were built with what it was before: so this
 * remembers it, for every neighbour that has one, as many as the core has, but for users'. Which
 * flow goes to which neighbour nobody remembers; those with that MAC end.
 *
 * The core asks whether a neighbour is still there only while it sends to it, and forgets one that
 * it does not send to. What hardware sends, it does not see: so while flows to a MAC count packets,
 * the core is told that the neighbours with that MAC are in use. If one has died, it finds out.
 */
struct nfto_neigh_mac_key {
	const struct net *net;
	u8 mac[ETH_ALEN];
	u8 pad[2];			/* compared as memory */
};

/* A MAC that neighbours have. Of one there may be thousands: nobody walks over them. */
struct nfto_neigh_mac {
	struct rhash_head node;
	struct nfto_neigh_mac_key key;
	unsigned int neighs;		/* that have it; nfto_neigh_lock */
	u32 round;			/* nfto_neigh_round when hardware last sent to it */
	struct rcu_head rcu;
};

struct nfto_neigh_key {
	const struct net *net;
	int ifindex;
	u32 family;
	__be32 addr[4];
};

struct nfto_neigh {
	struct rhash_head node;
	struct nfto_neigh_key key;
	struct nfto_neigh_mac *mac;	/* never another */
	struct rcu_head rcu;
};

/*
 * Protects what follows, which RCU readers look at too. Taken under the core's locks of neighbours,
 * in process and softirq; watch.c's lock is taken under it.
 */
static DEFINE_SPINLOCK(nfto_neigh_lock);
static struct rhashtable nfto_neighs;
static struct rhashtable nfto_neigh_macs;
static unsigned int nfto_neigh_lost;	/* how many there was no memory to remember */
static unsigned int nfto_neigh_found;	/* the same, when they were last all made up for */

static u32 nfto_neigh_round;	/* of looks at who is used; written by the work item alone */

static void nfto_neigh_keep(struct work_struct *work);
static DECLARE_DELAYED_WORK(nfto_neigh_dwork, nfto_neigh_keep);

static const struct rhashtable_params nfto_neigh_params = {
	.key_len = sizeof(struct nfto_neigh_key),
	.key_offset = offsetof(struct nfto_neigh, key),
	.head_offset = offsetof(struct nfto_neigh, node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params nfto_neigh_mac_params = {
	.key_len = sizeof(struct nfto_neigh_mac_key),
	.key_offset = offsetof(struct nfto_neigh_mac, key),
	.head_offset = offsetof(struct nfto_neigh_mac, node),
	.automatic_shrinking = true,
};

static bool nfto_neigh_key(const struct neighbour *neigh, struct nfto_neigh_key *key)
{
	int family = neigh->tbl->family;

	if (family != AF_INET && family != AF_INET6)
		return false;
	if (!nfto_net_of(dev_net(neigh->dev)))
		return false;
	memset(key, 0, sizeof(*key));	/* compared as memory */
	key->net = dev_net(neigh->dev);
	key->ifindex = neigh->dev->ifindex;
	key->family = family;
	memcpy(key->addr, neigh->primary_key, neigh->tbl->key_len);
	return true;
}

static void nfto_neigh_put_mac(struct nfto_neigh_mac *mac)
{
	lockdep_assert_held(&nfto_neigh_lock);
	if (--mac->neighs)
		return;
	rhashtable_remove_fast(&nfto_neigh_macs, &mac->node, nfto_neigh_mac_params);
	kfree_rcu(mac, rcu);
}

/* Ends with put_mac(). NULL: no memory. */
static struct nfto_neigh_mac *nfto_neigh_get_mac(const struct nfto_neigh_mac_key *key)
{
	struct nfto_neigh_mac *mac;

	lockdep_assert_held(&nfto_neigh_lock);
	mac = rhashtable_lookup_fast(&nfto_neigh_macs, key, nfto_neigh_mac_params);
	if (mac) {
		mac->neighs++;
		return mac;
	}
	mac = kzalloc(sizeof(*mac), GFP_ATOMIC);
	if (!mac)
		return NULL;
	mac->key = *key;
	mac->neighs = 1;
	mac->round = nfto_neigh_round - 1;
	if (rhashtable_insert_fast(&nfto_neigh_macs, &mac->node, nfto_neigh_mac_params)) {
		kfree(mac);
		return NULL;
	}
	return mac;
}

/* The entry is gone, or has no MAC any more. */
static void nfto_neigh_drop(struct nfto_neigh *known)
{
	lockdep_assert_held(&nfto_neigh_lock);
	rhashtable_remove_fast(&nfto_neighs, &known->node, nfto_neigh_params);
	nfto_net_of(known->key.net)->num_neighs--;
	nfto_neigh_put_mac(known->mac);
	kfree_rcu(known, rcu);
}

static void nfto_neigh_learn(const struct nfto_neigh_key *key, const u8 *mac)
{
	struct nfto_neigh_mac_key mac_key = { .net = key->net };
	struct nfto_net *net = nfto_net_of(key->net);
	struct nfto_neigh *known;

	lockdep_assert_held(&nfto_neigh_lock);
	if (nfto_net_is_users(key->net) && net->num_neighs == NFTO_NEIGHS_FOREIGN)
		return;
	known = kzalloc(sizeof(*known), GFP_ATOMIC);
	if (!known)
		goto err_blind;
	known->key = *key;
	ether_addr_copy(mac_key.mac, mac);
	known->mac = nfto_neigh_get_mac(&mac_key);
	if (!known->mac)
		goto err_free;
	if (rhashtable_insert_fast(&nfto_neighs, &known->node, nfto_neigh_params))
		goto err_put;
	net->num_neighs++;
	return;

err_put:
	nfto_neigh_put_mac(known->mac);
err_free:
	kfree(known);
err_blind:
	net->blind = true;
	nfto_neigh_lost++;
	schedule_delayed_work(&nfto_neigh_dwork, NFTO_NEIGH_INTERVAL);
}

/*
 * Puts down what is so now, and says in *@change what that means for flows; false: nothing. Once a
 * neighbour was not remembered, an unknown one may be that one, with another MAC: all flows of the
 * namespace end.
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
		ether_addr_copy(change->mac, known->mac->key.mac);
		changed = !valid || !ether_addr_equal(known->mac->key.mac, mac);
		if (changed)
			nfto_neigh_drop(known);
		if (changed && valid)
			nfto_neigh_learn(key, mac);
	} else if (valid) {
		change->kind = nfto_net_of(key->net)->blind ? NFTO_CHANGE_ALL :
							       NFTO_CHANGE_RESOLVED;
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
	valid = READ_ONCE(neigh->nud_state) & NUD_VALID && !READ_ONCE(neigh->dead) &&
		neigh->dev->addr_len == ETH_ALEN;
	neigh_ha_snapshot((char *)mac, neigh, neigh->dev);
	*changed = nfto_neigh_note(&key, valid, mac, change);
	spin_unlock_bh(&nfto_neigh_lock);
}

/* Atomic context. */
static void nfto_neigh_meet(struct neighbour *neigh, void *data)
{
	struct nfto_change change;
	bool changed;

	nfto_neigh_look(neigh, &change, &changed);
	if (changed)
		nfto_watch_tell(&change);
}

static int nfto_neigh_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	if (event == NETEVENT_NEIGH_UPDATE)
		nfto_neigh_meet(ptr, NULL);
	return NOTIFY_DONE;
}

static struct notifier_block nfto_neigh_nb = {
	.notifier_call = nfto_neigh_event,
};

/* All that there are, of which nobody has told us. */
static void nfto_neigh_meet_all(void)
{
	neigh_for_each(&arp_tbl, nfto_neigh_meet, NULL);
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_mod_enabled())		/* else there is no table behind it */
		neigh_for_each(&nd_tbl, nfto_neigh_meet, NULL);
#endif
}

/* What its flows were built with before, nobody knows: they end. */
static void nfto_neigh_see_again(struct net *net)
{
	struct nfto_change change;
	struct nfto_net *state = nfto_net_of(net);

	lockdep_assert_held(&nfto_neigh_lock);
	if (!state || !state->blind)
		return;
	state->blind = false;
	memset(&change, 0, sizeof(change));	/* compared as memory */
	change.kind = NFTO_CHANGE_ALL;
	change.net = net;
	change.reason = NFTO_REASON_STALE_NEIGHBOUR;
	nfto_watch_tell(&change);
}

/* Makes up for the neighbours that were not remembered, if there is memory now. */
static void nfto_neigh_find_lost(void)
{
	unsigned int lost = READ_ONCE(nfto_neigh_lost);
	struct net *net;

	if (lost == nfto_neigh_found)
		return;
	nfto_neigh_meet_all();
	rcu_read_lock();	/* for the walk over namespaces */
	spin_lock_bh(&nfto_neigh_lock);
	if (lost == nfto_neigh_lost) {	/* else it comes again */
		nfto_neigh_found = lost;
		for_each_net_rcu(net)
			nfto_neigh_see_again(net);
	}
	spin_unlock_bh(&nfto_neigh_lock);
	rcu_read_unlock();
}

void nfto_watch_neigh_used(const struct net *net, const u8 *mac)
{
	struct nfto_neigh_mac_key key = { .net = net };
	struct nfto_neigh_mac *known;

	ether_addr_copy(key.mac, mac);
	rcu_read_lock();
	known = rhashtable_lookup(&nfto_neigh_macs, &key, nfto_neigh_mac_params);
	if (known)
		WRITE_ONCE(known->round, READ_ONCE(nfto_neigh_round));
	rcu_read_unlock();
	if (known)
		schedule_delayed_work(&nfto_neigh_dwork, NFTO_NEIGH_INTERVAL);
}

/*
 * RCU reader. An entry ends before its device leaves the namespace, which waits for RCU readers
 * then: so who sees the entry has both.
 */
static void nfto_neigh_tell_used(const struct nfto_neigh *known)
{
	const struct nfto_neigh_key *key = &known->key;
	struct net_device *dev = dev_get_by_index_rcu((struct net *)key->net, key->ifindex);
	struct neighbour *neigh = NULL;

	if (!dev)
		return;
	if (key->family == AF_INET)
		neigh = neigh_lookup(&arp_tbl, key->addr, dev);
#if IS_ENABLED(CONFIG_IPV6)
	else if (ipv6_mod_enabled())
		neigh = neigh_lookup(&nd_tbl, key->addr, dev);
#endif
	if (!neigh)
		return;
	neigh_event_send(neigh, NULL);
	neigh_release(neigh);
}

static void nfto_neigh_keep(struct work_struct *work)
{
	u32 round = nfto_neigh_round;
	struct rhashtable_iter iter;
	struct nfto_neigh *known;
	unsigned int looked = 0;

	nfto_neigh_find_lost();
	/* who is used from now on is told of next time */
	WRITE_ONCE(nfto_neigh_round, round + 1);
	rhashtable_walk_enter(&nfto_neighs, &iter);
	rhashtable_walk_start(&iter);
	while ((known = rhashtable_walk_next(&iter))) {
		if (IS_ERR(known))	/* the table is growing: some are met twice */
			continue;
		if (READ_ONCE(known->mac->round) == round)
			nfto_neigh_tell_used(known);
		if (++looked % NFTO_NEIGH_CHUNK)
			continue;
		rhashtable_walk_stop(&iter);
		cond_resched();
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

int nfto_watch_neigh_init(void)
{
	int err = rhashtable_init(&nfto_neighs, &nfto_neigh_params);

	if (err)
		return err;
	err = rhashtable_init(&nfto_neigh_macs, &nfto_neigh_mac_params);
	if (err)
		goto err_destroy;
	err = register_netevent_notifier(&nfto_neigh_nb);
	if (err)
		goto err_destroy_macs;
	nfto_neigh_meet_all();
	return 0;

err_destroy_macs:
	rhashtable_destroy(&nfto_neigh_macs);
err_destroy:
	rhashtable_destroy(&nfto_neighs);
	return err;
}

static void nfto_neigh_free(void *ptr, void *data)
{
	kfree(ptr);
}

void nfto_watch_neigh_exit(void)
{
	unregister_netevent_notifier(&nfto_neigh_nb);
	/* no port is left whose flows could start it again */
	cancel_delayed_work_sync(&nfto_neigh_dwork);
	rhashtable_free_and_destroy(&nfto_neigh_macs, nfto_neigh_free, NULL);
	rhashtable_free_and_destroy(&nfto_neighs, nfto_neigh_free, NULL);
}
