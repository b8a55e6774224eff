// SPDX-License-Identifier: GPL-2.0
/*
 * parse_test tree FILE: prints what is made of a message.
 * parse_test verdict FILE: prints errno and words of an answer.
 * parse_test damage SEED NUMBER FILE...: damages these messages in many ways, and makes others at
 * random. What must not happen, sanitizers see: each message has memory of just its size. Prints
 * how many were whole enough to have a value.
 */
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "parse.h"
#include "parse_all.h"

#define FILES_MAX 32
#define SIZE_MAX_RANDOM 512

struct message {
	char *data;
	size_t len;
};

static unsigned long long state;

/* The same everywhere for a seed. */
static uint32_t random_number(uint32_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33) % below;
}

static struct message read_message(const char *path)
{
	struct message message = { .data = malloc(65536) };
	FILE *file = fopen(path, "r");

	if (!file || !message.data) {
		perror(path);
		exit(2);
	}
	message.len = fread(message.data, 1, 65536, file);
	fclose(file);
	return message;
}

static void damage(char *data, size_t *len)
{
	uint32_t times = 1 + random_number(4);

	while (times-- && *len > 4) {
		switch (random_number(5)) {
		case 0:	/* cut off, with a length that says so, or not */
			*len = random_number(*len);
			if (*len >= 4 && random_number(2))
				((struct nlmsghdr *)data)->nlmsg_len = *len;
			break;
		case 1:
			data[random_number(*len)] = random_number(256);
			break;
		case 2:	/* where lengths and types of attributes are */
			data[random_number(*len) & ~3u] += random_number(9) - 4;
			break;
		case 3:
			data[random_number(*len) & ~3u] = 0xff;
			break;
		default:
			((struct nlmsghdr *)data)->nlmsg_flags ^= 1 << random_number(16);
			((struct nlmsghdr *)data)->nlmsg_type = random_number(4);
		}
	}
}

static bool damage_one(const struct message *messages, int num)
{
	static char data[65536] __attribute__((__aligned__(8)));
	const struct message *message;
	size_t len, i;

	if (random_number(8)) {
		message = &messages[random_number(num)];
		len = message->len;
		memcpy(data, message->data, len);
		damage(data, &len);
	} else {
		len = random_number(SIZE_MAX_RANDOM);
		for (i = 0; i < len; i++)
			data[i] = random_number(random_number(2) ? 256 : 8);
		if (len >= 4)
			((struct nlmsghdr *)data)->nlmsg_len = len;
	}
	return parse_all(data, len);
}

static int damage_many(int argc, char **argv)
{
	struct message messages[FILES_MAX];
	int num = 0, whole = 0, i;

	state = strtoull(argv[2], NULL, 10);
	for (i = 4; i < argc && num < FILES_MAX; i++)
		messages[num++] = read_message(argv[i]);
	for (i = 0; i < num; i++)
		whole += parse_all(messages[i].data, messages[i].len);
	printf("%d undamaged", whole);
	whole = 0;
	for (i = 0; i < atoi(argv[3]); i++)
		whole += damage_one(messages, num);
	printf(" %d damaged\n", whole);
	for (i = 0; i < num; i++)
		free(messages[i].data);
	return 0;
}

int main(int argc, char **argv)
{
	struct cli_verdict verdict;
	struct message message;
	json_t *tree;

	if (argc > 4 && !strcmp(argv[1], "damage"))
		return damage_many(argc, argv);
	if (argc != 3)
		return 2;
	message = read_message(argv[2]);
	if (!cli_message_ok((void *)message.data, message.len)) {
		printf("no message\n");
	} else if (!strcmp(argv[1], "verdict")) {
		cli_parse_verdict((void *)message.data, &verdict);
		printf("%d %s\n", verdict.err, verdict.text);
	} else {
		tree = cli_parse_message((void *)message.data);
		json_dumpf(tree, stdout, JSON_ENCODE_ANY);
		json_decref(tree);
	}
	free(message.data);
	return 0;
}
