# SPDX-License-Identifier: GPL-2.0
"""What must be so before a flow gets into hardware can change: hw-tc-offload, a qdisc in the way.

And a driver that has said no is left alone until it does.
"""

import time

import pytest

from nfto import conntrack, kmod, rules
from nfto.flow import BOTH, Flow
from nfto.moving import BACK, BOUND
from nfto.shell import CommandError, wait_for
from nfto.traffic import (Background, assert_hardware, assert_software, entries, establish,
                          established, measure, probe)

pytest_plugins = "nfto.fixtures"

EOPNOTSUPP = 95
# Longer than any back-off that a driver would have to endure that is asked again and again.
LONG = 20


def switch(router, name, state):
    router.ns.run("ethtool -K %s hw-tc-offload %s" % (name, state))


def in_hardware_again(flow):
    """By itself, within the time for that, under traffic."""
    def there():
        probe(flow)
        return None not in entries(flow)

    wait_for(there, BACK, lambda: "%s in hardware (%s)" % (flow, flow.router.asic.calls), 0.1)
    assert_hardware(measure(flow, 10))


def test_a_driver_that_holds_on_to_its_rules(router):
    """mlx5 and nfp refuse to switch off while there are rules: then nothing has changed."""
    router.nft(rules.whole(router))
    flow = established(router)
    ids = [entry["id"] for entry in entries(flow)]
    with Background(flow) as background:
        router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
        assert "hw-tc-offload: on" in router.ns.run("ethtool -k p0").stdout
        background.more()
    background.assert_none_lost()
    assert [entry["id"] for entry in entries(flow)] == ids
    assert_hardware(measure(flow, 10))


def test_switched_on_after_the_ruleset(router, kernel_log):
    """Nobody has to load the ruleset again."""
    switch(router, "p0", "off")
    with kmod.all_messages():
        router.nft(rules.whole(router))
        kernel_log.wait_for("nft_offload: p0: software: .*hw-tc-offload")
    flow = establish(Flow(router))
    for _ in range(3):
        probe(flow)
    assert entries(flow)[0] is None
    switch(router, "p0", "on")
    in_hardware_again(flow)


# ---- a qdisc owns the driver's block, or would like to ----

@pytest.mark.every_kernel
@pytest.mark.parametrize("qdisc", ["clsact", "ingress"])
def test_a_qdisc_in_the_way_is_named_and_waited_for(router, qdisc, kernel_log):
    router.ns.run("tc qdisc add dev p0 %s" % qdisc)
    with kmod.all_messages():
        router.nft(rules.whole(router))
        kernel_log.wait_for("nft_offload: p0: software: .*%s" % qdisc)
    flow = establish(Flow(router, "ipv4", "tcp", "snat"))
    with Background(flow) as background:
        background.more(100)
        assert entries(flow)[0] is None
        router.ns.run("tc qdisc del dev p0 %s" % qdisc)
        wait_for(lambda: None not in entries(flow), BACK,
                 lambda: "%s in hardware (%s)" % (flow, router.asic.calls))
    background.assert_none_lost()
    assert_hardware(measure(flow, 10))
    assert conntrack.in_hardware(flow)


def test_a_riddle_is_solved_before_it_is_posed(router, kernel_log):
    """tc says no more than that it failed. So the log says it when the block is taken."""
    with kmod.all_messages():
        router.nft(rules.whole(router))
        lines = [kernel_log.wait_for("nft_offload: %s: bridged" % name) for name in router.names]
    for line in lines:
        assert "clsact" in line and "ingress" in line, line
    flow = established(router)
    for qdisc in "clsact", "ingress":
        with pytest.raises(CommandError):
            router.ns.run("tc qdisc add dev p0 %s" % qdisc)
    assert_hardware(measure(flow, 10))
    router.nft("flush ruleset")
    wait_for(lambda: router.asic.calls["unbind"] == 2, BOUND, "both ports unbound")
    router.ns.run("tc qdisc add dev p0 clsact")


# ---- the driver has said no ----

@pytest.mark.every_kernel
@pytest.mark.timeout(300)
def test_a_refused_flow_is_not_offered_again_and_again(router):
    """Whatever traffic comes: once for each direction, until something has changed."""
    router.asic.set(fail_add=EOPNOTSUPP)
    router.nft(rules.whole(router))
    flows = [establish(Flow(router, "ipv4", "udp", "both")),
             establish(Flow(router, "ipv6", "tcp", "none"))]

    def asked():
        calls = router.asic.calls
        return calls["add_failed"], calls["add"]

    wanted = (len(flows) * len(BOTH), 0)
    with Background(*flows, rate=100) as background:
        wait_for(lambda: asked()[0] >= wanted[0], BACK, lambda: "refusals: %s" % (asked(),))
        end = time.monotonic() + LONG
        wait_for(lambda: time.monotonic() > end or asked() != wanted, 2 * LONG, "time to pass")
        assert asked() == wanted, "refused and accepted: %s instead of %s" % (asked(), wanted)
    background.assert_none_lost()
    for flow in flows:
        assert_software(measure(flow, 10))
        assert not conntrack.in_hardware(flow)
    assert asked() == wanted

    # What has changed may have been what the driver did not like.
    router.asic.set(fail_add=0)
    for state in "off", "on":
        for name in router.names:
            switch(router, name, state)
    for flow in flows:
        in_hardware_again(flow)
        assert conntrack.in_hardware(flow)
