/* SPDX-License-Identifier: GPL-2.0 */
/*
 * program - a port's worker: binds, programs in order, polls counters, winds up.
 *
 * One work item per port, so that operations of a port are never reordered and never run twice at a
 * time. It takes RTNL first where the driver needs it, in bounded holds.
 */
#ifndef NFTO_PROGRAM_H
#define NFTO_PROGRAM_H

struct netlink_ext_ack;
struct work_struct;
struct nfto_flow;
struct nfto_port;

void nfto_program_work(struct work_struct *work);

/*
 * Reads what hardware counted last for a busy flow and deletes its entry. The port's mutex is held,
 * and RTNL where its driver needs it. Returns 0 if hardware does not have it any more, or the
 * driver's errno, with its words in @extack; telling the registry is the caller's.
 */
int nfto_program_delete(struct nfto_port *port, struct nfto_flow *flow,
			struct netlink_ext_ack *extack);

#endif
