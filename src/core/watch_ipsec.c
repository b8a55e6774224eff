// SPDX-License-Identifier: GPL-2.0
#include <net/xfrm.h>
#include "watch.h"

#if IS_ENABLED(CONFIG_XFRM)

/*
 * A policy came or changed: what it wants encrypted must not go on in clear. The address behind NAT
 * is the one that policies are looked up by; the rest of the selector is not looked at. What ends
 * without need comes back. Any context.
 */
static int nfto_ipsec_policy(struct xfrm_policy *policy, int dir, const struct km_event *event)
{
	const struct xfrm_selector *sel;
	struct nfto_change change;

	if (!policy || (event->event != XFRM_MSG_NEWPOLICY && event->event != XFRM_MSG_UPDPOLICY))
		return 0;
	sel = &policy->selector;
	memset(&change, 0, sizeof(change));
	change.net = xp_net(policy);	/* the event does not always say */
	change.reason = NFTO_REASON_IPSEC;
	if (sel->family == AF_INET || sel->family == AF_INET6) {
		change.kind = NFTO_CHANGE_PREFIX;
		change.family = sel->family;
		change.len = sel->prefixlen_d;
		memcpy(change.addr, &sel->daddr, sel->family == AF_INET ? 4 : 16);
	} else {
		change.kind = NFTO_CHANGE_ALL;
	}
	nfto_watch_tell(&change);
	return 0;
}

/* We only listen: no key is ours to negotiate, ... */
static int nfto_ipsec_acquire(struct xfrm_state *state, struct xfrm_tmpl *tmpl,
			      struct xfrm_policy *policy)
{
	return -EINVAL;
}

/* ... no socket's policy ours to read. Both are asked of every key manager. */
static struct xfrm_policy *nfto_ipsec_compile(struct sock *sk, int opt, u8 *data, int len, int *dir)
{
	return NULL;	/* *dir is an error as it comes, or that of another key manager */
}

static struct xfrm_mgr nfto_ipsec_mgr = {
	.acquire	= nfto_ipsec_acquire,
	.compile_policy	= nfto_ipsec_compile,
	.notify_policy	= nfto_ipsec_policy,
};

void nfto_watch_ipsec_init(void)
{
	xfrm_register_km(&nfto_ipsec_mgr);
}

void nfto_watch_ipsec_exit(void)
{
	xfrm_unregister_km(&nfto_ipsec_mgr);
}

#else

void nfto_watch_ipsec_init(void)
{
}

void nfto_watch_ipsec_exit(void)
{
}

#endif
