/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe - tries a port's driver with rules that meet no packet (trial.h), and deletes them.
 *
 * A probe is a user's request, and runs in it. It holds RTNL and the port's mutex as the worker
 * does, and not longer at a time. A bind of its own keeps the port; what ends the port all the same
 * is NETDEV_UNREGISTER, and that deletes what the probe has in hardware (nfto_probe_clear()), as it
 * does if the device goes that the rules send to. A probe that finds itself cut off so ends.
 */
#ifndef NFTO_PROBE_H
#define NFTO_PROBE_H

#include <linux/netdevice.h>
#include "reason.h"

struct nfto_driver;
struct nfto_port;

/* What became of one rule. */
struct nfto_probe_result {
	bool known;		/* the table of known drivers has it; if not, nobody was asked */
	bool taken;
	u32 hazards;		/* of the dialect in which it was taken */
	enum nfto_reason reason;	/* why it was not taken, or not deleted */
	int err;		/* the driver's, negative; 0: it was not asked */
	char text[128];		/* the driver's words, or "" */
};

struct nfto_probe {
	struct nfto_port *port;
	const struct nfto_driver *driver;	/* the entry by which it is tried */
	const struct net_device *out;		/* only compared */
	int out_ifindex;
	char out_name[IFNAMSIZ];
};

/*
 * Begins a probe of @dev that sends to @out (NULL: to another port of its ASIC).
 * NFTO_REASON_NONE, after which nfto_probe_end() is due, or what keeps its flows in software;
 * NFTO_REASON_EGRESS: there is no other port; NFTO_REASON_DUPLICATE: another probe is under way.
 * RTNL is held.
 */
enum nfto_reason nfto_probe_begin(struct nfto_probe *probe, struct net_device *dev,
				  struct net_device *out);
void nfto_probe_end(struct nfto_probe *probe);

/* Tries rule @trial. False: one of the devices changed meanwhile. May sleep; no locks. */
bool nfto_probe_try(struct nfto_probe *probe, unsigned int trial,
		    struct nfto_probe_result *result);

struct nfto_probe_fill {
	u32 num;	/* rules that the driver took */
	u32 left;	/* of them, those that it did not delete */
	struct nfto_probe_result last;	/* why there were no more, if it was asked for more */
};

/* Fills the driver's table with up to @limit rules, and empties it. As try(). */
bool nfto_probe_fill(struct nfto_probe *probe, u32 limit, struct nfto_probe_fill *fill);

/* The port, or what the rules send to, goes. RTNL and the port's mutex are held. */
void nfto_probe_clear(struct nfto_port *port);

#endif
