// SPDX-License-Identifier: GPL-2.0
#include "reason.h"

static const struct {
	const char *name;
	const char *text;
} nfto_reasons[NFTO_REASON_MAX] = {
	[NFTO_REASON_NONE] = { "none",
		"nothing stands in the way" },
	[NFTO_REASON_BUILD] = { "build",
		"the kernel could not build a rule (neighbour not resolved?)" },
	[NFTO_REASON_KEY] = { "key",
		"the flow matches on a header field that cannot be translated" },
	[NFTO_REASON_MASK] = { "mask",
		"the flow matches on a part of an address, port or protocol" },
	[NFTO_REASON_PROTOCOL] = { "protocol",
		"only TCP and UDP over IPv4 and IPv6 can be translated" },
	[NFTO_REASON_TUNNEL] = { "tunnel",
		"the flow goes through a tunnel" },
	[NFTO_REASON_IPSEC] = { "ipsec",
		"IPsec encrypts what the flow sends" },
	[NFTO_REASON_ACTION] = { "action",
		"the flow needs an action that cannot be translated" },
	[NFTO_REASON_REWRITE] = { "rewrite",
		"the flow rewrites a header field that cannot be translated" },
	[NFTO_REASON_NO_REDIRECT] = { "no-redirect",
		"the flow does not end at exactly one egress device" },
	[NFTO_REASON_INGRESS] = { "ingress",
		"the ingress device is not offloaded in this flowtable" },
	[NFTO_REASON_NATIVE] = { "native",
		"the ingress device's driver takes flowtables by itself" },
	[NFTO_REASON_EGRESS] = { "egress",
		"the egress device is not offloaded in any flowtable" },
	[NFTO_REASON_OTHER_ASIC] = { "other-asic",
		"ingress and egress device are not on the same ASIC" },
	[NFTO_REASON_MTU] = { "mtu",
		"the ingress device takes larger packets than the way out" },
	[NFTO_REASON_DEVICE_GONE] = { "device-gone",
		"a device of the flow is gone" },
	[NFTO_REASON_NO_TC] = { "no-tc",
		"its driver has no TC offload" },
	[NFTO_REASON_UNKNOWN_DRIVER] = { "unknown-driver",
		"its driver is not known to offload routed flows" },
	[NFTO_REASON_SWITCHDEV] = { "switchdev",
		"its driver offloads flows in switchdev mode only (devlink dev eswitch set PCI mode switchdev)" },
	[NFTO_REASON_USER_NAMESPACE] = { "user-namespace",
		"its network namespace is an unprivileged user's" },
	[NFTO_REASON_HW_TC_OFF] = { "hw-tc-off",
		"hw-tc-offload is off (ethtool -K DEV hw-tc-offload on)" },
	[NFTO_REASON_BLOCK_BUSY] = { "block-busy",
		"the driver's TC block belongs to a qdisc" },
	[NFTO_REASON_BIND] = { "bind",
		"the driver refused to bind its TC block" },
	[NFTO_REASON_BIND_PENDING] = { "bind-pending",
		"the driver's TC block is not bound yet" },
	[NFTO_REASON_TTL] = { "ttl",
		"the driver cannot decrement the TTL (ttl=lossy, as module parameter or policy, forwards without)" },
	[NFTO_REASON_LOOP] = { "loop",
		"the flow leaves where it came in, and the driver cannot decrement the TTL" },
	[NFTO_REASON_NAT] = { "nat",
		"the driver cannot translate addresses and ports as this flow needs it" },
	[NFTO_REASON_VLAN] = { "vlan",
		"the driver cannot rewrite VLAN tags as this flow needs it" },
	[NFTO_REASON_PPPOE] = { "pppoe",
		"the driver cannot add PPPoE headers" },
	[NFTO_REASON_VLAN_IN] = { "vlan-in",
		"the kernel cannot describe the VLAN tags with which packets arrive" },
	[NFTO_REASON_PPPOE_IN] = { "pppoe-in",
		"the kernel cannot describe the PPPoE header with which packets arrive" },
	[NFTO_REASON_TCP_GUARD] = { "tcp-guard",
		"the driver cannot leave TCP FIN and RST to the host (policy tcp=unguarded does without)" },
	[NFTO_REASON_TABLE_FULL] = { "table-full",
		"the hardware table is full" },
	[NFTO_REASON_UNSUPPORTED] = { "unsupported",
		"the driver does not support the rule" },
	[NFTO_REASON_DUPLICATE] = { "duplicate",
		"the driver has a rule for these packets already" },
	[NFTO_REASON_TRANSIENT] = { "transient",
		"the driver is busy or not ready" },
	[NFTO_REASON_DRIVER] = { "driver",
		"the driver failed" },
	[NFTO_REASON_STALE_ENTRY] = { "stale-entry",
		"an older hardware entry for the flow could not be deleted yet" },
	[NFTO_REASON_NO_MEMORY] = { "no-memory",
		"out of memory" },
	[NFTO_REASON_STALE_DEVICE] = { "stale-device",
		"a device on the flow's way changed, so the flow has to be found anew" },
	[NFTO_REASON_STALE_ROUTE] = { "stale-route",
		"a route or rule changed, so the flow has to be found anew" },
	[NFTO_REASON_STALE_NEIGHBOUR] = { "stale-neighbour",
		"a neighbour changed, so the flow has to be found anew" },
	[NFTO_REASON_STALE_BRIDGE] = { "stale-bridge",
		"a bridge changed, so the flow has to be found anew" },
	[NFTO_REASON_TEARDOWN] = { "teardown",
		"the flow is being torn down" },
	[NFTO_REASON_SUPERSEDED] = { "superseded",
		"a newer flow with the same match took over" },
	[NFTO_REASON_UNBOUND] = { "unbound",
		"the device left the flowtable" },
};

const char *nfto_reason_name(enum nfto_reason reason)
{
	if ((unsigned int)reason >= NFTO_REASON_MAX)
		return "invalid";
	return nfto_reasons[reason].name;
}

const char *nfto_reason_text(enum nfto_reason reason)
{
	if ((unsigned int)reason >= NFTO_REASON_MAX)
		return "not a reason";
	return nfto_reasons[reason].text;
}
