# SPDX-License-Identifier: GPL-2.0
"""Netlink attributes at random: by the grammar, or beside it.

A grammar is a dictionary: an attribute's number, and how its payload is made, either a function of
the source of chance or another grammar, whose attributes are inside.
"""

import random
import struct

from nfto import genl

# Where a number may be too small or too large.
EDGES = (0, 1, 2, 5, 15, 16, 255, 256, 65535, 65536, 1048576, 1048577, (1 << 31) - 1, 1 << 31,
         (1 << 32) - 1)


class Chance(random.Random):
    """The source of chance. Where a grammar alone decides, nothing odd happens."""
    strict = False

    def odd(self, probability):
        return not self.strict and self.random() < probability


def one_of(*values):
    """A number of 32 bits: one of these, or another."""
    def make(chance):
        return struct.pack("I", chance.choice(EDGES if chance.odd(0.2) else values))
    return make


def word(*words):
    """A string: one of these, or none that is known."""
    def make(chance):
        if not chance.odd(0.2):
            return chance.choice(words).encode() + b"\0"
        return chance.choice((b"", b"\0", b"p0", b"\xff\0", b"%s%n\0", b"x" * 15 + b"\0",
                              b"x" * 16 + b"\0", b"y" * 255 + b"\0", b"z" * 300 + b"\0"))
    return make


def octets(*lengths):
    def make(chance):
        return chance.randbytes(chance.choice(lengths))
    return make


def sentence(chance, grammar, most=4):
    """Encoded attributes of a grammar."""
    text = b""
    for _ in range(chance.randint(0, most)):
        kind = chance.choice(list(grammar))
        made = grammar[kind]
        payload = sentence(chance, made) if isinstance(made, dict) else made(chance)
        if chance.odd(0.05):
            payload = spoilt(chance, payload)
        if isinstance(made, dict) != chance.odd(0.03):
            kind |= genl.NLA_F_NESTED
        if chance.odd(0.03):
            kind = chance.getrandbits(16)
        text += genl.attribute(kind, payload)
    return spoilt(chance, text) if chance.odd(0.05) else text


def spoilt(chance, data):
    """Something cut off, put in, or changed."""
    at = chance.randint(0, len(data))
    return chance.choice((data[:at], data[:at] + chance.randbytes(4) + data[at:],
                          data[:at] + chance.randbytes(1) + data[at + 1:]))
