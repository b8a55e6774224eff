# SPDX-License-Identifier: GPL-2.0
"""Whether the ASIC holds what the module says that it holds, and nothing is left to do."""

from nfto.cli import Cli
from nfto.shell import SCALE, wait_for

# Until they agree, after whatever it was: seconds. What only the kernel's own collector sees is
# gone soon; a driver that failed to delete is asked again with patience.
SETTLED = 15 * SCALE


class Agreement:
    """Between a router's ASIC and the registry of its flows."""

    def __init__(self, router):
        self.router = router
        self.cli = Cli(router)

    def parts(self):
        """What the ASIC's table and the registry hold, as sets that must be equal; what is still
        going on; what is kept from hardware for no reason. A native driver's flows are in no
        registry."""
        native = self.router.asic.get("personality") == "ft"
        flows = self.cli.flows()
        table = {(entry["in"], entry["proto"], entry["src"], entry["sport"], entry["dst"],
                  entry["dport"]) for entry in self.router.asic.table}
        known = {(flow["ingress_name"], flow["protocol"], flow["source"],
                  str(flow["source_port"]), flow["destination"], str(flow["destination_port"]))
                 for flow in flows if flow["state"] == "hardware"}
        busy = [flow for flow in flows if flow["state"] in ("queued", "removing")]
        silent = [flow for flow in flows if flow["state"] in ("refused", "failed")
                  and not flow["reason"]]
        return table, table if native else known, busy, silent

    def reached(self):
        table, known, busy, silent = self.parts()
        return table == known and not busy and not silent

    def lack(self):
        table, known, busy, silent = self.parts()
        return "agreement; only in the ASIC: %s; only in the registry: %s; busy: %s; " \
            "without a reason: %s; %s" % (table - known, known - table, busy, silent,
                                          self.router.asic.calls)

    def wait(self):
        wait_for(self.reached, SETTLED, self.lack, interval=0.1)
        calls = self.router.asic.calls
        assert calls["orphaned"] == 0, calls

    def wait_empty(self):
        wait_for(lambda: self.router.asic.entries == 0, SETTLED, "an empty table")
        calls = self.router.asic.calls
        assert calls["orphaned"] == 0, calls
