# SPDX-License-Identifier: GPL-2.0
"""Very many flows are listed while traffic goes on and flows come and go.

--many says how many; 100000 take a quarter of an hour where processors are shared.
"""

import collections
import re
import socket
import time

import pytest

from nfto import frames, rules
from nfto.cli import COMMAND, Cli
from nfto.flow import ORIGINAL, REPLY
from nfto.frames import Tuple, turned
from nfto.shell import SCALE, wait_for, write
from nfto.traffic import Background, established
from nfto.worker import Worker

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.timeout(1200), pytest.mark.one_kernel]

BATCH = 500
PORTS = 50000
# Source ports of flows that stay; those that come and go have their own source address.
FIRST_PORT = 10000
LINE = re.compile(r"^udp 10\.77\.1\.(\d+):(\d+) > |^udp 10\.77\.2\.9:7000 > 10\.77\.1\.(\d+):(\d+)",
                  re.M)


@pytest.fixture
def kinds():
    """Two for the many; two for the one that is watched, whose frames nobody else takes."""
    return ("sim",) * 4


class Sender:
    """UDP connections of the shortest packets, established a batch at a time."""

    def __init__(self, router):
        self.ports = router["p0"], router["p1"]

    def frames(self, direction, numbers):
        enters = self.ports[direction == REPLY]
        for number in numbers:
            view = Tuple("10.77.1.%d" % (20 + number // PORTS), "10.77.2.9",
                         FIRST_PORT + number % PORTS, 7000)
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
        self.rounds = 0

    def steps(self):
        while not self.stopping.is_set():
            # An address of their own.
            first = 10 * PORTS + self.rounds * BATCH % PORTS
            self.sender.establish(range(first, first + BATCH))
            self.router.conntrack("-D", "-s", "10.77.1.30", check=False)
            self.rounds += 1


def listed(text):
    """How often each direction of each flow is in a list, by address and port."""
    return collections.Counter((match[0] or match[2], match[1] or match[3], bool(match[2]))
                               for match in LINE.findall(text))


def test_all_flows_are_listed(router, measured, request):
    flows = request.config.getoption("--many")
    cli = Cli(router)
    router.asic.set(capacity=1 << 20)
    # It is one for all namespaces.
    write("/proc/sys/net/netfilter/nf_conntrack_max", 4 * flows)
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    sender = Sender(router)
    begin = time.monotonic()
    sender.establish(range(flows))
    wait_for(lambda: cli.json("flows", "--count")["counts"]["hardware"] == 2 * flows, 120 * SCALE,
             lambda: "all flows in hardware: %s" % cli.text("flows", "--count"), interval=1)
    measured.append("%d flows in hardware after %.0f s" % (flows, time.monotonic() - begin))
    flow = established(router, client=2, server=3)
    wanted = {(str(20 + number // PORTS), str(FIRST_PORT + number % PORTS), reply)
              for number in range(flows) for reply in (False, True)}
    background = Background(flow, rate=20, patience=5 * SCALE)
    with background, Churn(router, sender) as churn:
        background.more(20)
        begin = time.monotonic()
        done = router.ns.run([COMMAND, "flows"], timeout=600)
        took = time.monotonic() - begin
        rounds = churn.rounds
        background.more(20)
    assert not churn.error, churn.error
    background.assert_none_lost()
    assert not done.stderr
    found = listed(done.stdout)
    missing = wanted - set(found)
    assert not missing, "%d of %d are not in the list: %s" % (
        len(missing), len(wanted), sorted(missing)[:5])
    twice = {each: number for each, number in found.items() if number > 1}
    assert not twice, twice
    # Flows came and went meanwhile, and packets of the one in hardware were not held up.
    assert rounds > 0
    measured.append("%d lines in %.1f s, while %d flows came and went" % (
        len(done.stdout.splitlines()), took, rounds * BATCH))
    begin = time.monotonic()
    assert cli.json("flush", "all")["count"] >= 2 * flows
    wait_for(lambda: router.asic.entries <= 4, 120 * SCALE, lambda: "an empty table: %d" % (
        router.asic.entries), interval=0.5)
    measured.append("flushed in %.0f s" % (time.monotonic() - begin))
