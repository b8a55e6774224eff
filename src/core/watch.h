/* SPDX-License-Identifier: GPL-2.0 */
/* watch - what happens around a flow that makes its hardware entry wrong. */
#ifndef NFTO_WATCH_H
#define NFTO_WATCH_H

int nfto_watch_init(void);
void nfto_watch_exit(void);

#endif
