# SPDX-License-Identifier: GPL-2.0
"""The parser alone, with messages of all kinds."""
import json
import os
import re
import subprocess

import kernel as k
from harness import PARSER, WORK, environment, same, test
from test_kernel import EVENTS

SEED = os.environ.get("SEED", "1")


def parse(mode, data, name="message"):
    path = WORK / name
    path.write_bytes(data)
    done = subprocess.run([PARSER, mode, path], env=environment(), check=False,
                          capture_output=True, text=True)
    same((done.returncode, done.stderr), (0, ""))
    return done.stdout


@test("parsing: what is damaged or unknown is left out, the rest is there")
def parsing():
    whole = k.genl(1, k.u32("NFTO_A_IFINDEX", 7), k.attr(k.C["NFTO_A_COUNT"], b"\1\0"),
                   k.attr(k.C["NFTO_A_TIME"], b"\0" * 12), k.attr(60000, b"x"),
                   k.attr(k.C["NFTO_A_IFNAME"], b"no end"), k.string("NFTO_A_REASON", b"\xff\n"),
                   k.string("NFTO_A_REASON_TEXT", "gr\u00fcn \u009b31m"))
    same(json.loads(parse("tree", whole)),
         {"ifindex": 7, "ifname": "no end", "reason": "\\xff\\x0a",
          "reason_text": "gr\u00fcn \\xc2\\x9b31m"})
    same(parse("tree", k.message(b"")), "")
    same(json.loads(parse("tree", k.message(b"\1\1\0\0"))), {})
    same(parse("tree", whole[:15]), "no message\n")
    same(parse("tree", whole[:-4]), "no message\n")
    same(parse("tree", b"\0\0\0\x80" + whole[4:]), "no message\n")
    address = k.attr(k.C["NFTO_A_FLOW_SOURCE"], b"12345")
    tree = json.loads(parse("tree", k.flow(2**64 - 1, 1, address)))["flow"]
    same((tree["id"], tree["source"]), (2**63 - 1, "10.0.0.2"))
    same(parse("verdict", k.done(5, "why")), "-5 why\n")
    same(parse("verdict", k.message(b"", kind=3)), "0 \n")
    same(parse("verdict", k.message(b"\xff", kind=2)), "-74 \n")
    same(parse("verdict", k.ack(22, "w" * 3000)), f"-22 {'w' * 511}\n")


@test("parsing: messages that are damaged at random do no harm")
def damaged():
    messages = [k.BRIDGED, k.flowtable(), k.flow(), k.NAT, k.FAILED, EVENTS[1], EVENTS[2],
                k.VERSION, k.family_message(), k.done(22, "no"), k.ack(1, "no"),
                k.ack(1, "no", False), k.reason("ttl", "text", 4)]
    paths = []
    for i, data in enumerate(messages):
        paths.append(WORK / f"message-{i}")
        paths[-1].write_bytes(data)
    done = subprocess.run([PARSER, "damage", SEED, "200000", *paths], env=environment(),
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"SEED={SEED}: {done.stderr}"
    undamaged, damaged_but_some = map(int, re.findall(r"\d+", done.stdout))
    same(undamaged, 10)     # those of the family's own
    assert damaged_but_some > 50000, done.stdout
