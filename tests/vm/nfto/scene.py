# SPDX-License-Identifier: GPL-2.0
"""Flows of all kinds through one router, and what changes their way.

    v3 (veth, no port of the ASIC)      p1, the way to the servers
    p0, the way to the clients          p2, another way to the servers
"""

import time

from nfto import conntrack, hosts, rules
from nfto.flow import BOTH, ORIGINAL, REPLY
from nfto.moving import (BACK, BOUND, HARDWARE, PLAIN, SELECT, SOFTWARE, MovingFlow, Stream,
                         assert_not_switched, assert_switched)
from nfto.shell import wait_for
from nfto.traffic import establish, offloaded, probe

PORTS = ("sim", "sim", "sim", "veth")
FAMILIES = ("ipv4", "ipv6")
# What a scene has if it is not told otherwise.
FLOWS = ((HARDWARE, "ipv4", "udp", "none"), (HARDWARE, "ipv4", "tcp", "snat"),
         (HARDWARE, "ipv6", "udp", "none"), (SOFTWARE, "ipv4", "udp", "none"),
         (SOFTWARE, "ipv6", "tcp", "none"), (PLAIN, "ipv4", "udp", "none"),
         (PLAIN, "ipv6", "udp", "none"))


class Scene:
    """A context manager. begin() makes the flows; each change() is judged to its end."""

    def __init__(self, router, measured):
        self.router = router
        self.hosts = hosts.Hosts(router)
        self.flows = []
        self.stream = None
        # What was measured, for the log.
        self.measured = measured

    def __enter__(self):
        self.hosts.__enter__()
        return self

    def __exit__(self, *error):
        if self.stream:
            self.stream.stop()
        self.hosts.__exit__(*error)

    def __getitem__(self, name):
        return self.router[name]

    def ip(self, *lines):
        self.router.ns.ip(*lines)

    def begin(self, flows=FLOWS, way=None, size=100, more_rules="", devices=None, **where):
        """The ruleset, then flows: proven from the ASIC's table and counters to be what they are
        said to be. way is the servers', if it is not plainly p1."""
        self.router.nft(rules.whole(self.router, devices, select=SELECT) + more_rules)
        for how, *what in flows:
            # From the veth no flow can get into hardware.
            client = 3 if how == SOFTWARE else 0
            flow = MovingFlow(self.router, how, *what, client=client, **where)
            if way:
                flow.ways[ORIGINAL] = way
            self.flows.append(establish(flow))
        for flow in self.flows:
            self.show(flow)
        self.stream = Stream(self.flows, size)
        self.stream.__enter__()

    def show(self, flow):
        """It is what it is said to be."""
        if flow.how == HARDWARE:
            offloaded(flow)
            assert_switched(flow)
            assert flow.switched(self.router.asic.table), self.router.asic.get("table")
            wait_for(lambda: conntrack.in_hardware(flow), BACK, "%s is marked" % flow)
        else:
            probe(flow)
            if flow.how == SOFTWARE:
                wait_for(lambda: probe(flow) or "[OFFLOAD]" in conntrack.find(flow).line, BACK,
                         "%s in the flowtable" % flow)
            assert_not_switched(flow)
            assert not conntrack.in_hardware(flow)

    def reroute(self, way, direction=ORIGINAL, closed=()):
        """What is right from now on, for all flows that the direction's present port is for."""
        for flow in self.flows:
            if flow.how == SOFTWARE and direction == REPLY:
                continue    # its client is somewhere else
            flow.ways[direction] = way
            flow.closed = frozenset(closed)

    def close(self, *directions):
        for flow in self.flows:
            flow.closed = frozenset(directions)

    def change(self, what, action, move, bound=BOUND, still=False):
        """The way changes: all packets are right in time, and no stale entry stays."""
        self.stream.change(action, move, still)
        late = self.stream.wait_until_right(bound)
        left = bound - (time.monotonic() - self.stream.done)
        wait_for(lambda: not self.stale(), max(left, 0.0),
                 lambda: "%s: stale entries: %s" % (what, self.stale()))
        wait_for(self.marks_are_true, BOUND, lambda: "%s: [HW_OFFLOAD] in conntrack: %s" % (
            what, {str(flow): conntrack.in_hardware(flow) for flow in self.flows}))
        for how in HARDWARE, SOFTWARE, PLAIN:
            times = [late[case] for case in late if case[0].how == how]
            if times:
                self.measured.append("%s: %s flows are right %.2f s later at most" % (
                    what, how, max(times)))

    def stale(self):
        table = self.router.asic.table
        return [entry for flow in self.flows for entry in flow.stale(table)]

    def marks_are_true(self):
        """conntrack calls offloaded what has a direction in the table of the ASIC, no other."""
        table = self.router.asic.table
        return all(conntrack.in_hardware(flow) == any(
            flow.entries(direction, table) for direction in BOTH) for flow in self.flows)

    def back(self, what):
        """The flows come back into hardware by themselves, on their new way."""
        begin = time.monotonic()

        def missing():
            table = self.router.asic.table
            return [str(flow) for flow in self.flows
                    if flow.how == HARDWARE and not flow.switched(table)]

        wait_for(lambda: not missing(), BACK, lambda: "%s in hardware again: %s" % (
            missing(), self.router.asic.calls), interval=0.1)
        self.measured.append("%s: in hardware again %.2f s later" % (
            what, time.monotonic() - begin))

    def end(self, switched=True):
        """The end of all traffic. Then each flow proves once more what became of it."""
        self.stream.finish()
        hardware = [flow for flow in self.flows if flow.how == HARDWARE]
        if switched:
            for flow in hardware:
                assert_switched(flow)
            # Mended with the next poll, if an older flow's end has cleared it.
            wait_for(self.marks_are_true, BOUND, "true marks in conntrack")
        open_flows = [flow for flow in self.flows if not flow.closed]
        for flow in open_flows:
            if flow.how != HARDWARE:
                assert_not_switched(flow)
        held = 2 * len(hardware) if switched else 0
        wait_for(lambda: self.router.asic.entries == held, BOUND, lambda: "%d entries: %s" % (
            held, self.router.asic.get("table")))
        assert self.router.asic.calls["orphaned"] == 0


def addresses(port):
    """ip(8) commands for a port's own addresses, without neighbours and routes."""
    return list(port.address_lines())[:2] + [hosts.link_local(port)]


def routes(port):
    return list(port.address_lines())[4:]


def nets(port):
    """What lies behind a port's first host, by family."""
    return {"ipv4": "10.77.%d.0/24" % (port.index + 1), "ipv6": "fd77:%x::/64" % (port.index + 1)}


