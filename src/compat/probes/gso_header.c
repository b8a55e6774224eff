/* upstream: v6.5 d457a0e329b0; segmentation moved to a header of its own */
#include <linux/netdevice.h>
#ifndef NFTO_BASELINE
#include <net/gso.h>
#endif
