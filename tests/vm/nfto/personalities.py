# SPDX-License-Identifier: GPL-2.0
"""The NICs that the virtual ASIC models, and rules by tc flower as each wants them."""

from nfto import tc
from nfto.flow import BOTH, ORIGINAL
from nfto.frames import folded, words
from nfto.shell import SCALE, wait_for
from nfto.wire import Wire

EVERY = ("none", "snat", "dnat", "both")
# How the TTL is edited, whether checksums must be mentioned, which guards a rule can have, what of
# NAT comes out right: in both directions, or only in the original one.
DIALECTS = {
    "mlx5": ("add 255", True, ("tcp", "fragment"), EVERY, BOTH),
    "mlx5-switchdev": ("add 255", True, ("tcp", "fragment"), EVERY, BOTH),
    "nfp": (None, True, ("tcp", "fragment"), EVERY, BOTH),
    "sfc": ("add 255", False, ("tcp", "fragment"), ("none",), BOTH),
    "cxgb4": (None, False, ("fragment",), EVERY, BOTH),
    "cxgb4-bare": (None, False, (), EVERY, BOTH),
    "bnxt": (None, True, (), ("none", "snat"), (ORIGINAL,)),
}


class Changer:
    """Called with the name of a personality, makes the ASIC that NIC, a clsact on each port."""

    def __init__(self, router):
        self.router = router

    def __call__(self, personality, bind=True):
        router = self.router
        for name in router.names:
            router.ns.run("tc qdisc del dev %s clsact" % name, check=False)
        router.ns.run("ethtool -K p0 hw-tc-offload on")
        router.asic.set(personality=personality, capacity=65536)
        if bind:
            tc.clsact(router)
        return router


def guards(personality, proto):
    can = DIALECTS[personality][2]
    return " ".join(["ip_flags nofrag"] * ("fragment" in can)
                    + ["tcp_flags 0x0/0x5"] * ("tcp" in can and proto == "tcp"))


def with_ttl(frame, ttl):
    """The same frame but for its TTL."""
    data = bytearray(frame)
    if data[12:14] == b"\x86\xdd":
        data[21] = ttl
        return bytes(data)
    data[22] = ttl
    data[24:26] = b"\0\0"
    data[24:26] = folded(words(bytes(data[14:14 + (data[14] & 15) * 4]))).to_bytes(2, "big")
    return bytes(data)


def leaves_as(packet, ttl):
    return packet._replace(expected=with_ttl(packet.expected, ttl))


def spelling(personality, flow):
    """How the personality wants the TTL edited and checksums mentioned."""
    ttl, csum = DIALECTS[personality][:2]
    # To nfp, new MAC addresses are no reason to mend anything.
    return {"ttl": ttl, "csum": csum and not (personality == "nfp" and flow.nat == "none")}


def program(personality, flow, directions=(ORIGINAL,), more=None, **how):
    """As the personality wants it, TTL untouched where it cannot do better."""
    if more is None:
        more = guards(personality, flow.proto)
    return tc.program(flow, directions=directions, more=more, prio=1,
                      **dict(spelling(personality, flow), **how))


def as_left(personality, packet):
    """What becomes of a packet's TTL."""
    return packet if DIALECTS[personality][0] else leaves_as(packet, 64)


def through(router, frame, number):
    """One frame through the ASIC, as it leaves, tags and all; None if hardware did not take it."""
    wire = Wire(router.sides[1], router["p1"].end.device)
    before = router.statistics()["p0"]
    router["p0"].end.send(frame)
    try:
        wait_for(lambda: sum((router.statistics()["p0"] - before)[name] for name in (
            "hw_rx_packets", "host_rx_packets", "rx_filtered")), 5 * SCALE, "the frame")
        if not (router.statistics()["p0"] - before)["hw_rx_packets"]:
            return None
        return wire.receive_key(number)
    finally:
        wire.close()
