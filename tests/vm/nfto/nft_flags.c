// SPDX-License-Identifier: GPL-2.0
/*
 * Before 0.9.9 nft has no words for the flags of a flowtable. Preloaded into nft, this sets the
 * flags of those flowtables that NFTO_FLOWTABLE_FLAGS names ("f=3,g=1") in the message to the
 * kernel. That has them, as zero: nft's internals are older than its words for them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nftnl_flowtable;

void nftnl_flowtable_nlmsg_build_payload(struct nlmsghdr *nlh,
					 const struct nftnl_flowtable *flowtable);

static void *find(struct nlmsghdr *nlh, int type)
{
	char *at = (char *)nlh + NLMSG_SPACE(sizeof(struct nfgenmsg));
	char *end = (char *)nlh + nlh->nlmsg_len;
	struct nlattr *attr;

	for (; at < end; at += NLA_ALIGN(attr->nla_len)) {
		attr = (struct nlattr *)at;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return at + NLA_HDRLEN;
	}
	fprintf(stderr, "nft_flags: nft's message lacks attribute %d\n", type);
	exit(1);
}

static uint32_t wanted(const char *name)
{
	const char *at = getenv("NFTO_FLOWTABLE_FLAGS");
	size_t len = strlen(name);

	for (; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && at[len] == '=')
			return strtoul(at + len + 1, NULL, 0);
	}
	return 0;
}

void nftnl_flowtable_nlmsg_build_payload(struct nlmsghdr *nlh,
					 const struct nftnl_flowtable *flowtable)
{
	void (*build)(struct nlmsghdr *nlh, const struct nftnl_flowtable *flowtable) =
		dlsym(RTLD_NEXT, "nftnl_flowtable_nlmsg_build_payload");
	uint32_t flags;

	build(nlh, flowtable);
	if ((nlh->nlmsg_type & 0xff) != NFT_MSG_NEWFLOWTABLE)
		return;
	flags = htonl(wanted(find(nlh, NFTA_FLOWTABLE_NAME)));
	if (flags)
		memcpy(find(nlh, NFTA_FLOWTABLE_FLAGS), &flags, sizeof(flags));
}
