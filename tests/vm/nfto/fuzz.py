# SPDX-License-Identifier: GPL-2.0
"""Whether hardware does to random packets what software would have done.

Two routers get the same packets: the one under test, and a control, whose ports are plain devices
that no hardware stands behind. The kernel's own forwarding there is the oracle; nothing here knows
what a router has to do to a packet.
"""

import collections
import re
import struct
import time

from nfto import limits
from nfto.chance import ODD, PROTOCOLS, Packets, checksum, view_of
from nfto.flow import BOTH, ORIGINAL, REPLY
from nfto.frames import ACK, FIN, RST, SYN, address, tagged
from nfto.shell import SCALE, read, wait_for
from nfto.topology import tags_beside

# What hardware leaves to the host, unless one of these hazards is listed.
MUST_MISS = {
    "ttl-end": ("ttl-one-forwarded", "ttl-untouched"),
    "options": ("ip-options",),
    "fragments": ("first-fragment",),
    "tags": (),
    "more-tags": ("tagged-hit",),
    "end": ("fin-rst-unseen",),
}


# ---- what arrives ----

def network_header(frame):
    """The family of an IP packet in a frame and where it begins; None for anything else."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return {b"\x08\x00": "ipv4", b"\x86\xdd": "ipv6"}.get(frame[at:at + 2]), at + 2


def known(frame):
    """A frame's unit, and the frame without what routers are free to choose: what pads it, and
    the number of IPv6 fragments. None for what is not a flow's."""
    family, at = network_header(frame)
    if family == "ipv4":
        if frame[at + 9] not in (6, 17):
            return None
        length, unit = struct.unpack_from("!HH", frame, at + 2)
        return (family, unit), frame[:at + length]
    if family == "ipv6":
        first, length, following = struct.unpack_from("!IHB", frame, at)
        if following == 58 or (following == 0 and frame[at + 40] == 58):
            return None
        frame = frame[:at + 40 + length]
        if following == 44:
            frame = frame[:at + 44] + bytes(4) + frame[at + 48:]
        return (family, first & 0xfffff), frame
    return None


class Arrivals:
    """What leaves a router, by unit: pairs of the port's index and the frame."""

    def __init__(self, router):
        self.router = router
        self.units = collections.defaultdict(list)

    def send(self, direction, frame):
        self.router.ports[0 if direction == ORIGINAL else 1].end.send(frame)

    def by_stack(self):
        """How many packets the kernel has forwarded but by a flowtable."""
        with self.router.ns.entered():
            ipv4 = read("/proc/thread-self/net/snmp").splitlines()
            ipv6 = read("/proc/thread-self/net/snmp6").splitlines()
        return (dict(zip(ipv4[0].split(), ipv4[1].split()))["ForwDatagrams"],
                dict(line.split() for line in ipv6)["Ip6OutForwDatagrams"])

    def drain(self):
        """How many frames have come."""
        return sum(self.drain_port(each) for each in self.router.ports)

    def drain_port(self, each):
        count = 0
        while True:
            try:
                frame, control, _, _ = each.end.socket.recvmsg(2048, 256)
            except BlockingIOError:
                return count
            found = known(tagged(frame, *tags_beside(control)))
            if found:
                self.units[found[0]].append((each.index, found[1]))
                count += 1


class Ledger:
    """The same packets to both routers, and the differences between what leaves them."""

    BURST = 100

    def __init__(self, tested, control):
        self.sides = Arrivals(tested), Arrivals(control)

    def drain(self):
        return sum([side.drain() for side in self.sides])

    def send(self, packets):
        for index, packet in enumerate(packets):
            for frame in packet.frames:
                for side in self.sides:
                    side.send(packet.direction, frame)
            if index % self.BURST == self.BURST - 1:
                self.settle(packets[index - self.BURST + 1:index + 1], 0.1)
        self.settle(packets, 0.5 * SCALE)

    def settle(self, packets, patience):
        """Until all have arrived and are alike, or nothing has come for a while."""
        last = time.monotonic()
        while time.monotonic() - last < patience:
            if self.drain():
                last = time.monotonic()
            elif all(packet.unit in side.units for packet in packets for side in self.sides):
                return
            else:
                time.sleep(0.002)

    def left(self, packet):
        """What left the router under test, and the control."""
        return [sorted(side.units.get(packet.unit, ())) for side in self.sides]


# ---- the two of them ----

def count_down(frame):
    """The same frame with a TTL of one less, as the driver should have had it."""
    family, at = network_header(frame)
    data = bytearray(frame)
    if family == "ipv6":
        data[at + 7] = data[at + 7] - 1 & 0xff
        return bytes(data)
    data[at + 8] = data[at + 8] - 1 & 0xff
    size = (data[at] & 15) * 4
    data[at + 10:at + 12] = b"\0\0"
    data[at + 10:at + 12] = struct.pack("!H", checksum(bytes(data[at:at + size])))
    return bytes(data)


def without_dei(frame):
    data, at = bytearray(frame), 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        data[at + 2] &= ~0x10
        at += 4
    return bytes(data)


def without_options(frame):
    """The same frame with blank IPv4 options, and no header checksum; IPv6 has none to change."""
    family, at = network_header(frame)
    if family == "ipv6":
        return frame
    size = (frame[at] & 15) * 4
    return (frame[:at + 10] + bytes(2) + frame[at + 12:at + 20] + bytes(size - 20)
            + frame[at + size:])


def changed(change, pairs):
    return sorted((index, change(frame)) for index, frame in pairs)


def excuse(packet, got, wanted, known_hazards):
    """The hazard that explains why a packet did not leave as it had to; None if none does.

    What a hazard leaves alone still has to be right, where that can be said.
    """
    if packet.ttl <= 1 and got and not wanted:
        for hazard in "ttl-one-forwarded", "ttl-untouched":
            if hazard in known_hazards:
                return hazard
    ways = [got]
    if "ttl-untouched" in known_hazards and got:
        ways.append(changed(count_down, got))
        if ways[1] == wanted:
            return "ttl-untouched"
    if packet.kind == "options" and "ip-options" in known_hazards:
        right = changed(without_options, wanted)
        if any(changed(without_options, way) == right for way in ways):
            return "ip-options"
    for kind, hazard in ("fragments", "first-fragment"), ("more-tags", "tagged-hit"):
        if packet.kind == kind and hazard in known_hazards:
            return hazard
    if packet.kind == "tci" and "retag-dei" in known_hazards and got:
        if changed(without_dei, got) == changed(without_dei, wanted):
            return "retag-dei"
    return None


def whole(pairs):
    """What fragments bear, however it is cut: where it left, the headers but for what tells of the
    cutting, and the rest in its order."""
    found = collections.defaultdict(list)
    for index, frame in pairs:
        family, at = network_header(frame)
        if family == "ipv4":
            size = (frame[at] & 15) * 4
            offset = struct.unpack_from("!H", frame, at + 6)[0] & 0x1fff
            head = (frame[:at + 2] + frame[at + 4:at + 6] + frame[at + 8:at + 10]
                    + frame[at + 12:at + size])
            body = frame[at + size:]
        elif frame[at + 6] == 44:
            offset = struct.unpack_from("!H", frame, at + 42)[0] & ~7
            head = frame[:at + 4] + frame[at + 7:at + 41]
            body = frame[at + 48:]
        else:
            offset, head = 0, frame[:at + 4] + frame[at + 7:at + 40] + frame[at + 6:at + 7]
            body = frame[at + 40:]
        found[index, head].append((offset, body))
    return sorted((index, head, b"".join(body for _offset, body in sorted(bodies)))
                  for (index, head), bodies in found.items())


def kernels_own(packet, got, wanted):
    """By what name tests/limits knows that software itself does so on this kernel, or None."""
    if packet.kind == "fragments" and limits.has("refragmented") and whole(got) == whole(wanted):
        return "refragmented"
    if packet.kind == "more-tags" and limits.has("tag-blind"):
        return "tag-blind"
    return None


def text_of(pairs):
    """Frames for people; the payload's end says nothing."""
    return ", ".join("%s: %s%s" % (index, frame[:120].hex(), "..." * (len(frame) > 120))
                     for index, frame in pairs) or "nothing"


def difference(got, wanted):
    if len(got) == len(wanted) == 1 and len(got[0][1]) == len(wanted[0][1]):
        return "bytes %s" % [at for at, pair in enumerate(zip(got[0][1], wanted[0][1]))
                             if pair[0] != pair[1]]
    return "%d frames instead of %d" % (len(got), len(wanted))


class Table:
    """The ASIC's entries at one time, by what they match."""

    def __init__(self, router):
        self.entries = {}
        for entry in router.asic.table:
            key = (entry["in"], entry["proto"], address(entry["src"]), address(entry["dst"]),
                   int(entry["sport"]), int(entry["dport"]))
            self.entries[key] = entry
        self.router = router

    def of(self, flow, direction):
        view = view_of(flow, direction)
        name = self.router.ports[0 if direction == ORIGINAL else 1].name
        return self.entries.get((name, flow.proto, address(view.src), address(view.dst),
                                 view.sport, view.dport))


DECISION = re.compile(r" flow_(hardware|refused|failed): id=\d+ in=\d+ dir=(\w+) proto=(\d+) "
                      r"sport=(\d+) dport=(\d+) reason=(\S+)")


class Decisions:
    """What the module said of each direction, from its trace: in hardware, or why not."""

    # Reasons that pass by themselves.
    PENDING = ("bind-pending", "stale-entry", "transient", "build")

    def __init__(self, trace):
        self.trace = trace
        self.found = {}

    def read(self):
        self.found = {}
        for event, way, proto, sport, dport, reason in DECISION.findall(self.trace.text()):
            self.found[way, int(proto), int(sport), int(dport)] = (
                event if event == "hardware" else reason)
        return self

    def of(self, flow, direction):
        view = view_of(flow, direction)
        return self.found.get((direction, PROTOCOLS[flow.proto], view.sport, view.dport))

    def open(self, flows):
        """Directions of which nothing final was said yet."""
        return [(flow, direction) for flow in flows for direction in BOTH
                if self.of(flow, direction) in (None,) + self.PENDING]


class Comparison:
    """All that is done with one round's flows. faults: what is wrong, in words."""

    def __init__(self, plan, tested, control, decisions):
        self.plan = plan
        self.tested = tested
        self.packets = Packets(plan.random, tested.ports)
        self.ledger = Ledger(tested, control)
        self.decisions = decisions
        self.sent = []
        self.alike = []
        self.faults = []
        self.counts = collections.Counter()
        self.excluded = collections.Counter()

    def fault(self, packet, table, got, wanted):
        entry = table and table.of(packet.flow, packet.direction)
        self.faults.append("%s\n  %s %s, %s, TTL %d: %s\n  entry: %s\n  sent   %s\n  left   %s\n"
                           "  oracle %s" % (
                               self.plan, packet.flow, packet.direction, packet.kind or "plain",
                               packet.ttl, difference(got, wanted), entry and dict(entry),
                               text_of([("sent", frame) for frame in packet.frames]), text_of(got),
                               text_of(wanted)))

    def compare(self, packets, table=None):
        """Send packets and judge them; without a table, each may have been switched or not."""
        self.ledger.send(packets)
        self.sent += packets
        self.counts["packets"] += len(packets)
        for packet in packets:
            got, wanted = self.ledger.left(packet)
            if not wanted and not packet.kind:
                self.faults.append("%s: the control itself lost a packet of %s, %s" % (
                    self.plan, packet.flow, packet.direction))
            if got == wanted:
                self.alike.append(packet)
                continue
            if table:
                entry = table.of(packet.flow, packet.direction)
                allowed = self.plan.hazards_of(entry) if entry else set()
            else:
                allowed = self.plan.all_hazards()
            hazard = excuse(packet, got, wanted, allowed) or kernels_own(packet, got, wanted)
            if hazard:
                self.excluded[hazard] += 1
            else:
                self.fault(packet, table, got, wanted)

    # ---- the stages of a round ----

    def establish(self):
        flows, make = self.plan.flows, self.packets.packet
        for direction, flags in ((ORIGINAL, SYN), (REPLY, SYN | ACK), (ORIGINAL, ACK),
                                 (REPLY, ACK), (ORIGINAL, ACK)):
            kind = "empty" if flags & SYN else "short"
            self.compare([make(flow, direction, kind, flags, start=bool(flags & SYN))
                          for flow in flows])

    def offload(self):
        """Until each direction is in hardware or refused for good; some packets on the way."""
        next_probe = [time.monotonic() + SCALE]
        make = self.packets.unplanned().packet

        def settled():
            undecided = self.decisions.read().open(self.plan.flows)
            if undecided and time.monotonic() > next_probe[0]:
                self.compare([make(flow, direction, "short", ACK)
                              for flow, direction in undecided])
                next_probe[0] = time.monotonic() + SCALE
            return not undecided

        wait_for(settled, 20 * SCALE, lambda: "a decision on each direction; open: %s" % (
            self.decisions.open(self.plan.flows)[:5],), interval=0.1)

    def plain(self):
        """What every entry has to switch: as many as were sent, and no other's."""
        each = self.plan.random.randint(1, 2)
        packets = [self.packets.packet(flow, direction)
                   for flow in self.plan.flows for direction in BOTH for _ in range(each)]
        self.plan.random.shuffle(packets)
        before = Table(self.tested)
        self.compare(packets, before)
        after = Table(self.tested)
        for flow in self.plan.flows:
            for direction in BOTH:
                self.count(flow, direction, before, after, each)

    def count(self, flow, direction, before, after, each):
        old, new = before.of(flow, direction), after.of(flow, direction)
        said = self.decisions.of(flow, direction)
        self.counts["directions"] += 1
        if bool(old) != (said == "hardware"):
            self.faults.append("%s: %s %s: said to be %s, but the entry is %s" % (
                self.plan, flow, direction, said, old))
        if not old:
            self.counts["refused: %s" % said] += 1
            return
        self.counts["in hardware"] += 1
        if new and new["id"] == old["id"]:
            switched = new.packets - old.packets
            self.counts["switched"] += switched
            if switched != each:
                self.faults.append("%s: %s %s: %d packets sent, %d hits; entry %s" % (
                    self.plan, flow, direction, each, switched, dict(new)))

    def return_to_flowtables(self):
        """Until no packet reaches either router's stack. A link event, which may come a second
        late, throws all of a namespace's flows out of the control's flowtable."""
        make = self.packets.unplanned().packet

        def returned():
            before = [side.by_stack() for side in self.ledger.sides]
            self.compare([make(flow, direction, "short", ACK)
                          for flow in self.plan.flows for direction in BOTH])
            return before == [side.by_stack() for side in self.ledger.sides]

        wait_for(returned, 20 * SCALE, "all flows in both flowtables", interval=0.1)

    def odd(self):
        chance = self.plan.random
        # The kernel's flowtable forwards what the stack drops, in software too.
        kinds = [kind for kind in ODD if kind != "bad-header" or not self.plan.by_stack]
        packets = [self.packets.packet(flow, chance.choice(BOTH), chance.choice(kinds))
                   for flow in self.plan.flows]
        if not self.plan.by_stack:
            self.return_to_flowtables()
        self.left_alone([packet for packet in packets if packet.kind != "bad-header"])
        self.bad_headers([packet for packet in packets if packet.kind == "bad-header"])

    def bad_headers(self, packets):
        """Lost where a link event threw their flows out of the flowtable just before: then again,
        a few times."""
        make = self.packets.unplanned().packet
        for tries_left in 2, 1, 0:
            before = len(self.faults)
            self.left_alone(packets)
            lefts = [self.ledger.left(packet) for packet in packets]
            if not tries_left or all(got == wanted for got, wanted in lefts) or any(
                    got and got != wanted for got, wanted in lefts):
                return
            del self.faults[before:]
            self.return_to_flowtables()
            packets = [make(packet.flow, packet.direction, "bad-header") for packet in packets]

    def ends(self):
        """The last that TCP connections hear."""
        chance = self.plan.random
        self.left_alone([self.packets.packet(flow, chance.choice(BOTH), "end",
                                             chance.choice((FIN | ACK, RST, RST | ACK)))
                         for flow in self.plan.flows if flow.proto == "tcp"])

    def left_alone(self, packets):
        """One packet of a flow, which hardware has to leave to the host unless a hazard says that
        it does not, even if it did the right thing with it."""
        before = Table(self.tested)
        self.compare(packets, before)
        after = Table(self.tested)
        for packet in packets:
            old, new = (table.of(packet.flow, packet.direction) for table in (before, after))
            if not old or not new or old["id"] != new["id"] or old.packets == new.packets:
                continue
            self.counts["switched, %s" % packet.kind] += 1
            if packet.kind in MUST_MISS and not (
                    self.plan.hazards_of(old) & set(MUST_MISS[packet.kind])):
                self.faults.append("%s: switched, though it is %s: %s %s, sent %s, entry %s" % (
                    self.plan, packet.kind, packet.flow, packet.direction,
                    [frame.hex() for frame in packet.frames], dict(old)))

    def run(self):
        self.establish()
        self.offload()
        self.plain()
        self.odd()
        self.ends()
        self.late()
        return self

    def late(self):
        """What came after it had been judged, or was never sent."""
        self.ledger.drain()
        for packet in self.alike:
            got, wanted = self.ledger.left(packet)
            if got != wanted:
                self.fault(packet, None, got, wanted)
        units = {packet.unit for packet in self.sent}
        for unit, pairs in self.ledger.sides[0].units.items():
            if unit not in units:
                self.faults.append("%s: nobody sent %s: %s" % (self.plan, unit, text_of(pairs)))
