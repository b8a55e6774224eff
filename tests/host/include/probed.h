/* SPDX-License-Identifier: GPL-2.0 */
/* The host stands for the newest kernel. */
#define NFTO_HAVE_PPPOE_PUSH 1
#define NFTO_HAVE_CLS_SKIP_SW 1
