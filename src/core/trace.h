/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nft_offload

#if !defined(NFTO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NFTO_TRACE_H

#include <linux/tracepoint.h>
#include <linux/netdevice.h>
#include "../compat/trace.h"
#include "flow.h"
#include "port.h"

/* One event per state: id is our number of the flow direction, never a kernel address. */
DECLARE_EVENT_CLASS(nfto_flow,
	TP_PROTO(const struct nfto_flow *flow),
	TP_ARGS(flow),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, ifindex)
		__field(u8, dir)
		__field(u8, l4proto)
		__field(u16, sport)
		__field(u16, dport)
		__field(int, err)
		__string(reason, nfto_reason_name(flow->reason))
		__string(text, flow->text ? flow->text : "")
		__field(u64, packets)
	),
	TP_fast_assign(
		__entry->id = flow->id;
		__entry->ifindex = flow->rule.match.in_ifindex;
		__entry->dir = flow->dir;
		__entry->l4proto = flow->rule.match.l4proto;
		__entry->sport = ntohs(flow->rule.match.sport);
		__entry->dport = ntohs(flow->rule.match.dport);
		__entry->err = flow->err;
		nfto_assign_str(reason, nfto_reason_name(flow->reason));
		nfto_assign_str(text, flow->text ? flow->text : "");
		__entry->packets = flow->packets;
	),
	TP_printk("id=%llu in=%u dir=%s proto=%u sport=%u dport=%u reason=%s errno=%d packets=%llu text=\"%s\"",
		  __entry->id, __entry->ifindex, __entry->dir ? "reply" : "original",
		  __entry->l4proto, __entry->sport, __entry->dport, __get_str(reason),
		  __entry->err, __entry->packets, __get_str(text))
);

DEFINE_EVENT(nfto_flow, flow_queued,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_hardware,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_refused,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_failed,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_removed,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));

DECLARE_EVENT_CLASS(nfto_port,
	TP_PROTO(const struct nfto_port *port, int err),
	TP_ARGS(port, err),
	TP_STRUCT__entry(
		__string(name, port->dev->name)
		__string(reason, nfto_reason_name(port->reason))
		__field(int, err)
	),
	TP_fast_assign(
		nfto_assign_str(name, port->dev->name);
		nfto_assign_str(reason, nfto_reason_name(port->reason));
		__entry->err = err;
	),
	TP_printk("dev=%s reason=%s errno=%d", __get_str(name), __get_str(reason), __entry->err)
);

DEFINE_EVENT(nfto_port, port_bind,
	TP_PROTO(const struct nfto_port *port, int err), TP_ARGS(port, err));
DEFINE_EVENT(nfto_port, port_unbind,
	TP_PROTO(const struct nfto_port *port, int err), TP_ARGS(port, err));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
