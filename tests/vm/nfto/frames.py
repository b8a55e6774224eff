# SPDX-License-Identifier: GPL-2.0
"""Ethernet frames to bytes and back, without a protocol stack.

Checksums are computed in full, never adjusted: the expected frame is right by itself, however the
router came to its own. test_library.py compares the results with scapy's.
"""

import collections
import functools
import socket
import struct

ETH_LEN = 14
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}

MAGIC = b"NFTO"
KEY = struct.Struct("!HBBI")
KEY_LEN = len(MAGIC) + KEY.size

# Window scaling by 7 bits, padded with a NOP: conntrack must find bursts inside the window.
WINDOW_SCALE = b"\x01\x03\x03\x07"

# Who sends to whom, as seen on one wire.
Tuple = collections.namedtuple("Tuple", "src dst sport dport")
# What identifies a packet from end to end: NAT does not touch it.
Key = collections.namedtuple("Key", "flow reply kind number")
Segment = collections.namedtuple("Segment", "seq ack flags options")


def turned(view):
    return Tuple(view.dst, view.src, view.dport, view.sport)


@functools.lru_cache(maxsize=None)
def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


@functools.lru_cache(maxsize=None)
def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def words(data):
    """Sum of the data's 16-bit words."""
    if len(data) & 1:
        data += b"\0"
    return sum(struct.unpack("!%dH" % (len(data) // 2), data))


def folded(total):
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ipv4(view, protocol, length, ttl, ident, tos, ip_options=b"", fragment=0x4000):
    """An IPv4 header; fragment is the word of flags and offset (by default: don't fragment)."""
    size = 20 + len(ip_options)
    parts = struct.pack("!BBHHHBB", 0x40 | size // 4, tos, size + length, ident & 0xffff,
                        fragment, ttl, protocol)
    ends = address(view.src) + address(view.dst)
    check = folded(words(parts) + words(ends) + words(ip_options))
    return parts + struct.pack("!H", check) + ends + ip_options


def ipv6(view, protocol, length, ttl, label, tos):
    first = 6 << 28 | tos << 20 | label & 0xfffff
    return (struct.pack("!IHBB", first, length, protocol, ttl)
            + address(view.src) + address(view.dst))


def transport(view, protocol, segment, payload, zero_check=False):
    """A UDP or TCP header with its checksum, and the payload."""
    if protocol == socket.IPPROTO_UDP:
        head = struct.pack("!HHHH", view.sport, view.dport, 8 + len(payload), 0)
        offset = 6
    else:
        size = 20 + len(segment.options)
        head = struct.pack("!HHIIBBHHH", view.sport, view.dport, segment.seq & 0xffffffff,
                           segment.ack & 0xffffffff, size // 4 << 4, segment.flags, 65535, 0, 0)
        head += segment.options
        offset = 16
    if zero_check:
        return head + payload
    length = len(head) + len(payload)
    check = folded(words(address(view.src)) + words(address(view.dst)) + protocol + length
                   + words(head) + words(payload))
    if protocol == socket.IPPROTO_UDP and check == 0:
        check = 0xffff
    return head[:offset] + struct.pack("!H", check) + head[offset + 2:] + payload


def frame(source, target, view, proto, payload, ttl=64, segment=None, ident=0, tos=0,
          zero_check=False, **more):
    """A whole frame. ident becomes the IPv4 identification or the IPv6 flow label."""
    protocol = PROTOCOLS[proto]
    body = transport(view, protocol, segment, payload, zero_check)
    if ":" in view.src:
        ethertype, head = b"\x86\xdd", ipv6(view, protocol, len(body), ttl, ident, tos)
    else:
        ethertype, head = b"\x08\x00", ipv4(view, protocol, len(body), ttl, ident, tos, **more)
    return mac(target) + mac(source) + ethertype + head + body


def tagged(data, *tags):
    """A frame with tags, pairs of (protocol, TCI), the outermost first."""
    return data[:12] + b"".join(struct.pack("!HH", *tag) for tag in tags) + data[12:]


def payload_of(key, size):
    """A payload of at least size bytes that carries the key; its filling differs by packet."""
    filling = bytes((key.number * 7 + i) & 0xff for i in range(16))
    want = max(0, size - KEY_LEN)
    return MAGIC + KEY.pack(*key) + (filling * (want // 16 + 1))[:want]


def key_of(data):
    """The key that a frame carries; None if the frame is not one of ours."""
    at = data.find(MAGIC)
    if at < 0 or len(data) < at + KEY_LEN:
        return None
    return Key(*KEY.unpack_from(data, at + len(MAGIC)))


def difference(one, other):
    """Where two frames differ, for people."""
    if len(one) != len(other):
        return "length %d instead of %d" % (len(one), len(other))
    places = [i for i in range(len(one)) if one[i] != other[i]]
    return "bytes %s differ:\n got      %s\n expected %s" % (
        places, one[:80].hex(" ", 2), other[:80].hex(" ", 2))
