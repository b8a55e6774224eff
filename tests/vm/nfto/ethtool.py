# SPDX-License-Identifier: GPL-2.0
"""What ethtool -i and ethtool -S show, without a process for each look."""

import ctypes
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
GDRVINFO, GSTRINGS, GSTATS = 0x03, 0x1b, 0x1d
SS_STATS = 1
NAME_LEN = 32
# struct ethtool_drvinfo: cmd, then names of NAME_LEN of which bus_info is the fourth, n_stats.
BUS_INFO, N_STATS, DRVINFO_LEN = 4 + 3 * NAME_LEN, 180, 196


def ask(namespace, port, request):
    """The answer to an ethtool request, which the kernel writes over it."""
    buffer = ctypes.create_string_buffer(request, len(request))
    ifreq = struct.pack("16sP", port.encode(), ctypes.addressof(buffer)).ljust(40, b"\0")
    # A socket keeps its namespace alive: open it for a moment only.
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, ifreq)
    return buffer.raw


def text(field):
    return field.split(b"\0", 1)[0].decode()


def driver_info(namespace, port):
    return ask(namespace, port, struct.pack("I", GDRVINFO).ljust(DRVINFO_LEN, b"\0"))


def bus_info(namespace, port):
    return text(driver_info(namespace, port)[BUS_INFO:BUS_INFO + NAME_LEN])


def statistics(namespace, port):
    """Values by name."""
    count = struct.unpack_from("I", driver_info(namespace, port), N_STATS)[0]
    strings = ask(namespace, port, struct.pack("III", GSTRINGS, SS_STATS, count)
                  + bytes(count * NAME_LEN))[12:]
    values = ask(namespace, port, struct.pack("II", GSTATS, count) + bytes(8 * count))[8:]
    names = [text(strings[at:at + NAME_LEN]) for at in range(0, count * NAME_LEN, NAME_LEN)]
    return dict(zip(names, struct.unpack("%dQ" % count, values)))
