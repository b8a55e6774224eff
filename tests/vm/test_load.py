# SPDX-License-Identifier: GPL-2.0
"""The same ruleset: refused without the module, at work with it, and never worse off."""

import re

import pytest

from nfto import kmod, limits, rules
from nfto.flow import Flow
from nfto.shell import CommandError, read, run
from nfto.topology import Router
from nfto.traffic import (assert_hardware, assert_software, deliver, assert_delivered, entries,
                          establish, established, measure, offloaded, probe)

NOT_SUPPORTED = "Operation not supported"
FAMILIES = {"inet": ("ipv4", "ipv6"), "ip": ("ipv4",), "ip6": ("ipv6",)}


@pytest.fixture
def router():
    with Router() as made:
        yield made


def refused(router, text):
    """nft's words on a ruleset that must not load, of which then nothing may be there."""
    done = router.nft(text, check=False)
    assert done.returncode != 0, "the ruleset loaded"
    assert "flowtable" not in router.ns.run("nft list ruleset").stdout
    return done.stderr


@pytest.mark.every_kernel
@pytest.mark.parametrize("family", FAMILIES)
def test_stock_refuses_and_the_module_accepts(router, family):
    """With the stock types registered first, as they are once anything has used a flowtable."""
    kmod.unload(kmod.CORE)
    kmod.load(kmod.STOCK)
    text = rules.whole(router, family=family)
    assert NOT_SUPPORTED in refused(router, text)
    kmod.load(kmod.CORE)
    router.nft(text)
    for version in FAMILIES[family]:
        assert_hardware(measure(established(router, version), 10))


@pytest.mark.every_kernel
def test_the_kernel_log_has_what_a_bug_report_needs(kernel_log):
    kmod.unload(kmod.CORE)
    kmod.load(kmod.CORE)
    line = kernel_log.wait_for("nft_offload: .*shims: ")
    version = re.search('PACKAGE_VERSION="(.*)"', read("/nfto/dkms.conf")).group(1)
    assert line.split("nft_offload: ")[1].startswith(version + ": ")
    for module in kmod.CORE, kmod.SIM:
        assert run(["modinfo", "-F", "version", module]).stdout.strip() == version
    answers = dict(known.split(None, 1) for known in read("/nfto/tests/shims").splitlines()
                   if not known.startswith("#"))
    assert re.search(r"shims: (.*)\)", line).group(1) == answers[limits.KERNEL]


def test_it_works_when_the_module_came_before_the_stock_types(router):
    kmod.unload(kmod.CORE)
    kmod.unload(kmod.STOCK)
    kmod.load(kmod.CORE)
    router.nft(rules.whole(router))
    assert_hardware(measure(established(router), 10))


def test_after_the_module_stock_is_back(router):
    kmod.load(kmod.CORE)
    router.nft(rules.whole(router))
    router.nft("flush ruleset")
    kmod.unload(kmod.CORE)
    assert NOT_SUPPORTED in refused(router, rules.whole(router))
    router.nft(rules.whole(router, offload=False))
    assert_software(measure(establish(Flow(router)), 10))


def test_a_software_flowtable_outlives_the_modules_arrival(router):
    kmod.unload(kmod.CORE)
    router.nft(rules.whole(router, offload=False))
    flow = establish(Flow(router))
    assert_software(measure(flow, 10))
    kmod.load(kmod.CORE)
    assert_software(measure(flow, 10))
    assert_software(measure(establish(Flow(router)), 10))
    assert router.asic.calls["bind"] == 0
    router.nft(rules.whole(router))
    assert_hardware(measure(offloaded(flow), 10))


def test_a_native_flowtable_outlives_the_modules_arrival(router):
    """Made by the stock type, it stays with it, also in what the stock type leaves undone:

    older kernels do not offer the reply, and none deletes its rules when it unbinds.
    """
    kmod.unload(kmod.CORE)
    router.asic.set(personality="ft")
    router.nft(rules.whole(router))
    flow = offloaded(establish(Flow(router)), directions=("original",))
    kmod.load(kmod.CORE)
    measured = measure(flow, 10, directions=("original",))
    assert_hardware(measured)
    second = offloaded(establish(Flow(router)), directions=("original",))
    assert_hardware(measure(second, 10, directions=("original",)))
    router.nft(rules.whole(router, []))
    assert_software(measure(flow, 10))


def test_without_the_flag_nothing_is_touched(router):
    kmod.load(kmod.CORE)
    router.nft(rules.whole(router, offload=False))
    for family in "ipv4", "ipv6":
        flow = establish(Flow(router, family, "tcp", "both"))
        assert_software(measure(flow, 10))
    calls = router.asic.calls
    assert (calls["bind"], calls["add"], calls["stats"]) == (0, 0, 0)
    # No block is taken: tc may have it.
    router.ns.run("tc qdisc add dev p0 clsact")


def test_devices_that_cannot_stay_in_software(kernel_log):
    """ASIC ports, veth and dummy in one flowtable: each pair gets what it can have."""
    kmod.load(kmod.CORE)
    with Router(("sim", "sim", "veth", "veth", "dummy")) as router, kmod.all_messages():
        router.nft(rules.whole(router))
        capable = established(router, "ipv4", "tcp", "both")
        assert_hardware(measure(capable, 20))
        for client, server in (0, 3), (2, 1), (2, 3):
            for family in "ipv4", "ipv6":
                flow = establish(Flow(router, family, client=client, server=server))
                for _ in range(3):
                    probe(flow)
                before = router.statistics()
                packets = flow.data("original", 20) + flow.data("reply", 20)
                assert_delivered(deliver(packets))
                after = router.statistics()
                assert entries(flow) == [None, None]
                for name in after:
                    assert after[name]["hw_rx_packets"] == before[name]["hw_rx_packets"]
        assert_hardware(measure(capable, 20))
        for name, verdict in (("p0", "bridged"), ("p1", "bridged"), ("v2", "software: "),
                              ("v3", "software: "), ("d4", "software: ")):
            assert kernel_log.search("nft_offload: %s: %s" % (name, verdict)), name


def test_strict_refuses_as_stock_does():
    kmod.load(kmod.CORE, strict=1)
    with Router(("sim", "sim", "veth", "veth")) as router:
        assert NOT_SUPPORTED in refused(router, rules.whole(router))
        assert router.asic.entries == 0
        # What a refused flowtable had bound already is free again.
        router.nft(rules.whole(router, ["p0", "p1"]))
        assert_hardware(measure(established(router), 10))
    kmod.load(kmod.CORE)


@pytest.mark.parametrize("words", ["strict=2", "strict=maybe", "ttl=never", "ttl=1"])
def test_nonsense_is_refused_by_name(words, kernel_log):
    kmod.unload(kmod.CORE)
    name, value = words.split("=")
    with pytest.raises(CommandError, match="Invalid argument"):
        kmod.load(kmod.CORE, **{name: value})
    assert not kmod.loaded(kmod.CORE)
    assert kernel_log.search("nft_offload: .*%s" % name)
