// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include "errno_name.h"

#define NAME(err) { err, #err }

/* Those that network drivers return; the numbers differ between architectures. */
static const struct {
	unsigned int err;
	const char *name;
} names[] = {
	NAME(EPERM), NAME(ENOENT), NAME(EINTR), NAME(EIO), NAME(ENXIO), NAME(E2BIG), NAME(EAGAIN),
	NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV),
	NAME(ENODEV), NAME(EINVAL), NAME(ENFILE), NAME(EFBIG), NAME(ENOSPC), NAME(ERANGE),
	NAME(EDOM), NAME(EDEADLK), NAME(ENOSYS), NAME(ELOOP), NAME(ENODATA), NAME(ETIME),
	NAME(ENOLINK), NAME(EPROTO), NAME(EBADMSG), NAME(EOVERFLOW), NAME(EUSERS), NAME(EMSGSIZE),
	NAME(EPROTONOSUPPORT), NAME(EOPNOTSUPP), NAME(EPFNOSUPPORT), NAME(EAFNOSUPPORT),
	NAME(EADDRINUSE), NAME(EADDRNOTAVAIL), NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENOBUFS),
	NAME(EISCONN), NAME(ENOTCONN), NAME(ESHUTDOWN), NAME(ETIMEDOUT), NAME(ECONNREFUSED),
	NAME(EHOSTDOWN), NAME(EHOSTUNREACH), NAME(EALREADY), NAME(EINPROGRESS), NAME(ESTALE),
	NAME(EREMOTEIO), NAME(EDQUOT), NAME(ECANCELED),
	/* the kernel's own */
	{ 512, "ERESTARTSYS" }, { 517, "EPROBE_DEFER" }, { 524, "ENOTSUPP" },
};

const char *cli_errno_name(unsigned int err)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].err == err)
			return names[i].name;
	return NULL;
}
