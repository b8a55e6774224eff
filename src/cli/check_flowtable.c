// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include "check_analyse.h"

static bool may_offload(const struct check_flowtable *ft)
{
	return ft->flags == CHECK_FLAGS_UNKNOWN || (ft->flags & CHECK_FLAG_OFFLOAD);
}

static const json_t *find_link(const json_t *links, const char *name)
{
	const json_t *link;
	size_t i;

	json_array_foreach(links, i, link)
		if (!strcmp(check_string(link, "name"), name))
			return link;
	return NULL;
}

/* The one that @link refers to by index: "link" is what it is on top of, "master" its bridge. */
static const json_t *other_link(const json_t *links, const json_t *link, const char *key)
{
	json_int_t index = check_integer(link, key);
	const json_t *other;
	size_t i;

	if (!index)
		return NULL;
	json_array_foreach(links, i, other)
		if (check_integer(other, "index") == index)
			return other;
	return NULL;
}

static bool has_device(const struct check_flowtable *ft, const char *name)
{
	size_t i, length;
	const char *dev;

	for (i = 0; i < check_string_count(ft->dev); i++) {
		dev = check_string_at(ft->dev, i);
		length = strlen(dev);
		if (!strcmp(dev, name))
			return true;
		if (length && dev[length - 1] == '*' && !strncmp(dev, name, length - 1))
			return true;
	}
	return false;
}

/* VLANs and the like of it. What PPP is on top of, the kernel does not tell: it counts too. */
static size_t count_uppers(const json_t *links, const char *name)
{
	json_int_t index = check_integer(find_link(links, name), "index");
	const json_t *link;
	size_t i, count = 0;

	json_array_foreach(links, i, link)
		if (index && (check_integer(link, "link") == index ||
			      !strcmp(check_string(link, "kind"), "ppp")))
			count++;
	return count;
}

static int report_count(struct check_analysis *a, const struct check_flowtable *ft)
{
	struct check_place place = check_place_of_flowtable(ft);
	const char *name = check_string_at(ft->dev, 0);
	size_t uppers = count_uppers(a->links, name);

	switch (check_string_count(ft->dev)) {
	case 0:
		return check_report(a->findings, "flowtable-devices", "problem", &place,
				    "flowtable %s: it has no device: list those that packets of both directions come in by",
				    ft->name);
	case 1:
		/* One port is enough if both directions come in by it, or by VLANs of it. */
		if (strchr(name, '*') || uppers > 1)
			return 0;
		if (!a->links || uppers)
			return check_report(a->findings, "flowtable-devices", "hint", &place,
					    "flowtable %s: %s is its only device: if replies come in by another one that is not on top of it, list that as well",
					    ft->name, name);
		return check_report(a->findings, "flowtable-devices", "problem", &place,
				    "flowtable %s: %s is its only device, and replies come in by another one: list that as well",
				    ft->name, name);
	default:
		return 0;
	}
}

static int report_settings(struct check_analysis *a, const struct check_flowtable *ft)
{
	struct check_place place = check_place_of_flowtable(ft);
	int err = 0;

	if (ft->prio < 0)
		err = check_report(a->findings, "flowtable-priority", "hint", &place,
				   "flowtable %s: some drivers refuse rules of a negative priority (%lld): hook it at priority 0 or above",
				   ft->name, (long long)ft->prio);
	if (!err && ft->flags != CHECK_FLAGS_UNKNOWN && !(ft->flags & CHECK_FLAG_COUNTER))
		err = check_report(a->findings, "flowtable-counter", "hint", &place,
				   "flowtable %s: conntrack does not count what hardware forwards: add `counter`",
				   ft->name);
	return err;
}

static int check_flowtable(struct check_analysis *a, const struct check_flowtable *ft)
{
	struct check_place place = check_place_of_flowtable(ft);
	bool used = false;
	int err = 0;
	size_t i;

	for (i = 0; i < a->add_count; i++)
		used |= a->adds[i].ft == ft;
	if (!used)
		err = check_report(a->findings, "flowtable-unused", "problem", &place,
				   "flowtable %s: no rule adds flows to it: write `ct state established flow add @%s` into the forward chain",
				   ft->name, ft->name);
	if (!err)
		err = report_count(a, ft);
	return err ? err : report_settings(a, ft);
}

void check_flowtables(struct check_analysis *a)
{
	const struct check_place nowhere = { 0 };
	const struct check_flowtable *ft;
	bool offload = false;
	size_t i;

	for (i = 0; i < a->model.flowtable_count; i++)
		offload |= may_offload(&a->model.flowtables[i]);
	if (!offload)
		a->err = check_report(a->findings, "no-offload-flowtable", "problem", &nowhere,
				      a->model.flowtable_count ?
				      "no flowtable has `flags offload`, so nothing is offered to hardware: add it to the one that `flow add` names" :
				      "there is no flowtable, so nothing is offered to hardware: make one of the devices of both directions, with `flags offload`");
	for (i = 0; i < a->model.flowtable_count && !a->err; i++) {
		ft = &a->model.flowtables[i];
		if (may_offload(ft))
			a->err = check_flowtable(a, ft);
	}
}

/* A device of @ft that @link is on top of, at any depth. */
static const char *find_lower(const struct check_analysis *a, const struct check_flowtable *ft,
			      const json_t *link)
{
	unsigned int depth;

	for (depth = 0; depth < 8; depth++) {
		link = other_link(a->links, link, "link");
		if (!link)
			return NULL;
		if (has_device(ft, check_string(link, "name")))
			return check_string(link, "name");
	}
	return NULL;
}

static int check_device(struct check_analysis *a, const struct check_flowtable *ft,
			const char *name)
{
	struct check_place place = check_place_of_flowtable(ft);
	const json_t *link = find_link(a->links, name);
	const char *kind = check_string(link, "kind"), *lower;

	if (strchr(name, '*'))
		return 0;
	if (!link)
		return check_report(a->findings, "device-absent", "problem", &place,
				    "flowtable %s: there is no device %s: make it before the ruleset is loaded",
				    ft->name, name);
	lower = find_lower(a, ft, link);
	if (lower)
		return check_report(a->findings, "device-doubled", "hint", &place,
				    "flowtable %s: %s is on top of %s, which is listed too: list only %s",
				    ft->name, name, lower, lower);
	if (!strcmp(kind, "bridge"))
		return check_report(a->findings, "device-master", "hint", &place,
				    "flowtable %s: %s is a bridge, which no hardware is behind: list its ports",
				    ft->name, name);
	if (!strcmp(kind, "bond") || !strcmp(kind, "team"))
		return check_report(a->findings, "device-master", "hint", &place,
				    "flowtable %s: %s is a %s, whose flows stay in software: put a port by itself into the flowtable",
				    ft->name, name, kind);
	return 0;
}

/* A device in the flowtable, one on top of it, or a bridge of it (or of one on top of it). */
static bool covers(const struct check_analysis *a, const struct check_flowtable *ft,
		   const json_t *link)
{
	const json_t *port;
	unsigned int depth;
	size_t i;

	for (depth = 0; link && depth < 8; depth++) {
		if (has_device(ft, check_string(link, "name")))
			return true;
		/* What PPP is on top of, the kernel does not tell. */
		if (!strcmp(check_string(link, "kind"), "ppp"))
			return true;
		json_array_foreach(a->links, i, port)
			if (other_link(a->links, port, "master") == link &&
			    has_device(ft, check_string(port, "name")))
				return true;
		link = other_link(a->links, link, "link");
	}
	return false;
}

/* Many ways lead to a rule. */
static void drop_repeated(json_t *findings)
{
	size_t i, last = json_array_size(findings) - 1;

	for (i = 0; i < last; i++) {
		if (json_equal(json_array_get(findings, i), json_array_get(findings, last))) {
			json_array_remove(findings, last);
			return;
		}
	}
}

static int check_named(struct check_analysis *a, const struct check_add *add,
		       const struct check_devices *devices)
{
	struct check_place place = check_place_of_rule(add->rule);
	const json_t *link;
	unsigned int i;
	int err;

	for (i = 0; i < devices->count; i++) {
		link = find_link(a->links, devices->name[i]);
		if (link ? covers(a, add->ft, link) : has_device(add->ft, devices->name[i]))
			continue;
		err = check_report(a->findings, "device-missing", "problem", &place,
				   "flow add @%s: flows of %s are meant, which is not in the flowtable: list it there",
				   add->ft->name, devices->name[i]);
		if (err)
			return err;
		drop_repeated(a->findings);
	}
	return 0;
}

void check_devices(struct check_analysis *a)
{
	const struct check_flowtable *ft;
	const struct check_flows *flows;
	size_t i, j;

	for (i = 0; i < a->model.flowtable_count; i++) {
		ft = &a->model.flowtables[i];
		if (!may_offload(ft))
			continue;
		for (j = 0; j < check_string_count(ft->dev) && !a->err; j++)
			a->err = check_device(a, ft, check_string_at(ft->dev, j));
	}
	for (i = 0; i < a->flow_count && !a->err; i++) {
		flows = &a->flows[i];
		if (!flows->add->ft || !may_offload(flows->add->ft))
			continue;
		a->err = check_named(a, flows->add, &flows->cond.in);
		if (!a->err)
			a->err = check_named(a, flows->add, &flows->cond.out);
	}
}
