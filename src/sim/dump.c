// SPDX-License-Identifier: GPL-2.0
/* The table as text, one line for each entry. */

#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <net/ipv6.h>

#include "sim.h"

/*
 * The position is the id to go on with: entries may come and go between two reads, and
 * none of the others is shown twice or left out.
 */
static void *table_at(struct nfto_sim_asic *asic, loff_t *pos)
{
	struct nfto_sim_entry *entry;
	unsigned long id = *pos;

	entry = xa_find(&asic->ids, &id, ULONG_MAX, XA_PRESENT);
	if (entry)
		*pos = id;
	return entry;
}

static void *table_start(struct seq_file *seq, loff_t *pos)
{
	struct nfto_sim_asic *asic = seq->private;

	mutex_lock(&asic->lock);
	return table_at(asic, pos);
}

static void *table_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return table_at(seq->private, pos);
}

static void table_stop(struct seq_file *seq, void *v)
{
	struct nfto_sim_asic *asic = seq->private;

	mutex_unlock(&asic->lock);
}

static void show_address(struct seq_file *seq, const char *name, __be16 n_proto,
			 const struct in6_addr *mask, const struct in6_addr *addr)
{
	if (ipv6_addr_any(mask))
		seq_printf(seq, " %s=*", name);
	else if (n_proto == htons(ETH_P_IPV6))
		seq_printf(seq, " %s=%pI6c", name, addr);
	else
		seq_printf(seq, " %s=%pI4", name, addr);
}

static void show_port(struct seq_file *seq, const char *name, __be16 mask, __be16 port)
{
	if (mask)
		seq_printf(seq, " %s=%u", name, ntohs(port));
	else
		seq_printf(seq, " %s=*", name);
}

static void show_match(struct seq_file *seq, const struct nfto_sim_entry *entry)
{
	const struct nfto_sim_key *key = &entry->key.key, *mask = &entry->mask->key;

	seq_printf(seq, " family=%s", key->n_proto == htons(ETH_P_IP) ? "ipv4" :
		   key->n_proto == htons(ETH_P_IPV6) ? "ipv6" : "*");
	if (!mask->ip_proto)
		seq_puts(seq, " proto=*");
	else if (key->ip_proto == IPPROTO_TCP)
		seq_puts(seq, " proto=tcp");
	else if (key->ip_proto == IPPROTO_UDP)
		seq_puts(seq, " proto=udp");
	else
		seq_printf(seq, " proto=%u", key->ip_proto);
	show_address(seq, "src", key->n_proto, &mask->src, &key->src);
	show_address(seq, "dst", key->n_proto, &mask->dst, &key->dst);
	show_port(seq, "sport", mask->sport, key->sport);
	show_port(seq, "dport", mask->dport, key->dport);
}

/* Words of a list. */
static const char *comma(bool *first)
{
	const char *sep = *first ? "" : ",";

	*first = false;
	return sep;
}

static void show_new_address(struct seq_file *seq, const char *sep, const char *name, bool ipv6,
			     const struct in6_addr *addr)
{
	if (ipv6)
		seq_printf(seq, "%s%s=%pI6c", sep, name, addr);
	else
		seq_printf(seq, "%s%s=%pI4", sep, name, addr);
}

static void show_rewrites(struct seq_file *seq, const struct nfto_sim_entry *entry, bool *first)
{
	const struct nfto_sim_edit *edit = &entry->edit;
	bool ipv6 = entry->key.key.n_proto == htons(ETH_P_IPV6);

	if (edit->fields & NFTO_SIM_ETH_SRC)
		seq_printf(seq, "%seth_src=%pM", comma(first), edit->eth_src);
	if (edit->fields & NFTO_SIM_ETH_DST)
		seq_printf(seq, "%seth_dst=%pM", comma(first), edit->eth_dst);
	if (edit->fields & NFTO_SIM_TTL)
		seq_printf(seq, "%sttl=%u", comma(first), edit->ttl);
	if (edit->fields & NFTO_SIM_TTL_DEC)
		seq_printf(seq, "%sttl-1", comma(first));
	if (edit->fields & NFTO_SIM_SRC)
		show_new_address(seq, comma(first), "src", ipv6, &edit->src);
	if (edit->fields & NFTO_SIM_DST)
		show_new_address(seq, comma(first), "dst", ipv6, &edit->dst);
	if (edit->fields & NFTO_SIM_SPORT)
		seq_printf(seq, "%ssport=%u", comma(first), ntohs(edit->sport));
	if (edit->fields & NFTO_SIM_DPORT)
		seq_printf(seq, "%sdport=%u", comma(first), ntohs(edit->dport));
}

/* vlan_push=VID[:PRIO][/TPID], the latter two only where they are not the usual ones. */
static void show_vlan_op(struct seq_file *seq, const char *sep, const struct nfto_sim_vlan_op *op)
{
	if (op->op == NFTO_SIM_VLAN_POP) {
		seq_printf(seq, "%svlan_pop", sep);
		return;
	}
	seq_printf(seq, "%s%s=%u", sep, op->op == NFTO_SIM_VLAN_PUSH ? "vlan_push" : "vlan_set",
		   op->tci & VLAN_VID_MASK);
	if (op->op == NFTO_SIM_VLAN_SET_ID)
		return;
	if (op->tci >> VLAN_PRIO_SHIFT)
		seq_printf(seq, ":%u", op->tci >> VLAN_PRIO_SHIFT);
	if (op->proto != htons(ETH_P_8021Q))
		seq_printf(seq, "/%04x", ntohs(op->proto));
}

static void show_actions(struct seq_file *seq, const struct nfto_sim_entry *entry)
{
	static const char *const verdicts[] = {
		[NFTO_SIM_DROP]		= "drop",
		[NFTO_SIM_TRAP]		= "trap",
		[NFTO_SIM_ACCEPT]	= "accept",
	};
	const struct nfto_sim_edit *edit = &entry->edit;
	bool first = true;
	unsigned int i;

	seq_puts(seq, " actions=");
	show_rewrites(seq, entry, &first);
	if (edit->fields & NFTO_SIM_STRIP)
		seq_printf(seq, "%sstrip", comma(&first));
	for (i = 0; i < edit->n_vlan; i++)
		show_vlan_op(seq, comma(&first), &edit->vlan[i]);
	if (edit->fields & NFTO_SIM_PPPOE)
		seq_printf(seq, "%spppoe_push=%u", comma(&first), edit->pppoe_sid);
	if (entry->verdict != NFTO_SIM_REDIRECT)
		seq_printf(seq, "%s%s", comma(&first), verdicts[entry->verdict]);
	if (first)
		seq_putc(seq, '-');
}

/* The rest of the match, which most entries do not have. */
static void show_more_match(struct seq_file *seq, const struct nfto_sim_entry *entry)
{
	const struct nfto_sim_key *key = &entry->key.key, *mask = &entry->mask->key;
	bool first = true;
	int i;

	seq_puts(seq, " match=");
	for (i = 0; i < NFTO_SIM_MAX_TAGS; i++) {
		if (mask->tag[i].tpid || mask->tag[i].tci)
			seq_printf(seq, "%svlan=%04x:%04x/%04x", comma(&first),
				   ntohs(key->tag[i].tpid), ntohs(key->tag[i].tci),
				   ntohs(mask->tag[i].tci));
	}
	if (!is_zero_ether_addr(mask->eth_src))
		seq_printf(seq, "%seth_src=%pM", comma(&first), key->eth_src);
	if (!is_zero_ether_addr(mask->eth_dst))
		seq_printf(seq, "%seth_dst=%pM", comma(&first), key->eth_dst);
	if (mask->tos)
		seq_printf(seq, "%stos=%02x/%02x", comma(&first), key->tos, mask->tos);
	if (mask->ttl)
		seq_printf(seq, "%sttl=%u/%02x", comma(&first), key->ttl, mask->ttl);
	if (entry->frag_mask)
		seq_printf(seq, "%sfrag=%x/%x", comma(&first), entry->frag_flags,
			   entry->frag_mask);
	if (entry->tcp_mask)
		seq_printf(seq, "%stcp_flags=%03x/%03x", comma(&first),
			   ntohs(entry->tcp_flags), ntohs(entry->tcp_mask));
	if (first)
		seq_putc(seq, '-');
}

static int table_show(struct seq_file *seq, void *v)
{
	const struct nfto_sim_entry *entry = v;

	seq_printf(seq, "id=%lu in=%s out=%s", entry->id, entry->in ? entry->in->name : "*",
		   entry->out ? entry->out->name : "-");
	show_match(seq, entry);
	show_actions(seq, entry);
	seq_printf(seq, " packets=%lld bytes=%lld prio=%u", atomic64_read(&entry->packets),
		   atomic64_read(&entry->bytes), entry->prio);
	show_more_match(seq, entry);
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations table_seq_ops = {
	.start	= table_start,
	.next	= table_next,
	.stop	= table_stop,
	.show	= table_show,
};

static int table_open(struct inode *inode, struct file *file)
{
	int err = seq_open(file, &table_seq_ops);

	if (!err)
		((struct seq_file *)file->private_data)->private = inode->i_private;
	return err;
}

const struct file_operations nfto_sim_dump_fops = {
	.owner		= THIS_MODULE,
	.open		= table_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release,
};
