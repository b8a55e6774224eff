# SPDX-License-Identifier: GPL-2.0
"""A wire's far end as a packet socket shows it: tags too, and frames in forms that no wire has."""

import socket
import struct

from nfto import frames
from nfto.frames import tagged
from nfto.shell import SCALE
from nfto.topology import ETH_P_ALL, PACKET_AUXDATA, SOL_PACKET, tags_beside

PACKET_VNET_HDR = 15
VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
VIRTIO_NET_HDR_GSO = {"none": 0, "ipv4": 1, "ipv6": 4}


class Wire:
    """Whole frames that come in, with the tag that a packet socket hands over beside them."""

    def __init__(self, namespace, device):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((device, ETH_P_ALL))
        self.socket.settimeout(5 * SCALE)

    def receive(self, wanted):
        """The next frame of which wanted(frame) holds; tags do not count for that."""
        while True:
            frame, control, _, address = self.socket.recvmsg(65535, 1024)
            if address[2] == socket.PACKET_OUTGOING or not wanted(frame):
                continue
            return tagged(frame, *tags_beside(control))

    def receive_key(self, number):
        """The next frame that carries a key of this number."""
        def wanted(frame):
            key = frames.key_of(frame)
            return key is not None and key.number == number
        return self.receive(wanted)

    def close(self):
        self.socket.close()


def send_unfinished(end, namespace, frame, gso_size=0, tags=()):
    """Send an untagged frame, tags added, as a stack hands it to a NIC that makes checksums and,
    with gso_size, many frames out of one."""
    family = "ipv4" if frame[14] >> 4 == 4 else "ipv6"
    l4 = 34 if family == "ipv4" else 54
    protocol = frame[23 if family == "ipv4" else 20]
    tcp = protocol == socket.IPPROTO_TCP
    ends = frame[26:34] if family == "ipv4" else frame[22:54]
    at = l4 + (16 if tcp else 6)
    # The field holds the sum of the pseudo header, not complemented.
    total = frames.words(ends) + protocol + len(frame) - l4
    seed = struct.pack("!H", frames.folded(total) ^ 0xffff)
    more = 4 * len(tags)
    header = struct.pack("=BBHHHH", VIRTIO_NET_HDR_F_NEEDS_CSUM,
                         VIRTIO_NET_HDR_GSO[family if gso_size else "none"],
                         l4 + (20 if tcp else 8) + more, gso_size, l4 + more, at - l4)
    with namespace.entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind((end.device, 0))
    sender.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sender.send(header + tagged(frame[:at] + seed + frame[at + 2:], *tags))
    sender.close()
