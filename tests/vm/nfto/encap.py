# SPDX-License-Identifier: GPL-2.0
"""What stands between a port and the device that has the addresses: VLAN devices, a bridge."""

import collections

Q, AD = 0x8100, 0x88a8
PROTOCOLS = {Q: "802.1Q", AD: "802.1ad"}

# Kind of port -> the tags of its frames, (protocol, VLAN), the outermost first.
KINDS = {
    "plain": (),
    "vlan": ((Q, 10),),
    "other-vlan": ((Q, 20),),
    "qinq": ((Q, 30), (Q, 31)),
    "provider": ((AD, 40),),
    "provider-qinq": ((AD, 50), (Q, 51)),
}

# top: the device that has the addresses. devices: all that were made, the lowest first.
Stack = collections.namedtuple("Stack", "top devices")


def move_addresses(router, port, device):
    """From the port to a device on top of it, which is up then."""
    router.ns.sysctl(**{"ipv6__conf__%s__disable_ipv6" % device: 0})
    router.ns.ip("address flush dev %s" % port.name,
                 "link set %s addrgenmode none" % device,
                 "link set %s up" % device)
    router.ns.ip(*port.address_lines(device))


def add_vlan(router, below, name, tag, options=""):
    protocol, vid = tag
    router.ns.ip("link add link %s name %s type vlan protocol %s id %d %s" % (
        below, name, PROTOCOLS[protocol], vid, options))


def stack(router, port, kind, options=""):
    """Put a port's VLAN devices on top of it; its packets have their tags from now on."""
    top, devices = port.name, []
    for tag in KINDS[kind]:
        name = "%s.%d" % (top, tag[1])
        add_vlan(router, top, name, tag, options)
        if devices:
            router.ns.ip("link set %s up" % top)
        top = name
        devices.append(name)
    if devices:
        move_addresses(router, port, top)
    port.tags = KINDS[kind]
    return Stack(top, devices)
