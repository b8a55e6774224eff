/* upstream: after v6.12, by v7.3; a rule says whether software has it too */
#include <net/flow_offload.h>
#ifndef NFTO_BASELINE
void probe(struct flow_cls_common_offload *common);
void probe(struct flow_cls_common_offload *common)
{
	common->skip_sw = true;
}
#endif
