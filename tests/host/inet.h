/* SPDX-License-Identifier: GPL-2.0 */
/* Of the C library's <arpa/inet.h> what does not clash with the kernel's headers. */
#ifndef NFTO_HOST_INET_H
#define NFTO_HOST_INET_H

#include <sys/socket.h>

int inet_pton(int family, const char *text, void *to);
const char *inet_ntop(int family, const void *from, char *text, socklen_t size);

#define INET_TEXT 46

#endif
