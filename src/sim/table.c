// SPDX-License-Identifier: GPL-2.0
/*
 * The table: entries by masked key, one mask for each set of fields that rules match on.
 * A frame is looked up once per mask; of all that match, the lowest prio wins.
 */
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

static const struct rhashtable_params cookie_params = {
	.head_offset = offsetof(struct nfto_sim_entry, cookie_node),
	.key_offset = offsetof(struct nfto_sim_entry, cookie),
	.key_len = sizeof_field(struct nfto_sim_entry, cookie),
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
	return mask;
}

static void mask_put(struct nfto_sim_mask *mask)
{
	if (--mask->refs)
		return;
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

	err = entry_publish(asic, entry);
	if (err) {
		mask_put(entry->mask);
		return err;
	}
	if (entry->in)
		entry->in->rules++;
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
	mask_put(entry->mask);
	if (entry->in)
		entry->in->rules--;
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
			      entry->binding->port == port))) {
			nfto_sim_table_remove(asic, entry);
			asic->orphaned++;
		}
	}
}

struct nfto_sim_entry *nfto_sim_table_find(struct nfto_sim_asic *asic, unsigned long cookie)
{
	lockdep_assert_held(&asic->lock);
	return rhashtable_lookup_fast(&asic->cookies, &cookie, cookie_params);
}

static bool entry_better(const struct nfto_sim_entry *entry, const struct nfto_sim_entry *than)
{
	if (!than)
		return true;
	if (entry->prio != than->prio)
		return entry->prio < than->prio;
	return entry->id < than->id;
}

/*
 * Called under RCU. @tcp_guarded tells whether an entry would have matched but for its
 * TCP flags.
 */
struct nfto_sim_entry *nfto_sim_table_match(struct nfto_sim_asic *asic,
					    const struct nfto_sim_frame *frame,
					    bool *tcp_guarded)
{
	struct nfto_sim_entry *entry, *best = NULL;
	struct nfto_sim_hash_key key;
	struct rhlist_head *list, *at;
	struct nfto_sim_mask *mask;

	*tcp_guarded = false;
	list_for_each_entry_rcu(mask, &asic->masks, list) {
		key_and(&key.key, &frame->key, &mask->key);
		key.mask_id = mask->id;
		list = rhltable_lookup(&asic->table, &key, entry_params);
		rhl_for_each_entry_rcu(entry, at, list, node) {
			if ((frame->tcp_flags & entry->tcp_mask) != entry->tcp_flags)
				*tcp_guarded = true;
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
