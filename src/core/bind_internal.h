/* SPDX-License-Identifier: GPL-2.0 */
/* What bind.c has for the flowtable types of bind_type.c. */
#ifndef NFTO_BIND_INTERNAL_H
#define NFTO_BIND_INTERNAL_H

#include <net/flow_offload.h>

struct net_device;
struct nf_flowtable;

/* The types' setup() and free(); when they run and under which locks, see bind.h. */
int nfto_bind_setup(struct nf_flowtable *ft, struct net_device *dev, enum flow_block_command cmd);
void nfto_bind_free(struct nf_flowtable *ft);

/* Complains if there is a flowtable of ours yet. The types are unregistered. */
void nfto_bind_check_end(void);

#endif
