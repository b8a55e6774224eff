# SPDX-License-Identifier: GPL-2.0
"""Races that bite where flows meet the rest of the kernel, each run over and over.

In each, a crowd of flows is on its way into hardware or out of it, since the driver takes its time,
when something happens to them, at a moment that is never the same. Afterwards hardware holds what
the registry says; and of a flow to which nothing happened, nothing was lost meanwhile.

    scripts/check --kernel NAME -- test_races.py --rounds 100 --seed 2
"""

import random

import pytest

from nfto import asic, crowd, kmod, limits, rules
from nfto.agreement import Agreement
from nfto.flow import BOTH, Flow
from nfto.shell import wait_for
from nfto.topology import Router
from nfto.traffic import (Background, assert_delivered, assert_hardware, deliver, established,
                          measure, offloaded, probe)
from nfto.worker import Repeated

CROWD = 30
# Microseconds that the driver takes for each call: short enough to be overtaken, and long enough.
LATENCIES = (500, 2000, 10000)


class Scene:
    """A router whose first two ports have the crowd, and the other two the flow that watches."""

    def __init__(self, router, chance):
        self.router = router
        self.chance = chance
        self.agreement = Agreement(router)
        self.watching = None

    def load(self, devices=None):
        self.router.nft(rules.whole(self.router, devices))

    def slow(self):
        self.router.asic.set(latency_us=self.chance.choice(LATENCIES))

    def crowd(self, nat="none"):
        """Flows of which the core has just been told."""
        return crowd_through(self.router, nat)

    def forget(self):
        """The crowd's connections."""
        self.router.conntrack("-D", "-s", self.router["p0"].host["ipv4"], check=False)

    def moment(self):
        self.watching.more(self.chance.randrange(1, 40))

    def settle(self):
        self.router.asic.set(latency_us=0)
        self.agreement.wait()

    def judge(self):
        self.settle()
        flow = offloaded(Flow(self.router), deadline=60)
        assert_hardware(measure(flow, 5))


def crowd_through(router, nat="none"):
    flows = [Flow(router, "ipv4", "udp", nat) for _ in range(CROWD)]
    for direction in BOTH:
        assert_delivered(deliver([flow.packet(direction) for flow in flows]))
    return flows


def destroy_meets_replace(scene):
    """The connections are forgotten while their rules are in the queue."""
    scene.crowd()
    scene.moment()
    scene.forget()


def cookies_come_again(scene):
    """New flows get the memory, and so the cookies, of those before them, whose rules are on
    their way out; they are translated, those before were not."""
    for nat in "none", "dnat", "none", "dnat":
        flows = scene.crowd(nat)
        scene.forget()
    flows = scene.crowd("dnat")
    scene.settle()
    for flow in scene.chance.sample(flows, 5):
        assert_hardware(measure(offloaded(flow, deadline=60), 2))


def unbind_meets_replace(scene):
    scene.crowd()
    scene.moment()
    scene.load(["p2", "p3"])
    scene.moment()
    scene.load()


def expiry_meets_replace(scene):
    """Idle flows end while they are being programmed."""
    scene.router.flow_timeout(1)
    flows = scene.crowd()
    for _ in range(5):
        scene.moment()
        probe(scene.chance.choice(flows))
    scene.router.keep_flows()


def a_port_goes(scene):
    """The worker, which wants the same lock, is at work on the port's flows; so is everybody else
    who makes devices."""
    port = scene.chance.choice(scene.router.ports[:2])
    beside = ("link add beside type dummy", "link del beside")
    with Repeated(lambda: scene.router.ns.ip(*beside)):
        scene.crowd()
        scene.moment()
        scene.router.ns.ip("link del " + port.name)
        scene.moment()
        scene.router.add_ports([port])
    # Not all kernels take back a device by its name.
    scene.load()


def a_namespace_goes(scene):
    with asic.none_orphaned(), Router(suffix="2") as other:
        other.nft(rules.whole(other))
        other.asic.set(latency_us=scene.chance.choice(LATENCIES))
        crowd_through(other)
        scene.moment()
        other.ns.delete()
        scene.crowd()
        wait_for(lambda: other.asic.name not in asic.names(), 60, "the end of its ASIC")


def the_module_goes(scene):
    """Its last flowtable, its flows and then itself, all at once; what is late finds it there."""
    scene.crowd()
    scene.moment()
    scene.load([])
    scene.forget()
    kmod.unload(kmod.CORE)
    scene.moment()
    kmod.load(kmod.CORE)
    scene.load()


def two_flowtables(scene):
    """Two that want the same devices come and go at the same time."""
    other = "table inet other { %s }" % rules.flowtable(["p0", "p1"], name="g")

    def come_and_go():
        scene.router.nft(other, check=False)
        scene.router.nft("delete table inet other", check=False)

    with Repeated(come_and_go):
        for _ in range(3):
            scene.crowd()
            scene.load()
            scene.moment()
    scene.load()


def counters_are_asked_for(scene):
    """By the kernel, for flows that are about to expire, and by whoever lists them, while they
    end."""
    def ask():
        scene.agreement.cli.flows()
        scene.router.conntrack("-L")

    before = scene.router.asic.calls["stats"]
    scene.router.flow_timeout(3)
    with Repeated(ask):
        scene.crowd()
        if not limits.has("flow-timeout"):
            wait_for(lambda: scene.router.asic.calls["stats"] > before, 60, "a look at counters")
        scene.moment()
        scene.agreement.cli.text("flush", "all")
        scene.moment()
        scene.forget()
    scene.router.keep_flows()


def the_driver_sleeps(scene):
    """For a second in each call."""
    scene.router.asic.set(latency_us=1000000)
    scene.crowd()
    scene.moment()
    scene.forget()
    scene.load(["p2", "p3"])
    scene.moment()
    scene.load()


def a_flowtable_goes_while_flows_are_listed(scene):
    """More of them than are looked at in one go; some end at the same time."""
    sender = crowd.Sender(scene.router)
    sender.establish(range(2 * crowd.BATCH))
    delete = ["conntrack", "-D", "-s", "10.77.1.20"]
    with Repeated(scene.agreement.cli.flows), \
            Repeated(lambda: scene.router.ns.run(delete, check=False)):
        scene.moment()
        scene.load([])
        scene.moment()
    scene.load()


RACES = (destroy_meets_replace, cookies_come_again, unbind_meets_replace, expiry_meets_replace,
         a_port_goes, a_namespace_goes, the_module_goes, two_flowtables, counters_are_asked_for,
         the_driver_sleeps, a_flowtable_goes_while_flows_are_listed)
# Left out of the daily run on the debug kernel, which is slow.
LONG = (expiry_meets_replace, two_flowtables, counters_are_asked_for, the_driver_sleeps,
        a_flowtable_goes_while_flows_are_listed)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("race", [pytest.param(
    race, id=race.__name__, marks=[] if race in LONG else [pytest.mark.debug]) for race in RACES])
def test_nothing_is_left_and_nothing_is_lost(race, request):
    chance = random.Random(request.config.getoption("--seed"))
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.keep_flows()
        scene = Scene(router, chance)
        scene.load()
        flow = established(router, client=2, server=3)
        for _ in range(request.config.getoption("--rounds")):
            scene.watching = Background(flow, patience=5)
            with scene.watching:
                scene.slow()
                race(scene)
                scene.settle()
            scene.watching.assert_none_lost()
        scene.judge()
        scene.load([])
        scene.agreement.wait_empty()
