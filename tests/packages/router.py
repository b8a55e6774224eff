#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A router that comes up with its machine: ports in the first namespace, a ruleset from the boot.

router.py wires    make the ports and what lies behind them
router.py traffic  send TCP through the ruleset that is there; all must be switched by the ASIC
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))

from nfto import rules                                                      # noqa: E402
from nfto.asic import Asic                                                  # noqa: E402
from nfto.flow import Flow                                                  # noqa: E402
from nfto.netns import ip_lines                                             # noqa: E402
from nfto.shell import SCALE, run                                           # noqa: E402
from nfto.topology import End, Router                                       # noqa: E402
from nfto.traffic import assert_hardware, establish, measure, offloaded     # noqa: E402

# What the README's ruleset lets through.
rules.ASKED["none"] = 443


class Booted(Router):
    """Ports that stay when this program ends. Without the virtual ASIC, ordinary devices."""

    def make(self):
        if run("modprobe nft_offload_sim", check=False).returncode:
            for port in self.ports:
                port.kind, port.lower = "veth", port.name
        # Process 1 is in the first namespace.
        ip_lines(["netns attach %s 1" % self.ns.name]
                 + ["netns add " + side.name for side in self.sides])
        self.ns.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        for side in self.sides:    # nothing but these tests is to send
            side.sysctl(ipv6__conf__default__disable_ipv6=1)
        self.add_wires(self.ports)
        self.add_ports(self.ports)

    def build(self):
        for port in self.ports:
            port.end = End(self.side(port), "e%d" % port.index)
            self.cleanup.callback(port.end.close)
        self.asic = Asic.of_port(self.ns, self.ports[0].name)


def traffic():
    with Booted() as router:
        # Connections of an earlier run may be known still.
        number = random.randrange(0x8000)
        for index, family in enumerate(("ipv4", "ipv6")):
            flow = establish(Flow(router, family, "tcp", number=2 * number + index))
            offloaded(flow, deadline=30 * SCALE)
            assert_hardware(measure(flow, 100))
            print("%s: 100 packets each way, all switched by the ASIC" % flow)


if __name__ == "__main__":
    {"wires": Booted().make, "traffic": traffic}[sys.argv[1]]()
