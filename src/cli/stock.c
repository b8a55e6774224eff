// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <libnftnl/flowtable.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include "cli.h"
#include "netlink.h"

#define CLI_FLAG_OFFLOAD 1	/* NFT_FLOWTABLE_HW_OFFLOAD */
#define CLI_DUMP_TRIES 5

struct cli_flowtables {
	json_t *stock;
	json_t *waiting;
};

static json_t *cli_ruleset_text(const struct nftnl_flowtable *flowtable, uint16_t attr)
{
	const char *text = nftnl_flowtable_get_str(flowtable, attr);

	return text ? cli_parse_string(text, strlen(text)) : json_string("");
}

static bool cli_any_named(const char *prefix, size_t length)
{
	struct if_nameindex *all = if_nameindex(), *one = all;
	bool found;

	while (one && one->if_name && strncmp(one->if_name, prefix, length))
		one++;
	found = one && one->if_name;
	if (all)
		if_freenameindex(all);
	return found;
}

/* "eth*" are all whose names begin so. */
static bool cli_is_there(const char *name)
{
	size_t length = strlen(name);

	if (length && name[length - 1] == '*')
		return cli_any_named(name, length - 1);
	return if_nametoindex(name);
}

static bool cli_has_device(const struct nftnl_flowtable *flowtable)
{
	const char *const *name = nftnl_flowtable_get(flowtable, NFTNL_FLOWTABLE_DEVICES);

	while (name && *name && !cli_is_there(*name))
		name++;
	return name && *name;
}

/* One message with a flowtable of the ruleset. */
static int cli_take_flowtable(const struct nlmsghdr *nlh, void *data)
{
	const struct cli_flowtables *lists = data;
	struct nftnl_flowtable *flowtable;
	json_t *entry;

	/* the library does not look whether its header is there */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return 0;
	flowtable = nftnl_flowtable_alloc();
	if (!flowtable)
		return -ENOMEM;
	if (nftnl_flowtable_nlmsg_parse(nlh, flowtable) < 0 ||
	    !nftnl_flowtable_is_set(flowtable, NFTNL_FLOWTABLE_FLAGS) ||
	    !(nftnl_flowtable_get_u32(flowtable, NFTNL_FLOWTABLE_FLAGS) & CLI_FLAG_OFFLOAD))
		goto out;
	entry = json_object();
	json_object_set_new(entry, "family",
			    cli_parse_nfproto(nftnl_flowtable_get_u32(flowtable,
								      NFTNL_FLOWTABLE_FAMILY)));
	json_object_set_new(entry, "table", cli_ruleset_text(flowtable, NFTNL_FLOWTABLE_TABLE));
	json_object_set_new(entry, "name", cli_ruleset_text(flowtable, NFTNL_FLOWTABLE_NAME));
	json_array_append_new(cli_has_device(flowtable) ? lists->stock : lists->waiting, entry);
out:
	nftnl_flowtable_free(flowtable);
	return 0;
}

static bool cli_same_flowtable(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "family"), json_object_get(b, "family")) &&
		!strcmp(cli_text(a, "table"), cli_text(b, "table")) &&
		!strcmp(cli_text(a, "name"), cli_text(b, "name"));
}

static void cli_leave_out(json_t *list, const json_t *ours)
{
	size_t i, j = 0;
	json_t *flowtable;

	while (j < json_array_size(list)) {
		json_array_foreach((json_t *)ours, i, flowtable)
			if (cli_same_flowtable(flowtable, json_array_get(list, j)))
				break;
		if (i < json_array_size(ours))
			json_array_remove(list, j);
		else
			j++;
	}
}

static int cli_dump_ruleset(struct cli_netlink *nl, struct cli_flowtables *lists)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;
	int ret, tries = 0;

	do {
		json_array_clear(lists->stock);
		json_array_clear(lists->waiting);
		nlh = mnl_nlmsg_put_header(nl->request);
		nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETFLOWTABLE;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
		nfg->version = NFNETLINK_V0;
		ret = cli_exchange(nl, nlh, cli_take_flowtable, lists);
	} while ((ret == -EINTR || (!ret && nl->interrupted)) && ++tries < CLI_DUMP_TRIES);
	return ret;
}

/* The kernel has no nf_tables, not even as a module: then there is no ruleset. */
static bool cli_is_no_nftables(int err)
{
	return err == -EPROTONOSUPPORT || err == -EINVAL || err == -EOPNOTSUPP;
}

int cli_other_flowtables(const json_t *ours, json_t **stock, json_t **waiting)
{
	struct cli_flowtables lists = { .stock = json_array(), .waiting = json_array() };
	struct cli_netlink *nl = cli_netlink_new(NETLINK_NETFILTER);
	int ret = nl ? cli_dump_ruleset(nl, &lists) : -errno;

	cli_netlink_close(nl);
	*stock = NULL;
	*waiting = NULL;
	if (ret && !cli_is_no_nftables(ret)) {
		cli_warn("flowtables that were made before nft_offload was loaded are not shown, as the ruleset cannot be read: %s",
			 strerror(ret < 0 ? -ret : EIO));
		json_decref(lists.stock);
		json_decref(lists.waiting);
		return 0;
	}
	cli_leave_out(lists.stock, ours);
	cli_leave_out(lists.waiting, ours);
	*stock = lists.stock;
	*waiting = lists.waiting;
	return 0;
}
