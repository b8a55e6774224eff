# SPDX-License-Identifier: GPL-2.0
"""The virtual ASIC alone: rules come from tc flower, and what leaves is compared byte for byte with
frames that were built by hand."""

import json
import socket
import struct

import pytest

from nfto import frames, kmod, tc
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.frames import ACK, FIN, PSH, RST, SYN
from nfto.shell import SCALE, wait_for
from nfto.topology import ETH_P_ALL, Router
from nfto.traffic import (Measurement, assert_delivered, assert_hardware, assert_software, deliver,
                          measure)
from nfto.wire import Wire, send_unfinished, tagged

pytestmark = pytest.mark.simulator

CTAG, STAG = (0x8100, 0x600a), (0x88a8, 0x0014)
GUARDS = ("host_ttl", "host_fragment", "host_options", "host_tcp_flags", "host_other", "host_miss")


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


@pytest.fixture
def wires(router):
    made = [Wire(side, port.end.device) for port, side in zip(router.ports, router.sides)]
    yield made
    for wire in made:
        wire.close()


def moved(router, packets):
    """Send packets that the host is to get; returns what port p0 counted."""
    before = router.statistics()["p0"]
    for packet in packets:
        router["p0"].end.send(packet)
    wait_for(lambda: (router.statistics()["p0"] - before)["host_rx_packets"] >= len(packets),
             5 * SCALE, lambda: "%d packets at the host: %s" % (
                 len(packets), router.statistics()["p0"] - before))
    return router.statistics()["p0"] - before


def assert_cause(moves, cause, number):
    assert moves["hw_rx_packets"] == 0
    assert {name: moves[name] for name in GUARDS if moves[name]} == {cause: number}


def link_counters(router, port):
    link, = json.loads(router.ns.run("ip -json -statistics link show dev " + port).stdout)
    return [link["stats64"][way]["packets"] for way in ("rx", "tx")]


def host_counters(router, port):
    counted = router.statistics()[port]
    return [counted["host_rx_packets"], counted["host_tx_packets"]]


def wait_for_drops(router, before, number):
    wait_for(lambda: (router.statistics()["p1"] - before)["hw_tx_dropped"] == number, 5 * SCALE,
             "%d drops" % number)


def forward(router, protocol, match, actions=""):
    tc.add(router, "p0", protocol, match + " %s action mirred egress redirect dev p1" % actions)


# ---- forwarding ----

@pytest.mark.every_kernel
@pytest.mark.parametrize("nat", ["none", "snat", "dnat", "both"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_forwarding_is_exact(router, family, proto, nat):
    flow = tc.program(Flow(router, family, proto, nat))
    asked = router.asic.calls["stats"]
    host = [link_counters(router, port)[0] for port in router.names]
    measured = measure(flow, 20)
    assert_hardware(measured)
    # What the ASIC switches is nothing to the host, and the port's own counters stay.
    assert host == [link_counters(router, port)[0] for port in router.names]
    for name, direction in zip(router.names, BOTH):
        port, view = flow.entering(direction)
        entry = router.asic.find(port.name, view, proto)
        sent = [packet for packet in measured.packets if packet.direction == direction]
        total = sum(len(packet.sent) for packet in sent)
        assert (int(entry["packets"]), int(entry["bytes"])) == (len(sent), total)
        packets, octets = tc.counted(router, name)
        assert (packets, octets) == (len(sent), total)
    assert router.asic.calls["stats"] == asked + 2


def test_table_says_what_it_does(router):
    flow = tc.program(Flow(router, "ipv4", "tcp", "both"), more="tcp_flags 0x0/0x5")
    (first, _), lines = (router.asic.table, router.asic.get("table").splitlines())
    server, view = flow.leaving(ORIGINAL)
    assert first["in"] == "p0" and first["out"] == "p1"
    assert first["actions"].split(",") == [
        "eth_src=" + server.mac, "eth_dst=" + server.host_mac, "ttl-1", "src=" + view.src,
        "dst=" + view.dst, "sport=%d" % view.sport, "dport=%d" % view.dport]
    assert [word.split("=")[0] for word in lines[0].split()][:12] == [
        "id", "in", "out", "family", "proto", "src", "dst", "sport", "dport", "actions", "packets",
        "bytes"]
    assert (first["prio"], first["match"]) == ("1", "tcp_flags=000/005")
    assert router.asic.entries == 2
    tc.flush(router)
    assert router.asic.table == [] and router.asic.entries == 0


def test_without_an_action_the_ttl_stays(router):
    flow = tc.program(Flow(router), directions=(ORIGINAL,), ttl=None)
    packet = flow.packet(ORIGINAL)
    fields = bytearray(packet.expected)
    fields[22] += 1
    fields[24:26] = packet.sent[24:26]
    assert_delivered(deliver([packet._replace(expected=bytes(fields))]))


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_ttl_can_be_set(router, family):
    flow = tc.program(Flow(router, family), directions=(ORIGINAL,), ttl="set 7")
    packet = flow.packet(ORIGINAL, ttl=8)
    assert_delivered(deliver([packet]))
    entry, = router.asic.table
    assert "ttl=7" in entry["actions"].split(",")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_no_udp_checksum_stays_none(router, family):
    flow = tc.program(Flow(router, family, "udp", "both"))
    assert_hardware(Measurement(router, [flow.packet(direction, zero_check=True)
                                         for direction in BOTH]))


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_udp_checksum_of_zero_is_sent_as_ones(router, family):
    """Of all payloads that differ in two bytes, one has it after NAT."""
    flow = tc.program(Flow(router, family, "udp", "both"))
    packet = flow.packet(ORIGINAL, size=14)
    at = 14 + (20 if family == "ipv4" else 40) + 6
    # The last two bytes count as one word of the sum: they take up what is missing to zero.
    check = struct.unpack_from("!H", packet.expected, at)[0]
    ends = [struct.unpack("!H", data[-2:])[0] for data in (packet.sent, packet.expected)]
    assert ends[0] == ends[1]
    word = (ends[0] + check) % 0xffff
    payload_end = struct.pack("!H", word)
    before = bytearray(packet.sent[:-2] + payload_end)
    after = bytearray(packet.expected[:-2] + payload_end)
    old = struct.unpack_from("!H", before, at)[0]
    struct.pack_into("!H", before, at, frames.folded(
        (old ^ 0xffff) + word + (ends[0] ^ 0xffff)) or 0xffff)
    struct.pack_into("!H", after, at, 0xffff)
    assert_delivered(deliver([packet._replace(sent=bytes(before), expected=bytes(after))]))


def test_padding_ends_at_the_port(router):
    """Short frames are padded on a wire; the kernel's forwarding does not pass the padding on."""
    flow = tc.program(Flow(router))
    packets = [flow.packet(direction) for direction in BOTH]
    padded = [packet._replace(sent=packet.sent.ljust(60, b"\0")) for packet in packets]
    assert all(len(packet.sent) < 60 for packet in packets)
    assert_hardware(Measurement(router, padded))


def test_a_listener_on_the_wire_sees_the_frame_as_it_came(router):
    """A packet socket shares the data with the ASIC, which must not write to it."""
    flow = tc.program(Flow(router, "ipv4", "tcp", "both"))
    with router.ns.entered():
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    listener.bind(("w0", ETH_P_ALL))
    listener.settimeout(5 * SCALE)
    packets = flow.data(ORIGINAL, 5)
    assert_delivered(deliver(packets))
    heard = []
    while len(heard) < len(packets):
        frame, address = listener.recvfrom(65535)
        if address[2] != socket.PACKET_OUTGOING and frames.key_of(frame):
            heard.append(frame)
    listener.close()
    assert heard == [packet.sent for packet in packets]


# ---- what is for the host ----

def test_misses_go_to_the_host(router):
    assert_software(measure(Flow(router), 5))
    assert_cause(moved(router, [Flow(router).packet(ORIGINAL).sent] * 3), "host_miss", 3)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("ttl", [0, 1])
def test_spent_ttl(router, family, ttl):
    flow = Flow(router, family)
    port, view = flow.entering(ORIGINAL)
    spent = frames.frame(port.host_mac, port.mac, view, "udp", b"", ttl=ttl)
    assert_cause(moved(router, [spent]), "host_miss", 1)
    tc.program(flow)
    assert_cause(moved(router, [spent]), "host_ttl", 1)


def test_ipv4_fragments(router):
    """Also those without ports; but only if a rule would have matched their ports."""
    flow, other = Flow(router), Flow(router, "ipv4", "tcp")
    packets = [flow.packet(ORIGINAL, size=64, fragment=word).sent for word in (0x2000, 0x2008, 8)]
    assert_cause(moved(router, packets), "host_miss", 3)
    tc.program(flow)
    assert_cause(moved(router, packets), "host_fragment", 3)
    foreign = [other.packet(ORIGINAL, size=64, fragment=word).sent for word in (0x2000, 8)]
    assert_cause(moved(router, foreign), "host_miss", 2)
    tc.flush(router)
    assert_cause(moved(router, packets), "host_miss", 3)


def with_extension(frame, kind, header):
    """An IPv6 frame with an extension header of 8 bytes, whose first byte is the next protocol."""
    length, proto = struct.unpack_from("!HB", frame, 18)
    return (frame[:18] + struct.pack("!HB", length + 8, kind) + frame[21:54] + bytes([proto])
            + header + frame[54:])


@pytest.mark.parametrize("kind, header, cause", [
    (44, b"\0\0\1\0\0\0\1", "host_fragment"),       # first of several
    (44, b"\0\0\x19\0\0\0\1", "host_fragment"),     # a later one
    (0, b"\0\1\4\0\0\0\0", "host_options"),         # hop by hop: padding
    (60, b"\0\1\4\0\0\0\0", "host_options"),        # destination options: padding
], ids=["first", "later", "hop", "destination"])
def test_ipv6_extension_headers(router, kind, header, cause):
    flow = Flow(router, "ipv6")
    frame = with_extension(flow.packet(ORIGINAL, size=64).sent, kind, header)
    assert_cause(moved(router, [frame]), "host_miss", 1)
    tc.program(flow)
    assert_cause(moved(router, [frame]), cause, 1)


def test_ipv4_options(router):
    flow = Flow(router)
    port, view = flow.entering(ORIGINAL)
    frame = frames.frame(port.host_mac, port.mac, view, "udp", b"", ip_options=b"\1\1\1\0")
    assert_cause(moved(router, [frame]), "host_miss", 1)
    tc.program(flow)
    assert_cause(moved(router, [frame]), "host_options", 1)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_tcp_flags(router, family):
    """FIN and RST go to the host where the rule says so, and only there."""
    flow = Flow(router, family, "tcp")
    tc.program(flow, directions=(ORIGINAL,), more="tcp_flags 0x0/0x5")
    measured = Measurement(router, [flow.packet(ORIGINAL, flags=flags)
                                    for flags in (FIN | ACK, RST, FIN)])
    assert_software(measured)
    assert_cause(measured.moved["p0"], "host_tcp_flags", 3)
    assert_hardware(Measurement(router, [flow.packet(ORIGINAL, flags=flags)
                                         for flags in (ACK, SYN, SYN | ACK)]))
    tc.flush(router, "p0")
    tc.program(flow, directions=(ORIGINAL,))
    assert_hardware(Measurement(router, [flow.packet(ORIGINAL, flags=FIN | ACK)]))


def broken(frame, at, value):
    return frame[:at] + bytes([value]) + frame[at + 1:]


def test_what_is_no_sound_ip_packet(router):
    flow = tc.program(Flow(router))
    sixth = tc.program(Flow(router, "ipv6"))
    tcp = tc.program(Flow(router, "ipv4", "tcp"))
    whole, six = flow.packet(ORIGINAL).sent, sixth.packet(ORIGINAL).sent
    longer = flow.packet(ORIGINAL, size=100).sent
    bad = [
        broken(whole, 24, whole[24] ^ 0xff),    # header checksum
        broken(whole, 14, 0x65),                # version
        broken(whole, 14, 0x44),                # header length
        longer[:-20],                           # longer than its frame
        broken(six, 14, 0x40),
        broken(broken(six, 18, 0), 19, 0),      # no length
        whole[:20],
        tcp.packet(ORIGINAL).sent[:38],
        whole[:12] + b"\x08\x06" + whole[14:],  # ARP
        whole[:14] + b"\0" * 40,
    ]
    assert_cause(moved(router, bad), "host_other", len(bad))


def test_not_for_this_port(router):
    """A NIC filters by address before anything else, unless it is promiscuous."""
    flow = tc.program(Flow(router))
    port = router["p0"]
    packet = flow.packet(ORIGINAL)
    foreign = frames.mac("02:00:00:00:00:77") + packet.sent[6:]
    before = router.statistics()["p0"]
    port.end.send(foreign)
    wait_for(lambda: router.statistics()["p0"]["rx_filtered"] > before["rx_filtered"], 5 * SCALE,
             "a filtered frame")
    assert router.statistics()["p0"]["hw_rx_packets"] == before["hw_rx_packets"]
    router.ns.ip("link set p0 promisc on")
    assert_hardware(Measurement(router, [packet._replace(sent=foreign)]))
    router.ns.ip("link set p0 promisc off")


# ---- order and ends of rules ----

def test_the_lowest_prio_wins(router):
    flow = Flow(router)
    tc.program(flow, directions=(ORIGINAL,), more="")
    tc.add(router, "p0", "ip", "ip_proto udp action drop", prio=2)
    assert_hardware(measure(flow, 5, directions=(ORIGINAL,)))
    stray = Flow(router)
    before = router.statistics()["p0"]
    router["p0"].end.send(stray.packet(ORIGINAL).sent)
    wait_for(lambda: router.asic.table[1].packets == 1, 5 * SCALE, "a dropped packet")
    moves = router.statistics()["p0"] - before
    assert (moves["hw_rx_packets"], moves["host_rx_packets"]) == (1, 0)


@pytest.mark.parametrize("action", ["trap", "pass"])
def test_to_the_host_by_rule(router, action):
    flow = Flow(router)
    tc.add(router, "p0", "ip", "ip_proto udp action " + action, prio=1)
    tc.add(router, "p0", "ip", "%s %s action mirred egress redirect dev p1" % (
        tc.match(flow, ORIGINAL), tc.rewrite(flow, ORIGINAL)), prio=2)
    assert_cause(moved(router, [flow.packet(ORIGINAL).sent]), "host_other", 1)
    first, second = router.asic.table
    assert (first.packets, second.packets) == (1, 0)
    assert first["actions"] == {"trap": "trap", "pass": "accept"}[action] and first["out"] == "-"


def test_rules_of_one_port_are_not_those_of_another(router):
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    frame = flow.packet(ORIGINAL).sent
    before = router.statistics()["p1"]
    router["p1"].end.send(frames.mac(router["p1"].mac) + frame[6:])
    wait_for(lambda: router.statistics()["p1"]["host_miss"] > before["host_miss"], 5 * SCALE,
             "a miss at the other port")


# ---- ports that cannot send ----

@pytest.mark.parametrize("line, undo", [
    ("link set p1 down", "link set p1 up"), ("link set w1 down", "link set w1 up")])
def test_no_way_out(router, line, undo):
    """What hits goes nowhere else: it is lost, and counted as such."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.ns.ip(line)
    before = router.statistics()
    packets = flow.data(ORIGINAL, 4)
    for packet in packets:
        router["p0"].end.send(packet.sent)
    wait_for_drops(router, before["p1"], 4)
    moves = router.statistics()["p0"] - before["p0"]
    assert (moves["hw_rx_packets"], moves["host_rx_packets"]) == (4, 0)
    router.ns.ip(undo)
    wait_for(lambda: router.running(["p1"]), 5 * SCALE, "carrier")
    assert_hardware(Measurement(router, flow.data(ORIGINAL, 3)))
    # Gone when the port went down.
    router.ns.ip(*router["p1"].address_lines())


def test_the_far_end_pulls_the_plug(router):
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.sides[1].ip("link set e1 down")
    wait_for(lambda: not router.running(["p1"]), 5 * SCALE, "loss of carrier")
    before = router.statistics()["p1"]
    router["p0"].end.send(flow.packet(ORIGINAL).sent)
    wait_for_drops(router, before, 1)
    router.sides[1].ip("link set e1 up")
    wait_for(lambda: router.running(["p1"]), 5 * SCALE, "carrier")


def test_mtu_of_the_way_out(router):
    """Hardware does not fragment: what does not fit is lost. The length of layer 3 counts."""
    flow = tc.program(Flow(router), directions=(ORIGINAL,))
    router.ns.ip("link set p1 mtu 1280")
    assert_hardware(Measurement(router, [flow.packet(ORIGINAL, size=1280 - 28)]))
    before = router.statistics()["p1"]
    router["p0"].end.send(flow.packet(ORIGINAL, size=1280 - 27).sent)
    wait_for_drops(router, before, 1)
    router.ns.ip("link set p1 mtu 1500")


# ---- frames that no wire carries ----

@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_unfinished_checksums(router, family, proto):
    """Sent by a stack that leaves checksums to its NIC. On a wire they are complete."""
    flow = tc.program(Flow(router, family, proto, "both"), directions=(ORIGINAL,))
    packet = flow.packet(ORIGINAL, size=333)
    send_unfinished(router["p0"].end, router.sides[0], packet.sent)
    arrived = wait_for(lambda: router["p1"].end.take([flow.number]), 5 * SCALE, "the frame")
    assert [frame for _, frame in arrived] == [packet.expected]


def segments_of(flow, packet, size, mss):
    """What a receiver sees of one frame of much payload."""
    port, view = flow.leaving(ORIGINAL)
    payload = packet.expected[-size:]
    for index, start in enumerate(range(0, size, mss)):
        last = start + mss >= size
        segment = frames.Segment(flow.sequence[ORIGINAL] + start, flow.sequence[REPLY],
                                 ACK | (PSH if last else 0), b"")
        # The flow label stays, the identification counts.
        ident = (flow.number << 8) + 1 + (index if flow.family == "ipv4" else 0)
        yield frames.frame(port.mac, port.host_mac, view, "tcp", payload[start:start + mss],
                           ttl=63, segment=segment, tos=0x28, ident=ident)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_segments(router, wires, family):
    """One frame of 4000 bytes of payload is four on the wire: each is matched and counted."""
    flow = tc.program(Flow(router, family, "tcp", "both"), directions=(ORIGINAL,))
    packet = flow.packet(ORIGINAL, size=4000)
    before = router.statistics()
    send_unfinished(router["p0"].end, router.sides[0], packet.sent, gso_size=1200)
    destination = frames.address(flow.leaving(ORIGINAL)[1].dst)
    for want in segments_of(flow, packet, 4000, 1200):
        got = wires[1].receive(lambda frame: destination in frame[:54])
        assert got == want, frames.difference(got, want)
    moves = {name: router.statistics()[name] - before[name] for name in router.names}
    octets = 4000 + 4 * (len(packet.sent) - 4000)
    assert (moves["p0"]["hw_rx_packets"], moves["p0"]["hw_rx_bytes"]) == (4, octets)
    assert (moves["p1"]["hw_tx_packets"], moves["p1"]["hw_tx_bytes"]) == (4, octets)
    entry, = router.asic.table
    assert (int(entry["packets"]), int(entry["bytes"])) == (4, octets)


@pytest.mark.parametrize("protocol, match, tags", [
    ("802.1q", "vlan_id 10 vlan_ethtype ipv4", (CTAG,)),
    ("802.1ad", "vlan_id 20 vlan_ethtype 802.1q cvlan_id 10 cvlan_ethtype ipv4", (STAG, CTAG)),
])
def test_tagged_segments(router, wires, protocol, match, tags):
    forward(router, protocol, match, " action vlan pop pipe" * len(tags))
    flow = Flow(router, "ipv4", "tcp")
    packet = flow.packet(ORIGINAL, size=2000)
    before = router.statistics()["p0"]
    send_unfinished(router["p0"].end, router.sides[0], packet.sent, gso_size=1200, tags=tags)
    got = [wires[1].receive(lambda frame: frame[26:34] == packet.sent[26:34]) for _ in range(2)]
    assert [frame[54:] for frame in got] == [packet.sent[54:1254], packet.sent[1254:]]
    assert (router.statistics()["p0"] - before)["hw_rx_bytes"] == (
        2000 + 2 * (54 + 4 * len(tags)))


def test_segments_for_the_host(router):
    """Without a rule the host gets segments, with checksums that it can verify."""
    flow = Flow(router, "ipv4", "tcp")
    packet = flow.packet(ORIGINAL, size=4000)
    before = router.statistics()
    send_unfinished(router["p0"].end, router.sides[0], packet.sent, gso_size=1200)
    wait_for(lambda: (router.statistics()["p1"] - before["p1"])["host_tx_packets"] >= 4, 5 * SCALE,
             "four forwarded segments")
    moves = router.statistics()["p0"] - before["p0"]
    assert (moves["host_miss"], moves["host_rx_packets"]) == (4, 4)


# ---- tags ----

TAG_CASES = {
    # what is matched, what is done, tags that enter, tags that leave
    "matched": ("802.1q", "vlan_id 10 vlan_ethtype ipv4", "", (CTAG,), (CTAG,)),
    "priority": ("802.1q", "vlan_id 10 vlan_prio 3 vlan_ethtype ipv4", "", (CTAG,), (CTAG,)),
    "pop": ("802.1q", "vlan_id 10 vlan_ethtype ipv4", "action vlan pop pipe", (CTAG,), ()),
    "push": ("ip", "ip_proto udp", "action vlan push id 20 priority 5 pipe", (),
             ((0x8100, 0xa014),)),
    "push 802.1ad": ("ip", "ip_proto udp", "action vlan push id 20 protocol 802.1ad pipe", (),
                     ((0x88a8, 20),)),
    "push two": ("ip", "ip_proto udp", "action vlan push id 10 pipe action vlan push id 20 "
                 "protocol 802.1ad pipe", (), ((0x88a8, 20), (0x8100, 10))),
    "push on tag": ("802.1q", "vlan_id 10 vlan_ethtype ipv4", "action vlan push id 20 protocol "
                    "802.1ad pipe", (CTAG,), ((0x88a8, 20), CTAG)),
    "modify": ("802.1q", "vlan_id 10 vlan_ethtype ipv4", "action vlan modify id 30 priority 1 "
               "pipe", (CTAG,), ((0x8100, 0x201e),)),
    "QinQ": ("802.1ad", "vlan_id 20 vlan_ethtype 802.1q cvlan_id 10 cvlan_ethtype ipv4", "",
             (STAG, CTAG), (STAG, CTAG)),
    "QinQ pop": ("802.1ad", "vlan_id 20 vlan_ethtype 802.1q cvlan_id 10 cvlan_ethtype ipv4",
                 "action vlan pop pipe", (STAG, CTAG), (CTAG,)),
    "QinQ pop both": ("802.1ad", "vlan_id 20 vlan_ethtype 802.1q cvlan_id 10 cvlan_ethtype ipv4",
                      "action vlan pop pipe action vlan pop pipe", (STAG, CTAG), ()),
}


@pytest.mark.parametrize("case", TAG_CASES)
def test_tags(router, wires, case):
    """The outer tag stands beside the frame when the ASIC gets it, the inner one in its header."""
    protocol, match, actions, enter, leave = TAG_CASES[case]
    forward(router, protocol, match, actions)
    packet = Flow(router).packet(ORIGINAL, size=100)
    before = router.statistics()
    router["p0"].end.send(tagged(packet.sent, *enter))
    assert wires[1].receive_key(packet.key.number) == tagged(packet.sent, *leave)
    moves = {name: router.statistics()[name] - before[name] for name in router.names}
    assert moves["p0"]["hw_rx_bytes"] == len(packet.sent) + 4 * len(enter)
    assert moves["p1"]["hw_tx_bytes"] == len(packet.sent) + 4 * len(leave)


def test_tag_from_a_vlan_device(router, wires):
    """Sent by a VLAN device, the tag never was in the frame."""
    forward(router, "802.1q", "vlan_id 10 vlan_ethtype ipv4", "action vlan pop pipe")
    router.sides[0].ip("link add link e0 name e0.10 type vlan id 10", "link set e0.10 up")
    packet = Flow(router).packet(ORIGINAL)
    with router.sides[0].entered():
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    end.bind(("e0.10", 0))
    end.send(packet.sent)
    end.close()
    assert wires[1].receive_key(packet.key.number) == packet.sent
    router.sides[0].ip("link del e0.10")


@pytest.mark.parametrize("protocol, match, tags", [
    ("ip", "ip_proto udp", (CTAG,)),
    ("802.1q", "vlan_id 11 vlan_ethtype ipv4", (CTAG,)),
    ("802.1q", "vlan_id 10 vlan_ethtype ipv4", ()),
    ("802.1q", "vlan_id 10 vlan_ethtype ipv4", (CTAG, CTAG)),
    ("802.1q", "vlan_id 10 vlan_prio 2 vlan_ethtype ipv4", (CTAG,)),
    ("802.1ad", "vlan_id 10 vlan_ethtype ipv4", (CTAG,)),
])
def test_other_tags_miss(router, protocol, match, tags):
    forward(router, protocol, match)
    frame = tagged(Flow(router).packet(ORIGINAL).sent, *tags)
    assert_cause(moved(router, [frame]), "host_miss", 1)


# ---- the host's own traffic ----

@pytest.mark.every_kernel
def test_the_host_talks_through_its_ports():
    """Ping both neighbours, and from one to the other through the host's forwarding."""
    with Router(suffix="2") as router:
        talk(router)


def talk(router):
    for port, side in zip(router.ports, router.sides):
        side.ip("link set %s arp on" % port.end.device,
                "address add %s/24 dev %s" % (port.host["ipv4"], port.end.device),
                "route add default via %s" % port.address["ipv4"])
    before = router.statistics()
    for port in router.ports:
        router.ns.run("ping -c 2 -W 10 -s 1400 " + port.host["ipv4"])
    router.sides[0].run("ping -c 2 -W 10 " + router.ports[1].host["ipv4"])
    moves = router.statistics()["p0"] - before["p0"]
    assert moves["hw_rx_packets"] == 0
    assert moves["host_rx_packets"] >= 4 and moves["host_tx_packets"] >= 4
    # The link's own counters are the host's, whenever they are read.
    early, link, late = (count(router, "p0") for count in (
        host_counters, link_counters, host_counters))
    assert all(first <= own <= last for first, own, last in zip(early, link, late))


def test_host_traffic_is_complete_on_the_wire(router, wires):
    """What the host sends leaves with checksums and in frames that a wire carries."""
    payload = frames.payload_of(frames.Key(1, 0, 0, 1), 3000)
    with router.ns.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((router["p1"].address["ipv4"], 1234))
    sender.sendto(payload[:1000], (router["p1"].host["ipv4"], 4321))
    sender.close()
    frame = wires[1].receive_key(1)
    view = frames.Tuple(router["p1"].address["ipv4"], router["p1"].host["ipv4"], 1234, 4321)
    want = frames.transport(view, socket.IPPROTO_UDP, None, payload[:1000])
    assert frame[34:] == want, frames.difference(frame[34:], want)
