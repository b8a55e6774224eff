# SPDX-License-Identifier: GPL-2.0
"""Bounded: what a flood of short flows may not do to those that live long, nor to the router.

    scripts/check --kernel NAME -- test_flood.py --short 100000 --long 1000
"""

import statistics
import time

import pytest

from nfto import device, rules, trace
from nfto.cli import Cli
from nfto.crowd import BATCH, Churn, Sender
from nfto.flow import Flow
from nfto.shell import SCALE, read, wait_for, write
from nfto.traffic import Background, assert_hardware, establish, established, measure, offloaded

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.timeout(3600), pytest.mark.one_kernel]

# How long the worker may hold RTNL in a run, as the module's README says: for rules, and as much
# again for counters; and what its last calls of the driver take. Seconds.
HOLD = 0.020
# In less it has found nothing to do.
WORK = 0.001
# Bytes per direction of a flow, with its places in the tables that it is found by.
MEMORY = 512
SLAB = "/sys/kernel/slab/nfto_flow/"
# Lines that the module may log.
LINES = 20


@pytest.fixture
def kinds():
    """Two for the flood; two for flows that come beside it."""
    return ("sim",) * 4


class Peak(dict):
    """The largest of what was seen, by name."""

    def see(self, **values):
        for name, value in values.items():
            self[name] = max(self.get(name, 0), value)


def connections(router):
    with router.ns.entered():
        return int(read("/proc/sys/net/netfilter/nf_conntrack_count"))


def held(lines):
    """Seconds of each hold of RTNL by the worker."""
    return [int(line["time"]) / 1e9 for line in lines if line["rtnl"] == "1"]


def memory():
    """Bytes of one direction, and its places in two hash tables that are half full and in a tree
    of numbers, whose nodes are as good as full."""
    return int(read(SLAB + "object_size")) + 2 * 2 * 8 + 9


def watch(router, cli, background, newcomers, peak):
    """One look at the router while the flood goes on; a flow that begins then gets its turn."""
    begin = time.monotonic()
    newcomers.append(offloaded(establish(Flow(router, client=2, server=3)), deadline=20 * SCALE))
    peak.see(newcomer=time.monotonic() - begin)
    counts = cli.json("flows", "--count")["counts"]
    live = connections(router)
    peak.see(queued=counts["queued"], live=live, directions=sum(counts.values()))
    # What waits in queues is what lives, but for those that the core has yet to end.
    assert counts["queued"] <= 2 * live + 4 * BATCH, (counts, live)
    background.more(5)


def test_a_flood_of_short_flows(router, measured, kernel_log, request):
    short = request.config.getoption("--short")
    long = request.config.getoption("--long")
    cli, peak, newcomers = Cli(router), Peak(), []
    router.asic.set(capacity=1 << 20)
    write("/proc/sys/net/netfilter/nf_conntrack_max", 1 << 18)
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    sender = Sender(router)
    sender.establish(range(long))
    wait_for(lambda: cli.json("flows", "--count")["counts"]["hardware"] == 2 * long, 60 * SCALE,
             lambda: "long flows in hardware: %s" % cli.text("flows", "--count"), interval=0.5)
    with device.opened(router.ns) as family:
        lasting = {each["id"] for each in family.flows(address="10.77.1.20")}
        flow = established(router, client=2, server=3)
        background = Background(flow, rate=50, patience=5 * SCALE)
        begin = time.monotonic()
        with trace.recorded(["program_run"]) as recorded, background:
            with Churn(router, sender) as churn:
                while (churn.flows < short or len(newcomers) < 4) and not churn.error:
                    watch(router, cli, background, newcomers, peak)
            holds = held(recorded.lines("program_run"))
            working = sorted(hold for hold in holds if hold >= WORK)
            tenth = working[len(working) * 9 // 10]
        took = time.monotonic() - begin
        assert not churn.error, churn.error
        background.assert_none_lost()
        # None of those that lasted was moved, and none that came has left.
        assert {each["id"] for each in family.flows(address="10.77.1.20")} == lasting
        assert all(each["state"] == "hardware" for each in family.flows(address="10.77.1.20"))
        for each in newcomers[-3:]:
            assert_hardware(measure(each, 3))
    router.conntrack("-D", "-s", "10.77.1.30", check=False)
    router.conntrack("-D", "-s", "10.77.1.31", check=False)
    wait_for(lambda: router.asic.entries == 2 * (long + 1 + len(newcomers)), 60 * SCALE,
             lambda: "the end of the flood: %d entries" % router.asic.entries, interval=0.5)
    assert churn.flows >= short
    assert peak["directions"] <= 2 * peak["live"] + 4 * BATCH, peak
    lines = [line for line in kernel_log.lines if "nft_offload:" in line]
    assert len(lines) <= LINES, lines[:LINES]
    measured += [
        "%d short flows in %.0f s beside %d long ones" % (churn.flows, took, long),
        "a new flow was in hardware after %.1f s at most, of %d" % (
            peak["newcomer"], len(newcomers)),
        "at most %d directions queued, of %d flows that lived" % (peak["queued"], peak["live"]),
        "RTNL was held %d times, %d of them for work: %.1f ms in the middle, %.1f ms but for a "
        "tenth, %.1f ms at most" % (len(holds), len(working), 1e3 * statistics.median(working),
                                    1e3 * tenth, 1e3 * max(holds))]
    # The rest is the emulated machine, which may do something else in between.
    assert tenth <= HOLD * SCALE, measured


def test_memory_of_a_flow(router, measured):
    router.nft(rules.whole(router))
    established(router)
    measured.append("%d bytes for each direction of a flow" % memory())
    assert memory() <= MEMORY
