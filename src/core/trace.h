/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nft_offload

#if !defined(NFTO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NFTO_TRACE_H

#include <linux/tracepoint.h>
#include <linux/netdevice.h>
#include "flow.h"
#include "port.h"

#define NFTO_TRACE_REASON 20	/* the longest name fits */
#define NFTO_TRACE_TEXT 64

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
		__array(char, reason, NFTO_TRACE_REASON)
		__array(char, text, NFTO_TRACE_TEXT)
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
		strscpy(__entry->reason, nfto_reason_name(flow->reason), NFTO_TRACE_REASON);
		strscpy(__entry->text, flow->text ? flow->text : "", NFTO_TRACE_TEXT);
		__entry->packets = flow->packets;
	),
	TP_printk("id=%llu in=%u dir=%s proto=%u sport=%u dport=%u reason=%s errno=%d packets=%llu text=\"%s\"",
		  __entry->id, __entry->ifindex, __entry->dir ? "reply" : "original",
		  __entry->l4proto, __entry->sport, __entry->dport, __entry->reason,
		  __entry->err, __entry->packets, __entry->text)
);

DEFINE_EVENT(nfto_flow, flow_queued,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_hardware,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_refused,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_failed,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_stale,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));
DEFINE_EVENT(nfto_flow, flow_removed,
	TP_PROTO(const struct nfto_flow *flow), TP_ARGS(flow));

DECLARE_EVENT_CLASS(nfto_port,
	TP_PROTO(const struct nfto_port *port, int err),
	TP_ARGS(port, err),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__array(char, reason, NFTO_TRACE_REASON)
		__field(int, err)
	),
	TP_fast_assign(
		strscpy(__entry->name, port->dev->name, IFNAMSIZ);
		strscpy(__entry->reason, nfto_reason_name(port->reason), NFTO_TRACE_REASON);
		__entry->err = err;
	),
	TP_printk("dev=%s reason=%s errno=%d", __entry->name, __entry->reason, __entry->err)
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
