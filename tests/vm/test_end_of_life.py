# SPDX-License-Identifier: GPL-2.0
"""Whatever ends a flow leaves nothing in hardware, within a second, and traffic flows on."""

import time

import pytest

from nfto import conntrack, device, kmod, rules
from nfto.flow import BOTH, REPLY, Flow
from nfto.shell import SCALE, CommandError, run, wait_for
from nfto.topology import Router
from nfto.traffic import (Background, assert_back, assert_delivered, assert_hardware,
                          assert_software, deliver, entries, establish, established, measure,
                          offloaded)

pytest_plugins = "nfto.fixtures"

# Seconds that a cause may take: seen at once, or only by the core's garbage collection.
SEEN, COLLECTED = 1, 2
# What was measured, for the log: an emulated machine proves no times.
MEASURED = []


@pytest.fixture(scope="module", autouse=True)
def show_measured(request):
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *MEASURED, sep="\n")


@pytest.fixture
def router(router):
    router.nft(rules.whole(router))
    return router


def emptied(router, promised, what, left=0):
    """Wait until the ASIC's table holds no more than it should; tell how long that took."""
    begin = time.monotonic()
    wait_for(lambda: router.asic.entries <= left, (promised + 2) * SCALE,
             lambda: "%d entries left after %s: %s" % (left, what, router.asic.get("table")))
    MEASURED.append("%s: no entry left %.2f s later, promised: %s s" % (
        what, time.monotonic() - begin, promised))
    assert router.asic.calls["orphaned"] == 0


def closed(flow):
    for direction in BOTH:
        assert_delivered(deliver([flow.finish(direction)]))


def was_reset(flow):
    assert_delivered(deliver([flow.reset(REPLY)]))


@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_connection_deleted(router, family, proto):
    flow = established(router, family, proto, "both")
    conntrack.delete(flow)
    emptied(router, COLLECTED, "conntrack -D of %s" % flow)
    # The same packets make the connection anew, and it goes back to hardware.
    assert_hardware(measure(offloaded(flow), 10))


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_connection_deleted_under_traffic(router, proto):
    """The successor is there, with the same match, before the old flow has left hardware."""
    flow = established(router, "ipv4", proto, "none")

    def known():
        return {entry["id"] for entry in entries(flow) if entry}

    with Background(flow) as background:
        for _ in range(4):
            background.more()
            before = known()
            # All, as the successor may begin with either side.
            router.conntrack("-F")
        background.more()
    background.assert_none_lost()
    wait_for(lambda: router.asic.entries <= 2 and not before & known(), COLLECTED * SCALE,
             "the old flows' end")
    assert_hardware(measure(offloaded(flow), 10))
    assert router.asic.entries == 2
    assert router.asic.calls["orphaned"] == 0


@pytest.mark.parametrize("end", [closed, was_reset], ids=["fin", "rst"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_connection_ended(router, family, end):
    flow = established(router, family, "tcp", "dnat")
    other = established(router, family, "udp", "dnat")
    end(flow)
    emptied(router, COLLECTED, "%s on %s" % (end.__name__, flow), left=2)
    assert entries(flow) == [None, None]
    assert_hardware(measure(other, 10))
    assert_hardware(measure(established(router, family, "tcp", "dnat"), 10))


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_connection_idle(router, proto):
    """The flowtable's timeout begins with the last packet that hardware has counted."""
    timeout = router.flow_timeout(round(1.5 * SCALE))
    flow = established(router, "ipv4", proto, "snat")
    assert_hardware(measure(flow, 10))
    emptied(router, timeout + COLLECTED, "%d s of idleness of %s" % (timeout, flow))
    assert_hardware(measure(offloaded(flow), 10))


REMOVALS = {
    "flowtable": "flush chain inet filter forward\ndelete flowtable inet filter f\n"
                 "add rule inet filter forward accept",
    "table": "delete table inet filter",
    "ruleset": "flush ruleset",
}


@pytest.mark.every_kernel
@pytest.mark.parametrize("what", REMOVALS)
def test_ruleset_removed(router, what):
    flows = [established(router, family, "udp", "none") for family in ("ipv4", "ipv6")]
    with Background(*flows) as background:
        background.more()
        router.nft(REMOVALS[what])
        emptied(router, SEEN, "removal of the %s" % what)
        background.more()
    background.assert_none_lost()
    for flow in flows:
        assert_software(measure(flow, 10))
    assert not any(conntrack.in_hardware(flow) for flow in flows)
    assert router.asic.entries == 0
    router.nft(rules.whole(router))
    for flow in flows:
        assert_hardware(measure(offloaded(flow), 10))


def test_ruleset_reloaded_under_traffic(router):
    flows = [established(router, *case) for case in (
        ("ipv4", "udp", "snat"), ("ipv4", "tcp", "both"), ("ipv6", "tcp", "none"))]
    with Background(*flows) as background:
        for _ in range(5):
            background.more(30)
            router.nft(rules.whole(router))
        background.more(30)
    background.assert_none_lost()
    for flow in flows:
        assert_hardware(measure(offloaded(flow), 10))
    assert router.asic.entries == 2 * len(flows)
    assert router.asic.calls["orphaned"] == 0


@pytest.mark.every_kernel
def test_connections_are_not_forgotten_while_they_flow(router):
    """Their flows end, and the flowtable right behind: the kernel ends them a second time then,
    when the new ones are there."""
    flows = [established(router, family, proto, "none") for family in ("ipv4", "ipv6")
             for proto in ("udp", "tcp") for _ in range(3)]
    with device.opened(router.ns) as family, Background(*flows, rate=1000) as background:
        for _ in range(3):
            background.more(30)
            family.flush()
            router.nft(rules.whole(router))
        background.more(30)
        wait_for(lambda: not forgotten(router, flows), 10 * SCALE,
                 lambda: "connections that stay: %s" % conntrack.listed(router)[0])
    background.assert_none_lost()


def forgotten(router, flows):
    """Those whose connections conntrack will forget, though they are in a flowtable."""
    kept = [connection for connection in conntrack.tagged(router, "OFFLOAD]")
            if connection.timeout() is None]
    return [flow for flow in flows if not any(connection.has(flow) for connection in kept)]


@pytest.mark.every_kernel
@pytest.mark.parametrize("victim", ["p1", "w1"], ids=["port", "lower"])
def test_device_deleted_under_traffic(victim):
    """Flows through it end, others do not notice; a new port of the name works as the old one."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.nft(rules.whole(router))
        doomed, safe = established(router), established(router, server=3)
        with Background(doomed, patience=0.5) as ending, Background(safe) as background:
            background.more()
            router.ns.ip("link del " + victim)
            emptied(router, SEEN, "deletion of " + victim, left=2)
            background.more()
        background.assert_none_lost()
        assert ending.ledger.missing()
        assert_hardware(measure(safe, 10))

        port = router["p1"]
        if victim == port.lower:
            router.replace_wire(port)
        router.add_ports([port])
        router.nft(rules.whole(router))
        for flow in doomed, safe:
            assert_back(flow)


def test_device_down_and_up_under_traffic():
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.nft(rules.whole(router))
        flow, safe = established(router), established(router, server=3)
        with Background(safe) as background:
            background.more()
            router.ns.ip("link set p1 down")
            emptied(router, SEEN, "p1 down", left=2)
            router.ns.ip("link set p1 up")
            background.more()
        background.assert_none_lost()
        wait_for(lambda: router.running(["p1"]), 5 * SCALE, "carrier on p1")
        router.ns.ip(*router["p1"].address_lines())
        assert_back(flow)


def test_namespace_deleted_under_traffic():
    """One port has moved elsewhere before, so the ASIC lives on and can be asked."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 3) as router:
        router.nft(rules.whole(router, ["p0", "p1"]))
        flow = established(router, "ipv6", "tcp", "none")
        router.move_port(router["p2"], router.sides[1])
        with Background(flow, patience=0.5) as background:
            background.more()
            router.ns.delete()
            emptied(router, SEEN, "deletion of the namespace")
            # The traffic ends when the wires have gone with the namespace.
            wait_for(lambda: background.error, 20 * SCALE, "the wires' end")
        assert isinstance(background.error, OSError)
    with Router() as router:
        router.nft(rules.whole(router))
        assert_hardware(measure(established(router), 10))


def test_module_in_use_stays(router):
    flow = established(router)
    with pytest.raises(CommandError, match="in use"):
        run(["rmmod", kmod.CORE])
    assert_hardware(measure(flow, 10))
    router.nft("flush ruleset")
    kmod.unload(kmod.CORE)
    assert router.asic.entries == 0
    assert router.asic.calls["orphaned"] == 0
    flow = Flow(router)
    assert_software(measure(establish(flow), 10))
