# SPDX-License-Identifier: GPL-2.0
"""A generic netlink client on a bare socket, which can say wrong things too.

Requests are made of encoded attributes (u32(), string(), nested()), so that a test can send what no
library would. Answers are attributes as {type: payload}; a refusal is a Refused, with the kernel's
words and the attribute that it points at.
"""

import contextlib
import errno
import os
import select
import socket
import struct

NETLINK_GENERIC = 16
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_DUMP_INTR, NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x10, 0x100, 0x200
NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS = 1, 2
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3fff
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_OPS = 1, 2, 6
HEADERS = 16 + 4


def attribute(kind, payload):
    return struct.pack("HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def u32(kind, value):
    return attribute(kind, struct.pack("I", value))


def string(kind, text):
    return attribute(kind, text.encode() + b"\0")


def nested(kind, *attributes):
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def walk(data, begin=0):
    """Offset, type as it stands there, and payload of each attribute."""
    while begin + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, begin)
        assert 4 <= length <= len(data) - begin, "attribute of length %d in an answer" % length
        yield begin, kind, data[begin + 4:begin + length]
        begin += length + 3 & ~3


def all_of(data, kind):
    """The payloads of an attribute that may be there several times."""
    return [payload for _, found, payload in walk(data) if found & NLA_TYPE_MASK == kind]


def decode(data):
    return {kind & NLA_TYPE_MASK: payload for _, kind, payload in walk(data)}


def as_u32(payload):
    return struct.unpack("I", payload)[0]


def as_u64(payload):
    return struct.unpack("Q", payload)[0]


def as_port(payload):
    return struct.unpack("!H", payload)[0]


def as_text(payload):
    assert payload.endswith(b"\0"), payload
    return payload[:-1].decode()


def attribute_at(request, offset, begin=HEADERS, end=None):
    """The types of the attribute at an offset of a request and of those around it."""
    end = len(request) if end is None else end
    while begin + 4 <= end:
        length, kind = struct.unpack_from("HH", request, begin)
        if offset == begin:
            return (kind & NLA_TYPE_MASK,)
        if begin < offset < begin + length:
            inner = attribute_at(request, offset, begin + 4, begin + length)
            return inner and (kind & NLA_TYPE_MASK,) + inner
        begin += max(length, 4) + 3 & ~3
    return None


class Answer(dict):
    """Attributes by type, of several of one type the last; all() has each of them."""

    def __init__(self, data):
        super().__init__(decode(data))
        self.data = data

    def all(self, kind):
        return all_of(self.data, kind)


class Refused(Exception):
    """The kernel's error: errno, message, and the attribute (see attribute_at) or None."""

    def __init__(self, errno, message, where):
        self.errno = errno
        self.message = message
        self.where = where
        super().__init__("%s: %s (attribute %s)" % (os.strerror(errno), message, where))


class Socket:
    """A socket in the network namespace that it is made in. A context manager."""

    protocol = NETLINK_GENERIC
    # In front of a request's attributes, and of an answer's.
    headers = HEADERS

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, self.protocol)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.socket.settimeout(60)
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, family, command, *attributes, flags=0):
        """One request; returns it, for what its answer refers to."""
        return self.send_message(family, struct.pack("BBH", command, 1, 0) + b"".join(attributes),
                                 flags)

    def send_message(self, kind, body, flags):
        self.sequence += 1
        request = struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags,
                              self.sequence, 0) + body
        self.socket.send(request)
        return request

    def receive(self, wanted):
        """The next messages, which must have this sequence number, but for events (0), which are
        passed over if not wanted: type, flags, body of each."""
        data = self.socket.recv(1 << 20)
        at = 0
        while at < len(data):
            length, kind, flags, sequence, _ = struct.unpack_from("IHHII", data, at)
            assert sequence in (wanted, 0), "an answer to another request"
            if sequence == wanted:
                yield kind, flags, data[at + 16:at + length]
            at += length + 3 & ~3

    def answers(self, request):
        """The attributes of each answer, up to the end; Refused if that is an error."""
        interrupted = False
        while True:
            for kind, flags, body in self.receive(self.sequence):
                interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                if kind not in (NLMSG_ERROR, NLMSG_DONE):
                    yield Answer(body[self.headers - 16:])
                    continue
                error = struct.unpack_from("i", body)[0]
                if error:
                    raise self.refusal(request, -error, flags, body[20 if kind == NLMSG_ERROR
                                                                   else 4:])
                if interrupted:
                    raise InterruptedError("the devices changed during the dump")
                return

    def refusal(self, request, errno, flags, tail):
        assert errno > 0, errno
        words = decode(tail) if flags & NLM_F_ACK_TLVS else {}
        message = words.get(NLMSGERR_ATTR_MSG)
        offset = words.get(NLMSGERR_ATTR_OFFS)
        where = None
        if offset is not None:
            where = attribute_at(request, as_u32(offset), self.headers)
            assert where, "the kernel points at offset %d, where no attribute is" % as_u32(offset)
        return Refused(errno, as_text(message) if message else None, where)

    def events(self, seconds):
        """What has come by itself, or comes within a time: the attributes of each message."""
        while select.select([self.socket], [], [], seconds)[0]:
            try:
                bodies = [body for _, _, body in self.receive(0)]
            except OSError as error:
                # There was no room for some: the next that comes says for how many.
                if error.errno != errno.ENOBUFS:
                    raise
                continue
            yield from (Answer(body[self.headers - 16:]) for body in bodies)

    def do(self, family, command, *attributes):
        """The attributes of the answer; None if there is but an acknowledgement."""
        request = self.send(family, command, *attributes, flags=NLM_F_ACK)
        found = list(self.answers(request))
        assert len(found) <= 1, found
        return found[0] if found else None

    def dump(self, family, command, *attributes):
        return list(self.answers(self.send(family, command, *attributes, flags=NLM_F_DUMP)))

    def resolve(self, name):
        """A family's number; Refused if there is none of this name."""
        answer = self.do(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, string(CTRL_ATTR_FAMILY_NAME, name))
        return struct.unpack("H", answer[CTRL_ATTR_FAMILY_ID])[0]


@contextlib.contextmanager
def opened(namespace):
    """A socket of a namespace."""
    with namespace.entered():
        made = Socket()
    with made:
        yield made
