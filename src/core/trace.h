/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nft_offload

#if !defined(NFTO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NFTO_TRACE_H

#include <linux/tracepoint.h>
#include <linux/netdevice.h>
#include "bind.h"
#include "dialect.h"
#include "flow.h"
#include "port.h"

/*
 * Each stage of the pipeline has its own, in its order: table_* (bind), flow_*, rule_parse,
 * program_run, dialect_emit, driver_call, port_*, stats_poll, watch_change. Times are in
 * nanoseconds, errno is 0 or negative. Texts are arrays: kernels differ in how they take others.
 */
#define NFTO_TRACE_REASON 20	/* the longest name fits */
#define NFTO_TRACE_TEXT 64
#define NFTO_TRACE_WORD 16
#define NFTO_TRACE_ADDR 48

/* for tools that read the formats, which name numbers by these */
TRACE_DEFINE_ENUM(NFTO_SOFTWARE);
TRACE_DEFINE_ENUM(NFTO_BRIDGED);
TRACE_DEFINE_ENUM(NFTO_NATIVE);
TRACE_DEFINE_ENUM(NFTO_CHANGE_ALL);
TRACE_DEFINE_ENUM(NFTO_CHANGE_DEVICE);
TRACE_DEFINE_ENUM(NFTO_CHANGE_PREFIX);
TRACE_DEFINE_ENUM(NFTO_CHANGE_MAC);
TRACE_DEFINE_ENUM(NFTO_CHANGE_MOVED);
TRACE_DEFINE_ENUM(NFTO_CHANGE_RESOLVED);
TRACE_DEFINE_ENUM(FLOW_CLS_REPLACE);
TRACE_DEFINE_ENUM(FLOW_CLS_DESTROY);
TRACE_DEFINE_ENUM(FLOW_CLS_STATS);

#define nfto_trace_backend(backend)				\
	__print_symbolic(backend, { NFTO_SOFTWARE, "software" },	\
			 { NFTO_BRIDGED, "bridged" }, { NFTO_NATIVE, "native" })

#define nfto_trace_change(kind)					\
	__print_symbolic(kind, { NFTO_CHANGE_ALL, "all" },	\
			 { NFTO_CHANGE_DEVICE, "device" }, { NFTO_CHANGE_PREFIX, "prefix" },	\
			 { NFTO_CHANGE_MAC, "mac" }, { NFTO_CHANGE_MOVED, "moved" },		\
			 { NFTO_CHANGE_RESOLVED, "resolved" })

#define nfto_trace_command(command)				\
	__print_symbolic(command, { FLOW_CLS_REPLACE, "add" },	\
			 { FLOW_CLS_DESTROY, "delete" }, { FLOW_CLS_STATS, "stats" })

/* A device of a flowtable, as the flowtable sees it. */
DECLARE_EVENT_CLASS(nfto_table,
	TP_PROTO(const struct nfto_bind *bind),
	TP_ARGS(bind),
	TP_STRUCT__entry(
		__field(u32, ifindex)
		__field(u32, backend)
		__array(char, reason, NFTO_TRACE_REASON)
	),
	TP_fast_assign(
		__entry->ifindex = bind->ifindex;
		__entry->backend = bind->backend;
		strscpy(__entry->reason, nfto_reason_name(bind->reason), NFTO_TRACE_REASON);
	),
	TP_printk("in=%u backend=%s reason=%s", __entry->ifindex,
		  nfto_trace_backend(__entry->backend), __entry->reason)
);

DEFINE_EVENT(nfto_table, table_bind,
	TP_PROTO(const struct nfto_bind *bind), TP_ARGS(bind));
DEFINE_EVENT(nfto_table, table_unbind,
	TP_PROTO(const struct nfto_bind *bind), TP_ARGS(bind));

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

/* What was made of the core's rule; what it says of devices is of the flowtable's. */
TRACE_EVENT(rule_parse,
	TP_PROTO(const struct nfto_rule *rule, enum nfto_reason why),
	TP_ARGS(rule, why),
	TP_STRUCT__entry(
		__field(u32, ifindex)
		__field(u8, l4proto)
		__field(u8, edits)
		__field(u8, tags)
		__field(u8, new_tags)
		__field(u16, sport)
		__field(u16, dport)
		__array(char, reason, NFTO_TRACE_REASON)
	),
	TP_fast_assign(
		__entry->ifindex = rule->match.in_ifindex;
		__entry->l4proto = rule->match.l4proto;
		__entry->edits = rule->edits;
		__entry->tags = rule->match.num_tags;
		__entry->new_tags = rule->num_push;
		__entry->sport = ntohs(rule->match.sport);
		__entry->dport = ntohs(rule->match.dport);
		strscpy(__entry->reason, nfto_reason_name(why), NFTO_TRACE_REASON);
	),
	TP_printk("in=%u proto=%u sport=%u dport=%u edits=0x%x tags=%u new_tags=%u reason=%s",
		  __entry->ifindex, __entry->l4proto, __entry->sport, __entry->dport,
		  __entry->edits, __entry->tags, __entry->new_tags, __entry->reason)
);

/* A rule was said in a dialect, or why the driver does not get it. */
TRACE_EVENT(dialect_emit,
	TP_PROTO(const struct nfto_port *port, u64 id, enum nfto_dialect dialect,
		 enum nfto_reason why),
	TP_ARGS(port, id, dialect, why),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u64, id)
		__array(char, dialect, NFTO_TRACE_WORD)
		__array(char, reason, NFTO_TRACE_REASON)
	),
	TP_fast_assign(
		strscpy(__entry->name, port->dev->name, IFNAMSIZ);
		__entry->id = id;
		strscpy(__entry->dialect, nfto_dialect_name(dialect), NFTO_TRACE_WORD);
		strscpy(__entry->reason, nfto_reason_name(why), NFTO_TRACE_REASON);
	),
	TP_printk("dev=%s id=%llu reason=%s dialect=\"%s\"", __entry->name, __entry->id,
		  __entry->reason, __entry->dialect)
);

TRACE_EVENT(driver_call,
	TP_PROTO(const struct nfto_port *port, u32 command, u64 id, u64 time, int err),
	TP_ARGS(port, command, id, time, err),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u32, command)
		__field(u64, id)
		__field(u64, time)
		__field(int, err)
	),
	TP_fast_assign(
		strscpy(__entry->name, port->dev->name, IFNAMSIZ);
		__entry->command = command;
		__entry->id = id;
		__entry->time = time;
		__entry->err = err;
	),
	TP_printk("dev=%s command=%s id=%llu errno=%d time=%llu", __entry->name,
		  nfto_trace_command(__entry->command), __entry->id, __entry->err,
		  __entry->time)
);

/* The worker has run: how many flows it saw to, and for how long it held RTNL, if at all. */
TRACE_EVENT(program_run,
	TP_PROTO(const struct nfto_port *port, unsigned int num, bool rtnl, u64 time),
	TP_ARGS(port, num, rtnl, time),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u32, num)
		__field(bool, rtnl)
		__field(u64, time)
	),
	TP_fast_assign(
		strscpy(__entry->name, port->dev->name, IFNAMSIZ);
		__entry->num = num;
		__entry->rtnl = rtnl;
		__entry->time = time;
	),
	TP_printk("dev=%s flows=%u rtnl=%u time=%llu", __entry->name, __entry->num,
		  __entry->rtnl, __entry->time)
);

/* Counters were read; complete: of all flows of the port, and not only for as long as it may. */
TRACE_EVENT(stats_poll,
	TP_PROTO(const struct nfto_port *port, unsigned int num, bool complete),
	TP_ARGS(port, num, complete),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u32, num)
		__field(bool, complete)
	),
	TP_fast_assign(
		strscpy(__entry->name, port->dev->name, IFNAMSIZ);
		__entry->num = num;
		__entry->complete = complete;
	),
	TP_printk("dev=%s flows=%u complete=%u", __entry->name, __entry->num, __entry->complete)
);

/* Something changed that may concern flows. */
TRACE_EVENT(watch_change,
	TP_PROTO(const struct nfto_change *change),
	TP_ARGS(change),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(u32, ifindex)
		__field(u8, family)
		__field(u8, len)
		__array(char, addr, NFTO_TRACE_ADDR)
		__array(u8, mac, ETH_ALEN)
		__array(char, reason, NFTO_TRACE_REASON)
	),
	TP_fast_assign(
		__entry->kind = change->kind;
		__entry->ifindex = change->ifindex;
		__entry->family = change->family;
		__entry->len = change->len;
		snprintf(__entry->addr, NFTO_TRACE_ADDR,
			 change->family == AF_INET6 ? "%pI6c" : "%pI4", change->addr);
		memcpy(__entry->mac, change->mac, sizeof(__entry->mac));
		strscpy(__entry->reason, nfto_reason_name(change->reason), NFTO_TRACE_REASON);
	),
	TP_printk("kind=%s reason=%s device=%u mac=%pM family=%u addr=%s/%u",
		  nfto_trace_change(__entry->kind), __entry->reason, __entry->ifindex,
		  __entry->mac, __entry->family, __entry->addr, __entry->len)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
