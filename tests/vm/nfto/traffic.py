# SPDX-License-Identifier: GPL-2.0
"""Send packets of flows, and account for every one of them."""

import collections
import itertools
import time

from nfto import frames
from nfto.flow import BOTH, Flow
from nfto.shell import SCALE, wait_for
from nfto.worker import Worker

# How long a packet may be under way before it counts as lost.
PATIENCE = 2 * SCALE
COUNT = 50

# One direction of a measurement: packets offered, by hardware and by the host, and their bytes.
Share = collections.namedtuple("Share", "sent hardware host entered left left_bytes")


class Ledger:
    """Packets sent and frames received, matched by key."""

    def __init__(self):
        self.sent = {}
        self.got = collections.defaultdict(list)
        self.ends = set()
        self.flows = set()

    def send(self, packet):
        self.ends.update((packet.enters.end, packet.leaves.end))
        self.flows.add(packet.key.flow)
        self.sent[packet.key] = packet
        packet.enters.end.send(packet.sent)

    def collect(self):
        """Take in what has arrived; True if nothing is missing."""
        for end in self.ends:
            for key, frame in end.take(self.flows):
                self.got[key].append((end, frame))
                if key in self.sent:
                    self.sent[key].flow.arrived(self.sent[key])
        return len(self.got) >= len(self.sent) and not self.missing()

    def missing(self):
        return [key for key in self.sent if key not in self.got]

    def settle(self, patience=PATIENCE):
        """Collect until all is there or nothing has come for a while."""
        state = [-1, 0.0]

        def quiet():
            if self.collect():
                return True
            if state[0] != len(self.got):
                state[:] = [len(self.got), time.monotonic()]
            return time.monotonic() - state[1] > patience

        wait_for(quiet, 600, "an end of the traffic", interval=0.005)
        return self

    def faults(self, since=0):
        """What is wrong with the delivery, in words. Of frames, the bytes from `since` on count."""
        text = []
        missing = self.missing()
        if missing:
            text.append("%d of %d packets lost, the first: %s" % (
                len(missing), len(self.sent), missing[0]))
        for key, arrivals in self.got.items():
            packet = self.sent.get(key)
            if packet is None:
                text.append("a frame that was never sent: %s" % (key,))
                continue
            if len(arrivals) > 1:
                text.append("%s arrived %d times" % (key, len(arrivals)))
            end, frame = arrivals[0]
            if end is not packet.leaves.end:
                text.append("%s arrived at %s" % (key, end.device))
            if frame[since:] != packet.expected[since:]:
                text.append("%s: %s" % (key, frames.difference(frame, packet.expected)))
        return text

    def frames(self, direction):
        """The received frames of a direction, in the order in which they were sent."""
        return [self.got[key][0][1] for key, packet in self.sent.items()
                if packet.direction == direction]


def deliver(packets):
    """Send packets and wait until they have arrived."""
    ledger = Ledger()
    for packet in packets:
        ledger.send(packet)
    return ledger.settle()


def assert_delivered(ledger):
    faults = ledger.faults()
    assert not faults, "%d faults:\n%s" % (len(faults), "\n".join(faults[:10]))


def establish(flow):
    """Make the connection established for conntrack, each packet after the other's arrival."""
    for packet in flow.handshake():
        assert_delivered(deliver([packet]))
    return flow


def probe(flow):
    """A packet each way, the client first, which makes the connection anew if it is forgotten."""
    for direction in BOTH:
        assert_delivered(deliver([flow.probe(direction)]))


def entries(flow):
    """The flow's entries in the ASIC's table: for the original direction, for the reply."""
    table = flow.router.asic.table
    found = []
    for direction in BOTH:
        port, view = flow.entering(direction)
        found.append(next((entry for entry in table
                           if entry.matches(port.name, view, flow.proto)), None))
    return found


def offloaded(flow, deadline=10 * SCALE, directions=BOTH):
    """Send a packet each way now and then until both directions are in hardware, since the ruleset
    was loaded."""
    wanted = [direction in directions for direction in BOTH]
    next_probe = [0.0]

    def in_hardware():
        if all(not want or entry and entry["id"] not in flow.router.stale
               for entry, want in zip(entries(flow), wanted)):
            return True
        if time.monotonic() >= next_probe[0]:
            probe(flow)
            next_probe[0] = time.monotonic() + 0.2
        return False

    def state():
        return "%s in hardware (original, reply: %s; %s)" % (
            flow, [entry and entry["id"] for entry in entries(flow)], flow.router.asic.calls)

    wait_for(in_hardware, deadline, state)
    return flow


def established(router, *what, **how):
    """A new flow in hardware, both directions."""
    return offloaded(establish(Flow(router, *what, **how)))


class Measurement:
    """Packets of some flows sent at once, with the counters of ASIC and host before and after."""

    def __init__(self, router, packets):
        self.packets = list(packets)
        before = router.statistics()
        self.ledger = deliver(self.packets)
        after = router.statistics()
        self.moved = {name: after[name] - before[name] for name in after}

    def share(self, direction):
        """What became of one direction's packets; they must all go the same way."""
        mine = [packet for packet in self.packets if packet.direction == direction]
        ways = {(packet.enters.name, packet.leaves.name) for packet in mine}
        assert len(ways) == 1, "packets of several ways in one direction: %s" % ways
        enters, leaves = (self.moved[name] for name in ways.pop())
        return Share(len(mine), enters["hw_rx_packets"], enters["host_rx_packets"],
                     enters["hw_rx_bytes"], leaves["hw_tx_packets"], leaves["hw_tx_bytes"])

    def directions(self):
        return [way for way in BOTH if any(packet.direction == way for packet in self.packets)]


def measure(flow, count=COUNT, directions=BOTH, **how):
    return Measurement(flow.router, itertools.chain.from_iterable(
        flow.data(direction, count, **how) for direction in directions))


def not_switched(measured):
    """What says, by direction, that the ASIC has not switched all, or that the host saw some."""
    wrong = []
    for direction in measured.directions():
        mine = [packet for packet in measured.packets if packet.direction == direction]
        share = measured.share(direction)
        want = Share(len(mine), len(mine), 0, sum(len(packet.sent) for packet in mine),
                     len(mine), sum(len(packet.expected) for packet in mine))
        if share != want:
            wrong.append("%s: %s instead of %s" % (direction, share, want))
    return wrong


def assert_hardware(measured):
    """All arrived as they must, all were switched by the ASIC, the host saw none."""
    assert_delivered(measured.ledger)
    wrong = not_switched(measured)
    assert not wrong, "\n".join(wrong)


def assert_back(flow, count=10, deadline=10 * SCALE, **how):
    """After a change of the ways the flow is in hardware again in time, and stays there for so many
    packets each way. Not the first time for certain: the module looks at all flows once more a
    moment after a change, and cannot tell those that are new by then from the ones before."""
    end = time.monotonic() + deadline
    while True:
        measured = measure(offloaded(flow, end - time.monotonic()), count, **how)
        assert_delivered(measured.ledger)
        wrong = not_switched(measured)
        if not wrong:
            return
        assert time.monotonic() < end, "\n".join(wrong)


def assert_software(measured):
    """All arrived as they must, the host forwarded every one, the ASIC none."""
    assert_delivered(measured.ledger)
    for direction in measured.directions():
        share = measured.share(direction)
        assert (share.hardware, share.host) == (0, share.sent), "%s: %s" % (direction, share)


class Background(Worker):
    """Traffic of flows, both ways, while the test does something else."""

    def __init__(self, *flows, rate=200, patience=PATIENCE):
        super().__init__()
        self.flows = flows
        self.patience = patience
        self.pause = 1.0 / rate
        self.ledger = Ledger()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.ledger.settle(self.patience)

    def steps(self):
        for flow, direction in itertools.cycle(itertools.product(self.flows, BOTH)):
            self.ledger.send(flow.data(direction, 1, sizes=(200,))[0])
            self.ledger.collect()
            if self.stopping.wait(self.pause):
                return

    def more(self, packets=50):
        """Let as many packets be sent from now on."""
        goal = len(self.ledger.sent) + packets
        wait_for(lambda: len(self.ledger.sent) >= goal or self.error, 60,
                 "%d packets in the background" % packets)

    def assert_none_lost(self):
        """To be asked when the traffic has ended."""
        if self.error:
            raise self.error
        assert len(self.ledger.sent) >= 10, "only %d packets sent" % len(self.ledger.sent)
        assert_delivered(self.ledger)
