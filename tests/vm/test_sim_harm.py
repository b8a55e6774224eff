# SPDX-License-Identifier: GPL-2.0
"""What NICs accept and then do wrong, as the virtual ASIC models it: the bytes that come out. By tc
flower, without the product, which must not let any of this happen."""

import pytest

from nfto import frames, tc
from nfto.flow import ORIGINAL, Flow
from nfto.personalities import leaves_as, program, through
from nfto.shell import SCALE, wait_for
from nfto.traffic import Measurement, assert_hardware
from nfto.wire import tagged

pytest_plugins = "nfto.fixtures"
pytestmark = pytest.mark.one_kernel

OUT = " action mirred egress redirect dev p1"
PEDIT = " action pedit ex munge "
ZERO = "00:00:00:00:00:00"


def rebuilt(packet, view, macs=None, ttl=64):
    """The packet's payload in a UDP frame as it leaves with another tuple."""
    source, target = macs or (packet.leaves.mac, packet.leaves.host_mac)
    key = packet.key
    return frames.frame(source, target, view, "udp", frames.payload_of(key, packet.size), ttl=ttl,
                        ident=(key.flow << 8) + key.number, tos=0x28)


# ---- bnxt ----

@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_bnxt_loses_the_port_of_a_dnat(become, family):
    router = become("bnxt")
    flow = program("bnxt", Flow(router, family, "udp", "dnat"))
    packet = flow.packet(ORIGINAL)
    asked, real = (flow.views[side] for side in ("client", "server"))
    assert asked.dport != real.dport
    wrong = rebuilt(packet, real._replace(dport=asked.dport))
    assert_hardware(Measurement(router, [packet._replace(expected=wrong)]))


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_bnxt_translates_one_end(become, family):
    """The last one that is asked for: the new source is forgotten, its port with it."""
    router = become("bnxt")
    flow = program("bnxt", Flow(router, family, "udp", "both"))
    packet = flow.packet(ORIGINAL)
    asked, real = (flow.views[side] for side in ("client", "server"))
    wrong = rebuilt(packet, asked._replace(dst=real.dst))
    assert_hardware(Measurement(router, [packet._replace(expected=wrong)]))


def test_bnxt_ignores_an_edit_of_the_ttl_by_adding(become):
    router = become("bnxt")
    flow = program("bnxt", Flow(router), ttl="add 255")
    assert_hardware(Measurement(router, [leaves_as(packet, 64)
                                         for packet in flow.data(ORIGINAL, 5)]))
    entry, = router.asic.table
    assert "ttl" not in entry["actions"]


@pytest.mark.parametrize("key, packet", [
    ("indev p1", {}), ("ip_ttl 3", {}), ("ip_tos 0x40", {}),
    ("tcp_flags 0x0/0x5", {"flags": frames.FIN | frames.ACK})])
def test_bnxt_ignores_keys(become, key, packet):
    """A rule for other packets than this one hits it all the same."""
    router = become("bnxt")
    flow = program("bnxt", Flow(router, "ipv4", "tcp"), more=key)
    sent = [leaves_as(flow.packet(ORIGINAL, **packet), 64) for _ in range(3)]
    assert_hardware(Measurement(router, sent))


def test_bnxt_ignores_the_inner_tag(become):
    router = become("bnxt")
    flow = Flow(router)
    tc.add(router, "p0", "802.1ad", "vlan_id 6 vlan_ethtype 802.1q cvlan_id 5 cvlan_ethtype ip "
           + tc.match(flow, ORIGINAL) + OUT, prio=1)
    packet = flow.packet(ORIGINAL)
    other = tagged(packet.sent, (0x88a8, 6), (0x8100, 99))
    assert through(router, other, packet.key.number) == other


@pytest.mark.parametrize("action", ["trap", "pass"])
def test_bnxt_ignores_verdicts(become, action):
    """What the host was to get is redirected, by what stands behind."""
    router = become("bnxt")
    flow = Flow(router)
    rest = tc.match(flow, ORIGINAL) + " action %s action mirred egress redirect dev p1" % action
    if tc.add(router, "p0", "ip", rest, check=False).returncode:
        pytest.fail("refused: " + router.ns.run("tc -V").stdout)
    packet = flow.packet(ORIGINAL)
    assert_hardware(Measurement(router, [packet._replace(expected=packet.sent)]))


@pytest.mark.parametrize("vlan, enter, actions, leave", [
    ("", (), " action vlan push id 7 pipe", ((0x8100, 7),)),
    ("vlan_id 5 vlan_ethtype ip", ((0x8100, 5),), " action vlan pop pipe", ()),
    # The pop wipes the push.
    ("vlan_id 5 vlan_ethtype ip", ((0x8100, 5),),
     " action vlan pop pipe action vlan push id 7 pipe", ()),
    # The priority gets lost.
    ("", (), " action vlan push id 7 priority 3 pipe", ((0x8100, 7),)),
])
@pytest.mark.parametrize("matched", [False, True])
def test_bnxt_tags_wipe_the_new_macs(become, matched, vlan, enter, actions, leave):
    """In their place stand those that are matched, or zeros."""
    router = become("bnxt")
    flow = Flow(router)
    macs = (router["p0"].host_mac, router["p0"].mac)
    keys = "src_mac %s dst_mac %s " % macs if matched else ""
    tc.add(router, "p0", "802.1q" if vlan else "ip", "%s %s%s %s%s" % (
        vlan, keys, tc.match(flow, ORIGINAL), tc.rewrite(flow, ORIGINAL, ttl=None),
        actions + OUT), prio=1)
    packet = flow.packet(ORIGINAL)
    wrong = rebuilt(packet, flow.views["server"], macs if matched else (ZERO, ZERO))
    arrived = through(router, tagged(packet.sent, *enter), packet.key.number)
    assert arrived == tagged(wrong, *leave)


# ---- cxgb4 ----

@pytest.mark.parametrize("edits, change", [
    ("ip src set 10.9.0.1", {"src": "10.9.0.1", "sport": True}),
    ("ip src set 10.9.0.1 munge ip dst set 10.9.0.2",
     {"src": "10.9.0.1", "dst": "10.9.0.2", "sport": True, "dport": True}),
    ("ip dst set 10.9.0.2 munge udp sport set 77", {"dst": "10.9.0.2", "sport": 77,
                                                   "dport": True}),
    ("ip dst set 10.9.0.2", {"dst": "10.9.0.2"}),
])
def test_cxgb4_turns_ports_round(become, edits, change):
    """Those that are not asked for, but that the only mode which fits writes too."""
    router = become("cxgb4")
    flow = Flow(router)
    tc.add(router, "p0", "ip", tc.match(flow, ORIGINAL) + PEDIT + edits + " pipe" + OUT)
    packet = flow.packet(ORIGINAL)
    view = flow.views["client"]
    for end in "sport", "dport":
        if change.get(end) is True:
            port = getattr(view, end)
            change = dict(change, **{end: (port & 255) << 8 | port >> 8})
    wrong = rebuilt(packet, view._replace(**change),
                    (packet.enters.host_mac, packet.enters.mac))
    assert_hardware(Measurement(router, [packet._replace(expected=wrong)]))


# ---- nfp ----

def test_nfp_ignores_meta_and_some_tcp_flags(become):
    """A guard against ACK is no guard: only five flags are compared."""
    router = become("nfp")
    flow = program("nfp", Flow(router, "ipv4", "tcp"), more="indev p1 tcp_flags 0x0/0x10")
    assert_hardware(Measurement(router, [leaves_as(packet, 64)
                                         for packet in flow.data(ORIGINAL, 3)]))


# ---- stmmac ----

def test_stmmac_accepts_and_shuts_out(become):
    """It takes any rule, switches nothing, and lets no other IPv4 in."""
    router = become("stmmac")
    flow, other, six = Flow(router), Flow(router, "ipv4", "tcp"), Flow(router, "ipv6")
    tc.add(router, "p0", "ip", "%s %s%s" % (tc.match(flow, ORIGINAL),
                                            tc.rewrite(flow, ORIGINAL), OUT))
    before = router.statistics()
    for each in flow, other, six:
        router["p0"].end.send(each.packet(ORIGINAL).sent)
    wait_for(lambda: (router.statistics()["p0"] - before["p0"])["rx_filtered"] == 1, 5 * SCALE,
             "the other flow's packet to be filtered")
    wait_for(lambda: (router.statistics()["p0"] - before["p0"])["host_rx_packets"] == 2,
             5 * SCALE, "the others at the host")
    moved = router.statistics()["p0"] - before["p0"]
    assert moved["hw_rx_packets"] == 0 and moved["host_other"] == 1
    assert (router.statistics()["p1"] - before["p1"])["hw_tx_packets"] == 0


def test_stmmac_looks_at_one_port(become):
    """Of two ports the second one wipes the first: any source port gets in."""
    router = become("stmmac")
    flow = Flow(router)
    tc.add(router, "p0", "ip", tc.match(flow, ORIGINAL) + " action pass")
    entry, = router.asic.table
    assert (entry["sport"], entry["dport"]) == ("*", str(flow.views["client"].dport))
