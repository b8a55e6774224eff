# SPDX-License-Identifier: GPL-2.0
"""Random flows through NICs of all kinds: what leaves is what software would have sent.

    scripts/check --kernel trixie -- test_fuzz.py --flows 20000 --seed 7

The only differences that pass are those that the module lists as hazards of the driver and that
the device's policy lets through. A round is made by seed, number of flows and its own number, so
that a failure is seen again with -k; its message says how.
"""

import collections
import contextlib
import os
import random

import pytest

from nfto import chance, device, encap, fuzz, hazards, kmod, limits, rules
from nfto.flow import BOTH
from nfto.shell import SCALE, wait_for
from nfto.topology import Router
from nfto.trace import recorded

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.timeout(900), pytest.mark.one_kernel]

PER_ROUND = 400

# driver: as what the port is vouched for. parent: has the port a parent id? lossy, unguarded:
# the policy without which nothing (or no TCP) is switched. tags: what it can do with VLANs.
# share: of directions without tags, the least that has to be in hardware by such a policy.
Nic = collections.namedtuple("Nic", "driver parent lossy unguarded tags share")
NICS = {
    "generic": Nic("nft_offload_sim", True, False, False, True, 1.0),
    "mlx5": Nic("mlx5_core", False, False, False, False, 1.0),
    "mlx5-switchdev": Nic("mlx5_core", True, False, False, True, 1.0),
    "nfp": Nic("nfp", True, True, False, True, 0.7),
    "sfc": Nic("sfc_ef100", True, False, False, True, 0.15),
    "cxgb4": Nic("cxgb4", False, True, True, False, 1.0),
    "cxgb4-bare": Nic("cxgb4", False, True, True, False, 1.0),
    "bnxt": Nic("bnxt_en", True, True, True, False, 0.3),
}
ONE_TAG = ("plain", "vlan", "other-vlan")
KINDS = ONE_TAG + ("qinq", "provider", "provider-qinq")


class Plan:
    """What is random in a round, but for the packets: made by seed, round and number of flows."""

    def __init__(self, seed, index, number):
        self.seed, self.index = seed, index
        self.random = given = random.Random("%s/%s/%s" % (seed, index, number))
        first = index < len(NICS)
        self.personality = sorted(NICS)[index % len(NICS)]
        self.nic = NICS[self.personality]
        # Each NIC's first round is one in which it can show something.
        self.lossy = given.random() < 0.8 if self.nic.lossy and not first else (
            self.nic.lossy or given.random() < 0.5)
        self.unguarded = given.random() < 0.8 if self.nic.unguarded and not first else (
            self.nic.unguarded or given.random() < 0.5)
        tagged = given.random() < (0.5 if self.nic.tags else 0 if first else 0.2)
        kinds = ONE_TAG if first else ONE_TAG * 2 + KINDS
        self.kinds = [given.choice(kinds) if tagged else "plain" for _ in BOTH]
        self.by_top = given.random() < 0.5
        self.by_stack = given.random() < 0.3
        self.flows = chance.Flows(given, number).made
        self.entry = hazards.driver(self.nic.driver, self.nic.parent)

    def __str__(self):
        return "%s (ttl %s, tcp %s, ports %s, flowtable of %s devices; control by %s)" % (
            self.personality, "lossy" if self.lossy else "require",
            "unguarded" if self.unguarded else "guarded", " ".join(self.kinds),
            "upper" if self.by_top else "lower", "stack" if self.by_stack else "flowtable")

    def minimum(self):
        """Of directions in hardware."""
        if self.nic.lossy > self.lossy or self.nic.unguarded > self.unguarded:
            return 0
        if set(self.kinds) != {"plain"} and not (self.nic.tags and set(self.kinds) <= set(ONE_TAG)):
            return 0
        return int(self.nic.share * 2 * len(self.flows) * (0.8 if self.nic.share < 1 else 1))

    # ---- what the module lists ----

    def allowed(self, found):
        """Hazards that the policy lets through."""
        return found - ({"ttl-untouched"} if not self.lossy else set()) - (
            {"fin-rst-unseen"} if not self.unguarded else set())

    def hazards_of(self, entry):
        """Of an entry in hardware, by the dialect that it must have been said in."""
        if "ttl-1" in entry["actions"].split(","):
            dialect = "EXACT"
        elif "LOSSY" in self.entry.dialects:
            dialect = "LOSSY"
        else:
            dialect = "UNGUARDED" if "frag=" in entry["match"] else "BARE"
        if dialect not in self.entry.dialects:
            return set()
        found = self.allowed(hazards.of_rule(self.entry, dialect))
        # It speaks of tags that replace tags.
        if "vlan_set" not in entry["actions"]:
            found -= {"retag-dei"}
        return found

    def all_hazards(self):
        return self.allowed(frozenset().union(*(
            hazards.of_rule(self.entry, dialect) for dialect in self.entry.dialects)))

    # ---- the routers ----

    def build(self, router):
        """Tags and routes; returns the devices for the flowtable."""
        tops = [encap.stack(router, port, kind).top
                for port, kind in zip(router.ports, self.kinds)]
        for family, ways in chance.ROUTES.items():
            router.ns.ip(*["route add %s via %s" % (way, port.host[family])
                           for way, port in zip(ways, router.ports)])
        by_top = self.by_top and not limits.has("sub-interfaces") or limits.has("path-discovery")
        return tops if by_top else router.names

    def ruleset(self, devices, **how):
        return "flush ruleset\n" + rules.forward(devices, **how) + "".join(
            chance.nat_rules(self.flows, family, rules.NAT) for family in ("ipv4", "ipv6"))

    def load(self, router):
        devices = self.build(router)
        router.asic.set(personality=self.personality)
        with device.opened(router.ns) as known:
            for name in router.names:
                known.set(name, driver=self.nic.driver,
                          ttl="lossy" if self.lossy else "require",
                          tcp="unguarded" if self.unguarded else "guarded")
        router.nft(self.ruleset(devices))
        wait_for(lambda: router.asic.calls["bind"] == 2, 10 * SCALE, "bound ports")

    def load_control(self, router):
        devices = self.build(router)
        router.nft(self.ruleset([] if self.by_stack else devices, offload=False))


def rounds(config):
    """Seed, numbers of rounds, and flows in each."""
    flows = config.getoption("--flows")
    count = max(len(NICS), -(-flows // PER_ROUND))
    return config.getoption("--seed"), range(count), -(-flows // count)


def pytest_generate_tests(metafunc):
    if "index" in metafunc.fixturenames:
        names = sorted(NICS)
        indices = rounds(metafunc.config)[1]
        metafunc.parametrize("index", indices, ids=[
            "round%d-%s" % (index, names[index % len(names)]) for index in indices])


@pytest.fixture(scope="module")
def totals():
    return collections.defaultdict(collections.Counter)


@contextlib.contextmanager
def routers(plan):
    """The one under test, the control, and what the module says meanwhile."""
    kmod.load(kmod.CORE)
    with Router(link_kind=kmod.STRANGER) as tested, Router(("veth", "veth"), suffix="c") as control:
        with recorded() as trace:
            plan.load(tested)
            plan.load_control(control)
            yield tested, control, trace


def test_the_list_of_hazards_is_read_in_whole():
    """A list that is read wrong excuses too much, or nothing."""
    assert [each.name for each in hazards.DRIVERS] == hazards.names_in_source()
    real = [each for each in hazards.DRIVERS if each.name != kmod.SIM]
    assert all(each.dialects and "ip-options" in each.hazards for each in real)
    assert len(real) == len(hazards.DRIVERS) - 1
    assert {name for each in hazards.DRIVERS for name in each.dialects} == set(hazards.DIALECTS)
    assert hazards.DIALECTS["EXACT"].hazards == set()
    assert "ttl-untouched" in hazards.DIALECTS["LOSSY"].hazards


def test_a_difference_is_seen():
    """The router under test is told to do something wrong, in software."""
    plan = Plan("wrong", sorted(NICS).index("generic"), 20)
    with routers(plan) as (tested, control, trace):
        tested.nft("insert rule inet filter forward ip ttl set 9")
        done = fuzz.Comparison(plan, tested, control, fuzz.Decisions(trace))
        done.establish()
    wrong = {flow.number for flow in plan.flows
             if any("Flow(number=%d," % flow.number in fault for fault in done.faults)}
    assert wrong == {flow.number for flow in plan.flows if flow.family == "ipv4"}
    assert not done.excluded


def counted(counter):
    return ", ".join("%s %d" % item for item in sorted(counter.items()))


def test_switched_is_as_forwarded(request, measured, totals, index):
    seed, _, number = rounds(request.config)
    plan = Plan(seed, index, number)
    again = "scripts/check --kernel %s -- test_fuzz.py --flows %d --seed %s -k round%d-" % (
        os.environ.get("NFTO_KERNEL", "KERNEL"), request.config.getoption("--flows"), seed, index)
    with routers(plan) as (tested, control, trace):
        done = fuzz.Comparison(plan, tested, control, fuzz.Decisions(trace))
        try:
            done.run()
        except AssertionError as error:
            done.faults.append("%s: %s" % (plan, error))
    measured.append("%s: %d flows, %s; excluded: %s" % (
        plan, len(plan.flows), counted(done.counts), counted(done.excluded) or "none"))
    totals[plan.personality].update(done.counts)
    if done.counts["in hardware"] < plan.minimum():
        done.faults.append("%s: only %d of %d directions in hardware, %d are the least" % (
            plan, done.counts["in hardware"], 2 * number, plan.minimum()))
    if done.faults:
        pytest.fail("%d faults; again by\n  %s\n%s" % (
            len(done.faults), again, "\n".join(done.faults[:5])), pytrace=False)


def test_each_nic_has_switched(totals, measured):
    """Of the rounds that ran: nothing was proved by a NIC that left all to software."""
    assert totals
    for personality, counts in totals.items():
        measured.append("%s: %s" % (personality, counted(counts)))
        assert counts["switched"] >= counts["directions"] // 10, personality
