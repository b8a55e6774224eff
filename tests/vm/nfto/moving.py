# SPDX-License-Identifier: GPL-2.0
"""Flows whose way changes under traffic, and a judge of how soon all packets go the new one.

A Change is made by a test's action. What is right after it is what the stack does without any
flowtable, and flows that are in none (PLAIN) are there in each test to prove that it does.
"""

import errno
import threading
import time

from nfto import frames
from nfto.flow import BOTH, DATA, ORIGINAL, REPLY, Flow
from nfto.shell import SCALE, wait_for
from nfto.traffic import assert_delivered, deliver
from nfto.worker import Worker

# How a flow is forwarded: by the ASIC; by the flowtable in software, as no rule can be made of it;
# by the stack alone, as the ruleset does not add it.
HARDWARE, SOFTWARE, PLAIN = "hardware", "software", "plain"
# The ruleset knows those that it is not to add by the port that they come from.
PLAIN_PORTS = range(4000, 5000)
SELECT = "meta l4proto { tcp, udp } ct original proto-src != %d-%d" % (PLAIN_PORTS[0],
                                                                     PLAIN_PORTS[-1])

# One second is promised. Emulated machines are slower.
BOUND = 1 + SCALE
# Within so many seconds a flow is back in hardware, without anybody's help.
BACK = 15
# A packet that has not come so long after it was sent is lost.
PATIENCE = 0.75 * SCALE
INTERVAL = 0.05
# So many packets in a row must be right.
RUN = 5


class Way:
    """A port with the MAC addresses and the VLAN in use there: a direction leaves by it, the other
    enters."""

    def __init__(self, port, host_mac=None, mac=None, tag=None):
        self.port = port
        self.tags = ((0x8100, tag),) if tag else ()
        self.host_mac = host_mac or port.host_mac
        self.mac = mac or port.mac

    @property
    def name(self):
        return self.port.name

    @property
    def end(self):
        return self.port.end

    @staticmethod
    def wrapped(frame):
        return frame

    def frame(self, packet):
        """A packet as it leaves this way."""
        return frames.mac(self.host_mac) + frames.mac(self.mac) + packet.expected[12:]


class MovingFlow(Flow):
    """A flow whose ways may be changed. Nothing may arrive in a direction that is closed."""

    count = 0

    def __init__(self, router, how, *what, **where):
        if how == PLAIN:
            MovingFlow.count += 1
            where["sport"] = PLAIN_PORTS[MovingFlow.count % len(PLAIN_PORTS)]
        super().__init__(router, *what, **where)
        self.how = how
        self.ways = {ORIGINAL: Way(self.server), REPLY: Way(self.client)}
        self.closed = frozenset()

    def __str__(self):
        return "%s %s" % (self.how, super().__str__())

    def way(self, direction):
        return self.ways[direction], super().leaving(direction)[1]

    def entering(self, direction):
        other = REPLY if direction == ORIGINAL else ORIGINAL
        return self.ways[other], super().entering(direction)[1]

    def leaving(self, direction):
        return self.ways[direction], super().leaving(direction)[1]

    # What stands in the ASIC's table.

    def entries(self, direction, table):
        """The entries for a direction's packets, whatever port they are for."""
        _, view = self.entering(direction)
        return [entry for entry in table if entry.matches(entry["in"], view, self.proto)]

    def is_current(self, direction, entry):
        """Whether an entry does with packets what is right."""
        way = self.ways[direction]
        rewrites = dict(word.partition("=")[::2] for word in entry["actions"].split(","))
        return direction not in self.closed and (
            (entry["out"], rewrites.get("eth_dst"), rewrites.get("eth_src"))
            == (way.name, way.host_mac, way.mac))

    def stale(self, table):
        return [entry for direction in BOTH for entry in self.entries(direction, table)
                if not self.is_current(direction, entry)]

    def switched(self, table):
        """Is each direction in hardware, as it should be, at the port where packets enter?"""
        return all(any(self.is_current(direction, entry)
                       and entry["in"] == self.entering(direction)[0].name
                       for entry in self.entries(direction, table)) for direction in BOTH)


def packets_in_hardware(flow):
    """Entries' ids, and the packets that each has counted."""
    table = flow.router.asic.table
    return {entry["id"]: entry.packets for direction in BOTH
            for entry in flow.entries(direction, table)}


def assert_switched(flow, count=5):
    """Packets both ways arrive as they must, each counted by its direction's only entry."""
    before = packets_in_hardware(flow)
    assert_delivered(deliver([packet for direction in BOTH
                              for packet in flow.data(direction, count)]))
    after = packets_in_hardware(flow)
    wanted = {number: packets + count for number, packets in before.items()}
    assert len(before) == 2 and after == wanted, "%s: entries' packets: %s instead of %s" % (
        flow, after, wanted)


def assert_not_switched(flow, count=5):
    """Packets both ways arrive as they must, and there is no entry that could have switched."""
    for turn in range(2):
        assert packets_in_hardware(flow) == {}, "%s has entries" % flow
        if not turn:
            assert_delivered(deliver([packet for direction in BOTH
                                      for packet in flow.data(direction, count)]))


def is_error(frame):
    """An ICMP error, which quotes the packet, key and all."""
    return (frame[12:14], frame[23]) == (b"\x08\x00", 1) or (
        (frame[12:14], frame[20]) == (b"\x86\xdd", 58))


class Sent:
    """A packet, when it was sent, how it may arrive, and what did."""

    def __init__(self, flow, packet):
        self.flow = flow
        self.packet = packet
        self.at = time.monotonic()
        self.arrivals = []
        self.answers = []
        self.expected = []
        self.may_vanish = False

    def allow(self):
        """The flow's way as it is now is a right one."""
        direction = self.packet.direction
        if direction in self.flow.closed:
            self.may_vanish = True
        else:
            way = self.flow.ways[direction]
            self.expected.append((way.end, way.frame(self.packet)))

    def verdict(self, now):
        if len(self.arrivals) > 1 or any(arrival not in self.expected for arrival in self.arrivals):
            return "wrong"
        if self.arrivals:
            return "right"
        if now - self.at <= PATIENCE:
            return "pending"
        return "right" if self.may_vanish else "lost"

    def explain(self):
        """What is wrong with it, in words."""
        if not self.arrivals:
            return "lost" + (", answered by an ICMP error" if self.answers else "")
        if len(self.arrivals) > 1:
            return "arrived %d times" % len(self.arrivals)
        end, frame = self.arrivals[0]
        if not self.expected:
            return "arrived at %s: %s" % (end.device, frame[:14].hex(" ", 2))
        for right, expected in self.expected:
            if right is end:
                return frames.difference(frame, expected)
        return "arrived at %s" % end.device


class Stream(Worker):
    """Packets of flows, both ways, without a pause. The test changes ways meanwhile."""

    def __init__(self, flows, size=100):
        super().__init__()
        self.flows = list(flows)
        self.size = size
        self.ends = set()
        # By key, all whose arrival may still matter; by flow and direction, in the order of their
        # sending, those since the present change was done.
        self.sent = {}
        self.history = {(flow, direction): [] for flow in flows for direction in BOTH}
        # The present change: when it began, when it was done.
        self.begun = self.done = None
        # Protects all of this, and the flows' ways.
        self.lock = threading.Lock()

    def steps(self):
        while not self.stopping.wait(INTERVAL):
            with self.lock:
                for flow in self.flows:
                    for direction in BOTH:
                        self.send(flow, direction)
                self.collect()

    def send(self, flow, direction):
        packet = flow.packet(direction, size=self.size, kind=DATA)
        sent = Sent(flow, packet)
        sent.allow()
        self.sent[packet.key] = sent
        self.history[flow, direction].append(sent)
        self.ends.update((packet.enters.end, packet.leaves.end))
        try:
            packet.enters.end.send(packet.sent)
        except OSError as error:
            # What the wire does not take just now, since its other end moves, is lost.
            if error.errno not in (errno.ENOBUFS, errno.ENETDOWN):
                raise

    def collect(self):
        for end in self.ends:
            for key, frame in end.take([flow.number for flow in self.flows]):
                sent = self.sent.get(key)
                if sent is None:
                    continue    # of before the stream began
                if is_error(frame):
                    sent.answers.append(frame)
                else:
                    sent.arrivals.append((end, frame))

    def more(self, rounds=4):
        """Let so many more packets of each flow be sent."""
        goal = len(self.sent) + rounds * 2 * len(self.flows)
        wait_for(lambda: len(self.sent) >= goal or self.error, 30, "%d packets" % goal)
        if self.error:
            raise self.error

    def arrive(self):
        """Wait until nothing is under way; nothing is sent meanwhile."""
        while any(sent.verdict(time.monotonic()) == "pending" for sent in self.sent.values()):
            time.sleep(INTERVAL)
            self.collect()

    def change(self, action, move=lambda: None, still=False):
        """Make a change: the action, then move() tells the flows what is right from then on.

        Packets that were sent meanwhile may have gone either way, or been lost. If still, none is.
        """
        self.more()
        with self.lock:
            self.judge_change()
            # What is under way already may meet the change.
            self.begun = time.monotonic() - INTERVAL
            if still:
                self.arrive()
                action()
                self.moved(move)
        if still:
            return
        action()
        with self.lock:
            self.moved(move)

    def moved(self, move):
        move()
        self.ends.update(way.end for flow in self.flows for way in flow.ways.values())
        for sent in self.sent.values():
            if sent.at >= self.begun:
                sent.allow()
                sent.may_vanish = True
        self.history = {case: [] for case in self.history}
        self.done = time.monotonic()

    def progress(self):
        """By flow and direction: how late the last packet was that was not right, and how many
        right ones have come after it."""
        found = {}
        now = time.monotonic()
        with self.lock:
            self.collect()
            for case, history in self.history.items():
                late, right, worst = 0.0, 0, None
                for sent in history:
                    verdict = sent.verdict(now)
                    if verdict in ("wrong", "lost"):
                        late, right, worst = sent.at - self.done, 0, sent
                    elif verdict == "right":
                        right += 1
                found[case] = late, right, worst
        return found

    def wait_until_right(self, bound=BOUND):
        """Every packet that is sent later than bound after the change must be right.

        Returns how late the last wrong one was, by flow and direction.
        """
        while True:
            found = self.progress()
            self.judge_lateness(found, bound)
            if self.error:
                raise self.error
            if all(right >= RUN for _, right, _ in found.values()):
                return {case: late for case, (late, _, _) in found.items()}
            if time.monotonic() - self.done > bound + 10 * SCALE:
                raise AssertionError("%d right packets of each direction do not come" % RUN)
            time.sleep(5 * INTERVAL)

    @staticmethod
    def judge_lateness(found, bound):
        """All that are about as late as the one that is too late are named with it."""
        if all(late <= bound for late, _, _ in found.values()):
            return
        raise AssertionError("\n".join(
            "%s %s: %.2f s after the change a packet was not right: %s" % (
                flow, direction, late, worst.explain())
            for (flow, direction), (late, _, worst) in found.items() if late > 0.8 * bound))

    def judge_change(self):
        """Before the first change nothing was wrong; after one, nothing once it had been right."""
        now = time.monotonic()
        self.collect()
        faults = [fault for (flow, direction), history in self.history.items()
                  for fault in self.relapses("%s %s" % (flow, direction), history, now)]
        assert not faults, "%d faults:\n%s" % (len(faults), "\n".join(faults[:10]))
        self.sent = {key: sent for key, sent in self.sent.items() if now - sent.at < 2 * PATIENCE}

    def relapses(self, name, history, now):
        seen = self.done is None
        for sent in history:
            verdict = sent.verdict(now)
            late = 0 if self.done is None else sent.at - self.done
            if seen and (verdict == "wrong" or verdict == "lost" and (not late or late > BOUND)):
                yield "%s: right, but %s: %s" % (
                    name, "wrong %.2f s after the change" % late if late else "then not",
                    sent.explain())
            seen = seen or verdict == "right"

    def finish(self):
        """The end of the traffic; all of it is judged."""
        self.stop()
        if self.error:
            raise self.error
        time.sleep(PATIENCE)
        self.judge_change()
