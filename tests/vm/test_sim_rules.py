# SPDX-License-Identifier: GPL-2.0
"""Which rules the virtual ASIC's driver takes, and in which words it refuses the others. By tc
flower, without the product."""

import pytest

from nfto import asic, kmod, tc
from nfto.flow import ORIGINAL, Flow
from nfto.shell import SCALE, wait_for
from nfto.topology import Router

pytestmark = pytest.mark.simulator
OUT = " action mirred egress redirect dev p1"


@pytest.fixture(scope="module")
def topology():
    kmod.unload(kmod.CORE)
    with Router() as made:
        tc.clsact(made)
        yield made


@pytest.fixture
def router(topology):
    """Made once, and as it was after each test."""
    yield topology
    tc.flush(topology)
    assert topology.asic.entries == 0


# ---- match ----

@pytest.mark.parametrize("protocol, rest, text", [
    ("ip", "dst_ip 10.0.0.0/8 ip_proto udp", "partial masks are not supported"),
    ("ipv6", "dst_ip fd00::/16", "partial masks are not supported"),
    ("ip", "ip_proto udp dst_port 80/0xff00", "partial masks are not supported"),
    ("ip", "dst_mac 02:00:00:00:00:01/ff:ff:ff:00:00:00", "partial masks are not supported"),
    ("ip", "ip_proto udp dst_port 10-20", "a key of the match is not supported"),
    ("ip", "ip_proto icmp type 8", "a key of the match is not supported"),
    ("arp", "arp_op request", "a key of the match is not supported"),
    ("ip", "ip_flags frag", "fragments cannot be matched"),
    ("ip", "ip_flags firstfrag", "of the control flags only"),
    ("ip", "indev p1", "the ingress device is not this port"),
    ("all", "dst_mac 02:00:00:00:00:01", "the ethertype must be matched"),
    ("802.1q", "vlan_id 10", "the ethertype must be matched"),
])
def test_refused_matches(router, protocol, rest, text):
    tc.refused(router, protocol, rest + OUT, text)


@pytest.mark.parametrize("protocol, rest", [
    ("ip", "indev p0"),
    ("ip", "ip_flags nofrag"),
    ("ip", "dst_ip 10.2.0.2"),
    ("ip", "ip_tos 0x20/0xfc ip_ttl 64"),
    ("ip", "ip_proto 47 dst_ip 10.2.0.2"),
    ("ip", "dst_mac 02:00:00:00:00:01 src_mac 02:00:00:00:00:02"),
    ("ip", "ip_proto tcp tcp_flags 0x2/0xfff"),
    ("arp", ""),
])
def test_accepted_matches(router, protocol, rest):
    tc.add(router, "p0", protocol, rest + OUT)
    assert router.asic.entries == 1


def test_only_chain_zero(router):
    done = router.ns.run("tc filter add dev p0 ingress protocol ip prio 1 chain 1 flower skip_sw "
                         "ip_proto udp" + OUT, check=False)
    assert done.returncode != 0 and "only chain 0 is supported" in done.stderr


# ---- actions ----

PEDIT = " action pedit ex munge "


@pytest.mark.parametrize("protocol, rest, text", [
    ("ip", PEDIT + "ip ttl set 3 pipe", "the last action, and no other, must end the rule"),
    ("ip", " action drop action drop", "the last action, and no other, must end the rule"),
    ("ip", " action mirred egress redirect dev w1", "foreign target"),
    ("ip", " action mirred egress mirror dev p1 action drop", "an action is not supported"),
    ("ip", " action skbedit mark 7 pipe" + OUT, "an action is not supported"),
    ("ip", " action drop hw_stats disabled", "hw_stats must ask for a counter"),
    ("ip", PEDIT + "ip ttl add 255 pipe hw_stats immediate" + OUT + " hw_stats delayed",
     "the actions' hw_stats differ"),
    ("ip", PEDIT + "ip tos set 8 pipe" + OUT, "rewrite of a field not supported"),
    ("ip", PEDIT + "eth type set 0x1234 pipe" + OUT, "rewrite of a field not supported"),
    ("ip", PEDIT + "ip src set 10.0.0.0 retain 0xff000000 pipe" + OUT,
     "rewrite of a field not supported"),
    ("ip", PEDIT + "ip ttl add 1 pipe" + OUT, "only the TTL can be added to, and only -1"),
    ("ip", PEDIT + "ip ttl add 255 munge ip ttl add 255 pipe" + OUT, "decremented twice"),
    ("ip", PEDIT + "ip ttl add 255 munge ip ttl set 9 pipe" + OUT, "set and decremented"),
    ("ipv6", PEDIT + "ip ttl add 255 pipe" + OUT, "rewrite of a header not matched"),
    ("ip", "ip_proto udp" + PEDIT + "tcp sport set 1 pipe" + OUT,
     "rewrite of a header not matched"),
    ("ip", PEDIT + "ip src set 10.0.0.1 pipe" + OUT, "for TCP and UDP only"),
    ("ip", PEDIT + "ip ttl add 255 pipe action drop", "rewrite without redirect"),
    ("ip", " action csum icmp pipe" + OUT, "checksum of an unknown header"),
    ("ip", " action vlan pop pipe" + OUT, "no tag matched to pop or change"),
    ("ip", " action vlan modify id 3 pipe" + OUT, "no tag matched to pop or change"),
    ("ip", 3 * " action vlan push id 3 pipe" + OUT, "more than two tags"),
    ("ip", " action skbedit mark 7 pipe" + OUT, "an action is not supported"),
])
def test_refused_actions(router, protocol, rest, text):
    tc.refused(router, protocol, rest, text)


@pytest.mark.parametrize("stats", ["", " hw_stats immediate", " hw_stats delayed"])
def test_accepted_hw_stats(router, stats):
    tc.add(router, "p0", "ip", OUT + stats)
    assert router.asic.entries == 1


def test_out_of_the_port_that_it_came_in_by(router):
    """A NIC on a stick."""
    flow = Flow(router)
    tc.add(router, "p0", "ip", tc.match(flow, ORIGINAL) + " action mirred egress redirect dev p0")
    packet = flow.packet(ORIGINAL)
    router["p0"].end.send(packet.sent)
    arrived = wait_for(lambda: router["p0"].end.take([flow.number]), 5 * SCALE, "the frame")
    assert [frame for _, frame in arrived] == [packet.sent]


def test_only_ports_of_the_same_asic_are_targets(router):
    router.ns.ip("link add l0 type dummy")
    asic.next_group(7)
    try:
        router.ns.ip("link add link l0 name q0 type nft_offload_sim")
    finally:
        asic.next_group(0)
    assert asic.Asic.of_port(router.ns, "q0").name != router.asic.name
    tc.refused(router, "ip", "ip_proto udp action mirred egress redirect dev q0",
               "foreign target")
    router.ns.ip("link del l0")
