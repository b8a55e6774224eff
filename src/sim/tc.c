// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks and driver calls. The dispatch is the same for all personalities; what they
 * differ in is data.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "../compat/sim_tc.h"
#include "sim.h"

static const struct nfto_sim_personality *const personalities[] = {
	&nfto_sim_generic,
	&nfto_sim_ft,
	&nfto_sim_mlx5,
	&nfto_sim_mlx5_switchdev,
	&nfto_sim_nfp,
	&nfto_sim_sfc,
	&nfto_sim_cxgb4,
	&nfto_sim_cxgb4_bare,
	&nfto_sim_bnxt,
	&nfto_sim_stmmac,
};

const struct nfto_sim_personality *nfto_sim_personality_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(personalities); i++) {
		if (!strcmp(personalities[i]->name, name))
			return personalities[i];
	}
	return NULL;
}

/* All of them, for a message. */
void nfto_sim_personality_names(char *buf, size_t size)
{
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(personalities); i++)
		len += scnprintf(buf + len, size - len, "%s%s", i ? ", " : "",
				 personalities[i]->name);
}

/* ---- what can be made to go wrong ---- */

static void slow_down(const struct nfto_sim_asic *asic)
{
	u32 latency_us = READ_ONCE(asic->latency_us);

	might_sleep();
	if (latency_us)
		fsleep(latency_us);
}

static int fail_on_request(struct nfto_sim_asic *asic, enum nfto_sim_failure what,
			   struct netlink_ext_ack *extack)
{
	struct nfto_sim_fail *fail = &asic->fail[what];
	int err = fail->err;

	lockdep_assert_held(&asic->lock);
	if (!err)
		return 0;
	if (!fail->forever && !--fail->count)
		fail->err = 0;

	switch (what) {
	case NFTO_SIM_FAIL_BIND:
		NL_SET_ERR_MSG_MOD(extack, "fail_bind is set");
		break;
	case NFTO_SIM_FAIL_ADD:
		NL_SET_ERR_MSG_MOD(extack, "fail_add is set");
		break;
	case NFTO_SIM_FAIL_DEL:
		NL_SET_ERR_MSG_MOD(extack, "fail_del is set");
		break;
	case NFTO_SIM_FAIL_STATS:
		NL_SET_ERR_MSG_MOD(extack, "fail_stats is set");
		break;
	default:
		break;
	}
	return -err;
}

/* ---- rules ---- */

/* A rule as its owner knows it: by cookie, which some drivers look up for each port. */
static struct nfto_sim_entry *rule_known(const struct nfto_sim_binding *binding,
					 const struct flow_cls_offload *cls)
{
	u32 scope = binding->personality->port_cookies ? binding->port->number + 1 : 0;

	return nfto_sim_table_find(binding->asic, cls->cookie, scope);
}

static int check_room(const struct nfto_sim_binding *binding, const struct nfto_sim_key *mask,
		      const struct nfto_sim_entry *entry, struct netlink_ext_ack *extack)
{
	const struct nfto_sim_personality *personality = binding->personality;
	const struct nfto_sim_asic *asic = binding->asic;

	if (asic->slots + entry->slots > asic->capacity)
		return nfto_sim_refuse(extack, personality->full ?: -ENOSPC, "table full");
	if (personality->max_masks && asic->n_masks >= personality->max_masks &&
	    !nfto_sim_table_has_mask(asic, mask))
		return nfto_sim_refuse(extack, personality->full ?: -ENOSPC,
				       "too many kinds of matches");
	return 0;
}

static int rule_insert(struct nfto_sim_binding *binding, const struct flow_cls_offload *cls,
		       struct nfto_sim_entry *old, struct nfto_sim_entry *entry)
{
	const struct nfto_sim_personality *personality = binding->personality;
	struct nfto_sim_key mask = {};
	int err;

	entry->slots = 1;
	err = personality->replace(personality, binding->port, cls, &mask, entry);
	if (err)
		return err;
	/* Gone even if there is no room for the new one. */
	if (old)
		nfto_sim_table_remove(binding->asic, old);
	err = check_room(binding, &mask, entry, cls->common.extack);
	return err ?: nfto_sim_table_insert(binding->asic, &mask, entry);
}

static int rule_add(struct nfto_sim_binding *binding, struct flow_cls_offload *cls)
{
	const struct nfto_sim_personality *personality = binding->personality;
	struct netlink_ext_ack *extack = cls->common.extack;
	struct nfto_sim_entry *entry, *old;
	int err;

	err = fail_on_request(binding->asic, NFTO_SIM_FAIL_ADD, extack);
	if (err)
		return err;
	old = rule_known(binding, cls);
	if (old && !personality->replaces)
		return nfto_sim_refuse(extack, -EEXIST, "a rule with this cookie exists");

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->cookie = cls->cookie;
	entry->scope = personality->port_cookies ? binding->port->number + 1 : 0;
	entry->binding = binding;
	err = rule_insert(binding, cls, old, entry);
	if (err)
		kfree(entry);
	return err;
}

static struct nfto_sim_entry *rule_find(const struct nfto_sim_binding *binding,
					const struct flow_cls_offload *cls)
{
	struct nfto_sim_entry *entry = rule_known(binding, cls);

	if (entry && !binding->personality->any_callback && entry->binding != binding)
		return NULL;
	return entry;
}

static int rule_del(struct nfto_sim_binding *binding, struct flow_cls_offload *cls)
{
	struct nfto_sim_entry *entry;
	int err;

	err = fail_on_request(binding->asic, NFTO_SIM_FAIL_DEL, cls->common.extack);
	if (err)
		return err;
	entry = rule_find(binding, cls);
	if (!entry)
		return binding->personality->no_rule_to_del ?: -ENOENT;
	nfto_sim_table_remove(binding->asic, entry);
	return 0;
}

static int rule_stats(struct nfto_sim_binding *binding, struct flow_cls_offload *cls)
{
	struct nfto_sim_entry *entry;
	int err;

	err = fail_on_request(binding->asic, NFTO_SIM_FAIL_STATS, cls->common.extack);
	if (err)
		return err;
	if (binding->personality->no_stats)
		return -EOPNOTSUPP;
	entry = rule_find(binding, cls);
	if (!entry)
		return binding->personality->no_rule_to_ask ?: -ENOENT;
	binding->personality->stats(entry, &cls->stats);
	return 0;
}

static const struct {
	int			(*call)(struct nfto_sim_binding *binding,
					struct flow_cls_offload *cls);
	enum nfto_sim_call	done;
	enum nfto_sim_call	failed;
} commands[] = {
	[FLOW_CLS_REPLACE] = { rule_add, NFTO_SIM_CALL_ADD, NFTO_SIM_CALL_ADD_FAILED },
	[FLOW_CLS_DESTROY] = { rule_del, NFTO_SIM_CALL_DEL, NFTO_SIM_CALL_DEL_FAILED },
	[FLOW_CLS_STATS] = { rule_stats, NFTO_SIM_CALL_STATS, NFTO_SIM_CALL_STATS_FAILED },
};

/*
 * The callback of every block. The binding and its ASIC live until the owner of the block
 * has let go of the callback, the port may be gone before.
 */
static int block_cb(enum tc_setup_type type, void *type_data, void *cb_priv)
{
	struct nfto_sim_binding *binding = cb_priv;
	struct nfto_sim_asic *asic = binding->asic;
	struct flow_cls_offload *cls = type_data;
	struct nfto_sim_port *port;
	int err;

	if (binding->personality->rtnl && !binding->personality->unlocked)
		ASSERT_RTNL();
	if (type != TC_SETUP_CLSFLOWER || cls->command >= ARRAY_SIZE(commands))
		return -EOPNOTSUPP;

	slow_down(asic);
	mutex_lock(&asic->lock);
	port = binding->port;
	if (!port)
		err = -ENODEV;
	else if (binding->personality->hw_tc_each_call && !tc_can_offload(port->dev))
		err = nfto_sim_refuse(cls->common.extack, -EOPNOTSUPP, "hw-tc-offload is off");
	else if (binding->personality->chain0_each_call && cls->common.chain_index)
		err = nfto_sim_refuse(cls->common.extack, -EOPNOTSUPP,
				      "only chain 0 is supported");
	else if (binding->personality->ethertype_each_call &&
		 !eth_proto_is_802_3(cls->common.protocol))
		err = nfto_sim_refuse(cls->common.extack, -EOPNOTSUPP,
				      "the protocol is no ethertype");
	else
		err = commands[cls->command].call(binding, cls);
	asic->calls[err ? commands[cls->command].failed : commands[cls->command].done]++;
	if (err && cls->command == FLOW_CLS_REPLACE)
		asic->add_error = -err;
	mutex_unlock(&asic->lock);
	return err;
}

/* ---- blocks ---- */

/*
 * A flowtable asks the callbacks of all its devices for each flow, the first of which takes it.
 * Where one device is taken out, the others' callbacks still find what was given to it; those of
 * another flowtable are never asked for that.
 */
static void binding_hand_over(struct nfto_sim_binding *binding)
{
	struct nfto_sim_asic *asic = binding->asic;
	struct nfto_sim_binding *other;
	struct nfto_sim_entry *entry;
	unsigned long id;

	lockdep_assert_held(&asic->lock);
	list_for_each_entry(other, &asic->bindings, list) {
		if (other == binding || !other->port || other->block != binding->block)
			continue;
		xa_for_each(&asic->ids, id, entry)
			if (entry->binding == binding)
				entry->binding = other;
		return;
	}
}

/*
 * The owner of the block has let go: nobody calls back any more. A correct owner has
 * deleted its rules before, tc between UNBIND and this.
 */
static void binding_release(void *cb_priv)
{
	struct nfto_sim_binding *binding = cb_priv;
	struct nfto_sim_asic *asic = binding->asic;

	mutex_lock(&asic->lock);
	if (binding->personality->handed_over)
		binding_hand_over(binding);
	nfto_sim_table_drop(asic, binding, NULL);
	list_del(&binding->list);
	mutex_unlock(&asic->lock);

	nfto_sim_asic_put(asic);
	kfree(binding);
	/* From here on rmmod may go on; nfto_sim_exit() waits for our way out of this text. */
	module_put(THIS_MODULE);
}

static struct flow_block_cb *binding_create(struct nfto_sim_port *port, const void *block)
{
	struct nfto_sim_asic *asic = port->asic;
	struct nfto_sim_binding *binding;
	struct flow_block_cb *cb;

	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);
	binding = kzalloc(sizeof(*binding), GFP_KERNEL);
	if (!binding) {
		cb = ERR_PTR(-ENOMEM);
		goto err_put_module;
	}
	cb = flow_block_cb_alloc(block_cb, port, binding, binding_release);
	if (IS_ERR(cb))
		goto err_free_binding;
	/* The core takes it off its driver's list, if a rule that is there already is refused. */
	INIT_LIST_HEAD(&cb->driver_list);

	kref_get(&asic->ref);
	binding->asic = asic;
	binding->personality = asic->personality;
	binding->port = port;
	binding->block = block;
	list_add_tail(&binding->list, &asic->bindings);
	return cb;

err_free_binding:
	kfree(binding);
err_put_module:
	module_put(THIS_MODULE);
	return cb;
}

static bool port_is_bound(const struct nfto_sim_port *port)
{
	const struct nfto_sim_binding *binding;

	list_for_each_entry(binding, &port->asic->bindings, list) {
		if (binding->port == port)
			return true;
	}
	return false;
}

static int block_bind(struct nfto_sim_port *port, const struct nfto_sim_personality *personality,
		      struct flow_block_offload *bo)
{
	struct flow_block_cb *cb;
	int err;

	err = fail_on_request(port->asic, NFTO_SIM_FAIL_BIND, bo->extack);
	if (err)
		return err;
	if (bo->block_shared && !personality->shared_blocks)
		return nfto_sim_refuse(bo->extack, -EOPNOTSUPP, "shared blocks are not supported");

	if (personality->rebind) {
		cb = flow_block_cb_lookup(bo->block, block_cb, port);
		if (cb) {
			flow_block_cb_incref(cb);
			return 0;
		}
	} else if (port_is_bound(port) && !personality->never_busy) {
		return nfto_sim_refuse(bo->extack, -EBUSY, "the port is bound to a block already");
	}
	cb = binding_create(port, bo->block);
	if (IS_ERR(cb))
		return PTR_ERR(cb);
	if (personality->rebind)
		flow_block_cb_incref(cb);
	flow_block_cb_add(cb, bo);
	return 0;
}

static int block_unbind(struct nfto_sim_port *port, const struct nfto_sim_personality *personality,
			struct flow_block_offload *bo)
{
	struct flow_block_cb *cb = flow_block_cb_lookup(bo->block, block_cb, port);

	if (!cb)
		return -ENOENT;
	if (personality->rebind && flow_block_cb_decref(cb))
		return 0;
	flow_block_cb_remove(cb, bo);
	return 0;
}

static bool takes_setup(const struct nfto_sim_port *port,
			const struct nfto_sim_personality *personality, enum tc_setup_type type)
{
	u32 types = personality->setup_types;

	if (port->number)
		types |= personality->others_setup_types;
	return types & BIT(type);
}

static int block_setup(struct nfto_sim_port *port, enum tc_setup_type type,
		       struct flow_block_offload *bo)
{
	const struct nfto_sim_personality *personality = port->asic->personality;
	u64 *calls = port->asic->calls;
	int err;

	if (!takes_setup(port, personality, type))
		return -EOPNOTSUPP;
	if (personality->rtnl && type == TC_SETUP_BLOCK)
		ASSERT_RTNL();
	if (personality->unlocked)
		bo->unlocked_driver_cb = true;

	switch (bo->command) {
	case FLOW_BLOCK_BIND:
		err = block_bind(port, personality, bo);
		calls[err ? NFTO_SIM_CALL_BIND_FAILED : NFTO_SIM_CALL_BIND]++;
		return err;
	case FLOW_BLOCK_UNBIND:
		err = block_unbind(port, personality, bo);
		if (!err)
			calls[NFTO_SIM_CALL_UNBIND]++;
		return err;
	default:
		return -EOPNOTSUPP;
	}
}

int nfto_sim_setup_tc(struct net_device *dev, enum tc_setup_type type, void *type_data)
{
	struct nfto_sim_port *port = netdev_priv(dev);
	struct nfto_sim_asic *asic = port->asic;
	struct flow_block_offload *bo = type_data;
	int err;

	/*
	 * What this kind of driver does not do at all is no call: it takes no time, fails on
	 * no request and is not counted. clsact tries the egress side of every device.
	 */
	if (!takes_setup(port, READ_ONCE(asic->personality), type))
		return -EOPNOTSUPP;
	if (bo->binder_type != FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS)
		return -EOPNOTSUPP;

	slow_down(asic);
	mutex_lock(&asic->lock);
	err = block_setup(port, type, bo);
	mutex_unlock(&asic->lock);
	return err;
}
