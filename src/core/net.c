// SPDX-License-Identifier: GPL-2.0
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "net.h"

static unsigned int nfto_net_id __read_mostly;

struct nfto_net *nfto_net_of(const struct net *net)
{
	return net_generic(net, nfto_net_id);
}

bool nfto_net_is_users(const struct net *net)
{
	return net->user_ns != &init_user_ns;
}

static int __net_init nfto_net_begin(struct net *net)
{
	struct nfto_net *state = nfto_net_of(net);

	state->net = net;
	INIT_LIST_HEAD(&state->tables);
	xa_init(&state->flows);
	return 0;
}

static struct pernet_operations nfto_net_ops = {
	.init = nfto_net_begin,
	.id = &nfto_net_id,
	.size = sizeof(struct nfto_net),
};

int nfto_net_init(void)
{
	return register_pernet_subsys(&nfto_net_ops);
}

void nfto_net_exit(void)
{
	unregister_pernet_subsys(&nfto_net_ops);
}
