# SPDX-License-Identifier: GPL-2.0
"""A connection through the router, as client and server see it."""

import collections
import itertools

from nfto import frames, rules
from nfto.frames import ACK, FIN, PSH, RST, SYN, Segment, Tuple, turned

ORIGINAL, REPLY = "original", "reply"
BOTH = (ORIGINAL, REPLY)
# Kinds of packets. They are numbered separately, so that data is the same however often was probed.
DATA, PROBE, HANDSHAKE, FAREWELL = range(4)
# Payload sizes: short, odd, middling, and the most that 1500 bytes of MTU take with either family.
SIZES = (12, 13, 100, 611, 1440)

# key: what identifies it. sent: as the sender builds it. expected: as it must arrive.
# size: of the payload. enters, leaves: the router's ports.
Packet = collections.namedtuple("Packet", "flow direction key sent expected size enters leaves")

numbers = itertools.count(1)


class Flow:
    """One connection. server may be any port; behind says that both ends are behind gateways."""

    def __init__(self, router, family="ipv4", proto="udp", nat="none", client=0, server=1,
                 sport=None, behind=False, number=None):
        self.number = next(numbers) & 0xffff if number is None else number
        self.router = router
        self.family, self.proto, self.nat = family, proto, nat
        self.client, self.server = router.ports[client], router.ports[server]
        self.sequence = {ORIGINAL: 1000, REPLY: 5000}
        # How far each stream has come to its receiver, and where the packets under way end.
        self.heard = dict(self.sequence)
        self.under_way = {}
        self.counts = collections.Counter()
        # What conntrack must have counted: packets, and bytes of layer 3.
        self.offered = {direction: collections.Counter() for direction in BOTH}
        host = (lambda port: port.remote[family]) if behind else (lambda port: port.host[family])
        source = Tuple(host(self.client), host(self.server),
                       sport or 20000 + self.number % 10000, rules.ASKED[nat])
        self.views = {"client": self.as_client(source), "server": self.as_server(source)}

    def as_client(self, view):
        if self.nat in rules.REAL:
            return view._replace(dst=rules.PUBLIC[self.family])
        return view

    def as_server(self, view):
        view = view._replace(dport=rules.REAL.get(self.nat, view.dport),
                             sport=rules.MAPPED.get(self.nat, view.sport))
        if self.nat == "masquerade":
            return view._replace(src=self.server.address[self.family])
        if self.nat in rules.MAPPED:
            return view._replace(src=rules.SNAT_SOURCE[self.family])
        return view

    def __str__(self):
        return "%s %s %s" % (self.family, self.proto, self.nat)

    def entering(self, direction):
        """The port that packets of a direction enter, and their tuple there."""
        if direction == ORIGINAL:
            return self.client, self.views["client"]
        return self.server, turned(self.views["server"])

    def leaving(self, direction):
        """The port that packets of a direction leave, and their tuple there."""
        if direction == ORIGINAL:
            return self.server, self.views["server"]
        return self.client, turned(self.views["client"])

    def packet(self, direction, size=12, flags=ACK | PSH, options=b"", kind=DATA, ttl=64, **more):
        """A packet in both shapes; each has a number of its own within direction and kind."""
        self.counts[direction, kind] += 1
        number = self.counts[direction, kind]
        payload = frames.payload_of(
            frames.Key(self.number, int(direction == REPLY), kind, number), size)
        segment = None
        if self.proto == "tcp":
            other = REPLY if direction == ORIGINAL else ORIGINAL
            # A handshake's packets arrive one by one, though all are made beforehand. Any other
            # may overtake what was sent the other way, and conntrack drops an acknowledgement
            # of what it has not seen.
            come = self.sequence if kind == HANDSHAKE else self.heard
            segment = Segment(self.sequence[direction], come[other] if flags & ACK else 0,
                              flags, options)
        common = dict(dict(proto=self.proto, payload=payload, segment=segment, tos=0x28,
                           ident=(self.number << 8) + number), **more)
        (enters, before), (leaves, after) = self.entering(direction), self.leaving(direction)
        sent = frames.frame(enters.host_mac, enters.mac, before, ttl=ttl, **common)
        self.offered[direction].update(packets=1, bytes=len(sent) - frames.ETH_LEN)
        expected = frames.frame(leaves.mac, leaves.host_mac, after, ttl=ttl - 1, **common)
        return Packet(self, direction, frames.key_of(payload),
                      frames.tagged(enters.wrapped(sent), *enters.tags),
                      frames.tagged(leaves.wrapped(expected), *leaves.tags),
                      len(payload), enters, leaves)

    def advance(self, packet, flags=0):
        """The sender's stream goes on after this packet; SYN and FIN take a number each."""
        self.sequence[packet.direction] += packet.size + bool(flags & (SYN | FIN))
        self.under_way[packet.key] = self.sequence[packet.direction]
        return packet

    def arrived(self, packet):
        """The receiver of a packet acknowledges it from now on; a probe is no part of a stream."""
        end = self.under_way.pop(packet.key, 0)
        self.heard[packet.direction] = max(self.heard[packet.direction], end)

    def data(self, direction, count, sizes=SIZES, **more):
        """Packets as a sender with much to say would send them."""
        return [self.advance(self.packet(direction, sizes[index % len(sizes)], **more))
                for index in range(count)]

    def probe(self, direction):
        """A packet that does not advance the stream: a sender may repeat itself."""
        return self.packet(direction, kind=PROBE)

    def handshake(self):
        """The packets, in turn, after which conntrack calls the connection established."""
        if self.proto == "udp":
            return [self.packet(direction, kind=HANDSHAKE) for direction in BOTH]
        # A key needs a payload, and a handshake may carry one (TCP Fast Open).
        return [self.advance(self.packet(direction, flags=flags, kind=HANDSHAKE, options=(
            frames.WINDOW_SCALE if flags & SYN else b"")), flags)
            for direction, flags in ((ORIGINAL, SYN), (REPLY, SYN | ACK), (ORIGINAL, ACK))]

    def finish(self, direction):
        return self.advance(self.packet(direction, flags=FIN | ACK, kind=FAREWELL), FIN)

    def reset(self, direction):
        return self.packet(direction, flags=RST | ACK, kind=FAREWELL)
