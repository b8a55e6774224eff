# SPDX-License-Identifier: GPL-2.0
"""Netlink requests at random, by the grammar and beside it: each has its answer, none does harm.

    scripts/check --kernel NAME -- test_grammar.py --requests 100000 --seed 2
"""

import collections
import contextlib
import socket
import struct

import pytest

from nfto import asic, device, genl, grammar, kmod, rtnl, rules
from nfto.agreement import Agreement
from nfto.device import C
from nfto.netns import Namespace
from nfto.shell import SCALE, wait_for
from nfto.traffic import Background, assert_hardware, established, measure, offloaded

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.timeout(1200), pytest.mark.one_kernel]

# Numbers of devices, put in once those are there.
INDEXES = [1]


def INDEX(chance):
    return grammar.one_of(*INDEXES)(chance)


FILTER = {
    C.NFTO_A_FILTER_IFINDEX: INDEX,
    C.NFTO_A_FILTER_TABLE: grammar.word("filter", "nat"),
    C.NFTO_A_FILTER_FLOWTABLE: grammar.word("f", "g"),
    C.NFTO_A_FILTER_STATE: grammar.one_of(*device.STATES),
    C.NFTO_A_FILTER_REASON: grammar.word("flushed", "policy", "mtu", "driver"),
    C.NFTO_A_FILTER_ADDRESS: grammar.octets(4, 16, 0, 5),
    C.NFTO_A_FILTER_PORT: grammar.octets(2, 4),
    C.NFTO_A_FILTER_PROTOCOL: grammar.one_of(6, 17),
    C.NFTO_A_FILTER_DIRECTION: grammar.one_of(0, 1),
}
POLICY = {
    C.NFTO_A_POLICY_DRIVER: grammar.word("", kmod.SIM),
    C.NFTO_A_POLICY_TTL: grammar.one_of(0, 1, 2),
    C.NFTO_A_POLICY_TCP: grammar.one_of(0, 1),
    C.NFTO_A_POLICY_OFFLOAD: grammar.one_of(0, 1),
}
NAMED = {C.NFTO_A_IFINDEX: INDEX, C.NFTO_A_IFNAME: grammar.word("p0", "p1", "w0", "lo")}
FILTERED = {C.NFTO_A_FILTER: FILTER}
# What each command takes.
COMMANDS = {
    C.NFTO_CMD_DEVICE_GET: NAMED,
    C.NFTO_CMD_DEVICE_SET: {**NAMED, C.NFTO_A_POLICY: POLICY},
    C.NFTO_CMD_FLOWTABLE_GET: {C.NFTO_A_PAD: grammar.octets(0)},
    C.NFTO_CMD_FLOW_GET: FILTERED,
    C.NFTO_CMD_REASON_GET: {C.NFTO_A_PAD: grammar.octets(0)},
    C.NFTO_CMD_FLOW_FLUSH: FILTERED,
    C.NFTO_CMD_SUBSCRIBE: FILTERED,
    C.NFTO_CMD_VERSION_GET: {C.NFTO_A_PAD: grammar.octets(0)},
    C.NFTO_CMD_DEVICE_PROBE: {
        **NAMED, C.NFTO_A_EGRESS: INDEX, C.NFTO_A_LIMIT: grammar.one_of(1, 4, 50)},
}
ALL = {number: made for taken in COMMANDS.values() for number, made in taken.items()}


@pytest.fixture
def chance(request):
    return grammar.Chance(request.config.getoption("--seed"))


@pytest.fixture
def requests(request):
    return request.config.getoption("--requests")


def lacking(seen, commands):
    return [(command, word) for command in commands for word in ("done", "refused")
            if not seen[command, word]]


def turns(chance, number, seen, commands):
    """As many as asked for, and more while a command was never done or never refused."""
    for turn in range(20 * number):
        if turn >= number and not lacking(seen, commands):
            break
        chance.strict = chance.random() < 0.5
        yield turn
    assert not lacking(seen, commands), seen


def outcome(answers):
    """In a word. A request without an answer is the socket's timeout, which nobody catches."""
    try:
        list(answers)
    except genl.Refused:
        return "refused"
    except InterruptedError:
        pass
    return "done"


def asked(router, chance, number):
    """What became of requests, by command."""
    seen = collections.Counter()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(genl.opened(router.ns))
        family = made.resolve(device.FAMILY)
        for _ in turns(chance, number, seen, COMMANDS):
            command = chance.choice(list(COMMANDS))
            text = grammar.sentence(chance, ALL if chance.odd(0.2) else COMMANDS[command])
            flags = chance.choice((genl.NLM_F_ACK, genl.NLM_F_ACK, genl.NLM_F_DUMP))
            done = outcome(made.answers(made.send(family, command, text, flags=flags)))
            seen[command, done] += 1
            if command == C.NFTO_CMD_SUBSCRIBE:
                # Events come from now on, which nobody reads.
                stack.close()
                made = stack.enter_context(genl.opened(router.ns))
    return seen


def test_the_family(router, chance, requests):
    """Policies and filters are among what is asked for, so flows come and go; none loses a packet,
    and all are as before when the policies are."""
    router.nft(rules.whole(router))
    INDEXES[:] = numbers(router.ns)
    flow = established(router)
    with Background(flow, patience=5) as background:
        print(asked(router, chance, requests))
    background.assert_none_lost()
    with device.opened(router.ns) as devices:
        for name in router.names:
            devices.set(name, **device.DEFAULT)
    assert_hardware(measure(offloaded(flow, deadline=120), 5))
    Agreement(router).wait()


def numbers(space):
    with space.entered():
        return [number for number, _ in socket.if_nameindex()]


KIND = {rtnl.IFLA_INFO_KIND: grammar.word(kmod.SIM, kmod.SIM, kmod.SIM, "dummy"),
        rtnl.IFLA_INFO_DATA: {1: grammar.octets(0, 4)}}
LINK = {
    rtnl.IFLA_LINK: INDEX,
    rtnl.IFLA_IFNAME: grammar.word("q0", "q1", "q2", "q3"),
    rtnl.IFLA_ADDRESS: grammar.octets(6, 6, 6, 0, 5, 8),
    rtnl.IFLA_BROADCAST: grammar.octets(6),
    rtnl.IFLA_MTU: grammar.one_of(68, 1400, 1500, 9000),
    rtnl.IFLA_MASTER: INDEX,
    rtnl.IFLA_TXQLEN: grammar.one_of(0, 1000),
    rtnl.IFLA_OPERSTATE: grammar.octets(1),
    rtnl.IFLA_GROUP: grammar.one_of(0, 7),
    rtnl.IFLA_NUM_TX_QUEUES: grammar.one_of(1, 4),
    rtnl.IFLA_NUM_RX_QUEUES: grammar.one_of(1, 4),
    rtnl.IFLA_CARRIER: grammar.octets(1),
    rtnl.IFLA_LINK_NETNSID: grammar.one_of(0, 1),
    rtnl.IFLA_LINKINFO: KIND,
}
# Links that are made out of nothing but what must be there.
PORT = {rtnl.IFLA_LINK: LINK[rtnl.IFLA_LINK], rtnl.IFLA_LINKINFO: KIND}


def fill(space):
    """Wires to make ports of, and what is none."""
    space.create()
    space.ip(*["link add l%d type dummy" % number for number in range(3)],
             "link add link l2 name l2.5 type vlan id 5")


@contextlib.contextmanager
def opened(space):
    with space.entered():
        made = rtnl.Socket()
    with made:
        yield made


@pytest.fixture
def space():
    kmod.load(kmod.SIM)
    made = Namespace("grammar")
    fill(made)
    yield made
    if made.exists():
        made.delete()


LINK_COMMANDS = rtnl.RTM_NEWLINK, rtnl.RTM_SETLINK, rtnl.RTM_DELLINK
# Would make links where nobody looks for them: NET_NS_PID, NET_NS_FD, TARGET_NETNSID.
ELSEWHERE = (19, 28, 46)


def link_request(made, command, chance):
    """Sends one request; a link may be named by its number, or by an attribute."""
    text = grammar.sentence(chance, LINK)
    flags = 0
    if command == rtnl.RTM_NEWLINK and chance.random() < 0.7:
        flags = rtnl.NLM_F_CREATE | rtnl.NLM_F_EXCL
        text += b"".join(grammar.sentence(chance, {number: made}, most=1)
                         for number, made in PORT.items())
    index = 0 if flags else chance.choice([0] * 3 * len(INDEXES) + INDEXES)
    if any(kind & genl.NLA_TYPE_MASK in ELSEWHERE for kind in kinds(text)):
        text = b""
    return made.request(command, index, chance.getrandbits(1), text, flags)


def kinds(text):
    """The types of attributes, as far as they can be read."""
    at = 0
    while at + 4 <= len(text):
        length, kind = struct.unpack_from("HH", text, at)
        yield kind
        at += max(length, 4) + 3 & ~3


def test_links_of_the_simulator(space, chance, requests):
    """Made, changed and deleted; in the end nothing is left of their ASICs."""
    seen = collections.Counter()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(opened(space))
        for _ in turns(chance, requests, seen, LINK_COMMANDS):
            INDEXES[:] = numbers(space)
            command = chance.choice((rtnl.RTM_NEWLINK, *LINK_COMMANDS))
            seen[command, outcome(made.answers(link_request(made, command, chance)))] += 1
            seen["ports"] += len(asic.names())
            # Wires must not run out, nor devices grow in number that are made beside.
            if not all(map(space.has_link, ("l0", "l1", "l2"))) or len(INDEXES) > 20:
                stack.close()
                space.delete()
                fill(space)
                made = stack.enter_context(opened(space))
    assert seen["ports"], seen
    space.delete()
    wait_for(lambda: not asic.names(), 10 * SCALE, lambda: "no ASIC: %s" % asic.names())
