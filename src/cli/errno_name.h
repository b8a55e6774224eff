/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLI_ERRNO_NAME_H
#define CLI_ERRNO_NAME_H

/* "EOPNOTSUPP", or NULL. glibc has this from 2.32 on only. */
const char *cli_errno_name(unsigned int err);

#endif
