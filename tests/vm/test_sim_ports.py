# SPDX-License-Identifier: GPL-2.0
"""The virtual ASIC's ports as links: what they may sit on, what they tell, and how they end."""

import json
import os
import re
import threading

import pytest

from nfto import asic, kmod, tc
from nfto.flow import BOTH, ORIGINAL, Flow
from nfto.netns import Namespace
from nfto.shell import SCALE, CommandError, read, run, wait_for
from nfto.topology import Router
from nfto.traffic import Background, assert_hardware, measure

pytestmark = pytest.mark.simulator
KIND = "type nft_offload_sim"


@pytest.fixture
def router():
    kmod.unload(kmod.CORE)
    with Router() as made:
        yield made


@pytest.fixture
def space():
    """A namespace of its own, gone with all links afterwards."""
    kmod.load(kmod.SIM)
    made = Namespace("ports").create()
    yield made
    links = [link["ifname"] for link in json.loads(made.run("ip -json link show").stdout)]
    with made.entered():
        run("ip -force -batch -", check=False, stdin="".join(
            "link del %s\n" % name for name in links if name != "lo"))
    made.delete()


def link(space, name):
    found, = json.loads(space.run("ip -json -details link show dev " + name).stdout)
    return found


def asic_of(space, port):
    return asic.Asic.of_port(space, port)


# ---- what a port can sit on ----

@pytest.mark.parametrize("setup, line, text", [
    ([], "link add name q9 " + KIND, "no lower device given"),
    ([], "link add link lo name q9 " + KIND, "the lower device is a loopback device"),
    (["link add l9 type sit local 127.0.0.1"], "link add link l9 name q9 " + KIND,
     "the lower device is not an Ethernet device"),
    ([], "link add link q0 name q9 " + KIND, "the lower device is itself a port"),
    (["link add link q0 name q0.5 type vlan id 5"], "link add link q0.5 name q9 " + KIND,
     "the lower device stands on a port"),
    (["link add b0 type bridge", "link set q0 master b0"], "link add link b0 name q9 " + KIND,
     "the lower device stands on a port"),
    ([], "link add link l0 name q9 " + KIND, "the lower device is in use"),
    (["link add b0 type bridge", "link set l1 master b0"], "link add link l1 name q9 " + KIND,
     "the lower device is in use"),
    (["link add link l1 name m1 type macvlan"], "link add link l1 name q9 " + KIND,
     "the lower device is in use"),
    (["link add link l1 name l1.5 type vlan id 5"], "link add link l1 name q9 " + KIND,
     "the lower device has VLAN devices on it"),
    ([], "link add link l1 name q9 netns 1 " + KIND, "the lower device is in another namespace"),
    ([], "link add link l1 name q9 mtu 9000 " + KIND, "the MTU exceeds the lower device's"),
    ([], "link add link l1 name q9 address 01:00:00:00:00:01 " + KIND,
     "the address is not usable"),
    ([], "link add link l0 name l0.7 type vlan id 7", "the device is the wire of a port"),
    ([], "link add link l0 name m0 type macvlan", ""),
])
def test_refused_links(space, setup, line, text):
    space.ip("link add l0 type dummy", "link add l1 type dummy", "link set l0 up", "link set l1 up",
             "link add link l0 name q0 " + KIND, *setup)
    before = links_in(space)
    with pytest.raises(CommandError) as refusal:
        space.ip(line)
    assert text in refusal.value.stderr
    assert links_in(space) == before
    assert asic_of(space, "q0").get("ports") == "q0 l0 p0"


def links_in(space):
    return sorted(entry["ifname"] for entry in json.loads(space.run("ip -json link show").stdout))


def test_a_refused_wire_can_be_used_once_it_is_free(space):
    space.ip("link add l1 type dummy", "link add link l1 name l1.5 type vlan id 5", "link del l1.5",
             "link add link l1 name q1 " + KIND, "link del q1",
             "link add link l1 name l1.5 type vlan id 5")


def test_not_for_the_unprivileged(space):
    """root of a namespace of its own, where it may do with links as it likes."""
    kmod.load("dummy")
    script = "ip link add l0 type dummy && ip link add link l0 name q0 " + KIND
    done = run(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script], check=False)
    assert done.returncode != 0
    assert "needs CAP_NET_ADMIN in the initial user namespace" in done.stderr
    assert space and not asic.names()


def test_nobody_gets_it_loaded_by_asking_for_a_link():
    kmod.unload(kmod.CORE)
    kmod.unload(kmod.SIM)
    assert run(["ip", "link", "add", "q0", *KIND.split()], check=False).returncode != 0
    assert not kmod.loaded(kmod.SIM)
    assert run(["modinfo", "-F", "alias", kmod.SIM]).stdout.strip() == ""


# ---- what ports and ASICs tell ----

def test_identity(space):
    lines = ["link add l%d type dummy" % index for index in range(4)]
    space.ip(*lines)
    space.ip("link add link l0 name q0 " + KIND, "link add link l1 name q1 " + KIND)
    asic.next_group(3)
    try:
        space.ip("link add link l2 name q2 " + KIND)
    finally:
        asic.next_group(0)
    space.ip("link add link l3 name q3 " + KIND)
    links = {name: link(space, name) for name in ("q0", "q1", "q2", "q3")}
    switch = {name: links[name]["phys_switch_id"] for name in links}
    assert switch["q0"] == switch["q1"] == switch["q3"] != switch["q2"]
    assert [links[name]["phys_port_name"] for name in links] == ["p0", "p1", "p0", "p2"]
    one, two = asic_of(space, "q0"), asic_of(space, "q2")
    assert one.get("ports").splitlines() == ["q0 l0 p0", "q1 l1 p1", "q3 l3 p2"]
    assert two.get("ports") == "q2 l2 p0"
    assert asic.names() == sorted((one.name, two.name)) == ["asic0", "asic1"]
    # Numbers of ports and of ASICs are used again, the lowest first.
    space.ip("link del q0", "link add link l0 name q9 " + KIND)
    assert link(space, "q9")["phys_port_name"] == "p0"
    space.ip("link del q9", "link del q1", "link del q3")
    assert asic.names() == ["asic1"]
    space.ip("link add link l0 name q0 " + KIND)
    assert asic_of(space, "q0").name == "asic0"
    assert link(space, "q0")["phys_switch_id"] not in switch.values()


def test_namespaces_have_asics_of_their_own(space):
    other = Namespace("ports2").create()
    try:
        for where in space, other:
            where.ip("link add l0 type dummy", "link add link l0 name q0 " + KIND)
        assert len(asic.names()) == 2
        assert link(space, "q0")["phys_switch_id"] != link(other, "q0")["phys_switch_id"]
        other.ip("link del l0")
    finally:
        other.delete()


def test_ethtool(router):
    text = router.ns.run("ethtool -i p0").stdout
    assert "driver: nft_offload_sim\n" in text
    assert "bus-info: %s\n" % router.asic.name in text
    assert "hw-tc-offload: on" in router.ns.run("ethtool -k p0").stdout
    names = list(router.statistics()["p0"])
    assert names[:13] == [
        "hw_rx_packets", "hw_rx_bytes", "hw_tx_packets", "hw_tx_bytes", "hw_tx_dropped",
        "host_miss", "host_ttl", "host_fragment", "host_options", "host_tcp_flags", "host_other",
        "host_rx_packets", "host_tx_packets"]


def test_names_follow(space):
    space.ip("link add l0 type dummy", "link add link l0 name q0 " + KIND)
    device = asic_of(space, "q0")
    space.ip("link set q0 name q7", "link set l0 name l7")
    assert device.get("ports") == "q7 l7 p0"


def test_link_follows_the_wire(router):
    assert link(router.ns, "p0")["link"] == "w0"
    assert link(router.ns, "w0")["promiscuity"] == 1
    router.ns.ip("link set w0 mtu 1400")
    assert link(router.ns, "p0")["mtu"] == 1400
    with pytest.raises(CommandError):
        router.ns.ip("link set p0 mtu 1500")
    router.ns.ip("link set w0 mtu 1500")
    assert link(router.ns, "p0")["mtu"] == 1400
    router.ns.ip("link set p0 mtu 1500")
    router.ns.ip("link set w0 down")
    wait_for(lambda: not router.running(["p0"]), 5 * SCALE, "loss of carrier")
    router.ns.ip("link set w0 up")
    wait_for(lambda: router.running(["p0"]), 5 * SCALE, "carrier")
    router.ns.ip("link set p0 down")
    assert link(router.ns, "w0")["promiscuity"] == 0


def test_a_port_that_is_down_takes_nothing(router):
    router.ns.ip("link set p0 down")
    before = router.statistics()["p0"]
    router["p0"].end.send(Flow(router).packet(ORIGINAL).sent)
    router.ns.ip("link set p0 up")
    wait_for(lambda: router.running(["p0"]), 5 * SCALE, "carrier")
    router["p0"].end.send(Flow(router).packet(ORIGINAL).sent)
    wait_for(lambda: (router.statistics()["p0"] - before)["host_miss"] >= 1, 5 * SCALE, "a miss")
    assert (router.statistics()["p0"] - before)["host_miss"] == 1


# ---- moving ----

def test_a_moved_port_stays_in_its_asic(router):
    """Hardware does not know namespaces. The port keeps switch and number; rules still work."""
    elsewhere = Namespace("elsewhere").create()
    try:
        number = link(router.ns, "p1")["phys_switch_id"]
        tc.clsact(router, "p0")
        router.ns.ip("link set p1 netns elsewhere")
        elsewhere.ip("link set p1 name q1", "link set q1 up")
        moved = link(elsewhere, "q1")
        assert moved["phys_switch_id"] == number and moved["phys_port_name"] == "p1"
        assert moved["link_index"] == link(router.ns, "w1")["ifindex"]
        assert router.asic.get("ports").splitlines() == ["p0 w0 p0", "q1 w1 p1"]
        # It is another namespace's port now; a new one there belongs to another ASIC.
        elsewhere.ip("link add l0 type dummy", "link add link l0 name q0 " + KIND)
        assert link(elsewhere, "q0")["phys_switch_id"] != number
        elsewhere.ip("link del l0", "link del q1")
        assert router.asic.get("ports") == "p0 w0 p0"
    finally:
        elsewhere.delete()


def test_a_moved_port_outlives_the_namespace_it_was_made_in(space):
    """Nothing of that namespace is left to be confused with a later one."""
    first = Namespace("first").create()
    first.ip("link add l0 type dummy", "link add link l0 name q0 " + KIND,
             "link set q0 netns ports", "link set l0 netns ports")
    made = asic_of(space, "q0")
    first.delete()
    assert made.get("ports") == "q0 l0 p0"
    space.ip("link add l2 type dummy", "link add link l2 name q2 " + KIND)
    assert asic_of(space, "q2").name != made.name


def test_a_wire_may_move_alone(router):
    elsewhere = Namespace("elsewhere").create()
    try:
        flow = tc_flow(router)
        router.ns.ip("link set w1 netns elsewhere")
        elsewhere.ip("link set w1 up")
        wait_for(lambda: router.running(["p1"]), 5 * SCALE, "carrier")
        assert_hardware(measure(flow, 5, directions=(ORIGINAL,)))
    finally:
        elsewhere.delete()
    # A virtual wire ends with its namespace, and its port with it.
    wait_for(lambda: not router.ns.has_link("p1"), 10 * SCALE, "the end of p1")
    assert router.asic.get("ports") == "p0 w0 p0"
    assert (router.asic.entries, router.asic.calls["orphaned"]) == (0, 1)


# ---- the end ----

def tc_flow(router, directions=(ORIGINAL,)):
    tc.clsact(router)
    return tc.program(Flow(router), directions=directions)


def gone(router, *names):
    wait_for(lambda: not any(router.ns.has_link(name) for name in names), 10 * SCALE,
             "the end of " + ", ".join(names))


@pytest.mark.parametrize("victim", ["p0", "w0"])
def test_the_ingress_goes(router, victim):
    """tc deletes its rules with the port: nothing is left behind."""
    tc_flow(router)
    router.ns.ip("link del " + victim)
    gone(router, "p0")
    calls = router.asic.calls
    assert (router.asic.entries, calls["orphaned"], calls["del"], calls["unbind"]) == (0, 0, 1, 1)
    assert router.asic.get("ports") == "p1 w1 p1"
    if victim == "p0":
        assert link(router.ns, "w0")["promiscuity"] == 0


@pytest.mark.parametrize("victim", ["p1", "w1"])
def test_the_egress_goes(router, victim):
    """tc keeps a rule that leads to a port that is gone; the ASIC cannot."""
    tc_flow(router)
    router.ns.ip("link del " + victim)
    gone(router, "p1")
    assert (router.asic.entries, router.asic.calls["orphaned"]) == (0, 1)
    router.ns.run("tc qdisc del dev p0 clsact")
    calls = router.asic.calls
    assert (calls["del_failed"], calls["unbind"]) == (1, 2)


@pytest.mark.parametrize("victim", ["p0", "w0", "p1", "w1"])
def test_the_end_under_traffic(router, victim):
    tc.clsact(router)
    flow = tc.program(Flow(router))
    with Background(flow, rate=500) as background:
        background.more(30)
        router.ns.ip("link del " + victim)
        background.more(30)
    gone(router, "p" + victim[1])
    assert router.asic.entries == 0


@pytest.mark.parametrize("victim", ["p0", "w0"])
def test_the_end_with_devices_on_the_port(router, victim):
    """VLAN devices and bridges on a port go or are left as with any other NIC."""
    router.ns.ip("link add link p0 name p0.5 type vlan id 5", "link set p0.5 up",
                 "link add b0 type bridge", "link set p0 master b0", "link set b0 up")
    assert link(router.ns, "p0")["promiscuity"] >= 1
    router.ns.ip("link del " + victim)
    gone(router, "p0", "p0.5")
    router.ns.ip("link del b0")


@pytest.mark.parametrize("order", [("p0", "p1"), ("w1", "w0"), ("p1", "w0")])
def test_the_asic_ends_with_its_last_port(router, order):
    tc_flow(router)
    assert router.asic.name in asic.names()
    for name in order:
        router.ns.ip("link del " + name)
    gone(router, "p0", "p1")
    assert router.asic.name not in asic.names()


def test_the_namespace_ends(space):
    """With ports, wires, bindings and rules, all at once."""
    doomed = Namespace("doomed").create()
    doomed.ip("link add l0 type dummy", "link add l1 type dummy",
              "link set l0 up", "link set l1 up",
              "link add link l0 name q0 " + KIND, "link add link l1 name q1 " + KIND,
              "link set q0 up", "link set q1 up")
    for port, out in ("q0", "q1"), ("q1", "q0"):
        doomed.run("tc qdisc add dev %s clsact" % port)
        doomed.run("tc filter add dev %s ingress protocol ip prio 1 flower skip_sw ip_proto udp "
                   "action mirred egress redirect dev %s" % (port, out))
    assert asic_of(doomed, "q0").entries == 2 and space
    doomed.delete()
    wait_for(lambda: not asic.names(), 20 * SCALE, "the end of the ASIC")
    kmod.unload(kmod.SIM)


@pytest.mark.every_kernel
@pytest.mark.parametrize("order", [("l0", "q0"), ("q0", "l0")])
def test_a_namespace_ends_whichever_came_to_it_first(space, order):
    """Its devices end together, and what came last is waited for first."""
    doomed = Namespace("doomed").create()
    space.ip("link add l0 type dummy", "link add link l0 name q0 " + KIND,
             *["link set %s netns doomed" % name for name in order])
    doomed.ip("link set l0 up", "link set q0 up")
    doomed.delete()
    wait_for(lambda: not asic.names(), 20 * SCALE, "the end of the ASIC")
    kmod.unload(kmod.SIM)


def test_a_file_that_is_open_when_its_asic_ends(router):
    with open(router.asic.path("table")) as table, open(router.asic.path("calls")) as calls:
        assert "orphaned" in calls.read()
        router.ns.ip("link del p0", "link del p1")
        for file in table, calls:
            with pytest.raises(OSError):
                os.pread(file.fileno(), 100, 0)
        done = run(["rmmod", kmod.SIM], check=False)
        assert done.returncode != 0 and "in use" in done.stderr
    kmod.unload(kmod.SIM)


@pytest.mark.every_kernel
def test_unloading(router):
    """Refused while anyone holds a callback; else the ports go, and the wires are free."""
    tc_flow(router)
    done = run(["rmmod", kmod.SIM], check=False)
    assert done.returncode != 0 and "in use" in done.stderr
    assert router.asic.entries == 1
    for port in router.names:
        router.ns.run("tc qdisc del dev %s clsact" % port)
    run(["rmmod", kmod.SIM])
    assert not router.ns.has_link("p0") and not os.path.exists(asic.ROOT)
    assert link(router.ns, "w0")["promiscuity"] == 0
    router.ns.ip("link add link w0 name w0.5 type vlan id 5", "link del w0.5",
                 "link add link w1 name m1 type macvlan", "link del m1")
    kmod.load(kmod.SIM)


def test_unloading_while_a_flowtable_holds_a_callback(router):
    router.asic.set(personality="ft")
    router.nft("table inet t { flowtable f { hook ingress priority 0; devices = { p0, p1 }; "
               "flags offload; }; }")
    calls = router.asic.calls
    assert calls["bind"] - calls["unbind"] == 2
    assert run(["rmmod", kmod.SIM], check=False).returncode != 0
    router.ns.ip("link del p1")
    assert router.asic.calls["unbind"] == calls["unbind"] + 1
    router.nft("flush ruleset")
    kmod.unload(kmod.SIM)


def test_everything_at_once(router):
    """Frames, rules, readers and the port that they lead to, in each other's way."""
    flow = Flow(router)
    frames = [flow.packet(direction).sent for direction in BOTH]
    stopping, errors = threading.Event(), []

    def work(step):
        try:
            while not stopping.is_set():
                step()
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    def send():
        for port, frame in zip(router.ports, frames):
            port.end.send(frame)

    def rules():
        for _ in range(5):
            tc.add(router, "p0", "ip", "ip_proto udp action mirred egress redirect dev p1",
                   check=False)
        tc.flush(router, "p0")

    def look():
        for name in "table", "calls", "ports", "entries":
            router.asic.get(name)
        asic.statistics(router.ns, "p0")

    tc.clsact(router, "p0")
    threads = [threading.Thread(target=work, args=(step,)) for step in (send, send, rules, look)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            router.ns.ip("link del p1", "link add link w1 name p1 " + KIND, "link set p1 up")
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    tc.flush(router)
    assert router.asic.entries == 0


def test_many_ports(space):
    """More than one is told apart, and all end at once."""
    count = 40
    space.ip(*("link add l%d type dummy" % index for index in range(count)))
    space.ip(*("link add link l%d name q%d %s" % (index, index, KIND) for index in range(count)))
    ports = asic_of(space, "q0").get("ports").splitlines()
    assert ports == ["q%d l%d p%d" % (index, index, index) for index in range(count)]
    kmod.unload(kmod.SIM)
    assert not re.search(r"\bq\d", " ".join(links_in(space)))


def test_wires_made_of_ports_wires(space):
    """Two ports face each other over one cable: what one sends the other receives."""
    space.ip("link add l0 type veth peer name l1", "link set l0 up", "link set l1 up",
             "link add link l0 name q0 " + KIND, "link add link l1 name q1 " + KIND,
             "link set q0 up", "link set q1 up")
    wait_for(lambda: link(space, "q0")["operstate"] == "UP", 5 * SCALE, "carrier")
    before = asic.statistics(space, "q1")
    space.run("ping -c 1 -W 1 -I q0 224.0.0.1", check=False)
    wait_for(lambda: asic.statistics(space, "q1")["host_rx_packets"] > before["host_rx_packets"],
             5 * SCALE, "a frame from the other port")
    assert read(asic_of(space, "q0").path("entries")) == "0\n"
