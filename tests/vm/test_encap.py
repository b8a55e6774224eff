# SPDX-License-Identifier: GPL-2.0
"""Packets with VLAN tags, behind bridges: switched as software would have, or left to it."""

import copy
import json
import time

import pytest

from nfto import conntrack, device, encap, frames, kmod, limits, pppoe, rules
from nfto.cli import COMMAND, Cli
from nfto.flow import BOTH, ORIGINAL, REPLY, Flow
from nfto.shell import SCALE, run, wait_for
from nfto.topology import Port, Router
from nfto.trace import recorded
from nfto.traffic import (assert_back, assert_delivered, assert_hardware, assert_software, entries,
                          establish, established, measure, offloaded, probe)

SAMPLE = (("ipv4", "tcp", "none"), ("ipv6", "udp", "none"), ("ipv4", "udp", "both"),
          ("ipv6", "tcp", "dnat"))
# Room for two tags within the largest frame that a packet socket sends.
SIZES = (12, 13, 100, 611, 1400)
KINDS = (("vlan", "plain"), ("plain", "vlan"), ("vlan", "other-vlan"), ("vlan", "vlan"),
         ("qinq", "plain"), ("vlan", "qinq"), ("provider", "plain"), ("vlan", "provider-qinq"))


@pytest.fixture
def router():
    kmod.load(kmod.CORE)
    with Router() as made:
        yield made


def rehearse(router, cases=SAMPLE):
    """The flows through the stack alone: what arrives then is what has to arrive later."""
    router.nft(rules.whole(router, []))
    for case in cases:
        assert_software(measure(establish(Flow(router, *case)), 10, sizes=SIZES))
    router.conntrack("-F")


def assert_switched(router, devices, cases=SAMPLE):
    rehearse(router, cases)
    router.nft(rules.whole(router, devices))
    flows = [established(router, *case) for case in cases]
    for flow in flows:
        before = [entry.packets for entry in entries(flow)]
        assert_hardware(measure(flow, 20, sizes=SIZES))
        assert [entry.packets for entry in entries(flow)] == [count + 20 for count in before]
    return flows


def assert_stays_in_software(router, devices, reasons, case=SAMPLE[0], queued=False):
    """No direction of a flow gets into hardware; why is said."""
    rehearse(router, [case])
    router.nft(rules.whole(router, devices))
    with recorded() as trace:
        flow = establish(Flow(router, *case))

        def refused():
            probe(flow)
            return {event["reason"] for event in trace.lines("flow_refused")} >= set(reasons)

        if reasons:
            wait_for(refused, 10 * SCALE, "refusals as %s" % (reasons,), interval=0.2)
        assert_software(measure(flow, 10))
        assert entries(flow) == [None, None]
        # What only the dialect can tell is told when the driver would be asked.
        assert queued or not trace.lines("flow_queued")


def names(kinds):
    return ["-".join(pair) for pair in kinds]


@pytest.mark.parametrize("kinds", KINDS, ids=names(KINDS))
def test_vlan_devices_on_top_of_the_flowtables_devices(router, kinds):
    """p0 is in the flowtable, p0.10 has the address: the kernel's rule has the tags."""
    for port, kind in zip(router.ports, kinds):
        encap.stack(router, port, kind)
    if limits.has("path-discovery"):
        assert_stays_in_software(router, ["p0", "p1"], ["ingress"])
    else:
        assert_switched(router, ["p0", "p1"])


@pytest.mark.parametrize("kinds", KINDS, ids=names(KINDS))
def test_vlan_devices_in_the_flowtable(router, kinds):
    """p0.10 is in the flowtable: its rules are p0's, and have tags."""
    devices = [encap.stack(router, port, kind).top for port, kind in zip(router.ports, kinds)]
    if limits.has("sub-interfaces"):
        assert_stays_in_software(router, devices, [])
    else:
        assert_switched(router, devices)


def test_what_is_below_a_vlan_device_goes_and_comes_back(router):
    """The VLAN device is the flowtable's, and stays where it is."""
    devices = [encap.stack(router, port, "vlan").top for port in router.ports]
    port, there = router.ports[0], router.sides[0]
    router.nft(rules.whole(router, devices))
    with device.opened(router.ns) as family:

        family.wait_for_bind("p0.10", "bridged")
        router.move_port(port, there)
        family.wait_for_bind("p0.10", "software", "device-gone")
        router.move_port(port, router.ns, origin=there)
        family.wait_for_bind("p0.10", "bridged")
    router.ns.ip("link set %s up" % port.lower, "link set p0 up")
    wait_for(lambda: router.running([port.lower, "p0"]), 20, "carrier on p0")
    encap.up(router, "p0.10")
    router.ns.ip(*port.address_lines("p0.10"))
    if not limits.has("sub-interfaces"):
        assert_back(established(router), 20, sizes=SIZES)


def test_what_is_below_a_vlan_device_is_shown(router):
    """It is in no flowtable; but it is what has a driver, a policy, and something in hardware."""
    devices = [encap.stack(router, port, "vlan").top for port in router.ports]
    router.asic.set(pin_features=0)
    router.nft(rules.whole(router, devices))
    cli = Cli(router)

    def shown():
        return {each["ifname"]: each for each in cli.json("status")["devices"]}

    wait_for(lambda: "asic" in shown().get("p0", ()), 10 * SCALE, lambda: "p0: %s" % shown())
    status = shown()
    assert {name: (each["backend"], each.get("lower"), "statistics" in each, "policy" in each)
            for name, each in status.items()} == {
                "p0": ("none", None, True, True), "p1": ("none", None, True, True),
                "p0.10": ("bridged", "p0", False, False), "p1.10": ("bridged", "p1", False, False)}
    refused = cli.run("policy", "p0.10", "offload", "off", status=3)
    assert "that of the device below it counts" in refused.stderr
    cli.text("policy", "p0", "offload", "off")
    with device.opened(router.ns) as family:
        family.wait_for_bind("p0.10", "software", "policy")
    found, = [each for each in cli.json("doctor", status=1)["findings"] if each["id"] == "policy"]
    assert found["place"] == "device p0.10"
    router.ns.run(found["command"].replace("nft-offload", COMMAND))
    with device.opened(router.ns) as family:
        family.wait_for_bind("p0.10", "bridged")


def test_a_router_on_a_stick(router):
    """In by one VLAN, out by another, on one port."""
    port = router.ports[0]
    encap.stack(router, port, "vlan")
    other = Port("sim", 3)
    other.name, other.mac, other.end, other.tags = port.name, port.mac, port.end, ((encap.Q, 20),)
    encap.add_vlan(router, "p0", "p0.20", other.tags[0])
    encap.up(router, "p0.20")
    router.ns.ip(*other.address_lines("p0.20"))
    router.ports.append(other)
    flow = Flow(router, "ipv4", "udp", "none", server=2)
    router.ports.remove(other)
    sub_interfaces = limits.has("path-discovery")
    router.nft(rules.whole(router, ["p0.10", "p0.20"] if sub_interfaces else ["p0"]))
    offloaded(establish(flow))
    for direction in BOTH:
        assert_hardware(measure(flow, 20, directions=[direction], sizes=SIZES))


def test_a_vlan_device_may_have_an_address_of_its_own(router):
    """Layer 2 address, that is: not the port's."""
    devices = []
    for port in router.ports:
        port.mac = "02:00:00:00:%02x:99" % port.index
        devices.append(encap.stack(router, port, "vlan", address=port.mac).top)
    if not limits.has("path-discovery"):
        assert_switched(router, ["p0", "p1"], SAMPLE[:1])
        router.nft("flush ruleset")
    if not limits.has("sub-interfaces"):
        assert_switched(router, devices, SAMPLE[:2])


def test_only_the_right_tags_hit(router):
    devices = [encap.stack(router, port, "vlan").top for port in router.ports]
    router.nft(rules.whole(router, devices if limits.has("path-discovery") else ["p0", "p1"]))
    flow = established(router, "ipv4", "udp", "none")
    bare = flow.data(ORIGINAL, 1)[0].sent
    bare = bare[:12] + bare[16:]
    wrong = [(), ((encap.Q, 11),), ((encap.AD, 10),), ((encap.Q, 10), (encap.Q, 10)),
             ((encap.Q, 11), (encap.Q, 10))]
    for tags in wrong:
        before = router.statistics()["p0"]
        flow.client.end.send(frames.tagged(bare, *tags))
        wait_for(lambda: router.statistics()["p0"]["host_rx_packets"]
                 == before["host_rx_packets"] + 1, 5 * SCALE, "%s at the host" % (tags,))
        assert router.statistics()["p0"]["hw_rx_packets"] == before["hw_rx_packets"]
    flow.client.end.take([flow.number])
    flow.server.end.take([flow.number])
    # Priority is no part of the match: with it or without, it is the same VLAN.
    assert_hardware(measure(flow, 10))


def test_tagged_packets_do_not_hit_an_untagged_flow(router):
    router.nft(rules.whole(router))
    flow = established(router, "ipv4", "udp", "none")
    before = router.statistics()["p0"]
    flow.client.end.send(frames.tagged(flow.data(ORIGINAL, 1)[0].sent, (encap.Q, 10)))
    wait_for(lambda: router.statistics()["p0"]["host_rx_packets"]
             == before["host_rx_packets"] + 1, 5 * SCALE, "the packet at the host")
    assert router.statistics()["p0"]["hw_rx_packets"] == before["hw_rx_packets"]


def test_priorities_that_the_host_sets_stay_with_the_host(router):
    """Software sends priority 5 in the tag, which hardware would not."""
    port = router.ports[1]
    mapping = "egress-qos-map " + " ".join("%d:5" % priority for priority in range(8))
    top = encap.stack(router, port, "vlan", options=mapping).top
    with_priority = port.tags = ((encap.Q, 5 << 13 | 10),)
    rehearse(router)
    router.nft(rules.whole(router, ["p0", top] if limits.has("path-discovery") else router.names))
    for case in SAMPLE:
        with recorded() as trace:
            port.tags = with_priority
            flow = establish(Flow(router, *case))
            if limits.has("vlan-priority"):
                port.tags = encap.KINDS["vlan"]
            offloaded(flow, directions=[REPLY])
            assert_software(measure(flow, 10, directions=[ORIGINAL], sizes=SIZES))
            assert entries(flow)[0] is None
            assert {event["reason"] for event in trace.lines("flow_refused")} == {"vlan-qos"}


def bridged(router, devices):
    if limits.has("path-discovery"):
        assert_stays_in_software(router, devices, ["ingress"])
    else:
        assert_switched(router, devices)


def test_a_bridge_as_router_port(router):
    encap.bridge(router, router.ports[1:])
    bridged(router, router.names)


def test_a_vlan_device_on_a_bridge(router):
    """br0 is ignorant of VLANs, br0.20 has the address."""
    encap.bridge(router, router.ports[1:])
    router.ports[1].tags = ((encap.Q, 20),)
    encap.add_vlan(router, "br0", "br0.20", (encap.Q, 20))
    router.ns.ip("address flush dev br0")
    encap.move_addresses(router, router.ports[1], "br0.20")
    bridged(router, router.names)


def bridge_in_vlan(router, options):
    """The bridge's own packets are in VLAN 10."""
    port = router.ports[1]
    encap.bridge(router, [port], filtering=True)
    encap.bridge_vlans(router, "del dev br0 vid 1 self", "del dev p1 vid 1",
                       "add dev br0 vid 10 pvid untagged self", "add dev p1 vid 10 " + options)
    encap.fdb(router, port, 10)
    return port


def test_a_vlan_aware_bridge_that_has_the_address(router):
    bridge_in_vlan(router, "pvid untagged")
    bridged(router, router.names)


def test_a_vlan_aware_bridge_that_has_the_address_of_a_tagged_port(router):
    """Where the stack's flowtable loses the tag, hardware does not."""
    port = bridge_in_vlan(router, "")
    port.tags = ((encap.Q, 10),)
    if not limits.has("bridge-pvid"):
        bridged(router, router.names)
        return
    rehearse(router)
    for offload in False, True:
        router.nft(rules.whole(router, offload=offload))
        flow = Flow(router, "ipv4", "udp", "none")
        arrived = []

        def sent_both_ways():
            for direction in BOTH:
                packet = flow.packet(direction)
                packet.enters.end.send(packet.sent)
            arrived.extend(frame for _, frame in port.end.take([flow.number]))
            return all(entries(flow)) if offload else len(arrived) >= 10

        wait_for(sent_both_ways, 10 * SCALE, "packets of the flow", interval=0.1)
        if not offload:
            assert arrived[-1][12:14] == b"\x08\x00", "with its tag: the limit is gone"
    time.sleep(0.5)
    for used in router.ports:
        used.end.take([flow.number])
    assert_hardware(measure(flow, 20, sizes=SIZES))


@pytest.mark.parametrize("tagged", [False, True], ids=["access", "trunk"])
def test_a_vlan_aware_bridge_with_a_vlan_device(router, tagged):
    port = router.ports[1]
    encap.bridge(router, [port], filtering=True)
    encap.bridge_vlans(router, "add dev br0 vid 10 self",
                       "add dev p1 vid 10" if tagged else "add dev p1 vid 10 pvid untagged")
    encap.fdb(router, port, 10)
    encap.add_vlan(router, "br0", "br0.10", (encap.Q, 10))
    router.ns.ip("address flush dev br0")
    encap.move_addresses(router, port, "br0.10")
    port.tags = ((encap.Q, 10),) if tagged else ()
    bridged(router, router.names)


def one_bridge(router, option):
    """Both ports in a bridge that has both addresses."""
    encap.bridge(router, router.ports)
    # Packets leave by the device by which they came: senders need not be told.
    router.ns.sysctl(ipv4__conf__all__send_redirects=0, ipv4__conf__br0__send_redirects=0)
    for name in router.names:
        router.ns.run("bridge link set dev %s %s" % (name, option))


@pytest.mark.parametrize("option", ["isolated on", "hairpin on"])
def test_routing_between_two_ports_of_one_bridge(router, option):
    """Isolation is about what the bridge forwards; what the host routes it lets pass, and so does
    hardware."""
    one_bridge(router, option)
    # IPv4 alone: the host's redirects for IPv6 cannot be turned off.
    cases = [("ipv4", "tcp", "none"), ("ipv4", "udp", "dnat")]
    if limits.has("path-discovery"):
        assert_stays_in_software(router, router.names, ["ingress"])
    else:
        assert_switched(router, router.names, cases)


def test_isolated_ports_are_not_joined(router):
    """Neither by the bridge nor, while it has routed flows between them, by hardware."""
    client, server = router.ports
    one_bridge(router, "isolated on")
    router.nft(rules.whole(router))
    flow = Flow(router, "ipv4", "udp", "none")
    establish(flow)
    if not limits.has("path-discovery"):
        assert_hardware(measure(offloaded(flow), 5))
    other = Flow(router, "ipv4", "udp", "none")
    for direction, mac in zip(BOTH, (server.host_mac, client.host_mac)):
        packet = other.packet(direction)
        before = router.statistics()[packet.enters.name]
        packet.enters.end.send(frames.mac(mac) + packet.sent[6:])
        wait_for(lambda: router.statistics()[packet.enters.name]["host_rx_packets"]
                 > before["host_rx_packets"], 5 * SCALE, "the packet at the host")
    # What is sent later has arrived: so would have what was sent before.
    probe(flow)
    for port in router.ports:
        assert not port.end.take([other.number])


def refused_while_sending(flow, reason=None):
    """Send both ways for a while, whatever becomes of it; the refusals that it brought."""
    router = flow.router
    before = router.statistics()
    with recorded() as trace:
        for _ in range(20):
            for direction in BOTH:
                packet = flow.packet(direction)
                packet.enters.end.send(packet.sent)
            time.sleep(0.1 * SCALE)
            found = [event for event in trace.lines("flow_refused") if event["reason"] == reason]
            if found:
                break
    assert entries(flow) == [None, None]
    for name, counters in router.statistics().items():
        assert counters["hw_rx_packets"] == before[name]["hw_rx_packets"]
    return found


def test_an_ip_tunnel_stays_in_software(router):
    """New kernels look through it, and build a rule as if there were none."""
    server = router.ports[1]
    run("modprobe ipip")
    router.ns.ip("link add tun1 type ipip local %s remote %s" % (
        server.address["ipv4"], server.host["ipv4"]), "link set tun1 up",
                 "route replace 10.88.0.0/24 dev tun1")
    far = copy.copy(server)
    far.host = {"ipv4": "10.88.0.9"}
    outer = frames.Tuple(server.host["ipv4"], server.address["ipv4"], 0, 0)
    far.wrapped = lambda frame: (frame[:14] + frames.ipv4(outer, 4, len(frame) - 14, 64, 0, 0)
                                 + frame[14:])
    router.nft(rules.whole(router))
    router.ports.append(far)
    flow = Flow(router, "ipv4", "udp", "none", server=2)
    router.ports.remove(far)
    refused_while_sending(flow)
    assert "[UNREPLIED]" not in conntrack.find(flow).line


ROUTES = {
    "ipv4": "route replace %s/32 encap mpls 100 via inet %s dev p1",
    "ipv6": "route replace %s/128 encap mpls 100 via inet6 %s dev p1",
}


@pytest.mark.parametrize("family", ROUTES)
def test_what_a_route_encapsulates_stays_in_software(router, family):
    """The core builds a rule without the labels or segments."""
    server = router.ports[1]
    for name in ("mpls_router", "mpls_iptunnel"):
        run("modprobe " + name)
    router.ns.ip(ROUTES[family] % (server.remote[family], server.host[family]))
    router.nft(rules.whole(router))
    flow = Flow(router, family, "udp", "none", behind=True)
    # Of the direction that the route is for; the other cannot be in hardware without it.
    entered, = json.loads(router.ns.run("ip -json link show dev p0").stdout)
    refused = refused_while_sending(flow, "tunnel")
    assert str(entered["ifindex"]) in {event["in"] for event in refused}


def assert_sent_by_software(flow):
    """Without path discovery the other direction can be hardware's: it takes off what comes."""
    assert_software(measure(flow, 10, directions=[ORIGINAL], sizes=SIZES))
    assert_delivered(measure(flow, 10, directions=[REPLY], sizes=SIZES).ledger)


def test_pppoe_on_a_driver_that_takes_flowtables(router):
    """The client's side: headers are pushed by hardware, and taken off."""
    router.asic.set(personality="ft")
    session = encap.session(router, router.ports[1])
    # What is larger than the session takes must not come to hardware.
    router.ns.ip("link set p0 mtu %d" % pppoe.MTU)
    cases = SAMPLE[0], SAMPLE[2]
    rehearse(router, cases)
    router.nft(rules.whole(router))
    for case in cases:
        if limits.has("path-discovery"):
            assert_sent_by_software(establish(Flow(router, *case)))
        else:
            assert_hardware(measure(established(router, *case), 20, sizes=SIZES))
    assert router.ns.has_link(session.device)


def test_pppoe_below_two_tags_stays_in_software(router):
    """Old kernels forget the outer tag in their rule, new ones take no such flow."""
    router.asic.set(personality="ft")
    port = router.ports[1]
    encap.session(router, port, below=encap.stack(router, port, "qinq").top)
    router.ns.ip("link set p0 mtu %d" % pppoe.MTU)
    rehearse(router, SAMPLE[:1])
    router.nft(rules.whole(router))
    flow = establish(Flow(router, *SAMPLE[0]))
    for _ in range(5):
        probe(flow)
        time.sleep(0.2 * SCALE)
    assert limits.has("path-discovery") or entries(flow) == [None, None]
    assert_sent_by_software(flow)


def test_pppoe_on_other_drivers_stays_in_software(router):
    encap.session(router, router.ports[1])
    router.ns.ip("link set p0 mtu %d" % pppoe.MTU)
    reasons = ["egress"] if limits.has("path-discovery") else ["pppoe", "pppoe-in"]
    assert_stays_in_software(router, router.names, reasons, queued=True)
