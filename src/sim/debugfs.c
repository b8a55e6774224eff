// SPDX-License-Identifier: GPL-2.0
/*
 * Knobs and the truth. Every file works under asic->lock alone: directories are removed
 * under RTNL, and removal waits for calls in progress.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "sim.h"

static struct dentry *root;
static u32 next_group;
static atomic_t orphaned;	/* in all ASICs that there ever were */

u32 nfto_sim_next_group(void)
{
	return READ_ONCE(next_group);
}

void nfto_sim_count_orphan(void)
{
	atomic_inc(&orphaned);
}

/* ---- knobs: one line in, one line out ---- */

#define LINE_MAX_LEN	64

/* Digits and nothing else: no sign, no blank, no other base. */
static int parse_u32(const char *text, u32 max, u32 *value)
{
	u32 number;

	if (!isdigit(*text) || kstrtou32(text, 10, &number) || strchr(text, '\n') ||
	    number > max)
		return -EINVAL;
	*value = number;
	return 0;
}

/* A write is a whole line, with or without its end. Leaves it in @line. */
static int get_line(const char __user *from, size_t len, loff_t pos, char *line)
{
	if (pos || !len || len >= LINE_MAX_LEN)
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	if (line[len - 1] == '\n')
		len--;
	line[len] = '\0';
	return strlen(line) == len ? 0 : -EINVAL;
}

/* Knobs of an ASIC; under asic->lock. */
struct nfto_sim_knob_def {
	const char	*name;
	int		(*store)(struct nfto_sim_asic *asic, unsigned int arg, const char *line);
	void		(*show)(const struct nfto_sim_asic *asic, unsigned int arg, char *line);
	unsigned int	arg;
};

static int personality_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	const struct nfto_sim_personality *personality = nfto_sim_personality_find(line);

	if (!personality)
		return -EINVAL;
	if (!list_empty(&asic->bindings) || asic->entries)
		return -EBUSY;
	WRITE_ONCE(asic->personality, personality);
	return 0;
}

static void personality_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	strscpy(line, asic->personality->name, LINE_MAX_LEN);
}

static int capacity_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	return parse_u32(line, NFTO_SIM_MAX_CAPACITY, &asic->capacity);
}

static void capacity_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	snprintf(line, LINE_MAX_LEN, "%u", asic->capacity);
}

static int latency_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	u32 latency;

	if (parse_u32(line, NFTO_SIM_MAX_LATENCY_US, &latency))
		return -EINVAL;
	WRITE_ONCE(asic->latency_us, latency);
	return 0;
}

static void latency_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	snprintf(line, LINE_MAX_LEN, "%u", asic->latency_us);
}

static int pin_features_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	u32 pin;
	int err = parse_u32(line, 1, &pin);

	if (!err)
		asic->pin_features = pin;
	return err;
}

static void pin_features_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	snprintf(line, LINE_MAX_LEN, "%u", asic->pin_features);
}

/* As a driver whose device was reset: it says nothing, and has no rule any more. */
static int forget_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	u32 forget;
	int err = parse_u32(line, 1, &forget);

	if (!err && forget)
		nfto_sim_table_forget(asic);
	return err;
}

static void forget_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	strscpy(line, "0", LINE_MAX_LEN);
}

/* "ERRNO", "ERRNO COUNT" or "0". */
static int fail_store(struct nfto_sim_asic *asic, unsigned int arg, const char *line)
{
	char copy[LINE_MAX_LEN], *count;
	struct nfto_sim_fail fail = {};

	strscpy(copy, line, sizeof(copy));
	count = strchr(copy, ' ');
	if (count)
		*count++ = '\0';
	if (parse_u32(copy, MAX_ERRNO, &fail.err))
		return -EINVAL;
	if (count && (!fail.err || parse_u32(count, S32_MAX, &fail.count) || !fail.count))
		return -EINVAL;
	fail.forever = !count;
	asic->fail[arg] = fail;
	return 0;
}

static void fail_show(const struct nfto_sim_asic *asic, unsigned int arg, char *line)
{
	const struct nfto_sim_fail *fail = &asic->fail[arg];

	if (!fail->err)
		strscpy(line, "0", LINE_MAX_LEN);
	else if (fail->forever)
		snprintf(line, LINE_MAX_LEN, "%u -1", fail->err);
	else
		snprintf(line, LINE_MAX_LEN, "%u %u", fail->err, fail->count);
}

static const struct nfto_sim_knob_def knob_defs[] = {
	{ "personality", personality_store, personality_show },
	{ "capacity", capacity_store, capacity_show },
	{ "latency_us", latency_store, latency_show },
	{ "pin_features", pin_features_store, pin_features_show },
	{ "forget", forget_store, forget_show },
	{ "fail_bind", fail_store, fail_show, NFTO_SIM_FAIL_BIND },
	{ "fail_add", fail_store, fail_show, NFTO_SIM_FAIL_ADD },
	{ "fail_del", fail_store, fail_show, NFTO_SIM_FAIL_DEL },
	{ "fail_stats", fail_store, fail_show, NFTO_SIM_FAIL_STATS },
};

static_assert(ARRAY_SIZE(knob_defs) == NFTO_SIM_KNOBS);

static ssize_t knob_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	const struct nfto_sim_knob *knob = file->private_data;
	char line[LINE_MAX_LEN + 1];

	mutex_lock(&knob->asic->lock);
	knob->def->show(knob->asic, knob->def->arg, line);
	mutex_unlock(&knob->asic->lock);
	strcat(line, "\n");
	return simple_read_from_buffer(to, len, pos, line, strlen(line));
}

static ssize_t knob_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	const struct nfto_sim_knob *knob = file->private_data;
	char line[LINE_MAX_LEN];
	int err;

	err = get_line(from, len, *pos, line);
	if (err)
		return err;
	mutex_lock(&knob->asic->lock);
	err = knob->def->store(knob->asic, knob->def->arg, line);
	mutex_unlock(&knob->asic->lock);
	return err ?: len;
}

static const struct file_operations knob_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= knob_read,
	.write	= knob_write,
	.llseek	= default_llseek,
};

static ssize_t next_group_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	char line[LINE_MAX_LEN];
	int n = snprintf(line, sizeof(line), "%u\n", READ_ONCE(next_group));

	return simple_read_from_buffer(to, len, pos, line, n);
}

static ssize_t next_group_write(struct file *file, const char __user *from, size_t len,
				loff_t *pos)
{
	char line[LINE_MAX_LEN];
	u32 group;
	int err;

	err = get_line(from, len, *pos, line);
	if (!err)
		err = parse_u32(line, U32_MAX, &group);
	if (err)
		return err;
	WRITE_ONCE(next_group, group);
	return len;
}

static const struct file_operations next_group_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= next_group_read,
	.write	= next_group_write,
	.llseek	= default_llseek,
};

/* ---- what there is ---- */

static int entries_show(struct seq_file *seq, void *v)
{
	struct nfto_sim_asic *asic = seq->private;

	mutex_lock(&asic->lock);
	seq_printf(seq, "%u\n", asic->entries);
	mutex_unlock(&asic->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(entries);

static int ports_show(struct seq_file *seq, void *v)
{
	struct nfto_sim_asic *asic = seq->private;
	const struct nfto_sim_port *port;

	mutex_lock(&asic->lock);
	list_for_each_entry(port, &asic->ports, list)
		seq_printf(seq, "%s %s p%u\n", port->name, port->lower_name, port->number);
	mutex_unlock(&asic->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ports);

static int calls_show(struct seq_file *seq, void *v)
{
	static const char *const names[NFTO_SIM_CALLS] = {
		[NFTO_SIM_CALL_BIND]		= "bind",
		[NFTO_SIM_CALL_UNBIND]		= "unbind",
		[NFTO_SIM_CALL_BIND_FAILED]	= "bind_failed",
		[NFTO_SIM_CALL_ADD]		= "add",
		[NFTO_SIM_CALL_ADD_FAILED]	= "add_failed",
		[NFTO_SIM_CALL_DEL]		= "del",
		[NFTO_SIM_CALL_DEL_FAILED]	= "del_failed",
		[NFTO_SIM_CALL_STATS]		= "stats",
		[NFTO_SIM_CALL_STATS_FAILED]	= "stats_failed",
	};
	struct nfto_sim_asic *asic = seq->private;
	int i;

	mutex_lock(&asic->lock);
	for (i = 0; i < NFTO_SIM_CALLS; i++)
		seq_printf(seq, "%s=%llu ", names[i], asic->calls[i]);
	seq_printf(seq, "orphaned=%llu max_table=%u add_error=%d\n", asic->orphaned,
		   asic->max_entries, asic->add_error);
	mutex_unlock(&asic->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

void nfto_sim_debugfs_add(struct nfto_sim_asic *asic)
{
	char name[16];
	int i;

	snprintf(name, sizeof(name), "asic%d", asic->number);
	asic->dir = debugfs_create_dir(name, root);
	for (i = 0; i < NFTO_SIM_KNOBS; i++) {
		asic->knobs[i].asic = asic;
		asic->knobs[i].def = &knob_defs[i];
		debugfs_create_file(knob_defs[i].name, 0600, asic->dir, &asic->knobs[i],
				    &knob_fops);
	}
	debugfs_create_file("table", 0400, asic->dir, asic, &nfto_sim_dump_fops);
	debugfs_create_file("entries", 0400, asic->dir, asic, &entries_fops);
	debugfs_create_file("ports", 0400, asic->dir, asic, &ports_fops);
	debugfs_create_file("calls", 0400, asic->dir, asic, &calls_fops);
}

void nfto_sim_debugfs_init(void)
{
	root = debugfs_create_dir(NFTO_SIM_NAME, NULL);
	debugfs_create_file("next_group", 0600, root, NULL, &next_group_fops);
	debugfs_create_atomic_t("orphaned", 0400, root, &orphaned);
}

void nfto_sim_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
