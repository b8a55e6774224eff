// SPDX-License-Identifier: GPL-2.0
/* The ASIC: ports of one namespace and group that share one table. */

#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "../compat/sim_netdev.h"
#include "sim.h"

static LIST_HEAD(asics);		/* those that have ports; RTNL */
static DEFINE_IDA(asic_numbers);

static void asic_free(struct kref *ref)
{
	struct nfto_sim_asic *asic = container_of(ref, struct nfto_sim_asic, ref);

	nfto_sim_table_destroy(asic);
	mutex_destroy(&asic->lock);
	kfree(asic);
}

void nfto_sim_asic_put(struct nfto_sim_asic *asic)
{
	kref_put(&asic->ref, asic_free);
}

static struct nfto_sim_asic *asic_create(u64 net_cookie, u32 group)
{
	struct nfto_sim_asic *asic;
	int err;

	asic = kzalloc(sizeof(*asic), GFP_KERNEL);
	if (!asic)
		return ERR_PTR(-ENOMEM);

	kref_init(&asic->ref);
	mutex_init(&asic->lock);
	INIT_LIST_HEAD(&asic->ports);
	INIT_LIST_HEAD(&asic->bindings);
	asic->net_cookie = net_cookie;
	asic->group = group;
	asic->personality = nfto_sim_default_personality;
	asic->capacity = nfto_sim_default_capacity;
	asic->pin_features = true;
	get_random_bytes(asic->id, sizeof(asic->id));

	err = nfto_sim_table_init(asic);
	if (err)
		goto err_free_asic;
	asic->number = ida_alloc(&asic_numbers, GFP_KERNEL);
	if (asic->number < 0) {
		err = asic->number;
		goto err_destroy_table;
	}
	list_add_tail(&asic->list, &asics);
	nfto_sim_debugfs_add(asic);
	return asic;

err_destroy_table:
	nfto_sim_table_destroy(asic);
err_free_asic:
	kfree(asic);
	return ERR_PTR(err);
}

/*
 * An ASIC is looked up by where it was made. The namespace may be gone while ports live
 * on elsewhere; its cookie is never used again.
 */
static struct nfto_sim_asic *asic_get(u64 net_cookie, u32 group)
{
	struct nfto_sim_asic *asic;

	list_for_each_entry(asic, &asics, list) {
		if (asic->net_cookie == net_cookie && asic->group == group) {
			kref_get(&asic->ref);
			return asic;
		}
	}
	return asic_create(net_cookie, group);
}

static int free_port_number(const struct nfto_sim_asic *asic)
{
	DECLARE_BITMAP(used, NFTO_SIM_MAX_PORTS) = {};
	const struct nfto_sim_port *port;
	unsigned long number;

	list_for_each_entry(port, &asic->ports, list)
		__set_bit(port->number, used);
	number = find_first_zero_bit(used, NFTO_SIM_MAX_PORTS);
	return number < NFTO_SIM_MAX_PORTS ? number : -ENOSPC;
}

/* The ASIC leaves debugfs and the list with its last port; references may outlive that. */
static void asic_retire(struct nfto_sim_asic *asic)
{
	list_del(&asic->list);
	/* Waits for calls in progress, hence without asic->lock. */
	debugfs_remove_recursive(asic->dir);
	ida_free(&asic_numbers, asic->number);
}

int nfto_sim_asic_join(struct nfto_sim_port *port)
{
	struct nfto_sim_asic *asic;
	int number;

	ASSERT_RTNL();
	asic = asic_get(nfto_sim_net_cookie(dev_net(port->dev)), port->group);
	if (IS_ERR(asic))
		return PTR_ERR(asic);

	mutex_lock(&asic->lock);
	number = free_port_number(asic);
	if (number >= 0) {
		port->asic = asic;
		port->number = number;
		list_add_tail(&port->list, &asic->ports);
	}
	mutex_unlock(&asic->lock);
	if (number >= 0)
		return 0;
	/* Only an ASIC that has ports can be out of numbers: nothing to retire. */
	nfto_sim_asic_put(asic);
	return number;
}

/*
 * The port's frames have stopped. Who still holds a callback for it finds its binding
 * without a port. The reference on the ASIC stays until the device is freed.
 */
void nfto_sim_asic_leave(struct nfto_sim_port *port)
{
	struct nfto_sim_asic *asic = port->asic;
	struct nfto_sim_binding *binding;
	bool last;

	ASSERT_RTNL();
	mutex_lock(&asic->lock);
	nfto_sim_table_drop(asic, NULL, port);
	list_for_each_entry(binding, &asic->bindings, list) {
		if (binding->port == port)
			binding->port = NULL;
	}
	list_del(&port->list);
	last = list_empty(&asic->ports);
	mutex_unlock(&asic->lock);

	if (last)
		asic_retire(asic);
}
