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
from nfto.flow import BOTH, Flow
from nfto.shell import SCALE
from nfto.topology import Router
from nfto.traffic import assert_delivered, deliver, measure, offloaded

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


def good(report):
    return report["stock"]["refused"] and report["lines"] and all(
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
    say("kernel %s: a router with two ports on a virtual ASIC" % report["kernel"])
    with Router() as router:
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
        report["told"] = "\n".join(
            "# nft-offload %s\n%s" % (words, router.ns.run(kmod.COMMAND + " " + words).stdout)
            for words in ("status", "flows --sort packets"))
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
    print("\n".join(table(report)), flush=True)
    if arguments.json:
        print(json.dumps(report))
    return 0 if good(report) else 1


if __name__ == "__main__":
    sys.exit(main())
