# SPDX-License-Identifier: GPL-2.0
"""Connections as conntrack(8) lists them."""

from nfto.flow import BOTH


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
            if self.sides:
                self.sides[-1].setdefault(name, value)

    def has(self, flow):
        view = flow.views["client"]
        first = self.sides[0] if self.sides else {}
        return (self.line.split()[0] == flow.proto
                and (first.get("src"), first.get("dst")) == (view.src, view.dst)
                and (first.get("sport"), first.get("dport")) == (str(view.sport), str(view.dport)))

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


def delete(flow):
    view = flow.views["client"]
    flow.router.conntrack("-D", "-f", flow.family, "-p", flow.proto, "--orig-src", view.src,
                          "--orig-dst", view.dst, "--orig-port-src", str(view.sport))
