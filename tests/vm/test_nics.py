# SPDX-License-Identifier: GPL-2.0
"""What each NIC that is modelled may be expected to switch, and why not the rest: tests/nics, of
which README's table is made. And how the core finds the words that a driver takes."""

import errno
import os

import pytest

from nfto import device, kmod, nics, rules
from nfto.flow import BOTH, Flow
from nfto.shell import SCALE, wait_for
from nfto.topology import Router
from nfto.trace import recorded
from nfto.traffic import assert_software, entries, measure, probe

pytestmark = pytest.mark.one_kernel

# Where results go instead of being compared: scripts/nic-matrix --measure.
WRITE = os.environ.get("NFTO_NICS")


@pytest.fixture(scope="module")
def topology():
    kmod.load(kmod.CORE)
    with Router(link_kind=kmod.STRANGER) as made:
        made.flow_ports = nics.add_vlans(made)
        yield made


@pytest.fixture
def router(topology):
    yield topology
    with device.opened(topology.ns) as devices:
        topology.nft("flush ruleset")
        wait_for(lambda: unbound(topology.asic), 10 * SCALE, "the ports to be unbound")
        for name in topology.names:
            devices.set(name, **device.DEFAULT)
    topology.conntrack("-F")


def unbound(asic):
    calls = asic.calls
    return calls["bind"] == calls["unbind"] and not asic.entries


@pytest.mark.parametrize("nic, policy", nics.CASES)
def test_what_is_switched_and_what_is_refused(router, nic, policy):
    with device.opened(router.ns) as devices, recorded() as trace:
        lines = nics.Trial(router, router.flow_ports, devices, trace, nic, policy).lines()
    if WRITE:
        with open(WRITE, "a") as file:
            file.writelines(" ".join(line) + "\n" for line in lines)
        return
    kept = [line for line in nics.kept_lines() if (line[0], line[2]) == (nic, policy)]
    wrong = ["%s\n    instead of %s" % (" ".join(found), " ".join(line))
             for found, line in zip(lines, kept) if found != line]
    assert not wrong, "\n".join(wrong)
    assert len(kept) == len(lines)


def test_the_table_is_of_these_nics_and_no_others():
    assert WRITE or [case for case in nics.CASES for _ in nics.KINDS] == [
        (line[0], line[2]) for line in nics.kept_lines()]


# ---- from one dialect to the next ----

class Vouched:
    """All ports are those of a NIC, and may do whatever it takes."""

    def __init__(self, router, devices, trace, nic):
        self.router, self.devices, self.trace = router, devices, trace
        router.asic.set(personality=nic)
        self.allow(driver=nics.driver_of(nic), ttl="lossy", tcp="unguarded")
        router.nft(rules.whole(router))

    def allow(self, **policy):
        for name in self.router.names:
            self.devices.set(name, **policy)

    def in_hardware(self, flow):
        """Puts a flow there. Returns how many adds were refused and how many not."""
        before = self.router.asic.calls
        self.establish(flow)
        self.comes_back(flow)
        now = self.router.asic.calls
        return now["add_failed"] - before["add_failed"], now["add"] - before["add"]

    @staticmethod
    def establish(flow):
        """A TTL is nobody's business here, and what was switched has the wrong one."""
        for packet in flow.handshake():
            packet.enters.end.send(packet.sent)
            wait_for(lambda: packet.leaves.end.take([flow.number]), 5 * SCALE, "the handshake")

    @staticmethod
    def comes_back(flow):
        def both():
            for direction in BOTH:
                packet = flow.probe(direction)
                packet.enters.end.send(packet.sent)
            return all(entries(flow))

        wait_for(both, 10 * SCALE, lambda: "%s in hardware: %s" % (
            flow, flow.router.asic.calls), interval=0.2)


@pytest.fixture
def words(router):
    """cxgb4 whose filter mode has no fragments takes a rule only if it does not speak of them."""
    with device.opened(router.ns) as devices, recorded() as trace:
        yield Vouched(router, devices, trace, "cxgb4-bare")


def test_a_driver_is_asked_once_in_words_that_it_does_not_take(words):
    """Once by each port and kind of rule: the next begins with what was taken."""
    router = words.router
    flow = Flow(router, "ipv4", "udp")
    assert words.in_hardware(flow) == (2, 2)
    assert [entry["match"] for entry in entries(flow)] == ["-", "-"]
    assert router.asic.calls["add_error"] == errno.EOPNOTSUPP
    assert words.in_hardware(Flow(router, "ipv4", "udp")) == (0, 2)
    # To the driver another kind may be another matter.
    assert words.in_hardware(Flow(router, "ipv6", "tcp")) == (2, 2)
    assert words.in_hardware(Flow(router, "ipv6", "tcp")) == (0, 2)
    assert words.in_hardware(Flow(router, "ipv4", "udp")) == (0, 2)


def test_a_stricter_policy_takes_flows_out_and_a_laxer_one_begins_anew(words):
    router = words.router
    flow = Flow(router, "ipv4", "udp")
    assert words.in_hardware(flow) == (2, 2)
    words.allow(ttl="require")
    wait_for(lambda: not router.asic.entries, 2 * SCALE, "the end of the entries")
    for port in router.ports:
        port.end.take([flow.number])

    def refused():
        probe(flow)
        return {event["dir"] for event in words.trace.lines("flow_refused")
                if event["reason"] == "ttl"} == set(BOTH)

    wait_for(refused, 10 * SCALE, "refusals as ttl", interval=0.2)
    assert_software(measure(flow, 10))
    failed = router.asic.calls["add_failed"]
    words.allow(ttl="lossy")
    words.comes_back(flow)
    # The policy might have been what kept the better words from being tried.
    assert router.asic.calls["add_failed"] >= failed + 2


# ---- what a driver says of a rule that it does not have ----

@pytest.mark.parametrize("nic", [nic for nic, (driver, _) in nics.NICS.items() if driver != "-"])
def test_rules_that_the_driver_has_lost(router, nic):
    """They are added again, whether or not there are packets; and those that are lost once more are
    deleted for good."""
    with device.opened(router.ns) as devices, recorded() as trace:
        ports = Vouched(router, devices, trace, nic)
        flow = Flow(router, "ipv4", "udp")
        ports.in_hardware(flow)
        before = router.asic.calls
        router.asic.set(forget=1)
        wait_for(lambda: all(entries(flow)), 10 * SCALE, "both rules again")
        lost = [event for event in trace.lines("flow_removed") if event["reason"] == "lost"]
        assert {event["dir"] for event in lost} == set(BOTH)
        asked = {call: count - before[call] for call, count in router.asic.calls.items()}
        assert (asked["stats_failed"], asked["del_failed"]) == (2, 2)
        router.asic.set(forget=1)
        router.nft("flush ruleset")
        wait_for(lambda: unbound(router.asic), 10 * SCALE,
                 lambda: "the end: %s" % router.asic.calls)
        assert router.asic.calls["del_failed"] == before["del_failed"] + 4
