// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "driver.h"

/*
 * Every line here is read from the driver that it speaks of; the comments name the file and the
 * function. "Unproven" is what no run on hardware has shown.
 *
 * Drivers that take flowtables by themselves have no entry, since they are not bridged: mtk_eth_soc
 * (mtk_ppe_offload.c) and airoha_eth (airoha_ppe.c); but see over_native. Others that look able are
 * not, and one is dangerous: stmmac makes a filter of the rule that drops all other packets, and
 * returns 0 (stmmac_tc.c, tc_add_flow()).
 */

#define NFTO_VLAN_ONE	(NFTO_CAN_VLAN_POP | NFTO_CAN_VLAN_PUSH | NFTO_CAN_VLAN_RETAG)
#define NFTO_GUARDS	(NFTO_CAN_NO_FRAGMENT | NFTO_CAN_TCP_FLAGS)

/* What nothing here speaks of: no driver has a key for it, no driver's source tells. */
#define NFTO_ALL_REAL	(BIT(NFTO_HAZARD_IP_OPTIONS) | BIT(NFTO_HAZARD_BYTES_UNKNOWN))

/* In the order of the look-up: the first that fits. */
static const struct nfto_driver_errno nfto_errnos[] = {
	{ -ENOSPC,	NULL, NFTO_REASON_TABLE_FULL },
	{ -ENOBUFS,	NULL, NFTO_REASON_TABLE_FULL },
	{ -ENOMEM,	NULL, NFTO_REASON_NO_MEMORY },
	{ -EEXIST,	NULL, NFTO_REASON_DUPLICATE },
	{ -EOPNOTSUPP,	NULL, NFTO_REASON_UNSUPPORTED },
	{ -EINVAL,	NULL, NFTO_REASON_UNSUPPORTED },
	{ -ERANGE,	NULL, NFTO_REASON_UNSUPPORTED },
	{ -EPROTO,	NULL, NFTO_REASON_UNSUPPORTED },
	{ -EBUSY,	NULL, NFTO_REASON_TRANSIENT },
	{ -EAGAIN,	NULL, NFTO_REASON_TRANSIENT },
	{ -ENODEV,	NULL, NFTO_REASON_TRANSIENT },
	{ -ENETDOWN,	NULL, NFTO_REASON_TRANSIENT },
	{ -ETIMEDOUT,	NULL, NFTO_REASON_TRANSIENT },
	{ }
};

static const struct nfto_driver_errno nfto_errnos_mlx5[] = {
	/* en/mod_hdr.c, mlx5e_mod_hdr_alloc(): this rule is too long, there is room for others */
	{ -ENOSPC,	"too many pedit", NFTO_REASON_UNSUPPORTED },
	/* cmd.c, cmd_status_to_err(): the firmware's LIM_ERR and NO_RES_ERR */
	{ -ENOMEM,	NULL, NFTO_REASON_TABLE_FULL },
	{ -EAGAIN,	NULL, NFTO_REASON_TABLE_FULL },
	{ }
};

static const struct nfto_driver_errno nfto_errnos_nfp[] = {
	/* flower/metadata.c, nfp_compile_flow_metadata(): out of statistics contexts or masks */
	{ -ENOENT,	NULL, NFTO_REASON_TABLE_FULL },
	{ }
};

static const struct nfto_driver_errno nfto_errnos_cxgb4[] = {
	/* cxgb4_tc_flower.c, cxgb4_flow_rule_replace(): no index, or none that suits the prio */
	{ -ENOMEM,	NULL, NFTO_REASON_TABLE_FULL },
	{ }
};

static const struct nfto_driver_errno nfto_errnos_bnxt[] = {
	/* bnxt_hwrm.c, __hwrm_to_stderr(): RESOURCE_LOCKED */
	{ -EROFS,	NULL, NFTO_REASON_TRANSIENT },
	{ }
};

static const struct nfto_driver nfto_drivers[] = {
	{
		/* The virtual ASIC's own personality: what it is offered, it does. */
		.name = "nft_offload_sim",
		.link_kind = "nft_offload_sim",
		.asic = NFTO_ASIC_PARENT_ID,
		.dialects = { NFTO_DIALECT_EXACT },
		.num_dialects = 1,
		.can = NFTO_CAN_TTL_ADD | NFTO_GUARDS | NFTO_VLAN_ONE | NFTO_CAN_VLAN_TWO |
		       NFTO_CAN_VLAN_MIX | NFTO_CAN_VLAN_AD,
		.nat4 = NFTO_NAT_ALL,
		.nat6 = NFTO_NAT_ALL,
		.prio = 1,
		.counts_l2 = true,
	},
	{
		/*
		 * The uplink in switchdev mode; but since 5.12 a PF in NIC mode has a parent id as
		 * well (en/devlink.c, mlx5e_devlink_port_register()), and nothing tells the modes
		 * apart from outside. So nothing stands here that NIC mode would get wrong: what
		 * it cannot do, it refuses (en/tc/act/act.c, tc_acts_nic[] has no VLAN action).
		 */
		.name = "mlx5_core",
		/* representors take flowtables (en/rep/tc.c, TC_SETUP_FT), the uplink does not
		 * (en_main.c, mlx5e_setup_tc()); and no rule of those decrements the TTL
		 */
		.over_native = true,
		.mode = "switchdev, or NIC mode of a PF",
		.bus_driver = "mlx5_core",	/* main.c, mlx5_core_driver */
		.id = NFTO_ID_WITH,
		/* both modes: the parent id is the system image GUID, which is what
		 * mlx5e_same_hw_devs() compares for hairpins (en_tc.c)
		 */
		.asic = NFTO_ASIC_PARENT_ID,
		.dialects = { NFTO_DIALECT_EXACT, NFTO_DIALECT_LOSSY },
		.num_dialects = 2,
		/* en_tc.c: parse_cls_flower() takes TCP flags and "no fragment", the table fields[]
		 * has TTL and hop limit for ADD; en/tc/act/csum.c: CSUM after a rewrite.
		 * No NFTO_CAN_VLAN_MIX: a pop before a push is taken back for the sake of a
		 * rewrite, also if a second pop or push stays (en/tc/act/vlan.c,
		 * tc_act_parse_vlan()).
		 */
		.can = NFTO_CAN_TTL_ADD | NFTO_GUARDS | NFTO_CAN_CSUM | NFTO_VLAN_ONE |
		       NFTO_CAN_VLAN_TWO | NFTO_CAN_VLAN_AD,
		/* en/tc/act/vlan_mangle.c, mlx5e_tc_act_vlan_add_rewrite_action(): VID only */
		.wants = NFTO_WANTS_PCP_ZERO,
		.nat4 = NFTO_NAT_ALL,		/* en_tc.c, fields[] */
		.nat6 = NFTO_NAT_ALL,
		/* en_tc.c, fields[]: ADD is not conditional. Untagged is implied by a match on
		 * the ethertype alone, so that tagged frames miss; no second tag by one on the type
		 * behind the first, in kernels from 5.19 on (__parse_cls_flower()).
		 */
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_TTL_ONE) | BIT(NFTO_HAZARD_RETAG_DEI),
		/* 0 oopses (fs_core.c, find_root() of no table); without ignore_flow_level there
		 * is only 1 (lib/fs_chains.c, mlx5_chains_get_prio_range())
		 */
		.prio = 1,
		.errnos = nfto_errnos_mlx5,
		.no_rule_to_delete = -EINVAL,	/* en_tc.c, mlx5e_delete_flower() */
		.no_rule_to_ask = -EINVAL,	/* en_tc.c, mlx5e_stats_flower() */
	},
	{
		/* VFs, PFs that do not manage their eswitch, and kernels before 5.12. */
		.name = "mlx5_core",
		.mode = "NIC mode",
		.bus_driver = "mlx5_core",
		.id = NFTO_ID_WITHOUT,
		/* en/tc/act/mirred_nic.c, tc_act_can_offload_mirred_nic() */
		.asic = NFTO_ASIC_DRIVER,
		.dialects = { NFTO_DIALECT_EXACT, NFTO_DIALECT_LOSSY },
		.num_dialects = 2,
		.can = NFTO_CAN_TTL_ADD | NFTO_GUARDS | NFTO_CAN_CSUM,
		.nat4 = NFTO_NAT_ALL,
		.nat6 = NFTO_NAT_ALL,
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_TTL_ONE),
		.prio = 1,
		.errnos = nfto_errnos_mlx5,
		.no_rule_to_delete = -EINVAL,	/* en_tc.c, mlx5e_delete_flower() */
		.no_rule_to_ask = -EINVAL,	/* en_tc.c, mlx5e_stats_flower() */
	},
	{
		/* Representors of its flower firmware (nfp_net_repr.c, flower/main.c). */
		.name = "nfp",
		.bus_driver = "nfp",		/* nfp_main.c, nfp_pci_driver */
		.id = NFTO_ID_WITH,		/* nfp_devlink.c: always, so none is no port */
		.asic = NFTO_ASIC_PARENT_ID,	/* flower/action.c, nfp_fl_output() */
		.dialects = { NFTO_DIALECT_LOSSY },
		.num_dialects = 1,
		/* flower/action.c: nfp_flower_loop_action() has no ADD, nor PPPOE_PUSH, and
		 * refuses a CSUM that is not what its rewriting changes; pops and pushes are a
		 * list. flower/offload.c: TCP flags and "no fragment". 802.1ad not: without the
		 * QinQ feature the tag's ethertype is not matched (flower/match.c,
		 * nfp_flower_compile_tci()).
		 */
		.can = NFTO_GUARDS | NFTO_CAN_CSUM | NFTO_VLAN_ONE | NFTO_CAN_VLAN_TWO |
		       NFTO_CAN_VLAN_MIX,
		.wants = NFTO_WANTS_NAT_CHANGES,	/* for the sake of the next */
		.nat4 = NFTO_NAT_ALL,
		/* flower/action.c, nfp_fl_commit_mangle(): after both IPv6 addresses the ports are
		 * written over the destination address
		 */
		.nat6 = NFTO_NAT_ALL & ~NFTO_NAT_BOTH_PORTS,
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_TAGGED_HIT),
		.prio = 1,		/* not looked at */
		.errnos = nfto_errnos_nfp,
		.no_rule_to_ask = -EINVAL,	/* flower/offload.c, nfp_flower_get_stats() */
	},
	{
		/*
		 * The PF. It has no parent id and its representors no parent device
		 * (ef100_netdev.c, ef100_rep.c): those have to be named by the administrator.
		 * Before 6.3 it redirects only; it refuses what is more.
		 */
		.name = "sfc_ef100",
		.bus_driver = "sfc_ef100",	/* ef100.c, ef100_pci_driver */
		.id = NFTO_ID_ANY,
		.asic = NFTO_ASIC_DRIVER,	/* tc.c, efx_tc_flower_lookup_efv() */
		.dialects = { NFTO_DIALECT_EXACT },
		.num_dialects = 1,
		/* tc.c: efx_tc_pedit_add() for the TTL, no case for CSUM and PPPOE_PUSH in
		 * efx_tc_flower_replace(), pops before pushes, two of each
		 * (efx_tc_flower_action_order_ok()); the guards as its MAE can (mae.c,
		 * efx_mae_match_check_caps())
		 */
		.can = NFTO_CAN_TTL_ADD | NFTO_GUARDS | NFTO_VLAN_ONE | NFTO_CAN_VLAN_TWO |
		       NFTO_CAN_VLAN_MIX | NFTO_CAN_VLAN_AD,
		/* no NAT: efx_tc_mangle() knows MACs and the TTL. Whether the MAE forwards TTL 1
		 * is unproven, so it is taken to do so.
		 */
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_TTL_ONE) | BIT(NFTO_HAZARD_TAGGED_HIT),
		.prio = 1,		/* not looked at */
	},
	{
		.name = "cxgb4",
		.bus_driver = "cxgb4",		/* cxgb4_main.c, cxgb4_driver */
		.id = NFTO_ID_ANY,
		/* cxgb4_tc_flower.c, cxgb4_validate_flow_actions() */
		.asic = NFTO_ASIC_DRIVER,
		.dialects = { NFTO_DIALECT_UNGUARDED, NFTO_DIALECT_BARE },
		.num_dialects = 2,
		/* cxgb4_tc_flower.c: cxgb4_validate_flow_match() has neither TCP nor CVLAN, and
		 * valid_pedit_action() no TTL; CSUM and ADD are refused. Tags are one newvlan
		 * word, of 802.1Q.
		 */
		.can = NFTO_CAN_NO_FRAGMENT | NFTO_VLAN_ONE,
		/* cxgb4_natmode_config_array[]: only addresses with their ports are in there for
		 * each chip, and those that are for T6 alone spoil the ports not given
		 */
		.wants = NFTO_WANTS_NAT_PAIRS,
		.nat4 = NFTO_NAT_ALL,
		.nat6 = NFTO_NAT_ALL,
		/* Kernels before 6.10 ignore "no fragment" instead of refusing it. Without
		 * FILTER2_WR the firmware is not told of NAT (cxgb4_filter.c, set_filter_wr()).
		 */
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_FIRST_FRAGMENT) |
			   BIT(NFTO_HAZARD_TAGGED_HIT) | BIT(NFTO_HAZARD_NAT_FIRMWARE),
		/* cxgb4_filter.c, cxgb4_get_free_ftid(): prios must not decrease by index, so all
		 * have the same, and one too large for the small high-priority region
		 */
		.prio = 0x8000,
		.errnos = nfto_errnos_cxgb4,
	},
	{
		.name = "bnxt_en",
		.bus_driver = "bnxt_en",	/* bnxt.h, DRV_MODULE_NAME */
		/* bnxt.c, bnxt_get_port_parent_id(): in switchdev mode only; and redirecting needs
		 * the id (bnxt_tc.c, bnxt_flow_get_dst_fid())
		 */
		.id = NFTO_ID_WITH,
		.asic = NFTO_ASIC_PARENT_ID,
		.dialects = { NFTO_DIALECT_BARE },
		.num_dialects = 1,
		/* bnxt_tc.c: bnxt_tc_parse_flow() does not look at TCP and CVLAN,
		 * bnxt_tc_parse_actions() skips actions that it does not know, among them ADD,
		 * CSUM and PPPOE_PUSH, and returns 0. VLAN actions overwrite the new MACs
		 * (bnxt_hwrm_cfa_flow_alloc()), and every rule of ours has new MACs.
		 */
		.can = 0,
		/* bnxt_tc.c, bnxt_tc_parse_pedit(): the new destination port ends as 0, which
		 * stands for "as it is"; of two sides the one seen last wins; and a port goes
		 * with an address only
		 */
		.wants = NFTO_WANTS_NAT_CHANGES | NFTO_WANTS_NAT_NONZERO,
		.nat4 = NFTO_NAT_SRC | NFTO_NAT_SPORT | NFTO_NAT_DST,
		.nat6 = NFTO_NAT_SRC | NFTO_NAT_SPORT | NFTO_NAT_DST,
		/* In which byte order the firmware reads new addresses and ports is unproven. */
		.hazards = NFTO_ALL_REAL | BIT(NFTO_HAZARD_TAGGED_HIT) |
			   BIT(NFTO_HAZARD_NAT_UNPROVEN),
		.prio = 1,		/* not looked at */
		.errnos = nfto_errnos_bnxt,
		.no_rule_to_delete = -EINVAL,	/* bnxt_tc.c, bnxt_tc_del_flow() */
		.no_rule_to_ask = -1,		/* bnxt_tc.c, bnxt_tc_get_flow_stats() */
	},
};

static const struct {
	const char *name;
	const char *text;
} nfto_hazards[NFTO_HAZARDS] = {
	[NFTO_HAZARD_TTL_UNTOUCHED] = { "ttl-untouched",
		"packets leave with the TTL with which they came, be it 1 or 0: a routing loop never ends" },
	[NFTO_HAZARD_TTL_ONE] = { "ttl-one-forwarded",
		"packets whose TTL ends here are forwarded all the same, with TTL 0 or 255" },
	[NFTO_HAZARD_FIN_RST] = { "fin-rst-unseen",
		"conntrack does not see the end of TCP connections" },
	[NFTO_HAZARD_FIRST_FRAGMENT] = { "first-fragment",
		"the first fragment of a packet may be forwarded, the others are left to the host" },
	[NFTO_HAZARD_IP_OPTIONS] = { "ip-options",
		"packets with IP options are forwarded as if they had none" },
	[NFTO_HAZARD_TAGGED_HIT] = { "tagged-hit",
		"packets with more VLAN tags than a flow has may hit its rule" },
	[NFTO_HAZARD_RETAG_DEI] = { "retag-dei",
		"where one VLAN tag replaces another, the drop eligible bit is kept" },
	[NFTO_HAZARD_NAT_FIRMWARE] = { "nat-firmware",
		"old firmware forwards without translating addresses, and does not say so" },
	[NFTO_HAZARD_NAT_UNPROVEN] = { "nat-unproven",
		"no run on hardware has shown that addresses are translated rightly" },
	[NFTO_HAZARD_BYTES_UNKNOWN] = { "bytes-unknown",
		"byte counters may include Ethernet headers" },
};

const struct nfto_driver *nfto_driver_at(unsigned int i)
{
	return i < ARRAY_SIZE(nfto_drivers) ? &nfto_drivers[i] : NULL;
}

const struct nfto_driver *nfto_driver_find(const char *link_kind, const char *bus_driver)
{
	const struct nfto_driver *driver;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nfto_drivers); i++) {
		driver = &nfto_drivers[i];
		if (link_kind && driver->link_kind && !strcmp(link_kind, driver->link_kind))
			return driver;
		if (bus_driver && driver->bus_driver && !strcmp(bus_driver, driver->bus_driver))
			return driver;
	}
	return NULL;
}

const struct nfto_driver *nfto_driver_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nfto_drivers); i++)
		if (!strcmp(name, nfto_drivers[i].name))
			return &nfto_drivers[i];
	return NULL;
}

bool nfto_driver_same(const struct nfto_driver *a, const struct nfto_driver *b)
{
	return !strcmp(a->name, b->name);
}

const struct nfto_driver *nfto_driver_choose(const struct nfto_driver *driver, bool has_parent_id)
{
	enum nfto_driver_id id = has_parent_id ? NFTO_ID_WITH : NFTO_ID_WITHOUT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nfto_drivers); i++)
		if (nfto_driver_same(driver, &nfto_drivers[i]) &&
		    (nfto_drivers[i].id == NFTO_ID_ANY || nfto_drivers[i].id == id))
			return &nfto_drivers[i];
	return NULL;
}

static const struct nfto_driver_errno *nfto_errno_find(const struct nfto_driver_errno *known,
						       int err, const char *text)
{
	for (; known->err; known++)
		if (known->err == err &&
		    (!known->text || (text && strstr(text, known->text))))
			return known;
	return NULL;
}

enum nfto_reason nfto_driver_reason(const struct nfto_driver *driver, int err, const char *text)
{
	const struct nfto_driver_errno *known = NULL;

	if (driver->errnos)
		known = nfto_errno_find(driver->errnos, err, text);
	if (!known)
		known = nfto_errno_find(nfto_errnos, err, text);
	return known ? known->reason : NFTO_REASON_DRIVER;
}

const char *nfto_hazard_name(enum nfto_hazard hazard)
{
	return (unsigned int)hazard < NFTO_HAZARDS ? nfto_hazards[hazard].name : "invalid";
}

const char *nfto_hazard_text(enum nfto_hazard hazard)
{
	return (unsigned int)hazard < NFTO_HAZARDS ? nfto_hazards[hazard].text : "not a hazard";
}
