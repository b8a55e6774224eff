// SPDX-License-Identifier: GPL-2.0
/* Makes the kernel misbehave on demand, for the harness to notice. */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/reboot.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

static struct dentry *knob;

static void plant_warn(void)
{
	WARN(1, "planted");
}

static void plant_hang(void)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion(&never);
}

/* Without a word in the log. */
static void plant_taint(void)
{
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
}

static int panic_at_poweroff(struct notifier_block *nb, unsigned long event, void *data)
{
	panic("planted");
}

/* When the machine goes. */
static void plant_late(void)
{
	static struct notifier_block nb = { .notifier_call = panic_at_poweroff };

	register_reboot_notifier(&nb);
}

/* ---- what only a debug kernel notices ---- */

static void plant_uaf(void)
{
	char *freed = kmalloc(16, GFP_KERNEL);

	kfree(freed);
	OPTIMIZER_HIDE_VAR(freed);
	WRITE_ONCE(freed[3], 1);
}

static void plant_shift(void)
{
	int places = 40;

	OPTIMIZER_HIDE_VAR(places);
	pr_info("planted: %d\n", 1 << places);
}

static void plant_rcu(void)
{
	static void __rcu *pointer;

	pr_info("planted: %d\n", !rcu_dereference(pointer));
}

/* One after the other and the other way round: it would only sometimes be a deadlock. */
static void plant_lock(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static DEFINE_SPINLOCK(in_softirqs);

static void take_in_softirq(struct tasklet_struct *tasklet)
{
	spin_lock(&in_softirqs);
	spin_unlock(&in_softirqs);
}

/* Below a lock that softirqs take, one that is taken where they may come. */
static void plant_softirq(void)
{
	static DECLARE_TASKLET(tasklet, take_in_softirq);
	static DEFINE_SPINLOCK(open);

	tasklet_schedule(&tasklet);
	tasklet_kill(&tasklet);
	spin_lock(&open);
	spin_unlock(&open);
	spin_lock_bh(&in_softirqs);
	spin_lock(&open);
	spin_unlock(&open);
	spin_unlock_bh(&in_softirqs);
}

static void plant_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void planted_expired(struct timer_list *timer)
{
}

static void plant_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, planted_expired, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void plant_refs(void)
{
	refcount_t count = REFCOUNT_INIT(1);

	OPTIMIZER_HIDE_VAR(count.refs.counter);
	refcount_dec(&count);
}

static void plant_list(void)
{
	LIST_HEAD(list);
	LIST_HEAD(other);
	struct list_head entry;

	list_add(&entry, &list);
	entry.next = &other;
	list_del(&entry);
}

static void plant_leak(void)
{
	char *lost = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

static const struct {
	const char *word;
	void (*plant)(void);
} faults[] = {
	{ "warn", plant_warn }, { "hang", plant_hang }, { "taint", plant_taint },
	{ "late", plant_late },
	{ "uaf", plant_uaf }, { "shift", plant_shift }, { "rcu", plant_rcu },
	{ "lock", plant_lock }, { "sleep", plant_sleep }, { "timer", plant_timer },
	{ "refs", plant_refs }, { "list", plant_list }, { "leak", plant_leak },
	{ "softirq", plant_softirq },
};

static ssize_t planted_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char word[8] = "";
	int i;

	if (copy_from_user(word, buf, min(count, sizeof(word) - 1)))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strncmp(word, faults[i].word, strlen(faults[i].word)))
			continue;
		faults[i].plant();
		return count;
	}
	return -EINVAL;
}

static const struct file_operations planted_ops = {
	.owner = THIS_MODULE,
	.write = planted_write,
};

static int __init planted_init(void)
{
	knob = debugfs_create_file("nfto_planted", 0200, NULL, NULL, &planted_ops);
	return PTR_ERR_OR_ZERO(knob);
}

static void __exit planted_exit(void)
{
	debugfs_remove(knob);
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_DESCRIPTION("Planted faults for the tests of the test harness");
MODULE_LICENSE("GPL");
