// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "check_findings.h"
#include "check_private.h"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text), wrote;

	if (fd < 0)
		return -1;
	wrote = write(fd, text, (size_t)length);
	close(fd);
	return wrote == length ? 0 : -1;
}

/* Whoever we are is root in there. */
static int map_ids(unsigned int uid, unsigned int gid)
{
	char map[40];

	/* Kernels and sandboxes without this file ask for nothing. */
	if (write_file("/proc/self/setgroups", "deny") && errno != ENOENT)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_file("/proc/self/uid_map", map))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_file("/proc/self/gid_map", map);
}

char *check_private_enter(void)
{
	unsigned int uid = geteuid(), gid = getegid();

	if (!uid && !unshare(CLONE_NEWNET))
		return NULL;
	if (!unshare(CLONE_NEWUSER | CLONE_NEWNET) && !map_ids(uid, gid))
		return NULL;
	return check_sentence("a file is checked in a network namespace of its own, which cannot be made: %s: run it as root, or allow user namespaces",
			      strerror(errno));
}

static int request_link(struct mnl_socket *socket, const char *name, const char *kind)
{
	char buffer[512] = { 0 }, answer[8192];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nlattr *info;
	ssize_t length;

	header->nlmsg_type = RTM_NEWLINK;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(header, IFLA_LINKINFO);
	mnl_attr_put_strz(header, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(header, info);
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	length = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (length < 0 || mnl_cb_run(answer, (size_t)length, 0, 0, NULL, NULL) < 0)
		return -errno;
	return 0;
}

int check_private_link(const char *name)
{
	/* Whatever the kernel has; nothing is ever sent by it. */
	static const char *const kinds[] = { "dummy", "ifb", "bridge", "veth", NULL };
	struct mnl_socket *socket;
	int err = -EOPNOTSUPP;
	unsigned int i;

	if (!name[0] || strlen(name) >= IFNAMSIZ || strpbrk(name, "/*% "))
		return -EINVAL;
	socket = mnl_socket_open(NETLINK_ROUTE);
	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		err = -errno;
	else
		for (i = 0; kinds[i] && err == -EOPNOTSUPP; i++)
			err = request_link(socket, name, kinds[i]);
	mnl_socket_close(socket);
	return err == -EEXIST ? 0 : err;
}
