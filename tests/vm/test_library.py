# SPDX-License-Identifier: GPL-2.0
"""The library must be right, and what it asserts must be able to fail."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from nfto import frames, kmod, rules, shell
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.topology import Router
from nfto.traffic import (Background, Ledger, assert_delivered, assert_hardware, assert_software,
                          deliver, establish, established, measure, offloaded)


@pytest.fixture
def router():
    with Router() as made:
        yield made


def checksums_are_right(data):
    """Whether scapy, left to itself, computes the same checksums and lengths."""
    packet = Ether(data)
    for layer in packet.layers():
        for field in "chksum", "len", "plen", "dataofs", "ihl":
            if field in packet[layer].fields:
                packet[layer].delfieldval(field)
    return bytes(packet) == data


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_frames_are_what_scapy_makes_of_them(family, proto):
    source, target = ("10.0.0.1", "10.0.0.2") if family == "ipv4" else ("fd00::1", "fd00::2")
    view = frames.Tuple(source, target, 1234, 80)
    segment = frames.Segment(1, 2, frames.SYN, frames.WINDOW_SCALE)
    for size in 12, 13, 1400:
        payload = frames.payload_of(frames.Key(7, 0, 0, size), size)
        data = frames.frame("02:00:00:00:00:01", "02:00:00:00:00:02", view, proto, payload,
                            segment=segment if proto == "tcp" else None)
        assert checksums_are_right(data)
        assert not checksums_are_right(data[:-1] + bytes([data[-1] ^ 1]))
        packet = Ether(data)
        network = packet[IP if family == "ipv4" else IPv6]
        layer = packet[TCP if proto == "tcp" else UDP]
        assert (packet.src, packet.dst) == ("02:00:00:00:00:01", "02:00:00:00:00:02")
        assert (network.src, network.dst, layer.sport, layer.dport) == tuple(view)
        assert bytes(layer.payload) == payload
        assert frames.key_of(data) == (7, 0, 0, size)


def test_frames_of_others_have_no_key():
    assert frames.key_of(b"\0" * 60) is None
    assert frames.key_of(b"\0" * 50 + frames.MAGIC + b"\0") is None


def test_a_failing_command_shows_all_that_it_said():
    with pytest.raises(shell.CommandError) as caught:
        shell.run(["sh", "-c", "echo to stdout; echo to stderr >&2; exit 3"])
    assert caught.value.status == 3
    for text in "to stdout", "to stderr", "exit status 3":
        assert text in str(caught.value)
    with pytest.raises(shell.CommandError, match="none within"):
        shell.run(["sleep", "60"], timeout=0.2)


def test_waiting_ends_and_names_what_was_waited_for():
    with pytest.raises(shell.Timeout, match="a miracle"):
        shell.wait_for(lambda: False, 0.1, "a miracle")
    assert shell.wait_for(lambda: "here", 1, "something") == "here"


def test_nothing_is_left_when_the_topology_fails_halfway(monkeypatch):
    router = Router()
    monkeypatch.setattr(router, "add_ports", lambda ports: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        router.__enter__()
    for namespace in (router.ns,) + router.sides:
        assert not namespace.exists()
    with Router() as again:
        assert again.asic.entries == 0


def test_counters_are_those_of_ethtool(router):
    router.nft(rules.whole(router, []))
    measure(establish(Flow(router)), 10)

    def agree(port):
        values = router.statistics()[port.name]
        shown = router.ns.run(["ethtool", "-S", port.name]).stdout
        return values and all("     %s: %d\n" % pair in shown for pair in values.items())

    for port in router.ports:
        # The router says something of its own now and then, perhaps just between two looks.
        shell.wait_for(lambda port=port: agree(port), 10, "the same from ethtool -S")
        info = router.ns.run(["ethtool", "-i", port.name]).stdout
        assert "bus-info: %s\n" % router.asic.name in info


def test_software_is_not_taken_for_hardware(router):
    """Not when there is no flowtable, nor with one that offloads nothing."""
    for devices in [], router.names:
        router.nft(rules.whole(router, devices, offload=False))
        flow = establish(Flow(router))
        measured = measure(flow, 10)
        assert_software(measured)
        with pytest.raises(AssertionError, match="hardware=0, host=10"):
            assert_hardware(measured)
        with pytest.raises(shell.Timeout, match="in hardware"):
            offloaded(flow, deadline=1)


@pytest.mark.every_kernel
def test_hardware_is_not_taken_for_software(router):
    kmod.load(kmod.CORE)
    router.nft(rules.whole(router))
    measured = measure(established(router), 10)
    assert_hardware(measured)
    with pytest.raises(AssertionError, match="hardware=10"):
        assert_software(measured)


def test_a_mix_is_neither(router):
    """One packet that the ASIC must leave to the host (its TTL runs out) spoils both verdicts."""
    kmod.load(kmod.CORE)
    router.nft(rules.whole(router))
    flow = established(router)
    before = router.statistics()
    flow.client.end.send(flow.packet(ORIGINAL, ttl=1).sent)
    shell.wait_for(lambda: router.statistics()["p0"]["host_ttl"] > before["p0"]["host_ttl"],
                   5 * shell.SCALE, "the packet at the host")
    measured = measure(flow, 10, directions=(ORIGINAL,))
    measured.moved["p0"]["host_rx_packets"] += 1
    for verdict in assert_hardware, assert_software:
        with pytest.raises(AssertionError):
            verdict(measured)


def test_lost_changed_and_strange_packets_are_seen(router):
    router.nft(rules.whole(router, []))
    flow = establish(Flow(router))

    router.nft("insert rule inet filter forward iifname p0 drop")
    ledger = Ledger()
    for packet in flow.data(ORIGINAL, 2) + flow.data(REPLY, 2):
        ledger.send(packet)
    with pytest.raises(AssertionError, match="2 of 4 packets lost"):
        assert_delivered(ledger.settle(patience=0.5))
    router.nft(rules.whole(router, []))

    packet = flow.data(ORIGINAL, 1)[0]
    wrong = packet._replace(expected=packet.expected[:-1] + b"\xff")
    with pytest.raises(AssertionError, match="bytes .* differ"):
        assert_delivered(deliver([wrong]))

    twice = flow.data(ORIGINAL, 1)[0]
    ledger = Ledger()
    ledger.send(twice)
    ledger.send(twice)
    shell.wait_for(lambda: ledger.collect() and len(ledger.got[twice.key]) == 2, 10, "both copies")
    with pytest.raises(AssertionError, match="arrived 2 times"):
        assert_delivered(ledger)

    stray, known = flow.data(ORIGINAL, 2)
    stray.enters.end.send(stray.sent)
    with pytest.raises(AssertionError, match="never sent"):
        assert_delivered(deliver([known]))


def test_a_reply_may_overtake_what_it_would_answer(router):
    """As it may between two CPUs: conntrack must not find it invalid."""
    router.nft(rules.whole(router, []))
    flow = establish(Flow(router, "ipv4", "tcp"))
    for _ in range(2):
        data = flow.data(ORIGINAL, 3) + flow.data(REPLY, 3)
        assert_delivered(deliver(reversed(data)))


def test_loss_in_the_background_is_seen(router):
    router.nft(rules.whole(router, []))
    with Background(establish(Flow(router)), patience=0.5) as background:
        background.more(10)
        router.nft("insert rule inet filter forward iifname p1 drop")
        background.more(10)
    with pytest.raises(AssertionError, match="packets lost"):
        background.assert_none_lost()


def test_every_kind_of_nat_changes_what_it_should():
    router = Router()
    for family in "ipv4", "ipv6":
        for nat in rules.ASKED:
            flow = Flow(router, family, "tcp", nat)
            client, server = flow.views["client"], flow.views["server"]
            changed = {name for name in client._fields
                       if getattr(client, name) != getattr(server, name)}
            source = {"src", "sport"} if nat in rules.MAPPED else set()
            target = {"dst", "dport"} if nat in rules.REAL else set()
            assert changed == source | target
            for direction in BOTH:
                assert flow.entering(direction)[0] is not flow.leaving(direction)[0]
