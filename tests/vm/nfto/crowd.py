# SPDX-License-Identifier: GPL-2.0
"""Connections in numbers: UDP, of the shortest packets, established a batch at a time."""

import socket

from nfto import frames
from nfto.flow import ORIGINAL, REPLY
from nfto.frames import Tuple, turned
from nfto.shell import SCALE, wait_for
from nfto.worker import Worker

BATCH = 500
PORTS = 50000
# Source ports begin here.
FIRST_PORT = 10000
# The source address of those that come and go, in place of the last octet.
PASSING = 30


def source(number):
    """Address and port of the client of a connection."""
    return "10.77.1.%d" % (20 + number // PORTS), FIRST_PORT + number % PORTS


class Sender:
    """What sends for clients and the server, behind the router's first two ports."""

    def __init__(self, router):
        self.ports = router["p0"], router["p1"]

    def frames(self, direction, numbers):
        enters = self.ports[direction == REPLY]
        for number in numbers:
            address, port = source(number)
            view = Tuple(address, "10.77.2.9", port, 7000)
            view = view if direction == ORIGINAL else turned(view)
            yield frames.frame(enters.host_mac, enters.mac, view, "udp", b"", zero_check=True)

    def send(self, direction, numbers):
        """All, until all have left at the other side: nothing is established backwards."""
        end = self.ports[direction == REPLY].end
        for frame in self.frames(direction, numbers):
            end.send(frame)
        other, left = self.ports[direction == ORIGINAL].end, [len(numbers)]

        def arrived():
            left[0] -= drained(other.socket)
            return left[0] <= 0

        wait_for(arrived, 20 * SCALE, lambda: "%d of %d packets" % (left[0], len(numbers)),
                 interval=0.001)

    def establish(self, numbers):
        for at in range(0, len(numbers), BATCH):
            batch = numbers[at:at + BATCH]
            self.send(ORIGINAL, batch)
            self.send(REPLY, batch)


def drained(end):
    """How many short packets have come."""
    count = 0
    while True:
        try:
            count += len(end.recv(2048, socket.MSG_DONTWAIT)) <= 60
        except BlockingIOError:
            return count


class Churn(Worker):
    """New flows all the time, and the end of those before. A context manager."""

    def __init__(self, router, sender):
        super().__init__()
        self.router, self.sender = router, sender
        self.flows = 0

    def steps(self):
        while not self.stopping.is_set():
            # Two addresses in turn: a batch goes when the next is there.
            turn = self.flows // BATCH % 2
            first = (PASSING - 20 + turn) * PORTS + self.flows % PORTS
            self.sender.establish(range(first, first + BATCH))
            self.flows += BATCH
            self.router.conntrack("-D", "-s", "10.77.1.%d" % (PASSING + 1 - turn), check=False)
