// SPDX-License-Identifier: GPL-2.0
/* Makes the kernel misbehave on demand, for the harness to notice. */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static struct dentry *knob;

static ssize_t planted_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	DECLARE_COMPLETION_ONSTACK(never);
	char word[8] = "";

	if (copy_from_user(word, buf, min(count, sizeof(word) - 1)))
		return -EFAULT;
	if (!strncmp(word, "warn", 4))
		WARN(1, "planted");
	else if (!strncmp(word, "hang", 4))
		wait_for_completion(&never);
	else
		return -EINVAL;
	return count;
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
