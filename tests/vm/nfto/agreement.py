# SPDX-License-Identifier: GPL-2.0
"""Whether the ASIC, the module and the kernel's tables say the same, and nothing is left to do."""

import collections

from nfto import conntrack, device, frames
from nfto.cli import Cli
from nfto.shell import SCALE, wait_for

# Until they agree, after whatever it was: seconds. What only the kernel's own collector sees is
# gone soon; a driver that failed to delete is asked again with patience.
SETTLED = 15 * SCALE
PROTOCOLS = {number: name for name, number in frames.PROTOCOLS.items()}


def as_tuple(flow):
    """How its packets come in, as conntrack has it."""
    return (PROTOCOLS[flow["protocol"]], flow["source"], str(flow["source-port"]),
            flow["destination"], str(flow["destination-port"]))


class Agreement:
    """Between a router's ASIC, the registry of its flows and the connections they belong to."""

    def __init__(self, router):
        self.router = router
        self.cli = Cli(router)

    def flows(self):
        while True:
            with device.opened(self.router.ns) as family:
                try:
                    return family.flows()
                except InterruptedError:
                    # Some may be missing: asked again.
                    continue

    def parts(self):
        """What the ASIC's table and the registry hold, counted, which must be equal; what is still
        going on; what is kept from hardware for no reason; where the kernel says otherwise. A
        native driver's flows are in no registry."""
        native = self.router.asic.get("personality") == "ft"
        flows = self.flows()
        table = collections.Counter(
            (entry["in"], entry["out"], entry["proto"], entry["src"], entry["sport"],
             entry["dst"], entry["dport"]) for entry in self.router.asic.table)
        known = collections.Counter((flow["ingress-name"], flow["egress-name"]) + as_tuple(flow)
                                    for flow in flows if flow["state"] == "hardware")
        busy = [flow for flow in flows if flow["state"] in ("queued", "removing")]
        silent = [flow for flow in flows if flow["state"] in ("refused", "failed")
                  and not flow.get("reason")]
        lines, forgotten = conntrack.listed(self.router)
        otherwise = ["%d connections outlive conntrack's list" % forgotten] if forgotten else []
        if not native:
            otherwise += self.otherwise(flows, conntrack.having("OFFLOAD]", lines))
        return table, table if native else known, busy, silent, otherwise

    @staticmethod
    def otherwise(flows, connections):
        """Each flow belongs to a connection that is in a flowtable; one is said to be in hardware
        if, and only if, one of its directions is."""
        hardware = {as_tuple(flow) for flow in flows if flow["state"] == "hardware"}
        tags = {each: connection.line for connection in connections
                for each in connection.tuples() if connection.timeout() is None}
        said = [connection for connection in connections if "[HW_" in connection.line
                and not hardware.intersection(connection.tuples())]
        return ["no hardware: " + connection.line for connection in said] + [
            "%s: %s" % (flow, tags.get(each, "no such connection"))
            for flow, each in ((flow, as_tuple(flow)) for flow in flows)
            if ("[HW_" if each in hardware else "OFFLOAD]") not in tags.get(each, "")]

    def reached(self):
        table, known, *others = self.parts()
        return table == known and not any(others)

    def lack(self):
        table, known, busy, silent, otherwise = self.parts()
        return "agreement; only in the ASIC: %s; only in the registry: %s; busy: %s; " \
            "without a reason: %s; the kernel: %s; %s" % (
                list(table - known), list(known - table), busy, silent, otherwise,
                self.router.asic.calls)

    def wait(self):
        wait_for(self.reached, SETTLED, self.lack, interval=0.1)
        calls = self.router.asic.calls
        assert calls["orphaned"] == 0, calls

    def wait_empty(self):
        wait_for(lambda: self.router.asic.entries == 0, SETTLED, "an empty table")
        calls = self.router.asic.calls
        assert calls["orphaned"] == 0, calls
