// SPDX-License-Identifier: GPL-2.0
/*
 * What every driver gets, for every case, against the texts in golden/, which people have read.
 * With NFTO_GOLDEN=write the texts are written instead ("make golden").
 */
#define _GNU_SOURCE	/* open_memstream() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/errno.h>
#include "cases.h"
#include "dump.h"
#include "tap.h"

#define WORD(bit) { bit, #bit }

struct word {
	u32 bit;
	const char *name;
};

static const struct word cans[] = {
	WORD(NFTO_CAN_TTL_ADD), WORD(NFTO_CAN_NO_FRAGMENT), WORD(NFTO_CAN_TCP_FLAGS),
	WORD(NFTO_CAN_CSUM), WORD(NFTO_CAN_VLAN_POP), WORD(NFTO_CAN_VLAN_PUSH),
	WORD(NFTO_CAN_VLAN_RETAG), WORD(NFTO_CAN_VLAN_TWO), WORD(NFTO_CAN_VLAN_MIX),
	WORD(NFTO_CAN_VLAN_AD), WORD(NFTO_CAN_PPPOE), { }
};

static const struct word wants[] = {
	WORD(NFTO_WANTS_NAT_PAIRS), WORD(NFTO_WANTS_NAT_CHANGES), WORD(NFTO_WANTS_PCP_ZERO),
	WORD(NFTO_WANTS_NAT_NONZERO), { }
};

static const struct word nats[] = {
	WORD(NFTO_NAT_SRC), WORD(NFTO_NAT_SPORT), WORD(NFTO_NAT_DST), WORD(NFTO_NAT_DPORT),
	WORD(NFTO_NAT_BOTH), WORD(NFTO_NAT_BOTH_PORTS), { }
};

static const struct {
	int err;
	const char *name, *text;
} answers[] = {
	{ -EOPNOTSUPP, "EOPNOTSUPP", NULL }, { -EINVAL, "EINVAL", NULL },
	{ -ERANGE, "ERANGE", NULL }, { -EPROTO, "EPROTO", NULL }, { -ENOENT, "ENOENT", NULL },
	{ -ENOSPC, "ENOSPC", NULL },
	{ -ENOSPC, "ENOSPC", "mlx5_core: too many pedit actions, can't offload" },
	{ -ENOBUFS, "ENOBUFS", NULL }, { -ENOMEM, "ENOMEM", NULL }, { -EEXIST, "EEXIST", NULL },
	{ -EBUSY, "EBUSY", NULL }, { -EAGAIN, "EAGAIN", NULL }, { -ENODEV, "ENODEV", NULL },
	{ -ENETDOWN, "ENETDOWN", NULL }, { -ETIMEDOUT, "ETIMEDOUT", NULL },
	{ -EROFS, "EROFS", NULL }, { -EIO, "EIO", NULL },
};

static void write_words(FILE *to, const char *what, const struct word *words, u32 bits)
{
	fprintf(to, "%-10s", what);
	for (; words->bit; words++)
		if (bits & words->bit) {
			fprintf(to, " %s", strchr(words->name + 5, '_') + 1);
			bits &= ~words->bit;
		}
	if (bits)
		fprintf(to, " AND-%x", bits);
	fprintf(to, "\n");
}

static void write_hazards(FILE *to, u32 hazards)
{
	int i;

	for (i = 0; i < NFTO_HAZARDS; i++)
		if (hazards & BIT(i))
			fprintf(to, "             %s: %s\n", nfto_hazard_name(i),
				nfto_hazard_text(i));
}

static void write_driver(FILE *to, const struct nfto_driver *driver)
{
	static const char *const ids[] = { "with or without", "with", "without" };
	unsigned int i;

	fprintf(to, "driver     %s%s%s\n", driver->name, driver->mode ? ", " : "",
		driver->mode ? driver->mode : "");
	fprintf(to, "known by   %s %s, %s a switch parent id\n",
		driver->link_kind ? "link kind" : "bus driver",
		driver->link_kind ? driver->link_kind : driver->bus_driver, ids[driver->id]);
	fprintf(to, "targets    %s\n", driver->asic == NFTO_ASIC_DRIVER ?
		"checked by the driver" : "with the same parent id");
	write_words(to, "can", cans, driver->can);
	write_words(to, "wants", wants, driver->wants);
	write_words(to, "nat4", nats, driver->nat4);
	write_words(to, "nat6", nats, driver->nat6);
	fprintf(to, "prio       %u\nbytes      %s\n", driver->prio,
		driver->counts_l2 ? "from the Ethernet header on" : "as it counts them");
	for (i = 0; i < driver->num_dialects; i++) {
		fprintf(to, "dialect    %s\n", nfto_dialect_name(driver->dialects[i]));
		write_hazards(to, nfto_dialect_hazards(driver, driver->dialects[i]));
	}
	for (i = 0; i < ARRAY_SIZE(answers); i++)
		fprintf(to, "errno      %s%s%s%s: %s\n", answers[i].name,
			answers[i].text ? " \"" : "", answers[i].text ? answers[i].text : "",
			answers[i].text ? "\"" : "",
			nfto_reason_name(nfto_driver_reason(driver, answers[i].err,
							    answers[i].text)));
}

static enum nfto_reason emit(const struct nfto_rule *rule, const struct nfto_driver *driver,
			     int dialect, bool lossy, bool unguarded, struct nfto_offer *offer)
{
	struct nfto_policy policy = { .ttl_lossy = lossy, .tcp_unguarded = unguarded };

	return nfto_dialect_emit(rule, driver, dialect, &policy, offer);
}

/* What has to be allowed for it, then the rule. */
static void write_rule(FILE *to, const struct nfto_rule *rule, const struct nfto_driver *driver,
		       int dialect, struct nfto_offer *offer)
{
	enum nfto_reason ttl = emit(rule, driver, dialect, false, true, offer);
	enum nfto_reason tcp = emit(rule, driver, dialect, true, false, offer);

	fprintf(to, "  %.2s ", nfto_dialect_name(dialect));
	if (ttl || tcp)
		fprintf(to, "(only if allowed:%s%s%s%s) ", ttl ? " " : "",
			ttl ? nfto_reason_name(ttl) : "", tcp ? " " : "",
			tcp ? nfto_reason_name(tcp) : "");
	if (emit(rule, driver, dialect, true, true, offer))
		abort();
	dump_keys(to, offer);
	fprintf(to, "    ");
	dump_actions(to, offer);
}

static void write_case(FILE *to, unsigned int i, const struct nfto_driver *driver,
		       struct nfto_offer *offer)
{
	enum nfto_reason reason;
	struct nfto_rule rule;
	unsigned int n;

	fprintf(to, "%s%s", i % CASES_TAGS ? "" : "\n", case_rule(i, &rule));
	/* of all dialects: the tests see to it */
	reason = emit(&rule, driver, driver->dialects[0], true, true, offer);
	if (reason)
		fprintf(to, ": refused: %s", nfto_reason_name(reason));
	fprintf(to, "\n");
	for (n = 0; !reason && n < driver->num_dialects; n++)
		write_rule(to, &rule, driver, driver->dialects[n], offer);
}

static void write_all(FILE *to, const struct nfto_driver *driver)
{
	struct nfto_offer offer = { };
	unsigned int i;

	offer.rule = calloc(1, sizeof(*offer.rule) +
			    NFTO_ACTIONS_MAX * sizeof(struct flow_action_entry));
	fprintf(to, "%s%s%s",
		"Written by \"make -C tests/host golden\". Of each flow and dialect: what it matches,\n",
		"then the actions. \"eth@4=a4a5----\" writes two bytes at offset 4 of the header and\n",
		"keeps two; ADD: adds. hw_stats are \"any\" but where it says otherwise.\n\n");
	write_driver(to, driver);
	for (i = 0; i < CASES; i++)
		write_case(to, i, driver, &offer);
	free(offer.rule);
}

static void file_name(char *name, size_t size, const char *dir, const struct nfto_driver *driver)
{
	static const char *const ids[] = { "", "-id", "-no-id" };

	snprintf(name, size, "%s/%s%s.txt", dir, driver->name,
		 driver->mode ? ids[driver->id] : "");
}

static void save(const char *name, const char *text, size_t size)
{
	FILE *file = fopen(name, "w");

	if (!file || fwrite(text, 1, size, file) != size || fclose(file)) {
		perror(name);
		exit(3);
	}
}

static bool same(const char *name, const char *text, size_t size)
{
	FILE *file = fopen(name, "r");
	char *golden = malloc(size + 1);
	size_t got = file ? fread(golden, 1, size + 1, file) : 0;
	bool ok = file && got == size && !memcmp(golden, text, size);

	if (file)
		fclose(file);
	free(golden);
	return ok;
}

static void test_driver(const struct nfto_driver *driver)
{
	const char *mode = getenv("NFTO_GOLDEN"), *build = getenv("BUILD");
	char golden[256], actual[256], command[700];
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	write_all(to, driver);
	fclose(to);
	file_name(golden, sizeof(golden), "golden", driver);
	if (mode && !strcmp(mode, "write"))
		save(golden, text, size);
	if (!same(golden, text, size)) {
		file_name(actual, sizeof(actual), build ? build : ".", driver);
		save(actual, text, size);
		snprintf(command, sizeof(command), "diff -u %s %s | sed 's/^/# /'", golden,
			 actual);
		fflush(stdout);
		CHECK(!system(command) && !"the text differs, see above");
	}
	free(text);
	tap_end_test(golden);
}

void golden_tests(void)
{
	unsigned int i;

	for (i = 0; nfto_driver_at(i); i++)
		test_driver(nfto_driver_at(i));
}
