// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <linux/nft_offload.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"
#include "errno_name.h"
#include "parse.h"

/* Older headers lack it. */
#ifndef NLM_F_ACK_TLVS
#define NLM_F_ACK_TLVS 0x200
#endif
#ifndef NLM_F_CAPPED
#define NLM_F_CAPPED 0x100
#endif
#define CLI_EXTACK_TEXT 1	/* NLMSGERR_ATTR_MSG */

#define CLI_TAG_TPID_SHIFT 16

enum cli_kind {
	CLI_IGNORED,
	CLI_U32,
	CLI_U64,
	CLI_BE16,
	CLI_WORD,	/* u32 of an enum */
	CLI_STRING,
	CLI_HEX,
	CLI_ADDRESS,
	CLI_TAG,
	CLI_FLAG,
	CLI_ERRNO,	/* u32; a second key has its name */
	CLI_TIME,	/* u64; a second key has it for people */
	CLI_NEST,
};

struct cli_words {
	const char *const *word;
	size_t num;
};

struct cli_set;

struct cli_field {
	enum cli_kind kind;
	const char *key;
	bool list;
	const struct cli_words *words;
	const struct cli_set *nest;
};

/* Indexed by attribute. */
struct cli_set {
	const struct cli_field *field;
	size_t num;
	bool whole;	/* lists and flags are there even if they are empty */
};

#define CLI_WORDS(name, ...)							\
	static const char *const name##_list[] = { __VA_ARGS__ };		\
	static const struct cli_words name = { name##_list, ARRAY_SIZE(name##_list) }

CLI_WORDS(cli_backends, "none", "software", "bridged", "native");
CLI_WORDS(cli_ttl, "default", "require", "lossy");
CLI_WORDS(cli_tcp, "guarded", "unguarded");
CLI_WORDS(cli_offload, "auto", "off");
CLI_WORDS(cli_states, "queued", "hardware", "refused", "failed", "removing");
CLI_WORDS(cli_directions, "original", "reply");
CLI_WORDS(cli_events, "hardware", "refused", "failed", "removed", "bound", "unbound",
	  "table-full");
CLI_WORDS(cli_protocols, [1] = "icmp", [6] = "tcp", [17] = "udp", [47] = "gre", [50] = "esp",
	  [58] = "icmpv6", [132] = "sctp", [136] = "udplite");
CLI_WORDS(cli_nfprotos, [1] = "inet", [2] = "ip", [10] = "ip6");

#define CLI_SET(name, all, ...)							\
	static const struct cli_field name##_fields[] = { __VA_ARGS__ };	\
	static const struct cli_set name = { name##_fields, ARRAY_SIZE(name##_fields), all }

CLI_SET(cli_counts_set, true,
	[NFTO_A_COUNTS_QUEUED] = { .kind = CLI_U32, .key = "queued" },
	[NFTO_A_COUNTS_HARDWARE] = { .kind = CLI_U32, .key = "hardware" },
	[NFTO_A_COUNTS_REFUSED] = { .kind = CLI_U32, .key = "refused" },
	[NFTO_A_COUNTS_FAILED] = { .kind = CLI_U32, .key = "failed" },
	[NFTO_A_COUNTS_REMOVING] = { .kind = CLI_U32, .key = "removing" });

CLI_SET(cli_statistics_set, true,
	[NFTO_A_STATISTICS_ENTRIES] = { .kind = CLI_U32, .key = "entries" },
	[NFTO_A_STATISTICS_ADDED] = { .kind = CLI_U64, .key = "added" },
	[NFTO_A_STATISTICS_DELETED] = { .kind = CLI_U64, .key = "deleted" },
	[NFTO_A_STATISTICS_FAILED] = { .kind = CLI_U64, .key = "failed" });

CLI_SET(cli_policy_set, true,
	[NFTO_A_POLICY_DRIVER] = { .kind = CLI_STRING, .key = "driver" },
	[NFTO_A_POLICY_TTL] = { .kind = CLI_WORD, .key = "ttl", .words = &cli_ttl },
	[NFTO_A_POLICY_TCP] = { .kind = CLI_WORD, .key = "tcp", .words = &cli_tcp },
	[NFTO_A_POLICY_OFFLOAD] = { .kind = CLI_WORD, .key = "offload", .words = &cli_offload });

CLI_SET(cli_flowtable_device_set, true,
	[NFTO_A_FLOWTABLE_DEVICE_IFINDEX] = { .kind = CLI_U32, .key = "ifindex" },
	[NFTO_A_FLOWTABLE_DEVICE_IFNAME] = { .kind = CLI_STRING, .key = "ifname" },
	[NFTO_A_FLOWTABLE_DEVICE_BACKEND] = { .kind = CLI_WORD, .key = "backend", .words = &cli_backends },
	[NFTO_A_FLOWTABLE_DEVICE_REASON] = { .kind = CLI_STRING, .key = "reason" },
	[NFTO_A_FLOWTABLE_DEVICE_REASON_TEXT] = { .kind = CLI_STRING, .key = "reason_text" });

CLI_SET(cli_flowtable_set, true,
	[NFTO_A_FLOWTABLE_FAMILY] = { .kind = CLI_WORD, .key = "family", .words = &cli_nfprotos },
	[NFTO_A_FLOWTABLE_TABLE] = { .kind = CLI_STRING, .key = "table" },
	[NFTO_A_FLOWTABLE_NAME] = { .kind = CLI_STRING, .key = "name" },
	[NFTO_A_FLOWTABLE_HANDLE] = { .kind = CLI_U64, .key = "handle" },
	[NFTO_A_FLOWTABLE_DEVICE] = { .kind = CLI_NEST, .key = "device", .list = true,
				      .nest = &cli_flowtable_device_set },
	[NFTO_A_FLOWTABLE_FLOWS] = { .kind = CLI_NEST, .key = "flows", .nest = &cli_counts_set },
	[NFTO_A_FLOWTABLE_COUNTER] = { .kind = CLI_FLAG, .key = "counter" });

CLI_SET(cli_flow_set, true,
	[NFTO_A_FLOW_ID] = { .kind = CLI_U64, .key = "id" },
	[NFTO_A_FLOW_DIRECTION] = { .kind = CLI_WORD, .key = "direction", .words = &cli_directions },
	[NFTO_A_FLOW_STATE] = { .kind = CLI_WORD, .key = "state", .words = &cli_states },
	[NFTO_A_FLOW_REASON] = { .kind = CLI_STRING, .key = "reason" },
	[NFTO_A_FLOW_REASON_TEXT] = { .kind = CLI_STRING, .key = "reason_text" },
	[NFTO_A_FLOW_ERRNO] = { .kind = CLI_ERRNO, .key = "errno" },
	[NFTO_A_FLOW_DRIVER_TEXT] = { .kind = CLI_STRING, .key = "driver_text" },
	[NFTO_A_FLOW_PROTOCOL] = { .kind = CLI_WORD, .key = "protocol", .words = &cli_protocols },
	[NFTO_A_FLOW_SOURCE] = { .kind = CLI_ADDRESS, .key = "source" },
	[NFTO_A_FLOW_DESTINATION] = { .kind = CLI_ADDRESS, .key = "destination" },
	[NFTO_A_FLOW_SOURCE_PORT] = { .kind = CLI_BE16, .key = "source_port" },
	[NFTO_A_FLOW_DESTINATION_PORT] = { .kind = CLI_BE16, .key = "destination_port" },
	[NFTO_A_FLOW_NEW_SOURCE] = { .kind = CLI_ADDRESS, .key = "new_source" },
	[NFTO_A_FLOW_NEW_DESTINATION] = { .kind = CLI_ADDRESS, .key = "new_destination" },
	[NFTO_A_FLOW_NEW_SOURCE_PORT] = { .kind = CLI_BE16, .key = "new_source_port" },
	[NFTO_A_FLOW_NEW_DESTINATION_PORT] = { .kind = CLI_BE16, .key = "new_destination_port" },
	[NFTO_A_FLOW_INGRESS] = { .kind = CLI_U32, .key = "ingress" },
	[NFTO_A_FLOW_INGRESS_NAME] = { .kind = CLI_STRING, .key = "ingress_name" },
	[NFTO_A_FLOW_EGRESS] = { .kind = CLI_U32, .key = "egress" },
	[NFTO_A_FLOW_EGRESS_NAME] = { .kind = CLI_STRING, .key = "egress_name" },
	[NFTO_A_FLOW_TAG] = { .kind = CLI_TAG, .key = "tag", .list = true },
	[NFTO_A_FLOW_NEW_TAG] = { .kind = CLI_TAG, .key = "new_tag", .list = true },
	[NFTO_A_FLOW_PACKETS] = { .kind = CLI_U64, .key = "packets" },
	[NFTO_A_FLOW_BYTES] = { .kind = CLI_U64, .key = "bytes" },
	[NFTO_A_FLOW_SOFTWARE_PACKETS] = { .kind = CLI_U64, .key = "software_packets" },
	[NFTO_A_FLOW_SOFTWARE_BYTES] = { .kind = CLI_U64, .key = "software_bytes" },
	[NFTO_A_FLOW_AGE] = { .kind = CLI_U64, .key = "age_ms" },
	[NFTO_A_FLOW_RETRY] = { .kind = CLI_U64, .key = "retry_ms" },
	[NFTO_A_FLOW_TABLE] = { .kind = CLI_STRING, .key = "table" },
	[NFTO_A_FLOW_FLOWTABLE] = { .kind = CLI_STRING, .key = "flowtable" });

CLI_SET(cli_trial_set, true,
	[NFTO_A_TRIAL_NAME] = { .kind = CLI_STRING, .key = "name" },
	[NFTO_A_TRIAL_KNOWN] = { .kind = CLI_FLAG, .key = "known" },
	[NFTO_A_TRIAL_TAKEN] = { .kind = CLI_FLAG, .key = "taken" },
	[NFTO_A_TRIAL_HAZARD] = { .kind = CLI_STRING, .key = "hazard", .list = true },
	[NFTO_A_TRIAL_REASON] = { .kind = CLI_STRING, .key = "reason" },
	[NFTO_A_TRIAL_REASON_TEXT] = { .kind = CLI_STRING, .key = "reason_text" },
	[NFTO_A_TRIAL_ERRNO] = { .kind = CLI_ERRNO, .key = "errno" },
	[NFTO_A_TRIAL_DRIVER_TEXT] = { .kind = CLI_STRING, .key = "driver_text" });

CLI_SET(cli_fill_set, true,
	[NFTO_A_FILL_RULES] = { .kind = CLI_U32, .key = "rules" },
	[NFTO_A_FILL_LEFT] = { .kind = CLI_U32, .key = "left" },
	[NFTO_A_FILL_REASON] = { .kind = CLI_STRING, .key = "reason" },
	[NFTO_A_FILL_REASON_TEXT] = { .kind = CLI_STRING, .key = "reason_text" },
	[NFTO_A_FILL_ERRNO] = { .kind = CLI_ERRNO, .key = "errno" },
	[NFTO_A_FILL_DRIVER_TEXT] = { .kind = CLI_STRING, .key = "driver_text" });

CLI_SET(cli_main_set, false,
	[NFTO_A_IFINDEX] = { .kind = CLI_U32, .key = "ifindex" },
	[NFTO_A_IFNAME] = { .kind = CLI_STRING, .key = "ifname" },
	[NFTO_A_BACKEND] = { .kind = CLI_WORD, .key = "backend", .words = &cli_backends },
	[NFTO_A_REASON] = { .kind = CLI_STRING, .key = "reason" },
	[NFTO_A_REASON_TEXT] = { .kind = CLI_STRING, .key = "reason_text" },
	[NFTO_A_DEVICE_DRIVER] = { .kind = CLI_STRING, .key = "device_driver" },
	[NFTO_A_DRIVER] = { .kind = CLI_STRING, .key = "driver" },
	[NFTO_A_POLICY] = { .kind = CLI_NEST, .key = "policy", .nest = &cli_policy_set },
	[NFTO_A_ASIC] = { .kind = CLI_HEX, .key = "asic" },
	[NFTO_A_HAZARD] = { .kind = CLI_STRING, .key = "hazard", .list = true },
	[NFTO_A_FLOWS] = { .kind = CLI_NEST, .key = "flows", .nest = &cli_counts_set },
	[NFTO_A_STATISTICS] = { .kind = CLI_NEST, .key = "statistics", .nest = &cli_statistics_set },
	[NFTO_A_FLOWTABLE] = { .kind = CLI_NEST, .key = "flowtable", .nest = &cli_flowtable_set },
	[NFTO_A_FLOW] = { .kind = CLI_NEST, .key = "flow", .nest = &cli_flow_set },
	[NFTO_A_COUNT] = { .kind = CLI_U32, .key = "count" },
	[NFTO_A_EVENT] = { .kind = CLI_WORD, .key = "event", .words = &cli_events },
	[NFTO_A_TIME] = { .kind = CLI_TIME, .key = "time_ns" },
	[NFTO_A_LOST] = { .kind = CLI_U32, .key = "lost" },
	[NFTO_A_VERSION] = { .kind = CLI_STRING, .key = "version" },
	[NFTO_A_SHIMS] = { .kind = CLI_STRING, .key = "shims" },
	[NFTO_A_EGRESS] = { .kind = CLI_U32, .key = "egress" },
	[NFTO_A_EGRESS_NAME] = { .kind = CLI_STRING, .key = "egress_name" },
	[NFTO_A_TRIAL] = { .kind = CLI_NEST, .key = "trial", .list = true, .nest = &cli_trial_set },
	[NFTO_A_FILL] = { .kind = CLI_NEST, .key = "fill", .nest = &cli_fill_set },
	[NFTO_A_IN_FORCE] = { .kind = CLI_FLAG, .key = "in_force" },
	[NFTO_A_LOWER] = { .kind = CLI_STRING, .key = "lower" });

static json_t *cli_parse_set(const void *attrs, size_t len, const struct cli_set *set);

static json_t *cli_parse_word(uint32_t number, const struct cli_words *words)
{
	if (number < words->num && words->word[number])
		return json_string(words->word[number]);
	return json_integer(number);
}

json_t *cli_parse_nfproto(uint32_t family)
{
	return cli_parse_word(family, &cli_nfprotos);
}

/* Control characters, those of two bytes (U+0080 to U+009F) too. */
static bool cli_is_control(const unsigned char *text, size_t left)
{
	return *text < 0x20 || *text == 0x7f || (*text == 0xc2 && left > 1 && text[1] < 0xa0);
}

/* @ascii: escape all else too. */
static json_t *cli_escape(const unsigned char *text, size_t len, bool ascii)
{
	char *escaped = malloc(4 * len + 1);
	json_t *string;
	size_t i, to = 0;

	if (!escaped)
		return NULL;
	for (i = 0; i < len; i++) {
		if (cli_is_control(text + i, len - i) || (ascii && text[i] >= 0x80)) {
			to += sprintf(escaped + to, "\\x%02x", text[i]);
			if (!ascii && text[i] == 0xc2)
				to += sprintf(escaped + to, "\\x%02x", text[++i]);
		} else {
			escaped[to++] = text[i];
		}
	}
	string = json_stringn(escaped, to);
	free(escaped);
	return string;
}

json_t *cli_parse_string(const char *text, size_t len)
{
	json_t *string = cli_escape((const unsigned char *)text, len, false);

	/* jansson takes UTF-8 alone */
	return string ? string : cli_escape((const unsigned char *)text, len, true);
}

static json_t *cli_parse_hex(const unsigned char *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);
	json_t *string;
	size_t i;

	if (!hex)
		return NULL;
	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	hex[2 * len] = '\0';
	string = json_string(hex);
	free(hex);
	return string;
}

static json_t *cli_parse_address(const void *bytes, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (len != 4 && len != 16)
		return NULL;
	if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)))
		return NULL;
	return json_string(text);
}

static json_t *cli_parse_tag(uint32_t tag)
{
	json_t *object = json_object();

	json_object_set_new(object, "tpid", json_integer(tag >> CLI_TAG_TPID_SHIFT));
	json_object_set_new(object, "vid", json_integer(tag & 0xffff));
	return object;
}

/* JSON's integers are signed. */
static json_t *cli_parse_u64(uint64_t number)
{
	return json_integer(number > LLONG_MAX ? LLONG_MAX : (json_int_t)number);
}

static uint32_t cli_u32(const struct nlattr *attr)
{
	uint32_t number;

	memcpy(&number, mnl_attr_get_payload(attr), sizeof(number));
	return number;
}

static uint64_t cli_u64(const struct nlattr *attr)
{
	uint64_t number;

	/* it is aligned to four bytes only */
	memcpy(&number, mnl_attr_get_payload(attr), sizeof(number));
	return number;
}

static json_t *cli_parse_fixed(const struct nlattr *attr, const struct cli_field *field)
{
	switch (field->kind) {
	case CLI_U32:
	case CLI_ERRNO:
		return json_integer(cli_u32(attr));
	case CLI_U64:
	case CLI_TIME:
		return cli_parse_u64(cli_u64(attr));
	case CLI_BE16:
		return json_integer(ntohs(mnl_attr_get_u16(attr)));
	case CLI_WORD:
		return cli_parse_word(cli_u32(attr), field->words);
	case CLI_TAG:
		return cli_parse_tag(cli_u32(attr));
	default:
		return NULL;
	}
}

static size_t cli_kind_size(enum cli_kind kind)
{
	switch (kind) {
	case CLI_U32:
	case CLI_ERRNO:
	case CLI_WORD:
	case CLI_TAG:
		return sizeof(uint32_t);
	case CLI_U64:
	case CLI_TIME:
		return sizeof(uint64_t);
	case CLI_BE16:
		return sizeof(uint16_t);
	default:
		return 0;
	}
}

/* NULL: it is not what it should be. */
static json_t *cli_parse_value(const struct nlattr *attr, const struct cli_field *field)
{
	const void *payload = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	size_t size = cli_kind_size(field->kind);

	if (size)
		return len == size ? cli_parse_fixed(attr, field) : NULL;
	switch (field->kind) {
	case CLI_STRING:
		return cli_parse_string(payload, strnlen(payload, len));
	case CLI_HEX:
		return cli_parse_hex(payload, len);
	case CLI_ADDRESS:
		return cli_parse_address(payload, len);
	case CLI_FLAG:
		return json_true();
	case CLI_NEST:
		return cli_parse_set(payload, len, field->nest);
	default:
		return NULL;
	}
}

/* Local time, by ISO 8601. NULL: no calendar has it. */
static json_t *cli_parse_time(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	char text[64], zone[8], all[128];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) ||
	    !strftime(zone, sizeof(zone), "%z", &tm))
		return NULL;
	snprintf(all, sizeof(all), "%s.%06u%.3s:%s", text, (unsigned int)(ns % 1000000000 / 1000),
		 zone, strlen(zone) > 3 ? zone + 3 : "00");
	return json_string(all);
}

static void cli_parse_attr(json_t *object, const struct nlattr *attr,
			   const struct cli_field *field)
{
	json_t *value = cli_parse_value(attr, field);
	json_t *list;

	if (!value)
		return;
	if (field->kind == CLI_ERRNO && cli_errno_name(cli_u32(attr)))
		json_object_set_new(object, "errno_name",
				    json_string(cli_errno_name(cli_u32(attr))));
	if (field->kind == CLI_TIME)
		/* jansson refuses NULL, and then the key is not there */
		json_object_set_new(object, "time", cli_parse_time(cli_u64(attr)));
	if (!field->list) {
		json_object_set_new(object, field->key, value);
		return;
	}
	list = json_object_get(object, field->key);
	if (!list) {
		list = json_array();
		json_object_set_new(object, field->key, list);
	}
	json_array_append_new(list, value);
}

static void cli_parse_defaults(json_t *object, const struct cli_set *set)
{
	size_t i;

	for (i = 0; i < set->num; i++) {
		if (set->field[i].list)
			json_object_set_new(object, set->field[i].key, json_array());
		else if (set->field[i].kind == CLI_FLAG)
			json_object_set_new(object, set->field[i].key, json_false());
	}
}

static json_t *cli_parse_set(const void *attrs, size_t len, const struct cli_set *set)
{
	const struct nlattr *attr;
	json_t *object = json_object();
	uint16_t type;

	if (set->whole)
		cli_parse_defaults(object, set);
	mnl_attr_for_each_payload(attrs, len) {
		type = mnl_attr_get_type(attr);
		if (type < set->num && set->field[type].kind != CLI_IGNORED)
			cli_parse_attr(object, attr, &set->field[type]);
	}
	return object;
}

bool cli_message_ok(const struct nlmsghdr *nlh, size_t len)
{
	return len >= sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) && nlh->nlmsg_len <= len;
}

/* The attributes behind headers of @header bytes; NULL: the message is shorter. */
static const void *cli_attributes(const struct nlmsghdr *nlh, size_t header, size_t *len)
{
	size_t payload = mnl_nlmsg_get_payload_len(nlh);

	if (payload < header)
		return NULL;
	header = MNL_ALIGN(header);
	*len = payload > header ? payload - header : 0;
	return (const char *)mnl_nlmsg_get_payload(nlh) + header;
}

uint8_t cli_parse_command(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*genl) ? genl->cmd : 0;
}

json_t *cli_parse_message(const struct nlmsghdr *nlh)
{
	const void *attrs;
	json_t *object;
	size_t len;

	attrs = cli_attributes(nlh, sizeof(struct genlmsghdr), &len);
	if (!attrs)
		return NULL;
	object = cli_parse_set(attrs, len, &cli_main_set);
	/* of devices, the list is there even if it is empty */
	if (json_object_get(object, "backend") && !json_object_get(object, "hazard"))
		json_object_set_new(object, "hazard", json_array());
	return object;
}

/* Behind an error stands the request that it is about: all of it, unless a flag denies it. */
static size_t cli_error_size(const struct nlmsghdr *nlh, const struct nlmsgerr *error)
{
	size_t size = sizeof(*error);

	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len > sizeof(error->msg))
		size += error->msg.nlmsg_len - sizeof(error->msg);
	return size;
}

void cli_parse_verdict(const struct nlmsghdr *nlh, struct cli_verdict *verdict)
{
	size_t payload = mnl_nlmsg_get_payload_len(nlh), header = sizeof(int), len;
	const struct nlattr *attr;
	const void *attrs;
	json_t *text;

	memset(verdict, 0, sizeof(*verdict));
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (payload < sizeof(struct nlmsgerr)) {
			verdict->err = -EBADMSG;
			return;
		}
		header = cli_error_size(nlh, mnl_nlmsg_get_payload(nlh));
	}
	if (payload < sizeof(int))	/* the end of a dump of old */
		return;
	memcpy(&verdict->err, mnl_nlmsg_get_payload(nlh), sizeof(int));
	if (verdict->err > 0)
		verdict->err = 0;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	attrs = cli_attributes(nlh, header, &len);
	if (!attrs)
		return;
	mnl_attr_for_each_payload(attrs, len) {
		if (mnl_attr_get_type(attr) != CLI_EXTACK_TEXT)
			continue;
		text = cli_parse_string(mnl_attr_get_payload(attr),
					strnlen(mnl_attr_get_payload(attr),
						mnl_attr_get_payload_len(attr)));
		snprintf(verdict->text, sizeof(verdict->text), "%s", json_string_value(text));
		json_decref(text);
	}
}

uint16_t cli_parse_family(const struct nlmsghdr *nlh, const char *name)
{
	const struct nlattr *attr;
	const void *attrs;
	uint16_t id = 0;
	bool same = false;
	size_t len;

	attrs = cli_attributes(nlh, sizeof(struct genlmsghdr), &len);
	if (!attrs)
		return 0;
	mnl_attr_for_each_payload(attrs, len) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_get_payload_len(attr) == sizeof(id))
			id = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME)
			same = mnl_attr_get_payload_len(attr) == strlen(name) + 1 &&
				!memcmp(mnl_attr_get_payload(attr), name, strlen(name) + 1);
	}
	return same ? id : 0;
}
