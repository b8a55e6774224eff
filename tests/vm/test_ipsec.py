# SPDX-License-Identifier: GPL-2.0
"""What IPsec encrypts stays in software: no hardware here can encrypt.

With IPsec in one direction alone the kernel does not see it if the other direction adds the flow:
its own flowtable sends such packets in clear too.
"""

import pytest

from nfto import rules
from nfto.flow import Flow, ORIGINAL, REPLY
from nfto.moving import BOUND
from nfto.shell import SCALE, wait_for
from nfto.trace import recorded
from nfto.traffic import assert_hardware, deliver, assert_delivered, entries, established, measure

pytest_plugins = "nfto.fixtures"

ESP = 50
TUNNEL = "src %(own)s dst %(peer)s proto esp"
STATE = "xfrm state add " + TUNNEL + (
    " spi 0x100 reqid 1 mode tunnel aead rfc4106(gcm(aes)) 0x" + 20 * "5a" + " 128")
POLICY = "xfrm policy add src %(client)s dst %(peer)s dir out tmpl " + TUNNEL + (
    " reqid 1 mode tunnel")


@pytest.fixture
def router(router):
    # Only a packet that IPsec sends shows the kernel what becomes of the flow; with IPsec both
    # ways there are no others, as packets that came by IPsec add no flow.
    router.nft(rules.whole(router, select="meta l4proto { tcp, udp } ct direction original"))
    return router


def encrypted(end):
    """Packets in ESP that have arrived."""
    with end.lock:
        end.receive()
        return sum(frame[12:14] == b"\x08\x00" and frame[23] == ESP for frame in end.others)


def policy(router):
    """What the client sends to the server's first host is to be encrypted from now on."""
    client, server = router["p0"], router["p1"]
    names = {"own": server.address["ipv4"], "peer": server.host["ipv4"],
             "client": client.host["ipv4"]}
    router.ns.ip(STATE % names, POLICY % names)


def assert_encrypted(flow, packets=20):
    """Each packet of the original direction leaves in ESP; the reply is in clear."""
    end = flow.server.end
    before = encrypted(end)
    for turn in range(1, packets + 1):
        packet = flow.packet(ORIGINAL)
        packet.enters.end.send(packet.sent)
        wait_for(lambda: encrypted(end) >= before + turn, 5 * SCALE, "packet %d in ESP" % turn)
        assert_delivered(deliver([flow.packet(REPLY)]))
    assert entries(flow) == [None, None]
    assert not end.take([flow.number]), "in clear"


@pytest.mark.every_kernel
def test_what_ipsec_encrypts_stays_in_software(router):
    before = established(router, "ipv4", "tcp", "none", behind=True)
    policy(router)
    with recorded() as trace:
        assert_encrypted(Flow(router))
        refused = [event for event in trace.lines("flow_refused") if event["reason"] == "ipsec"]
    assert "original" in {event["dir"] for event in refused}
    assert_hardware(measure(before, 10))


@pytest.mark.every_kernel
def test_a_policy_ends_what_is_in_hardware(router):
    """Nothing goes on in clear, as hardware would let it; other flows are not concerned."""
    flow = established(router)
    other = established(router, "ipv4", "tcp", "none", behind=True)
    numbers = [entry["id"] for entry in entries(other)]
    policy(router)
    wait_for(lambda: entries(flow) == [None, None], BOUND, "flow to leave hardware")
    assert_encrypted(flow)
    assert_hardware(measure(other, 10))
    assert [entry["id"] for entry in entries(other)] == numbers
