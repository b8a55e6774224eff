// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, and what drivers say of them. Drivers that keep a cache read the hardware
 * once in a second: what they say is as old as the last full second. No work item does
 * that here; the first hit in a second puts aside what was counted before.
 */
#include <linux/jiffies.h>

#include "sim.h"

static unsigned long this_second(void)
{
	return jiffies / HZ;
}

/* In the data path. */
void nfto_sim_stats_hit(struct nfto_sim_entry *entry, u32 len)
{
	unsigned long second = this_second();

	if (READ_ONCE(entry->second) != second) {
		spin_lock(&entry->poll_lock);
		if (entry->second != second) {
			if (entry->second)
				entry->polled_at = (entry->second + 1) * HZ;
			entry->polled_packets = atomic64_read(&entry->packets);
			entry->polled_bytes = atomic64_read(&entry->bytes);
			WRITE_ONCE(entry->second, second);
		}
		spin_unlock(&entry->poll_lock);
	}
	atomic64_inc(&entry->packets);
	atomic64_add(len, &entry->bytes);
	WRITE_ONCE(entry->lastused, jiffies);
}

/* As polled at the beginning of this second; @at is when the counters had moved last. */
void nfto_sim_stats_polled(struct nfto_sim_entry *entry, u64 *packets, u64 *bytes,
			   unsigned long *at)
{
	spin_lock_bh(&entry->poll_lock);
	if (entry->second && entry->second != this_second()) {
		*packets = atomic64_read(&entry->packets);
		*bytes = atomic64_read(&entry->bytes);
		*at = (entry->second + 1) * HZ;
	} else {
		*packets = entry->polled_packets;
		*bytes = entry->polled_bytes;
		*at = entry->polled_at;
	}
	spin_unlock_bh(&entry->poll_lock);
}

static void tell(struct nfto_sim_entry *entry, struct flow_stats *stats, u64 packets, u64 bytes,
		 unsigned long lastused, enum flow_action_hw_stats kind)
{
	flow_stats_update(stats, bytes - entry->told_bytes, packets - entry->told_packets, 0,
			  lastused, kind);
	entry->told_packets = packets;
	entry->told_bytes = bytes;
}

/* What was counted since it was last told. */
void nfto_sim_stats_now(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
	tell(entry, stats, atomic64_read(&entry->packets), atomic64_read(&entry->bytes),
	     READ_ONCE(entry->lastused), FLOW_ACTION_HW_STATS_IMMEDIATE);
}

/* The same from a cache. */
void nfto_sim_stats_delayed(struct nfto_sim_entry *entry, struct flow_stats *stats)
{
	unsigned long at;
	u64 packets, bytes;

	nfto_sim_stats_polled(entry, &packets, &bytes, &at);
	tell(entry, stats, packets, bytes, at, FLOW_ACTION_HW_STATS_DELAYED);
}
