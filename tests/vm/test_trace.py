# SPDX-License-Identifier: GPL-2.0
"""Each stage of the pipeline can be watched."""

import os

import pytest

from nfto import rules
from nfto.shell import SCALE, read, wait_for
from nfto.trace import TRACING, recorded
from nfto.traffic import assert_hardware, established, measure

pytest_plugins = "nfto.fixtures"

EVENTS = TRACING + "events/nft_offload"


def names():
    return sorted(name for name in os.listdir(EVENTS) if os.path.isdir("%s/%s" % (EVENTS, name)))


@pytest.mark.every_kernel
def test_each_stage_is_seen(router):
    with recorded(names()) as trace:
        router.asic.set(fail_add="28 1")
        router.nft(rules.whole(router))
        flow = established(router, "ipv4", "tcp", "both")
        assert_hardware(measure(flow, 10))
        wait_for(lambda: [line for line in trace.lines("stats_poll") if line["flows"] != "0"],
                 10 * SCALE, "counters to be read")
        router.ns.ip("neigh replace %s lladdr 02:00:00:00:09:09 nud permanent dev p1"
                     % router["p1"].host["ipv4"])
        wait_for(lambda: trace.lines("flow_removed"), 5 * SCALE, "the flow's end")
        router.nft("flush ruleset")
        wait_for(lambda: len(trace.lines("port_unbind")) == 2, 10 * SCALE, "the ports' end")
    seen = {name: trace.lines(name) for name in names()}
    assert {(line["backend"], line["reason"]) for line in seen["table_bind"]} == {
        ("bridged", "none")}
    assert len(seen["table_bind"]) == len(seen["table_unbind"]) == 2
    # Source and destination, with ports: all four are edited, for the original direction at least.
    assert {(line["proto"], line["edits"], line["reason"]) for line in seen["rule_parse"]} == {
        ("6", "0xf", "none")}
    assert {line["reason"] for line in seen["dialect_emit"]} == {"none"}
    assert all(line["dialect"].startswith('"A') for line in seen["dialect_emit"])
    calls = {(line["command"], line["errno"]) for line in seen["driver_call"]}
    assert {("add", "0"), ("add", "-28"), ("delete", "0"), ("stats", "0")} <= calls, calls
    assert all(int(line["time"]) > 0 for line in seen["driver_call"])
    ids = {line["id"] for line in seen["flow_hardware"]}
    assert ids and ids <= {line["id"] for line in seen["driver_call"]}
    assert {line["dev"] for line in seen["program_run"]} == {"p0", "p1"}
    assert [line for line in seen["watch_change"] if line["reason"] == "stale-neighbour"
            and line["kind"] in ("mac", "resolved")], seen["watch_change"]
    assert seen["flow_stale"] and seen["flow_failed"] and seen["flow_queued"]
    assert len(seen["port_bind"]) >= 2
    unseen = {name for name, lines in seen.items() if not lines}
    assert unseen <= {"flow_refused"}, unseen


def test_formats_are_for_tools(router):
    """perf and bpftrace read them: no name of an enumeration is left in."""
    router.nft(rules.whole(router))
    for name in names():
        text = read("%s/%s/format" % (EVENTS, name))
        assert "field:" in text and "NFTO_" not in text.partition("print fmt:")[2], text
