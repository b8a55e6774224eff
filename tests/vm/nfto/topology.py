# SPDX-License-Identifier: GPL-2.0
r"""A router with ports, and a raw Ethernet end on every port's wire.

    namespace client          namespace router                    namespace server
    e0, e2, ... ==wire== w0 -- p0                  p1 -- w1 ==wire== e1, e3, ...
                               the ASIC's ports, forwarding, nftables

Even ports are on the client's side, odd ones on the server's. Nothing but these tests answers on
the ends: they have no addresses. Kinds of ports: "sim" (pN, on the virtual ASIC), "veth" (vN, the
wire's end itself), "dummy" (dN, no wire).
"""

import collections
import contextlib
import json
import select
import socket
import struct
import threading

from nfto import kmod, limits, rtnl
from nfto.asic import Asic, statistics
from nfto.frames import key_of, tagged
from nfto.netns import Namespace, ip_lines
from nfto.shell import SCALE, wait_for

ETH_P_ALL = 3
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
SOL_PACKET = 263
SO_RCVBUFFORCE = 33
BUFFER = 64 << 20

# Seconds, where the kernel does not let it be set.
FIXED_FLOW_TIMEOUT = 30

PREFIXES = {"sim": "p", "veth": "v", "dummy": "d"}


def tags_beside(control):
    """The tag that a packet socket hands over beside the frame, as a list."""
    for _, _, data in control:
        status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
        if status & TP_STATUS_VLAN_VALID:
            return [(tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100, tci)]
    return []


class End:
    """The far end of a wire: frames in, frames out."""

    def __init__(self, namespace, device):
        self.device = device
        # Traffic in the background and the test itself share an end; protects inbox.
        self.lock = threading.Lock()
        self.inbox = collections.defaultdict(list)
        self.others = collections.deque(maxlen=1000)
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setblocking(False)
        self.socket.bind((device, ETH_P_ALL))

    def send(self, frame):
        """Send a frame; wait while frames that were sent before have not left the socket."""
        while True:
            try:
                return self.socket.send(frame)
            except BlockingIOError:
                select.select([], [self.socket], [], 1)

    def take(self, flows):
        """Frames of some flows, by key, that have arrived since they were last asked for."""
        with self.lock:
            self.receive()
            return [pair for number in flows for pair in self.inbox.pop(number, ())]

    def receive(self):
        """Sort all that has arrived by flow."""
        while True:
            try:
                frame, control, _, _ = self.socket.recvmsg(65535, 1024)
            except OSError:
                # Nothing more for now, or the wire went away; what has arrived counts.
                return
            frame = tagged(frame, *tags_beside(control))
            key = key_of(frame)
            if key is None:
                self.others.append(frame)
            else:
                self.inbox[key.flow].append((key, frame))

    def asked_for(self, address):
        """Whether an ARP request for an IPv4 address has arrived."""
        with self.lock:
            self.receive()
        return any(frame[12:14] == b"\x08\x06" and frame[38:42] == socket.inet_aton(address)
                   for frame in self.others)

    def close(self):
        self.socket.close()


class Port:
    """A port of the router and what lies behind it."""

    def __init__(self, kind, index, link_kind=kmod.SIM):
        self.kind = kind
        # What the kernel is to call a port of the ASIC.
        self.link_kind = link_kind
        self.index = index
        self.name = PREFIXES[kind] + str(index)
        # The port's lower device; a veth port is the wire's end itself.
        self.lower = {"sim": "w%d" % index, "veth": self.name, "dummy": None}[kind]
        self.mac = "02:00:00:00:%02x:01" % index
        self.host_mac = "02:00:00:00:%02x:02" % index
        self.address = {"ipv4": "10.%d.0.1" % (index + 1), "ipv6": "fd00:%x::1" % (index + 1)}
        # Right on the wire, and behind the first as a gateway.
        self.host = {"ipv4": "10.%d.0.2" % (index + 1), "ipv6": "fd00:%x::2" % (index + 1)}
        self.remote = {"ipv4": "10.77.%d.9" % (index + 1), "ipv6": "fd77:%x::9" % (index + 1)}
        # Pairs of (protocol, TCI) on frames that belong to the router, the outermost first.
        self.tags = ()
        # What else is around the packets, below the tags: from frame to frame.
        self.wrapped = lambda frame: frame
        self.end = None

    def link_lines(self):
        """ip(8) commands that make the port, once its wire is there."""
        if self.kind == "sim":
            yield "link set %s up" % self.lower
            yield "link add link %s name %s address %s type %s" % (
                self.lower, self.name, self.mac, self.link_kind)
        elif self.kind == "dummy":
            yield "link add %s address %s type dummy" % (self.name, self.mac)

    def up_lines(self):
        # No address of its own making, for which it would look for duplicates.
        yield "link set %s addrgenmode none" % self.name
        yield "link set %s up" % self.name

    def neighbour_lines(self, device=None):
        """The host on the wire, with the MAC that it has now."""
        for family in "ipv4", "ipv6":
            yield "neigh replace %s lladdr %s nud permanent dev %s" % (
                self.host[family], self.host_mac, device or self.name)

    def address_lines(self, device=None):
        """The device that has the addresses may be another, on top of the port."""
        device = device or self.name
        yield "address replace %s/24 dev %s" % (self.address["ipv4"], device)
        yield "address replace %s/64 dev %s nodad" % (self.address["ipv6"], device)
        yield from self.neighbour_lines(device)
        yield "route replace 10.77.%d.0/24 via %s" % (self.index + 1, self.host["ipv4"])
        yield "route replace fd77:%x::/64 via %s" % (self.index + 1, self.host["ipv6"])


class Router:
    """The whole topology. A context manager: everything is gone afterwards, whatever failed."""

    def __init__(self, kinds=("sim", "sim"), suffix="", link_kind=kmod.SIM):
        self.ns = Namespace("router" + suffix)
        self.sides = (Namespace("client" + suffix), Namespace("server" + suffix))
        self.ports = [Port(kind, index, link_kind) for index, kind in enumerate(kinds)]
        self.cleanup = contextlib.ExitStack()
        self.asic = None
        # Ids of the ASIC's entries that are of flowtables that have gone, which lets the kernel
        # take them out a little later.
        self.stale = frozenset()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.push(self.cleanup)
            self.build()
            stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.cleanup.__exit__(*error)

    def __getitem__(self, name):
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(name)

    @property
    def names(self):
        return [port.name for port in self.ports]

    def build(self):
        kmod.load_nftables()
        if any(port.kind == "sim" for port in self.ports):
            kmod.load(kmod.SIM, kind=self.ports[0].link_kind)
        spaces = (self.ns,) + self.sides
        self.cleanup.callback(self.remove_namespaces)
        ip_lines(["netns add " + space.name for space in spaces if not space.exists()])
        for space in spaces:
            space.sysctl(ipv6__conf__default__disable_ipv6=1)
        self.cleanup.callback(self.remove_links)
        self.ns.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.add_wires(self.ports)
        self.add_ports(self.ports)
        sims = [port for port in self.ports if port.kind == "sim"]
        if sims:
            self.asic = Asic.of_port(self.ns, sims[0].name)

    def add_wires(self, ports):
        """The wires of ports, with their raw ends ready to send and receive."""
        wired = [port for port in ports if port.lower]
        ip_lines("link add %s netns %s %stype veth peer name e%d netns %s address %s" % (
            port.lower, self.ns.name, "address %s " % port.mac if port.kind == "veth" else "",
            port.index, self.side(port).name, port.host_mac) for port in wired)
        for side in self.sides:
            ends = ["e%d" % port.index for port in wired if self.side(port) is side]
            if ends:
                side.ip(*["link set %s arp off up" % end for end in ends])
        for port in wired:
            port.end = End(self.side(port), "e%d" % port.index)
            self.cleanup.callback(port.end.close)

    def side(self, port):
        return self.sides[port.index % 2]

    def replace_wire(self, port):
        """A new wire for a port that has lost its own."""
        port.end.close()
        self.add_wires([port])

    def move_port(self, port, namespace, origin=None):
        """Move a port into another namespace, with its wire's near end. origin: where it is, if
        that is not the router's own."""
        for name in port.lower, port.name:
            (origin or self.ns).ip("link set %s netns %s" % (name, namespace.name))

    def add_ports(self, ports):
        """Make the ports on their wires, bring them up, give them addresses, neighbours, routes."""
        names = [port.name for port in ports]
        wired = [name for port in ports if port.lower for name in {port.name, port.lower}]
        lines = [line for port in ports for line in port.link_lines()]
        if lines:
            self.ns.ip(*lines)
        self.ns.sysctl(**{"ipv6__conf__%s__disable_ipv6" % name: 0 for name in names})
        self.ns.ip(*[line for port in ports for line in port.up_lines()])
        wait_for(lambda: self.running(wired), 20, "carrier on %s" % ", ".join(wired))
        self.ns.ip(*[line for port in ports for line in port.address_lines()])

    def running(self, names):
        """Whether links have their carrier and the kernel has acted on it, which may take it a
        second and throws all flows out of software's flowtables."""
        with self.ns.entered():
            links = rtnl.Socket()
        with links:
            return links.running() >= set(names)

    def remove_links(self):
        """Devices go at once, while the kernel takes its time over a deleted namespace."""
        if not self.ns.exists():
            return
        self.nft("flush ruleset")
        names = [name for port in reversed(self.ports) for name in (port.name, port.lower) if name]
        with self.ns.entered():
            # Some may be gone, with their lower device or by the test's doing.
            ip_lines(["link del " + name for name in names], check=False)
        left = [name for name in names if self.ns.has_link(name)]
        if left:
            raise RuntimeError("links that cannot be removed: %s" % ", ".join(left))

    def remove_namespaces(self):
        """A test may have deleted one before."""
        spaces = (self.ns,) + self.sides
        ip_lines(["netns del " + space.name for space in spaces if space.exists()])

    def links(self):
        return json.loads(self.ns.run("ip -json link show").stdout)

    def nft(self, text, check=True):
        before = self.asic.ids() if self.asic and "flush ruleset" in text else self.stale
        done = self.ns.nft(text, check=check)
        if not done.returncode:
            self.stale = before
        return done

    def flow_timeout(self, seconds):
        """From now on idle flows end after so many seconds, or after what is returned."""
        if limits.has("flow-timeout"):
            return FIXED_FLOW_TIMEOUT
        self.ns.sysctl(netfilter__nf_flowtable_tcp_timeout=seconds,
                       netfilter__nf_flowtable_udp_timeout=seconds)
        return seconds

    def keep_flows(self):
        """Idle flows are to stay for longer than a slow test takes, and conntrack's entries, whose
        time the kernel shortens by as much when a flow ends, for longer than that."""
        if not limits.has("flow-timeout"):
            self.ns.sysctl(netfilter__nf_conntrack_udp_timeout_stream=round(60 * SCALE))
            self.flow_timeout(round(30 * SCALE))

    def statistics(self):
        """Counters of all ASIC ports that are here, by name."""
        return {port.name: statistics(self.ns, port.name)
                for port in self.ports if port.kind == "sim" and self.ns.has_link(port.name)}

    def conntrack(self, *arguments, check=True):
        return self.ns.run(["conntrack"] + list(arguments), check=check)
