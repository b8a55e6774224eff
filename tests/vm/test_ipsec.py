# SPDX-License-Identifier: GPL-2.0
"""What IPsec encrypts stays in software: no hardware here can encrypt.

With IPsec in one direction alone the kernel does not see it if the other direction adds the flow:
its own flowtable sends such packets in clear too.
"""

import pytest

from nfto import rules
from nfto.flow import Flow, ORIGINAL, REPLY
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


@pytest.mark.every_kernel
def test_what_ipsec_encrypts_stays_in_software(router):
    client, server = router["p0"], router["p1"]
    before = established(router, "ipv4", "tcp", "none", behind=True)
    names = {"own": server.address["ipv4"], "peer": server.host["ipv4"],
             "client": client.host["ipv4"]}
    router.ns.ip(STATE % names, POLICY % names)
    flow = Flow(router)
    with recorded() as trace:
        for turn in range(1, 21):
            packet = flow.packet(ORIGINAL)
            packet.enters.end.send(packet.sent)
            wait_for(lambda: encrypted(server.end) >= turn, 5 * SCALE, "packet %d in ESP" % turn)
            assert_delivered(deliver([flow.packet(REPLY)]))
        assert entries(flow) == [None, None]
        assert not server.end.take([flow.number]), "in clear"
        refused = [event for event in trace.lines("flow_refused") if event["reason"] == "ipsec"]
    assert refused and {event["dir"] for event in refused} == {"original"}
    assert_hardware(measure(before, 10))
