/* SPDX-License-Identifier: GPL-2.0 */
/* As much of the kernel's basics as the pure code uses, for a compiler on the host. */
#ifndef NFTO_HOST_TYPES_H
#define NFTO_HOST_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __aligned(n) __attribute__((aligned(n)))
#ifndef __force
#define __force
#endif

#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define swap(a, b) do { __typeof__(a) swap_tmp = (a); (a) = (b); (b) = swap_tmp; } while (0)
#define round_down(x, y) ((x) & ~((__typeof__(x))(y) - 1))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define htons(x) ((__be16)__builtin_bswap16(x))
#define htonl(x) ((__be32)__builtin_bswap32(x))
#else
#define htons(x) ((__be16)(x))
#define htonl(x) ((__be32)(x))
#endif
#define ntohs(x) htons(x)
#define ntohl(x) htonl(x)

#endif
