// SPDX-License-Identifier: GPL-2.0
/* What keeps flows of this machine out of hardware, and the command that changes it. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <linux/nft_offload.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "doctor.h"
#include "netlink.h"

void cli_find(json_t *findings, const char *id, const char *severity, json_t *place,
	      const char *text, json_t *command)
{
	json_t *finding = json_object();

	json_object_set_new(finding, "id", json_string(id));
	json_object_set_new(finding, "severity", json_string(severity));
	json_object_set_new(finding, "place", place ? place : json_null());
	json_object_set_new(finding, "text", json_string(text));
	json_object_set_new(finding, "command", command ? command : json_null());
	json_array_append_new(findings, finding);
}

/* The device's address on its bus, as devlink names it: "pci/0000:03:00.0"; or NULL. */
static json_t *cli_bus_address(const char *ifname)
{
	char link[PATH_MAX], device[PATH_MAX], bus[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/class/net/%s/device", ifname);
	if (strchr(ifname, '/') || !realpath(link, device))
		return NULL;
	snprintf(link, sizeof(link), "/sys/class/net/%s/device/subsystem", ifname);
	if (!realpath(link, bus))
		return NULL;
	return json_sprintf("devlink dev eswitch set %s/%s mode switchdev", basename(bus),
			    basename(device));
}

/* What to do about a device that is in software. */
static json_t *cli_device_command(const char *reason, const char *ifname)
{
	if (!strcmp(reason, "hw-tc-off"))
		return json_sprintf("ethtool -K %s hw-tc-offload on", ifname);
	if (!strcmp(reason, "block-busy"))
		return json_sprintf("tc qdisc del dev %s clsact || tc qdisc del dev %s ingress", ifname,
				    ifname);
	if (!strcmp(reason, "policy"))
		return json_sprintf("nft-offload policy %s offload auto", ifname);
	if (!strcmp(reason, "switchdev"))
		return cli_bus_address(ifname);
	return NULL;
}

static void cli_examine_devices(const json_t *devices, json_t *findings)
{
	const char *name, *lower, *reason;
	json_t *device;
	size_t i;

	json_array_foreach((json_t *)devices, i, device) {
		name = cli_text(device, "ifname");
		lower = cli_text(device, "lower");
		reason = cli_text(device, "reason");
		if (!strcmp(cli_text(device, "backend"), "software"))
			cli_find(findings, *reason ? reason : "software", CLI_PROBLEM,
				 json_sprintf("device %s", name), cli_text(device, "reason_text"),
				 cli_device_command(reason, *lower ? lower : name));
	}
}

static json_t *cli_flowtable_place(const json_t *flowtable)
{
	return json_sprintf("flowtable %s %s %s", cli_word(flowtable, "family"),
			    cli_text(flowtable, "table"), cli_text(flowtable, "name"));
}

/* The first of @devices that has @value by @key, or NULL. */
static const json_t *cli_device_with(const json_t *devices, const char *key, const json_t *value)
{
	json_t *device;
	size_t i;

	json_array_foreach((json_t *)devices, i, device)
		if (json_equal(json_object_get(device, key), value))
			return device;
	return NULL;
}

/* The device of a flowtable that is in hardware of its own ASIC, or the one below it; or NULL. */
static const json_t *cli_asic_device(const json_t *devices, const json_t *member)
{
	const json_t *device = cli_device_with(devices, "ifindex",
					       json_object_get(member, "ifindex"));

	if (!device || strcmp(cli_text(device, "backend"), "bridged"))
		return NULL;
	if (*cli_text(device, "lower"))
		device = cli_device_with(devices, "ifname", json_object_get(device, "lower"));
	return device && *cli_text(device, "asic") ? device : NULL;
}

/* Between devices of different ASICs nothing is offloaded: said before there are flows. */
static void cli_examine_asics(const json_t *devices, const json_t *flowtables, json_t *findings)
{
	const json_t *first, *device;
	json_t *flowtable, *member;
	char text[256];
	size_t i, j;

	json_array_foreach((json_t *)flowtables, i, flowtable) {
		first = NULL;
		json_array_foreach(json_object_get(flowtable, "device"), j, member) {
			device = cli_asic_device(devices, member);
			if (!first)
				first = device;
			if (!device || !strcmp(cli_text(device, "asic"), cli_text(first, "asic")))
				continue;
			snprintf(text, sizeof(text), "%s and %s are of different ASICs: flows between them stay in software",
				 cli_text(first, "ifname"), cli_text(device, "ifname"));
			cli_find(findings, "asics", CLI_HINT, cli_flowtable_place(flowtable), text,
				 json_string("nft-offload status"));
			break;
		}
	}
}

/* Why flows are refused by something that an administrator can change. */
static const struct cli_advice {
	const char *reason;
	const char *text;
	const char *command;	/* or NULL */
} cli_advice[] = {
	{ "build", "their next hop did not answer when they were to be offloaded",
		"ip neigh show nud incomplete nud failed" },
	{ "egress", "they leave by a device that is offloaded in no flowtable: add it, or see why it is not",
		"nft-offload status" },
	{ "ingress", "they come in by a device that is not in their flowtable: add it",
		"nft-offload flows reason ingress" },
	{ "other-asic", "they come in and leave by different adapters, which no hardware joins",
		"nft-offload status" },
	{ "mtu", "they leave by a device that takes smaller packets than the one where they come in",
		"ip link show" },
	{ "ttl", "their hardware cannot decrement the TTL: this forwards all the same",
		"nft-offload policy DEVICE ttl lossy" },
	{ "tcp-guard", "their hardware would hide TCP's FIN and RST: this allows it",
		"nft-offload policy DEVICE tcp unguarded" },
	{ "table-full", "the hardware has no room for more of them: let fewer into the flowtable",
		"nft-offload flows reason table-full" },
	{ "vlan-qos", "a VLAN device on their way sets priorities, which hardware cannot",
		"nft-offload flows reason vlan-qos" },
	{ "driver", "their driver failed; its own words are in nft-offload flows",
		"nft-offload flows reason driver" },
	{ "nat", "their hardware cannot translate addresses in that way",
		"nft-offload flows reason nat" },
	{ "vlan", "their hardware cannot change VLAN tags in that way",
		"nft-offload flows reason vlan" },
	{ "stale-entry", "hardware does not let go of older entries of theirs",
		"nft-offload flows reason stale-entry" },
};

static void cli_examine_reasons(const json_t *reasons, json_t *findings)
{
	json_t *reason, *command;
	uint64_t count;
	char text[256];
	size_t i, j;

	json_array_foreach((json_t *)reasons, i, reason) {
		for (j = 0; j < ARRAY_SIZE(cli_advice); j++)
			if (!strcmp(cli_advice[j].reason, cli_text(reason, "reason")))
				break;
		count = cli_number(reason, "count");
		if (j == ARRAY_SIZE(cli_advice) || !count)
			continue;
		snprintf(text, sizeof(text), "%" PRIu64 " flow direction%s in software: %s", count,
			 count == 1 ? " is" : "s are", cli_advice[j].text);
		command = cli_advice[j].command ? json_string(cli_advice[j].command) : NULL;
		cli_find(findings, cli_advice[j].reason, CLI_PROBLEM, NULL, text, command);
	}
}

static void cli_examine_flowtables(const json_t *flowtables, const json_t *stock,
				   const json_t *waiting, json_t *findings)
{
	bool counts = false;
	json_t *flowtable;
	size_t i;

	json_array_foreach((json_t *)stock, i, flowtable)
		cli_find(findings, "stock", CLI_PROBLEM, cli_flowtable_place(flowtable),
			 "it was made before nft_offload was loaded: load the ruleset again, as it was or, if nothing in it is iptables's, so:",
			 json_string("{ echo flush ruleset; nft list ruleset; } >ruleset.nft && nft -f ruleset.nft"));
	json_array_foreach((json_t *)waiting, i, flowtable)
		cli_find(findings, "waiting", CLI_HINT, cli_flowtable_place(flowtable),
			 "none of its devices is there", NULL);
	json_array_foreach((json_t *)flowtables, i, flowtable) {
		if (json_is_true(json_object_get(flowtable, "counter")))
			counts = true;
		else
			cli_find(findings, "counter", CLI_HINT, cli_flowtable_place(flowtable),
				 "conntrack does not count what hardware forwards: give it `counter`",
				 NULL);
	}
	if (counts && cli_accounting_is_off())
		cli_find(findings, "accounting", CLI_HINT, NULL,
			 "conntrack counts nothing at all, flows in hardware or not",
			 json_string("sysctl -w net.netfilter.nf_conntrack_acct=1"));
	if (json_array_size(flowtables) || json_array_size(stock) || json_array_size(waiting))
		return;
	if (cli_in_user_namespace())
		cli_find(findings, "no-flowtable", CLI_PROBLEM, NULL,
			 "no flowtable has flags offload: " CLI_FLAG_DROPPED, NULL);
	else
		cli_find(findings, "no-flowtable", CLI_PROBLEM, NULL,
			 "no flowtable has flags offload, so that nothing is offloaded: make one",
			 json_string("nft-offload generate --devices DEVICE,DEVICE"));
}

struct cli_qdiscs {
	const json_t *devices;
	json_t *findings;
};

/* Those that only queue are no loss. */
static bool cli_qdisc_shapes(const char *kind)
{
	static const char *const harmless[] = { "noqueue", "noop", "mq", "mqprio", "pfifo_fast",
						"pfifo", "bfifo", "fq", "fq_codel", "sfq",
						"clsact", "ingress" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(kind, harmless[i]))
			return false;
	return true;
}

static int cli_take_qdisc(const struct nlmsghdr *nlh, void *data)
{
	const struct cli_qdiscs *qdiscs = data;
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	json_t *device;
	size_t i;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm) || tcm->tcm_parent != TC_H_ROOT)
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm)) {
		if (mnl_attr_get_type(attr) != TCA_KIND ||
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
		    !cli_qdisc_shapes(mnl_attr_get_str(attr)))
			continue;
		json_array_foreach((json_t *)qdiscs->devices, i, device) {
			if (cli_number(device, "ifindex") != (uint64_t)tcm->tcm_ifindex ||
			    !strcmp(cli_text(device, "backend"), "software"))
				continue;
			cli_find(qdiscs->findings, "qdisc", CLI_HINT,
				 json_sprintf("device %s", cli_text(device, "ifname")),
				 "packets that hardware sends do not pass the queueing discipline that it has",
				 json_sprintf("tc -s qdisc show dev %s", cli_text(device, "ifname")));
		}
	}
	return 0;
}

static void cli_examine_qdiscs(const json_t *devices, json_t *findings)
{
	struct cli_qdiscs qdiscs = { .devices = devices, .findings = findings };
	struct cli_netlink *nl = cli_netlink_new(NETLINK_ROUTE);
	struct nlmsghdr *nlh;
	int err = nl ? 0 : -errno;

	if (nl) {
		nlh = mnl_nlmsg_put_header(nl->request);
		nlh->nlmsg_type = RTM_GETQDISC;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct tcmsg));
		err = cli_exchange(nl, nlh, cli_take_qdisc, &qdiscs);
	}
	if (err)
		cli_warn("queueing disciplines could not be looked at: %s",
			 strerror(err < 0 ? -err : EIO));
	cli_netlink_close(nl);
}

/* All that the module can be asked. */
static int cli_examine(struct cli_netlink *nl, json_t *findings)
{
	json_t *version = NULL, *devices = NULL, *flowtables = NULL, *reasons = NULL, *stock = NULL;
	json_t *waiting = NULL;
	int ret;

	ret = cli_ask(nl, cli_request(nl, NFTO_CMD_VERSION_GET, NLM_F_ACK), NULL, &version);
	if (!ret)
		ret = cli_get_devices(nl, NULL, &devices);
	if (!ret)
		ret = cli_collect(nl, NFTO_CMD_FLOWTABLE_GET, "flowtable", &flowtables);
	if (!ret)
		ret = cli_collect(nl, NFTO_CMD_REASON_GET, NULL, &reasons);
	if (!ret)
		ret = cli_other_flowtables(flowtables, &stock, &waiting);
	if (!ret) {
		if (json_is_false(cli_in_force(version)))
			cli_find(findings, "not-in-force", CLI_PROBLEM, NULL, CLI_NOT_IN_FORCE,
				 json_string("modprobe -r nft_offload && modprobe nft_offload"));
		cli_examine_flowtables(flowtables, stock, waiting, findings);
		cli_examine_ruleset(findings);
		cli_examine_devices(devices, findings);
		cli_examine_asics(devices, flowtables, findings);
		cli_examine_reasons(reasons, findings);
		cli_examine_qdiscs(devices, findings);
	}
	json_decref(version);
	json_decref(devices);
	json_decref(flowtables);
	json_decref(reasons);
	json_decref(stock);
	json_decref(waiting);
	return ret;
}

/* Is there anything to do? */
static bool cli_found(const json_t *findings)
{
	json_t *finding;
	size_t i;

	json_array_foreach((json_t *)findings, i, finding)
		if (strcmp(cli_text(finding, "severity"), CLI_NOTE))
			return true;
	return false;
}

static void cli_print_findings(const json_t *findings)
{
	const char *place;
	json_t *finding;
	size_t i;

	json_array_foreach((json_t *)findings, i, finding) {
		place = cli_text(finding, "place");
		printf("%s%s%s: %s\n", place, *place ? ": " : "", cli_text(finding, "severity"),
		       cli_text(finding, "text"));
		if (*cli_text(finding, "command"))
			printf("    %s\n", cli_text(finding, "command"));
	}
	if (!cli_found(findings))
		printf("nothing keeps flows out of hardware\n");
}

int cli_doctor(const struct cli_args *args)
{
	json_t *findings = json_array(), *tree;
	struct cli_netlink *nl;
	int err, ret = 0;

	(void)args;
	nl = cli_netlink_try(&err);
	if (nl)
		ret = cli_examine(nl, findings);
	else if (err == -ENOENT)
		cli_examine_module(findings);
	else
		ret = cli_netlink_refused(err);
	cli_netlink_close(nl);
	if (!ret) {
		cli_examine_machine(findings);
		ret = cli_found(findings) ? CLI_FOUND : CLI_OK;
		tree = json_object();
		json_object_set(tree, "findings", findings);
		if (cli_json)
			cli_print_json(json_incref(tree));
		else
			cli_print_findings(findings);
		json_decref(tree);
	}
	json_decref(findings);
	return ret;
}
