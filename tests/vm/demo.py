#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The main job, on a stock kernel: the ruleset refused, then at work, with real traffic both ways.

Exit status: 0 if all was as it should be, 1 if not. With --json, the last line is one JSON object.
"""

import argparse
import json
import os
import re
import sys
import time

from nfto import kmod, rules
from nfto.cli import Cli, agrees
from nfto.flow import BOTH, Flow
from nfto.shell import SCALE, Timeout, wait_for
from nfto.topology import Router
from nfto.traffic import assert_delivered, deliver, establish, measure, offloaded, probe

PACKETS = 200
FAMILIES, PROTOS, NATS = ("ipv4", "ipv6"), ("tcp", "udp"), ("none", "snat", "dnat", "both")
ENOUGH = 0.99


def say(text):
    print(text, file=sys.stderr, flush=True)


def stock_answer(router, text):
    """What nft says to the ruleset without the module."""
    kmod.unload(kmod.CORE)
    done = router.nft(text, check=False)
    router.nft("flush ruleset")
    # The first of several lines names the place, the error, and shows the ruleset's line.
    said = re.search("Error: .*", done.stderr)
    return {"refused": done.returncode != 0, "error": said.group() if said else ""}


def seconds_to_hardware(flow):
    """Open a connection; how long from its first eligible packet to both directions in hardware."""
    for packet in flow.handshake():
        # The handshake's last packet is the first that the ruleset adds to the flowtable.
        begin = time.monotonic()
        assert_delivered(deliver([packet]))
    offloaded(flow, deadline=30 * SCALE)
    return time.monotonic() - begin


def lines_of(flow, packets):
    """Send packets each way and report where they were switched."""
    waited = seconds_to_hardware(flow)
    measured = measure(flow, packets)
    assert_delivered(measured.ledger)
    for direction in BOTH:
        share = measured.share(direction)
        yield {"family": flow.family, "proto": flow.proto, "nat": flow.nat, "direction": direction,
               "sent": share.sent, "hardware": share.hardware, "host": share.host,
               "to_hardware_ms": round(waited * 1000, 1)}


def told(router):
    """What the command says, once it has read the last counters, and whether it is true."""
    cli = Cli(router)
    try:
        wait_for(lambda: agrees(cli), 10 * SCALE, "what the command says", interval=0.2)
        true = True
    except Timeout:
        true = False
    return true, "\n".join("# nft-offload %s\n%s" % (" ".join(words), cli.text(*words))
                           for words in (["status"], ["flows", "--sort", "packets"], ["reasons"]))


def good(report):
    return report["stock"]["refused"] and report["told_true"] and report["lines"] and all(
        line["hardware"] >= ENOUGH * line["sent"]
        and line["host"] == line["sent"] - line["hardware"] for line in report["lines"])


def table(report):
    """The report for people: a row per connection, both directions in it."""
    row = "%-20s %8s %8s %8s   %8s %8s %8s   %8s"
    yield row % ("", "original", "", "", "reply", "", "", "")
    yield row % (("connection",) + ("sent", "hardware", "host") * 2 + ("ms *",))
    lines = iter(report["lines"])
    for one, other in zip(lines, lines):
        name = "%s %s %s" % (one["family"], one["proto"],
                             "plain" if one["nat"] == "none" else one["nat"])
        yield row % ((name,) + tuple(line[key] for line in (one, other)
                                     for key in ("sent", "hardware", "host"))
                     + (one["to_hardware_ms"],))
    yield "* from the first packet that may be offloaded to both directions in hardware"


def demonstrate(packets):
    report = {"kernel": os.uname().release, "lines": []}
    say("kernel %s: a router with two ports on a virtual ASIC, and one that is on none"
        % report["kernel"])
    with Router(("sim", "sim", "veth")) as router:
        text = rules.whole(router)
        report["stock"] = stock_answer(router, text)
        say("without the module, nft says: %s" % (report["stock"]["error"] or "nothing"))
        kmod.load(kmod.CORE)
        router.nft(text)
        say("modprobe nft_offload; the same ruleset loads")
        for family in FAMILIES:
            for proto in PROTOS:
                for nat in NATS:
                    flow = Flow(router, family, proto, nat)
                    say("%s: %d packets each way" % (flow, packets))
                    report["lines"] += lines_of(flow, packets)
        say("a connection that no hardware can take")
        probe(establish(Flow(router, client=2)))
        report["told_true"], report["told"] = told(router)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--packets", type=int, default=PACKETS, metavar="N",
                        help="packets in each direction of a connection (%d)" % PACKETS)
    arguments = parser.parse_args()
    if arguments.packets < 1:
        parser.error("--packets wants at least 1")
    report = demonstrate(arguments.packets)
    print(report["told"])
    print("this is what the ASIC's own table says" if report["told_true"]
          else "the ASIC's own table says something else")
    print("\n".join(table(report)), flush=True)
    if arguments.json:
        print(json.dumps(report))
    return 0 if good(report) else 1


if __name__ == "__main__":
    sys.exit(main())
