# SPDX-License-Identifier: GPL-2.0
"""Devices and their policy over netlink: what can be seen and set, by whom, and for how long."""

import errno
import json
import os
import re
import sys
import threading

import pytest

from nfto import device, encap, genl, kmod, rules
from nfto.device import C, DEFAULT
from nfto.flow import Flow
from nfto.netns import Namespace, ip_lines
from nfto.shell import SCALE, CommandError, run, wait_for
from nfto.topology import Router
from nfto.traffic import assert_hardware, assert_software, establish, established, measure, probe

TESTS = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture
def space():
    """A namespace with a device d0."""
    kmod.load(kmod.CORE)
    made = Namespace("policy").create()
    try:
        made.ip("link add d0 type dummy")
        yield made
    finally:
        # The namespace itself takes its time; the device is to be gone now.
        with made.entered():
            ip_lines(["link del d0"], check=False)
        made.delete()


@pytest.fixture
def devices(space):
    with device.opened(space) as made:
        yield made


def links(namespace):
    """Names by number, as ip(8) has them."""
    shown = json.loads(namespace.run("ip -json link show").stdout)
    return {link["ifindex"]: link["ifname"] for link in shown}


def refused(wanted, action, *arguments, **how):
    with pytest.raises(genl.Refused) as caught:
        action(*arguments, **how)
    assert caught.value.errno == wanted, str(caught.value)
    return caught.value


@pytest.mark.every_kernel
def test_a_device_that_nobody_wants_anything_of(space, devices):
    d0 = devices.get("d0")
    assert d0 == {"ifindex": d0["ifindex"], "ifname": "d0", "backend": "none", "reason": None,
                  "reason_text": None, "device_driver": "dummy", "driver": None,
                  "policy": DEFAULT, "flows": dict.fromkeys(device.STATES.values(), 0),
                  "asic": "", "hazards": [], "statistics": None}
    assert links(space)[d0["ifindex"]] == "d0"
    assert devices.get(d0["ifindex"]) == d0


@pytest.mark.every_kernel
def test_each_part_is_set_alone(devices):
    """What a request does not name stays, whatever the rest is."""
    wanted = dict(DEFAULT)
    steps = [{"ttl": "lossy"}, {"tcp": "unguarded"}, {"offload": "off"}, {"driver": kmod.SIM},
             {"ttl": "require"}, {"tcp": "guarded", "driver": ""}, {"offload": "auto"},
             {"ttl": "default"}, {"driver": kmod.SIM, "ttl": "lossy", "tcp": "unguarded",
                                  "offload": "off"}, dict(DEFAULT)]
    for step in steps:
        devices.set("d0", **step)
        wanted.update(step)
        shown = devices.get("d0")
        assert shown["policy"] == wanted, step
        assert shown["driver"] == (wanted["driver"] or None)


def test_a_renamed_device_keeps_its_policy(space, devices):
    devices.set("d0", ttl="lossy")
    before = devices.get("d0")
    space.ip("link set d0 name other")
    assert devices.get("other") == dict(before, ifname="other")
    refused(errno.ENODEV, devices.get, "d0")
    space.ip("link set other name d0")
    assert devices.get("d0") == before


@pytest.mark.every_kernel
def test_a_device_that_ends_takes_its_policy_along(space, devices):
    """Another one of the same name and number begins anew."""
    devices.set("d0", ttl="lossy", driver=kmod.SIM)
    number = devices.get("d0")["ifindex"]
    space.ip("link del d0", "link add d0 index %d type dummy" % number)
    again = devices.get("d0")
    assert (again["ifindex"], again["policy"]) == (number, DEFAULT)


def test_leaving_the_namespace_ends_a_policy(space, devices):
    other = Namespace("policy-other").create()
    try:
        devices.set("d0", offload="off")
        space.ip("link set d0 netns " + other.name)
        with device.opened(other) as there:
            assert there.get("d0")["policy"] == DEFAULT
            there.set("d0", tcp="unguarded")
            other.ip("link set d0 netns " + space.name)
        assert devices.get("d0")["policy"] == DEFAULT
    finally:
        other.delete()


def test_the_modules_end_ends_all_policies(space):
    with device.opened(space) as before:
        before.set("d0", ttl="lossy")
    kmod.unload(kmod.CORE)
    kmod.load(kmod.CORE)
    with device.opened(space) as after:
        assert after.get("d0")["policy"] == DEFAULT


@pytest.mark.every_kernel
def test_a_dump_has_this_namespaces_devices_and_no_other(space, devices):
    other = Namespace("policy-other").create()
    try:
        # More than go into one message; the other namespace's numbers are not ours.
        space.ip(*["link add many%d type dummy" % number for number in range(60)])
        other.ip("link add theirs index 4711 type dummy")
        devices.set("many7", ttl="lossy")
        dumped = {shown["ifindex"]: shown for shown in devices.dump()}
        assert {number: shown["ifname"] for number, shown in dumped.items()} == links(space)
        for number in dumped:
            assert devices.get(number) == dumped[number]
        assert [shown["ifname"] for shown in dumped.values() if shown["policy"] != DEFAULT] == [
            "many7"]
        for name in "theirs", 4711:
            refused(errno.ENODEV, devices.get, name)
            refused(errno.ENODEV, devices.set, name, ttl="lossy")
        with device.opened(other) as there:
            assert there.get("theirs")["ifindex"] == 4711
    finally:
        other.delete()


GET, SET = C.NFTO_CMD_DEVICE_GET, C.NFTO_CMD_DEVICE_SET
D0 = device.name_of("d0")
LOSSY = device.policy_of(ttl="lossy")


def policy(*attributes):
    return genl.nested(C.NFTO_A_POLICY, *attributes)


# Name: command, attributes, flags; errno, words (None: the kernel's own differ), attribute
INVALID, RANGE, UNKNOWN = errno.EINVAL, errno.ERANGE, errno.EOPNOTSUPP
BAD = {
    "get-nothing": (GET, [], 0, INVALID, "name the device", None),
    "get-both": (GET, [genl.u32(C.NFTO_A_IFINDEX, 1), D0], 0, INVALID, "not by both",
                 (C.NFTO_A_IFNAME,)),
    "get-number-0": (GET, [genl.u32(C.NFTO_A_IFINDEX, 0)], 0, RANGE, "range",
                     (C.NFTO_A_IFINDEX,)),
    "get-no-such-number": (GET, [genl.u32(C.NFTO_A_IFINDEX, 0xffffffff)], 0, errno.ENODEV,
                           "no such device", (C.NFTO_A_IFINDEX,)),
    "get-no-such-name": (GET, [device.name_of("d1")], 0, errno.ENODEV, "no such device",
                         (C.NFTO_A_IFNAME,)),
    "get-short-number": (GET, [genl.attribute(C.NFTO_A_IFINDEX, b"\1\0\0")], 0,
                         (INVALID, RANGE), None, (C.NFTO_A_IFINDEX,)),
    "get-open-name": (GET, [genl.attribute(C.NFTO_A_IFNAME, b"d0")], 0, INVALID, None,
                      (C.NFTO_A_IFNAME,)),
    "get-long-name": (GET, [genl.string(C.NFTO_A_IFNAME, "d" * 16)], 0, (INVALID, RANGE), None,
                      (C.NFTO_A_IFNAME,)),
    "get-with-policy": (GET, [D0, LOSSY], 0, INVALID, "takes no policy", (C.NFTO_A_POLICY,)),
    "get-read-only": (GET, [D0, genl.u32(C.NFTO_A_BACKEND, 0)], 0, INVALID, None,
                      (C.NFTO_A_BACKEND,)),
    "get-unknown": (GET, [D0, genl.u32(99, 0)], 0, INVALID, "Unknown attribute", (99,)),
    "get-garbage": (GET, [D0, b"\1\0\0\0"], 0, INVALID, None, None),
    "dump-with-device": (GET, [D0], genl.NLM_F_DUMP, INVALID, "takes no attribute", None),
    "dump-of-set": (SET, [], genl.NLM_F_DUMP, UNKNOWN, None, None),
    "no-such-command": (device.COMMANDS, [], 0, UNKNOWN, None, None),
    "no-request": (C.NFTO_CMD_EVENT_NTF, [], 0, UNKNOWN, None, None),
    "set-nothing": (SET, [D0], 0, INVALID, "no policy", None),
    "set-nobody": (SET, [LOSSY], 0, INVALID, "name the device", None),
    "set-no-such-name": (SET, [device.name_of("d1"), LOSSY], 0, errno.ENODEV, "no such device",
                         (C.NFTO_A_IFNAME,)),
    "set-empty": (SET, [D0, policy()], 0, INVALID, "nothing to change", (C.NFTO_A_POLICY,)),
    "set-not-nested": (SET, [D0, genl.attribute(C.NFTO_A_POLICY, genl.u32(
        C.NFTO_A_POLICY_TTL, 1))], 0, INVALID, "NLA_F_NESTED", (C.NFTO_A_POLICY,)),
    "set-ttl": (SET, [D0, policy(genl.u32(C.NFTO_A_POLICY_TTL, 3))], 0, RANGE, "range",
                (C.NFTO_A_POLICY, C.NFTO_A_POLICY_TTL)),
    "set-tcp": (SET, [D0, policy(genl.u32(C.NFTO_A_POLICY_TCP, 2))], 0, RANGE, "range",
                (C.NFTO_A_POLICY, C.NFTO_A_POLICY_TCP)),
    "set-offload": (SET, [D0, policy(genl.u32(C.NFTO_A_POLICY_OFFLOAD, 256))], 0, RANGE, "range",
                    (C.NFTO_A_POLICY, C.NFTO_A_POLICY_OFFLOAD)),
    "set-unknown": (SET, [D0, policy(genl.u32(C.NFTO_A_POLICY_TTL, 2), genl.u32(5, 0))], 0,
                    INVALID, "Unknown attribute", (C.NFTO_A_POLICY, 5)),
    "set-read-only": (SET, [D0, LOSSY, genl.string(C.NFTO_A_DRIVER, kmod.SIM)], 0, INVALID, None,
                      (C.NFTO_A_DRIVER,)),
    "set-no-such-driver": (SET, [D0, device.policy_of(ttl="lossy", driver="e1000")], 0, INVALID,
                           "no known driver.*: .*nft_offload_sim",
                           (C.NFTO_A_POLICY, C.NFTO_A_POLICY_DRIVER)),
    "set-long-driver": (SET, [D0, device.policy_of(driver="x" * 32)], 0, (INVALID, RANGE), None,
                        (C.NFTO_A_POLICY, C.NFTO_A_POLICY_DRIVER)),
}


@pytest.mark.every_kernel
def test_wrong_requests_are_refused_in_words(devices):
    """With the attribute that is wrong; and none changes anything."""
    wrong = []
    for name, (command, attributes, flags, number, words, where) in BAD.items():
        socket = devices.socket
        request = socket.send(devices.family, command, *attributes,
                              flags=flags or genl.NLM_F_ACK)
        try:
            wrong.append("%s: %s" % (name, list(socket.answers(request))))
            continue
        except genl.Refused as error:
            refusal = error
        numbers = number if isinstance(number, tuple) else (number,)
        # Kernels before 6.9 do not say where a dump is wrong.
        if (refusal.errno not in numbers or not re.search(words or "", refusal.message or "")
                or (refusal.where != where and not flags)):
            wrong.append("%s: %s" % (name, refusal))
    assert not wrong, "\n".join(wrong)
    assert devices.get("d0")["policy"] == DEFAULT


CHILD = """
import sys
from nfto import device, genl
action, name, words = sys.argv[1], sys.argv[2], sys.argv[3:]
with genl.Socket() as socket:
    devices = device.Devices(socket)
    try:
        if action == "set":
            devices.set(name, **dict(word.split("=") for word in words))
        print("done", devices.get(name)["policy"] if action != "dump" else devices.dump())
    except genl.Refused as error:
        print("refused", error.errno, error.message, error.where)
"""


def elsewhere(wrapper, *words):
    """What becomes of a request by a process that a command makes."""
    return run(list(wrapper) + ["env", "PYTHONPATH=" + TESTS, "PYTHONDONTWRITEBYTECODE=1",
                                sys.executable, "-c", CHILD] + list(words)).stdout.strip()


USER = ["unshare", "--map-root-user"]
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                "--inh-caps=-all"]
NO_DRIVER = "refused %d vouching .*initial user namespace.*%s" % (
    errno.EPERM, re.escape(str((C.NFTO_A_POLICY, C.NFTO_A_POLICY_DRIVER))))


@pytest.mark.every_kernel
@pytest.mark.parametrize("wrapper", [USER, UNPRIVILEGED], ids=["user-namespace", "nobody"])
def test_without_the_capability_nothing_is_seen_or_set(space, devices, wrapper):
    """Nobody, and root of a user namespace to which the network namespace does not belong."""
    denied = "refused %d None None" % errno.EPERM
    inside = ["ip", "netns", "exec", space.name] + wrapper
    assert elsewhere(["ip", "netns", "exec", space.name], "get", "d0").startswith("done")
    for words in (["get", "d0"], ["dump", "d0"], ["set", "d0", "ttl=lossy"],
                  ["set", "d0", "driver=" + kmod.SIM]):
        assert elsewhere(inside, *words) == denied, words
    assert devices.get("d0")["policy"] == DEFAULT


@pytest.mark.every_kernel
def test_a_user_namespace_has_its_own_devices_and_may_not_vouch():
    kmod.load(kmod.CORE)
    own = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + USER + ["--net"]
    assert elsewhere(own, "set", "lo", "ttl=lossy", "tcp=unguarded", "offload=off") == (
        "done %s" % dict(DEFAULT, ttl="lossy", tcp="unguarded", offload="off"))
    assert re.fullmatch(NO_DRIVER, elsewhere(own, "set", "lo", "driver=" + kmod.SIM))
    # All or nothing: what stands beside it is not set either.
    assert re.fullmatch(NO_DRIVER, elsewhere(own, "set", "lo", "ttl=lossy", "driver="))
    dumped = elsewhere(own, "dump", "lo")
    # Some modules make a device of theirs in each namespace.
    assert set(re.findall("'ifname': '(.*?)'", dumped)) - {"tunl0", "sit0", "ip6tnl0"} == {"lo"}


@pytest.fixture
def strangers():
    """A router whose ports are of a kind that the module does not know."""
    kmod.load(kmod.CORE)
    with Router(link_kind=kmod.STRANGER) as made, kmod.all_messages():
        yield made


def software(router, reason):
    """All of a router's ports are in software for a reason, and so is what it forwards."""
    with device.opened(router.ns) as devices:
        for name in router.names:
            shown = devices.get(name)
            assert (shown["backend"], shown["reason"]) == ("software", reason)
            assert shown["reason_text"]
    flow = establish(Flow(router))
    for _ in range(3):
        probe(flow)
    before = router.asic.calls["add"]
    assert_software(measure(flow, 10))
    assert (before, router.asic.calls["add"], router.asic.entries) == (before, before, 0)


def bridged(devices, names):
    wait_for(lambda: all(devices.get(name)["backend"] == "bridged" for name in names), 10 * SCALE,
             lambda: "bridged: %s" % devices.dump())
    for name in names:
        assert devices.get(name)["reason"] is None


@pytest.mark.every_kernel
def test_a_driver_that_is_vouched_for_is_programmed(strangers, kernel_log):
    """Unknown before and after; in between, the ASIC forwards by the rules of the named driver."""
    router = strangers
    with device.opened(router.ns) as devices:
        shown = devices.get("p0")
        assert (shown["device_driver"], shown["driver"], shown["backend"]) == (
            kmod.STRANGER, None, "none")
        router.nft(rules.whole(router))
        software(router, "unknown-driver")
        kernel_log.wait_for("nft_offload: p0: software: .*not known.*vouch.*policy")
        assert router.asic.calls["bind"] == 0
        router.nft("flush ruleset")
        for name in router.names:
            devices.set(name, driver=kmod.SIM)
            assert devices.get(name)["driver"] == kmod.SIM
        router.nft(rules.whole(router))
        assert_hardware(measure(established(router), 10))
        bridged(devices, router.names)
        router.nft("flush ruleset")
        wait_for(lambda: router.asic.calls["unbind"] == 2, 10 * SCALE, "the ports to be unbound")
        assert [devices.get(name)["backend"] for name in router.names] == ["none"] * 2
        for name in router.names:
            devices.set(name, driver="")
        router.nft(rules.whole(router))
        software(router, "unknown-driver")
        assert router.asic.calls["bind"] == 2


def test_a_device_ends_whose_driver_is_not_vouched_for_any_more(strangers):
    """Its port is there all the same, and must not outlive it."""
    router = strangers
    with device.opened(router.ns) as devices:
        for name in router.names:
            devices.set(name, driver=kmod.SIM)
        router.nft(rules.whole(router))
        assert_hardware(measure(established(router), 10))
        for name in router.names:
            devices.set(name, driver="")
    asic = router.asic
    router.ns.ip("link del p0")
    assert "in=p0" not in asic.get("table")
    assert "out=p0" not in asic.get("table")
    assert asic.calls["orphaned"] == 0
    router.nft("flush ruleset")
    kmod.unload(kmod.CORE)


def test_a_device_that_comes_back_unvouched_says_so(strangers):
    """To those that are bound on top of it, until somebody vouches for it again."""
    router = strangers
    port, there = router.ports[0], router.sides[0]
    with device.opened(router.ns) as devices:
        devices.set("p0", driver=kmod.SIM)
        router.nft(rules.whole(router, [encap.stack(router, port, "vlan").top]))
        devices.wait_for_bind("p0.10", "bridged")
        router.move_port(port, there)
        with pytest.raises(genl.Refused) as refusal:
            devices.set("p0.10", offload="off")
        assert "the device below" in refusal.value.message
        devices.wait_for_bind("p0.10", "software", "device-gone")
        router.move_port(port, router.ns, origin=there)
        devices.wait_for_bind("p0.10", "software", "unknown-driver")
        devices.set("p0", driver=kmod.SIM)
        devices.wait_for_bind("p0.10", "bridged")


def test_what_is_off_is_in_software():
    """As the ruleset is loaded; on again, it is in hardware."""
    kmod.load(kmod.CORE)
    with Router() as router, device.opened(router.ns) as devices:
        for name in router.names:
            devices.set(name, offload="off")
        router.nft(rules.whole(router))
        software(router, "policy")
        assert router.asic.calls["bind"] == 0
        router.nft("flush ruleset")
        for name in router.names:
            devices.set(name, offload="auto")
        router.nft(rules.whole(router))
        assert_hardware(measure(established(router), 10))
        bridged(devices, router.names)


def test_why_a_bridged_device_is_in_software_now():
    """What the port says counts as soon as it knows better than setup()."""
    kmod.load(kmod.CORE)
    with Router() as router, device.opened(router.ns) as devices:
        router.ns.run("tc qdisc add dev p0 clsact")
        router.nft(rules.whole(router))
        bridged(devices, ["p1"])
        wait_for(lambda: devices.get("p0")["reason"] == "block-busy", 10 * SCALE,
                 lambda: str(devices.get("p0")))
        assert devices.get("p0")["backend"] == "software"
        router.ns.run("tc qdisc del dev p0 clsact")
        bridged(devices, ["p0", "p1"])


@pytest.mark.every_kernel
def test_requests_race_with_devices_that_come_and_go(space):
    """Only a missing device may be missed; and nothing is left of a device that has gone."""
    names = ["r%d" % number for number in range(4)]
    over = threading.Event()
    counts, errors = dict.fromkeys(("set", "get", "dump", "missing"), 0), []

    def worker(name):
        try:
            with device.opened(space) as devices:
                while not over.is_set():
                    request(devices, name)
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)
            over.set()

    def request(devices, name):
        try:
            devices.set(name, ttl="lossy", driver=kmod.SIM)
            counts["set"] += 1
            devices.get(name)
            counts["get"] += 1
        except genl.Refused as error:
            if error.errno != errno.ENODEV:
                raise
            counts["missing"] += 1
        try:
            devices.dump()
            counts["dump"] += 1
        except InterruptedError:
            pass

    threads = [threading.Thread(target=worker, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            space.ip(*["link add %s type dummy" % name for name in names])
            space.ip(*["link del %s" % name for name in names])
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert all(counts.values()), counts
    with device.opened(space) as devices:
        space.ip(*["link add %s type dummy" % name for name in names])
        assert [devices.get(name)["policy"] for name in names] == [DEFAULT] * len(names)
    # Which warns if a policy is left.
    kmod.unload(kmod.CORE)


@pytest.mark.every_kernel
def test_unloading_waits_for_a_dump_and_for_nothing_else(space):
    """A dump that its reader has begun holds the module; a socket that is open does not."""
    space.ip(*["link add many%d type dummy" % number for number in range(100)])
    with device.opened(space) as devices:
        devices.set("many5", ttl="lossy")
        request = devices.socket.send(devices.family, GET, flags=genl.NLM_F_DUMP)
        with pytest.raises(CommandError, match="in use"):
            run(["rmmod", kmod.CORE])
        assert len(list(devices.socket.answers(request))) == len(links(space))
        devices.socket.send(devices.family, GET, flags=genl.NLM_F_DUMP)
        with pytest.raises(CommandError, match="in use"):
            run(["rmmod", kmod.CORE])
    # The reader went away in the middle.
    with device.opened(space) as devices:
        kmod.unload(kmod.CORE)
        refused(errno.ENOENT, devices.get, "d0")
        refused(errno.ENOENT, devices.socket.resolve, device.FAMILY)
    kmod.load(kmod.CORE)


def test_requests_race_with_the_modules_end(space):
    """Each is answered, or finds no family."""
    over = threading.Event()
    answered, errors = [], []

    def worker():
        try:
            with genl.opened(space) as socket:
                while not over.is_set():
                    try:
                        devices = device.Devices(socket)
                        devices.set("d0", tcp="unguarded")
                        answered.append(len(devices.dump()))
                    except genl.Refused as error:
                        if error.errno not in (errno.ENOENT, errno.EPROTONOSUPPORT):
                            raise
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            kmod.load(kmod.CORE)
            seen = len(answered)
            wait_for(lambda: len(answered) > seen + 2 or errors, 30 * SCALE, "answers")
            kmod.unload(kmod.CORE)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not errors, errors


def test_nobody_gets_the_module_loaded_by_its_familys_name(space):
    kmod.unload(kmod.CORE)
    with genl.opened(space) as socket:
        refused(errno.ENOENT, socket.resolve, device.FAMILY)
    assert not kmod.loaded(kmod.CORE)
    assert "net-pf-16" not in run(["modinfo", "-F", "alias", kmod.CORE]).stdout
