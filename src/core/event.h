/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event - tells those who have subscribed what happens, by netlink.
 *
 * Not by a multicast group: who may join one, most kernels let no module check. A subscriber is a
 * socket, which has asked for it with the rights that a request needs.
 *
 * Life: a subscriber is made by nfto_event_subscribe(), in the request of its socket. It ends
 *  - when the socket is closed, of which netlink's notifier tells; a namespace does not end before
 *    its sockets, so what is sent goes to a living one; or
 *  - in nfto_event_exit(), at unload. What happens after that, nobody is told.
 */
#ifndef NFTO_EVENT_H
#define NFTO_EVENT_H

#include <linux/types.h>
#include <uapi/linux/nft_offload.h>
#include "reason.h"

struct net;
struct net_device;
struct netlink_ext_ack;
struct nfto_filter;
struct nfto_flow;

/* Something happened to @flow. Caller holds nfto_lock. */
void nfto_event_flow(enum nfto_event_kind kind, const struct nfto_flow *flow);

/* Something happened to @dev, which the caller keeps. Any context but hard interrupts. */
void nfto_event_device(enum nfto_event_kind kind, const struct net_device *dev,
		       enum nfto_reason reason);

/*
 * Socket @portid of @net gets events from now on, those of flows that @filter passes. Replaces what
 * it has subscribed to before. 0, -ENOMEM, or -EUSERS with words in @extack. May sleep.
 */
int nfto_event_subscribe(const struct net *net, u32 portid, const struct nfto_filter *filter,
			 struct netlink_ext_ack *extack);

int nfto_event_init(void);
void nfto_event_exit(void);

#endif
