// SPDX-License-Identifier: GPL-2.0
/* What of the machine itself matters to offloaded flows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "check.h"
#include "cli.h"
#include "doctor.h"

#define CLI_NETFILTER "/proc/sys/net/netfilter/"

/*
 * Defects of kernels that no module can reach; tests/limits has them by distribution, in the same
 * words. A distribution's kernel is known by what stands in its release, others by their version.
 */
static const struct cli_defect {
	const char *id;
	const char *vendor;		/* in the release, or NULL */
	unsigned int version, mended;	/* 6012, and by which update; 0: none */
	const char *text;
} cli_defects[] = {
	{ "hw-dead", ".el8", 4018, 0,
		"the end of an offloaded flow can, very rarely, touch freed memory" },
	{ "hw-dead", ".el9", 5014, 0,
		"the end of an offloaded flow can, very rarely, touch freed memory" },
	{ "hw-dead", ".el10", 6012, 0,
		"the end of an offloaded flow can, very rarely, touch freed memory" },
	{ "hw-dead", NULL, 6012, 117,
		"the end of an offloaded flow can, very rarely, touch freed memory" },
	{ "device-removal", ".el9", 5014, 0,
		"a device that is taken out of a live flowtable keeps its flows in hardware until they end: reload the flowtable instead" },
	{ "device-removal", NULL, 6008, 0,
		"a device that is taken out of a live flowtable keeps its flows in hardware until they end: reload the flowtable instead" },
	{ "pending-at-end", NULL, 5010, 0,
		"the end of a busy flowtable can leak flows, or touch freed memory" },
};

/*
 * Debian's release does not tell which update it is, but its version does: "#1 SMP Debian
 * 6.1.176-1 (2026-01-01)".
 */
static bool cli_kernel_version(const struct utsname *name, unsigned int *version,
			       unsigned int *update)
{
	const char *debian = strstr(name->version, "Debian ");
	unsigned int major, minor;

	*update = 0;
	if (sscanf(debian ? debian + strlen("Debian ") : name->release, "%u.%u.%u", &major, &minor,
		   update) < 2)
		return false;
	*version = 1000 * major + minor;
	return true;
}

static bool cli_defect_applies(const struct cli_defect *defect, const char *release,
			       unsigned int version, unsigned int update)
{
	if (defect->version != version)
		return false;
	if (defect->vendor)
		return strstr(release, defect->vendor);
	return !strstr(release, ".el") &&
		(!defect->mended || update < defect->mended);
}

static void cli_examine_kernel(json_t *findings)
{
	unsigned int version, update;
	struct utsname name;
	size_t i;

	if (uname(&name) || !cli_kernel_version(&name, &version, &update))
		return;
	for (i = 0; i < ARRAY_SIZE(cli_defects); i++)
		if (cli_defect_applies(&cli_defects[i], name.release, version, update))
			cli_find(findings, cli_defects[i].id, CLI_NOTE, json_string("this kernel"),
				 cli_defects[i].text, NULL);
}

/* What depmod(8) knows of this kernel's modules does not have ours. Not if there is no telling. */
static bool cli_module_is_missing(void)
{
	struct utsname name;
	bool found = false;
	char path[256], line[4096];
	FILE *file;

	if (uname(&name))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "/nft_offload.ko");
	fclose(file);
	return !found;
}

void cli_examine_module(json_t *findings)
{
	bool apt = !access("/usr/bin/apt-get", X_OK);

	if (cli_in_user_namespace()) {
		cli_find(findings, "module", CLI_PROBLEM, NULL,
			 "the module nft_offload is not loaded: root of the machine has to", NULL);
		return;
	}
	if (!cli_module_is_missing()) {
		cli_find(findings, "module", CLI_PROBLEM, NULL,
			 "the module nft_offload is not loaded; if it refuses to be, the kernel log says why",
			 json_string("modprobe nft_offload"));
		return;
	}
	cli_find(findings, "module", CLI_PROBLEM, NULL,
		 "there is no module nft_offload for this kernel: it is not installed, or could not be built for want of the kernel's headers",
		 json_string(apt ? "apt install nft-offload-dkms linux-headers-$(uname -r)"
			     : "dnf install kmod-nft-offload kernel-devel-$(uname -r)   # with DKMS, then: dkms autoinstall"));
}

bool cli_in_user_namespace(void)
{
	FILE *file = fopen("/proc/self/uid_map", "r");
	unsigned long inside, outside, count;
	bool is = file && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
		  (inside || outside || count != UINT32_MAX);

	if (file)
		fclose(file);
	return is;
}

/* The first character of a setting, or 0 if it cannot be told. */
static char cli_setting(const char *path)
{
	FILE *file = fopen(path, "r");
	int c = file ? fgetc(file) : 0;

	if (file)
		fclose(file);
	return c == EOF ? 0 : c;
}

bool cli_accounting_is_off(void)
{
	return cli_setting(CLI_NETFILTER "nf_conntrack_acct") == '0';
}

void cli_examine_machine(json_t *findings)
{
	cli_examine_kernel(findings);
	if (cli_setting(CLI_NETFILTER "nf_conntrack_helper") == '1')
		cli_find(findings, "helpers", CLI_HINT, NULL,
			 "conntrack gives helpers to connections by itself, which keeps these out of flowtables",
			 json_string("sysctl -w net.netfilter.nf_conntrack_helper=0"));
}

void cli_examine_ruleset(json_t *findings)
{
	char *error = NULL, text[256];
	json_t *checked = cli_check_live(&error);
	json_t *found = checked ? cli_check_findings(checked) : NULL;
	size_t num = found ? cli_check_failures(found) : 0;

	if (!found) {
		snprintf(text, sizeof(text), "it could not be checked: %s",
			 error ? error : "there is not enough memory");
		cli_find(findings, "ruleset-unread", CLI_HINT, json_string("the ruleset"), text,
			 json_string("nft-offload check"));
	}
	if (num) {
		snprintf(text, sizeof(text), "%zu thing%s in it keep%s flows out of hardware, or %s bypassed by flows that are in it",
			 num, num == 1 ? "" : "s", num == 1 ? "s" : "", num == 1 ? "is" : "are");
		cli_find(findings, "ruleset", CLI_PROBLEM, json_string("the ruleset"), text,
			 json_string("nft-offload check"));
	}
	json_decref(checked);
	json_decref(found);
	free(error);
}
