# SPDX-License-Identifier: GPL-2.0
"""Hosts on the wires that answer for their addresses, as ARP and neighbour discovery want it.

No host says or forwards anything else: packets are the business of the raw ends. Its neighbours
are then as alive to the router as real ones, and can change their minds.
"""

import select
import socket
import struct
import threading

from nfto import frames
from nfto.topology import PACKET_IGNORE_OUTGOING, SOL_PACKET

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86dd
REQUEST, REPLY = 1, 2
ICMPV6, SOLICITATION, ADVERTISEMENT = 58, 135, 136
SOLICITED, OVERRIDE = 0x40000000, 0x20000000
BROADCAST, ALL_NODES_MAC, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "ff02::1"


def arp(operation, to_mac, mac, address, asker_mac, asker):
    """From the owner of mac and address to asker, all but operation and address in bytes."""
    return (to_mac + mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, operation)
            + mac + frames.address(address) + asker_mac + asker)


def advertisement(to_mac, to_address, mac, address, flags):
    """address is at mac, in ICMPv6."""
    body = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, flags) + frames.address(address)
    body += b"\x02\x01" + mac
    view = frames.Tuple(address, to_address, 0, 0)
    total = (frames.words(frames.address(address)) + frames.words(frames.address(to_address))
             + ICMPV6 + len(body) + frames.words(body))
    body = body[:2] + struct.pack("!H", frames.folded(total)) + body[4:]
    return to_mac + mac + b"\x86\xdd" + frames.ipv6(view, ICMPV6, len(body), 255, 0, 0) + body


def link_local(port):
    """An ip(8) command for the address without which the router asks nobody by IPv6."""
    return "address replace fe80::%x/64 dev %s nodad" % (port.index + 1, port.name)


class Hosts:
    """A context manager: while it lasts the router's neighbours answer, and none is permanent."""

    def __init__(self, router):
        self.router = router
        # address -> MAC, by port
        self.known = {port.index: {address: port.host_mac for address in port.host.values()}
                      for port in router.ports if port.end}
        self.sockets = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        for port in self.router.ports:
            for protocol in (ETH_P_ARP, ETH_P_IPV6) if port.end else ():
                with self.router.side(port).entered():
                    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
                made.bind((port.end.device, protocol))
                made.setblocking(False)
                self.sockets[made] = port
        self.thread.start()
        wired = [port for port in self.router.ports if port.end]
        self.router.ns.ip(*[link_local(port) for port in wired],
                          *["neigh del %s dev %s" % (address, port.name)
                            for port in wired for address in port.host.values()])
        return self

    def __exit__(self, *error):
        self.stopping.set()
        self.thread.join()
        for made in self.sockets:
            made.close()

    def work(self):
        while not self.stopping.is_set():
            for made in select.select(list(self.sockets), [], [], 0.1)[0]:
                try:
                    frame = made.recv(2048)
                except OSError:
                    continue    # the wire is down or gone: nobody asks
                answer = self.answer(self.known[self.sockets[made].index], frame)
                if answer:
                    self.sockets[made].end.send(answer)

    @staticmethod
    def answer(known, frame):
        """The answer to a frame, if it is a question for one of the addresses."""
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1":
            address = socket.inet_ntop(socket.AF_INET, frame[38:42])
            if address in known:
                return arp(REPLY, frame[22:28], frames.mac(known[address]), address,
                           frame[22:28], frame[28:32])
        elif (frame[12:14] == b"\x86\xdd" and len(frame) >= 78 and frame[20] == ICMPV6
              and frame[54] == SOLICITATION):
            address = socket.inet_ntop(socket.AF_INET6, frame[62:78])
            asker = socket.inet_ntop(socket.AF_INET6, frame[22:38])
            if address in known:
                return advertisement(frame[6:12], asker, frames.mac(known[address]), address,
                                     SOLICITED | OVERRIDE)
        return None

    def own(self, port, address, mac):
        """From now on an address is at this MAC; the router is not told. None: it is nowhere."""
        known = self.known[port.index]
        if mac is None:
            known.pop(address, None)
        else:
            known[address] = mac

    def announce(self, port, address):
        """Unasked, as a host does that has come up or taken an address over."""
        mac = frames.mac(self.known[port.index][address])
        if ":" in address:
            port.end.send(advertisement(frames.mac(ALL_NODES_MAC), ALL_NODES, mac, address,
                                        OVERRIDE))
        else:
            port.end.send(arp(REQUEST, frames.mac(BROADCAST), mac, address, bytes(6),
                              frames.address(address)))
