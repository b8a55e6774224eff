// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "check_token.h"

#define SPACE " \t\r"
#define NO_WORD SPACE "\n{};,=()\"#\\"

/* White space, comments and lines that go on in the next one. */
static void skip_space(struct check_reader *reader)
{
	for (;;) {
		reader->at += strspn(reader->at, SPACE);
		if (*reader->at == '#') {
			reader->at += strcspn(reader->at, "\n");
		} else if (reader->at[0] == '\\' && reader->at[1] == '\n') {
			reader->at += 2;
			reader->line++;
		} else {
			return;
		}
	}
}

static void read_string(struct check_reader *reader, struct check_token *token)
{
	token->type = TOKEN_STRING;
	token->start++;
	token->length = strcspn(token->start, "\"");
	for (reader->at = token->start; reader->at < token->start + token->length; reader->at++)
		if (*reader->at == '\n')
			reader->line++;
	if (*reader->at)
		reader->at++;
}

struct check_token check_token_next(struct check_reader *reader)
{
	struct check_token token = { .type = TOKEN_OTHER, .length = 1 };

	skip_space(reader);
	token.line = reader->line;
	token.start = reader->at;
	token.from = reader->at;
	switch (*reader->at) {
	case '\0':
		token.type = TOKEN_END;
		token.length = 0;
		break;
	case '"':
		read_string(reader, &token);
		break;
	case '\n':
		reader->line++;
		/* fall through */
	case ';':
		token.type = TOKEN_SEPARATOR;
		reader->at++;
		break;
	case '{':
		token.type = TOKEN_OPEN;
		reader->at++;
		break;
	case '}':
		token.type = TOKEN_CLOSE;
		reader->at++;
		break;
	default:
		token.length = strcspn(reader->at, NO_WORD);
		if (token.length)
			token.type = TOKEN_WORD;
		else
			token.length = 1;
		reader->at += token.length;
	}
	token.to = reader->at;
	return token;
}

bool check_token_is(const struct check_token *token, const char *word)
{
	return token->type == TOKEN_WORD && strlen(word) == token->length &&
	       !memcmp(token->start, word, token->length);
}
