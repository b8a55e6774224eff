# SPDX-License-Identifier: GPL-2.0
"""Whatever the driver does, no packet is lost, and the driver is asked again in good time only."""

import collections
import time

import pytest

from nfto import conntrack, kmod, rules
from nfto.flow import BOTH, Flow
from nfto.shell import SCALE, wait_for
from nfto.trace import recorded
from nfto.traffic import (Background, Ledger, assert_back, assert_delivered, assert_hardware,
                          assert_software, deliver, entries, establish, established, measure,
                          offloaded, probe)

pytest_plugins = "nfto.fixtures"

# More lines than this about one trouble would be a flood.
LINES = 20
ENOSPC, EBUSY, EINVAL, EIO, EOPNOTSUPP = 28, 16, 22, 5, 95


@pytest.fixture
def quiet(kernel_log):
    """The module says what is the matter, and not without end."""
    yield kernel_log
    lines = [line for line in kernel_log.lines if "nft_offload:" in line]
    assert len(lines) <= LINES, "%d lines, the first of them: %s" % (len(lines), lines[:LINES])


def busy(router, flow, seconds):
    """Traffic both ways for a while, of which nothing is lost; the driver's calls in between."""
    before = collections.Counter(router.asic.calls)
    end = time.monotonic() + seconds
    with Background(flow, rate=100) as background:
        wait_for(lambda: time.monotonic() > end, 2 * seconds, "the end of the traffic")
    background.assert_none_lost()
    return {name: count - before[name] for name, count in router.asic.calls.items()}


def assert_backs_off(router, flow, call, least):
    """Under lasting traffic the driver is asked again, ever more seldom."""
    busy(router, flow, 4)
    early = router.asic.calls[call]
    late = busy(router, flow, 4)[call]
    assert early >= least, "tried only %d times" % early
    assert late < max(early, 5), "%s: %d in the first seconds, then %d in as many" % (
        call, early, late)


# What a driver says no to today it may take in a moment, or never.
PASSING, LASTING = (ENOSPC, EIO), (EINVAL, EOPNOTSUPP)


@pytest.mark.parametrize("error", PASSING + LASTING)
def test_refused_rules(router, quiet, error):
    """Stock offers a flow again every second; here each refusal makes the next wait longer."""
    router.asic.set(fail_add=error)
    router.nft(rules.whole(router))
    flow = establish(Flow(router, "ipv4", "tcp", "both"))
    assert_backs_off(router, flow, "add_failed", least=4 if error in PASSING else 2)
    assert (router.asic.entries, router.asic.calls["add"]) == (0, 0)
    assert "[OFFLOAD]" in conntrack.find(flow).line
    assert_software(measure(flow, 10))
    router.asic.set(fail_add=0)
    assert_hardware(measure(established(router, "ipv4", "udp", "both"), 10))
    if error in PASSING:
        assert_hardware(measure(offloaded(flow, deadline=30 * SCALE), 10))


def test_one_refusal_is_soon_forgotten(router, quiet):
    router.asic.set(fail_add="%d 1" % EIO)
    router.nft(rules.whole(router))
    flow = offloaded(establish(Flow(router)))
    assert_hardware(measure(flow, 10))
    assert router.asic.calls["add_failed"] == 1


def test_refused_binding(router, quiet):
    router.asic.set(fail_bind=EINVAL)
    with kmod.all_messages():
        router.nft(rules.whole(router))
        quiet.wait_for("nft_offload: p0: software: .*%d" % EINVAL)
    flow = establish(Flow(router, "ipv6", "udp", "snat"))
    assert_backs_off(router, flow, "bind_failed", least=4)
    assert (router.asic.calls["bind"], router.asic.calls["add"]) == (0, 0)
    assert_software(measure(flow, 10))
    router.asic.set(fail_bind=0)
    assert_hardware(measure(offloaded(flow, deadline=30 * SCALE), 10))
    assert router.asic.calls["bind"] == 2


def test_failing_deletion_is_tried_again(router, quiet):
    router.nft(rules.whole(router))
    flow, other = established(router, "ipv4", "tcp", "none"), established(router)
    router.asic.set(fail_del="%d 3" % EBUSY)
    with kmod.all_messages():
        for direction in BOTH:
            assert_delivered(deliver([flow.finish(direction)]))
        wait_for(lambda: router.asic.entries == 2, 20 * SCALE, "the deletion to succeed")
        quiet.wait_for("p[01]: hardware did not delete an entry: errno %d: .*fail_del is set"
                       % EBUSY)
    assert entries(flow) == [None, None]
    assert router.asic.calls["del_failed"] == 3
    assert_hardware(measure(other, 10))


def test_failing_deletion_does_not_outlive_the_flowtable(router, quiet):
    """A driver that fails at the last moment is asked again before the device is let go."""
    router.nft(rules.whole(router))
    flow = established(router)
    router.asic.set(fail_del="%d 3" % EBUSY)
    router.nft("flush ruleset")
    wait_for(lambda: router.asic.entries == 0, 20 * SCALE, "an empty table")
    assert router.asic.calls["orphaned"] == 0
    router.nft(rules.whole(router))
    assert_hardware(measure(offloaded(flow, deadline=30 * SCALE), 10))


@pytest.mark.timeout(400)
def test_failing_statistics(router, quiet):
    """Where nothing can be read a flow may leave hardware, but not the router."""
    router.nft(rules.whole(router))
    timeout = router.flow_timeout(round(1.5 * SCALE))
    flow = established(router)
    router.asic.set(fail_stats=EIO)
    calls = busy(router, flow, 2 * timeout)
    assert 1 <= calls["stats_failed"] <= 20 * timeout
    router.asic.set(fail_stats=0)
    # By then a flow that had to go has gone, and has come back.
    busy(router, flow, timeout + 1)
    assert_hardware(measure(offloaded(flow), 10))


def test_rules_that_the_driver_has_lost(router, quiet):
    """After a reset it has none and tells nobody: software goes on until they are added again."""
    router.nft(rules.whole(router))
    flow, other = established(router, "ipv4", "tcp", "both"), established(router, "ipv6", "udp")
    with Background(flow, other) as background, kmod.all_messages():
        router.asic.set(forget=1)
        quiet.wait_for("nft_offload: p[01]: its driver has lost rules .*: [1-4] to be added again")
        wait_for(lambda: router.asic.entries == 4, 10 * SCALE, "all four of them again")
        background.more()
    background.assert_none_lost()
    for each in (flow, other):
        assert conntrack.in_hardware(each)
        assert_hardware(measure(each, 10))


def test_no_room_at_all(router, quiet):
    router.asic.set(capacity=0)
    router.nft(rules.whole(router))
    flow = establish(Flow(router, "ipv6", "tcp", "dnat"))
    assert_backs_off(router, flow, "add_failed", least=2)
    assert_software(measure(flow, 10))
    router.asic.set(capacity=100)
    assert_hardware(measure(offloaded(flow, deadline=30 * SCALE), 10))


@pytest.mark.parametrize("capacity", [3, 4])
def test_a_full_table(router, quiet, capacity):
    """Who comes late stays in software, and moves in when there is room."""
    router.asic.set(capacity=capacity)
    router.nft(rules.whole(router))
    router.flow_timeout(round(1.5 * SCALE))
    first = established(router, "ipv4", "tcp", "none")
    late = [establish(Flow(router, "ipv4", "udp", "none")) for _ in range(4)]
    with Background(first, *late, rate=100) as background, recorded() as trace:
        background.more(600)
        assert router.asic.entries == capacity
    background.assert_none_lost()
    # The attempts of four flows and both directions would be some fifty without a back-off; and as
    # many refusals would be told.
    assert router.asic.calls["add_failed"] <= 40, router.asic.calls
    assert len(trace.lines("flow_refused")) <= 20, trace.lines("flow_refused")
    assert_delivered(deliver([first.finish(direction) for direction in BOTH]))
    assert_hardware(measure(offloaded(late[0], deadline=30 * SCALE), 10))


@pytest.mark.parametrize("latency", [0.2, 3])
def test_a_slow_driver(router, quiet, latency):
    router.asic.set(latency_us=int(latency * 1e6))
    router.nft(rules.whole(router))
    flow = establish(Flow(router, "ipv4", "tcp", "snat"))
    with Background(flow) as background:
        wait_for(lambda: None not in entries(flow), 60 + 15 * SCALE, "both directions in hardware")
        router.nft(rules.whole(router, []))
        wait_for(lambda: router.asic.entries == 0, 60 + 15 * SCALE, "an empty table")
    router.asic.set(latency_us=0)
    assert router.asic.calls["orphaned"] == 0
    background.assert_none_lost()


def test_a_slow_driver_loses_its_device(router, quiet):
    """The port goes while the driver is at work on its flows, and on others that leave by it."""
    router.nft(rules.whole(router))
    router.asic.set(latency_us=200000)
    for _ in range(3):
        establish(Flow(router))
    wait_for(lambda: router.asic.calls["add"], 20 * SCALE, "the first entry")
    router.ns.ip("link del p1")
    wait_for(lambda: router.asic.entries == 0, 10 + SCALE, "an empty table")
    router.asic.set(latency_us=0)
    assert router.asic.calls["orphaned"] == 0
    router.add_ports([router["p1"]])
    wait_for(lambda: router.running(["p1"]), 5 * SCALE, "carrier on p1")
    router.nft(rules.whole(router))
    assert_back(establish(Flow(router)))


def test_an_unresolved_neighbour(router, quiet):
    """The flow begins before the router knows the client's address; no rule can be built yet."""
    router.nft(rules.whole(router))
    flow = Flow(router)
    request, reply = flow.handshake()
    assert_delivered(deliver([request]))
    client = router["p0"]
    router.ns.ip("neigh del %s dev p0" % client.host["ipv4"])
    ledger = Ledger()
    ledger.send(reply)
    wait_for(lambda: client.end.asked_for(client.host["ipv4"]), 5 * SCALE, "the router's question")
    assert None in entries(flow)
    router.ns.ip(*client.address_lines())
    assert_delivered(ledger.settle())
    assert_back(flow)


def test_offload_switched_off_on_the_device(router, quiet):
    """hw-tc-offload is the administrator's word; it counts again when the ruleset is reloaded."""
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    with kmod.all_messages():
        router.nft(rules.whole(router))
        quiet.wait_for("nft_offload: p0: software: .*hw-tc-offload")
    flow = establish(Flow(router))
    for _ in range(3):
        probe(flow)
    original, _ = entries(flow)
    assert original is None
    assert_delivered(measure(flow, 10).ledger)
    router.ns.run("ethtool -K p0 hw-tc-offload on")
    router.nft(rules.whole(router))
    assert_hardware(measure(offloaded(flow), 10))
