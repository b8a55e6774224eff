// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include "cli.h"
#include "errno_name.h"

#define NAME(err) { E##err, "E" #err }

/* Those that network drivers return; the numbers differ between architectures. */
static const struct {
	unsigned int err;
	const char *name;
} names[] = {
	NAME(PERM), NAME(NOENT), NAME(INTR), NAME(IO), NAME(NXIO), NAME(2BIG), NAME(AGAIN),
	NAME(NOMEM), NAME(ACCES), NAME(FAULT), NAME(BUSY), NAME(EXIST), NAME(XDEV),
	NAME(NODEV), NAME(INVAL), NAME(NFILE), NAME(FBIG), NAME(NOSPC), NAME(RANGE),
	NAME(DOM), NAME(DEADLK), NAME(NOSYS), NAME(LOOP), NAME(NODATA), NAME(TIME),
	NAME(NOLINK), NAME(PROTO), NAME(BADMSG), NAME(OVERFLOW), NAME(USERS), NAME(MSGSIZE),
	NAME(PROTONOSUPPORT), NAME(OPNOTSUPP), NAME(PFNOSUPPORT), NAME(AFNOSUPPORT),
	NAME(ADDRINUSE), NAME(ADDRNOTAVAIL), NAME(NETDOWN), NAME(NETUNREACH), NAME(NOBUFS),
	NAME(ISCONN), NAME(NOTCONN), NAME(SHUTDOWN), NAME(TIMEDOUT), NAME(CONNREFUSED),
	NAME(HOSTDOWN), NAME(HOSTUNREACH), NAME(ALREADY), NAME(INPROGRESS), NAME(STALE),
	NAME(REMOTEIO), NAME(DQUOT), NAME(CANCELED),
	/* the kernel's own */
	{ 512, "ERESTARTSYS" }, { 517, "EPROBE_DEFER" }, { 524, "ENOTSUPP" },
};

const char *cli_errno_name(unsigned int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].err == err)
			return names[i].name;
	return NULL;
}
