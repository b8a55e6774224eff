# SPDX-License-Identifier: GPL-2.0
"""Each allocation that the module makes for a request fails, one after the other: the request
fails for that reason, or does without; afterwards the same request succeeds."""

import itertools
import re

import pytest

from nfto import device, failing, kmod, nft, rules
from nfto.agreement import Agreement
from nfto.cli import COMMAND
from nfto.flow import Flow
from nfto.shell import SCALE, run, wait_for
from nfto.topology import Router
from nfto.traffic import (Background, assert_hardware, establish, established, measure,
                          offloaded)

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

REQUESTS = {
    "status": [COMMAND, "status"], "flows": [COMMAND, "flows"], "reasons": [COMMAND, "reasons"],
    "version": [COMMAND, "version"],
    "policy": [COMMAND, "policy", "p1", "tcp", "unguarded"], "flush": [COMMAND, "flush", "all"],
    "probe": [COMMAND, "probe", "p0"], "fill": [COMMAND, "probe", "p0", "fill", "3"],
    "load": None, "software": None,
}
# As a program may say it.
NO_MEMORY = re.compile("memory|buffer space", re.I)
# More allocations than this no request has.
MOST = 1000
# Of those that have very many, every so many-th fails.
STEP = {"probe": 7, "fill": 11, "module": 5}
# These may have none: the core's work items do what they lead to.
WITHOUT = ("flows", "reasons", "software")


@pytest.mark.parametrize("name", REQUESTS)
def test_any_allocation_may_fail(router, name):
    router.nft(rules.whole(router))
    flow = established(router)
    command, stdin = REQUESTS[name], None
    if not command:
        command, stdin = nft.command(rules.whole(router, [] if name == "software" else None))
    agreement = Agreement(router)
    number = failed = 0
    with Background(flow, patience=5) as background:
        for number in itertools.count(1, STEP.get(name, 1)):
            with failing.nth(number, command) as (argv, has_failed):
                done = router.ns.run(argv, stdin=stdin, check=False)
                if not has_failed():
                    break
            assert number < MOST
            failed += 1
            assert not done.returncode or NO_MEMORY.search(done.stdout + done.stderr), done
            agreement.wait()
            router.ns.run(command, stdin=stdin)
            if name == "software":
                router.nft(rules.whole(router))
        assert not done.returncode, done
    background.assert_none_lost()
    print("%d of %d allocations failed" % (failed, number - 1))
    assert failed or name in WITHOUT
    router.nft(rules.whole(router))
    assert_hardware(measure(offloaded(flow, deadline=60), 5))
    agreement.wait()


def test_the_module_is_there_or_not(router):
    """Any allocation of its start may fail: then it does not load, or does without."""
    # Each time it is loaded to where it was, which is the only room of its size.
    span, failed = failing.ours(), 0
    for number in itertools.count(1, STEP["module"]):
        kmod.unload(kmod.CORE)
        with failing.nth(number, ["modprobe", kmod.CORE], span) as (argv, has_failed):
            done = run(argv, check=False)
            if not has_failed():
                break
        assert number < MOST
        failed += 1
        assert kmod.loaded(kmod.CORE) != bool(done.returncode), done
        assert not done.returncode or NO_MEMORY.search(done.stderr), done
    assert not done.returncode, done
    print("%d allocations failed" % failed)
    assert failed > 10
    router.nft(rules.whole(router))
    assert_hardware(measure(established(router), 5))


@pytest.mark.debug
def test_allocations_of_workers_may_fail(router, request):
    """Those that nobody asked for: of the flows that the core tells of, and their programming."""
    router.keep_flows()
    router.nft(rules.whole(router))
    agreement = Agreement(router)
    failed, rounds = 0, request.config.getoption("--rounds")
    for _ in range(6 * rounds):
        with failing.some(3) as count:
            flow = established(router)
            router.ns.run([COMMAND, "flush", "all"], check=False)
        failed += count()
        assert_hardware(measure(offloaded(flow, deadline=60), 5))
        agreement.wait()
    print("%d allocations failed" % failed)
    assert failed > 6 * rounds


@pytest.mark.debug
def test_a_native_driver_keeps_no_flow_that_we_had_no_memory_for(router):
    """Not known to us, it ends with its flowtable all the same."""
    router.asic.set(personality="ft")
    router.keep_flows()
    router.nft(rules.whole(router))
    with failing.some(1000, probability=100) as count, device.opened(router.ns) as devices:
        establish(Flow(router))
        wait_for(lambda: router.asic.entries == 2, 20 * SCALE, "both directions in hardware")
        assert count() and not devices.flows()
    router.nft("flush ruleset")
    wait_for(lambda: router.asic.entries == 0, 20 * SCALE, "an empty table")
    assert router.asic.calls["orphaned"] == 0


class Neighbours:
    """On the first of two pairs of ports, each with a flow."""

    def __init__(self, router):
        self.router, self.agreement = router, Agreement(router)
        self.flows = [establish(Flow(router, "ipv4", "udp", "none", client=client,
                                     server=client + 1)) for client in (0, 2)]
        self.octets = itertools.count(10)

    def in_hardware(self):
        """How many rules were deleted before all were seen in hardware: an end is one more."""
        before = self.router.asic.calls["del"]
        for flow in self.flows:
            offloaded(flow, deadline=60)
        self.agreement.wait()
        return before

    def add(self, number):
        self.router.ns.ip(*["neigh replace 10.2.0.%d lladdr 02:00:00:00:77:%02x nud permanent "
                            "dev p1" % (octet, octet)
                            for octet in itertools.islice(self.octets, number)])

    def one_ends_none(self):
        """Another's new MAC ends the second flow, and shows that the new one was looked at."""
        before = self.in_hardware()
        self.add(1)
        port = self.router["p3"]
        port.host_mac = "02:00:00:00:78:%02x" % next(self.octets)
        self.router.ns.ip(*port.neighbour_lines())
        wait_for(lambda: self.router.asic.calls["del"] >= before + 2, 20 * SCALE, "an end")
        self.agreement.wait()
        return self.router.asic.calls["del"] == before + 2


@pytest.mark.debug
def test_neighbours_that_were_not_remembered_are_met_again():
    """Until then each that is new may be one of them, with another MAC: it ends all flows."""
    kmod.load(kmod.CORE)
    with Router(("sim",) * 4) as router:
        router.keep_flows()
        router.nft(rules.whole(router))
        neighbours = Neighbours(router)
        assert neighbours.one_ends_none()
        before = neighbours.in_hardware()
        with failing.some(10):
            neighbours.add(20)
        wait_for(lambda: router.asic.calls["del"] >= before + 4, 20 * SCALE, "an end of all")
        wait_for(neighbours.one_ends_none, 20 * SCALE, "quiet")
