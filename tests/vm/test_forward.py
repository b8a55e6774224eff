# SPDX-License-Identifier: GPL-2.0
"""Established flows are switched by the ASIC, both ways, byte for byte as software would have."""

import struct

import pytest

from nfto import conntrack, frames, kmod, rules
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.shell import SCALE, wait_for
from nfto.topology import Router
from nfto.traffic import (COUNT, Measurement, assert_delivered, assert_hardware, assert_software,
                          deliver, entries, establish, established, measure, offloaded)

MATRIX = [(family, proto, nat) for family in ("ipv4", "ipv6") for proto in ("tcp", "udp")
          for nat in rules.ASKED]
BASIC = ("none", "both")


def numbered(router, case):
    """A flow that sends the same bytes whenever it is made."""
    return Flow(router, *case, number=1000 + MATRIX.index(case))


class Stage:
    """The topology that all tests share, and what the stack alone forwarded in it."""

    def __init__(self, router):
        self.router = router
        self.software = {}

    def rehearse(self):
        """Every flow of the matrix through the stack, without any flowtable."""
        self.router.nft(rules.whole(self.router, []))
        for case in MATRIX:
            measured = measure(establish(numbered(self.router, case)))
            assert_software(measured)
            self.software[case] = measured.ledger
        self.router.conntrack("-F")


@pytest.fixture(scope="module")
def stage():
    kmod.load(kmod.CORE)
    with Router() as router:
        made = Stage(router)
        made.rehearse()
        router.nft(rules.whole(router))
        yield made


def cases():
    for case in MATRIX:
        marks = [pytest.mark.every_kernel] if case[2] in BASIC else []
        yield pytest.param(case, marks=marks, id="-".join(case))


@pytest.mark.parametrize("case", cases())
def test_flow_is_switched_as_software_would(stage, case):
    flow = offloaded(establish(numbered(stage.router, case)))
    before = [entry.packets for entry in entries(flow)]
    measured = measure(flow)
    assert_hardware(measured)
    assert [entry.packets for entry in entries(flow)] == [count + COUNT for count in before]
    for direction in BOTH:
        assert measured.ledger.frames(direction) == stage.software[case].frames(direction)
    assert conntrack.in_hardware(flow)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_ends_may_lie_behind_gateways(stage, family):
    for proto in "tcp", "udp":
        assert_hardware(measure(established(stage.router, family, proto, "none", behind=True), 10))


def test_many_flows_at_once(stage):
    flows = [established(stage.router, *case, sport=30000 + index)
             for index, case in enumerate(MATRIX) if case[2] in ("none", "dnat")]
    packets = []
    for _ in range(5):
        for flow in flows:
            for direction in BOTH:
                packets += flow.data(direction, 1)
    assert_hardware(Measurement(stage.router, packets))


def test_an_absent_udp_checksum_stays_absent(stage):
    flow = established(stage.router, "ipv4", "udp", "dnat")
    packets = [packet for direction in BOTH
               for packet in flow.data(direction, 5, zero_check=True)]
    assert_hardware(Measurement(stage.router, packets))


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_last_hop_but_one_is_hardwares(stage, family):
    """TTL 2 becomes 1; at TTL 1 the host answers, and the flow stays where it is."""
    router = stage.router
    flow = established(router, family, "udp", "none")
    assert_hardware(Measurement(router, flow.data(ORIGINAL, 3, ttl=2)))
    before = router.statistics()["p0"]
    end = flow.client.end
    expired = flow.packet(ORIGINAL, ttl=1)
    end.send(expired.sent)
    # The error message quotes the packet, key and all.
    answers = []

    def answered():
        answers.extend(end.take({flow.number}))
        return answers

    wait_for(answered, 5 * SCALE, "the router's answer")
    key, answer = answers[0]
    assert key == expired.key
    network = answer[frames.ETH_LEN:]
    kind = network[20] if family == "ipv4" else network[40]
    assert kind == (11 if family == "ipv4" else 3)
    moved = router.statistics()["p0"] - before
    assert (moved["host_ttl"], moved["hw_rx_packets"]) == (1, 0)
    assert_hardware(measure(flow, 10))


def test_ip_options_are_left_to_the_host(stage):
    flow = established(stage.router, "ipv4", "udp", "none")
    # Four times "no operation".
    measured = Measurement(stage.router, flow.data(ORIGINAL, 5, ip_options=b"\x01\x01\x01\x01"))
    assert_software(measured)
    assert measured.moved["p0"]["host_options"] == 5
    assert_hardware(measure(flow, 10))


def test_fragments_are_left_to_the_host(stage):
    """Conntrack puts them together, so what leaves is one packet, or the same two."""
    flow = established(stage.router, "ipv4", "udp", "none")
    packet = flow.data(ORIGINAL, 1, sizes=(640,), fragment=0)[0]
    head, body = packet.sent[:34], packet.sent[34:]
    before = stage.router.statistics()["p0"]
    for offset, more, piece in (0, 0x2000, body[:320]), (320, 0, body[320:]):
        flow.client.end.send(head[:14] + with_fragment(head[14:], offset, more, len(piece)) + piece)
    shares = []

    def passed():
        shares.extend(frame for _, frame in flow.server.end.take({flow.number}))
        return shares

    wait_for(passed, 5 * SCALE, "the fragmented packet")
    moved = stage.router.statistics()["p0"] - before
    assert (moved["host_fragment"], moved["hw_rx_packets"]) == (2, 0)
    assert_hardware(measure(flow, 10))


def with_fragment(head, offset, more, length):
    """An IPv4 header for a fragment, with its checksum."""
    head = (head[:2] + struct.pack("!H", 20 + length) + head[4:6]
            + struct.pack("!H", more | offset // 8) + head[8:10] + b"\0\0" + head[12:])
    return head[:10] + struct.pack("!H", frames.folded(frames.words(head))) + head[12:]


def test_another_connection_is_none_of_hardwares_business(stage):
    """A flow in hardware takes no packet with it that differs in a port or in the protocol."""
    flow = established(stage.router, "ipv4", "udp", "none")
    other = Flow(stage.router, "ipv4", "udp", "none", sport=flow.views["client"].sport + 1)
    first = other.packet(ORIGINAL)
    measured = Measurement(stage.router, [first])
    assert_software(measured)
    assert measured.moved["p0"]["host_miss"] == 1
    assert_delivered(deliver([other.packet(REPLY)]))
