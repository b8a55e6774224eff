# SPDX-License-Identifier: GPL-2.0
"""The virtual ASIC as the NICs that it models: what each takes and then does right, what it
refuses, and with which errno; how each is told. By tc flower, without the product."""

import errno
import subprocess
import time

import pytest

from nfto import tc
from nfto.flow import ORIGINAL, Flow
from nfto.frames import ACK, FIN, RST
from nfto.personalities import DIALECTS, as_left, leaves_as, program, spelling, through, with_ttl
from nfto.shell import SCALE, wait_for
from nfto.traffic import (Measurement, assert_delivered, assert_hardware, assert_software, deliver,
                          measure)
from nfto.wire import tagged

pytest_plugins = "nfto.fixtures"
pytestmark = pytest.mark.one_kernel

OUT = " action mirred egress redirect dev p1"
PEDIT = " action pedit ex munge "
UDP = "ip_proto udp dst_ip 10.2.0.2 dst_port 9"

NAMES = sorted(DIALECTS) + ["stmmac"]


# ---- switched, right to the byte ----

@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_switched_right(become, personality, family):
    router = become(personality)
    nats, directions = DIALECTS[personality][3:]
    for proto in "tcp", "udp":
        for nat in nats:
            flow = program(personality, Flow(router, family, proto, nat), directions)
            assert_hardware(Measurement(router, [
                as_left(personality, packet) for direction in directions
                for packet in flow.data(direction, 5)]))
            tc.flush(router)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_nfp_mends_nothing_for_new_macs(become, family):
    router = become("nfp")
    flow = Flow(router, family, "udp")
    rest = "%s %s" % (tc.match(flow, ORIGINAL), tc.rewrite(flow, ORIGINAL, ttl=None))
    tc.refused_with(router, tc.protocol_of(flow), rest + OUT, errno.EOPNOTSUPP, prio=1)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("personality, csum", [("nfp", True), ("mlx5", True), ("sfc", False)])
def test_a_pinned_ttl(become, personality, csum, family):
    """Matched and set to one less: exact, and any other TTL is for the host."""
    router = become(personality)
    flow = program(personality, Flow(router, family), ttl="set 63", csum=csum, more="ip_ttl 64")
    assert_hardware(measure(flow, 5, directions=(ORIGINAL,)))
    assert_software(measure(flow, 5, directions=(ORIGINAL,), ttl=63))


# ---- what guards are there for ----

@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_the_end_of_a_connection(become, personality):
    router = become(personality)
    flow = program(personality, Flow(router, "ipv4", "tcp"))
    packets = [flow.packet(ORIGINAL, flags=flags) for flags in (FIN | ACK, RST)]
    if "tcp" in DIALECTS[personality][2]:
        measured = Measurement(router, packets)
        assert_software(measured)
        assert measured.moved["p0"]["host_tcp_flags"] == 2
    else:
        assert_hardware(Measurement(router, [as_left(personality, packet)
                                             for packet in packets]))


@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_fragments(become, personality):
    """The first has ports, and hits where nothing guards; the others never do."""
    router = become(personality)
    flow = program(personality, Flow(router))
    first = flow.packet(ORIGINAL, fragment=0x2000)
    if "fragment" in DIALECTS[personality][2]:
        before = router.statistics()["p0"]
        router["p0"].end.send(first.sent)
        wait_for(lambda: (router.statistics()["p0"] - before)["host_fragment"] == 1, 5 * SCALE,
                 "the fragment at the host")
        assert router.statistics()["p0"]["hw_rx_packets"] == before["hw_rx_packets"]
    else:
        assert_hardware(Measurement(router, [as_left(personality, first)]))
    before = router.statistics()["p0"]
    router["p0"].end.send(flow.packet(ORIGINAL, fragment=0x0010).sent)
    wait_for(lambda: (router.statistics()["p0"] - before)["host_fragment"] == 1, 5 * SCALE,
             "the fragment at the host")


@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_ip_options_are_switched(become, personality):
    """No driver has a key for them."""
    router = become(personality)
    flow = program(personality, Flow(router))
    packet = flow.packet(ORIGINAL, ip_options=b"\x01\x01\x01\x00")
    assert_hardware(Measurement(router, [as_left(personality, packet)]))


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("personality", ["mlx5", "mlx5-switchdev", "sfc"])
def test_nothing_looks_at_the_ttl_that_comes_out(become, personality, family):
    router = become(personality)
    flow = program(personality, Flow(router, family))
    packets = [leaves_as(flow.packet(ORIGINAL, ttl=1), 0)]
    zero = flow.packet(ORIGINAL, ttl=1)
    packets.append(leaves_as(zero, 255)._replace(sent=with_ttl(zero.sent, 0)))
    assert_hardware(Measurement(router, packets))


# ---- tags ----

TAGS = {"none": (), "one": ((0x8100, 5),), "two": ((0x88a8, 6), (0x8100, 5))}


@pytest.mark.parametrize("tags", sorted(TAGS))
@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_a_rule_without_vlan_key_and_tagged_frames(become, personality, tags):
    """Only mlx5 takes it to mean "untagged". bnxt rewrites the whole header of layer 2."""
    router = become(personality)
    flow = program(personality, Flow(router))
    packet = as_left(personality, flow.packet(ORIGINAL))
    left = TAGS[tags]
    if personality == "bnxt":
        left = left[1:]
    elif personality.startswith("mlx5") and left:
        left = None
    arrived = through(router, tagged(packet.sent, *TAGS[tags]), packet.key.number)
    assert arrived == (None if left is None else tagged(packet.expected, *left))


POP, PUSH = " action vlan pop pipe", " action vlan push id %d pipe"


@pytest.mark.parametrize("personality, vlan, actions, enter, leave", [
    ("mlx5-switchdev", "vlan_id 5 vlan_ethtype ip", POP, ((0x8100, 5),), ()),
    ("mlx5-switchdev", "", PUSH % 7, (), ((0x8100, 7),)),
    ("mlx5-switchdev", "", PUSH % 7 + PUSH % 8, (), ((0x8100, 8), (0x8100, 7))),
    # The priority of the frame stays, which the rule does not match.
    ("mlx5-switchdev", "vlan_id 5 vlan_ethtype ip", POP + PUSH % 7, ((0x8100, 0x6005),),
     ((0x8100, 0x6007),)),
    ("mlx5-switchdev", "vlan_id 5 vlan_ethtype ip", " action vlan modify id 9 pipe",
     ((0x8100, 5),), ((0x8100, 9),)),
    ("nfp", "vlan_id 5 vlan_ethtype ip", POP, ((0x8100, 5),), ()),
    ("nfp", "", PUSH % 7, (), ((0x8100, 7),)),
    ("nfp", "vlan_id 5 vlan_ethtype ip", POP + PUSH % 7, ((0x8100, 5),), ((0x8100, 7),)),
    ("sfc", "vlan_id 5 vlan_ethtype ip", POP + PUSH % 7, ((0x8100, 5),), ((0x8100, 7),)),
    ("sfc", "", PUSH % 7 + PUSH % 8, (), ((0x8100, 8), (0x8100, 7))),
    ("sfc", "", PUSH % 7 + POP + PUSH % 8, (), ((0x8100, 8),)),
    ("cxgb4", "", PUSH % 7, (), ((0x8100, 7),)),
    # One tag to put on, one to take off: what else is asked for is lost.
    ("cxgb4", "", PUSH % 7 + PUSH % 8, (), ((0x8100, 8),)),
    ("cxgb4", "", POP + PUSH % 8, ((0x8100, 5),), ((0x8100, 8),)),
])
def test_tags_are_changed(become, personality, vlan, actions, enter, leave):
    router = become(personality)
    flow = Flow(router)
    edit = tc.rewrite(flow, ORIGINAL, **spelling(personality, flow))
    tc.add(router, "p0", "802.1q" if vlan else "ip", "%s %s %s%s" % (
        vlan, tc.match(flow, ORIGINAL), edit, actions + OUT), prio=1)
    packet = as_left(personality, flow.packet(ORIGINAL))
    arrived = through(router, tagged(packet.sent, *enter), packet.key.number)
    assert arrived == tagged(packet.expected, *leave)


# ---- refused ----

TAGGED = "vlan_id 5 vlan_ethtype ip " + UDP
SUPPORTED, INVALID = errno.EOPNOTSUPP, errno.EINVAL


@pytest.mark.parametrize("personality, protocol, rest, error", [
    ("mlx5", "ip", UDP + PUSH % 7 + OUT, SUPPORTED),
    ("mlx5", "802.1q", TAGGED + POP + OUT, SUPPORTED),
    ("mlx5", "ip", UDP + " action trap", SUPPORTED),
    ("mlx5", "ip", "indev p1 " + UDP + OUT, SUPPORTED),
    ("mlx5", "ip", "ip_flags firstfrag " + UDP + OUT, SUPPORTED),
    ("mlx5", "ip", UDP + " action csum ip4h pipe" + OUT, SUPPORTED),
    ("mlx5", "ip", UDP + PEDIT + "ip ttl add 255 munge ip ttl set 9 pipe" + OUT, SUPPORTED),
    ("mlx5", "ip", UDP + 2 * (PEDIT + "ip ttl set 9 pipe") + OUT, SUPPORTED),
    ("mlx5", "ip", "ip_proto 47" + PEDIT + "ip src set 10.0.0.1 pipe" + OUT, SUPPORTED),
    ("mlx5", "ip", UDP + PEDIT + "ip ttl set 9 pipe action drop", SUPPORTED),
    ("mlx5", "ip", UDP + " action mirred egress redirect dev w1", SUPPORTED),
    ("mlx5", "ip", UDP + OUT + " hw_stats immediate", SUPPORTED),
    ("mlx5-switchdev", "802.1q", TAGGED + POP + " action vlan push id 7 priority 3 pipe" + OUT,
     SUPPORTED),
    ("mlx5-switchdev", "ip", UDP + POP + PUSH % 7 + OUT, SUPPORTED),
    ("mlx5-switchdev", "ip", UDP + 3 * (PUSH % 7) + OUT, SUPPORTED),
    ("nfp", "ip", UDP + PEDIT + "ip ttl add 255 pipe action csum ip4h and udp pipe" + OUT,
     SUPPORTED),
    ("nfp", "ip", UDP + PEDIT + "ip ttl set 9 pipe" + OUT, SUPPORTED),
    ("nfp", "ip", UDP + PEDIT + "ip ttl set 9 pipe action csum ip4h pipe" + OUT, SUPPORTED),
    ("nfp", "ip", UDP + PEDIT + "ip ttl set 9 pipe action csum ip4h and tcp and udp pipe" + OUT,
     SUPPORTED),
    ("nfp", "ip", UDP + PEDIT + "udp sport set 9 pipe action csum ip4h and udp pipe" + OUT,
     SUPPORTED),
    ("nfp", "ip", UDP + " action csum udp pipe" + OUT, SUPPORTED),
    ("nfp", "ip", UDP + " action vlan modify id 7 pipe" + OUT, SUPPORTED),
    ("nfp", "ip", UDP + " action trap", SUPPORTED),
    ("nfp", "ip", UDP + " action pass", SUPPORTED),
    ("nfp", "ip", "ip_proto tcp tcp_flags 0x10/0x10" + OUT, SUPPORTED),
    ("nfp", "ip", "ip_proto tcp tcp_flags 0x8/0x8" + OUT, SUPPORTED),
    ("nfp", "arp", OUT, SUPPORTED),
    ("nfp", "all", "dst_mac 02:00:00:00:00:01" + OUT, SUPPORTED),
    ("nfp", "ip", UDP + " action mirred egress redirect dev w1", SUPPORTED),
    ("nfp", "ip", UDP + OUT + " hw_stats immediate", SUPPORTED),
    ("sfc", "ip", "indev p0 " + UDP + OUT, SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "ip ttl add 255 pipe action csum ip4h and udp pipe" + OUT,
     SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "ip ttl add 254 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "ip ttl add 255 munge ip ttl add 255 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "ip ttl set 63 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + " ip_ttl 64" + PEDIT + "ip ttl set 62 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "ip src set 10.0.0.1 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + PEDIT + "udp sport set 9 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + 3 * (PUSH % 7) + OUT, INVALID),
    ("sfc", "ip", UDP + 3 * POP + OUT, INVALID),
    ("sfc", "ip", UDP + " action vlan modify id 7 pipe" + OUT, SUPPORTED),
    ("sfc", "ip", UDP + " action pass", SUPPORTED),
    ("sfc", "ip", UDP + " action mirred egress redirect dev w1", SUPPORTED),
    ("cxgb4", "ip", "indev p0 " + UDP + OUT, SUPPORTED),
    ("cxgb4", "ip", "ip_proto tcp tcp_flags 0x0/0x5" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + " dst_mac 02:00:00:00:00:01" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + " ip_ttl 64" + OUT, SUPPORTED),
    # A tag does not fit into the filter mode beside the rest.
    ("cxgb4", "802.1q", TAGGED + OUT, SUPPORTED),
    ("cxgb4-bare", "ip", "ip_flags nofrag " + UDP + OUT, SUPPORTED),
    ("cxgb4-bare", "ip", "ip_tos 4 " + UDP + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "ip ttl add 255 pipe" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "ip ttl set 63 pipe" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "udp sport set 9 pipe action csum udp pipe" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "udp sport set 9 pipe" + OUT, SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "ip src set 10.0.0.1 munge udp dport set 9 pipe" + OUT,
     SUPPORTED),
    ("cxgb4", "ip", UDP + PEDIT + "ip src set 10.0.0.1 pipe action pass", SUPPORTED),
    # Any other driver says EINVAL here.
    ("cxgb4", "ip", UDP + " action mirred egress redirect dev w1", SUPPORTED),
    ("cxgb4", "ip", UDP + " action trap", SUPPORTED),
    ("cxgb4", "ip", UDP + " action vlan push id 7 protocol 802.1ad pipe" + OUT, SUPPORTED),
    ("bnxt", "ip", "ip_flags nofrag " + UDP + OUT, SUPPORTED),
    ("bnxt", "ip", UDP + PEDIT + "ip ttl set 63 pipe" + OUT, INVALID),
    ("bnxt", "ip", UDP + PEDIT + "udp sport set 9 pipe" + OUT, INVALID),
    ("bnxt", "ip", UDP + " action vlan modify id 7 pipe" + OUT, SUPPORTED),
    ("bnxt", "ip", UDP + " action mirred egress redirect dev w1", INVALID),
    ("bnxt", "ip", UDP + OUT + " hw_stats delayed", SUPPORTED),
    ("bnxt", "ip", "src_mac 02:00:00:00:00:01/ff:ff:ff:00:00:00" + OUT, SUPPORTED),
    ("bnxt", "802.1q", "vlan_id 5 vlan_prio 3 vlan_ethtype ip " + UDP + OUT, SUPPORTED),
    ("stmmac", "ipv6", "ip_proto udp" + OUT, SUPPORTED),
    ("stmmac", "ip", "ip_proto icmp" + OUT, SUPPORTED),
])
def test_refused(become, personality, protocol, rest, error):
    router = become(personality)
    tc.refused_with(router, protocol, rest, error, prio=1)


@pytest.mark.parametrize("personality, prio, taken", [
    ("mlx5", 1, True), ("mlx5", 2, False), ("mlx5-switchdev", 16, True),
    ("mlx5-switchdev", 17, False), ("nfp", 49152, True)])
def test_priorities(become, personality, prio, taken):
    router = become(personality)
    if taken:
        tc.add(router, "p0", "ip", UDP + OUT, prio=prio)
    else:
        tc.refused_with(router, "ip", UDP + OUT, SUPPORTED, prio=prio)


@pytest.mark.parametrize("personality, prio", [
    ("nfp", "0"), ("sfc", "0"), ("bnxt", "0"), ("cxgb4", "7"), ("mlx5-switchdev", "7")])
def test_priorities_that_are_not_looked_at(become, personality, prio):
    router = become(personality)
    tc.add(router, "p0", "ip", UDP + OUT, prio=7)
    entry, = router.asic.table
    assert entry["prio"] == prio


@pytest.mark.parametrize("personality", NAMES)
def test_only_chain_zero(become, personality):
    router = become(personality)
    done = router.ns.run("tc filter add dev p0 ingress protocol ip prio 1 chain 1 flower skip_sw "
                         + UDP + OUT, check=False)
    assert done.returncode != 0 and router.asic.calls["add_error"] == SUPPORTED


# ---- the table ----

@pytest.mark.parametrize("personality, error", [
    ("mlx5", errno.ENOSPC), ("mlx5-switchdev", errno.ENOSPC), ("nfp", errno.ENOENT),
    ("sfc", errno.ENOSPC), ("cxgb4", errno.ENOMEM), ("bnxt", errno.ENOSPC),
    ("stmmac", errno.ENOENT)])
def test_a_full_table(become, personality, error):
    router = become(personality)
    router.asic.set(capacity=2)
    for port in 1, 2:
        tc.add(router, "p0", "ip", "ip_proto udp dst_port %d" % port + OUT)
    tc.refused_with(router, "ip", "ip_proto udp dst_port 3" + OUT, error)
    assert router.asic.entries == 2


def test_cxgb4_ipv6_takes_two_slots(become):
    router = become("cxgb4")
    router.asic.set(capacity=3)
    tc.add(router, "p0", "ipv6", "ip_proto udp dst_port 1" + OUT)
    tc.refused_with(router, "ipv6", "ip_proto udp dst_port 2" + OUT, errno.ENOMEM)
    tc.add(router, "p0", "ip", "ip_proto udp dst_port 2" + OUT)


def test_nfp_has_256_masks(become):
    router = become("nfp")
    rule = ("filter add dev p0 ingress protocol ip prio 9 handle %d flower skip_sw ip_proto udp "
            "src_ip 10.0.0.0/%d dst_ip 10.0.0.0/%d" + OUT + "\n")
    router.ns.run("tc -batch -", stdin="".join(rule % (
        1 + index, 8 + index // 16, 8 + index % 16) for index in range(256)))
    assert router.asic.entries == 256
    tc.refused_with(router, "ip", "ip_proto udp dst_port 3" + OUT, errno.ENOENT)
    tc.add(router, "p0", "ip", "ip_proto udp src_ip 11.0.0.0/8 dst_ip 10.0.0.0/8" + OUT)


@pytest.mark.parametrize("personality, entries", [
    ("mlx5", 2), ("mlx5-switchdev", 2), ("nfp", 2), ("sfc", 0), ("cxgb4", 0), ("bnxt", 1)])
def test_the_same_cookie_on_two_ports(become, personality, entries):
    """By a shared block. Two rules; or refused, and then none; or the last one only."""
    router = become(personality, bind=False)
    calls = router.asic.calls
    for name in router.names:
        router.ns.run("tc qdisc add dev %s ingress_block 1 clsact" % name)
    done = router.ns.run("tc filter add block 1 protocol ip prio 1 flower skip_sw %s action drop"
                         % UDP, check=False)
    assert (done.returncode == 0, router.asic.entries) == (entries > 0, entries)
    if not entries:
        assert router.asic.calls["add_error"] == errno.EEXIST
    if entries == 1:
        assert router.asic.calls["add"] - calls["add"] == 2
        assert router.asic.calls["del"] == calls["del"]
    for name in router.names:
        router.ns.run("tc qdisc del dev %s clsact" % name)


def test_a_block_that_a_port_cannot_join(become):
    """One of its rules is for another port: what the driver has just bound is taken back."""
    router = become("mlx5", bind=False)
    join = "tc qdisc add dev %s ingress_block 1 clsact"
    router.ns.run(join % "p0")
    router.ns.run("tc filter add block 1 protocol ip prio 1 flower skip_sw indev p0 %s action drop"
                  % UDP)
    assert router.ns.run(join % "p1", check=False).returncode != 0
    assert router.asic.entries == 1
    router.ns.run("tc filter del block 1 prio 1")
    router.ns.run(join % "p1")
    for name in router.names:
        router.ns.run("tc qdisc del dev %s clsact" % name)


# ---- how it is told ----

@pytest.mark.parametrize("personality", ["mlx5", "mlx5-switchdev", "nfp"])
def test_hw_tc_offload_stays_on(become, personality):
    router = become(personality)
    tc.add(router, "p0", "ip", UDP + OUT)
    router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
    assert "hw-tc-offload: on" in router.ns.run("ethtool -k p0").stdout
    tc.flush(router)
    assert router.asic.entries == 0
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    tc.refused_with(router, "ip", UDP + OUT, SUPPORTED)


@pytest.mark.parametrize("personality", ["cxgb4", "bnxt", "stmmac"])
def test_hw_tc_offload_goes_off_and_takes_the_reins_away(become, personality):
    """Rules stay, and go on: even their deletion is refused."""
    router = become(personality)
    before = router.asic.calls
    tc.add(router, "p0", "ip", UDP + OUT)
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    tc.refused_with(router, "ip", "ip_proto udp dst_port 10" + OUT, SUPPORTED)
    tc.flush(router)
    assert router.asic.entries == 1 and router.asic.calls["del"] == before["del"]
    assert "flower" not in router.ns.run("tc filter show dev p0 ingress").stdout


def test_sfc_hw_tc_offload_is_fixed(become):
    router = become("sfc")
    router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
    assert "hw-tc-offload: on" in router.ns.run("ethtool -k p0").stdout
    tc.add(router, "p0", "ip", UDP + OUT)


@pytest.mark.parametrize("personality, ports", [
    ("mlx5", ()), ("cxgb4", ()), ("stmmac", ()), ("sfc", ("p1",)),
    ("mlx5-switchdev", ("p0", "p1")), ("nfp", ("p0", "p1")), ("bnxt", ("p0", "p1"))])
def test_who_has_a_parent_id(become, personality, ports):
    router = become(personality)
    assert tuple(name for name in router.names if "switchid" in router.ns.run(
        "ip -details link show dev " + name).stdout) == ports
    assert "firmware-version: %s\n" % personality in router.ns.run("ethtool -i p0").stdout


@pytest.mark.parametrize("personality, unlocked", [
    ("mlx5", True), ("mlx5-switchdev", True), ("nfp", True), ("sfc", False), ("cxgb4", False),
    ("bnxt", False)])
def test_rtnl(become, personality, unlocked):
    """Whether anything else that needs RTNL waits for a slow driver."""
    router = become(personality)
    router.ns.ip("link add l9 type dummy")
    router.asic.set(latency_us=9000000)
    with router.ns.entered():
        slow = subprocess.Popen(("tc filter add dev p0 ingress protocol ip prio 1 flower skip_sw "
                                 + UDP + OUT).split())
    try:
        with open("/proc/%d/stack" % slow.pid) as stack:
            wait_for(lambda: stack.seek(0) == 0 and "[nft_offload_sim]" in stack.read(),
                     5 * SCALE, "tc in the driver")
        begin = time.monotonic()
        router.ns.ip("link set l9 mtu 1400")
        waited = time.monotonic() - begin
        assert (waited < 5) == unlocked, "%.1f s" % waited
        assert slow.wait(60) == 0
    finally:
        router.asic.set(latency_us=0)
        slow.wait(60)
        router.ns.ip("link del l9")


@pytest.mark.parametrize("personality", sorted(DIALECTS))
def test_counters(become, personality):
    """All told in the end, nothing twice; from a cache, or at once."""
    router = become(personality)
    flow = program(personality, Flow(router))
    for total in 5, 10:
        assert_hardware(Measurement(router, [as_left(personality, packet)
                                             for packet in flow.data(ORIGINAL, 5)]))
        if personality.startswith("cxgb4"):
            assert tc.counted(router, "p0")[0] == total
        wait_for(lambda: tc.counted(router, "p0")[0] == total, 5 * SCALE, "all to be told")
        assert tc.counted(router, "p0")[0] == total


def test_a_cache_is_a_second_old(become):
    """Packets of this very second are not told; tried until both reads lie within one."""
    router = become("mlx5")
    flow = program("mlx5", Flow(router))
    seen = []

    def early():
        ledger = deliver(flow.data(ORIGINAL, 1))
        assert_delivered(ledger)
        seen.append(len(seen) + 1 - tc.counted(router, "p0")[0])
        return seen[-1] > 0

    wait_for(early, 20 * SCALE, "a packet that is not told at once")
    wait_for(lambda: tc.counted(router, "p0")[0] == len(seen), 5 * SCALE, "all to be told")
