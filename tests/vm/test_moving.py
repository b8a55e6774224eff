# SPDX-License-Identifier: GPL-2.0
"""The judge of flows whose way changes says no when it has to. No kernel takes part."""

import collections
import threading

import pytest

from nfto import frames
from nfto.flow import BOTH, ORIGINAL, REPLY
from nfto.moving import HARDWARE, MovingFlow, Stream, Way
from nfto.topology import Port

pytestmark = pytest.mark.one_kernel

BOUND = 5


class Loop:
    """In the place of an End: what is sent goes to the model of a router."""

    def __init__(self, device, model):
        self.device = device
        self.model = model
        self.inbox = collections.defaultdict(list)

    def send(self, frame):
        self.model.forward(frame)

    def take(self, flows):
        return [pair for number in flows for pair in self.inbox.pop(number, ())]


class Model:
    """Forwards a flow's packets by the ways that it is told; None: not at all."""

    def __init__(self):
        self.ports = [Port("sim", index) for index in range(3)]
        for port in self.ports:
            port.end = Loop("e%d" % port.index, self)
        self.flow = MovingFlow(self, HARDWARE)
        self.ways = dict(self.flow.ways)
        self.copies = 1
        self.stream = Stream([self.flow])
        self.built = {}
        self.build, self.flow.packet = self.flow.packet, self.packet

    def packet(self, *what, **more):
        packet = self.build(*what, **more)
        self.built[packet.key] = packet
        return packet

    def forward(self, frame):
        key = frames.key_of(frame)
        way = self.ways[REPLY if key.reply else ORIGINAL]
        if way:
            way.end.inbox[key.flow] += [(key, way.frame(self.built[key]))] * self.copies

    def later(self, seconds, way):
        threading.Timer(seconds, lambda: self.ways.update({ORIGINAL: way})).start()


@pytest.fixture
def model():
    made = Model()
    with made.stream:
        yield made


def moved(model, action, way):
    """The original direction is to go another way, or none, which the action sees to."""
    def move():
        if way:
            model.flow.ways[ORIGINAL] = way
        model.flow.closed = frozenset() if way else frozenset([ORIGINAL])

    model.stream.change(action, move)
    late = model.stream.wait_until_right(BOUND)
    return {direction: late[model.flow, direction] for direction in BOTH}


WAYS = {
    "port": lambda model: Way(model.ports[2]),
    "host-mac": lambda model: Way(model.ports[1], "02:00:00:00:01:09"),
    "mac": lambda model: Way(model.ports[1], mac="02:00:00:00:01:09"),
    "none": lambda model: None,
}


@pytest.mark.parametrize("kind", WAYS)
def test_lateness_is_seen_and_judged(model, kind):
    new = WAYS[kind](model)
    late = moved(model, lambda: model.later(2, new), new)
    assert 0.2 < late[ORIGINAL] <= BOUND and late[REPLY] == 0
    old = Way(model.ports[1])
    moved(model, lambda: model.later(0, old), old)
    with pytest.raises(AssertionError, match="after the change a packet was not right"):
        moved(model, lambda: model.later(2 * BOUND, new), new)


def test_loss_is_no_way(model):
    with pytest.raises(AssertionError, match="lost"):
        moved(model, lambda: model.later(0, None), Way(model.ports[2]))


def test_relapses_are_seen(model):
    old, new = Way(model.ports[1]), Way(model.ports[2])
    moved(model, lambda: model.later(0, new), new)
    model.stream.more(10)
    model.ways[ORIGINAL] = old
    model.stream.more(3)
    model.ways[ORIGINAL] = new
    with pytest.raises(AssertionError, match="right, but wrong"):
        model.stream.finish()


def test_copies_are_wrong(model):
    model.stream.more()
    model.copies = 2
    model.stream.more()
    with pytest.raises(AssertionError, match="arrived 2 times"):
        model.stream.finish()


def test_what_does_not_change_is_right(model):
    assert moved(model, lambda: None, Way(model.ports[1])) == {ORIGINAL: 0, REPLY: 0}
    model.stream.finish()
