# SPDX-License-Identifier: GPL-2.0
"""Connections as conntrack(8) lists them, and as the kernel does where an old conntrack(8) lacks
the words."""

import ipaddress

from nfto.flow import BOTH
from nfto.shell import read


class Connection:
    """One line of conntrack -L."""

    def __init__(self, line):
        self.line = line
        self.sides = []
        for word in line.split():
            name, equals, value = word.partition("=")
            if not equals:
                continue
            if name == "src":
                self.sides.append({})
            if name in ("src", "dst"):
                value = str(ipaddress.ip_address(value))    # the kernel writes out all of it
            if self.sides:
                self.sides[-1].setdefault(name, value)

    def has(self, flow):
        view = flow.views["client"]
        first = self.sides[0] if self.sides else {}
        return (self.line.split()[0] == flow.proto
                and (first.get("src"), first.get("dst")) == (view.src, view.dst)
                and (first.get("sport"), first.get("dport")) == (str(view.sport), str(view.dport)))

    def timeout(self):
        """Seconds until conntrack forgets it; None: not as long as it is in a flowtable."""
        word = self.line.split()[2]
        return int(word) if word.isdigit() else None

    def tuples(self):
        """How packets of each direction come in: protocol, source, its port, destination, its."""
        return [(self.line.split()[0], side["src"], side.get("sport"), side["dst"],
                 side.get("dport")) for side in self.sides]

    def counted(self):
        """Packets and bytes by direction."""
        return {direction: {"packets": int(side["packets"]), "bytes": int(side["bytes"])}
                for direction, side in zip(BOTH, self.sides)}


def find(flow):
    """The connection of a flow; None if conntrack knows none."""
    listed = flow.router.conntrack("-L", "-f", flow.family, "-p", flow.proto).stdout
    for line in listed.splitlines():
        connection = Connection(line)
        if connection.has(flow):
            return connection
    return None


def listed(router):
    """The kernel's own list, and how many connections are forgotten while something still refers to
    them: a flow that outlives its connection, and forwards past the stack, does."""
    with router.ns.entered():
        lines = read("/proc/thread-self/net/nf_conntrack").splitlines()
        count = int(read("/proc/sys/net/netfilter/nf_conntrack_count"))
    return lines, max(0, count - len(lines))


def having(tag, lines):
    # the family and its number come first
    return [Connection(line.split(None, 2)[2]) for line in lines if tag in line]


def tagged(router, tag="[HW_OFFLOAD]"):
    """Connections of which the kernel itself says so: an old conntrack(8) mixes up its tags."""
    return having(tag, listed(router)[0])


def in_hardware(flow):
    """Does the kernel say that its connection is?"""
    return any(connection.has(flow) for connection in tagged(flow.router))


def delete(flow):
    view = flow.views["client"]
    flow.router.conntrack("-D", "-f", flow.family, "-p", flow.proto, "--orig-src", view.src,
                          "--orig-dst", view.dst, "--orig-port-src", str(view.sport))
