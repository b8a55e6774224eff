# SPDX-License-Identifier: GPL-2.0
"""The virtual ASIC's driver as its users meet it: full, busy, failing, slow, another personality,
and its knobs. By tc flower, without the product."""

import errno
import os
import subprocess
import threading

import pytest

from nfto import asic, frames, kmod, rules, tc
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.frames import ACK, FIN, RST, SYN
from nfto.netns import Namespace
from nfto.shell import SCALE, read, run, wait_for, write
from nfto.topology import Router
from nfto.traffic import (Measurement, assert_delivered, assert_hardware, assert_software, deliver,
                          establish, measure, offloaded)
from nfto.wire import Wire, tagged

pytestmark = pytest.mark.simulator
OUT = " action mirred egress redirect dev p1"


@pytest.fixture
def bare():
    """Nothing is bound."""
    kmod.unload(kmod.CORE)
    with Router() as made:
        yield made


@pytest.fixture
def router(bare):
    tc.clsact(bare)
    return bare


# ---- switched off, full, shared ----

def test_hw_tc_offload(router):
    """It cannot be switched off while there are rules; once it is, none can be made."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    done = router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
    features = router.ns.run("ethtool -k p0").stdout
    assert done.returncode != 0 and "hw-tc-offload: on" in features
    router.ns.run("ethtool -K p1 hw-tc-offload off")
    refusal = tc.add(router, "p1", "ip", "ip_proto udp action drop", check=False)
    assert refusal.returncode != 0 and "hw-tc-offload is off" in refusal.stderr
    assert_hardware(measure(flow, 3, directions=(ORIGINAL,)))
    tc.flush(router, "p0")
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    tc.refused(router, "ip", "ip_proto udp" + OUT, "hw-tc-offload is off")
    router.ns.run("ethtool -K p0 hw-tc-offload on")
    tc.program(flow, directions=(ORIGINAL,))


def test_a_driver_may_look_on_as_it_is_switched_off(router):
    """Its rules go on switching then, until they are deleted."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.asic.set(pin_features=0)
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    assert_hardware(measure(flow, 3, directions=(ORIGINAL,)))
    tc.refused(router, "ip", "ip_proto udp" + OUT, "hw-tc-offload is off")
    tc.flush(router, "p0")
    assert router.asic.entries == 0


def test_a_refused_switch_is_not_made_up_for_later(router):
    tc.add(router, "p0", "ip", "ip_proto udp" + OUT)
    router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
    tc.flush(router, "p0")
    # Any change of features makes the kernel look at all of them again.
    router.ns.run("ethtool -K p0 gro off")
    assert "hw-tc-offload: on" in router.ns.run("ethtool -k p0").stdout


def test_refusing_to_switch_off_is_logged(router, kernel_log):
    tc.add(router, "p0", "ip", "ip_proto udp" + OUT)
    router.ns.run("ethtool -K p0 hw-tc-offload off", check=False)
    kernel_log.wait_for("p0: hw-tc-offload stays on: 1 rules are offloaded")


def test_a_full_table(router):
    router.asic.set(capacity=2)
    for port in (1, 2):
        tc.add(router, "p0", "ip", "ip_proto udp dst_port %d" % port + OUT)
    tc.refused(router, "ip", "ip_proto udp dst_port 3" + OUT, "table full")
    router.asic.set(capacity=1)
    assert router.asic.entries == 2 and router.asic.calls["max_table"] == 2
    router.ns.run("tc filter del dev p0 ingress protocol ip prio 1")
    assert router.asic.entries == 0
    tc.add(router, "p0", "ip", "ip_proto udp dst_port 3" + OUT)
    tc.refused(router, "ip", "ip_proto udp dst_port 4" + OUT, "table full")


def test_shared_blocks_are_refused(bare):
    bare.ns.run("tc qdisc add dev p0 ingress_block 1 clsact")
    calls = bare.asic.calls
    assert (calls["bind"], calls["bind_failed"]) == (0, 1)
    done = bare.ns.run("tc filter add block 1 protocol ip flower skip_sw action drop", check=False)
    assert done.returncode != 0 and bare.asic.entries == 0


# ---- made to go wrong ----

def test_fail_add(router):
    router.asic.set(fail_add="28 2")
    tc.refused(router, "ip", "ip_proto udp" + OUT, "fail_add is set")
    assert router.asic.get("fail_add") == "28 1"
    done = tc.add(router, "p0", "ip", "ip_proto udp" + OUT, check=False)
    assert "No space left on device" in done.stderr or "fail_add is set" in done.stderr
    assert router.asic.get("fail_add") == "0"
    tc.add(router, "p0", "ip", "ip_proto udp" + OUT)
    calls = router.asic.calls
    assert (calls["add"], calls["add_failed"], router.asic.entries) == (1, 2, 1)


def test_fail_until_cleared(router):
    router.asic.set(fail_add=5)
    for _ in range(3):
        tc.refused(router, "ip", "ip_proto udp" + OUT, "fail_add is set")
        assert router.asic.get("fail_add") == "5 -1"
    router.asic.set(fail_add=0)
    tc.add(router, "p0", "ip", "ip_proto udp" + OUT)


def test_fail_del_leaves_the_entry(router):
    """tc forgets the rule, the ASIC does not, and goes on switching."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.asic.set(fail_del="5 1")
    tc.flush(router, "p0")
    assert "flower" not in router.ns.run("tc filter show dev p0 ingress").stdout
    assert router.asic.entries == 1 and router.asic.calls["del_failed"] == 1
    assert_hardware(measure(flow, 3, directions=(ORIGINAL,)))
    router.ns.run("tc qdisc del dev p0 clsact")
    calls = router.asic.calls
    assert (router.asic.entries, calls["orphaned"], calls["del"]) == (0, 1, 0)


def test_fail_stats(router):
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    assert_hardware(measure(flow, 3, directions=(ORIGINAL,)))
    router.asic.set(fail_stats=5)
    assert tc.counted(router, "p0") == (0, 0)
    assert router.asic.calls["stats_failed"] == 1
    router.asic.set(fail_stats=0)
    assert tc.counted(router, "p0")[0] == 3


def test_fail_bind(bare):
    bare.asic.set(fail_bind="5 1")
    assert bare.ns.run("tc qdisc add dev p0 clsact", check=False).returncode != 0
    tc.clsact(bare, "p0")
    calls = bare.asic.calls
    assert (calls["bind"], calls["bind_failed"]) == (1, 1)


def test_a_slow_driver_stops_nothing_else(router):
    """While a call sleeps, frames are switched and everything can be read."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.asic.set(latency_us=9000000)
    with router.ns.entered():
        slow = subprocess.Popen(("tc filter add dev p0 ingress protocol ip prio 9 flower skip_sw "
                                 "ip_proto tcp" + OUT).split())
    wait_for(lambda: "[nft_offload_sim]" in read("/proc/%d/stack" % slow.pid), 5 * SCALE,
             "tc in the driver")
    assert_delivered(deliver(flow.data(ORIGINAL, 3)))
    entry, = router.asic.table
    assert entry.packets == 3
    assert slow.poll() is None
    router.asic.set(latency_us=0)
    assert slow.wait(60) == 0
    assert router.asic.entries == 2


# ---- the table, read while it changes ----

@pytest.mark.timeout(600)
def test_dump_of_a_changing_table(router):
    """No entry twice, none left out that was there all the time, each line whole."""
    lasting, passing = 600, 400
    line = "filter %s dev p0 ingress protocol ip prio %d handle %d flower"
    rule = " skip_sw ip_proto udp src_ip 10.9.%d.%d dst_port %d" + OUT

    def batch(verb, prio, count):
        text = "".join(line % (verb, prio, 1 + index) + (
            rule % (index >> 8, index & 255, prio) if verb == "add" else "") + "\n"
            for index in range(count))
        router.ns.run("tc -batch -", stdin=text)

    batch("add", 1, lasting)
    errors, stopping, dumps = [], threading.Event(), []

    def change():
        try:
            while not stopping.is_set():
                batch("add", 2, passing)
                batch("del", 2, passing)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    worker = threading.Thread(target=change)
    worker.start()
    try:
        while len(dumps) < 10:
            dumps.append([asic.pairs_of(text) for text in
                          read(router.asic.path("table")).splitlines()])
    finally:
        stopping.set()
        worker.join()
    assert not errors, errors
    for dump in dumps:
        ids = [int(entry["id"]) for entry in dump]
        assert ids == sorted(set(ids))
        assert sum(entry["dport"] == "1" for entry in dump) == lasting
        assert all(entry["match"] for entry in dump)
    assert len({len(dump) for dump in dumps}) > 1, "nothing changed meanwhile"
    calls = router.asic.calls
    assert calls["add"] - calls["del"] == router.asic.entries == lasting


# ---- personality ft ----

@pytest.fixture
def native(bare):
    bare.asic.set(personality="ft")
    return bare


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family, nat", [("ipv4", "none"), ("ipv4", "both"), ("ipv6", "none")])
def test_ft_under_the_stock_flowtable(native, family, proto, nat):
    """The stock code offers every rule to every callback: the first takes it, META or not."""
    native.nft(rules.whole(native))
    flow = offloaded(establish(Flow(native, family, proto, nat)), directions=(ORIGINAL,))
    assert_hardware(measure(flow, 20, directions=(ORIGINAL,)))
    calls = native.asic.calls
    assert calls["bind"] - calls["unbind"] == 2 and calls["add_failed"] >= calls["add"]
    native.nft("flush ruleset")
    assert native.asic.entries == 0
    assert native.asic.calls["bind"] == native.asic.calls["unbind"]


def test_ft_does_not_translate_ipv6(native):
    native.nft(rules.whole(native))
    flow = establish(Flow(native, "ipv6", "udp", "both"))
    assert_software(measure(flow, 5, directions=(ORIGINAL,)))
    wait_for(lambda: native.asic.calls["add_failed"], 5 * SCALE, "a refusal")
    assert native.asic.entries == 0


def ft_rule(flow, direction=ORIGINAL, indev="indev p0 ", ttl=None):
    leaves, _ = flow.leaving(direction)
    return "%s%s %s action mirred egress redirect dev %s" % (
        indev, tc.match(flow, direction), tc.rewrite(flow, direction, ttl=ttl), leaves.name)


def test_ft_serves_blocks_and_wants_meta(native):
    """Its handler is the same for both, which only META tells from a rule for another device."""
    tc.clsact(native)
    flow = Flow(native, "ipv4", "udp", "both")
    assert tc.add(native, "p0", "ip", ft_rule(flow, indev=""), check=False).returncode != 0
    assert tc.add(native, "p0", "ip", ft_rule(flow, ttl="add 255"), check=False).returncode != 0
    tc.add(native, "p0", "ip", ft_rule(flow))
    assert_hardware(measure(flow, 5, directions=(ORIGINAL,)))
    entry, = native.asic.table
    assert entry["in"] == "p0" and "ttl-1" in entry["actions"]


def test_ft_rules_apply_to_every_port(native):
    """As its model's: the ingress device of a rule is not looked at."""
    tc.clsact(native)
    flow = Flow(native)
    tc.add(native, "p0", "ip", ft_rule(flow))
    packet = flow.packet(ORIGINAL)
    before = native.statistics()["p1"]
    native["p1"].end.send(frames.mac(native["p1"].mac) + packet.sent[6:])
    arrived = wait_for(lambda: native["p1"].end.take([flow.number]), 5 * SCALE, "the frame")
    assert [frame for _, frame in arrived] == [packet.expected]
    assert (native.statistics()["p1"] - before)["hw_rx_packets"] == 1


def test_ft_begin_and_end_of_connections(native):
    """Whatever the rule says: SYN, FIN and RST are for the host."""
    tc.clsact(native)
    flow = Flow(native, "ipv4", "tcp")
    tc.add(native, "p0", "ip", ft_rule(flow))
    measured = Measurement(native, [flow.packet(ORIGINAL, flags=flags)
                                    for flags in (SYN, FIN | ACK, RST)])
    assert_software(measured)
    assert measured.moved["p0"]["host_tcp_flags"] == 3


def test_ft_asks_for_hw_tc_offload_in_every_call(native):
    tc.clsact(native)
    native.ns.run("ethtool -K p0 hw-tc-offload off")
    flow = Flow(native)
    assert tc.add(native, "p0", "ip", ft_rule(flow), check=False).returncode != 0
    native.ns.run("ethtool -K p0 hw-tc-offload on")
    tc.add(native, "p0", "ip", ft_rule(flow))


@pytest.mark.parametrize("enter", [(), ((0x8100, 5),), ((0x88a8, 6), (0x8100, 5))])
def test_ft_takes_off_what_it_does_not_match(native, enter):
    """Tags are neither matched on a routed flow nor kept."""
    tc.clsact(native)
    flow = Flow(native)
    tc.add(native, "p0", "ip", ft_rule(flow))
    packet = flow.packet(ORIGINAL)
    assert_hardware_bytes(native, packet, tagged(packet.sent, *enter))


@pytest.mark.parametrize("push, leave", [
    ("action vlan push id 20 pipe", ((0x8100, 20),)),
    # The first one stands outside, which is not how tc means it.
    ("action vlan push id 20 pipe action vlan push id 10 pipe", ((0x8100, 20), (0x8100, 10))),
])
def test_ft_puts_tags_on(native, push, leave):
    tc.clsact(native)
    flow = Flow(native)
    tc.add(native, "p0", "ip", ft_rule(flow).replace("action mirred", push + " action mirred"))
    packet = flow.packet(ORIGINAL)
    wire = Wire(native.sides[1], native["p1"].end.device)
    native["p0"].end.send(packet.sent)
    assert wire.receive_key(packet.key.number) == tagged(packet.expected, *leave)
    wire.close()


def test_ft_looks_behind_pppoe(native):
    tc.clsact(native)
    flow = Flow(native)
    tc.add(native, "p0", "ip", ft_rule(flow))
    packet = flow.packet(ORIGINAL)
    session = b"\x88\x64\x11\0\0\7" + (len(packet.sent) - 12).to_bytes(2, "big") + b"\0\x21"
    assert_hardware_bytes(native, packet, packet.sent[:12] + session + packet.sent[14:])


def assert_hardware_bytes(router, packet, frame):
    before = router.statistics()
    router["p0"].end.send(frame)
    arrived = wait_for(lambda: router["p1"].end.take([packet.key.flow]), 5 * SCALE, "the frame")
    assert [data for _, data in arrived] == [packet.expected]
    moves = {name: router.statistics()[name] - before[name] for name in router.names}
    assert moves["p0"]["hw_rx_bytes"] == len(frame)
    assert moves["p1"]["hw_tx_bytes"] == len(packet.expected)


def test_both_directions_at_once(router):
    """Two rules, two directions, many packets: nothing gets mixed up."""
    flow = tc.program(Flow(router, "ipv4", "tcp", "both"))
    assert_hardware(measure(flow, 200, directions=BOTH))
    assert {entry["in"] for entry in router.asic.table} == {"p0", "p1"}
    assert flow.entering(REPLY)[0] is router["p1"]


# ---- knobs ----

BAD_NUMBERS = ["", "\n", "-1", "+1", "1x", "x", " 1", "1 ", "0x10", "1\n\n", "1 2", "1\0",
               "99999999999", "1" * 80]
BAD_FAILURES = ["", "x", "-5", "+5", "4096", "28 0", "28 -1", "28 3 4", "28  3", "0 1", " 28",
                "28 ", "28 x", "28 2147483648", "28 1\n\n", "28\t1"]


@pytest.mark.parametrize("knob, good, bad", [
    ("personality", ["ft", "generic\n"], ["", "mlx", "generic ft", "Generic", "ft ", "f"]),
    ("capacity", ["0", "7\n", "4194304"], BAD_NUMBERS + ["4194305"]),
    ("latency_us", ["7", "0\n"], BAD_NUMBERS + ["10000001"]),
    ("pin_features", ["0", "1\n"], BAD_NUMBERS + ["2"]),
    ("forget", ["0\n"], BAD_NUMBERS + ["2"]),
    ("fail_bind", ["28 -1", "0"], BAD_FAILURES),
    ("fail_add", ["28 3", "4095 -1"], BAD_FAILURES),
    ("fail_del", ["1 2147483647", "0"], BAD_FAILURES),
    ("fail_stats", ["5 1", "0"], BAD_FAILURES),
])
def test_knobs_take_what_they_understand(bare, knob, good, bad):
    for value in good:
        bare.asic.set(**{knob: value.replace(" -1", "")})
        assert bare.asic.get(knob) == value.strip()
        for wrong in bad:
            with pytest.raises(OSError) as refusal:
                bare.asic.set(**{knob: wrong})
            assert refusal.value.errno == errno.EINVAL, repr(wrong)
            assert bare.asic.get(knob) == value.strip(), repr(wrong)


def test_group_knob(bare):
    for wrong in BAD_NUMBERS + ["4294967296"]:
        with pytest.raises(OSError) as refusal:
            asic.next_group(wrong)
        assert refusal.value.errno == errno.EINVAL
    assert read(asic.ROOT + "next_group") == "0\n"
    asic.next_group("4294967295\n")
    assert read(asic.ROOT + "next_group") == "4294967295\n"
    asic.next_group(0)
    assert bare.asic


def test_files_are_roots_alone(bare):
    for name in os.listdir(asic.ROOT + bare.asic.name):
        mode = os.stat(bare.asic.path(name)).st_mode & 0o777
        assert mode == (0o400 if name in ("table", "entries", "ports", "calls") else 0o600)
    with pytest.raises(OSError) as refusal:
        write(bare.asic.path("table"), "x")
    assert refusal.value.errno in (errno.EINVAL, errno.EACCES)


def test_personality_changes_only_while_idle(bare):
    bare.asic.set(personality="ft")
    tc.clsact(bare, "p0")
    with pytest.raises(OSError) as refusal:
        bare.asic.set(personality="generic")
    assert refusal.value.errno == errno.EBUSY and bare.asic.get("personality") == "ft"
    bare.ns.run("tc qdisc del dev p0 clsact")
    bare.asic.set(personality="generic")


@pytest.mark.parametrize("parameter, text", [
    ("personality=mlx5x", 'parameter personality: "mlx5x" is none of: generic, ft'),
    ("personality=", 'parameter personality: "" is none of: generic, ft'),
    ("capacity=4194305", "parameter capacity: 4194305 is not within 0..4194304"),
    ("capacity=-1", "invalid for parameter `capacity'"),
    ("capacity=many", "invalid for parameter `capacity'"),
])
def test_nonsense_parameters(kernel_log, parameter, text):
    kmod.unload(kmod.CORE)
    kmod.unload(kmod.SIM)
    done = run(["modprobe", kmod.SIM, parameter], check=False)
    assert done.returncode != 0 and not kmod.loaded(kmod.SIM)
    assert [line for line in kernel_log.lines if text in line]


def test_parameters():
    kmod.unload(kmod.CORE)
    kmod.load(kmod.SIM, personality="ft", capacity=0)
    space = Namespace("parameters").create()
    try:
        space.ip("link add l0 type dummy", "link add link l0 name q0 type nft_offload_sim")
        made = asic.Asic.of_port(space, "q0")
        assert (made.get("personality"), made.get("capacity")) == ("ft", "0")
        space.ip("link del l0")
    finally:
        space.delete()
