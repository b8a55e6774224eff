/* SPDX-License-Identifier: GPL-2.0 */
/* A packet's headers, and what a driver that takes actions literally does to them. */
#ifndef NFTO_HOST_PACKET_H
#define NFTO_HOST_PACKET_H

#include <net/flow_offload.h>

struct packet {
	u8 eth[12];
	u8 ip[40];
	u8 l4[4];
};

/* False if an action is not one that can be taken literally. The TTL is counted in *@ttl. */
bool packet_apply(struct packet *p, const struct flow_rule *rule, int *ttl);

#endif
