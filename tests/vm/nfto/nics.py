# SPDX-License-Identifier: GPL-2.0
"""Flows of all kinds through ports that are modelled on a NIC and programmed as its driver: which
the ASIC switches, right to the byte, and which are refused, for which reason.

tests/nics keeps what has to come out, README is made of it (scripts/nic-matrix).
"""

import collections
import itertools
import json
import os
import types

from nfto import encap, frames, limits, rules
from nfto.flow import BOTH, Flow
from nfto.personalities import with_ttl
from nfto.shell import SCALE, wait_for
from nfto.topology import Port
from nfto.traffic import assert_delivered, deliver

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "nics")

# Personality -> the driver that it is vouched for as, and with which policies it is tried. What
# comes after the name tells those of one driver apart: whether they have a switch parent id.
LOSSY, UNGUARDED = "ttl=lossy", "ttl=lossy,tcp=unguarded"
NICS = {
    "generic": ("nft_offload_sim", ["default"]),
    "mlx5": ("mlx5_core-no-id", ["default"]),
    "mlx5-switchdev": ("mlx5_core-id", ["default"]),
    "sfc": ("sfc_ef100", ["default"]),
    "nfp": ("nfp", ["default", LOSSY]),
    "cxgb4": ("cxgb4", ["default", LOSSY, UNGUARDED]),
    "cxgb4-bare": ("cxgb4", [UNGUARDED]),
    "bnxt": ("bnxt_en", ["default", LOSSY, UNGUARDED]),
    # For which nobody ever must vouch.
    "stmmac": ("-", ["default"]),
}
CASES = [(nic, policy) for nic, (_driver, policies) in NICS.items() for policy in policies]

def driver_of(nic):
    """As administrators name it, when they vouch for it."""
    return NICS[nic][0].replace("-no-id", "").replace("-id", "")


# What becomes of a flow's addresses, with or without the ports that go with them; between which of
# the ports() it goes.
Kind = collections.namedtuple("Kind", "snat sport dnat dport client server")
PLAIN_CLIENT, PLAIN_SERVER, VLAN_CLIENT, VLAN_SERVER = range(4)


def plain(snat=False, sport=False, dnat=False, dport=False):
    return Kind(snat, sport, dnat, dport, PLAIN_CLIENT, PLAIN_SERVER)


KINDS = {
    "routed": plain(),
    "snat": plain(snat=True),
    "snat-port": plain(snat=True, sport=True),
    "dnat": plain(dnat=True),
    "dnat-port": plain(dnat=True, dport=True),
    "both": plain(snat=True, dnat=True),
    "both-ports": plain(True, True, True, True),
    # Requests lose their tag, replies get one.
    "vlan": plain()._replace(client=VLAN_CLIENT),
    "vlan-vlan": plain()._replace(client=VLAN_CLIENT, server=VLAN_SERVER),
}
FAMILIES, PROTOCOLS = ("ipv4", "ipv6"), ("udp", "tcp")
SHARES = list(itertools.product(FAMILIES, PROTOCOLS))

# Results besides the reasons. The second: but for the TTL, with which the packet came.
SWITCHED, TTL_UNTOUCHED = "hw", "hw-ttl"
TTL = 64
SIZES = (12, 13, 611)


def asked(kind):
    """The port that a client asks for tells the kind."""
    return 7100 + list(KINDS).index(kind)


def real(kind):
    return asked(kind) + (2000 if KINDS[kind].dport else 0)


def mapped(kind, family):
    """Replies are told apart by it."""
    return 33100 + 100 * FAMILIES.index(family) + list(KINDS).index(kind)


class KindFlow(Flow):
    def __init__(self, router, ports, kind, family, proto):
        self.kind = kind
        how = KINDS[kind]
        super().__init__(types.SimpleNamespace(ports=ports), family, proto, client=how.client,
                         server=how.server)
        self.router = router

    def __str__(self):
        return "%s %s %s" % (self.family, self.proto, self.kind)

    def as_client(self, view):
        view = view._replace(dport=asked(self.kind))
        return view._replace(dst=rules.PUBLIC[self.family]) if KINDS[self.kind].dnat else view

    def as_server(self, view):
        how = KINDS[self.kind]
        view = view._replace(dport=real(self.kind))
        if how.snat:
            view = view._replace(src=rules.SNAT_SOURCE[self.family])
        if how.sport:
            view = view._replace(sport=mapped(self.kind, self.family))
        return view


def target(address, port):
    return "%s:%d" % (rules.bracketed(address), port) if port else address


def nat(server):
    """Rulesets that translate by the port that is asked for, to the server's addresses."""
    text = ""
    for family, table in ("ipv4", "ip"), ("ipv6", "ip6"):
        chains = {"dnat": [], "snat": []}
        for (kind, how), proto in itertools.product(KINDS.items(), PROTOCOLS):
            if how.dnat:
                chains["dnat"].append("%s dport %d dnat to %s" % (
                    proto, asked(kind), target(server[family], how.dport and real(kind))))
            if how.snat:
                chains["snat"].append("%s dport %d snat to %s" % (
                    proto, real(kind), target(rules.SNAT_SOURCE[family],
                                              how.sport and mapped(kind, family))))
        text += rules.NAT % dict({chain: "\n".join(lines) for chain, lines in chains.items()},
                                 table=table)
    return text


def add_vlans(router):
    """Ports of flows: the router's two, and a VLAN on each with a network of its own."""
    ports = list(router.ports)
    for below, vid in zip(router.ports, (10, 20)):
        port = Port(below.kind, below.index + len(router.ports))
        device = "%s.%d" % (below.name, vid)
        port.name, port.mac, port.end = below.name, below.mac, below.end
        port.tags = ((encap.Q, vid),)
        encap.add_vlan(router, below.name, device, port.tags[0])
        encap.up(router, device)
        router.ns.ip(*port.address_lines(device))
        ports.append(port)
    return ports


def flowtable_devices(router):
    names = router.names
    if limits.has("path-discovery"):
        names = names + [link["ifname"] for link in router.links()
                         if link["ifname"].partition(".")[0] in names and "." in link["ifname"]]
    return names


def parent_id(router, name):
    shown = json.loads(router.ns.run("ip -json -details link show dev " + name).stdout)
    return shown[0].get("phys_switch_id")


class Trial:
    """All kinds of flows through one router at once; devices and trace have to be there."""

    def __init__(self, router, ports, devices, trace, nic, policy):
        self.router, self.devices, self.trace = router, devices, trace
        self.nic, self.policy = nic, policy
        self.flows = [KindFlow(router, ports, kind, *share)
                      for kind in KINDS for share in SHARES]
        self.cases = list(itertools.product(self.flows, BOTH))

    def prepare(self):
        """The ASIC becomes the NIC, the ports the driver's, and the ruleset is loaded."""
        router = self.router
        driver = NICS[self.nic][0]
        router.asic.set(personality=self.nic)
        words = {} if self.policy == "default" else dict(
            word.split("=") for word in self.policy.split(","))
        if driver != "-":
            words["driver"] = driver_of(self.nic)
        if driver.endswith("-id"):
            assert bool(parent_id(router, "p0")) != driver.endswith("-no-id")
        for name in router.names if words else ():
            self.devices.set(name, **words)
        router.nft("flush ruleset\n" + rules.forward(flowtable_devices(router))
                   + nat(router.ports[1].host))
        wait_for(lambda: all(self.judged(name) for name in router.names), 10 * SCALE,
                 lambda: "the ports' backends: %s" % self.devices.dump())

    def judged(self, name):
        shown = self.devices.get(name)
        return shown["backend"] == "bridged" and not shown["reason"] or (
            shown["backend"] == "software" and shown["reason"] != "bind-pending")

    def deliver(self, packets):
        """Packets have to arrive, right to the byte. Returns the keys of those whose TTL is what
        it was; the policy must allow it."""
        ledger = deliver(packets)
        untouched = set()
        for key, arrivals in ledger.got.items():
            packet = ledger.sent.get(key)
            frame = packet and self.untouched(packet)
            if frame and arrivals[0][1] == frame and "ttl=lossy" in self.policy:
                ledger.sent[key] = packet._replace(expected=frame)
                untouched.add(key)
        assert_delivered(ledger)
        return untouched

    @staticmethod
    def untouched(packet):
        """The packet as it leaves a NIC that does not decrement."""
        tags = 4 * len(packet.leaves.tags)
        bare = packet.expected[:12] + packet.expected[12 + tags:]
        return packet.expected[:12 + tags] + with_ttl(bare, TTL)[12:]

    def establish(self):
        handshakes = [flow.handshake() for flow in self.flows]
        for stage in range(max(map(len, handshakes))):
            self.deliver([packets[stage] for packets in handshakes if len(packets) > stage])

    def entries(self):
        """By case, the case's entry in the ASIC's table or None."""
        table = {(entry["in"], entry["proto"], entry["src"], entry["dst"], int(entry["sport"]),
                  int(entry["dport"])): entry for entry in self.router.asic.table}
        found = {}
        for flow, direction in self.cases:
            port, view = flow.entering(direction)
            found[flow, direction] = table.get((port.name, flow.proto) + tuple(view))
        return found

    def refusals(self):
        """By case, the last reason why it is not in hardware."""
        told = {}
        for event in self.trace.lines("flow_refused") + self.trace.lines("flow_failed"):
            told[event["dir"], event["proto"], event["sport"], event["dport"]] = event["reason"]
        shown = {name: self.devices.get(name) for name in self.router.names}
        found = {}
        for flow, direction in self.cases:
            port, view = flow.entering(direction)
            number = str(int(frames.PROTOCOLS[flow.proto]))
            found[flow, direction] = told.get(
                (direction, number, str(view.sport), str(view.dport)))
            if shown[port.name]["backend"] == "software":
                found[flow, direction] = shown[port.name]["reason"]
        return found

    def decide(self):
        """Packets now and then, until every direction is in hardware or refused."""
        def open_cases():
            entries, refusals = self.entries(), self.refusals()
            return [case for case in self.cases
                    if not entries[case] and refusals[case] in (None, "bind-pending", "build")]

        def decided():
            left = open_cases()
            self.deliver([flow.probe(direction) for flow in {flow for flow, _ in left}
                          for direction in BOTH])
            return not left

        wait_for(decided, 20 * SCALE, lambda: "a decision on %s" % ", ".join(
            "%s %s" % case for case in open_cases()), interval=0.3)

    def measure(self):
        """By case its result, after packets that prove it."""
        packets = {(flow, direction): flow.data(direction, len(SIZES), SIZES, ttl=TTL)
                   for flow, direction in self.cases}
        before, counters = self.entries(), self.router.statistics()
        untouched = self.deliver(itertools.chain.from_iterable(packets.values()))
        after, refusals = self.entries(), self.refusals()
        moved = {name: now - counters[name] for name, now in self.router.statistics().items()}
        results = {}
        wanted = {name: collections.Counter() for name in self.router.names}
        for case in self.cases:
            flow, direction = case
            results[case] = self.result(case, packets[case], before[case], after[case], untouched)
            way = "hw_%s_packets" if results[case] else "host_%s_packets"
            wanted[flow.entering(direction)[0].name][way % "rx"] += len(SIZES)
            wanted[flow.leaving(direction)[0].name][way % "tx"] += len(SIZES)
            results[case] = results[case] or refusals[case]
        # No packet went two ways, and none another than its entry says. (What the host sends may
        # be of its own.)
        for name, counts in wanted.items():
            for counter in "hw_rx_packets", "hw_tx_packets", "host_rx_packets":
                assert moved[name][counter] == counts[counter], (name, counter)
        return results

    @staticmethod
    def result(case, packets, before, after, untouched):
        """How the ASIC switched the packets; None if it has no entry for them."""
        text = "%s %s" % case
        kept = {packet.key in untouched for packet in packets}
        if not before and not after:
            assert kept == {False}, text + ": the host did not decrement the TTL"
            return None
        assert before and after and before["id"] == after["id"], text + ": its entry changed"
        assert after.packets - before.packets == len(packets), text + ": not all were switched"
        assert len(kept) == 1, text + ": some TTLs were decremented"
        return TTL_UNTOUCHED if kept == {True} else SWITCHED

    def lines(self):
        """The lines of tests/nics for this NIC and policy."""
        bound = self.router.asic.calls["bind"]
        self.prepare()
        self.establish()
        self.decide()
        results = self.measure()
        known = NICS[self.nic][0] != "-"
        assert self.router.asic.calls["bind"] == bound + known * len(self.router.names)
        lines = []
        for kind in KINDS:
            cells = []
            for share in SHARES:
                ways = [results[flow, direction] for flow, direction in self.cases
                        if (flow.kind, flow.family, flow.proto) == (kind,) + share]
                cells.append(ways[0] if ways[0] == ways[1] else "/".join(ways))
            lines.append([self.nic, NICS[self.nic][0], self.policy, kind] + cells)
        return lines


def kept_lines():
    with open(FILE) as file:
        return [line.split() for line in file if not line.startswith("#") and line.strip()]
