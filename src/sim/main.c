// SPDX-License-Identifier: GPL-2.0
/* The module: parameters, bring-up and the way back. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>

#include "sim.h"

static char *personality = "generic";
module_param(personality, charp, 0444);
MODULE_PARM_DESC(personality, "the NIC that new ASICs behave like (default generic)");

static unsigned int capacity = 65536;
module_param(capacity, uint, 0444);
MODULE_PARM_DESC(capacity, "entries in the table of new ASICs (default 65536, 0: always full)");

static char *kind = NFTO_SIM_NAME;
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "kind of link that a port is made as; another one than nft_offload_sim makes it a device whose driver nobody knows");

const struct nfto_sim_personality *nfto_sim_default_personality;
unsigned int nfto_sim_default_capacity;

static int __init check_parameters(void)
{
	char names[256];

	nfto_sim_default_personality = nfto_sim_personality_find(personality);
	if (!nfto_sim_default_personality) {
		nfto_sim_personality_names(names, sizeof(names));
		pr_err("parameter personality: \"%s\" is none of: %s\n", personality, names);
		return -EINVAL;
	}
	if (capacity > NFTO_SIM_MAX_CAPACITY) {
		pr_err("parameter capacity: %u is not within 0..%u\n", capacity,
		       NFTO_SIM_MAX_CAPACITY);
		return -EINVAL;
	}
	nfto_sim_default_capacity = capacity;
	return 0;
}

static int __init nfto_sim_init(void)
{
	int err;

	err = check_parameters();
	if (err)
		return err;
	nfto_sim_debugfs_init();
	err = nfto_sim_port_init(kind);
	if (err)
		goto err_exit_debugfs;
	return 0;

err_exit_debugfs:
	nfto_sim_debugfs_exit();
	return err;
}

static void __exit nfto_sim_exit(void)
{
	/* No binding exists here, each holds a reference on the module. */
	nfto_sim_port_exit();
	nfto_sim_debugfs_exit();
	rcu_barrier();
	/*
	 * The release callback of a binding drops that reference as its last act: a task
	 * preempted on its way out of our text is waited for.
	 */
	synchronize_rcu_tasks();
}

module_init(nfto_sim_init);
module_exit(nfto_sim_exit);

MODULE_VERSION(NFTO_VERSION);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Virtual switching ASIC: rules from TC flower, frames from any Ethernet device");
