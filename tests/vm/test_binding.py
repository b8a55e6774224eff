# SPDX-License-Identifier: GPL-2.0
"""One binding per device and one driver call per flow direction, whoever else wants the device."""

import os
import subprocess

import pytest

from nfto import kmod, nft, rules
from nfto.agreement import Agreement
from nfto.cli import COMMAND
from nfto.flow import BOTH, ORIGINAL, Flow
from nfto.shell import SCALE, CommandError, run, wait_for
from nfto.traffic import (Background, assert_delivered, assert_hardware, assert_software, entries,
                          establish, established, measure, offloaded, probe)

pytest_plugins = "nfto.fixtures"


@pytest.fixture
def kinds():
    return ("sim",) * 4


@pytest.fixture
def router(router):
    with kmod.all_messages():
        yield router


def assert_calls(router, **wanted):
    """Numbers of driver calls, and that they stay so: nothing more is under way."""
    def calls():
        return {name: router.asic.calls[name] for name in wanted}
    wait_for(lambda: calls() == wanted, 10 * SCALE, lambda: "%s, not %s" % (wanted, calls()))


def bound(router, number):
    wait_for(lambda: router.asic.calls["bind"] - router.asic.calls["unbind"] == number,
             10 * SCALE, lambda: "%d bindings: %s" % (number, router.asic.calls))


@pytest.mark.every_kernel
def test_one_binding_and_one_call(router):
    """The core offers every rule to each of four devices; the driver is asked once."""
    router.nft(rules.whole(router))
    flows = [established(router, family, proto, server=server) for family in ("ipv4", "ipv6")
             for proto in ("tcp", "udp") for server in (1, 3)]
    for flow in flows:
        assert_hardware(measure(flow, 5))
    assert_calls(router, bind=4, unbind=0, bind_failed=0, add=2 * len(flows), add_failed=0)
    assert router.asic.entries == 2 * len(flows)
    router.nft("flush ruleset")
    assert_calls(router, bind=4, unbind=4, add=2 * len(flows), **{"del": 2 * len(flows)})
    assert router.asic.calls["orphaned"] == 0


def test_two_flowtables_share_the_devices(router):
    """In tables of their own, each for one protocol; one goes, the other stays."""
    devices = ["p0", "p1"]
    router.nft(rules.forward(devices, table="one", select="meta l4proto udp")
               + rules.forward(devices, table="other", select="meta l4proto tcp"))
    udp, tcp = established(router, proto="udp"), established(router, proto="tcp")
    assert_calls(router, bind=2, add=4)
    for flow in udp, tcp:
        assert_hardware(measure(flow, 10))
    router.nft("delete table inet one")
    wait_for(lambda: router.asic.entries == 2, 3 * SCALE, "the deleted flowtable's entries to go")
    assert_hardware(measure(tcp, 10))
    assert_software(measure(udp, 10))
    router.nft("delete table inet other")
    assert_calls(router, bind=2, unbind=2, add=4, orphaned=0)
    assert router.asic.entries == 0


def test_devices_come_and_go(router):
    """To and from a flowtable at work, whose other flows do not notice."""
    router.nft(rules.whole(router, ["p0", "p1", "p2"]))
    steady, guest = established(router), establish(Flow(router, client=2, server=3))
    for _ in range(3):
        probe(guest)
    assert entries(guest) == [None, None]
    change = (" flowtable inet filter f { hook ingress priority 0; devices = { p3 };"
              " flags offload; counter; }")
    with Background(steady) as background:
        for turn in range(1, 4):
            router.nft("add" + change)
            bound(router, 4)
            # Another connection: the one before may be in its back-off.
            flow = established(router, client=2, server=3)
            assert_hardware(measure(flow, 10))
            router.nft("delete" + change)
            wait_for(lambda: "in=p3" not in router.asic.get("table"), 3 * SCALE,
                     "p3's entries to go")
            bound(router, 3)
            assert_delivered(measure(flow, 10).ledger)
            assert router.asic.calls["bind"] == 3 + turn
        background.more()
    background.assert_none_lost()
    assert_hardware(measure(steady, 10))
    assert router.asic.calls["orphaned"] == 0


@pytest.mark.every_kernel
@pytest.mark.parametrize("option", ["--check", "--handle"])
def test_a_device_is_taken_out_and_put_back_at_once(router, option):
    """In one transaction, which is only checked, or (the other option says nothing here) done."""
    router.nft(rules.whole(router))
    flow = established(router, client=2, server=3)
    change = (" flowtable inet filter f { hook ingress priority 0; devices = { p3 };"
              " flags offload; counter; }\n")
    argv, stdin = nft.command("delete" + change + "add" + change)
    router.ns.run(argv + [option], stdin=stdin)
    Agreement(router).wait()
    assert_hardware(measure(offloaded(flow), 10))
    assert_hardware(measure(established(router, client=2, server=3), 10))
    bound(router, 4)
    router.nft("flush ruleset")
    bound(router, 0)


@pytest.mark.parametrize("qdisc", ["clsact", "ingress"])
def test_a_qdisc_owns_the_block(router, qdisc, kernel_log):
    """Software in words while it does; bound when it has gone, without anybody's help."""
    router.ns.run("tc qdisc add dev p0 %s" % qdisc)
    router.nft(rules.whole(router))
    kernel_log.wait_for("nft_offload: p0: software: .*%s" % qdisc)
    flow = establish(Flow(router))
    for _ in range(3):
        probe(flow)
    assert entries(flow)[0] is None
    measured = measure(flow, 10, directions=(ORIGINAL,))
    assert_software(measured)
    bound(router, 4)
    router.ns.run("tc qdisc del dev p0 %s" % qdisc)
    bound(router, 4)
    assert_hardware(measure(offloaded(flow, deadline=30 * SCALE), 10))


@pytest.mark.parametrize("qdisc", ["clsact", "ingress"])
def test_while_bound_no_qdisc_takes_the_block(router, qdisc):
    router.nft(rules.whole(router))
    flow = established(router)
    with pytest.raises(CommandError):
        router.ns.run("tc qdisc add dev p0 %s" % qdisc)
    assert_hardware(measure(flow, 10))
    router.nft("flush ruleset")
    bound(router, 0)
    router.ns.run("tc qdisc add dev p0 %s" % qdisc)


def test_many_flowtables_come_and_go_at_once(router):
    """Deleted and made again within one transaction, the devices stay in use."""
    router.nft(rules.whole(router))
    flow = established(router)
    for _ in range(5):
        router.nft(rules.whole(router))
    bound(router, 4)
    assert_hardware(measure(offloaded(flow), 10))
    for direction, entry in zip(BOTH, entries(flow)):
        assert entry, direction
    assert router.asic.calls["orphaned"] == 0


def test_an_unprivileged_namespace_gets_software(router, kernel_log):
    """Whoever becomes root by unshare(1) may load the ruleset, and no driver is called for it."""
    with subprocess.Popen(["unshare", "--map-root-user", "--net", "sleep", "1000"]) as process:
        try:
            space = "/proc/%d/ns/user" % process.pid
            wait_for(lambda: os.readlink(space) != os.readlink("/proc/self/ns/user"), 10 * SCALE,
                     "the new user namespace")
            for name in "w0", "p0":
                router.ns.run("ip link set %s netns %d" % (name, process.pid))
            argv, stdin = nft.command(rules.forward(["p0"]))
            enter = ["nsenter", "--target", str(process.pid), "--user", "--net"]
            run(enter + argv, stdin=stdin)
            assert '"user-namespace"' in run(enter + [COMMAND, "--json", "status"]).stdout
            # Whoever makes namespaces could fill the log.
            assert not kernel_log.search("nft_offload: p0: software")
            assert router.asic.calls["bind"] == 0
        finally:
            process.kill()
