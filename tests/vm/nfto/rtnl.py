# SPDX-License-Identifier: GPL-2.0
"""A client of the kernel's links on a bare socket, which can say wrong things too; see genl.py."""

import struct

from nfto import genl

NETLINK_ROUTE = 0
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
IFF_UP = 1
(IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_LINK) = range(1, 6)
(IFLA_MASTER, IFLA_TXQLEN, IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_GROUP) = 10, 13, 16, 18, 27
(IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_CARRIER, IFLA_LINK_NETNSID) = 31, 32, 33, 37
(IFLA_INFO_KIND, IFLA_INFO_DATA) = 1, 2
IF_OPER_UP = 6


class Socket(genl.Socket):
    """A socket in the network namespace that it is made in."""

    protocol = NETLINK_ROUTE
    headers = 16 + 16

    def request(self, command, index, up, attributes, flags):
        """One request about a link; its answer is an acknowledgement or a refusal."""
        body = struct.pack("BxHiII", 0, 0, index, IFF_UP * up, IFF_UP) + attributes
        return self.send_message(command, body, genl.NLM_F_ACK | flags)

    def running(self):
        """Names of the links that have a carrier, on which the kernel has acted."""
        while True:
            request = self.send_message(RTM_GETLINK, bytes(16), genl.NLM_F_DUMP)
            try:
                return {genl.as_text(link[IFLA_IFNAME]) for link in self.answers(request)
                        if link[IFLA_OPERSTATE][0] == IF_OPER_UP and link[IFLA_CARRIER][0]}
            except InterruptedError:
                # A link changed meanwhile, and another may be missing: asked again.
                continue
