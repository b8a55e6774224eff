// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nft_offload.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"
#include "netlink.h"

#define CLI_DUMP_TRIES 5

struct cli_netlink *cli_netlink_new(int bus)
{
	struct cli_netlink *nl = calloc(1, sizeof(*nl));
	int one = 1;

	if (!nl)
		return NULL;
	nl->socket = mnl_socket_open(bus);
	if (!nl->socket)
		goto err_free;
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		goto err_close;
	/* without these the kernel gives no reasons, but answers */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &one, sizeof(one));
	nl->seq = time(NULL);
	return nl;

err_close:
	mnl_socket_close(nl->socket);
err_free:
	free(nl);
	return NULL;
}

void cli_netlink_close(struct cli_netlink *nl)
{
	if (!nl)
		return;
	mnl_socket_close(nl->socket);
	free(nl);
}

/* An answer to a request, or an event, which answers none. */
static bool cli_is_ours(const struct cli_netlink *nl, const struct nlmsghdr *nlh)
{
	if (nl->family && nlh->nlmsg_type == nl->family &&
	    cli_parse_command(nlh) == NFTO_CMD_EVENT_NTF)
		return true;
	if (nlh->nlmsg_type == GENL_ID_CTRL && nl->family)
		return true;
	return nlh->nlmsg_seq == nl->seq;
}

static int cli_receive_one(struct cli_netlink *nl, const struct nlmsghdr *nlh, cli_message_fn fn,
			   void *data, bool *done)
{
	if (!cli_is_ours(nl, nlh))
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_ERROR:
	case NLMSG_DONE:
		cli_parse_verdict(nlh, &nl->verdict);
		*done = true;
		return nl->verdict.err;
	default:
		return fn && nlh->nlmsg_type >= NLMSG_MIN_TYPE ? fn(nlh, data) : 0;
	}
}

int cli_receive(struct cli_netlink *nl, cli_message_fn fn, void *data, bool *done)
{
	const struct nlmsghdr *nlh = (const void *)nl->buffer;
	ssize_t got;
	size_t len, step;
	int ret;

	do
		got = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	for (len = got; cli_message_ok(nlh, len); len -= step) {
		ret = cli_receive_one(nl, nlh, fn, data, done);
		if (ret)
			return ret;
		step = MNL_ALIGN((size_t)nlh->nlmsg_len);
		if (step >= len)
			break;
		nlh = (const void *)((const char *)nlh + step);
	}
	return 0;
}

int cli_exchange(struct cli_netlink *nl, struct nlmsghdr *nlh, cli_message_fn fn, void *data)
{
	bool done = false;
	int ret = 0;

	nlh->nlmsg_seq = ++nl->seq;
	nl->interrupted = false;
	memset(&nl->verdict, 0, sizeof(nl->verdict));
	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (!ret && !done)
		ret = cli_receive(nl, fn, data, &done);
	return ret;
}

struct nlmsghdr *cli_request(struct cli_netlink *nl, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = nl->family ? nl->family : GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = nl->family ? NFTO_FAMILY_VERSION : 1;
	return nlh;
}

static int cli_found_family(const struct nlmsghdr *nlh, void *data)
{
	uint16_t *id = data;

	*id = cli_parse_family(nlh, NFTO_FAMILY_NAME);
	return 0;
}

struct cli_netlink *cli_netlink_try(int *err)
{
	struct cli_netlink *nl = cli_netlink_new(NETLINK_GENERIC);
	struct nlmsghdr *nlh;
	uint16_t id = 0;

	if (!nl) {
		*err = -errno;
		return NULL;
	}
	nlh = cli_request(nl, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NFTO_FAMILY_NAME);
	*err = cli_exchange(nl, nlh, cli_found_family, &id);
	if (!*err && id < NLMSG_MIN_TYPE)
		*err = -ENOENT;
	if (*err) {
		cli_netlink_close(nl);
		return NULL;
	}
	nl->family = id;
	return nl;
}

int cli_netlink_refused(int err)
{
	if (err == -ENOENT)
		return cli_error(CLI_ERROR, "the module nft_offload is not loaded (modprobe nft_offload)");
	return cli_error(CLI_ERROR, "the kernel cannot be asked about the module nft_offload through generic netlink: %s", strerror(-err));
}

int cli_netlink_open(struct cli_netlink **nl)
{
	int err;

	*nl = cli_netlink_try(&err);
	return *nl ? 0 : cli_netlink_refused(err);
}

static const char *cli_sentence(int err)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		return "this needs CAP_NET_ADMIN (run it as root)";
	case ENODEV:
		return "there is no such device in this network namespace";
	case EOPNOTSUPP:
		return "the module that is loaded does not know this request: load the version that belongs to this command (nft-offload version shows both)";
	case ENOSPC:
	case EBADMSG:
		return "the kernel's answer is damaged";
	default:
		return strerror(-err);
	}
}

int cli_explain(const struct cli_netlink *nl, int err, const char *what)
{
	if (err >= 0)
		return err;
	return cli_error(CLI_ERROR, "%s%s%s", what ? what : "", what ? ": " : "",
			 nl->verdict.text[0] ? nl->verdict.text : cli_sentence(err));
}

static int cli_take_answer(const struct nlmsghdr *nlh, void *data)
{
	json_t **answer = data;

	json_decref(*answer);
	*answer = cli_parse_message(nlh);
	return 0;
}

int cli_ask(struct cli_netlink *nl, struct nlmsghdr *nlh, const char *what, json_t **answer)
{
	int ret;

	*answer = NULL;
	ret = cli_explain(nl, cli_exchange(nl, nlh, cli_take_answer, answer), what);
	if (!ret && !*answer)
		ret = cli_error(CLI_ERROR, "%s%sthe kernel gave no answer", what ? what : "",
				what ? ": " : "");
	if (ret) {
		json_decref(*answer);
		*answer = NULL;
	}
	return ret;
}

struct cli_collector {
	const char *key;
	json_t *array;
};

static int cli_take_element(const struct nlmsghdr *nlh, void *data)
{
	struct cli_collector *collector = data;
	json_t *message = cli_parse_message(nlh);

	if (collector->key)
		json_array_append(collector->array, json_object_get(message, collector->key));
	else
		json_array_append(collector->array, message);
	json_decref(message);
	return 0;
}

int cli_collect(struct cli_netlink *nl, uint8_t command, const char *key, json_t **array)
{
	struct cli_collector collector = { .key = key, .array = json_array() };
	int ret, tries = 0;

	do {
		json_array_clear(collector.array);
		ret = cli_exchange(nl, cli_request(nl, command, NLM_F_DUMP), cli_take_element,
				   &collector);
	} while (!ret && nl->interrupted && ++tries < CLI_DUMP_TRIES);
	ret = cli_explain(nl, ret, NULL);
	if (ret) {
		json_decref(collector.array);
		return ret;
	}
	if (nl->interrupted)
		cli_warn("devices or flowtables changed while they were listed: some may be missing");
	*array = collector.array;
	return 0;
}
