/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	src/spec/nft_offload.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_NFT_OFFLOAD_H
#define _UAPI_LINUX_NFT_OFFLOAD_H

#define NFTO_FAMILY_NAME	"nft_offload"
#define NFTO_FAMILY_VERSION	1

/**
 * enum nfto_device_backend - Who carries a device's flows.
 * @NFTO_BACKEND_NONE: Nobody, it is in no flowtable with `flags offload`.
 * @NFTO_BACKEND_SOFTWARE: The kernel alone; the attribute reason says why.
 * @NFTO_BACKEND_BRIDGED: Hardware, programmed by nft_offload through the
 *   driver's TC offload.
 * @NFTO_BACKEND_NATIVE: Hardware, by a driver that takes flowtables itself.
 */
enum nfto_device_backend {
	NFTO_BACKEND_NONE,
	NFTO_BACKEND_SOFTWARE,
	NFTO_BACKEND_BRIDGED,
	NFTO_BACKEND_NATIVE,
};

/**
 * enum nfto_policy_ttl - Whether hardware may forward without decrementing the
 *   TTL (IPv6, hop limit).
 * @NFTO_TTL_DEFAULT: As the module parameter ttl says.
 * @NFTO_TTL_REQUIRE: Such flows stay in software.
 * @NFTO_TTL_LOSSY: Hardware that cannot decrement it may forward all the same.
 */
enum nfto_policy_ttl {
	NFTO_TTL_DEFAULT,
	NFTO_TTL_REQUIRE,
	NFTO_TTL_LOSSY,
};

/**
 * enum nfto_policy_tcp - What a driver that cannot leave TCP segments with FIN
 *   or RST to the host is used for.
 * @NFTO_TCP_GUARDED: Not for TCP.
 * @NFTO_TCP_UNGUARDED: For TCP too, though the host then does not see
 *   connections end.
 */
enum nfto_policy_tcp {
	NFTO_TCP_GUARDED,
	NFTO_TCP_UNGUARDED,
};

/**
 * enum nfto_policy_offload - Whether nft_offload programs the device.
 * @NFTO_OFFLOAD_AUTO: Where it can.
 * @NFTO_OFFLOAD_OFF: Not at all, its flows are in software.
 */
enum nfto_policy_offload {
	NFTO_OFFLOAD_AUTO,
	NFTO_OFFLOAD_OFF,
};

/**
 * enum nfto_flow_state - What became of one direction of a flow.
 * @NFTO_STATE_QUEUED: The driver is going to be asked.
 * @NFTO_STATE_HARDWARE: Hardware forwards it.
 * @NFTO_STATE_REFUSED: The driver was not asked; the attribute reason says
 *   why.
 * @NFTO_STATE_FAILED: The driver said no; errno and driver-text are its own
 *   words.
 * @NFTO_STATE_REMOVING: It is to leave hardware, which may forward it yet.
 */
enum nfto_flow_state {
	NFTO_STATE_QUEUED,
	NFTO_STATE_HARDWARE,
	NFTO_STATE_REFUSED,
	NFTO_STATE_FAILED,
	NFTO_STATE_REMOVING,
};

/**
 * enum nfto_flow_direction - As seen from who opened the connection.
 */
enum nfto_flow_direction {
	NFTO_DIRECTION_ORIGINAL,
	NFTO_DIRECTION_REPLY,
};

/**
 * enum nfto_event_kind - What happened; the first four to one direction of a
 *   flow, the others to a device.
 * @NFTO_EVENT_HARDWARE: Hardware forwards the flow from now on.
 * @NFTO_EVENT_REFUSED: The driver was not asked.
 * @NFTO_EVENT_FAILED: The driver said no.
 * @NFTO_EVENT_REMOVED: The flow has left hardware.
 * @NFTO_EVENT_BOUND: Flows of the device can be in hardware from now on.
 * @NFTO_EVENT_UNBOUND: The flows of the device are in software from now on;
 *   the reason says why.
 * @NFTO_EVENT_TABLE_FULL: The driver has no room for another flow.
 */
enum nfto_event_kind {
	NFTO_EVENT_HARDWARE,
	NFTO_EVENT_REFUSED,
	NFTO_EVENT_FAILED,
	NFTO_EVENT_REMOVED,
	NFTO_EVENT_BOUND,
	NFTO_EVENT_UNBOUND,
	NFTO_EVENT_TABLE_FULL,
};

enum {
	NFTO_A_IFINDEX = 1,
	NFTO_A_IFNAME,
	NFTO_A_BACKEND,
	NFTO_A_REASON,
	NFTO_A_REASON_TEXT,
	NFTO_A_DEVICE_DRIVER,
	NFTO_A_DRIVER,
	NFTO_A_POLICY,
	NFTO_A_ASIC,
	NFTO_A_HAZARD,
	NFTO_A_FLOWS,
	NFTO_A_STATISTICS,
	NFTO_A_FLOWTABLE,
	NFTO_A_FLOW,
	NFTO_A_FILTER,
	NFTO_A_COUNT,
	NFTO_A_EVENT,
	NFTO_A_TIME,
	NFTO_A_LOST,
	NFTO_A_PAD,
	NFTO_A_VERSION,
	NFTO_A_SHIMS,
	NFTO_A_EGRESS,
	NFTO_A_EGRESS_NAME,
	NFTO_A_LIMIT,
	NFTO_A_TRIAL,
	NFTO_A_FILL,
	NFTO_A_IN_FORCE,
	NFTO_A_LOWER,

	__NFTO_A_MAX,
	NFTO_A_MAX = (__NFTO_A_MAX - 1)
};

enum {
	NFTO_A_TRIAL_NAME = 1,
	NFTO_A_TRIAL_KNOWN,
	NFTO_A_TRIAL_TAKEN,
	NFTO_A_TRIAL_HAZARD,
	NFTO_A_TRIAL_REASON,
	NFTO_A_TRIAL_REASON_TEXT,
	NFTO_A_TRIAL_ERRNO,
	NFTO_A_TRIAL_DRIVER_TEXT,

	__NFTO_A_TRIAL_MAX,
	NFTO_A_TRIAL_MAX = (__NFTO_A_TRIAL_MAX - 1)
};

enum {
	NFTO_A_FILL_RULES = 1,
	NFTO_A_FILL_LEFT,
	NFTO_A_FILL_REASON,
	NFTO_A_FILL_REASON_TEXT,
	NFTO_A_FILL_ERRNO,
	NFTO_A_FILL_DRIVER_TEXT,

	__NFTO_A_FILL_MAX,
	NFTO_A_FILL_MAX = (__NFTO_A_FILL_MAX - 1)
};

enum {
	NFTO_A_COUNTS_QUEUED = 1,
	NFTO_A_COUNTS_HARDWARE,
	NFTO_A_COUNTS_REFUSED,
	NFTO_A_COUNTS_FAILED,
	NFTO_A_COUNTS_REMOVING,

	__NFTO_A_COUNTS_MAX,
	NFTO_A_COUNTS_MAX = (__NFTO_A_COUNTS_MAX - 1)
};

enum {
	NFTO_A_STATISTICS_ENTRIES = 1,
	NFTO_A_STATISTICS_ADDED,
	NFTO_A_STATISTICS_DELETED,
	NFTO_A_STATISTICS_FAILED,
	NFTO_A_STATISTICS_PAD,

	__NFTO_A_STATISTICS_MAX,
	NFTO_A_STATISTICS_MAX = (__NFTO_A_STATISTICS_MAX - 1)
};

enum {
	NFTO_A_FLOWTABLE_FAMILY = 1,
	NFTO_A_FLOWTABLE_TABLE,
	NFTO_A_FLOWTABLE_NAME,
	NFTO_A_FLOWTABLE_HANDLE,
	NFTO_A_FLOWTABLE_PAD,
	NFTO_A_FLOWTABLE_DEVICE,
	NFTO_A_FLOWTABLE_FLOWS,
	NFTO_A_FLOWTABLE_COUNTER,

	__NFTO_A_FLOWTABLE_MAX,
	NFTO_A_FLOWTABLE_MAX = (__NFTO_A_FLOWTABLE_MAX - 1)
};

enum {
	NFTO_A_FLOWTABLE_DEVICE_IFINDEX = 1,
	NFTO_A_FLOWTABLE_DEVICE_IFNAME,
	NFTO_A_FLOWTABLE_DEVICE_BACKEND,
	NFTO_A_FLOWTABLE_DEVICE_REASON,
	NFTO_A_FLOWTABLE_DEVICE_REASON_TEXT,

	__NFTO_A_FLOWTABLE_DEVICE_MAX,
	NFTO_A_FLOWTABLE_DEVICE_MAX = (__NFTO_A_FLOWTABLE_DEVICE_MAX - 1)
};

enum {
	NFTO_A_FLOW_ID = 1,
	NFTO_A_FLOW_DIRECTION,
	NFTO_A_FLOW_STATE,
	NFTO_A_FLOW_REASON,
	NFTO_A_FLOW_REASON_TEXT,
	NFTO_A_FLOW_ERRNO,
	NFTO_A_FLOW_DRIVER_TEXT,
	NFTO_A_FLOW_PROTOCOL,
	NFTO_A_FLOW_SOURCE,
	NFTO_A_FLOW_DESTINATION,
	NFTO_A_FLOW_SOURCE_PORT,
	NFTO_A_FLOW_DESTINATION_PORT,
	NFTO_A_FLOW_NEW_SOURCE,
	NFTO_A_FLOW_NEW_DESTINATION,
	NFTO_A_FLOW_NEW_SOURCE_PORT,
	NFTO_A_FLOW_NEW_DESTINATION_PORT,
	NFTO_A_FLOW_INGRESS,
	NFTO_A_FLOW_INGRESS_NAME,
	NFTO_A_FLOW_EGRESS,
	NFTO_A_FLOW_EGRESS_NAME,
	NFTO_A_FLOW_TAG,
	NFTO_A_FLOW_NEW_TAG,
	NFTO_A_FLOW_PACKETS,
	NFTO_A_FLOW_BYTES,
	NFTO_A_FLOW_SOFTWARE_PACKETS,
	NFTO_A_FLOW_SOFTWARE_BYTES,
	NFTO_A_FLOW_AGE,
	NFTO_A_FLOW_RETRY,
	NFTO_A_FLOW_PAD,
	NFTO_A_FLOW_TABLE,
	NFTO_A_FLOW_FLOWTABLE,

	__NFTO_A_FLOW_MAX,
	NFTO_A_FLOW_MAX = (__NFTO_A_FLOW_MAX - 1)
};

enum {
	NFTO_A_FILTER_IFINDEX = 1,
	NFTO_A_FILTER_TABLE,
	NFTO_A_FILTER_FLOWTABLE,
	NFTO_A_FILTER_STATE,
	NFTO_A_FILTER_REASON,
	NFTO_A_FILTER_ADDRESS,
	NFTO_A_FILTER_PORT,
	NFTO_A_FILTER_PROTOCOL,
	NFTO_A_FILTER_DIRECTION,

	__NFTO_A_FILTER_MAX,
	NFTO_A_FILTER_MAX = (__NFTO_A_FILTER_MAX - 1)
};

enum {
	NFTO_A_POLICY_DRIVER = 1,
	NFTO_A_POLICY_TTL,
	NFTO_A_POLICY_TCP,
	NFTO_A_POLICY_OFFLOAD,

	__NFTO_A_POLICY_MAX,
	NFTO_A_POLICY_MAX = (__NFTO_A_POLICY_MAX - 1)
};

enum {
	NFTO_CMD_DEVICE_GET = 1,
	NFTO_CMD_DEVICE_SET,
	NFTO_CMD_FLOWTABLE_GET,
	NFTO_CMD_FLOW_GET,
	NFTO_CMD_REASON_GET,
	NFTO_CMD_FLOW_FLUSH,
	NFTO_CMD_SUBSCRIBE,
	NFTO_CMD_EVENT_NTF,
	NFTO_CMD_VERSION_GET,
	NFTO_CMD_DEVICE_PROBE,

	__NFTO_CMD_MAX,
	NFTO_CMD_MAX = (__NFTO_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_NFT_OFFLOAD_H */
