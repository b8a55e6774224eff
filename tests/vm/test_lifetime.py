# SPDX-License-Identifier: GPL-2.0
"""Modules, namespaces and flows come and go in numbers, and nothing is left behind."""

import random

import pytest

from nfto import asic, device, kmod, limits, rules
from nfto.flow import BOTH, ORIGINAL, Flow
from nfto.shell import SCALE, wait_for
from nfto.topology import Router
from nfto.traffic import (Background, Measurement, assert_back, assert_delivered,
                          assert_hardware, assert_software, deliver, entries, establish,
                          established, measure, offloaded, probe)

pytest_plugins = "nfto.fixtures"


def test_the_module_comes_and_goes_under_traffic(router):
    flow = Flow(router, "ipv4", "tcp", "both")
    router.nft(rules.whole(router))
    establish(flow)
    for _ in range(5):
        kmod.load(kmod.CORE)
        router.nft(rules.whole(router))
        assert_hardware(measure(offloaded(flow), 5))
        with Background(flow) as background:
            router.nft(rules.whole(router, []))
            # At once, and again until it is let go: late work must find the module or be done.
            kmod.unload(kmod.CORE)
            background.more(10)
        background.assert_none_lost()
        assert router.asic.entries == 0
    calls = router.asic.calls
    assert (calls["orphaned"], calls["bind"]) == (0, calls["unbind"])


def test_unloading_with_the_driver_at_work(router):
    """A driver that takes its time has been waited for when rmmod returns."""
    for _ in range(3):
        kmod.load(kmod.CORE)
        before = router.asic.calls
        router.nft(rules.whole(router))
        wait_for(lambda: router.asic.calls["bind"] == before["bind"] + 2, 10 * SCALE, "two ports")
        router.asic.set(latency_us=300000)
        establish(Flow(router))
        wait_for(lambda: router.asic.calls["add"] > before["add"], 10 * SCALE,
                 "the driver's end with one direction")
        # The other one's is with it now.
        router.nft("flush ruleset")
        kmod.unload(kmod.CORE)
        router.asic.set(latency_us=0)
        calls = router.asic.calls
        assert (router.asic.entries, calls["orphaned"]) == (0, 0)
        assert calls["bind"] == calls["unbind"]


def test_namespaces_come_and_go_with_their_flows():
    """A namespace dies with ruleset, flows and ports; its successor starts from nothing."""
    kmod.load(kmod.CORE)
    with asic.none_orphaned():
        for _ in range(3):
            with Router() as router, Router(suffix="2") as other:
                for each in router, other:
                    each.nft(rules.whole(each))
                flows = [established(each, "ipv6", "udp", "dnat") for each in (router, other)]
                router.ns.delete()
                assert_hardware(measure(flows[1], 10))
                assert other.asic.calls["orphaned"] == 0
    kmod.unload(kmod.CORE)
    kmod.load(kmod.CORE)


def test_namespaces_do_not_share_flows():
    """The same connection in two routers with ports of the same names is two flows."""
    kmod.load(kmod.CORE)
    with Router() as router, Router(suffix="2") as other:
        flows = []
        for each in router, other:
            each.nft(rules.whole(each))
            flows.append(established(each, "ipv4", "tcp", "both", sport=25000))
        for flow in flows:
            assert flow.router.asic.entries == 2
            assert_hardware(measure(flow, 10))
        router.nft("flush ruleset")
        assert_hardware(measure(flows[1], 10))


@pytest.mark.timeout(400)
def test_many_flows_come_and_go(router):
    """Two hundred at once, twice; they leave by timeout, and leave nothing."""
    # Longer than it takes to look at them, on a machine that others are at work on too.
    number, timeout = 200, router.flow_timeout(round(4 * SCALE))
    router.nft(rules.whole(router))
    for turn in range(2):
        flows = [Flow(router, "ipv4", "udp", "dnat", sport=40000 + 1000 * turn + index)
                 for index in range(number)]
        for direction in BOTH:
            assert_delivered(deliver([flow.packet(direction) for flow in flows]))
        with Background(*flows, rate=1000) as background:
            wait_for(lambda: router.asic.entries == 2 * number, 30 * SCALE,
                     lambda: "%d entries: %s" % (2 * number, router.asic.calls))
            background.more(10)
        background.assert_none_lost()
        assert_hardware(Measurement(router, [flow.data(direction, 1, sizes=(60,))[0]
                                             for direction in BOTH for flow in flows]))
        wait_for(lambda: router.asic.entries == 0, (timeout + 2) * SCALE, "all flows' end")
    calls = router.asic.calls
    assert calls["add"] == calls["del"] and calls["add_failed"] == calls["orphaned"] == 0
    assert calls["max_table"] == 2 * number


def test_a_crowd_is_swept_away_at_once(router):
    """Deleting the flowtable, the table full of flows, under traffic."""
    router.nft(rules.whole(router))
    flows = [establish(Flow(router, "ipv6", "udp", "none", sport=40000 + index))
             for index in range(100)]
    with Background(*flows, rate=500) as background:
        wait_for(lambda: router.asic.entries == 200, 30 * SCALE, "200 entries")
        router.nft(rules.whole(router, []))
        wait_for(lambda: router.asic.entries == 0, 3 * SCALE, "an empty table")
        background.more(10)
    background.assert_none_lost()
    assert router.asic.calls["orphaned"] == 0


EVENTS = {
    "reload": lambda router: router.nft(rules.whole(router)),
    "software": lambda router: router.nft(rules.whole(router, [])),
    "forget": lambda router: router.conntrack("-F"),
    "down": lambda router: router.ns.ip("link set p1 down", "link set p1 up",
                                       *router["p1"].address_lines()),
    "port": lambda router: (router.ns.ip("link del p1"), router.add_ports([router["p1"]])),
    "refuse": lambda router: router.asic.set(fail_add="28 3"),
    "stuck": lambda router: router.asic.set(fail_del="16 2"),
    "slow": lambda router: router.asic.set(latency_us=20000),
    "quick": lambda router: router.asic.set(latency_us=0),
}


@pytest.mark.parametrize("seed", [1, 2])
def test_anything_in_any_order(seed):
    """Events at random under traffic; flows that they do not touch lose nothing."""
    chance = random.Random(seed)
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.nft(rules.whole(router))
        flow, safe = established(router), established(router, server=3)
        with Background(flow, patience=0.5) as ending, Background(safe) as background:
            for _ in range(20):
                event = chance.choice(sorted(EVENTS))
                print(event)
                EVENTS[event](router)
                background.more(chance.randrange(1, 40))
        background.assert_none_lost()
        assert ending.error is None
        router.asic.set(latency_us=0, fail_add=0, fail_del=0)
        router.nft(rules.whole(router))
        for each in flow, safe:
            assert_back(each, deadline=30 * SCALE)
        router.nft("flush ruleset")
        wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
        assert router.asic.calls["orphaned"] == 0


@pytest.mark.every_kernel
@pytest.mark.parametrize("nat", ["none", "both"])
def test_native_offload_goes_on_as_it_is(router, nat, kernel_log):
    """A driver with TC_SETUP_FT is left to the stock code, which now offers the reply as well."""
    router.asic.set(personality="ft")
    with kmod.all_messages():
        router.nft(rules.whole(router))
    assert kernel_log.search("nft_offload: p0: native")
    flows = [established(router, "ipv4", proto, nat) for proto in ("tcp", "udp")]
    if nat == "none":
        flows.append(established(router, "ipv6", "tcp", nat))
    for flow in flows:
        assert_hardware(measure(flow, 10))
    router.nft(rules.whole(router, []))
    wait_for(lambda: router.asic.entries == 0, 3 * SCALE, "an empty table")
    assert router.asic.calls["orphaned"] == 0
    for flow in flows:
        assert_software(measure(flow, 10))


def test_native_flows_outlive_the_ports_of_others():
    """The driver may have been told of a flow by the port that goes."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.asic.set(personality="ft")
        router.nft(rules.whole(router))
        flow = established(router, client=2, server=3)
        router.ns.ip("link del p0")
        assert_hardware(measure(flow, 10))
        router.nft(rules.whole(router, []))
        wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
        assert router.asic.calls["orphaned"] == 0


def test_native_drivers_keep_nothing_of_what_is_replaced():
    """Nor flows by devices that are in no flowtable, which most kernels offer as well. Packets go
    on, and so do the rules that add flows, until the very end."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.asic.set(personality="ft")
        router.nft(rules.whole(router, ["p0", "p1"]))
        flows = [establish(Flow(router, client=client, server=client + 1))
                 for client in (0, 2) for _ in range(3)]
        offloaded(flows[0])
        with Background(*flows) as background:
            for devices in (["p0", "p1"], None, ["p2", "p3"], None, None, []):
                router.nft(rules.whole(router, devices))
                background.more(200)
                assert router.asic.calls["orphaned"] == 0, devices
        background.assert_none_lost()
        wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")


def test_native_drivers_keep_nothing_by_a_port_that_goes():
    """However slow the driver is, and though the port is in no flowtable. What the core is about to
    have the driver add as the port goes down, the core alone would not delete in time."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.asic.set(personality="ft", latency_us=20000)
        flows = [establish(Flow(router, client=client, server=client + 1))
                 for client in (0, 2) for _ in range(4)]
        with Background(*flows) as background:
            for _ in range(10):
                router.nft(rules.whole(router, ["p1", "p2", "p3"]))
                wait_for(lambda: router.asic.entries, 20 * SCALE, "a first flow in hardware")
                router.ns.ip("link del p0")
                assert router.asic.calls["orphaned"] == 0
                router.add_ports([router.ports[0]])
                background.more(20)


@pytest.mark.parametrize("others", [1, 3])
@pytest.mark.parametrize("first", ["native", "bridged"])
def test_native_drivers_keep_nothing_by_devices_of_others(first, others):
    """A driver that did not take the binding of some devices takes their flows by another's."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.asic.set(personality="ft", fail_bind="12 %d" % others)
        router.nft(rules.whole(router))
        with device.opened(router.ns) as family:
            bound = family.flowtables()[0]["devices"]
        parts = [[name for name, backend, _ in bound if (backend == "native") == native]
                 for native in ((True, False) if first == "native" else (False, True))]
        assert all(parts)
        flows = [establish(Flow(router, client=client, server=client + 1))
                 for client in (0, 2) for _ in range(3)]
        with Background(*flows) as background:
            wait_for(lambda: router.asic.entries >= 6, 20 * SCALE,
                     lambda: "flows in hardware: %s" % router.asic.calls)
            for part in parts:
                router.nft("delete flowtable inet filter f { hook ingress priority 0; "
                           "devices = { %s }; }" % ", ".join(part))
                background.more(20)
        background.assert_none_lost()
        wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
        assert router.asic.calls["orphaned"] == 0


@pytest.mark.every_kernel
def test_native_flows_follow_their_neighbour(router):
    """Of a neighbour's new address the stock code tells no driver. Where it takes flows of which
    one device alone is in the flowtable, it does not even keep their MAC."""
    router.asic.set(personality="ft")
    router.nft(rules.whole(router, None if limits.has("both-devices") else ["p0"]))
    flow = establish(Flow(router))
    wait_for(lambda: probe(flow) or router.asic.entries, 10 * SCALE, "a flow in hardware")
    port = router["p1"]
    port.host_mac = "02:00:00:00:01:09"
    router.ns.ip(*port.neighbour_lines())
    wait_for(lambda: not deliver([flow.probe(ORIGINAL)]).faults(), SCALE, "the new address")
    for _ in range(10):
        probe(flow)


@pytest.mark.every_kernel
@pytest.mark.parametrize("names", [["p0"], ["p1", "p0"]], ids=len)
def test_a_neighbour_changes_while_devices_are_out(router, names):
    """The flowtable stays, with the flows that it has, and with the address in them. With the
    device in again, that must not be the old one."""
    hook = "flowtable inet filter f { hook ingress priority 0; devices = { %s }; "
    router.nft(rules.whole(router))
    flow = established(router)
    assert_hardware(measure(flow, 2))
    for name in names:
        router.nft("delete " + hook % name + "}")
    port = router["p1"]
    port.host_mac = "02:00:00:00:01:09"
    router.ns.ip(*port.neighbour_lines())
    for name in names:
        router.nft("add " + hook % name + "flags offload; }")
    wait_for(lambda: not deliver([flow.probe(ORIGINAL)]).faults(), SCALE, "the new address")
    assert_back(flow)


def test_native_flows_end_in_time(router):
    router.asic.set(personality="ft")
    timeout = router.flow_timeout(round(2 * SCALE))
    router.nft(rules.whole(router))
    flow, ended = established(router), established(router, proto="tcp")
    for direction in BOTH:
        assert_delivered(deliver([ended.finish(direction)]))
    wait_for(lambda: entries(ended) == [None, None], 2 * SCALE, "the closed connection's end")
    for _ in range(6):
        assert_hardware(measure(flow, 2, directions=(ORIGINAL,)))
    wait_for(lambda: router.asic.entries == 0, (timeout + 2) * SCALE, "the idle flow's end")


def test_what_native_drivers_cannot_goes_in_software(router):
    """Like its model, the ft personality does not translate IPv6 addresses."""
    router.asic.set(personality="ft")
    router.nft(rules.whole(router))
    flow = establish(Flow(router, "ipv6", "udp", "both"))
    with Background(flow) as background:
        background.more()
    background.assert_none_lost()
    assert_software(measure(flow, 10))


def test_all_modules_unload_in_the_end():
    """No reference is left by anything that ran before."""
    kmod.unload(kmod.CORE)
    kmod.unload(kmod.SIM)
    with Router() as router:
        router.nft(rules.whole(router, []))
        assert_software(measure(establish(Flow(router)), 10))
