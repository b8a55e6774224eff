// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/flowtable.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "check.h"
#include "check_findings.h"
#include "check_nft.h"

#define DUMP_TRIES 5

static const char *family_name(uint32_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return "";
	}
}

static int read_flowtable(const struct nlmsghdr *header, void *list)
{
	struct nftnl_flowtable *ft = nftnl_flowtable_alloc();
	const char *table, *name;
	json_t *object;

	if (!ft)
		return MNL_CB_ERROR;
	if (!nftnl_flowtable_nlmsg_parse(header, ft)) {
		table = nftnl_flowtable_get_str(ft, NFTNL_FLOWTABLE_TABLE);
		name = nftnl_flowtable_get_str(ft, NFTNL_FLOWTABLE_NAME);
		object = json_pack("{s:s, s:s, s:s, s:i}", "family",
				   family_name(nftnl_flowtable_get_u32(ft, NFTNL_FLOWTABLE_FAMILY)),
				   "table", table ? table : "", "name", name ? name : "", "flags",
				   (int)nftnl_flowtable_get_u32(ft, NFTNL_FLOWTABLE_FLAGS));
		json_array_append_new(list, object);
	}
	nftnl_flowtable_free(ft);
	return MNL_CB_OK;
}

static int read_info(const struct nlattr *attr, void *kind)
{
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		*(const char **)kind = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int read_link(const struct nlmsghdr *header, void *list)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	const char *name = "", *kind = "";
	json_int_t link = 0, master = 0;
	bool elsewhere = false;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, header, sizeof(*info)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			name = mnl_attr_get_str(attr);
			break;
		case IFLA_LINK:
			link = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_MASTER:
			master = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			mnl_attr_parse_nested(attr, read_info, &kind);
			break;
		}
	}
	json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:I, s:I}", "name", name, "index",
					      (json_int_t)info->ifi_index, "kind", kind, "link",
					      elsewhere ? (json_int_t)0 : link, "master", master));
	return MNL_CB_OK;
}

static int dump_once(int bus, char *buffer, mnl_cb_t read, json_t *list)
{
	struct nlmsghdr *request = (struct nlmsghdr *)buffer;
	struct mnl_socket *socket = mnl_socket_open(bus);
	static char answer[65536];
	unsigned int port;
	ssize_t length;
	int err = -1;

	if (!socket)
		return -errno;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		goto out;
	port = mnl_socket_get_portid(socket);
	do {
		err = -1;
		length = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (length < 0)
			goto out;
		err = mnl_cb_run(answer, (size_t)length, request->nlmsg_seq, port, read, list);
	} while (err > 0);
out:
	err = err < 0 ? -errno : 0;
	mnl_socket_close(socket);
	return err;
}

/*
 * Sends the dump request in @buffer, and gives each answer to @read: again, for an empty list, if
 * something changed meanwhile. 0, or a negative errno.
 */
static int dump(int bus, char *buffer, mnl_cb_t read, json_t *list)
{
	int err, tries = 0;

	do {
		json_array_clear(list);
		err = dump_once(bus, buffer, read, list);
	} while (err == -EINTR && ++tries < DUMP_TRIES);
	return err;
}

static int dump_flowtables(json_t *list)
{
	char buffer[256];

	nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETFLOWTABLE, NFPROTO_UNSPEC, 0, 0);
	return dump(NETLINK_NETFILTER, buffer, read_flowtable, list);
}

static int dump_links(json_t *list)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	header->nlmsg_type = RTM_GETLINK;
	info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	return dump(NETLINK_ROUTE, buffer, read_link, list);
}

json_t *cli_check_live(char **error)
{
	json_t *ruleset, *lines = NULL, *flowtables, *links;
	struct nft_ctx *nft = check_nft_open(error);
	const char *what = "flowtables";
	int err;

	if (!nft)
		return NULL;
	ruleset = check_nft_list(nft, &lines, error);
	nft_ctx_free(nft);
	if (!ruleset)
		return NULL;
	flowtables = json_array();
	links = json_array();
	err = dump_flowtables(flowtables);
	if (!err) {
		what = "devices";
		err = dump_links(links);
	}
	if (err) {
		*error = check_sentence("the %s cannot be read: %s", what, strerror(-err));
		json_decref(ruleset);
		json_decref(flowtables);
		json_decref(lines);
		json_decref(links);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "ruleset", ruleset, "flowtables", flowtables,
			 "lines", lines, "links", links);
}
