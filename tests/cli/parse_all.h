/* SPDX-License-Identifier: GPL-2.0 */
/* For those who try the command with messages that nobody should send. */
#ifndef PARSE_ALL_H
#define PARSE_ALL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * All that the command does with a message, in memory of just its size, so that sanitizers see what
 * reads beyond. Does it have a value?
 */
bool parse_all(const void *data, size_t len);

#endif
