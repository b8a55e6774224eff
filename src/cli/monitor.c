// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <linux/nft_offload.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli.h"
#include "netlink.h"

/* Room for some ten thousand events while we do not get to run. */
#define CLI_ROOM (8 << 20)

static void cli_print_lost(const json_t *event)
{
	if (!json_object_get(event, "lost"))
		return;
	cli_print_coloured("lost", "lost");
	printf(" %" PRIu64 " events before the next one: there was no room for them\n",
	       cli_number(event, "lost"));
}

static void cli_print_event(const json_t *event)
{
	const json_t *flow = json_object_get(event, "flow");
	const char *word = cli_word(event, "event");

	cli_print_lost(event);
	printf("%s ", cli_text(event, "time"));
	if (flow) {
		cli_print_flow(flow, word);
		printf("\n");
		return;
	}
	if (*cli_text(event, "ifname"))
		printf("device %s  ", cli_text(event, "ifname"));
	else if (json_object_get(event, "ifindex"))
		printf("device %" PRIu64 "  ", cli_number(event, "ifindex"));
	cli_print_coloured(word, word);
	if (*cli_text(event, "reason"))
		printf(": %s", cli_text(event, "reason"));
	if (*cli_text(event, "reason_text"))
		printf(": %s", cli_text(event, "reason_text"));
	printf("\n");
}

static int cli_show_event(json_t *event)
{
	if (cli_json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		cli_print_event(event);
	}
	return cli_finish(0);
}

static int cli_take_event(const struct nlmsghdr *nlh, void *data)
{
	const struct cli_netlink *nl = data;
	json_t *event;
	int ret;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		if (cli_parse_command(nlh) == CTRL_CMD_DELFAMILY &&
		    cli_parse_family(nlh, NFTO_FAMILY_NAME))
			return cli_error(CLI_ERROR, "the module nft_offload was unloaded");
		return 0;
	}
	if (nlh->nlmsg_type != nl->family || cli_parse_command(nlh) != NFTO_CMD_EVENT_NTF)
		return 0;
	event = cli_parse_message(nlh);
	ret = cli_show_event(event);
	json_decref(event);
	return ret;
}

/* The kernel had no room for events; it does not say for how many. */
static int cli_show_overrun(void)
{
	json_t *event;
	int ret;

	if (!cli_json) {
		cli_warn("events were lost: there was no room for them (a filter makes them fewer)");
		return 0;
	}
	event = json_object();
	json_object_set_new(event, "event", json_string("lost"));
	ret = cli_show_event(event);
	json_decref(event);
	return ret;
}

static void cli_make_room(struct cli_netlink *nl)
{
	int fd = mnl_socket_get_fd(nl->socket), room = CLI_ROOM;

	/* the second way needs no right, and has a limit */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

static int cli_subscribe(struct cli_netlink *nl, const struct cli_args *args)
{
	struct nlmsghdr *nlh = cli_request(nl, NFTO_CMD_SUBSCRIBE, NLM_F_ACK);
	int group = GENL_ID_CTRL;	/* says when families go; its number is fixed */
	int ret = cli_put_filter(nlh, args);

	if (ret)
		return ret;
	cli_make_room(nl);
	mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	ret = cli_exchange(nl, nlh, cli_take_event, nl);
	return cli_explain(nl, ret, NULL);
}

static int cli_watch_events(struct cli_netlink *nl, int signals)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(nl->socket), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	bool done = false;
	int ret;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return cli_error(CLI_ERROR, "cannot wait for events: %s", strerror(errno));
		if (fds[1].revents)
			return 0;
		if (!fds[0].revents)
			continue;
		ret = cli_receive(nl, cli_take_event, nl, &done);
		if (ret == -ENOBUFS)
			ret = cli_show_overrun();
		if (ret)
			return cli_explain(nl, ret, NULL);
	}
}

int cli_monitor(const struct cli_args *args)
{
	alignas(8) char buffer[CLI_REQUEST_SIZE];
	struct cli_netlink *nl;
	sigset_t signals;
	int ret, fd;

	ret = cli_put_filter(mnl_nlmsg_put_header(buffer), args);
	if (!ret)
		ret = cli_netlink_open(&nl);
	if (ret)
		return ret;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	cli_watching = true;
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fd < 0)
		ret = cli_error(CLI_ERROR, "cannot wait for signals: %s", strerror(errno));
	if (!ret)
		ret = cli_subscribe(nl, args);
	if (!ret)
		ret = cli_watch_events(nl, fd);
	if (fd >= 0)
		close(fd);
	cli_netlink_close(nl);
	return ret;
}
