# SPDX-License-Identifier: GPL-2.0
"""What stands between a port and the device that has the addresses: VLAN devices, a bridge."""

import collections

from nfto import pppoe
from nfto.shell import run, wait_for

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


def up(router, device):
    """The kernel has acted on its carrier too, which throws out flows."""
    router.ns.sysctl(**{"ipv6__conf__%s__disable_ipv6" % device: 0})
    router.ns.ip("link set %s addrgenmode none" % device, "link set %s up" % device)
    wait_for(lambda: router.running([device]), 20, "carrier on " + device)


def move_addresses(router, port, device):
    """From the port to a device on top of it, which is up then."""
    router.ns.ip("address flush dev %s" % port.name)
    up(router, device)
    router.ns.ip(*port.address_lines(device))


def add_vlan(router, below, name, tag, address=None, options=""):
    protocol, vid = tag
    router.ns.ip("link add link %s name %s %s type vlan protocol %s id %d %s" % (
        below, name, "address " + address if address else "", PROTOCOLS[protocol], vid, options))


def stack(router, port, kind, **how):
    """Put a port's VLAN devices on top of it; its packets have their tags from now on."""
    top, devices = port.name, []
    for tag in KINDS[kind]:
        name = "%s.%d" % (top, tag[1])
        add_vlan(router, top, name, tag, **how)
        if devices:
            router.ns.ip("link set %s up" % top)
        top = name
        devices.append(name)
    if devices:
        move_addresses(router, port, top)
    port.tags = KINDS[kind]
    return Stack(top, devices)


def session(router, port, below=None, number=0x1234):
    """A PPPoE session through the port, or a device on top of it, has the port's addresses."""
    run("modprobe pppoe")
    made = pppoe.Session(router.ns, below or port.name, port.host_mac, number)
    router.cleanup.callback(made.close)
    router.ns.sysctl(**{"ipv6__conf__%s__disable_ipv6" % made.device: 0})
    router.ns.ip("address flush dev %s" % (below or port.name),
                 "link set %s addrgenmode none mtu %d" % (made.device, pppoe.MTU),
                 "link set %s up" % made.device,
                 "address add %s peer %s dev %s" % (
                     port.address["ipv4"], port.host["ipv4"], made.device),
                 "address add %s/64 dev %s nodad" % (port.address["ipv6"], made.device))
    port.wrapped = lambda frame: pppoe.wrapped(frame, number)
    return made


def bridge(router, ports, name="br0", mac="02:00:00:00:ff:01", filtering=False):
    """Ports become a bridge's, which has their addresses. Where their hosts are is known."""
    router.ns.ip("link add %s address %s type bridge vlan_filtering %d" % (name, mac, filtering))
    for port in ports:
        router.ns.ip("address flush dev %s" % port.name,
                     "link set %s master %s" % (port.name, name))
    up(router, name)
    for port in ports:
        port.mac = mac
        router.ns.ip(*port.address_lines(name))
        fdb(router, port)
    return name


def fdb(router, port, vlan=None):
    router.ns.run("bridge fdb replace %s dev %s master static%s" % (
        port.host_mac, port.name, " vlan %d" % vlan if vlan else ""))


def bridge_vlans(router, *lines):
    for line in lines:
        router.ns.run("bridge vlan " + line)
