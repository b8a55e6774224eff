/* upstream: v5.13 563ae557dd4e; rules can ask for a PPPoE header */
#include <net/flow_offload.h>
#ifndef NFTO_BASELINE
int probe(const struct flow_action_entry *entry);
int probe(const struct flow_action_entry *entry)
{
	return entry->id == FLOW_ACTION_PPPOE_PUSH ? entry->pppoe.sid : 0;
}
#endif
