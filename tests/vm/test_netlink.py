# SPDX-License-Identifier: GPL-2.0
"""Flows, flowtables, reasons and events over netlink say what the ASIC's own table says."""

import errno
import random
import re
import socket
import struct

import pytest

from nfto import device, genl, kmod, rules, traffic
from nfto.device import C
from nfto.flow import BOTH, Flow, ORIGINAL, REPLY
from nfto.netns import Namespace
from nfto.shell import SCALE, run, wait_for
from nfto.traffic import assert_hardware, entries, establish, established, measure, offloaded

pytest_plugins = "nfto.fixtures"

PROTOCOLS = {"tcp": 6, "udp": 17}
EVERY = pytest.mark.every_kernel


@pytest.fixture
def router(router):
    router.nft(rules.whole(router))
    return router


@pytest.fixture
def family(router):
    with device.opened(router.ns) as made:
        yield made


def told(family, flow, **wanted):
    """What is told of a flow, by direction."""
    _, view = flow.entering(ORIGINAL)
    ports = {view.sport, flow.entering(REPLY)[1].dport}
    return {each["direction"]: each for each in family.flows(**wanted)
            if each["protocol"] == PROTOCOLS[flow.proto] and {
                each["source-port"], each["destination-port"], each.get("new-source-port"),
                each.get("new-destination-port")} & ports}


def assert_as_sent(shown, flow, direction):
    """Addresses, ports and devices are those of the packets that go in and come out."""
    (enters, before), (leaves, after) = flow.entering(direction), flow.leaving(direction)
    new = {"source": shown.get("new-source", shown["source"]),
           "destination": shown.get("new-destination", shown["destination"]),
           "sport": shown.get("new-source-port", shown["source-port"]),
           "dport": shown.get("new-destination-port", shown["destination-port"])}
    assert (shown["source"], shown["destination"], shown["source-port"],
            shown["destination-port"]) == (before.src, before.dst, before.sport, before.dport)
    assert (new["source"], new["destination"], new["sport"], new["dport"]) == (
        after.src, after.dst, after.sport, after.dport)
    # What does not change is not told twice.
    assert ("new-source" in shown) == (before.src != after.src)
    assert ("new-destination-port" in shown) == (before.dport != after.dport)
    assert (shown["ingress-name"], shown["egress-name"]) == (enters.name, leaves.name)
    assert (shown["table"], shown["flowtable"]) == ("filter", "f")


@EVERY
@pytest.mark.parametrize("what", [("ipv4", "tcp", "both"), ("ipv6", "udp", "snat"),
                                  ("ipv4", "udp", "none")], ids=" ".join)
def test_what_hardware_has_is_told(router, family, what):
    router.ns.sysctl(netfilter__nf_conntrack_acct=1)
    flow = established(router, *what)
    assert_hardware(measure(flow, 20))
    table = dict(zip(BOTH, entries(flow)))
    wait_for(lambda: all(each["packets"] == table[direction].packets
                         for direction, each in told(family, flow).items()),
             5 * SCALE, "all packets to be polled")
    shown = told(family, flow)
    assert set(shown) == set(BOTH)
    for direction in BOTH:
        each = shown[direction]
        assert_as_sent(each, flow, direction)
        assert (each["state"], each.get("reason"), each["tags"]) == ("hardware", None, [])
        # The ASIC counts Ethernet headers, conntrack does not.
        assert each["bytes"] == int(table[direction]["bytes"]) - 14 * each["packets"]
        assert each["software-packets"] < each["packets"]
        assert each["age"] >= 0 and "retry" not in each
    numbers = family.dump()
    for name in router.names:
        mine = next(each for each in numbers if each["ifname"] == name)
        assert mine["flows"] == dict(dict.fromkeys(device.STATES.values(), 0), hardware=1)
        assert mine["statistics"]["entries"] == 1 and mine["statistics"]["failed"] == 0
        assert mine["asic"] and mine["hazards"] == []
    shown = family.flowtables()
    assert [sorted(each.pop("devices")) for each in shown] == [
        [(name, "bridged", None) for name in router.names]]
    assert shown == [{
        "family": "inet", "table": "filter", "name": "f", "handle": shown[0]["handle"],
        "counter": True, "flows": dict(dict.fromkeys(device.STATES.values(), 0), hardware=2)}]


@EVERY
def test_the_drivers_own_words_are_told(router, family):
    router.asic.set(fail_add=errno.EIO)
    flow = establish(Flow(router))

    def failed():
        traffic.probe(flow)
        shown = list(told(family, flow).values())
        # Until it is tried again, soon.
        return shown if [(each["state"], "retry" in each) for each in shown] == [
            ("failed", True)] * 2 else None

    for each in wait_for(failed, 10 * SCALE, lambda: "two failures: %s" % family.flows()):
        assert (each["reason"], each["errno"]) == ("driver", errno.EIO)
        assert each["reason-text"] == "the driver failed" and each["retry"] > 0
    reasons = family.reasons()
    assert reasons["driver"] == 2 and sum(reasons.values()) == 2
    router.asic.set(fail_add=0)
    offloaded(flow, 60 * SCALE)
    assert family.reasons()["driver"] == 0
    failed = [each["statistics"]["failed"] for each in family.dump() if each["statistics"]]
    assert all(failed)


@EVERY
def test_filters_pass_what_they_say(router, family):
    udp = established(router, "ipv4", "udp", "snat")
    tcp = established(router, "ipv6", "tcp", "dnat")
    everything = {each["id"] for each in family.flows()}
    assert len(everything) == 4
    view, after = udp.entering(ORIGINAL)[1], udp.leaving(ORIGINAL)[1]
    here = next(each["ifindex"] for each in family.dump() if each["ifname"] == "p0")

    def passed(**wanted):
        return {(each["protocol"], each["direction"]) for each in family.flows(**wanted)}

    both = {(17, direction) for direction in BOTH}
    assert passed(protocol=17) == both == passed(address=view.src) == passed(address=after.src)
    assert passed(port=after.sport) == both == passed(port=view.sport)
    assert passed(protocol=6, direction="reply") == {(6, "reply")}
    assert passed(ifindex=here) == passed(state="hardware") == passed(table="filter") == {
        (number, direction) for number in PROTOCOLS.values() for direction in BOTH}
    assert passed(flowtable="f", address=tcp.entering(ORIGINAL)[1].src) == {
        (6, direction) for direction in BOTH}
    for nothing in ({"state": "failed"}, {"reason": "mtu"}, {"table": "fil"}, {"flowtable": "g"},
                    {"ifindex": 4711}, {"port": 1}, {"address": "192.0.2.99"}, {"protocol": 1},
                    {"address": "::"}):
        assert passed(**nothing) == set(), nothing


@EVERY
def test_flushed_flows_come_back(router, family):
    one, other = established(router), established(router, "ipv6", "tcp")
    kept = [entry["id"] for entry in entries(other)]
    assert family.flush(port=one.entering(ORIGINAL)[1].sport) == 2
    wait_for(lambda: entries(one) == [None, None], 5 * SCALE, "an empty table")
    assert [entry["id"] for entry in entries(other)] == kept
    assert_hardware(measure(offloaded(one), 10))
    assert family.flush(table="nothing") == 0
    assert family.flush() == 4
    wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")


@EVERY
def test_events_tell_the_whole_life(router, family):
    with device.opened(router.ns) as listener, device.opened(router.ns) as tcp_only:
        listener.subscribe()
        tcp_only.subscribe(protocol=6)
        flow = established(router)
        assert_hardware(measure(flow, 5))
        family.flush()
        wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
        happened = []
        wait_for(lambda: happened.extend(listener.events(0.1)) or sum(
            each["event"] == "removed" for each in happened) == 2, 10 * SCALE,
                 lambda: "two removals: %s" % happened)
        lives = {direction: [each for each in happened if each.get("flow", {}).get("direction")
                             == direction] for direction in BOTH}
        for direction, life in lives.items():
            words = [each["event"] for each in life]
            assert words[-2:] == ["hardware", "removed"], words
            assert life[-1]["flow"]["reason"] == "flushed"
            assert life[-1]["flow"]["packets"] >= 5
            assert [each["time"] for each in life] == sorted(each["time"] for each in life)
            view = flow.entering(direction)[1]
            for each in life:
                assert (each["flow"]["source"], each["flow"]["source-port"]) == (
                    view.src, view.sport)
        assert [each for each in tcp_only.events(0.2) if "flow" in each] == []
        with device.opened(router.ns) as admin:
            admin.set("p0", offload="off")
            gone = []
            wait_for(lambda: gone.extend(tcp_only.events(0.1)) or [
                (each["event"], each["ifname"], each["reason"]) for each in gone
                if "ifname" in each] == [("unbound", "p0", "policy")], 5 * SCALE,
                     lambda: "p0's end: %s" % gone)


@EVERY
def test_ports_tell_when_they_begin_and_end(router, family):
    """Also where nothing is the matter: with the flowtable, and with the device."""
    family.subscribe()

    def wait_told(*wanted):
        happened = []

        def told():
            happened.extend((each["event"], each["ifname"], each.get("reason", "none"))
                            for each in family.events(0.1) if "ifname" in each)
            return sorted(happened) == sorted(wanted)

        wait_for(told, 10 * SCALE, lambda: "%s: %s" % (wanted, happened))

    wait_for(lambda: router.asic.calls["bind"] == 2, 10 * SCALE, "ports in hardware")
    family.events(0.1)
    router.nft("flush ruleset")
    wait_told(("unbound", "p0", "unbound"), ("unbound", "p1", "unbound"))
    router.nft(rules.whole(router))
    wait_told(("bound", "p0", "none"), ("bound", "p1", "none"))
    router.ns.ip("link del p1")
    wait_told(("unbound", "p1", "device-gone"))
    router.add_ports([router["p1"]])


def test_removals_are_told_by_the_names_of_a_flowtable_that_is_gone(router, family):
    with device.opened(router.ns) as elsewhere:
        family.subscribe(table="filter", flowtable="f")
        elsewhere.subscribe(table="nat")
        established(router)
        router.nft("flush ruleset")
        happened = []
        wait_for(lambda: happened.extend(family.events(0.1)) or sum(
            each["event"] == "removed" for each in happened) == 2, 10 * SCALE,
                 lambda: "two removals: %s" % happened)
        assert {(each["flow"]["table"], each["flow"]["flowtable"]) for each in happened
                if "flow" in each} == {("filter", "f")}
        assert not [each for each in elsewhere.events(0.2) if "flow" in each]


@EVERY
def test_a_full_table_is_told(router, family):
    router.asic.set(capacity=1)
    family.subscribe()
    establish(Flow(router))
    happened = []
    wait_for(lambda: happened.extend(family.events(0.1)) or [
        each for each in happened if each["event"] == "table-full"], 10 * SCALE,
             lambda: "a full table: %s" % happened)
    assert {each["flow"]["reason"] for each in happened if each["event"] == "failed"} == {
        "table-full"}


@EVERY
def test_what_a_slow_reader_missed_is_counted(router, family):
    """Nothing waits for who does not read."""
    with device.opened(router.ns) as listener:
        listener.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.subscribe()
        flow = established(router)
        for _ in range(20):
            family.flush()
            wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
            offloaded(flow)
        read = listener.events()
        family.flush()
        wait_for(lambda: read.extend(listener.events(0.1)) or any(
            each["lost"] for each in read), 10 * SCALE, "a number of lost events")
        assert len(read) + sum(each["lost"] for each in read) >= 2 * 2 * 20


def test_subscriptions_end_with_their_sockets(router):
    sockets = []
    try:
        for _ in range(16):
            with router.ns.entered():
                sockets.append(genl.Socket())
            device.Devices(sockets[-1]).subscribe()
            device.Devices(sockets[-1]).subscribe(protocol=6)    # in place of the first
        with device.opened(router.ns) as another:
            with pytest.raises(genl.Refused) as refused:
                another.subscribe()
            assert refused.value.errno == errno.EUSERS and "16" in refused.value.message
            sockets.pop().close()
            another.subscribe()
    finally:
        for each in sockets:
            each.close()


@EVERY
def test_a_namespace_sees_its_own_flows_alone(router, family):
    established(router)
    other = Namespace("netlink-other").create()
    try:
        with device.opened(other) as there:
            there.subscribe()
            assert (there.flows(), there.flowtables(), sum(there.reasons().values())) == ([], [], 0)
            assert there.flush() == 0
            assert family.flush() == 2
            wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
            assert there.events(0.2) == []
    finally:
        other.delete()


def filter_with(*attributes):
    return genl.nested(C.NFTO_A_FILTER, *attributes)


FLOWS, FLUSH, SUBSCRIBE = C.NFTO_CMD_FLOW_GET, C.NFTO_CMD_FLOW_FLUSH, C.NFTO_CMD_SUBSCRIBE
REASONS, TABLES, VERSION = C.NFTO_CMD_REASON_GET, C.NFTO_CMD_FLOWTABLE_GET, C.NFTO_CMD_VERSION_GET
PROBE = C.NFTO_CMD_DEVICE_PROBE
DUMP = genl.NLM_F_DUMP
# Name: command, attributes, flags; errno, words or None
BAD = {
    "flows-without-dump": (FLOWS, [], 0, errno.EOPNOTSUPP, None),
    "flows-of-a-device": (FLOWS, [genl.u32(C.NFTO_A_IFINDEX, 1)], DUMP, errno.EINVAL,
                          "nothing but a filter"),
    "flows-reason": (FLOWS, [filter_with(genl.string(C.NFTO_A_FILTER_REASON, "bad mood"))], DUMP,
                     errno.EINVAL, "no such reason"),
    "flows-address": (FLOWS, [filter_with(genl.attribute(C.NFTO_A_FILTER_ADDRESS, b"12345"))],
                      DUMP, errno.EINVAL, "4 or 16 bytes"),
    "flows-state": (FLOWS, [filter_with(genl.u32(C.NFTO_A_FILTER_STATE, 5))], DUMP, errno.ERANGE,
                    None),
    "flows-unknown": (FLOWS, [filter_with(genl.u32(99, 1))], DUMP, errno.EINVAL, None),
    "flush-nothing": (FLUSH, [], 0, errno.EINVAL, "an empty one means all"),
    "flush-reason": (FLUSH, [filter_with(genl.string(C.NFTO_A_FILTER_REASON, "x"))], 0,
                     errno.EINVAL, "no such reason"),
    "flush-device": (FLUSH, [genl.u32(C.NFTO_A_IFINDEX, 1), filter_with()], 0, errno.EINVAL,
                     "does not take the attribute"),
    "subscribe-port": (SUBSCRIBE, [filter_with(genl.attribute(C.NFTO_A_FILTER_PORT, b"1"))], 0,
                       (errno.EINVAL, errno.ERANGE), None),
    "reasons-filtered": (REASONS, [filter_with()], DUMP, errno.EINVAL, "takes no attribute"),
    "flowtables-filtered": (TABLES, [filter_with()], DUMP, errno.EINVAL, "takes no attribute"),
    "probe-nothing": (PROBE, [], 0, errno.EINVAL, "name the device"),
    "probe-filter": (PROBE, [device.name_of("p0"), filter_with()], 0, errno.EINVAL,
                     "does not take the attribute"),
    "probe-too-much": (PROBE, [device.name_of("p0"), genl.u32(C.NFTO_A_LIMIT, 1 << 21)], 0,
                       errno.ERANGE, "up to 1048576"),
    "probe-none": (PROBE, [device.name_of("p0"), genl.u32(C.NFTO_A_LIMIT, 0)], 0, errno.ERANGE,
                   None),
    "probe-to-nowhere": (PROBE, [device.name_of("p0"), genl.u32(C.NFTO_A_EGRESS, 9999)], 0,
                         errno.ENODEV, "no such device"),
    "probe-lo": (PROBE, [device.name_of("lo")], 0, errno.EOPNOTSUPP, "TC offload"),
    "version-of": (VERSION, [filter_with()], 0, errno.EINVAL, "does not take the attribute"),
}


@EVERY
def test_wrong_requests_are_refused_in_words(router, family):
    established(router)
    wrong = []
    for name, (command, attributes, flags, numbers, words) in BAD.items():
        request = family.socket.send(family.family, command, *attributes,
                                     flags=flags or genl.NLM_F_ACK)
        try:
            wrong.append("%s: %s" % (name, list(family.socket.answers(request))))
        except genl.Refused as error:
            if error.errno not in (numbers if isinstance(numbers, tuple) else (numbers,)) or (
                    not re.search(words or "", error.message or "")):
                wrong.append("%s: %s" % (name, error))
    assert not wrong, "\n".join(wrong)
    assert router.asic.entries == 2


def test_random_requests_do_no_harm(router, family):
    """Whatever the attributes are: an answer or an error, and the flow stays where it is."""
    router.keep_flows()
    established(router)
    chance = random.Random(5)
    seen = set()

    def attributes(depth=0):
        data = b""
        for _ in range(chance.randint(0, 4)):
            kind = chance.choice((chance.randint(0, 30), C.NFTO_A_FILTER, chance.getrandbits(16)))
            payload = (attributes(depth + 1) if depth < 3 and chance.random() < 0.4
                       else chance.randbytes(chance.choice((0, 1, 2, 4, 8, 16, 40))))
            length = 4 + len(payload) if chance.random() < 0.9 else chance.getrandbits(16)
            if chance.random() < 0.3:
                kind |= genl.NLA_F_NESTED
            data += struct.pack("HH", length, kind & 0xffff) + payload + bytes(-len(payload) % 4)
        return data

    for _ in range(3000):
        command = chance.randint(0, device.COMMANDS + 1)
        if command in (FLUSH, C.NFTO_CMD_DEVICE_SET):
            continue    # a right one among them would change something
        request = family.socket.send(family.family, command, attributes(),
                                     flags=chance.choice((genl.NLM_F_ACK, DUMP)))
        try:
            seen.add(len(list(family.socket.answers(request))) and "answers")
        except genl.Refused as error:
            seen.add(error.errno)
        except InterruptedError:
            seen.add("interrupted")
    assert {"answers", errno.EINVAL, errno.EOPNOTSUPP} <= seen, seen
    assert router.asic.entries == 2


@EVERY
def test_the_module_tells_its_version(router, family):
    version, shims = family.version()
    shown = run(["modinfo", "-F", "version", kmod.CORE]).stdout.strip()
    assert version == shown
    log = [line for line in run("dmesg").stdout.splitlines() if "shims: " in line]
    assert "shims: %s)" % shims in log[-1]


@EVERY
def test_unloading_ends_subscriptions(router):
    with device.opened(router.ns) as listener:
        listener.subscribe()
        router.nft("flush ruleset")
        kmod.unload(kmod.CORE)
    kmod.load(kmod.CORE)


@pytest.mark.one_kernel
def test_a_dump_under_change_has_each_lasting_flow_once(router, family):
    """A few hundred flows last; others come and go meanwhile."""
    router.flow_timeout(600)
    lasting = [establish(Flow(router, "ipv4", "udp")) for _ in range(300)]
    wait_for(lambda: len(family.flows()) == 600, 30 * SCALE, "600 flow directions")
    numbers = {each["id"] for each in family.flows()}
    with traffic.Background(*lasting[:20]):
        for _ in range(20):
            passing = establish(Flow(router, "ipv4", "tcp"))
            shown = [each["id"] for each in family.flows()]
            assert len(shown) == len(set(shown)) and shown == sorted(shown)
            assert numbers <= set(shown)
            family.flush(port=passing.entering(ORIGINAL)[1].sport, protocol=6)
