// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

#define CLI_SECONDS_MAX 86400

bool cli_json;
bool cli_watching;

/* What cli_stream_begin() began: how many elements there are, or -1. */
static long cli_streamed = -1;

static bool cli_on_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

/* While watching, a tree is one line, so that whoever reads knows where it ends. */
static size_t cli_json_flags(void)
{
	return cli_watching ? JSON_COMPACT : JSON_INDENT(2);
}

void cli_print_json(json_t *tree)
{
	json_dumpf(tree, stdout, cli_json_flags());
	putchar('\n');
	json_decref(tree);
}

void cli_stream_begin(const char *key)
{
	cli_streamed = 0;
	printf("{\"%s\":[", key);
}

void cli_stream_element(json_t *element)
{
	if (cli_streamed++)
		putchar(',');
	if (!cli_watching)
		putchar('\n');
	json_dumpf(element, stdout, JSON_COMPACT);
}

static void cli_stream_finish(bool complete, json_t *error)
{
	printf("%s],\"complete\":%s", cli_watching ? "" : "\n", complete ? "true" : "false");
	if (error) {
		printf(",\"error\":");
		json_dumpf(error, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	}
	printf("}\n");
	cli_streamed = -1;
}

void cli_stream_end(bool complete)
{
	cli_stream_finish(complete, NULL);
}

int cli_error(enum cli_status status, const char *format, ...)
{
	char text[1024];
	json_t *string, *tree;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!cli_json) {
		fflush(stdout);
		fprintf(stderr, "nft-offload: %s\n", text);
		return status;
	}
	string = json_string(text);
	if (!string)	/* words of the command line may be anything */
		string = json_string("a word of the command line is not UTF-8");
	if (cli_streamed >= 0) {
		cli_stream_finish(false, string);
		json_decref(string);
		return status;
	}
	tree = json_object();
	json_object_set_new(tree, "error", string);
	cli_print_json(tree);
	return status;
}

void cli_warn(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("nft-offload: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static const struct {
	const char *word;
	const char *escape;
} cli_colours[] = {
	{ "hardware", "\033[32m" }, { "bridged", "\033[32m" }, { "native", "\033[32m" },
	{ "bound", "\033[32m" }, { "refused", "\033[33m" }, { "software", "\033[33m" },
	{ "unbound", "\033[33m" }, { "failed", "\033[31m" }, { "table-full", "\033[31m" },
	{ "lost", "\033[31m" },
};

void cli_print_coloured(const char *text, const char *word)
{
	const char *term = getenv("TERM");
	const char *escape = NULL;
	size_t i;

	if (cli_on_terminal() && !getenv("NO_COLOR") && term && strcmp(term, "dumb"))
		for (i = 0; i < ARRAY_SIZE(cli_colours); i++)
			if (!strcmp(cli_colours[i].word, word))
				escape = cli_colours[i].escape;
	printf("%s%s%s", escape ? escape : "", text, escape ? "\033[0m" : "");
}

unsigned int cli_watch_lines(void)
{
	struct winsize size;

	if (!cli_watching || !cli_on_terminal() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	/* two are for "and N more" and the cursor */
	return size.ws_row > 3 ? size.ws_row - 2 : 1;
}

static int cli_interval(const char *text, struct timespec *interval)
{
	char *end;
	double seconds;

	if (!*text)
		text = "2";
	seconds = strtod(text, &end);
	if (*end || !(seconds >= 0.1 && seconds <= CLI_SECONDS_MAX))
		return cli_error(CLI_USAGE, "--watch: %s: give seconds, from 0.1 to %d", text,
				 CLI_SECONDS_MAX);
	interval->tv_sec = (time_t)seconds;
	interval->tv_nsec = (long)((seconds - (double)interval->tv_sec) * 1e9);
	return 0;
}

int cli_repeat(const struct cli_args *args, int (*once)(const struct cli_args *args))
{
	const char *watch = args->option[CLI_OPTION_WATCH];
	struct timespec interval;
	sigset_t signals;
	int ret;

	if (!watch)
		return once(args);
	ret = cli_interval(watch, &interval);
	if (ret)
		return ret;
	cli_watching = true;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	do {
		if (cli_on_terminal() && !cli_json)
			printf("\033[H\033[2J");
		ret = once(args);
		if (!ret && !cli_on_terminal() && !cli_json)
			putchar('\n');
		if (!ret)
			ret = cli_finish(0);
	} while (!ret && sigtimedwait(&signals, NULL, &interval) < 0);
	return ret;
}

int cli_finish(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "nft-offload: cannot write the output%s%s\n", errno ? ": " : "",
		errno ? strerror(errno) : "");
	return CLI_ERROR;
}
