# SPDX-License-Identifier: GPL-2.0
"""The command nft-offload says what the ASIC's table says, and does what it is told."""

import json
import os
import re
import select
import signal
import subprocess

import pytest

from nfto import kmod, limits, rules, traffic
from nfto.cli import COMMAND, Cli, as_flow, as_table
from nfto.flow import Flow, ORIGINAL
from nfto.shell import SCALE, run, wait_for
from nfto.traffic import assert_hardware, establish, established, measure, offloaded

pytest_plugins = "nfto.fixtures"

EVERY = pytest.mark.every_kernel


@pytest.fixture
def nft_knows_flags():
    """What the command reads and writes by libnftables is in that library's words."""
    if limits.has("nft-flags"):
        pytest.skip(limits.LIMITS["nft-flags"])


@pytest.fixture
def cli(router):
    router.nft(rules.whole(router))
    return Cli(router)


@EVERY
def test_flows_are_those_of_the_asics_table(router, cli):
    flows = [established(router, family, proto, nat) for family, proto, nat in (
        ("ipv4", "tcp", "both"), ("ipv4", "udp", "none"), ("ipv6", "udp", "snat"),
        ("ipv6", "tcp", "dnat"))]
    for flow in flows:
        assert_hardware(measure(flow, 10))
    wanted = sorted(as_table(entry) for entry in router.asic.table)
    assert len(wanted) == 8
    wait_for(lambda: sorted(as_flow(flow) for flow in cli.flows()) == wanted, 5 * SCALE,
             lambda: "the table's %s: %s" % (wanted, cli.flows()))
    assert {flow["state"] for flow in cli.flows()} == {"hardware"}
    lines = cli.text("flows").splitlines()
    assert len(lines) == 8
    for flow in flows:
        view, after = flow.entering(ORIGINAL)[1], flow.leaving(ORIGINAL)[1]
        mine = [line for line in lines if "%s:%d > " % (
            "[%s]" % view.src if ":" in view.src else view.src, view.sport) in line]
        assert len(mine) == 1 and " hardware" in mine[0] and "p0 > p1" in mine[0], lines
        assert (after.src in mine[0]) and (str(after.dport) in mine[0])
    port = flows[0].entering(ORIGINAL)[1].sport
    assert len(cli.flows("port", port)) == 2
    assert len(cli.flows("protocol", "udp", "direction", "reply", "device", "p1")) == 2
    assert len(cli.text("flows", "--sort", "bytes", "flowtable", "filter/f").splitlines()) == 8
    assert cli.text("flows", "state", "failed") == ""


@EVERY
def test_status_tells_what_became_of_each_device(router, cli):
    router.asic.set(pin_features=0)
    established(router)
    status = cli.json("status")
    assert {device["ifname"]: (device["backend"], device["driver"], device["flows"]["hardware"],
                               device["statistics"]["entries"])
            for device in status["devices"]} == {
                name: ("bridged", kmod.SIM, 1, 1) for name in router.names}
    assert len({device["asic"] for device in status["devices"]}) == 1
    assert [(each["table"], each["name"], each["flows"]["hardware"])
            for each in status["flowtables"]] == [("filter", "f", 2)]
    text = cli.text("status")
    assert re.search(r"p0.*bridged", text) and "f" in text
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    wait_for(lambda: re.search("p0.*software", cli.text("status")), 5 * SCALE, "p0 in software")
    assert "ethtool -K" in cli.text("status", "p0")
    metrics = cli.text("status", "--prometheus")
    assert re.search(r'^nft_offload_\w+{[^}]*device="p1"[^}]*} \d+$', metrics, re.M), metrics


@EVERY
def test_why_a_flow_is_not_in_hardware(router, cli):
    router.asic.set(fail_add=28, capacity=0)
    flow = establish(Flow(router))
    wait_for(lambda: traffic.probe(flow) or len(cli.flows("reason", "table-full")) == 2,
             10 * SCALE, lambda: "two refusals: %s" % cli.flows())
    line = cli.text("flows", "direction", "original")
    assert 'failed: table-full (ENOSPC, "nft_offload_sim: fail_add is set")' in line, line
    assert "the hardware table is full" in cli.text("reasons")
    reasons = cli.json("reasons")["reasons"]
    assert [(each["reason"], each["count"]) for each in reasons] == [("table-full", 2)]
    assert cli.json("flows", "--count")


@EVERY
def test_flush_and_policy(router, cli):
    flow = established(router)
    assert cli.json("flush", "all")["count"] == 2
    wait_for(lambda: router.asic.entries == 0, 5 * SCALE, "an empty table")
    assert_hardware(measure(offloaded(flow), 10))
    cli.text("policy", "p0", "offload", "off", "ttl", "lossy")
    wait_for(lambda: not [entry for entry in router.asic.table if entry["in"] == "p0"],
             5 * SCALE, "no entry of p0")
    shown = cli.json("policy", "p0")["devices"][0]["policy"]
    assert (shown["offload"], shown["ttl"]) == ("off", "lossy")
    cli.text("policy", "p0", "offload", "auto", "ttl", "default")
    assert_hardware(measure(offloaded(flow, 20 * SCALE), 10))
    refused = cli.run("policy", "p0", "driver", "nonsense", status=3).stderr
    assert "mlx5_core" in refused
    assert "no such device" in cli.run("policy", "p77", "ttl", "lossy", status=3).stderr


@EVERY
def test_monitor_tells_as_it_happens(router, cli):
    with router.ns.entered():
        child = subprocess.Popen([COMMAND, "--json", "monitor"], stdout=subprocess.PIPE,
                                 universal_newlines=True)
    try:
        # It has subscribed once it tells of something.
        flow = establish(Flow(router))
        wait_for(lambda: traffic.probe(flow) or cli.json("flush", "all") and select.select(
            [child.stdout], [], [], 0.5)[0], 20 * SCALE, "something to be told")
        first = json.loads(child.stdout.readline())
        assert first["event"] in ("hardware", "refused", "removed") and "flow" in first
    finally:
        child.send_signal(signal.SIGINT)
        rest = child.communicate(timeout=60)[0]
    assert child.returncode == 0
    for line in rest.splitlines():
        json.loads(line)


@EVERY
def test_the_ruleset_is_checked_as_it_runs(nft_knows_flags, router, cli):
    found = cli.json("check")
    assert found["failures"] == 0, found
    router.nft("insert rule inet filter forward tcp dport 7000 log\n"
               "insert rule inet filter forward limit rate 5/second counter\n"
               "insert rule inet filter forward quota over 10 mbytes drop\n")
    found = cli.json("check", status=1)
    assert {"log", "limit", "counter", "quota"} <= {each["id"] for each in found["findings"]}
    assert all(each["handle"] for each in found["findings"] if each["severity"] == "bypass")
    router.nft("flush ruleset\n" + rules.forward(router.names, offload=False))
    assert "no-offload-flowtable" in {
        each["id"] for each in cli.json("check", status=1)["findings"]}
    router.nft("flush ruleset\n" + rules.forward(router.names, counter=False))
    assert "flowtable-counter" in {each["id"] for each in cli.json("check")["findings"]}


KERNELS_DEFECTS = ("hw-dead", "device-removal", "pending-at-end")


@EVERY
def test_the_doctors_commands_help(router, cli):
    """Each of them is run, until nothing is found but defects of this kernel."""
    def findings(notes, status):
        return [each for each in cli.json("doctor", status=status)["findings"]
                if (each["severity"] == "note") == notes]

    router.ns.sysctl(netfilter__nf_conntrack_acct=1)
    wait_for(lambda: router.asic.calls["bind"] == 2, 10 * SCALE, "ports in hardware")
    assert [(each["id"], each["text"]) for each in findings(True, 0)] == [
        (name, limits.LIMITS[name]) for name in KERNELS_DEFECTS if limits.has(name)]
    router.ns.sysctl(netfilter__nf_conntrack_acct=0)
    router.asic.set(pin_features=0)
    router.ns.run("ethtool -K p0 hw-tc-offload off")
    cli.text("policy", "p1", "offload", "off")
    wait_for(lambda: len([each for each in cli.json("status")["devices"]
                          if each["backend"] == "software"]) == 2, 5 * SCALE, "two in software")
    found = findings(False, 1)
    assert {(each["id"], each["place"]) for each in found} == {
        ("hw-tc-off", "device p0"), ("policy", "device p1"), ("accounting", None)}
    for each in found:
        router.ns.run(each["command"].replace("nft-offload", COMMAND))
    wait_for(lambda: router.ns.run([COMMAND, "doctor"], check=False).returncode == 0, 10 * SCALE,
             lambda: "a clean bill: %s" % router.ns.run([COMMAND, "doctor"], check=False).stdout)
    assert_hardware(measure(established(router), 10))
    router.ns.run("tc qdisc add dev p1 root tbf rate 1gbit burst 64kb latency 50ms")
    assert [(each["id"], each["place"]) for each in findings(False, 1)] == [
        ("qdisc", "device p1")]


CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli/check")


@pytest.mark.one_kernel
def test_files_are_checked_as_in_the_corpus(nft_knows_flags):
    """On a kernel that has all that the rulesets of tests/cli/check ask for."""
    names = sorted(name[:-4] for name in os.listdir(CORPUS) if name.endswith(".nft"))
    loaded = [name for name in names if os.path.exists("%s/%s.expected" % (CORPUS, name))]
    assert len(loaded) > 25
    for name in loaded:
        done = run(["env", "-C", CORPUS, COMMAND, "--json", "check", "-f", name + ".nft"],
                   check=False)
        with open("%s/%s.nft" % (CORPUS, name)) as file:
            if done.returncode == 3 and file.readline().startswith("# needs "):
                continue    # this kernel does not have it
        assert done.returncode in (0, 1), "%s: %s" % (name, done.stdout)
        found = json.loads(done.stdout)
        with open("%s/%s.expected" % (CORPUS, name)) as file:
            lines = file.read().splitlines()
        assert len(found["findings"]) == len(lines), (name, found)
        for finding, line in zip(found["findings"], lines):
            assert finding["id"] in line.split(), (name, line, finding)


def test_a_generated_ruleset_loads(nft_knows_flags, router, cli):
    text = cli.text("generate", "--devices", "p0,p1")
    router.nft("flush ruleset\n" + text)
    assert [each["name"] for each in cli.json("status")["flowtables"]]


def test_a_flowtable_of_the_stock_kernel_is_told(router):
    router.asic.set(personality="ft")
    kmod.unload(kmod.CORE)
    router.nft(rules.whole(router))
    kmod.load(kmod.CORE)
    cli = Cli(router)
    assert [(each["table"], each["name"]) for each in cli.json("status")["stock_flowtables"]] == [
        ("filter", "f")]
    assert "stock" in cli.text("status")
    command, = [each["command"] for each in cli.json("doctor", status=1)["findings"]
                if each["id"] == "stock"]
    if limits.has("nft-flags"):     # nor does nft list them
        router.nft(rules.whole(router))
    else:
        router.ns.run(["sh", "-c", "cd /tmp && " + command])
    status = cli.json("status")
    assert not status["stock_flowtables"] and {
        device["backend"] for device in status["devices"]} == {"native"}


@EVERY
def test_without_the_module_it_says_so(router):
    kmod.unload(kmod.CORE)
    cli = Cli(router)
    assert "modprobe nft_offload" in cli.run("status", status=3).stderr
    assert cli.json("version")["module"] is None
    kmod.load(kmod.CORE)
    version = run(["modinfo", "-F", "version", kmod.CORE]).stdout.strip()
    assert cli.json("version")["module"] == version == cli.json("version")["command"]


@EVERY
def test_without_the_capability_nothing_is_told(router, cli):
    established(router)
    for words in (["flows"], ["status"], ["flush", "all"], ["policy", "p0", "ttl", "lossy"]):
        done = router.ns.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                              "--inh-caps=-all", COMMAND] + words, check=False)
        assert done.returncode == 3 and "CAP_NET_ADMIN" in done.stderr, done
    assert router.asic.entries == 2
