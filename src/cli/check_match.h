/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which packets of forwarded flows can be at a place of the ruleset. What is not understood leaves
 * more packets, never fewer.
 */
#ifndef NFTO_CLI_CHECK_MATCH_H
#define NFTO_CLI_CHECK_MATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CT_NEW 1
#define CT_ESTABLISHED 2
#define CT_RELATED 4
#define CT_INVALID 8
#define CT_UNTRACKED 16
#define CT_ALL 31

#define L3_IP 1
#define L3_IP6 2
#define L3_ALL 3

#define L4_TCP 1
#define L4_UDP 2
#define L4_GRE 4
#define L4_OTHER 8
#define L4_FLOWS (L4_TCP | L4_UDP | L4_GRE)	/* others never get into a flowtable */
#define L4_ALL 15

/* What fits one direction of a connection, and not the other. */
#define ONE_WAY_DPORT 1
#define ONE_WAY_SPORT 2
#define ONE_WAY_ENDS 4		/* devices, addresses */

#define CHECK_THING 48

/* A few are enough: with more of them, or none, any port, any device. */
struct check_ports {
	unsigned int count;
	bool source;
	struct {
		uint16_t low, high;
	} range[32];
};

struct check_devices {
	unsigned int count;
	const char *name[16];
};

struct check_rule;

struct check_cond {
	unsigned int ct, l3, l4;	/* bits; ct 0: no packet gets here */
	unsigned int one_way;
	bool partial;			/* this rule asked for more than ct states */
	bool narrowed;			/* so did this rule, or one that led here */
	char packet[CHECK_THING];	/* asked for, and differs between a flow's packets; or "" */
	struct check_ports ports;
	struct check_devices in, out;
	const struct check_rule *taker;	/* after it, no established packet was left */
};

/* All forwarded packets of an address family. */
void check_cond_init(struct check_cond *cond, const char *family);

/* Leaves those packets that {"match": @match} does. */
void check_cond_match(struct check_cond *cond, const json_t *match);

/* The same for @left == @right, as in a verdict map. */
void check_cond_equal(struct check_cond *cond, const json_t *left, const json_t *right);

/* A condition of which nothing is known. */
void check_cond_some(struct check_cond *cond);

/* The states that @right names; 0 if it is no list of them. */
unsigned int check_ct_states(const json_t *right);
bool check_is_ct_state(const json_t *left);

/* "ip dscp", "ct mark": what an expression reads or writes. */
void check_thing(const json_t *expr, char thing[CHECK_THING]);

/* Can a packet of a flow that is added under @flow get to what has @cond? */
bool check_cond_overlap(const struct check_cond *flow, const struct check_cond *cond,
			bool same_ports);

#endif
