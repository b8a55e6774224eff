/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reason - the one list of why a flow or a device is not in hardware.
 *
 * Pure: no locks, no devices; compiled for the host too. Names and sentences are in reason.c.
 */
#ifndef NFTO_REASON_H
#define NFTO_REASON_H

enum nfto_reason {
	NFTO_REASON_NONE,
	/* what nf_flow_table asked for */
	NFTO_REASON_BUILD,
	NFTO_REASON_KEY,
	NFTO_REASON_MASK,
	NFTO_REASON_PROTOCOL,
	NFTO_REASON_TUNNEL,
	NFTO_REASON_IPSEC,
	NFTO_REASON_ACTION,
	NFTO_REASON_REWRITE,
	NFTO_REASON_NO_REDIRECT,
	NFTO_REASON_TAGS,
	/* the devices of the flow */
	NFTO_REASON_INGRESS,
	NFTO_REASON_NATIVE,
	NFTO_REASON_EGRESS,
	NFTO_REASON_OTHER_ASIC,
	NFTO_REASON_MTU,
	NFTO_REASON_DEVICE_GONE,
	NFTO_REASON_VLAN_QOS,
	/* why a device is in software */
	NFTO_REASON_NO_TC,
	NFTO_REASON_UNKNOWN_DRIVER,
	NFTO_REASON_SWITCHDEV,
	NFTO_REASON_USER_NAMESPACE,
	NFTO_REASON_POLICY,
	NFTO_REASON_LOWER_NAMESPACE,
	NFTO_REASON_HW_TC_OFF,
	NFTO_REASON_BLOCK_BUSY,
	NFTO_REASON_BIND,
	NFTO_REASON_BIND_PENDING,
	/* what the driver cannot honour */
	NFTO_REASON_TTL,
	NFTO_REASON_LOOP,
	NFTO_REASON_NAT,
	NFTO_REASON_VLAN,
	NFTO_REASON_PPPOE,
	NFTO_REASON_VLAN_IN,
	NFTO_REASON_PPPOE_IN,
	NFTO_REASON_TCP_GUARD,
	/* what the driver answered */
	NFTO_REASON_TABLE_FULL,
	NFTO_REASON_UNSUPPORTED,
	NFTO_REASON_DUPLICATE,
	NFTO_REASON_TRANSIENT,
	NFTO_REASON_DRIVER,
	NFTO_REASON_STALE_ENTRY,
	NFTO_REASON_NO_MEMORY,
	NFTO_REASON_LOST,
	/* what happened around the flow */
	NFTO_REASON_STALE_DEVICE,
	NFTO_REASON_STALE_ROUTE,
	NFTO_REASON_STALE_NEIGHBOUR,
	NFTO_REASON_STALE_BRIDGE,
	NFTO_REASON_FLUSHED,
	/* the flow's own life */
	NFTO_REASON_TEARDOWN,
	NFTO_REASON_SUPERSEDED,
	NFTO_REASON_UNBOUND,
	NFTO_REASON_MAX
};

/* A short word for tools ("table-full"); never NULL. */
const char *nfto_reason_name(enum nfto_reason reason);

/* A sentence for people, without capital and full stop; never NULL. */
const char *nfto_reason_text(enum nfto_reason reason);

#endif
