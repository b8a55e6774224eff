# SPDX-License-Identifier: GPL-2.0
"""The client's side of a PPPoE session, without discovery and without a daemon: both ends know the
session, and the protocols are open from the start."""

import ctypes
import fcntl
import os
import socket
import struct

from nfto.frames import mac

AF_PPPOX = 24
PPPIOCGCHAN = 0x80047437
PPPIOCATTCHAN = 0x40047438
PPPIOCCONNECT = 0x4004743a
PPPIOCNEWUNIT = 0xc004743e
PROTOCOLS = {b"\x08\x00": 0x0021, b"\x86\xdd": 0x0057}
MTU = 1492

libc = ctypes.CDLL(None, use_errno=True)


def wrapped(frame, session):
    """An untagged frame inside a session."""
    inner = struct.pack("!H", PROTOCOLS[frame[12:14]]) + frame[14:]
    return frame[:12] + struct.pack("!HBBHH", 0x8864, 0x11, 0, session, len(inner)) + inner


class Session:
    """A ppp device that sends through a lower device; it goes with this object."""

    def __init__(self, namespace, device, peer, number):
        self.number = number
        # The kernel looks for channel and unit in the namespace of whoever asks.
        with namespace.entered():
            self.socket = socket.socket(AF_PPPOX, socket.SOCK_STREAM, 0)
            self.channel = os.open("/dev/ppp", os.O_RDWR)
            self.unit = os.open("/dev/ppp", os.O_RDWR)
            self.connect(device, peer)
            channel = fcntl.ioctl(self.socket, PPPIOCGCHAN, struct.pack("i", 0))
            fcntl.ioctl(self.channel, PPPIOCATTCHAN, channel)
            unit = fcntl.ioctl(self.unit, PPPIOCNEWUNIT, struct.pack("i", -1))
            fcntl.ioctl(self.channel, PPPIOCCONNECT, unit)
        self.device = "ppp%d" % struct.unpack("i", unit)

    def connect(self, device, peer):
        where = struct.pack("=HIH6s16s", AF_PPPOX, 0, socket.htons(self.number), mac(peer),
                            device.encode())
        if libc.connect(self.socket.fileno(), where, len(where)):
            error = ctypes.get_errno()
            raise OSError(error, "PPPoE: " + os.strerror(error))

    def close(self):
        for fd in self.channel, self.unit:
            os.close(fd)
        self.socket.close()
