# SPDX-License-Identifier: GPL-2.0
"""Packets with VLAN tags, behind bridges: switched as software would have, or left to it."""

import pytest

from nfto import encap, frames, kmod, limits, rules
from nfto.flow import BOTH, ORIGINAL, Flow
from nfto.shell import SCALE, wait_for
from nfto.topology import Router
from nfto.trace import recorded
from nfto.traffic import (Measurement, assert_hardware, assert_software, entries, establish,
                          established, measure, probe)

SAMPLE = (("ipv4", "tcp", "none"), ("ipv6", "udp", "none"), ("ipv4", "udp", "both"),
          ("ipv6", "tcp", "dnat"))
# Room for two tags within the largest frame that a packet socket sends.
SIZES = (12, 13, 100, 611, 1400)
KINDS = (("vlan", "plain"), ("plain", "vlan"), ("vlan", "other-vlan"), ("vlan", "vlan"),
         ("qinq", "plain"), ("vlan", "qinq"), ("provider", "plain"), ("vlan", "provider-qinq"))


@pytest.fixture
def router():
    kmod.load(kmod.CORE)
    with Router() as made:
        yield made


def rehearse(router, cases=SAMPLE):
    """The flows through the stack alone: what arrives then is what has to arrive later."""
    router.nft(rules.whole(router, []))
    for case in cases:
        assert_software(measure(establish(Flow(router, *case)), 10, sizes=SIZES))
    router.conntrack("-F")


def assert_switched(router, devices, cases=SAMPLE):
    rehearse(router, cases)
    router.nft(rules.whole(router, devices))
    flows = [established(router, *case) for case in cases]
    for flow in flows:
        before = [entry.packets for entry in entries(flow)]
        assert_hardware(measure(flow, 20, sizes=SIZES))
        assert [entry.packets for entry in entries(flow)] == [count + 20 for count in before]
    return flows


def assert_stays_in_software(router, devices, reasons, case=SAMPLE[0]):
    """No direction of a flow gets into hardware; why is said."""
    rehearse(router, [case])
    router.nft(rules.whole(router, devices))
    with recorded() as trace:
        flow = establish(Flow(router, *case))

        def refused():
            probe(flow)
            return {event["reason"] for event in trace.lines("flow_refused")} >= set(reasons)

        if reasons:
            wait_for(refused, 10 * SCALE, "refusals as %s" % (reasons,), interval=0.2)
        assert_software(measure(flow, 10))
        assert entries(flow) == [None, None]
        assert not trace.lines("flow_queued")


def names(kinds):
    return ["-".join(pair) for pair in kinds]


@pytest.mark.parametrize("kinds", KINDS, ids=names(KINDS))
def test_vlan_devices_on_top_of_the_flowtables_devices(router, kinds):
    """p0 is in the flowtable, p0.10 has the address: the kernel's rule has the tags."""
    for port, kind in zip(router.ports, kinds):
        encap.stack(router, port, kind)
    if limits.has("path-discovery"):
        assert_stays_in_software(router, ["p0", "p1"], ["ingress"])
    else:
        assert_switched(router, ["p0", "p1"])


@pytest.mark.parametrize("kinds", KINDS, ids=names(KINDS))
def test_vlan_devices_in_the_flowtable(router, kinds):
    """p0.10 is in the flowtable: its rules are p0's, and have tags."""
    devices = [encap.stack(router, port, kind).top for port, kind in zip(router.ports, kinds)]
    if limits.has("sub-interfaces"):
        assert_stays_in_software(router, devices, [])
    else:
        assert_switched(router, devices)
