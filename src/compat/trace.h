/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracing. __assign_str() lost its second argument in 6.10 (2c92ca849fcc): the value is the one that
 * __string() was given.
 */
#ifndef NFTO_COMPAT_TRACE_H
#define NFTO_COMPAT_TRACE_H

#define nfto_assign_str(field, value) __assign_str(field, value)

#endif
