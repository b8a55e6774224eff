/* SPDX-License-Identifier: GPL-2.0 */
/* What bind.c has for the flowtable types of bind_type.c. */
#ifndef NFTO_BIND_INTERNAL_H
#define NFTO_BIND_INTERNAL_H

#include <net/flow_offload.h>

struct flow_offload;
struct net_device;
struct nf_flowtable;
struct nfto_net;

/* The types' setup() and free(); when they run and under which locks, see bind.h. */
int nfto_bind_setup(struct nf_flowtable *ft, struct net_device *dev, enum flow_block_command cmd);
void nfto_bind_free(struct nf_flowtable *ft);

/*
 * Is a native driver being let go of, by the flowtable that @core is in? Then no rule is to be
 * built for it; nor if it is in none, for then it has ended. action()'s context.
 */
bool nfto_bind_closes(struct nfto_net *net, struct flow_offload *core, u8 dir);

/* Complains if there is a flowtable of ours yet. The types are unregistered. */
void nfto_bind_check_end(void);

#endif
