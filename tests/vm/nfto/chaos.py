# SPDX-License-Identifier: GPL-2.0
"""Operations at random on a router under traffic, each followed by a judgement.

An operation may leave something changed that software forwards through all the same: a device out
of the flowtable, a driver that refuses, hw-tc-offload switched off. What would stop forwarding, it
puts right itself, a few packets later. So once all has settled, every flow must be forwarded.
"""

import collections
import contextlib
import errno
import itertools
import threading
import time

from nfto import asic, device, frames, genl, kmod, rules
from nfto.agreement import SETTLED, Agreement
from nfto.flow import BOTH, Flow
from nfto.netns import Namespace
from nfto.nics import NICS, driver_of
from nfto.shell import SCALE, CommandError, Timeout, wait_for
from nfto.topology import Router
from nfto.traffic import PATIENCE, Ledger, assert_back, assert_delivered, deliver, establish
from nfto.worker import Repeated, Worker

ADDRESSES = 12
# What a sender is told whose wire, or what is behind it, is not there.
NO_WIRE = (errno.ENETDOWN, errno.ENOBUFS, errno.ENXIO, errno.ENODEV, errno.EBADF)
# Without translation a connection bears that either end begins it anew: those are the traffic.
KINDS = [("ipv4", "udp", "none"), ("ipv6", "udp", "none"), ("ipv4", "tcp", "none"),
         ("ipv4", "udp", "both"), ("ipv6", "udp", "dnat"), ("ipv4", "udp", "snat")]
# Between packets of the same flow: seconds. More of them would only take the processor from what
# happens under them.
PAUSE = 0.02
# Later than this, no packet arrives any more: seconds.
LOST = 30 * SCALE
# After so long, what a driver refused is tried again: seconds.
PATIENT = 60
# With the driver's name, for which somebody vouches; those that need no other policy.
OTHER_NICS = sorted(nic for nic, (driver, policies) in NICS.items()
                    if driver not in ("-", "nft_offload_sim") and "default" in policies)


def is_error(frame):
    """An ICMP error, which bears what it is about: there was no way for that."""
    return frame[23] == 1 if frame[12:14] == b"\x08\x00" else frame[20] == 58


def reach(flows):
    """A packet each way of each, the clients first. The module looks at a neighbour's flows when
    its address changes, and a moment later at those that were on their way into hardware just then:
    until that is done, a packet may bear the old address."""
    def reaches(direction):
        ledger = deliver([flow.probe(direction) for flow in flows])
        if ledger.faults() and not ledger.faults(ADDRESSES):
            return False
        assert_delivered(ledger)
        return True

    for direction in BOTH:
        wait_for(lambda: reaches(direction), 5 * SCALE, "the neighbours' new addresses")


class Traffic(Worker):
    """Packets of flows both ways, all the time. Some are lost while things change; none may arrive
    twice or changed. flows may be replaced while it runs."""

    def __init__(self, flows):
        super().__init__()
        self.flows = flows
        self.ledger = Ledger()
        # When each of those that may still arrive was sent, the oldest first.
        self.times = collections.deque()
        self.count = 0
        # Protects ledger: who judges it may be another thread.
        self.lock = threading.Lock()

    def steps(self):
        while not self.stopping.wait(PAUSE):
            with self.lock:
                for flow, direction in itertools.product(self.flows, BOTH):
                    self.send(flow.data(direction, 1, sizes=(200,))[0])
                self.ledger.collect()

    def send(self, packet):
        try:
            self.ledger.send(packet)
        except OSError as error:
            # The wire is not there at the moment.
            if error.errno not in NO_WIRE:
                raise
            self.ledger.sent.pop(packet.key)
        self.times.append((time.monotonic(), packet.key))
        self.count += 1

    def more(self, packets):
        goal = self.count + packets
        wait_for(lambda: self.count >= goal or self.error, 60, "traffic")
        if self.error:
            raise self.error

    def assert_forwarded(self):
        """From now on no packet is lost."""
        begin = time.monotonic()
        self.more(2 * len(self.flows) * len(BOTH))
        with self.lock:
            keys = {key for when, key in self.times if when >= begin}
        assert keys
        wait_for(lambda: not self.lost(keys), PATIENCE, lambda: "packets: %s" % self.lost(keys))

    def lost(self, keys):
        with self.lock:
            return keys - set(self.ledger.got)

    @contextlib.contextmanager
    def paused(self):
        """None of its packets is under way meanwhile."""
        with self.lock:
            self.ledger.settle()
            yield

    def judge(self):
        """What has arrived is judged, and forgotten; what is under way stays."""
        with self.lock:
            faults = list(self.faults())
            for key in list(self.ledger.got):
                self.ledger.got.pop(key)
                self.ledger.sent.pop(key, None)
            while self.times and self.times[0][0] < time.monotonic() - LOST:
                self.ledger.sent.pop(self.times.popleft()[1], None)
        assert not faults, "%d faults:\n%s" % (len(faults), "\n".join(faults[:5]))

    def faults(self):
        """The neighbour's address may be the old one or the new one, while it changes."""
        for key, arrivals in self.ledger.got.items():
            arrived = [frame for _, frame in arrivals if not is_error(frame)]
            # A wire that was replaced had an end of the same name.
            devices = {end.device for end, frame in arrivals if not is_error(frame)}
            packet = self.ledger.sent.get(key)
            if packet is None:
                yield "a frame that was never sent, or a second time: %s" % (key,)
            elif len(arrived) > 1:
                yield "%s arrived %d times" % (key, len(arrived))
            elif devices - {packet.leaves.end.device}:
                yield "%s arrived at %s" % (key, devices)
            elif arrived and arrived[0][ADDRESSES:] != packet.expected[ADDRESSES:]:
                yield "%s: %s" % (key, frames.difference(arrived[0], packet.expected))


class Storm:
    """A router with its flows, and what happens to them. A context manager."""

    def __init__(self, chance, suffix="", failing=None):
        self.chance = chance
        self.router = Router(("sim",) * 4, suffix=suffix)
        self.agreement = Agreement(self.router)
        self.cli = self.agreement.cli
        # What makes allocations fail while it is entered, where the kernel can.
        self.failing = failing
        self.devices = []
        self.traffic = None
        self.kept = []
        self.operations = sorted(name[3:] for name in dir(self) if name.startswith("do_"))
        if not failing:
            self.operations.remove("without_memory")

    def __enter__(self):
        self.router.__enter__()
        self.load(self.router.names)
        self.kept = [establish(Flow(self.router, *kind, client=client, server=client + 1))
                     for kind in KINDS for client in (0, 2)
                     # the ruleset sends those that it translates to the first server
                     if kind[2] in ("none", "snat") or client == 0] + self.behind()
        # Each frame is counted once, so these are others.
        self.traffic = Traffic([establish(Flow(self.router, *kind, client=client,
                                               server=client + 1))
                                for kind in KINDS for client in (0, 2) if kind[2] == "none"]
                               + self.behind())
        self.traffic.__enter__()
        return self

    def __exit__(self, *error):
        self.traffic.__exit__(*error)
        self.router.__exit__(*error)

    def behind(self):
        """Flows between ends that are behind gateways."""
        return [establish(Flow(self.router, family, client=2, server=1, behind=True))
                for family in ("ipv4", "ipv6")]

    def load(self, devices):
        self.devices = devices
        self.router.nft(rules.whole(self.router, devices))

    def step(self, name):
        getattr(self, "do_" + name)()
        self.settle(name)

    # ---- judgement ----

    def settle(self, name):
        # linkwatch, which throws out all flows, comes up to a second after a carrier.
        wait_for(lambda: self.router.running(self.router.names), 30, "links after " + name)
        self.traffic.more(10)
        self.begin_anew()
        self.traffic.assert_forwarded()
        self.traffic.judge()

    def wait_unbound(self):
        """The workers are done with the ports of a flowtable that has gone."""
        self.agreement.wait_empty()
        calls = lambda: self.router.asic.calls
        wait_for(lambda: calls()["bind"] == calls()["unbind"], SETTLED,
                 lambda: "as many unbinds as binds: %s" % calls())

    def is_native(self):
        return self.router.asic.get("personality") == "ft"

    def become(self, personality, driver=""):
        """The ASIC, while it has no flowtable, becomes another."""
        self.load([])
        self.wait_unbound()
        self.router.asic.set(personality=personality)
        self.set_policy(*self.router.names, driver=driver)

    def set_policy(self, *names, **policy):
        with device.opened(self.router.ns) as family:
            for name in names:
                family.set(name, **policy)

    def clear_way(self):
        """Nothing keeps a bridged port's flows from hardware any more."""
        self.router.asic.set(fail_add=0, fail_del=0, fail_stats=0, fail_bind=0, latency_us=0,
                             capacity=65536)
        for name in self.router.names:
            self.router.ns.run("ethtool -K %s hw-tc-offload on" % name)
        self.set_policy(*self.router.names, **{word: device.DEFAULT[word]
                                               for word in ("offload", "ttl", "tcp")})
        self.agreement.wait()

    def all_bridged(self):
        calls = self.router.asic.calls
        return calls["bind"] - calls["unbind"] == len(self.router.ports)

    def assert_all_back(self, deadline):
        with self.traffic.paused():
            for flow in self.kept:
                assert_back(flow, 5, deadline=deadline)
        self.agreement.wait()

    def prove(self):
        """With nothing in the way any more, all is in hardware again: without a word, where all
        ports are bridged as it is; and with a new flowtable."""
        if self.is_native():
            self.become("generic")
            self.clear_way()
        else:
            self.clear_way()
            if self.all_bridged():
                self.assert_all_back(PATIENT + 20 * SCALE)
            self.load([])
            self.wait_unbound()
        self.load(self.router.names)
        self.assert_all_back(20 * SCALE)

    def die(self):
        """With all that is in it, under traffic."""
        with asic.none_orphaned():
            self.router.ns.delete()
            wait_for(lambda: self.router.asic.name not in asic.names(), 60 * SCALE,
                     "the end of its ASIC")
            self.traffic.more(10)
            self.traffic.judge()

    def end(self):
        """The flowtable goes, and the ASIC holds nothing any more."""
        self.prove()
        self.load([])
        self.wait_unbound()
        self.traffic.more(10)
        self.traffic.judge()

    # ---- operations ----

    def port(self):
        return self.chance.choice(self.router.ports)

    def some(self):
        return sorted(self.chance.sample(self.router.names, self.chance.randint(1, 4)))

    def begin_anew(self):
        """Connections that may be forgotten. Those that are translated begin with the client, whose
        packet makes none while a flow that outlives its connection forwards it."""
        self.agreement.wait()
        reach(self.kept)

    def until(self):
        """A moment under traffic."""
        self.traffic.more(self.chance.randrange(1, 60))

    def do_reload(self):
        self.load(self.some())

    def do_software(self):
        self.load([])

    def do_no_filter(self):
        """The flowtable goes with its table and is not missed, until another is loaded."""
        self.router.nft("delete table inet filter", check=False)

    def do_no_ruleset(self):
        self.router.nft("flush ruleset")
        self.until()
        # Without its rules no connection could be translated anew.
        self.load(self.some())

    def do_whole(self):
        self.load(self.router.names)

    def do_device_in(self):
        """Refused where it is in already, or where there is no flowtable."""
        name = self.port().name
        self.router.nft("add flowtable inet filter f { hook ingress priority 0; devices = { %s }; "
                        "flags offload; }" % name, check=False)

    def do_device_out(self):
        self.router.nft("delete flowtable inet filter f { hook ingress priority 0; devices = "
                        "{ %s }; }" % self.port().name, check=False)

    def do_second_flowtable(self):
        """Two flowtables want the same devices; only one can have each."""
        text = "table inet other { %s }" % rules.flowtable(self.some(), name="g")
        self.router.nft(text, check=False)
        self.until()
        self.router.nft("delete table inet other", check=False)

    def do_clsact(self):
        name = self.port().name
        done = self.router.ns.run("tc qdisc add dev %s clsact" % name, check=False)
        self.until()
        if self.chance.random() < 0.5:
            self.load(self.some())
        if not done.returncode:
            self.router.ns.run("tc qdisc del dev %s clsact" % name)

    def do_down(self):
        port = self.port()
        self.router.ns.ip("link set %s down" % port.name)
        self.until()
        self.router.ns.ip("link set %s up" % port.name, *port.address_lines())

    def do_delete_port(self):
        port = self.port()
        self.router.ns.ip("link del " + port.name)
        self.until()
        self.router.add_ports([port])

    def do_delete_wire(self):
        """The port goes with it."""
        port = self.port()
        self.router.ns.ip("link del " + port.lower)
        self.until()
        self.router.replace_wire(port)
        self.router.add_ports([port])

    def do_rename(self):
        port = self.port()
        self.router.ns.ip("link set %s down" % port.name, "link set %s name q" % port.name,
                          "link set q up")
        self.until()
        self.router.ns.ip("link set q down", "link set q name " + port.name,
                          "link set %s up" % port.name, *port.address_lines())

    def do_move(self):
        """Into a namespace that dies with it."""
        port, there = self.port(), Namespace("there" + self.router.ns.name).create()
        try:
            self.router.move_port(port, there)
            self.until()
        finally:
            with there.entered():
                there.ip("link del " + port.lower)
            there.delete()
        self.router.replace_wire(port)
        self.router.add_ports([port])

    def do_neighbour(self):
        port = self.port()
        port.host_mac = "02:00:00:00:%02x:%02x" % (port.index, self.chance.randint(2, 9))
        self.router.ns.ip(*port.neighbour_lines())

    def do_route(self):
        """The way to what is behind a gateway."""
        port = self.port()
        self.router.ns.ip("route del 10.77.%d.0/24" % (port.index + 1),
                          "route del fd77:%x::/64" % (port.index + 1))
        self.until()
        self.router.ns.ip(*port.address_lines())

    def do_forget(self):
        """All connections, at once."""
        self.router.conntrack("-F")
        self.begin_anew()

    def do_hw_tc_offload(self):
        """A driver may keep it on while it has rules. Once it is off, a native one does not delete
        any either, and the stock code leaves it at that."""
        name, word = self.port().name, self.chance.choice(("on", "off"))
        if not self.is_native():
            self.router.ns.run("ethtool -K %s hw-tc-offload %s" % (name, word), check=False)

    def do_refuse(self):
        self.router.asic.set(fail_add="%d %d" % (self.chance.choice((5, 22, 28, 95)),
                                                 self.chance.randint(1, 5)))

    def do_stuck(self):
        """The stock code does not ask a native driver again."""
        if not self.is_native():
            self.router.asic.set(fail_del="16 %d" % self.chance.randint(1, 2))

    def do_blind(self):
        self.router.asic.set(fail_stats="5 %d" % self.chance.randint(1, 5))

    def do_reset(self):
        """The driver loses all rules. With a native one, the stock code does not find out."""
        if not self.is_native():
            self.router.asic.set(forget=1)

    def do_no_binding(self):
        self.router.asic.set(fail_bind="12 %d" % self.chance.randint(1, 3))
        self.load(self.some())

    def do_latency(self):
        self.router.asic.set(latency_us=self.chance.choice((0, 0, 1000, 20000)))

    def do_capacity(self):
        self.router.asic.set(capacity=self.chance.choice((0, 3, 65536, 65536)))

    def do_policy(self):
        """But for what may forward wrongly."""
        word, value = self.chance.choice((
            ("offload", "auto"), ("offload", "off"), ("ttl", "default"), ("ttl", "require"),
            ("tcp", "guarded"), ("tcp", "unguarded")))
        self.set_policy(self.port().name, **{word: value})

    def do_flush(self):
        self.cli.text("flush", "all")

    def do_ask(self):
        """Others ask all the time while something else is done."""
        name = self.chance.choice([each for each in self.operations
                                   if each not in ("ask", "without_memory")])
        with Repeated(lambda: [self.cli.json(word) for word in ("status", "flows")]):
            getattr(self, "do_" + name)()
            self.until()

    def do_native(self):
        """The stock code at work, with the driver's own flowtable offload, and back."""
        self.become("generic" if self.is_native() else "ft")
        self.router.asic.set(fail_del=0)
        self.load(self.some())

    def do_other_nic(self):
        """For a while."""
        nic = self.chance.choice(OTHER_NICS)
        self.become(nic, driver_of(nic))
        self.load(self.router.names)
        self.until()
        self.agreement.wait()
        self.become("generic")
        self.load(self.some())

    def do_without_memory(self):
        """One operation during which the module gets none; that may fail, as it says."""
        name = self.chance.choice([each for each in self.operations if each in (
            "reload", "whole", "device_in", "flush", "policy", "delete_port", "forget")])
        with self.failing(self.chance.randint(1, 3)):
            try:
                getattr(self, "do_" + name)()
            except genl.Refused as error:
                assert error.errno == errno.ENOMEM, error
                print("   " + str(error))
            except (CommandError, Timeout) as error:
                print("   " + str(error).splitlines()[0])
        # Whatever was left undone.
        missing = [port for port in self.router.ports if not self.router.ns.has_link(port.name)]
        if missing:
            self.router.add_ports(missing)


def reload_module(storms):
    """Out, under traffic, as soon as its last flowtable is gone, and in again."""
    for storm in storms:
        storm.load([])
    kmod.unload(kmod.CORE)
    kmod.load(kmod.CORE)
    for storm in storms:
        storm.load(storm.router.names)
