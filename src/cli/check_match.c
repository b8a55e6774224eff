// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include "check_match.h"
#include "check_model.h"

/* A comparison; @right is NULL if it is not known to what. */
struct comparison {
	struct check_cond *cond;
	const char *op;
	const json_t *right;
};

void check_cond_init(struct check_cond *cond, const char *family)
{
	memset(cond, 0, sizeof(*cond));
	cond->ct = CT_ALL;
	cond->l4 = L4_ALL;
	cond->l3 = !strcmp(family, "ip") ? L3_IP : !strcmp(family, "ip6") ? L3_IP6 : L3_ALL;
}

void check_cond_some(struct check_cond *cond)
{
	cond->partial = true;
	cond->narrowed = true;
}

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static bool one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (is(word, *words))
			return true;
	return false;
}

static bool is_equal(const struct comparison *c)
{
	return is(c->op, "==") || is(c->op, "in");
}

/*
 * Calls @value for each of those in @right: one by itself, a list, a set, with or without an
 * element's counter. False if there are others than those, such as in a named set.
 */
static bool each_value(const json_t *right, bool (*value)(const json_t *, void *), void *arg)
{
	const json_t *inner, *item;
	const char *kind;
	size_t i;

	if (json_is_array(right)) {
		json_array_foreach(right, i, item)
			if (!each_value(item, value, arg))
				return false;
		return i > 0;
	}
	kind = check_only_key(right, &inner);
	if (kind && is(kind, "set"))
		return each_value(inner, value, arg);
	if (kind && is(kind, "elem"))
		return each_value(json_object_get(inner, "val"), value, arg);
	return right && value(right, arg);
}

static bool count_value(const json_t *value, void *arg)
{
	const char *name = json_string_value(value);
	unsigned int *count = arg;

	++*count;
	return !name || (name[0] != '@' && !strchr(name, '*'));
}

/*
 * An address, or a device: where it has to be this one, packets of one direction are meant. Where
 * it may be one of several, or just has to be another, it may well be both.
 */
static void match_end(const struct comparison *c)
{
	unsigned int count = 0;

	if (is_equal(c) && each_value(c->right, count_value, &count) && count == 1)
		c->cond->one_way |= ONE_WAY_ENDS;
}

struct bit {
	const char *name;
	unsigned int bit;
};

struct bits {
	const struct bit *table;
	unsigned int value;
};

static bool add_bit(const json_t *value, void *arg)
{
	const char *name = json_string_value(value);
	struct bits *bits = arg;
	const struct bit *bit;
	char number[24];

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		name = number;
	}
	for (bit = bits->table; name && bit->name; bit++) {
		if (is(bit->name, name)) {
			bits->value |= bit->bit;
			return true;
		}
	}
	return false;
}

/* 0 if any value is not in @table. */
static unsigned int bits_of(const json_t *right, const struct bit *table)
{
	struct bits bits = { .table = table };

	return each_value(right, add_bit, &bits) ? bits.value : 0;
}

static const struct bit ct_states[] = {
	{ "new", CT_NEW }, { "established", CT_ESTABLISHED }, { "related", CT_RELATED },
	{ "invalid", CT_INVALID }, { "untracked", CT_UNTRACKED }, { NULL, 0 }
};

static const struct bit l3_protocols[] = {
	{ "ipv4", L3_IP }, { "ipv6", L3_IP6 }, { "ip", L3_IP }, { "ip6", L3_IP6 },
	{ "2", L3_IP }, { "10", L3_IP6 }, { NULL, 0 }
};

static const struct bit l4_protocols[] = {
	{ "tcp", L4_TCP }, { "udp", L4_UDP }, { "gre", L4_GRE }, { "6", L4_TCP },
	{ "17", L4_UDP }, { "47", L4_GRE }, { "icmp", L4_OTHER }, { "icmpv6", L4_OTHER },
	{ "ipv6-icmp", L4_OTHER }, { "igmp", L4_OTHER }, { "esp", L4_OTHER }, { "ah", L4_OTHER },
	{ "comp", L4_OTHER }, { "ipcomp", L4_OTHER }, { "sctp", L4_OTHER }, { "dccp", L4_OTHER },
	{ "udplite", L4_OTHER }, { "1", L4_OTHER }, { "2", L4_OTHER }, { "50", L4_OTHER },
	{ "58", L4_OTHER }, { "132", L4_OTHER }, { NULL, 0 }
};

unsigned int check_ct_states(const json_t *right)
{
	return bits_of(right, ct_states);
}

bool check_is_ct_state(const json_t *left)
{
	return is(check_string(json_object_get(left, "ct"), "key"), "state");
}

static unsigned int narrow_bits(const struct comparison *c, unsigned int old,
				const struct bit *table)
{
	unsigned int bits = bits_of(c->right, table);

	check_cond_some(c->cond);
	if (!bits)
		return old;
	if (is_equal(c))
		return old & bits;
	/* There is more than one protocol behind "other". */
	return is(c->op, "!=") ? old & ~(bits & (table == l4_protocols ? L4_FLOWS : ~0U)) : old;
}

static void match_ct_state(const struct comparison *c)
{
	unsigned int states = check_ct_states(c->right);

	/* Each packet has one state: "!" is none of a list, "!=" none of a set. */
	if (states && is_equal(c))
		c->cond->ct &= states;
	else if (states && (is(c->op, "!") || (is(c->op, "!=") && !json_is_array(c->right))))
		c->cond->ct &= ~states;
	else
		check_cond_some(c->cond);
}

static void set_packet(struct check_cond *cond, const json_t *left)
{
	if (!cond->packet[0])
		check_thing(left, cond->packet);
}

static void match_ct(const struct comparison *c, const json_t *left, const json_t *ct)
{
	static const char *const counts[] = { "bytes", "packets", "avgpkt", "expiration", NULL };
	static const struct bit seen[] = {
		{ "assured", 1 }, { "seen-reply", 1 }, { "confirmed", 1 }, { NULL, 0 }
	};
	const char *key = check_string(ct, "key");

	if (is(key, "state")) {
		match_ct_state(c);
		return;
	}
	check_cond_some(c->cond);
	if (is(key, "status") && is_equal(c) && bits_of(c->right, seen))
		c->cond->ct &= ~CT_NEW;
	if (is(key, "direction"))
		match_end(c);
	if (!one_of(key, counts))
		return;
	set_packet(c->cond, left);
	/* Who waits for so many packets waits for the reply as well. */
	if (c->op[0] == '>')
		c->cond->ct &= ~CT_NEW;
}

static bool add_device(const json_t *value, void *arg)
{
	struct check_devices *devices = arg;
	const char *name = json_string_value(value);

	if (!name || strchr(name, '*') || devices->count == 16)
		return false;
	devices->name[devices->count++] = name;
	return true;
}

static void match_device(const struct comparison *c, struct check_devices *devices)
{
	struct check_devices named = { .count = 0 };

	check_cond_some(c->cond);
	match_end(c);
	if (!is_equal(c) || !each_value(c->right, add_device, &named))
		return;
	/* Nothing is forwarded from or to this one. */
	if (named.count == 1 && is(named.name[0], "lo"))
		c->cond->ct = 0;
	if (!devices->count)
		*devices = named;
}

static void match_meta(const struct comparison *c, const json_t *left, const json_t *meta)
{
	static const char *const of_packet[] = {
		"length", "hour", "day", "time", "random", "cpu", NULL
	};
	static const char *const of_device[] = {
		"iiftype", "oiftype", "iifgroup", "oifgroup", "sdif", "sdifname", "iifkind",
		"oifkind", "ibrname", "obrname", NULL
	};
	static const struct bit to_many[] = { { "broadcast", 1 }, { "multicast", 1 }, { NULL, 0 } };
	const char *key = check_string(meta, "key");
	struct check_cond *cond = c->cond;

	check_cond_some(cond);
	if (is(key, "pkttype") && is_equal(c) && bits_of(c->right, to_many))
		cond->ct &= ~CT_ESTABLISHED;
	else if (is(key, "iif") || is(key, "iifname"))
		match_device(c, &cond->in);
	else if (is(key, "oif") || is(key, "oifname"))
		match_device(c, &cond->out);
	else if (is(key, "l4proto"))
		cond->l4 = narrow_bits(c, cond->l4, l4_protocols);
	else if (is(key, "nfproto") || is(key, "protocol"))
		cond->l3 = narrow_bits(c, cond->l3, l3_protocols);
	else if (one_of(key, of_packet))
		set_packet(cond, left);
	else if (one_of(key, of_device))
		match_end(c);
}

static bool to_port(const json_t *value, uint16_t *port)
{
	json_int_t number = json_integer_value(value);

	*port = (uint16_t)number;
	return json_is_integer(value) && number >= 0 && number <= 65535;
}

static bool add_port(const json_t *value, void *arg)
{
	const json_t *range = json_object_get(value, "range");
	struct check_ports *ports = arg;
	uint16_t low, high;

	if (ports->count == 32)
		return false;
	if (!to_port(range ? json_array_get(range, 0) : value, &low) ||
	    !to_port(range ? json_array_get(range, 1) : value, &high))
		return false;
	ports->range[ports->count].low = low;
	ports->range[ports->count++].high = high;
	return true;
}

/* The port of the service is what a rule asks for; the other one is anything, mostly. */
static void match_port(const struct comparison *c, bool source)
{
	struct check_ports ports = { .source = source };

	/* Replies come to any port that a rule does not name; in a tuple it names some. */
	if (is_equal(c) || !c->right)
		c->cond->one_way |= source ? ONE_WAY_SPORT : ONE_WAY_DPORT;
	if (!is_equal(c) || !each_value(c->right, add_port, &ports))
		return;
	if (!c->cond->ports.count || (c->cond->ports.source && !source))
		c->cond->ports = ports;
}

static bool has_handshake(const json_t *flags, bool all)
{
	static const struct bit handshake[] = {
		{ "syn", 1 }, { "fin", 1 }, { "rst", 1 }, { NULL, 0 }
	};
	const json_t *item, *inner;
	const char *kind = check_only_key(flags, &inner);
	bool found = false;
	size_t i;

	/* An element of a set, and flags that newer versions of nft join by "|". */
	if (kind && (is(kind, "set") || is(kind, "elem") || is(kind, "|")))
		return has_handshake(is(kind, "elem") ? json_object_get(inner, "val") : inner,
				     is(kind, "set"));
	if (!json_is_array(flags))
		return bits_of(flags, handshake);
	json_array_foreach(flags, i, item) {
		found = has_handshake(item, false);
		if (found != all)
			return found;
	}
	return found;
}

/*
 * Packets with SYN, FIN or RST are never switched: they end the flow, or come before it. So a
 * rule that asks for one of them misses nothing.
 */
static void match_tcp_flags(const struct comparison *c, const json_t *left)
{
	/* "in" lists flags of which one is enough, "==" those that there have to be. */
	if (is_equal(c) && has_handshake(c->right, is(c->op, "in")))
		c->cond->ct &= ~CT_ESTABLISHED;
	else
		set_packet(c->cond, left);
}

static void match_raw(const struct comparison *c, const json_t *left, const json_t *payload)
{
	json_int_t end = check_integer(payload, "offset") + check_integer(payload, "len");

	/* Addresses and ports are as good as their names; all else is anything. */
	if (is(check_string(payload, "base"), "th") && end <= 32)
		match_end(c);
	else
		set_packet(c->cond, left);
}

static void match_field(const struct comparison *c, const json_t *left, const char *field)
{
	static const char *const of_packet[] = {
		"length", "dscp", "ecn", "id", "ttl", "hoplimit", "flowlabel", "checksum",
		"sequence", "ackseq", "window", "urgptr", "doff", "pcp", "dei", NULL
	};
	static const char *const of_ends[] = { "saddr", "daddr", NULL };

	if (is(field, "dport") || is(field, "sport"))
		match_port(c, is(field, "sport"));
	else if (one_of(field, of_ends))
		match_end(c);
	else if (is(field, "flags"))
		match_tcp_flags(c, left);
	else if (is(field, "protocol") || is(field, "nexthdr"))
		c->cond->l4 = narrow_bits(c, c->cond->l4, l4_protocols);
	else if (one_of(field, of_packet))
		set_packet(c->cond, left);
	else if (is(field, "frag-off"))
		/* Fragments are not switched; others have one and the same value. */
		c->cond->ct &= ~CT_ESTABLISHED;
}

static void match_payload(const struct comparison *c, const json_t *left, const json_t *payload)
{
	const char *protocol = check_string(payload, "protocol");
	struct check_cond *cond = c->cond;
	const struct bit *bit;

	check_cond_some(cond);
	if (!protocol[0]) {
		match_raw(c, left, payload);
		return;
	}
	if (is(protocol, "ip") || is(protocol, "icmp") || is(protocol, "igmp"))
		cond->l3 &= L3_IP;
	else if (is(protocol, "ip6") || is(protocol, "icmpv6"))
		cond->l3 &= L3_IP6;
	else if (is(protocol, "arp"))
		cond->l3 = 0;
	for (bit = l4_protocols; bit->name; bit++)
		if (is(bit->name, protocol))
			cond->l4 &= bit->bit;
	match_field(c, left, check_string(payload, "field"));
}

static void match_fib(const struct comparison *c, const json_t *fib)
{
	const json_t *flags = json_object_get(fib, "flags");
	const char *right = json_string_value(c->right);
	size_t i;

	check_cond_some(c->cond);
	if (!is(check_string(fib, "result"), "type") || !is_equal(c) || !right ||
	    !is(right, "local"))
		return;
	/* What is for this host is not forwarded. */
	for (i = 0; i < check_string_count(flags); i++)
		if (is(check_string_at(flags, i), "daddr"))
			c->cond->ct = 0;
}

static void match_left(const struct comparison *c, const json_t *left)
{
	static const char *const of_packet[] = { "ip option", "tcp option", "numgen", NULL };
	const json_t *inner, *part;
	const char *kind = check_only_key(left, &inner);
	struct comparison unknown = { c->cond, "", NULL };
	size_t i;

	if (!kind) {
		check_cond_some(c->cond);
	} else if (is(kind, "ct")) {
		match_ct(c, left, inner);
	} else if (is(kind, "meta")) {
		match_meta(c, left, inner);
	} else if (is(kind, "payload")) {
		match_payload(c, left, inner);
	} else if (is(kind, "fib")) {
		match_fib(c, inner);
	} else if (is(kind, "concat")) {
		check_cond_some(c->cond);
		json_array_foreach(inner, i, part)
			match_left(&unknown, part);
	} else {
		check_cond_some(c->cond);
		if (one_of(kind, of_packet))
			set_packet(c->cond, left);
	}
}

/* @left with a mask: which bits are left of it is known for flags and states only. */
static bool match_masked(const struct comparison *c, const json_t *left)
{
	const json_t *operands, *first, *payload;
	const char *kind = check_only_key(left, &operands);
	struct comparison unknown = { c->cond, "", NULL };

	if (!kind || strlen(kind) > 2 || !strchr("&|^<>", kind[0]))
		return false;
	first = json_array_get(operands, 0);
	payload = json_object_get(first, "payload");
	check_cond_some(c->cond);
	if (is(kind, "&") && is(check_string(payload, "protocol"), "tcp") &&
	    is(check_string(payload, "field"), "flags"))
		match_left(c, first);
	else if (is(kind, "&") && check_is_ct_state(first) && is_equal(c) &&
		 check_ct_states(c->right))
		c->cond->ct &= check_ct_states(c->right);
	else
		match_left(&unknown, first);
	return true;
}

void check_cond_match(struct check_cond *cond, const json_t *match)
{
	struct comparison c = { cond, check_string(match, "op"), json_object_get(match, "right") };
	const json_t *left = json_object_get(match, "left");

	if (!match_masked(&c, left))
		match_left(&c, left);
}

void check_cond_equal(struct check_cond *cond, const json_t *left, const json_t *right)
{
	struct comparison c = { cond, "==", right };

	if (!match_masked(&c, left))
		match_left(&c, left);
}

void check_thing(const json_t *expr, char thing[CHECK_THING])
{
	const json_t *inner;
	const char *kind = check_only_key(expr, &inner);
	const char *word = check_string(inner, "key");

	if (!kind)
		kind = "a value";
	if (is(kind, "payload")) {
		kind = check_string(inner, "protocol");
		word = check_string(inner, "field");
		if (!kind[0])
			kind = "packet contents";
	} else if (is(kind, "ip option") || is(kind, "tcp option") || is(kind, "exthdr")) {
		word = check_string(inner, "name");
	}
	snprintf(thing, CHECK_THING, "%.24s%s%.20s", kind, word[0] ? " " : "", word);
}

static bool ports_meet(const struct check_ports *a, const struct check_ports *b)
{
	unsigned int i, j;

	if (!a->count || !b->count)
		return true;
	for (i = 0; i < a->count; i++)
		for (j = 0; j < b->count; j++)
			if (a->range[i].low <= b->range[j].high &&
			    b->range[j].low <= a->range[i].high)
				return true;
	return false;
}

static bool names_device(const struct check_devices *devices, const char *name)
{
	unsigned int i;

	for (i = 0; i < devices->count; i++)
		if (is(devices->name[i], name))
			return true;
	return false;
}

/* A flow has two devices; each of them is where packets of one direction come in. */
static bool devices_meet(const struct check_cond *flow, const struct check_devices *devices)
{
	unsigned int i;

	if (!flow->in.count || !flow->out.count || !devices->count)
		return true;
	for (i = 0; i < devices->count; i++)
		if (names_device(&flow->in, devices->name[i]) ||
		    names_device(&flow->out, devices->name[i]))
			return true;
	return false;
}

bool check_cond_overlap(const struct check_cond *flow, const struct check_cond *cond,
			bool same_ports)
{
	return (flow->l3 & cond->l3) && (flow->l4 & cond->l4 & L4_FLOWS) &&
	       (!same_ports || ports_meet(&flow->ports, &cond->ports)) &&
	       devices_meet(flow, &cond->in) && devices_meet(flow, &cond->out);
}
