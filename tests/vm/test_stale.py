# SPDX-License-Identifier: GPL-2.0
"""Neighbours and routes change: packets go the right way soon, and hardware holds nothing stale.

Right is what the stack does without any flowtable; flows that are in none prove it in each test.
"""

import pytest

from nfto import rules
from nfto.flow import ORIGINAL, REPLY
from nfto.moving import BOUND, HARDWARE, SELECT, MovingFlow, Way, assert_switched
from nfto.scene import FAMILIES, FLOWS, PORTS, Scene, nets
from nfto.shell import SCALE, wait_for
from nfto.traffic import Ledger, assert_delivered, deliver, offloaded

pytest_plugins = "nfto.fixtures"

NEW_MAC, OTHER_MAC = "02:00:00:00:01:09", "02:00:00:00:01:03"
OTHER = {"ipv4": "10.2.0.3", "ipv6": "fd00:2::3"}


@pytest.fixture
def kinds():
    return PORTS


@pytest.fixture
def scene(router, measured):
    with Scene(router, measured) as made:
        # A second gateway beside the first, as alive to the router as that.
        for family in FAMILIES:
            made.hosts.own(router["p1"], OTHER[family], OTHER_MAC)
            made.ip("neigh replace %s lladdr %s nud reachable dev p1" % (OTHER[family], OTHER_MAC))
        yield made


# ---- neighbours: each event is a host's new MAC, and how the router learns of it ----

def own(scene, port, mac):
    for family in FAMILIES:
        scene.hosts.own(port, port.host[family], mac)


def announced(scene, port, mac):
    own(scene, port, mac)
    for family in FAMILIES:
        scene.hosts.announce(port, port.host[family])


def replaced(scene, port, mac):
    own(scene, port, mac)
    scene.ip(*["neigh replace %s lladdr %s nud reachable dev %s" % (
        port.host[family], mac, port.name) for family in FAMILIES])


def deleted(scene, port, mac):
    """The host has moved in silence; the router is made to ask again."""
    own(scene, port, mac)
    scene.ip(*["neigh del %s dev %s" % (port.host[family], port.name) for family in FAMILIES])


@pytest.mark.every_kernel
@pytest.mark.parametrize("event", [announced, replaced, deleted], ids=lambda event: event.__name__)
def test_a_server_has_another_mac(scene, event):
    server = scene["p1"]
    scene.begin()
    scene.change("server's MAC %s" % event.__name__, lambda: event(scene, server, NEW_MAC),
                 lambda: scene.reroute(Way(server, NEW_MAC)))
    scene.back("server's MAC %s" % event.__name__)
    scene.end()


def test_a_client_has_another_mac(scene):
    """The reply direction's neighbour is as good as the original's."""
    client = scene["p0"]
    scene.begin()
    scene.change("client's MAC announced", lambda: announced(scene, client, NEW_MAC),
                 lambda: scene.reroute(Way(client, NEW_MAC), REPLY))
    scene.back("client's MAC announced")
    scene.end()


@pytest.mark.every_kernel
def test_a_gateway_fails_over(scene):
    """Its address goes to a gateway that is, and stays, a neighbour under its own address."""
    gateway = scene["p1"]
    scene.begin(behind=True)
    scene.change("fail-over", lambda: announced(scene, gateway, OTHER_MAC),
                 lambda: scene.reroute(Way(gateway, OTHER_MAC)))
    scene.back("fail-over")
    scene.change("fail-back", lambda: announced(scene, gateway, gateway.host_mac),
                 lambda: scene.reroute(Way(gateway)))
    scene.back("fail-back")
    scene.end()


def test_a_neighbour_fails(scene):
    """What cannot be delivered is not; once the neighbour is there again, it is."""
    server = scene["p1"]

    def fail():
        own(scene, server, None)
        scene.ip(*["neigh change %s nud failed dev p1" % server.host[family]
                   for family in FAMILIES])

    scene.begin()
    scene.change("failed neighbour", fail, lambda: scene.close(ORIGINAL))
    scene.change("neighbour's return", lambda: own(scene, server, NEW_MAC),
                 lambda: scene.reroute(Way(server, NEW_MAC)))
    scene.back("neighbour's return")
    scene.end()


@pytest.mark.every_kernel
def test_a_neighbour_dies_in_silence(scene):
    """While hardware alone sends to it, nobody asks whether it is still there, but for us."""
    server = scene["p1"]
    for family in FAMILIES:
        # As fast as it goes: doubted after a second; asked as soon as somebody sends to it, whom
        # the kernel would keep in mind for so many seconds.
        scene.router.ns.sysctl(**{"%s__neigh__p1__%s" % (family, name): value for name, value in (
            ("base_reachable_time_ms", 1000), ("delay_first_probe_time", 0),
            ("retrans_time_ms", 500), ("ucast_solicit", 3))})
    scene.begin([flow for flow in FLOWS if flow[0] == HARDWARE])
    scene.stream.more(100)    # until all is asked that software's packets gave reason to ask
    scene.change("death of the server", lambda: own(scene, server, None),
                 lambda: scene.close(ORIGINAL), bound=10 + SCALE)
    scene.change("server's return", lambda: own(scene, server, NEW_MAC),
                 lambda: scene.reroute(Way(server, NEW_MAC)))
    scene.back("server's return")
    scene.end()


# ---- routes: servers behind gateways, and how the way there changes ----

def gateway_of(port, family, other=False):
    return OTHER[family] if other else port.host[family]


def route_replaced(scene, port, other):
    scene.ip(*["route replace %s via %s" % (nets(scene["p1"])[family],
                                            gateway_of(port, family, other))
               for family in FAMILIES])


def more_specific(scene, port, other):
    scene.ip(*["route add %s/%d via %s" % (
        scene["p1"].remote[family], 32 if family == "ipv4" else 128,
        gateway_of(port, family, other)) for family in FAMILIES])


def rule_added(scene, port, other):
    for family in FAMILIES:
        for text in ("route add %s via %s table 100" % (nets(scene["p1"])[family],
                                                        gateway_of(port, family, other)),
                     "rule add to %s lookup 100 pref 100" % nets(scene["p1"])[family]):
            scene.router.ns.run("ip -%s %s" % (family[-1], text))


def nexthop_replaced(scene, port, other):
    scene.ip(*["nexthop replace id %s via %s dev %s" % (
        family[-1], gateway_of(port, family, other), port.name) for family in FAMILIES])


def with_nexthops(scene):
    """The routes to the servers by nexthop objects."""
    nexthop_replaced(scene, scene["p1"], False)
    scene.ip(*["route replace %s nhid %s" % (nets(scene["p1"])[family], family[-1])
               for family in FAMILIES])


ROUTES = {
    "replaced": route_replaced,
    "more-specific": more_specific,
    "rule": rule_added,
    "nexthop": nexthop_replaced,
}


def route_changes():
    for name, event in ROUTES.items():
        for other in (True, False) if name in ("replaced", "nexthop") else (False,):
            marks = [pytest.mark.every_kernel] if name == "replaced" else []
            yield pytest.param(event, other, marks=marks, id="%s-%s" % (
                name, "gateway" if other else "port"))


@pytest.mark.parametrize("event, other", route_changes())
def test_a_route_changes(scene, event, other):
    """To another gateway at the same port, or to another port."""
    port = scene["p1" if other else "p2"]
    what = "%s, other %s" % (event.__name__, "gateway" if other else "port")
    if event is nexthop_replaced:
        with_nexthops(scene)
    scene.begin(behind=True)
    # The core sends a flow back to where its packets come from, if any route goes there. So where
    # the old one stays, nothing may come from there any more.
    scene.change(what, lambda: event(scene, port, other),
                 lambda: scene.reroute(Way(port, OTHER_MAC if other else None)),
                 still=event in (more_specific, rule_added))
    scene.back(what)
    scene.end()


@pytest.mark.every_kernel
def test_a_route_is_deleted(scene):
    """Without a route nothing is forwarded; with a new one it is, the new way."""
    scene.begin(behind=True)
    scene.change("route deleted",
                 lambda: scene.ip(*["route del %s" % net for net in nets(scene["p1"]).values()]),
                 lambda: scene.close(ORIGINAL))
    scene.change("route made again", lambda: route_replaced(scene, scene["p2"], False),
                 lambda: scene.reroute(Way(scene["p2"])))
    scene.back("route made again")
    scene.end()


@pytest.mark.every_kernel
@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_comes_where_no_route_leads(router, family):
    """The core looks for a flow's way to the server where the answer came from. If no route leads
    there, IPv4 takes the server to be on the link, where nobody answers."""
    router.ns.ip("route replace %s via %s" % (nets(router["p1"])[family],
                                              router["p2"].host[family]))
    router.nft(rules.whole(router, select=SELECT))
    flow = MovingFlow(router, HARDWARE, family, "udp", "none", behind=True)
    answer = flow.packet(REPLY)
    flow.ways[ORIGINAL] = Way(router["p2"])
    assert_delivered(deliver([flow.packet(ORIGINAL)]))
    assert_delivered(deliver([answer]))

    def arrives():
        ledger = Ledger()
        ledger.send(flow.probe(ORIGINAL))
        return not ledger.settle(0.5).faults()

    wait_for(arrives, BOUND, "a packet to the server")
    offloaded(flow)
    assert_switched(flow)
