/* SPDX-License-Identifier: GPL-2.0 */
/*
 * path - from a flowtable's devices down to the ports that carry them.
 *
 * With VLAN devices in a flowtable the kernel's rules say nothing of tags: taking them off and
 * putting them on is the devices' business. Hardware has ports only, and has to be told.
 */
#ifndef NFTO_PATH_H
#define NFTO_PATH_H

#include "rule.h"

struct flow_offload;
struct net;
struct nfto_table;

/*
 * Goes down from @dev, which does not vanish meanwhile, through VLAN devices: *@lower is what they
 * stand on, @dev itself if it is none, and stays as long as @dev is registered. What is found
 * cannot change in that time, but for the namespaces.
 */
enum nfto_reason nfto_path_lower(struct net_device *dev, struct net_device **lower,
				 struct nfto_stack *stack);

/*
 * Does @dev, or what it stands on, set VLAN priorities that hardware would not? RTNL is held, or
 * the caller is an RCU reader.
 */
enum nfto_reason nfto_path_priorities(const struct net_device *dev);

/*
 * Is a direction of @flow put into something, or comes out of something, of which the core's rule
 * says nothing: a tunnel, a route's encapsulation (MPLS, segment routing ...)? action()'s context.
 */
bool nfto_path_wraps(struct net *net, const struct flow_offload *flow, u8 dir);

/*
 * Does a direction of @flow go where no route leads? The core looks for one way where the other
 * way's packets come from, and IPv4, finding no route there, takes the destination to be on the
 * link. Routes that only marked packets take are not seen: ask only if the way does not resolve.
 * action()'s context.
 */
bool nfto_path_leads_nowhere(struct net *net, const struct flow_offload *flow);

/*
 * Have packets of @flow more headers in front of them than the flow can say, so that the core
 * forgot some? action()'s context.
 */
bool nfto_path_cut(struct net *net, const struct flow_offload *flow);

/*
 * Makes @rule, as the core asks for it, one between ports. @via is the device that software hands
 * the packets to, or 0. Caller holds nfto_lock, under which rule->out is good.
 */
enum nfto_reason nfto_path_resolve(const struct nfto_table *table, struct nfto_rule *rule,
				   int via);

#endif
