// SPDX-License-Identifier: GPL-2.0
/*
 * The table: entries by masked key, one mask for each set of fields that rules match on.
 * A frame is looked up once per mask; of all that match, the lowest prio wins.
 */
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "sim.h"

static const struct rhashtable_params entry_params = {
	.head_offset = offsetof(struct nfto_sim_entry, node),
	.key_offset = offsetof(struct nfto_sim_entry, key),
	.key_len = sizeof(struct nfto_sim_hash_key),
	.automatic_shrinking = true,
};

static const struct rhashtable_params pair_params = {
	.head_offset = offsetof(struct nfto_sim_pair, node),
	.key_offset = offsetof(struct nfto_sim_pair, key),
	.key_len = sizeof(struct nfto_sim_hash_key),
	.automatic_shrinking = true,
};

/* Which rule the owner of a block means: a cookie, and where it counts. */
struct name {
	unsigned long	cookie;
	u32		scope;
};

static u32 hash_name(const void *data, u32 len, u32 seed)
{
	const struct name *name = data;

	return jhash_3words((u32)name->cookie, upper_32_bits((u64)name->cookie), name->scope,
			    seed);
}

static u32 hash_entry(const void *data, u32 len, u32 seed)
{
	const struct nfto_sim_entry *entry = data;
	const struct name name = { entry->cookie, entry->scope };

	return hash_name(&name, 0, seed);
}

static int other_name(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct nfto_sim_entry *entry = obj;
	const struct name *name = arg->key;

	return entry->cookie != name->cookie || entry->scope != name->scope;
}

static const struct rhashtable_params cookie_params = {
	.head_offset = offsetof(struct nfto_sim_entry, cookie_node),
	.hashfn = hash_name,
	.obj_hashfn = hash_entry,
	.obj_cmpfn = other_name,
	.automatic_shrinking = true,
};

int nfto_sim_table_init(struct nfto_sim_asic *asic)
{
	int err;

	INIT_LIST_HEAD(&asic->masks);
	xa_init(&asic->ids);
	err = rhltable_init(&asic->table, &entry_params);
	if (err)
		return err;
	err = rhashtable_init(&asic->pairs, &pair_params);
	if (err)
		goto err_destroy_table;
	err = rhashtable_init(&asic->cookies, &cookie_params);
	if (err)
		goto err_destroy_pairs;
	return 0;

err_destroy_pairs:
	rhashtable_destroy(&asic->pairs);
err_destroy_table:
	rhltable_destroy(&asic->table);
	return err;
}

/* Empty by now: entries end with their ports, and nobody has a port any more. */
void nfto_sim_table_destroy(struct nfto_sim_asic *asic)
{
	WARN_ON_ONCE(asic->entries);
	rhashtable_destroy(&asic->cookies);
	rhashtable_destroy(&asic->pairs);
	rhltable_destroy(&asic->table);
	xa_destroy(&asic->ids);
}

static void key_and(struct nfto_sim_key *to, const struct nfto_sim_key *key,
		    const struct nfto_sim_key *mask)
{
	const u32 *k = (const u32 *)key, *m = (const u32 *)mask;
	u32 *t = (u32 *)to;
	size_t i;

	BUILD_BUG_ON(sizeof(*key) % sizeof(u32));
	for (i = 0; i < sizeof(*key) / sizeof(u32); i++)
		t[i] = k[i] & m[i];
}

bool nfto_sim_table_has_mask(const struct nfto_sim_asic *asic, const struct nfto_sim_key *key)
{
	const struct nfto_sim_mask *mask;

	lockdep_assert_held(&asic->lock);
	list_for_each_entry(mask, &asic->masks, list) {
		if (!memcmp(&mask->key, key, sizeof(*key)))
			return true;
	}
	return false;
}

static struct nfto_sim_mask *mask_get(struct nfto_sim_asic *asic, const struct nfto_sim_key *key)
{
	struct nfto_sim_mask *mask;

	list_for_each_entry(mask, &asic->masks, list) {
		if (!memcmp(&mask->key, key, sizeof(*key))) {
			mask->refs++;
			return mask;
		}
	}
	mask = kzalloc(sizeof(*mask), GFP_KERNEL);
	if (!mask)
		return NULL;
	mask->key = *key;
	mask->id = ++asic->last_mask_id;
	mask->refs = 1;
	list_add_tail_rcu(&mask->list, &asic->masks);
	asic->n_masks++;
	return mask;
}

static void mask_put(struct nfto_sim_asic *asic, struct nfto_sim_mask *mask)
{
	if (--mask->refs)
		return;
	asic->n_masks--;
	list_del_rcu(&mask->list);
	kfree_rcu(mask, rcu);
}

static void key_without_ports(struct nfto_sim_hash_key *to, const struct nfto_sim_hash_key *key)
{
	*to = *key;
	to->key.sport = 0;
	to->key.dport = 0;
}

static int pair_get(struct nfto_sim_asic *asic, struct nfto_sim_entry *entry)
{
	struct nfto_sim_hash_key key;
	struct nfto_sim_pair *pair;
	int err;

	key_without_ports(&key, &entry->key);
	pair = rhashtable_lookup_fast(&asic->pairs, &key, pair_params);
	if (pair) {
		pair->refs++;
		entry->pair = pair;
		return 0;
	}
	pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;
	pair->key = key;
	pair->refs = 1;
	err = rhashtable_insert_fast(&asic->pairs, &pair->node, pair_params);
	if (err) {
		kfree(pair);
		return err;
	}
	entry->pair = pair;
	return 0;
}

static void pair_put(struct nfto_sim_asic *asic, struct nfto_sim_pair *pair)
{
	if (--pair->refs)
		return;
	rhashtable_remove_fast(&asic->pairs, &pair->node, pair_params);
	kfree_rcu(pair, rcu);
}

/* Becomes visible to the data path as the last step, complete. */
static int entry_publish(struct nfto_sim_asic *asic, struct nfto_sim_entry *entry)
{
	int err;

	err = pair_get(asic, entry);
	if (err)
		return err;
	err = rhashtable_insert_fast(&asic->cookies, &entry->cookie_node, cookie_params);
	if (err)
		goto err_put_pair;
	err = xa_err(xa_store(&asic->ids, entry->id, entry, GFP_KERNEL));
	if (err)
		goto err_remove_cookie;
	err = rhltable_insert(&asic->table, &entry->node, entry_params);
	if (err)
		goto err_erase_id;
	return 0;

err_erase_id:
	xa_erase(&asic->ids, entry->id);
err_remove_cookie:
	rhashtable_remove_fast(&asic->cookies, &entry->cookie_node, cookie_params);
err_put_pair:
	pair_put(asic, entry->pair);
	return err;
}

/* On success the table owns the entry. */
int nfto_sim_table_insert(struct nfto_sim_asic *asic, const struct nfto_sim_key *mask,
			  struct nfto_sim_entry *entry)
{
	int err;

	lockdep_assert_held(&asic->lock);
	entry->mask = mask_get(asic, mask);
	if (!entry->mask)
		return -ENOMEM;
	key_and(&entry->key.key, &entry->key.key, mask);
	entry->key.mask_id = entry->mask->id;
	entry->id = ++asic->last_id;
	entry->lastused = jiffies;
	entry->told_lastused = jiffies;
	entry->polled_at = jiffies;
	spin_lock_init(&entry->poll_lock);

	err = entry_publish(asic, entry);
	if (err) {
		mask_put(asic, entry->mask);
		return err;
	}
	if (entry->in)
		entry->in->rules++;
	asic->slots += entry->slots;
	asic->entries++;
	asic->max_entries = max(asic->max_entries, asic->entries);
	return 0;
}

void nfto_sim_table_remove(struct nfto_sim_asic *asic, struct nfto_sim_entry *entry)
{
	lockdep_assert_held(&asic->lock);
	rhltable_remove(&asic->table, &entry->node, entry_params);
	xa_erase(&asic->ids, entry->id);
	rhashtable_remove_fast(&asic->cookies, &entry->cookie_node, cookie_params);
	pair_put(asic, entry->pair);
	mask_put(asic, entry->mask);
	if (entry->in)
		entry->in->rules--;
	asic->slots -= entry->slots;
	asic->entries--;
	kfree_rcu(entry, rcu);
}

/* Drops what its owner left behind: of a binding, or of a port in any role. */
void nfto_sim_table_drop(struct nfto_sim_asic *asic, const struct nfto_sim_binding *binding,
			 const struct nfto_sim_port *port)
{
	struct nfto_sim_entry *entry;
	unsigned long id;

	lockdep_assert_held(&asic->lock);
	xa_for_each(&asic->ids, id, entry) {
		if ((binding && entry->binding == binding) ||
		    (port && (entry->in == port || entry->out == port ||
			      (entry->binding->port == port &&
			       !entry->binding->personality->handed_over)))) {
			nfto_sim_table_remove(asic, entry);
			asic->orphaned++;
			nfto_sim_count_orphan();
		}
	}
}

void nfto_sim_table_forget(struct nfto_sim_asic *asic)
{
	struct nfto_sim_entry *entry;
	unsigned long id;

	lockdep_assert_held(&asic->lock);
	xa_for_each(&asic->ids, id, entry)
		nfto_sim_table_remove(asic, entry);
}

struct nfto_sim_entry *nfto_sim_table_find(struct nfto_sim_asic *asic, unsigned long cookie,
					   u32 scope)
{
	const struct name name = { cookie, scope };

	lockdep_assert_held(&asic->lock);
	return rhashtable_lookup_fast(&asic->cookies, &name, cookie_params);
}

static bool entry_better(const struct nfto_sim_entry *entry, const struct nfto_sim_entry *than)
{
	if (!than)
		return true;
	if (entry->prio != than->prio)
		return entry->prio < than->prio;
	return entry->id < than->id;
}

static u8 frag_flags(const struct nfto_sim_frame *frame)
{
	return (frame->fragment ? NFTO_SIM_FRAG : 0) | (frame->first ? NFTO_SIM_FRAG_FIRST : 0);
}

/* A header of layer 4 that is not there has neither ports nor flags that could match. */
static bool needs_l4(const struct nfto_sim_entry *entry)
{
	return entry->mask->key.sport || entry->mask->key.dport || entry->tcp_mask;
}

/* Called under RCU. @spared tells why entries that would have matched did not. */
struct nfto_sim_entry *nfto_sim_table_match(struct nfto_sim_asic *asic,
					    const struct nfto_sim_frame *frame,
					    struct nfto_sim_spared *spared)
{
	struct nfto_sim_entry *entry, *best = NULL;
	u8 frag = frag_flags(frame);
	struct nfto_sim_hash_key key;
	struct rhlist_head *list, *at;
	struct nfto_sim_mask *mask;

	memset(spared, 0, sizeof(*spared));
	list_for_each_entry_rcu(mask, &asic->masks, list) {
		key_and(&key.key, &frame->key, &mask->key);
		key.mask_id = mask->id;
		list = rhltable_lookup(&asic->table, &key, entry_params);
		rhl_for_each_entry_rcu(entry, at, list, node) {
			if ((frag & entry->frag_mask) != entry->frag_flags ||
			    (frame->portless && needs_l4(entry)))
				spared->fragment = true;
			else if ((frame->tcp_flags & entry->tcp_mask) != entry->tcp_flags)
				spared->tcp_flags = true;
			else if (entry_better(entry, best))
				best = entry;
		}
	}
	return best;
}

/* Called under RCU: whether an entry would match this fragment if it had ports. */
bool nfto_sim_table_match_pair(struct nfto_sim_asic *asic, const struct nfto_sim_frame *frame)
{
	struct nfto_sim_hash_key masked, key;
	struct nfto_sim_mask *mask;

	list_for_each_entry_rcu(mask, &asic->masks, list) {
		key_and(&masked.key, &frame->key, &mask->key);
		masked.mask_id = mask->id;
		key_without_ports(&key, &masked);
		if (rhashtable_lookup(&asic->pairs, &key, pair_params))
			return true;
	}
	return false;
}
