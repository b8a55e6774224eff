# SPDX-License-Identifier: GPL-2.0
"""Flows and packets at random, as they come to a router.

Packets are told apart by IPv4 identification or IPv6 flow label, which no router touches, so that
they may be as short as they like. All that is random comes from a random.Random of the caller's.
"""

import collections
import copy
import random
import socket
import struct

from nfto.flow import ORIGINAL, REPLY
from nfto.frames import ACK, PSH, Tuple, address, mac, tagged, turned

URG, ECE, CWR = 0x20, 0x40, 0x80
FLAGS = (ACK, ACK, ACK | PSH, ACK | URG, ACK | PSH | URG, ACK | ECE, ACK | PSH | ECE | CWR)
PROTOCOLS = {"tcp": 6, "udp": 17}
# Of IPv4's identification, of IPv6's flow label.
UNIT_BITS = {"ipv4": 16, "ipv6": 20}
Q, AD = 0x8100, 0x88a8
# Payload that leaves room for two tags, and for options.
LARGEST = 1380

# views: as the client sees the connection, and as the server does. isn: the first numbers of TCP.
Flow = collections.namedtuple("Flow", "number family proto nat views isn")
# unit: what its frames are known by. ttl: as sent. kind: what is odd about it, or None.
Packet = collections.namedtuple("Packet", "unit flow direction ttl kind frames")


def checksum(data):
    """The Internet checksum of data that are not all zeros."""
    rest = int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xffff
    return 0xffff ^ (rest or 0xffff)


# ---- flows ----

def corner_bytes(chance, size):
    """Bytes that are random, or those at which carries and comparisons go wrong."""
    return bytes(chance.choice((chance.randrange(256), chance.randrange(256), 0, 255))
                 for _ in range(size))


# Family -> role -> range of the first byte, or of the first two of IPv6. ROUTES below cover them.
RANGES = {
    "ipv4": {"client": (11, 63), "snat": (64, 126), "server": (128, 168), "public": (192, 223)},
    "ipv6": {"client": (0x2003, 0x24ff), "snat": (0x2500, 0x27ff), "server": (0x2800, 0x2bff),
             "public": (0x2c00, 0x2fff)},
}
ROUTES = {"ipv4": ("0.0.0.0/1", "128.0.0.0/1"), "ipv6": ("2000::/5", "2800::/5")}


class Addresses:
    """Few enough that flows share them, and some that differ from others in one bit."""

    def __init__(self, chance, number):
        self.chance = chance
        self.number = number
        self.known = collections.defaultdict(list)

    def make(self, family, role):
        low, high = RANGES[family][role]
        first = self.chance.randint(low, high)
        if family == "ipv4":
            return bytes([first]) + corner_bytes(self.chance, 3)
        return struct.pack("!H", first) + corner_bytes(self.chance, 14)

    def one(self, family, role):
        known = self.known[family, role]
        if known and (len(known) >= self.number or self.chance.random() < 0.3):
            packed = self.chance.choice(known)
        elif known and self.chance.random() < 0.3:
            packed = bytearray(self.chance.choice(known))
            packed[-self.chance.randint(1, 2)] ^= 1 << self.chance.randrange(8)
            known.append(bytes(packed))
        else:
            packed = self.make(family, role)
            known.append(packed)
        kind = socket.AF_INET if family == "ipv4" else socket.AF_INET6
        return socket.inet_ntop(kind, bytes(packed))


def port(chance):
    return chance.choice((chance.randint(1, 65535), chance.randint(1, 65535), 1, 255, 256, 0x8000,
                          0xff00, 0xffff))


NATS = ("none", "none", "snat", "dnat", "both")


class Flows:
    """Random flows, no two of which have the same protocol and ports at either end."""

    def __init__(self, chance, number):
        self.chance = chance
        self.addresses = Addresses(chance, max(4, number // 4))
        self.taken = set()
        self.made = []
        while len(self.made) < number:
            self.try_one()

    def translated(self, family, nat, view):
        """What the server sees of what the client sees."""
        chance = self.chance
        if nat in ("dnat", "both"):
            view = view._replace(dst=self.addresses.one(family, "server"),
                                 dport=chance.choice((view.dport, port(chance))))
        if nat in ("snat", "both"):
            view = view._replace(src=self.addresses.one(family, "snat"),
                                 sport=chance.choice((view.sport, port(chance))))
        return view

    def try_one(self):
        chance = self.chance
        family, proto = chance.choice(("ipv4", "ipv6")), chance.choice(("tcp", "udp"))
        nat = chance.choice(NATS)
        asked = "public" if nat in ("dnat", "both") else "server"
        client = Tuple(self.addresses.one(family, "client"), self.addresses.one(family, asked),
                       port(chance), port(chance))
        server = self.translated(family, nat, client)
        # In between, behind the new destination, is what rules for a new source look at.
        between = client._replace(dport=server.dport)
        ends = {(proto, view.sport, view.dport) for view in (
            client, server, turned(client), turned(server), between, turned(between))}
        if ends & self.taken:
            return
        self.taken |= ends
        isn = {ORIGINAL: chance.getrandbits(32), REPLY: chance.choice((0xffffffff, 0x7fffffff,
                                                                       chance.getrandbits(32)))}
        self.made.append(Flow(len(self.made), family, proto, nat,
                              {"client": client, "server": server}, isn))


def view_of(flow, direction):
    """A direction's packets as they come in."""
    return flow.views["client"] if direction == ORIGINAL else turned(flow.views["server"])


def view_after(flow, direction):
    return flow.views["server"] if direction == ORIGINAL else turned(flow.views["client"])


def nat_rules(flows, family, table_text):
    """A table that translates these flows, a rule for each and each end."""
    dnat, snat = [], []
    ip = "ip" if family == "ipv4" else "ip6"
    for flow in flows:
        if flow.family != family or flow.nat == "none":
            continue
        client, server = flow.views["client"], flow.views["server"]
        who = "%s saddr %s %s sport %d " % (ip, client.src, flow.proto, client.sport)
        if flow.nat != "snat":
            dnat.append(who + "%s dport %d dnat to %s" % (
                flow.proto, client.dport, target(server.dst, client.dport, server.dport)))
        if flow.nat != "dnat":
            snat.append(who + "%s dport %d snat to %s" % (
                flow.proto, server.dport, target(server.src, client.sport, server.sport)))
    return table_text % {"table": ip, "dnat": "\n".join(dnat), "snat": "\n".join(snat)}


def target(host, old, new):
    if old == new:
        return host
    return "%s:%d" % ("[%s]" % host if ":" in host else host, new)


# ---- packets ----

# Padding, router alert, record route, and a timestamp that is full: a fresh one differs by itself.
V4_OPTIONS = (b"\x01\x01\x01\x00", b"\x94\x04\x00\x00", b"\x07\x0b\x04" + bytes(8) + b"\0",
              b"\x44\x04\x05\x00")
# Hop-by-hop and destination options, of padding.
V6_OPTIONS = ((0, b"\0\x01\x04" + bytes(4)), (60, b"\0\x01\x04" + bytes(4)))
TCP_OPTIONS = (b"", b"", b"\x01\x01\x08\x0a\x01\x02\x03\x04\xff\xff\xff\xff")
ODD = ("ttl-end", "options", "fragments", "tags", "tci", "bad-header")



def begins(tags, shorter):
    """Whether tags are of the same VLANs as others, and more."""
    return len(tags) > len(shorter) and all(
        (one[0], one[1] & 0xfff) == (other[0], other[1] & 0xfff)
        for one, other in zip(tags, shorter))


class Packets:
    """Makes packets of flows; ports are the router's, for addresses and tags."""

    def __init__(self, chance, ports):
        self.chance = chance
        self.ports = ports
        self.tos = 0
        factors = {family: (chance.getrandbits(bits) | 1, chance.getrandbits(bits))
                   for family, bits in UNIT_BITS.items()}
        self.units = {family: self.numbers(family, *factors[family]) for family in factors}
        self.more_units = {family: self.numbers(family, *factors[family], backwards=True)
                           for family in factors}

    @staticmethod
    def numbers(family, factor, offset, backwards=False):
        """Each once, in random order: multiplication by an odd number leaves none out."""
        size = 1 << UNIT_BITS[family]
        for index in reversed(range(size)) if backwards else range(size):
            yield (index * factor + offset) & (size - 1)

    def unplanned(self):
        """Makes packets as well, without changing what this one makes next."""
        other = copy.copy(self)
        other.chance, other.units = random.Random(0), self.more_units
        return other

    def payload(self, kind):
        chance = self.chance
        if kind == "fragments":
            return chance.randbytes(chance.randint(32, LARGEST))
        if kind == "short":
            return chance.randbytes(chance.randint(0, 3))
        if kind == "empty":
            return b""
        return chance.randbytes(chance.choice((
            chance.randint(0, 12), chance.randint(0, 40), chance.randint(0, 200),
            chance.randint(200, LARGEST))))

    def layer4(self, flow, direction, payload, flags=None, start=False):
        """The segment or datagram. Its checksum is sometimes one of the two zeros, either before
        or after the translation, if the payload has a word to make it so."""
        chance, view = self.chance, view_of(flow, direction)
        options = chance.choice(TCP_OPTIONS) if flags is None else b""
        if flow.proto == "udp":
            head, at = struct.pack("!HHHH", view.sport, view.dport, 8 + len(payload), 0), 6
        else:
            flags = chance.choice(FLAGS) if flags is None else flags
            other = REPLY if direction == ORIGINAL else ORIGINAL
            head = struct.pack("!HHIIBBHHH", view.sport, view.dport,
                               (flow.isn[direction] + (not start)) & 0xffffffff,
                               (flow.isn[other] + 1) & 0xffffffff if flags & ACK else 0,
                               (20 + len(options)) << 2, flags, 65535, 0,
                               chance.getrandbits(16) if flags & URG else 0) + options
            at = 16
        body = head + payload
        if flow.proto == "udp" and flow.family == "ipv4" and chance.random() < 0.2:
            return body
        if len(payload) >= 2 and not len(body) & 1 and chance.random() < 0.15:
            final = chance.choice((view, view_after(flow, direction)))
            body = body[:-2] + b"\0\0"
            body = body[:-2] + struct.pack("!H", self.sum(flow, final, body))
        check = self.sum(flow, view, body)
        if flow.proto == "udp":
            check = check or 0xffff
        return body[:at] + struct.pack("!H", check) + body[at + 2:]

    @staticmethod
    def sum(flow, view, body):
        """As if the packet's ports and addresses were those of view."""
        return checksum(address(view.src) + address(view.dst) + struct.pack(
            "!HHHH", PROTOCOLS[flow.proto], len(body), view.sport, view.dport) + body[4:])

    def ipv4(self, flow, view, unit, ttl, body, options, fragment):
        size = 20 + len(options)
        head = struct.pack("!BBHHHBBH", 0x40 | size // 4, self.tos, size + len(body), unit,
                           fragment, ttl, PROTOCOLS[flow.proto], 0)
        head += address(view.src) + address(view.dst) + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def ipv6(self, flow, view, unit, ttl, body, header=None):
        """header: the number of an extension header and the header, but for its first byte."""
        protocol = PROTOCOLS[flow.proto]
        if header:
            body = bytes([protocol]) + header[1] + body
            protocol = header[0]
        return (struct.pack("!IHBB", 6 << 28 | self.tos << 20 | unit, len(body), protocol, ttl)
                + address(view.src) + address(view.dst) + body)

    def layer3(self, flow, direction, unit, ttl, kind, body):
        """A list: a packet in fragments is several."""
        chance, view = self.chance, view_of(flow, direction)
        self.tos = chance.getrandbits(8)
        cut = chance.randint(3, (len(body) - 1) // 8) * 8 if kind == "fragments" else 0
        if flow.family == "ipv6":
            if kind == "fragments":
                number = struct.pack("!I", chance.getrandbits(32))
                return [self.ipv6(flow, view, unit, ttl, part, (44, struct.pack(
                    "!BH", 0, offset) + number)) for part, offset in (
                        (body[:cut], 1), (body[cut:], cut))]
            return [self.ipv6(flow, view, unit, ttl, body,
                              chance.choice(V6_OPTIONS) if kind == "options" else None)]
        if kind == "fragments":
            return [self.ipv4(flow, view, unit, ttl, part, b"", fragment) for part, fragment in (
                (body[:cut], 0x2000), (body[cut:], cut // 8))]
        options = chance.choice(V4_OPTIONS) if kind == "options" else b""
        packet = self.ipv4(flow, view, unit, ttl, body, options, chance.choice((
            0x4000, 0x4000, 0)))
        if kind == "bad-header":
            packet = packet[:10] + bytes([packet[10] ^ 1 << chance.randrange(8)]) + packet[11:]
        return [packet]

    def tags(self, port_in, kind):
        """Those that the flow's packets have, or others."""
        chance, right = self.chance, list(port_in.tags)
        if kind == "tci" and right:
            at = chance.randrange(len(right))
            right[at] = (right[at][0], right[at][1] | chance.getrandbits(4) << 12)
        elif kind == "tags":
            wrong = [[(Q, 0)], [(Q, chance.randint(1, 4094))], [(AD, chance.randint(1, 4094))],
                     [(Q, chance.getrandbits(3) << 13)],
                     right + [(Q, chance.randint(1, 4094))],
                     [(Q, 0)] + right, [(Q, 77)] + right]
            if right:
                wrong += [[], right[:-1], right[1:]]
            choices = [tags for tags in wrong if len(tags) <= 2 and tags != right]
            right = chance.choice(choices)
        return right

    def packet(self, flow, direction, kind=None, flags=None, start=False):
        chance = self.chance
        port_in = self.ports[0 if direction == ORIGINAL else 1]
        unit = next(self.units[flow.family])
        ttl = chance.choice((2, 3, 64, 128, 255, chance.randint(2, 255)))
        if kind == "ttl-end":
            ttl = chance.choice((0, 1, 1))
        body = self.layer4(flow, direction, self.payload(kind), flags, start)
        kind = None if kind in ("short", "empty") else kind
        ethertype = b"\x86\xdd" if flow.family == "ipv6" else b"\x08\x00"
        tags = self.tags(port_in, kind)
        if kind == "tags" and begins(tags, port_in.tags):
            kind = "more-tags"
        made = []
        for data in self.layer3(flow, direction, unit, ttl, kind, body):
            frame = mac(port_in.mac) + mac(port_in.host_mac) + ethertype + data
            if len(frame) < 60 and chance.random() < 0.5:
                # As a wire pads what is short, with what happened to be there.
                frame += chance.randbytes(60 - len(frame))
            made.append(tagged(frame, *tags))
        return Packet((flow.family, unit), flow, direction, ttl, kind, made)
