/* SPDX-License-Identifier: GPL-2.0 */
/* Words of nft's language. */
#ifndef NFTO_CLI_CHECK_TOKEN_H
#define NFTO_CLI_CHECK_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum check_token_type {
	TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SEPARATOR, TOKEN_OTHER,
};

struct check_token {
	enum check_token_type type;
	const char *start;	/* of a string without its quotes */
	size_t length;
	const char *from, *to;	/* with them */
	size_t line;		/* from 0 */
};

struct check_reader {
	const char *at;
	size_t line;
};

struct check_token check_token_next(struct check_reader *reader);
bool check_token_is(const struct check_token *token, const char *word);

#endif
