# SPDX-License-Identifier: GPL-2.0
"""What hardware forwards is counted and kept alive as if software had forwarded it."""

import time

import pytest

from nfto import conntrack, rules
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.shell import SCALE, wait_for
from nfto.traffic import assert_hardware, entries, establish, established, measure, offloaded, probe

pytest_plugins = "nfto.fixtures"


@pytest.fixture
def router(router):
    router.ns.sysctl(netfilter__nf_conntrack_acct=1)
    router.nft(rules.whole(router))
    return router


def offered(flow):
    return {direction: dict(flow.offered[direction]) for direction in BOTH}


def assert_counted(flow, wanted=None):
    """conntrack agrees with what was sent, in packets and bytes of layer 3, once it is polled."""
    wanted = wanted or offered(flow)
    seen = [None]

    def agrees():
        connection = conntrack.find(flow)
        seen[0] = connection and connection.counted()
        return seen[0] == wanted

    wait_for(agrees, 10 * SCALE, lambda: "%s counted as %s, seen %s" % (flow, wanted, seen[0]),
             interval=0.2)


@pytest.mark.every_kernel
@pytest.mark.parametrize("nat", ["none", "both"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_conntrack_counts_what_was_sent(router, family, proto, nat):
    """Each direction by itself, in shares of hardware and software that differ by direction."""
    flow = established(router, family, proto, nat)
    assert_counted(flow)
    assert_hardware(measure(flow, 30, directions=(ORIGINAL,)))
    assert_hardware(measure(flow, 20, directions=(REPLY,)))
    assert_counted(flow)
    assert_hardware(measure(flow, 10))
    assert_counted(flow)


def test_software_alone_counts_the_same(router):
    """What test_conntrack_counts_what_was_sent compares with is what the stack itself counts."""
    router.nft(rules.whole(router, []))
    for family in "ipv4", "ipv6":
        flow = establish(Flow(router, family, "tcp", "both"))
        measure(flow, 10)
        assert_counted(flow)


def test_the_last_packets_count(router):
    """Sent right before the flow leaves hardware, they are counted on the way out."""
    flow = established(router, "ipv4", "tcp", "snat")
    assert_hardware(measure(flow, 40))
    router.nft("flush chain inet filter forward\ndelete flowtable inet filter f\n"
               "add rule inet filter forward accept")
    assert_counted(flow)
    assert router.asic.entries == 0


def test_without_counter_hardware_is_not_counted(router):
    router.nft(rules.whole(router, counter=False))
    flow = establish(Flow(router))
    # Of these the flowtable's own software path counts none; the stack counts the handshake.
    offloaded(flow)
    first = conntrack.find(flow).counted()
    assert_hardware(measure(flow, 20))
    polled = router.asic.calls["stats"]
    wait_for(lambda: router.asic.calls["stats"] > polled + 4, 20 * SCALE, "two more polls")
    assert conntrack.find(flow).counted() == first


@pytest.mark.timeout(400)
@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_an_active_flow_stays_and_an_idle_one_goes(router, proto):
    """Active in hardware alone, for longer than the timeout; each direction by itself suffices."""
    timeout = router.flow_timeout(round(1.5 * SCALE))
    flow = established(router, "ipv6", proto, "none")
    before = [entry["id"] for entry in entries(flow)]
    for direction in BOTH:
        begin = time.monotonic()
        while time.monotonic() - begin < 1.5 * timeout:
            assert_hardware(measure(flow, 2, directions=(direction,)))
    assert [entry and entry["id"] for entry in entries(flow)] == before
    wait_for(lambda: router.asic.entries == 0, (timeout + 2) * SCALE, "the idle flow's end")
    assert_counted(flow)
    probe(flow)
    assert_hardware(measure(offloaded(flow), 10))
    assert_counted(flow)
