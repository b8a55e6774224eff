# SPDX-License-Identifier: GPL-2.0
"""No new door: what somebody without privileges reaches, and what never leaves the kernel."""

import contextlib
import errno
import os
import re
import stat
import struct
import sys

import pytest

from nfto import device, genl, kmod, rules
from nfto.asic import ROOT
from nfto.cli import COMMAND, Cli
from nfto.crowd import Sender
from nfto.device import C
from nfto.flow import Flow
from nfto.kmod import CORE, SIM
from nfto.netns import Namespace, UsersNamespace, ip_lines
from nfto.shell import SCALE, run, wait_for
from nfto.topology import Router
from nfto.traffic import assert_hardware, establish, established, measure

pytest_plugins = "nfto.fixtures"

TESTS = os.path.dirname(os.path.abspath(__file__))
# Every command, by number: the flags with which it is asked for something, and what it names.
COMMANDS = {
    C.NFTO_CMD_DEVICE_GET: ("ack", "lo"), C.NFTO_CMD_DEVICE_SET: ("ack", "lo"),
    C.NFTO_CMD_FLOWTABLE_GET: ("dump", ""), C.NFTO_CMD_FLOW_GET: ("dump", ""),
    C.NFTO_CMD_REASON_GET: ("dump", ""), C.NFTO_CMD_FLOW_FLUSH: ("ack", ""),
    C.NFTO_CMD_SUBSCRIBE: ("ack", ""), C.NFTO_CMD_VERSION_GET: ("ack", ""),
    C.NFTO_CMD_DEVICE_PROBE: ("ack", "lo"),
}
# What could be told of others.
LISTS = (C.NFTO_CMD_FLOWTABLE_GET, C.NFTO_CMD_FLOW_GET)
# Asks for all of it, and prints errno or "done", of lists with the number of answers.
CHILD = """
from nfto import device, genl
from nfto.device import C
with genl.Socket() as socket:
    family = socket.resolve(device.FAMILY)
    for command, (flags, name) in %r.items():
        attributes = [device.name_of(name)] if name else []
        if command == C.NFTO_CMD_FLOW_FLUSH:
            attributes = [device.filter_of()]
        if command == C.NFTO_CMD_DEVICE_SET:
            attributes.append(device.policy_of(ttl="lossy"))
        request = socket.send(family, command, *attributes, flags={
            "ack": genl.NLM_F_ACK, "dump": genl.NLM_F_DUMP}[flags])
        try:
            answers = list(socket.answers(request))
            print(command, "done:%%d" %% len(answers) if command in %r else "done")
        except genl.Refused as error:
            print(command, error.errno)
""" % (COMMANDS, LISTS)

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
USER_NAMESPACE = NOBODY + ["unshare", "--map-root-user"]


def reached(namespace, wrapper):
    """What all commands say to a process that is made by a wrapper in a namespace."""
    text = namespace.run(wrapper + ["env", "PYTHONPATH=" + TESTS, "PYTHONDONTWRITEBYTECODE=1",
                                    sys.executable, "-c", CHILD]).stdout
    return {int(number): word for number, word in map(str.split, text.splitlines())}


def test_every_command_is_here():
    requests = set(range(1, device.COMMANDS)) - {C.NFTO_CMD_EVENT_NTF}
    assert set(COMMANDS) == requests


@pytest.mark.parametrize("wrapper", [NOBODY, USER_NAMESPACE], ids=["nobody", "user-namespace"])
def test_nothing_of_a_router_is_told_to_those_without_privileges(router, wrapper):
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    established(router)
    assert reached(router.ns, wrapper) == dict.fromkeys(COMMANDS, str(errno.EPERM))
    assert router.asic.entries == 2


def test_all_that_a_user_namespace_reaches_is_its_own(router):
    """Its flows, of which there are none, its devices, of which none is the driver's to serve, the
    version; and policies of its own devices."""
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    established(router)
    calls = router.asic.calls
    assert reached(router.ns, USER_NAMESPACE + ["--net"]) == {
        **dict.fromkeys(COMMANDS, "done"), **dict.fromkeys(LISTS, "done:0"),
        C.NFTO_CMD_DEVICE_PROBE: str(errno.EOPNOTSUPP)}
    assert router.asic.entries == 2
    after = router.asic.calls
    assert [after[name] for name in ("add", "del", "bind")] == [
        calls[name] for name in ("add", "del", "bind")]


@pytest.fixture
def others():
    """Namespaces, each with a flowtable of a device that has no driver to serve it."""
    kmod.load(CORE)
    with contextlib.ExitStack() as stack:
        made = [Namespace("other%d" % number) for number in range(6)]
        for space in made:
            stack.callback(space.create().delete)
            space.ip("link add d0 type dummy", "addr add 10.9.0.1/24 dev d0", "link set d0 up")
            space.nft(rules.forward(["d0"]))
        yield made


def test_what_others_change_is_nothing_to_a_routers_flows(router, others):
    """Their routes come and go in numbers that nobody remembers one by one."""
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    flow = established(router)
    before = router.asic.calls
    names = ["10.9.%d.0/24" % number for number in range(1, 64)]
    for _ in range(3):
        # One by one from each in turn, so that none has told all before the next begins.
        for at in range(0, len(names), 7):
            for space in others:
                space.ip(*["route add %s via 10.9.0.2" % name for name in names[at:at + 7]])
        for space in others:
            space.run("ip route flush via 10.9.0.2")
    assert_hardware(measure(flow, 5))
    after = router.asic.calls
    assert [after[name] for name in ("add", "del")] == [before[name] for name in ("add", "del")]


def listed(devices, number):
    wait_for(lambda: len(devices.flows()) == number, 20 * SCALE,
             lambda: "%d directions: %d" % (number, len(devices.flows())))
    assert {flow["reason"] for flow in devices.flows()} <= {"user-namespace"}


def test_a_users_namespace_lists_so_many_flows_and_no_more():
    """Those beyond are software's all the same; as others go, new ones are listed."""
    kmod.load(CORE)
    router = Router()
    router.ns = UsersNamespace("router").create()
    with router, device.opened(router.ns) as devices:
        router.flow_timeout(3600)
        router.nft(rules.whole(router))
        sender = Sender(router)
        sender.establish(range(2500))
        listed(devices, 4096)
        assert router.conntrack("-L").stdout.count("OFFLOAD]") == 2500
        router.conntrack("-F")
        listed(devices, 0)
        sender.establish(range(2500, 2600))
        listed(devices, 200)
        assert not router.asic.calls["add"] and not router.asic.calls["bind"]


@pytest.fixture
def users():
    """A user's namespace, with a device that anybody can make."""
    kmod.load(CORE)
    kmod.load(SIM)
    space = UsersNamespace("users").create()
    space.ip("link add d0 type dummy")
    yield space
    space.delete()


def give_nic(space):
    ip_lines(["link add l0 type dummy", "link add link l0 name q0 type %s" % SIM,
              "link set q0 netns %s" % space.name, "link set l0 netns %s" % space.name])


@pytest.fixture
def many(users):
    """For flowtables and devices in great number."""
    give_nic(users)
    return users


def flowtable_in(table, devices):
    # In a table a device is in one flowtable.
    return "table inet %s {\n%s\n}\n" % (table, rules.flowtable(devices, name="f"))


def assert_refused(done):
    assert done.returncode and "not supported" in done.stderr, done


def texts_of(*words):
    """What the command says to root of a user namespace alone, where there is no NIC."""
    return run(USER_NAMESPACE + ["--net", COMMAND] + list(words), check=False).stdout


def test_a_user_without_a_nic_gets_a_flowtable_without_the_flag(users):
    """With it, the core would work for its flows, and wait for that when a device goes down. Once
    there is a NIC, a flowtable that is made anew has it."""
    for number in range(70):
        users.nft(flowtable_in("a%d" % number, ["d0"]))
    with device.opened(users) as devices:
        assert not devices.flowtables()
        give_nic(users)
        users.nft("table inet a7 {\n%s\n}" % rules.flowtable(["q0"], offload=False))
        assert not devices.flowtables()
        users.nft("delete table inet a7\n" + flowtable_in("a7", ["d0", "q0"]))
        assert [table["table"] for table in devices.flowtables()] == ["a7"]
    for words in ["status"], ["doctor"]:
        assert "no flowtable has flags offload" in texts_of(*words)
        assert "given no NIC" in texts_of(*words)


def test_strict_lets_no_user_leave_out_the_flag(users):
    kmod.load(CORE, strict=1)
    assert_refused(users.nft(flowtable_in("a", ["d0"]), check=False))
    kmod.load(CORE)


def test_a_users_namespace_has_so_many_flowtables_and_no_more(many):
    """More are refused as without the module, until there are fewer."""
    many.nft("".join(flowtable_in("a%d" % number, ["d0"]) for number in range(64)))
    more = flowtable_in("b", ["d0"])
    assert_refused(many.nft(more, check=False))
    many.nft("delete table inet a7")
    wait_for(lambda: not many.nft(more, check=False).returncode, 20 * SCALE, "room")


def test_a_users_namespace_has_so_many_devices_and_no_more(many):
    """In all its flowtables together; also one that is added to a flowtable counts."""
    names = ["d%d" % number for number in range(33)]
    many.ip(*["link add %s type dummy" % name for name in names[1:]])
    for number in range(31):
        many.nft(flowtable_in("a%d" % number, names))
    many.nft(flowtable_in("a31", names[:1]))
    for table in "a31", "a32":
        assert_refused(many.nft(flowtable_in(table, names[1:2]), check=False))
    many.nft("delete table inet a31")
    wait_for(lambda: not many.nft(flowtable_in("a33", names[:1]), check=False).returncode,
             20 * SCALE, "room")


def test_users_namespaces_have_so_many_monitors_and_no_more():
    """4 in each, 64 in all; those of others are not counted with them."""
    kmod.load(CORE)
    with contextlib.ExitStack() as stack:
        def space(kind, name):
            made = kind(name).create()
            stack.callback(made.delete)
            return made

        def monitor(there):
            stack.enter_context(device.opened(there)).subscribe()

        def assert_no_more(there):
            with pytest.raises(genl.Refused) as refused:
                monitor(there)
            assert refused.value.errno == errno.EUSERS

        users = [space(UsersNamespace, "users%d" % number) for number in range(17)]
        for each in users[:16]:
            for _ in range(4):
                monitor(each)
            assert_no_more(each)
        assert_no_more(users[16])
        monitor(space(Namespace, "roots"))


def test_files_are_roots_to_write():
    """Parameters may be read by all, debugfs by root alone."""
    kmod.load(CORE)
    kmod.load(SIM)
    for name in CORE, SIM:
        folder = "/sys/module/%s/parameters" % name
        for entry in os.listdir(folder):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, entry)).st_mode)
            assert not mode & 0o022, (entry, oct(mode))
    assert not stat.S_IMODE(os.stat(os.path.dirname(os.path.dirname(ROOT))).st_mode) & 0o077


# An address of the kernel's, as text; also as a number that somebody may print.
ADDRESS = re.compile(r"\bffff[0-9a-f]{12}\b|\b1844[56]\d{15}\b|-\d{14,19}\b", re.I)
KERNEL = 0xffff800000000000


def addresses_in(data):
    """Offsets of what may be a pointer, at multiples of four bytes; -1 is none."""
    return [at for at in range(0, len(data) - 7, 4)
            if KERNEL <= struct.unpack_from("<Q", data, at)[0] < (1 << 64) - (1 << 20)]


class Recorder(genl.Socket):
    """Keeps what has been received."""

    def __init__(self):
        super().__init__()
        self.data = []

    def receive(self, wanted):
        for kind, flags, body in super().receive(wanted):
            self.data.append(body)
            yield kind, flags, body


def test_an_address_would_be_seen():
    assert ADDRESS.search("cookie ffff888012345678,") and ADDRESS.search("18446612682070000000")
    assert addresses_in(struct.pack("<IQ", 1, 0xffff888012345678)) == [4]
    assert not addresses_in(bytes(64)) and not ADDRESS.search("ff:ff:ff:ff:ff:ff")


def test_no_address_of_the_kernel_is_told(router):
    """By netlink, the command, the virtual ASIC or the log, of flows in hardware and others."""
    router.asic.set(capacity=3)
    with kmod.all_messages():
        router.nft(rules.whole(router))
        established(router, "ipv4", "tcp", "both")
        flow = establish(Flow(router, "ipv4", "udp", "none"))
        assert not measure(flow, 5).ledger.faults()
    with router.ns.entered():
        recorder = Recorder()
    with recorder:
        devices = device.Devices(recorder)
        wait_for(lambda: len(devices.flows()) == 4 and devices.reasons()["table-full"],
                 10 * SCALE, lambda: "four directions: %s" % devices.flows())
        assert devices.dump() and devices.flowtables()
        devices.subscribe()
        # On a socket of its own: who waits for an answer passes over events.
        with device.opened(router.ns) as other:
            assert other.flush() == 4
        wait_for(lambda: list(recorder.events(0.1)), 10 * SCALE, "events")
    told = b"".join(recorder.data)
    found = addresses_in(told)
    assert len(told) > 1000 and not found, [told[at - 8:at + 16].hex() for at in found]
    cli = Cli(router)
    texts = [cli.text(*words) for words in (["status"], ["flows"], ["--json", "status"],
                                            ["--json", "flows"], ["version"])]
    texts += [router.asic.get(name) for name in os.listdir(router.asic.path(""))
              if os.access(router.asic.path(name), os.R_OK)]
    texts += [line for line in run("dmesg").stdout.splitlines() if "nft_offload" in line]
    assert any("nft_offload: p0" in text for text in texts)
    for text in texts:
        assert not ADDRESS.search(text), ADDRESS.search(text)
