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
 * @NFTO_TCP_UNGUARDED: For TCP too, though the host then does not see connections
 *   end.
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

enum {
	NFTO_A_IFINDEX = 1,
	NFTO_A_IFNAME,
	NFTO_A_BACKEND,
	NFTO_A_REASON,
	NFTO_A_REASON_TEXT,
	NFTO_A_DEVICE_DRIVER,
	NFTO_A_DRIVER,
	NFTO_A_POLICY,

	__NFTO_A_MAX,
	NFTO_A_MAX = (__NFTO_A_MAX - 1)
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

	__NFTO_CMD_MAX,
	NFTO_CMD_MAX = (__NFTO_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_NFT_OFFLOAD_H */
