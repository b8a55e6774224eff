# SPDX-License-Identifier: GPL-2.0
"""A driver is tried with rules that meet no packet, and nothing of them is left behind."""

import errno
import signal
import subprocess

import pytest

from nfto import device, kmod, nics, rules
from nfto.cli import COMMAND, Cli
from nfto.shell import SCALE, read, wait_for
from nfto.topology import Router
from nfto.traffic import assert_hardware, established, measure

pytest_plugins = "nfto.fixtures"

EVERY = pytest.mark.every_kernel
# Nobody's driver is known to do it.
UNKNOWN = {"pppoe"}
# What a NIC may be configured not to do; of this one, the model is.
MODES = {"cxgb4": {"vlan-pop", "vlan-retag"}, "cxgb4-bare": {"vlan-pop", "vlan-retag"}}


@pytest.fixture
def cli(router):
    return Cli(router)


def trials(probe):
    return {trial["name"]: trial for trial in probe["trial"]}


def calls(asic):
    return {name: asic.calls[name] for name in ("add", "del")}


def released(router):
    """Has the driver's block been given back?"""
    found = router.asic.calls
    return found["bind"] == found["unbind"]


@EVERY
def test_what_the_driver_takes(router, cli):
    """With a flowtable: its flows go on, in hardware, and the rules go to its other port."""
    router.nft(rules.whole(router))
    flow = established(router)
    before, table = calls(router.asic), [dict(entry, packets=0, bytes=0)
                                         for entry in router.asic.table]
    probe = cli.json("probe", "p0")
    assert (probe["ifname"], probe["driver"], probe["egress_name"]) == ("p0", kmod.SIM, "p1")
    found = trials(probe)
    assert len(found) == len(probe["trial"]) > 20
    for name, trial in found.items():
        assert trial["known"] == trial["taken"] == (name not in UNKNOWN), trial
        assert bool(trial.get("reason")) == (name in UNKNOWN) and "errno" not in trial, trial
    taken = len(found) - len(UNKNOWN)
    after = calls(router.asic)
    assert {name: after[name] - before[name] for name in after} == {"add": taken, "del": taken}
    assert [dict(entry, packets=0, bytes=0) for entry in router.asic.table] == table
    assert_hardware(measure(flow, 10))
    text = cli.text("probe", "p0", "to", "p1")
    assert "ipv4-snat-port       taken\n" in text and "pppoe                not tried" in text


def test_a_device_of_no_flowtable(router, cli):
    assert trials(cli.json("probe", "p1", "to", "p0"))["vlan-push"]["taken"]
    wait_for(lambda: released(router), 5 * SCALE, "the driver's block")
    router.ns.run("tc qdisc add dev p1 clsact")
    refused = cli.run("probe", "p1", status=3)
    assert "p1: the driver's TC block belongs to a qdisc" in refused.stderr, refused
    router.ns.run("tc qdisc del dev p1 clsact")
    refused = cli.run("probe", "p1", status=3)
    assert ("no other port of its hardware is in use: name one, as in probe DEVICE to DEVICE"
            in refused.stderr), refused
    # Back to where it came from, if that is asked for.
    assert cli.json("probe", "p1", "to", "p1")["egress_name"] == "p1"
    refused = cli.run("probe", "p1", "to", "lo", status=3)
    assert "rules cannot send there" in refused.stderr, refused


def test_a_driver_that_refuses(router, cli):
    router.asic.set(fail_add=errno.EOPNOTSUPP)
    found = trials(cli.json("probe", "p0", "to", "p1", status=1))
    trial = found["ipv4-tcp"]
    assert trial["known"] and not trial["taken"]
    assert (trial["reason"], trial["errno_name"], trial["driver_text"]) == (
        "unsupported", "EOPNOTSUPP", "nft_offload_sim: fail_add is set")
    assert not found["pppoe"]["known"]
    text = cli.text("probe", "p0", "to", "p1", status=1)
    assert "refused, though the driver is known to do it" in text
    assert 'errno EOPNOTSUPP: "nft_offload_sim: fail_add is set"' in text
    assert router.asic.entries == 0


def test_a_rule_that_the_driver_does_not_delete_is_told(router, cli):
    router.nft(rules.whole(router))    # which keeps the driver's block bound
    wait_for(lambda: router.asic.calls["bind"] == 2, 10 * SCALE, "bound ports")
    router.asic.set(fail_del=errno.EIO)
    found = trials(cli.json("probe", "p0", status=1))
    assert {trial["reason"] for trial in found.values() if trial["known"]} == {"stale-entry"}
    assert router.asic.entries == len(found) - len(UNKNOWN)
    assert "taken, but not deleted: errno EIO" in cli.text("probe", "p0", status=1)
    left = cli.json("probe", "p0", "fill", "10", status=1)["fill"]
    assert (left["rules"], left["left"]) == (10, 10)


def test_how_many_rules_there_is_room_for(router, cli):
    router.asic.set(capacity=300)
    router.nft(rules.whole(router))
    flow = established(router)
    fill = cli.json("probe", "p0", "fill", "1000")["fill"]
    assert (fill["rules"], fill["left"], fill["reason"]) == (298, 0, "table-full")
    assert router.asic.entries == 2
    assert "298 rules, besides those that it has" in cli.text("probe", "p0", "fill", "1000")
    fill = cli.json("probe", "p0", "fill", "250")["fill"]
    assert (fill["rules"], fill.get("reason")) == (250, None)
    assert "250 rules at least" in cli.text("probe", "p0", "fill", "250")
    assert_hardware(measure(flow, 10))


class Filling:
    """A probe that takes long: a context manager, entered once it is under way."""

    def __init__(self, router):
        self.router = router
        self.child = None

    def __enter__(self):
        self.router.asic.set(latency_us=1000, capacity=1 << 20)
        with self.router.ns.entered():
            self.child = subprocess.Popen(
                [COMMAND, "probe", "p0", "to", "p1", "fill", "1000000"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, universal_newlines=True)
        wait_for(lambda: self.router.asic.entries > 20, 20 * SCALE, "a table that is filled")
        return self

    def __exit__(self, *error):
        self.child.kill()
        self.child.communicate()


@EVERY
def test_an_interrupted_probe_leaves_nothing(router):
    with Filling(router) as filling:
        filling.child.send_signal(signal.SIGINT)
        filling.child.wait(20 * SCALE)
        # It ends before the command does, which waits for an answer.
        assert router.asic.entries == 0
        router.asic.set(latency_us=0)
    wait_for(lambda: released(router), 5 * SCALE, "the driver's block")


@EVERY
@pytest.mark.parametrize("name", ["p0", "p1"])
def test_a_device_goes_while_it_is_probed(router, name):
    """The one that is probed, and the one that rules send to."""
    with Filling(router) as filling:
        router.ns.ip("link del %s" % name)
        assert router.asic.calls["orphaned"] == 0
        assert filling.child.wait(20 * SCALE) == 3
        assert "changed meanwhile" in filling.child.stderr.read()
        assert router.asic.entries == 0
    kmod.unload(kmod.CORE)


@EVERY
def test_flowtables_load_while_the_module_waits_for_a_probe_to_end(router):
    """Whoever unloads it waits for all that is asked by netlink. Flowtables are stock ones then."""
    text = rules.whole(router, offload=False)
    with Filling(router) as filling, subprocess.Popen(["rmmod", kmod.CORE]) as unloading:
        wait_for(lambda: read("/sys/module/%s/initstate" % kmod.CORE).strip() == "going",
                 20 * SCALE, "the module's end")
        wait_for(lambda: not router.nft(text, check=False).returncode, 20 * SCALE, "a flowtable")
        assert unloading.poll() is None and filling.child.poll() is None
        filling.child.send_signal(signal.SIGINT)
        assert unloading.wait(20 * SCALE) == 0
    assert router.asic.entries == 0


def test_what_keeps_flows_in_software_keeps_probes_away(router, cli):
    cli.text("policy", "p0", "offload", "off")
    assert "policy" in cli.run("probe", "p0", status=3).stderr
    cli.text("policy", "p0", "offload", "auto")
    assert "no such device" in cli.run("probe", "p77", status=3).stderr
    assert "no such device" in cli.run("probe", "p0", "to", "p77", status=3).stderr
    assert not router.asic.calls["bind"]


@pytest.mark.one_kernel
@pytest.mark.parametrize("nic", [nic for nic, (driver, _) in nics.NICS.items() if driver != "-"])
def test_nics_take_what_they_are_known_to_do(nic):
    """What the table of known drivers says of a driver, its model takes."""
    kmod.load(kmod.CORE)
    with Router(link_kind=kmod.STRANGER) as router:
        router.asic.set(personality=nic)
        with device.opened(router.ns) as devices:
            for name in router.names:
                devices.set(name, driver=nics.driver_of(nic))
        by_mode = MODES.get(nic, set())
        probe = Cli(router).json("probe", "p0", "to", "p1", status=int(bool(by_mode)))
        assert {trial["name"] for trial in probe["trial"]
                if trial["known"] != trial["taken"]} == by_mode
        assert trials(probe)["ipv4-udp"]["taken"]
        assert router.asic.entries == 0
