# SPDX-License-Identifier: GPL-2.0
"""Devices and bridges change: packets go the right way soon, and hardware holds nothing stale.

Right is what the stack does without any flowtable; flows that are in none prove it in each test.
"""

import pytest

from nfto import conntrack, limits
from nfto.flow import BOTH, ORIGINAL
from nfto.moving import BOUND, HARDWARE, PLAIN, SOFTWARE, Way, packets_in_hardware
from nfto.scene import FAMILIES, PORTS, Scene, addresses, routes
from nfto.shell import SCALE, CommandError, wait_for

pytest_plugins = "nfto.fixtures"

NEW_MAC, BRIDGE_MAC = "02:00:00:00:01:0a", "02:00:00:00:0b:01"
VLAN = 5


@pytest.fixture
def kinds():
    return PORTS


@pytest.fixture
def scene(router, measured):
    with Scene(router, measured) as made:
        yield made


# ---- a port goes down, gets another name, another address, another MTU, another namespace ----

def up(scene, port):
    """A port that was down comes up with what it lost meanwhile."""
    scene.ip("link set %s up" % port.name)
    wait_for(lambda: scene.router.running([port.name]), 5 * SCALE, "carrier on %s" % port.name)
    scene.ip(*addresses(port), *routes(port))


@pytest.mark.parametrize("name", ["p0", "p1"], ids=["ingress", "egress"])
def test_a_port_goes_down_and_up(scene, name):
    """Ingress and egress are so by the original direction."""
    port = scene[name]

    def affected():
        return [flow for flow in scene.flows if port in (flow.client, flow.server)]

    def close():
        for flow in affected():
            flow.closed = frozenset(BOTH)

    scene.begin()
    scene.change("%s down" % name, lambda: scene.ip("link set %s down" % name), close)
    scene.change("%s up" % name, lambda: up(scene, port), scene.close)
    scene.back("%s up" % name)
    scene.end()


def test_a_link_of_others_comes_and_goes(scene):
    """Flows that do not use it stay in hardware, in the very same entries."""
    port = scene["p2"]
    far = scene.router.side(port)

    def entries():
        return {str(flow): set(packets_in_hardware(flow)) for flow in scene.flows}

    def lost_and_back():
        far.ip("link set %s down" % port.end.device)
        wait_for(lambda: not scene.router.running(["p2"]), 5 * SCALE, "loss of carrier on p2")
        far.ip("link set %s up" % port.end.device)
        wait_for(lambda: scene.router.running(["p2"]), 5 * SCALE, "carrier on p2")

    scene.begin()
    before = entries()
    for what, event in (("carrier", lost_and_back),
                        ("state", lambda: (scene.ip("link set p2 down"), up(scene, port)))):
        event()
        scene.stream.more(30)
        assert entries() == before, "%s of p2" % what
    scene.end()


def rename(scene, port, name):
    """Old kernels rename only what is down."""
    try:
        scene.ip("link set %s name %s" % (port.name, name))
        port.name = name
    except CommandError:
        scene.ip("link set %s down" % port.name, "link set %s name %s" % (port.name, name))
        port.name = name
        up(scene, port)


def test_a_renamed_port_forwards_on(scene):
    scene.begin()
    for name, new in ("p1", "q1"), ("p0", "q0"):
        scene.change("%s renamed" % name, lambda: rename(scene, scene[name], new), scene.close)
    for name, new in ("q1", "p1"), ("q0", "p0"):
        scene.change("%s renamed" % name, lambda: rename(scene, scene[name], new), scene.close)
    scene.back("old names")
    scene.end()


@pytest.mark.parametrize("name", ["p0", "p1"], ids=["ingress", "egress"])
def test_rules_of_a_name_take_effect_with_it(scene, name):
    """Packets in hardware pass no rules, so they must not stay there when others apply. Of both
    directions: one that may pass takes the other into the flowtable with it."""
    port = scene[name]
    other = "q" + name[1:]
    scene.begin(more_rules="".join("insert rule inet filter forward %s %s drop\n" % (hook, other)
                                   for hook in ("iifname", "oifname")))

    def dropped():
        for flow in scene.flows:
            if port in (flow.client, flow.server):
                flow.closed = frozenset(BOTH)

    scene.change("rules of the name %s" % other, lambda: rename(scene, port, other), dropped)
    scene.change("rules of the name %s" % name, lambda: rename(scene, port, name), scene.close)
    scene.back("rules of the name %s" % name)
    scene.end()


@pytest.mark.every_kernel
def test_a_port_leaves_the_namespace(scene):
    port = scene["p1"]
    scene.begin()
    scene.change("p1 moved", lambda: scene.router.move_port(port, scene.router.sides[0]),
                 lambda: scene.close(*BOTH))
    assert scene.router.asic.entries == 0
    scene.end(switched=False)


def test_a_port_gets_another_mac(scene):
    port = scene["p1"]
    scene.begin()
    scene.change("p1's MAC", lambda: scene.ip("link set p1 address %s" % NEW_MAC),
                 lambda: scene.reroute(Way(port, mac=NEW_MAC)))
    scene.back("p1's MAC")
    scene.end()


def test_the_mtu_of_the_way_out_is_lowered(scene):
    """Hardware knows no MTU. What has become too big is answered by the host, not switched."""
    scene.begin(size=1400)
    scene.change("MTU lowered", lambda: scene.ip("link set p1 mtu 1300"),
                 lambda: scene.close(ORIGINAL))
    for (flow, direction), history in scene.stream.history.items():
        if direction == ORIGINAL:
            assert any(sent.answers for sent in history), "%s: no ICMP error" % flow
    scene.change("MTU raised", lambda: scene.ip("link set p1 mtu 1500"), scene.close)
    scene.back("MTU raised")
    scene.end()


def no_entries_in(scene, name):
    """No entry is left where packets enter by a port."""
    wait_for(lambda: not [entry for entry in scene.router.asic.table if entry["in"] == name], BOUND,
             lambda: "%s's entries to go: %s" % (name, scene.router.asic.get("table")))


@pytest.mark.every_kernel
def test_hw_tc_offload_is_switched_off(scene):
    """On a driver that lets it go while it holds rules: they are not to go on switching."""
    def switch(name, state):
        scene.change("%s: hw-tc-offload %s" % (name, state), lambda: scene.router.ns.run(
            "ethtool -K %s hw-tc-offload %s" % (name, state)), scene.close)

    scene.router.asic.set(pin_features=0)
    scene.begin()
    for name in "p0", "p1":
        switch(name, "off")
        no_entries_in(scene, name)
    scene.stream.more(20)
    assert scene.router.asic.entries == 0
    assert not any(conntrack.in_hardware(flow) for flow in scene.flows)
    for name in "p0", "p1":
        switch(name, "on")
    scene.back("hw-tc-offload on")
    scene.end()


# ---- devices on top of ports ----

def seen_through(how):
    """How flows go on this kernel whose way leads through a device on top of a port."""
    return SOFTWARE if limits.has("path-discovery") and how == HARDWARE else how


ON_TOP = tuple((seen_through(HARDWARE), family, proto, "none")
               for family, proto in (("ipv4", "udp"), ("ipv6", "udp"))) + (
                   (PLAIN, "ipv4", "udp", "none"), (PLAIN, "ipv6", "udp", "none"))


def on_top(scene, name, *lines):
    """A device that takes p1's addresses and neighbours over."""
    port = scene["p1"]
    scene.ip("address flush dev p1", *lines)
    scene.router.ns.sysctl(**{"ipv6__conf__%s__disable_ipv6" % name: 0})
    scene.ip("link set %s addrgenmode none" % name, "link set %s up" % name)
    wait_for(lambda: scene.router.running([name]), 20 * SCALE, "carrier on %s" % name)
    scene.ip(*[line.replace("dev p1", "dev " + name) for line in addresses(port)])


def bridge(scene):
    """A bridge over both ways to the servers. The host's frames come, and go, by p1 now."""
    on_top(scene, "br0", "link add br0 address %s type bridge" % BRIDGE_MAC,
           "link set p1 master br0", "link set p2 master br0")
    scene.begin(ON_TOP, Way(scene["p1"], mac=BRIDGE_MAC))


def host_moves(scene, origin, goal):
    """p1's host, from port to port; the router is not told."""
    for family in FAMILIES:
        address = scene["p1"].host[family]
        scene.hosts.own(origin, address, None)
        scene.hosts.own(goal, address, scene["p1"].host_mac)


def on_bridge(scene, port):
    return lambda: scene.reroute(Way(port, scene["p1"].host_mac, BRIDGE_MAC))


@pytest.mark.every_kernel
def test_a_host_moves_to_another_port_of_a_bridge(scene):
    """All that tells is a frame of its on the other port."""
    bridge(scene)

    def move(origin, goal):
        host_moves(scene, origin, goal)
        for family in FAMILIES:
            scene.hosts.announce(goal, scene["p1"].host[family])

    for origin, goal in ("p1", "p2"), ("p2", "p1"):
        scene.change("host moved to %s" % goal, lambda: move(scene[origin], scene[goal]),
                     on_bridge(scene, scene[goal]))
        scene.back("host moved to %s" % goal)
    scene.end()


@pytest.mark.every_kernel
def test_a_bridge_entry_is_replaced(scene):
    """By the administrator's word, of which hardware hears nothing either."""
    bridge(scene)

    def replace():
        host_moves(scene, scene["p1"], scene["p2"])
        scene.router.ns.run("bridge fdb replace %s dev p2 master static" % scene["p1"].host_mac)

    scene.change("FDB entry replaced", replace, on_bridge(scene, scene["p2"]))
    scene.back("FDB entry replaced")
    scene.end()


@pytest.mark.every_kernel
def test_a_vlan_goes_down_on_a_port_that_stays_up(scene):
    port = scene["p1"]
    name = "p1.%d" % VLAN
    on_top(scene, name, "link add link p1 name %s type vlan id %d" % (name, VLAN))
    # The hosts of the wire speak without tags.
    neighbours = ["neigh replace %s lladdr %s nud permanent dev %s" % (
        port.host[family], port.host_mac, name) for family in FAMILIES]
    scene.ip(*neighbours)
    way = Way(port, tag=VLAN)

    def back_up():
        scene.ip("link set %s up" % name)
        scene.ip(*[line.replace("dev p1", "dev " + name) for line in addresses(port)])
        scene.ip(*neighbours)

    scene.begin(ON_TOP, way)
    scene.change("VLAN down", lambda: scene.ip("link set %s down" % name),
                 lambda: scene.close(*BOTH))
    scene.change("VLAN up", back_up, scene.close)
    scene.back("VLAN up")
    scene.end()
