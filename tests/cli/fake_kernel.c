// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for the kernel: the command is linked with --wrap for libmnl's sockets, and for what
 * reads the ruleset through libnftables, which has sockets of its own.
 *
 * The directory FAKE_KERNEL has what is answered, in a file per kind of request: TYPE-COMMAND, in
 * decimal digits, of records that are a length, a repeat count and a datagram each. A length with
 * the highest bit is an errno instead. In answers, the sequence number ~0 becomes the request's.
 * What was asked is appended to the file "requests". The ruleset is in the file "checked", in the
 * form of cli_check_live().
 */
#include <errno.h>
#include <jansson.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ERRNO_BIT 0x80000000u

struct record {
	uint32_t len;
	uint32_t repeat;
};

static FILE *answers;
static struct record current;
static char datagram[65536];
static uint32_t seq;
static int ready = -1;

struct mnl_socket *__wrap_mnl_socket_open(int bus);
int __wrap_mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf, socklen_t len);
int __wrap_mnl_socket_close(struct mnl_socket *nl);
int __wrap_mnl_socket_get_fd(const struct mnl_socket *nl);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size);

json_t *__wrap_cli_check_live(char **error);

static FILE *fake_open(const char *name, const char *mode)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", getenv("FAKE_KERNEL"), name);
	file = fopen(path, mode);
	return file;
}

/* Takes the next record, if the one at hand is used up. */
static int fake_next(void)
{
	if (current.repeat)
		return 1;
	if (!answers || fread(&current, sizeof(current), 1, answers) != 1)
		return 0;
	if (current.len & ERRNO_BIT)
		return 1;
	if (current.len > sizeof(datagram) ||
	    fread(datagram, 1, current.len, answers) != current.len) {
		fprintf(stderr, "fake kernel: a record is cut off\n");
		_exit(99);
	}
	return 1;
}

/* A reader that waits is to see that there is something. */
static void fake_signal(void)
{
	uint64_t one = 1, now;

	if (read(ready, &now, sizeof(now)) < 0 && errno != EAGAIN)
		_exit(99);
	if (fake_next() && write(ready, &one, sizeof(one)) < 0)
		_exit(99);
}

struct mnl_socket *__wrap_mnl_socket_open(int bus)
{
	FILE *refused = fake_open("no-socket", "r");

	(void)bus;
	if (refused) {
		fclose(refused);
		errno = EPROTONOSUPPORT;
		return NULL;
	}
	ready = eventfd(0, EFD_NONBLOCK);
	return malloc(1);
}

int __wrap_mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf, socklen_t len)
{
	(void)nl;
	(void)type;
	(void)buf;
	(void)len;
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *nl)
{
	if (answers)
		fclose(answers);
	answers = NULL;
	current.repeat = 0;
	close(ready);
	free(nl);
	return 0;
}

int __wrap_mnl_socket_get_fd(const struct mnl_socket *nl)
{
	(void)nl;
	return ready;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	FILE *requests = fake_open("requests", "a");
	uint32_t size = len;
	char name[32];

	(void)nl;
	if (!requests)
		_exit(99);
	fwrite(&size, sizeof(size), 1, requests);
	fwrite(buf, 1, len, requests);
	fclose(requests);
	snprintf(name, sizeof(name), "%u-%u", nlh->nlmsg_type, genl->cmd);
	if (answers)
		fclose(answers);
	answers = fake_open(name, "r");
	if (!answers) {
		fprintf(stderr, "fake kernel: %s was not expected\n", name);
		_exit(99);
	}
	current.repeat = 0;
	seq = nlh->nlmsg_seq;
	fake_signal();
	return len;
}

/* Messages may be damaged on purpose, and are not looked at behind the first damage. */
static void fake_number(char *at, size_t len)
{
	struct nlmsghdr *nlh = (void *)at;

	while (len >= sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) && nlh->nlmsg_len <= len) {
		if (nlh->nlmsg_seq == UINT32_MAX)
			nlh->nlmsg_seq = seq;
		if (MNL_ALIGN(nlh->nlmsg_len) >= len)
			return;
		len -= MNL_ALIGN(nlh->nlmsg_len);
		nlh = (void *)((char *)nlh + MNL_ALIGN(nlh->nlmsg_len));
	}
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	ssize_t ret = current.len;

	(void)nl;
	if (!fake_next()) {
		fprintf(stderr, "fake kernel: there is no answer left\n");
		_exit(99);
	}
	current.repeat--;
	ret = current.len;
	if (current.len & ERRNO_BIT) {
		errno = current.len & ~ERRNO_BIT;
		ret = -1;
	} else if (current.len > size) {
		errno = ENOSPC;
		ret = -1;
	} else {
		memcpy(buf, datagram, current.len);
		fake_number(buf, current.len);
	}
	fake_signal();
	return ret;
}

json_t *__wrap_cli_check_live(char **error)
{
	FILE *file = fake_open("checked", "r");
	json_t *checked = file ? json_loadf(file, 0, NULL) : NULL;

	if (file)
		fclose(file);
	if (!checked)
		*error = strdup("the ruleset cannot be read");
	return checked;
}
