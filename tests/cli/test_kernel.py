# SPDX-License-Identifier: GPL-2.0
"""What the kernel is asked, and what is made of its answers."""
import contextlib
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import sys

import kernel as k
from harness import (PLAIN, SANITIZED, WORK, Run, environment, loaded, remember, requests, same,
                     test, text_of, version)


NEEDING = [["status"], ["flows"], ["reasons"], ["policy"], ["policy", "lo"],
           ["policy", "lo", "ttl", "lossy"], ["flush", "all"], ["monitor"], ["probe", "lo"],
           ["status", "--prometheus"], ["flows", "--watch"]]


@test("without the module: how to load it, status 3")
def not_loaded():
    k.Kernel(WORK / "kernel").answer(3, k.ack(2), kind=k.CTRL)
    for words in NEEDING:
        Run(*words, status=3).complains("module nft_offload is not loaded (modprobe nft_offload)")
        if "--prometheus" not in words:
            assert "modprobe" in Run(*words, "--json", status=3).json()["error"]
    tree = Run("version", "--json").json()
    same((tree["module"], tree["shims"], tree["kernel"]), (None, None, os.uname().release))
    Run("version").silent().says(f"nft-offload: {version()}\n", "not loaded (modprobe")


@test("doctor: the module is not loaded, which is what it finds")
def doctor_alone():
    k.Kernel(WORK / "kernel").answer(3, k.ack(2), kind=k.CTRL)
    Run("doctor", status=1).silent().says(
        "problem: the module nft_offload is not loaded; if it refuses to be, the kernel log says "
        "why\n    modprobe nft_offload\n")
    found, = Run("doctor", "--json", status=1).json()["findings"]
    same((found["id"], found["place"], found["command"]), ("module", None, "modprobe nft_offload"))


# What may be found on the machine where the tests run.
MACHINE = ("accounting", "helpers", "hw-dead", "device-removal", "pending-at-end")


@test("doctor: defects of kernels are said in the words of tests/limits")
def defects():
    said = re.findall(r'^\t\{ "([a-z-]+)", (?:NULL|"[.\w]+"), \d+, \d+,\n\t\t"(.*)" \},$',
                      (k.TOP / "src/cli/machine.c").read_text(), re.M)
    known = {line.split()[1]: line.split(None, 3)[3]
             for line in (k.TOP / "tests/limits").read_text().splitlines()
             if line and not line.startswith("#")}
    assert len(said) == 7, said
    for name, text in said:
        same(text, known[name])


@test("doctor: devices, flowtables, flows and queueing disciplines, each with a command")
def doctor():
    def found():
        return [(each["id"], each["severity"], each["place"])
                for each in Run("doctor", "--json", status=1).silent().json()["findings"]]

    kernel = loaded()
    wanted = [("stock", "problem", "flowtable inet filter old"),
              ("stock", "problem", "flowtable ip filter f"),
              ("waiting", "hint", "flowtable inet filter later"),
              ("waiting", "hint", "flowtable inet filter empty"),
              ("no-tc", "problem", 'device eth"1\\'), ("ttl", "problem", None),
              ("qdisc", "hint", "device eth0")]
    same([each for each in found() if each[0] not in MACHINE], wanted)
    Run("doctor", status=1).says(
        "flowtable inet filter old: problem: it was made before nft_offload was loaded",
        "\nproblem: 1 flow direction is in software: their hardware cannot decrement",
        "device eth0: hint: ", "    tc -s qdisc show dev eth0\n")
    for reason, command in (("hw-tc-off", "ethtool -K soft0 hw-tc-offload on"),
                            ("policy", "nft-offload policy soft0 offload auto"),
                            ("block-busy", "tc qdisc del dev soft0 clsact"),
                            ("never-heard-of", None)):
        kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.device(
            k.string("NFTO_A_REASON", reason), k.string("NFTO_A_REASON_TEXT", "words"),
            k.policy(), index=9, name="soft0", backend=1), k.done())
        tree = Run("doctor", "--json", status=1).json()
        each, = [each for each in tree["findings"] if each["place"] == "device soft0"]
        same((each["id"], each["text"]), (reason, "words"))
        assert each["command"] is None if command is None else command in each["command"], each
    kernel.ruleset("devices")
    assert ("ruleset", "problem", "the ruleset") in found()
    Run("doctor", status=1).says("5 things in it keep flows out of hardware, or are bypassed",
                                 "    nft-offload check\n")
    (kernel.path / "checked").unlink()
    assert ("ruleset-unread", "hint", "the ruleset") in found()
    Run("doctor", status=1).says("could not be checked: the ruleset cannot be read")
    kernel.ruleset("devices-clean")
    other = k.device(k.policy(), k.attr(k.C["NFTO_A_ASIC"], b"\x01"), index=3, name="eth1")
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED + other, k.done())
    assert ("asics", "hint", "flowtable inet filter f") in found()
    Run("doctor", status=1).says("eth0 and eth1 are of different ASICs: flows between them")
    kernel.answer(k.C["NFTO_CMD_FLOWTABLE_GET"], k.done())
    kernel.answer(0, k.done(), kind=k.NFTABLES | 23)
    assert ("no-flowtable", "problem", None) in found()
    kernel.answer(0, k.ack(1), kind=38)
    Run("doctor", status=1).complains("queueing disciplines could not be looked at")


@test("status, policy, doctor: a VLAN device is on another one, which can be put right")
def vlan():
    kernel = loaded()
    below = k.device(k.policy(ttl=2), k.attr(k.C["NFTO_A_ASIC"], b"\x01"), k.nest(
        "NFTO_A_STATISTICS", k.u32("NFTO_A_STATISTICS_ENTRIES", 3)), index=6, name="eth6",
                     backend=0)
    off = k.device(k.string("NFTO_A_REASON", "hw-tc-off"), k.string("NFTO_A_REASON_TEXT", "words"),
                   k.string("NFTO_A_LOWER", "eth6"), index=7, name="vlan7", backend=1)
    on = k.device(k.string("NFTO_A_LOWER", "eth6"), index=3, name='eth"1\\', backend=2)
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED + k.NOBODY + below, off + on, k.done())
    run = Run("status").silent().says(
        "device eth6: none itself, but VLAN devices on it are in a flowtable\n",
        "    entries: 3 in hardware;",
        "device vlan7: software: words\n    on: eth6\n", 'device eth"1\\: bridged\n    on: eth6\n')
    assert "idle0" not in run.out
    same([device.get("lower") for device in Run("status", "--json").json()["devices"]],
         [None, None, "eth6", "eth6"])
    Run("policy").silent().says("vlan7: that of eth6\n")
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED + below, k.done())
    Run("status").silent().says("device eth6: none itself, but it is programmed: ")
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED + k.NOBODY + below, off + on, k.done())
    found = {each["id"]: each for each in Run("doctor", "--json", status=1).json()["findings"]}
    same(found["hw-tc-off"]["place"], "device vlan7")
    same(found["hw-tc-off"]["command"], "ethtool -K eth6 hw-tc-offload on")
    assert "eth0 and eth6 are of different ASICs" in found["asics"]["text"]


@test("without generic netlink, without a right, with an older module: says so")
def refused():
    (k.Kernel(WORK / "kernel").path / "no-socket").touch()
    Run("status", status=3).complains("generic netlink: Protocol not supported")
    for err, said in ((1, "CAP_NET_ADMIN"), (95, "does not know this request"), (12, "memory")):
        kernel = loaded()
        for command in range(1, k.C["NFTO_CMD_DEVICE_PROBE"] + 1):
            if command != k.C["NFTO_CMD_EVENT_NTF"]:
                kernel.answer(command, k.ack(err))
        for words in NEEDING + [["version"]]:
            run = Run(*words, status=3)
            run.complains(said)
            assert words != ["version"] or run.out.startswith("nft-offload: "), run.out


@test("the kernel's own words are shown, of requests and of dumps")
def extack():
    for capped in (True, False):
        loaded().answer(k.C["NFTO_CMD_DEVICE_SET"],
                        k.ack(22, "there is no known driver of that name", capped))
        Run("policy", "lo", "driver", "x", status=3).complains(
            "lo: there is no known driver of that name")
    loaded().answer(k.C["NFTO_CMD_FLOW_GET"], k.flow(), k.done(22, "no such reason"))
    run = Run("flows", "reason", "x", status=3).complains("no such reason")
    run.says("10.0.0.2:40000")
    tree = Run("flows", "reason", "x", "--json", status=3).json()
    same((len(tree["flows"]), tree["complete"], tree["error"]), (1, False, "no such reason"))
    loaded().answer(k.C["NFTO_CMD_DEVICE_GET"],
                    k.ack(19, "there is no such device in this network namespace"))
    Run("status", "eth9", status=3).complains(
        "nft-offload: eth9: there is no such device in this network namespace\n")
    Run("flows", "device", "nosuch9", status=3).complains("nosuch9: there is no such device")
    Run("status", "a/b", status=3).complains("a/b: there is no such device")


@test("probe: what the driver takes, next to what it is known to do")
def probe():
    kernel = loaded()
    Run("probe", "lo").silent().says(
        "device lo: driver mlx5, rules send to eth1\n",
        "    ipv4-tcp             taken; hazards: ip-options ttl-untouched\n",
        "    pppoe                not tried: the driver cannot add it\n")
    _, _, command, rest = requests()[-1]
    same((command, k.attributes(rest)[0][1]), (k.C["NFTO_CMD_DEVICE_PROBE"], b"lo\0"))
    kernel.answer(k.C["NFTO_CMD_DEVICE_PROBE"],
                  k.probe(k.TAKEN, k.NOT_TAKEN, k.fill(70, 2, *k.FULL)), k.ack())
    Run("probe", "lo", "fill", "1000", status=1).silent().says(
        "    vlan-pop             refused, though the driver is known to do it: "
        "the driver does not support it: errno EOPNOTSUPP: \"no\\x1btags\"\n",
        "    fill                 70 rules, besides those that it has: errno ENOSPC: \"no room\"\n",
        "    2 of them the driver did not delete\n")
    same(k.attributes(requests()[-1][3])[1],
         (k.C["NFTO_A_LIMIT"], (1000).to_bytes(4, sys.byteorder)))
    tree = Run("probe", "lo", "to", "lo", "--json", status=1).json()
    same(k.attributes(requests()[-1][3])[1], (k.C["NFTO_A_EGRESS"], (1).to_bytes(4, sys.byteorder)))
    same([(each["name"], each["known"], each["taken"]) for each in tree["trial"]],
         [("ipv4-tcp", True, True), ("vlan-pop", True, False)])
    same((tree["fill"]["rules"], tree["fill"]["left"]), (70, 2))
    for attrs, said in (((), "9 rules at least, besides"),
                        ((k.string("NFTO_A_FILL_REASON", "no-memory"),
                          k.string("NFTO_A_FILL_REASON_TEXT", "out of memory")),
                         "9 rules, then: out of memory\n")):
        kernel.answer(k.C["NFTO_CMD_DEVICE_PROBE"], k.probe(k.fill(9, 0, *attrs)), k.ack())
        Run("probe", "lo", "fill", "9").says(said)
    for words, said in (((), "name the device"), (("lo", "to"), "to DEVICE"),
                        (("lo", "at", "lo"), "\"to\" or \"fill\""),
                        (("lo", "fill", "0"), "from 1 to 1048576"),
                        (("lo", "fill", "1x"), "from 1 to 1048576"),
                        (("lo", "fill", "1", "fill", "2"), "stands there twice")):
        Run("probe", *words, status=2).complains(said)
    Run("probe", "lo", "to", "nosuch9", status=3).complains("nosuch9: there is no such device")
    Run("probe", "a/b", status=3).complains("a/b: there is no such device")


@test("status: devices, flowtables, and those made before")
def status():
    loaded()
    run = Run("status").silent()
    run.says("device eth0: bridged\n", "driver: mlx5 (the device's is mlx5_core)\n",
             "ASIC: 00a1ff\n", "7 hardware, 2 refused, 1 failed\n",
             "7 in hardware; 20 added, 13 deleted, 1 failed\n", "policy: ttl lossy\n",
             "hazards: ttl-untouched ip-options\n", 'device eth"1\\: software: its driver has no',
             "device new0: 17\n", "flowtable inet filter f: 7 hardware", "    eth0: bridged\n",
             "flowtable inet filter old: stock: made before nft_offload was loaded; "
             "reload the ruleset to offload it\n", "flowtable ip filter f: stock",
             "flowtable inet filter later: waiting: none of its devices is there\n")
    assert "idle0" not in run.out and "soft" not in run.out.replace("software", "")
    same(len(re.findall("stock", run.out)), 2)
    tree = Run("status", "--json").silent().json()
    same([device["ifname"] for device in tree["devices"]], ["eth0", 'eth"1\\', "new0"])
    same(tree["devices"][0]["policy"],
         {"driver": "", "ttl": "lossy", "tcp": "guarded", "offload": "auto"})
    same(tree["devices"][0]["hazard"], ["ttl-untouched", "ip-options"])
    same((tree["devices"][2]["backend"], tree["devices"][2]["policy"]["ttl"]), (17, 9))
    same(tree["devices"][1]["hazard"], [])
    same(tree["flowtables"][0]["handle"], 12)
    same(tree["flowtables"][0]["counter"], True)
    same(tree["stock_flowtables"], [{"family": "inet", "table": "filter", "name": "old"},
                                    {"family": "ip", "table": "filter", "name": "f"}])
    same([each["name"] for each in tree["waiting_flowtables"]], ["later", "empty"])


@test("status of one device: also if it is in no flowtable, and only its flowtables")
def status_device():
    loaded().answer(k.C["NFTO_CMD_DEVICE_GET"], k.NOBODY, k.ack())
    run = Run("status", "idle0").silent().says("device idle0: none")
    assert "flowtable" not in run.out
    (kind, _, command, body), = [r for r in requests() if r[2] == 1 and r[0] == k.FAMILY]
    same(k.attributes(body), [(k.C["NFTO_A_IFNAME"], b"idle0\0")])
    tree = Run("status", "idle0", "--json").json()
    same((tree["flowtables"], "stock_flowtables" in tree), ([], False))


@test("status: dumps that were interrupted are tried again; without nf_tables, none is stock")
def status_again():
    kernel = loaded()
    interrupted = k.done(flags=k.MULTI | k.DUMP_INTR)
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED, interrupted)
    run = Run("status").complains("some may be missing")
    same(len([r for r in requests() if r[0] == k.FAMILY and r[2] == 1]), 5)
    same(run.out.count("device eth0:"), 1)
    loaded().answer(0, k.ack(22), kind=k.NFTABLES | 23)
    same(Run("status", "--json").silent().json()["stock_flowtables"], [])
    loaded().answer(0, k.ack(1), kind=k.NFTABLES | 23)
    assert "stock_flowtables" not in Run("status", "--json").complains("ruleset").json()
    kernel = loaded()
    for command in ("NFTO_CMD_DEVICE_GET", "NFTO_CMD_FLOWTABLE_GET"):
        kernel.answer(k.C[command], k.done())
    kernel.answer(0, k.done(), kind=k.NFTABLES | 23)
    Run("status").silent().says("no flowtable has flags offload")


@test("status --prometheus: the text format, with labels escaped")
def prometheus():
    loaded()
    out = Run("status", "--prometheus").silent().out
    known = {}
    for line in out.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            same(name in known, False)
            known[name] = kind
        elif not line.startswith("# HELP "):
            name = re.fullmatch(r'(\w+)(\{(\w+="(?:[^"\\]|\\[\\"n])*",?)*\})? \d+', line)
            assert name and name.group(1) in known, line
    for line in ('nft_offload_module_info{version="0.1.0"} 1',
                 'nft_offload_device_backend{device="eth0",backend="bridged",reason=""} 1',
                 'nft_offload_device_backend{device="eth\\"1\\\\",backend="software",'
                 'reason="no-tc"} 1',
                 'nft_offload_device_flows{device="eth0",state="hardware"} 7',
                 'nft_offload_flowtable_flows{family="inet",table="filter",flowtable="f",'
                 'state="failed"} 1',
                 'nft_offload_device_entries{device="eth0"} 7',
                 'nft_offload_device_added_total{device="eth0"} 20',
                 'nft_offload_device_deleted_total{device="eth0"} 13',
                 'nft_offload_device_failed_total{device="eth0"} 1',
                 'nft_offload_stock_flowtables 2'):
        assert line in out.splitlines(), f"{line}\n{out}"
    manual = text_of("nft-offload.8")
    for name in known:
        assert name in manual, f"nft-offload(8) lacks {name}"
        same(known[name], "counter" if name.endswith("_total") else "gauge")


FLOW_LINES = """\
tcp 10.0.0.2:40000 > 10.1.0.2:443  eth0 > eth1  original  hardware  hardware 100 packets 123456 \
bytes  age 1m1s
tcp 10.0.0.2:40000 > 10.1.0.2:443 => 192.0.2.1:1024 > 10.1.0.2:443  eth0 > eth1  vlan \
802.1ad:100.10 > none  original  hardware  hardware 9 packets 900 bytes  software 3 packets 180 \
bytes  age 4.2s
udp [2001:db8::2]:40000 > [2001:db8:1::2]:443 => [2001:db8::2]:40000 > [2001:db8:2::9]:8443  \
eth0 > eth1  vlan none > 10  reply  failed: unsupported (EOPNOTSUPP, "no \\x1b[31mroom")  \
hardware 0 packets 0 bytes  age 1d1h  retry in 1.5s
tcp 9.0.0.1:40000 > 10.1.0.2:443  eth0 > eth1  original  refused: ttl  hardware 0 packets 0 \
bytes  age 1h1m
protocol 200 10.0.0.2:40000 > 10.1.0.2:443  eth0 > eth1  original  77  hardware 1 packets 1 \
bytes  age 0.0s
"""


@test("flows: a line each")
def flows():
    loaded()
    same(Run("flows").silent().out, FLOW_LINES)
    tree = Run("flows", "--json").silent().json()
    same([flow["id"] for flow in tree["flows"]], [1, 2, 3, 4, 5])
    same(tree["complete"], True)
    failed = tree["flows"][2]
    same((failed["errno"], failed["errno_name"], failed["retry_ms"]), (95, "EOPNOTSUPP", 1500))
    same(failed["driver_text"], "no \\x1b[31mroom")
    same(failed["new_tag"], [{"tpid": 0x8100, "vid": 10}])
    same((tree["flows"][4]["state"], tree["flows"][4]["protocol"]), (77, 200))
    same(tree["flows"][0]["tag"], [])
    same((tree["flows"][1]["new_source"], tree["flows"][1]["new_source_port"]),
         ("192.0.2.1", 1024))
    loaded().answer(k.C["NFTO_CMD_FLOW_GET"], k.done())
    same(Run("flows", "state", "queued").silent().out, "")
    same(Run("flows", "--json").json(), {"flows": [], "complete": True})
    same(Run("flows", "--json", "--sort", "age").json(), {"flows": [], "complete": True})


@test("flows --sort and --count")
def flows_sorted():
    loaded()
    for key, order in (("bytes", [1, 2, 5, 3, 4]), ("packets", [1, 2, 5, 3, 4]),
                       ("age", [3, 4, 1, 2, 5]), ("state", [5, 3, 1, 2, 4]),
                       ("reason", [1, 2, 5, 4, 3]), ("source", [4, 1, 2, 5, 3]),
                       ("destination", [1, 2, 4, 5, 3])):
        tree = Run("flows", "--sort", key, "--json").silent().json()
        same((key, [flow["id"] for flow in tree["flows"]]), (key, order))
    lines = FLOW_LINES.splitlines(keepends=True)
    same(Run("flows", "--sort=age").out, "".join(lines[i - 1] for i in [3, 4, 1, 2, 5]))
    Run("flows", "--count").silent().says("2 hardware, 1 refused, 1 failed, 1 other\n")
    same(Run("flows", "--count", "--json").json(),
         {"counts": {"queued": 0, "hardware": 2, "refused": 1, "failed": 1, "removing": 0,
                     "other": 1}, "complete": True})


@test("flows: a dump that was interrupted may have gaps")
def flows_interrupted():
    loaded().answer(k.C["NFTO_CMD_FLOW_GET"], k.flow(flags=k.MULTI | k.DUMP_INTR), k.done())
    for words in ([], ["--count"], ["--sort", "age"]):
        Run("flows", *words).complains("some may be missing")
        same(Run("flows", "--json", *words).complains("missing").json()["complete"], False)


FILTERS = [
    (["state", "failed"], "STATE", b"\3\0\0\0"),
    (["reason", "ttl"], "REASON", b"ttl\0"),
    (["address", "192.0.2.1"], "ADDRESS", bytes([192, 0, 2, 1])),
    (["address", "2001:db8::1"], "ADDRESS", bytes.fromhex("20010db8000000000000000000000001")),
    (["port", "443"], "PORT", b"\x01\xbb"),
    (["protocol", "tcp"], "PROTOCOL", b"\6\0\0\0"),
    (["protocol", "udp"], "PROTOCOL", b"\x11\0\0\0"),
    (["protocol", "47"], "PROTOCOL", b"\x2f\0\0\0"),
    (["direction", "reply"], "DIRECTION", b"\1\0\0\0"),
    (["device", "lo"], "IFINDEX", None),
    (["table", "filter"], "TABLE", b"filter\0"),
    (["flowtable", "f"], "FLOWTABLE", b"f\0"),
]


@test("filters are the kernel's to apply: flows, flush and monitor")
def filters():
    loaded().answer(k.C["NFTO_CMD_SUBSCRIBE"], k.ack(12))
    index = int(pathlib.Path("/sys/class/net/lo/ifindex").read_text()).to_bytes(4, sys.byteorder)
    for command, number in (("flows", "FLOW_GET"), ("flush", "FLOW_FLUSH"),
                            ("monitor", "SUBSCRIBE")):
        words = [word for given, _, _ in FILTERS[-9:] if given[0] != "protocol" for word in given]
        for given, name, value in FILTERS:
            check_filter(command, number, given, [(name, index if value is None else value)])
        check_filter(command, number, ["flowtable", "t/f"],
                     [("TABLE", b"t\0"), ("FLOWTABLE", b"f\0")])
        check_filter(command, number, words, None)
    Run("flush", "all").silent().says("12 flow directions")
    same(k.attributes(requests()[-1][3]), [(k.C["NFTO_A_FILTER"], b"")])
    same(Run("flush", "all", "--json").json(), {"count": 12})


def check_filter(command, number, words, expected):
    Run(command, *words, status=3 if command == "monitor" else 0)
    kind, flags, asked, body = requests()[-1]
    same((kind, asked), (k.FAMILY, k.C[f"NFTO_CMD_{number}"]))
    same(flags, 0x301 if command == "flows" else 5)
    (outer, inner), = k.attributes(body)
    same(outer, k.C["NFTO_A_FILTER"])
    if expected is not None:
        same(k.attributes(inner),
             [(k.C[f"NFTO_A_FILTER_{name}"], value) for name, value in expected])


@test("a large dump does not need more memory")
def memory():
    used = []
    for repeat in (100, 30000):
        loaded().answer(k.C["NFTO_CMD_FLOW_GET"], (k.NAT * 8, repeat), k.done())
        for words in ([], ["--json"], ["--count"]):
            used.append(peak("flows", *words))
    used.sort()
    assert used[-1] - used[0] < 2048, f"from {used[0]} to {used[-1]} KiB"
    # this one has to have all of them, so that what was measured is known to show it
    assert peak("flows", "--sort", "bytes") > used[-1] + 20480


def peak(*words):
    """KiB; of a child of a child, as each process knows only that of its largest."""
    child = os.fork()
    if not child:
        with open(os.devnull, "wb") as null:
            done = subprocess.run([PLAIN, *words], stdout=null, env=environment(), check=False)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        (WORK / "peak").write_text(f"{done.returncode} {used}")
        os._exit(0)
    os.waitpid(child, 0)
    status, used = map(int, (WORK / "peak").read_text().split())
    same(status, 0)
    return used


@test("reasons: those that flows have, or all")
def reasons():
    loaded()
    same(re.findall(r"(\d+)  (\S+) ", Run("reasons").silent().out),
         [("4", "unsupported"), ("1", "ttl")])
    same([entry["reason"] for entry in Run("reasons", "--all", "--json").json()["reasons"]],
         ["unsupported", "ttl", "nat"])
    loaded().answer(k.C["NFTO_CMD_REASON_GET"], k.done())
    Run("reasons").says("no flow is kept from hardware")
    same(Run("reasons", "--json").json(), {"reasons": []})


@test("policy: shows and sets")
def policy():
    loaded()
    run = Run("policy").silent()
    run.says("eth0: driver recognised ttl lossy tcp guarded offload auto\n")
    assert "idle0" not in run.out
    same([list(entry) for entry in Run("policy", "--json").json()["devices"]],
         3 * [["ifindex", "ifname", "policy"]])
    kernel = loaded()
    kernel.answer(k.C["NFTO_CMD_DEVICE_SET"], k.ack())
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.BRIDGED, k.ack())
    for word, value in (("recognised", b"\0"), ("", b"\0"), ("nfp", b"nfp\0")):
        run = Run("policy", "eth0", "driver", word, "ttl", "lossy", "tcp", "unguarded", "offload",
                  "off").silent()
        run.says("eth0: driver recognised ttl lossy tcp guarded offload auto\n")
        body = [r[3] for r in requests() if r[2] == k.C["NFTO_CMD_DEVICE_SET"]][0]
        name, inner = k.attributes(body)
        same(name, (k.C["NFTO_A_IFNAME"], b"eth0\0"))
        same(k.attributes(inner[1]), [
            (k.C["NFTO_A_POLICY_DRIVER"], value), (k.C["NFTO_A_POLICY_TTL"], b"\2\0\0\0"),
            (k.C["NFTO_A_POLICY_TCP"], b"\1\0\0\0"), (k.C["NFTO_A_POLICY_OFFLOAD"], b"\1\0\0\0")])
    kernel.answer(k.C["NFTO_CMD_DEVICE_GET"], k.NOBODY, k.done())
    Run("policy").says("all devices have the policy that they had at first")


EVENTS = [
    k.event(0, k.flow_attrs()),
    k.event(1, k.u32("NFTO_A_LOST", 3),
            k.flow_attrs(1, 2, k.string("NFTO_A_FLOW_REASON", "ttl"))),
    k.event(5, k.u32("NFTO_A_IFINDEX", 2), k.string("NFTO_A_IFNAME", "eth0"),
            k.string("NFTO_A_REASON", "hw-tc-off"), k.string("NFTO_A_REASON_TEXT", "it is off")),
    k.event(6, k.u32("NFTO_A_IFINDEX", 2)),
    k.event(99, time=2**64 - 1),
]


@contextlib.contextmanager
def monitoring(*words, ends=0):
    """The command, running; it is ended by SIGINT."""
    with subprocess.Popen([SANITIZED, "monitor", *words], env=environment(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
        same((process.returncode, rest, err), (ends, "", MONITOR_SAYS.get(words, "")))


MONITOR_SAYS = {("port", "443"): "nft-offload: events were lost: there was no room for them "
                                 "(a filter makes them fewer)\n"}


@test("monitor: a line for each event, at once; lost ones are told of")
def monitor():
    # the first comes before the answer to the request
    loaded().answer(k.C["NFTO_CMD_SUBSCRIBE"], EVENTS[0], k.ack(), EVENTS[1] + EVENTS[2], 105,
                    EVENTS[3], EVENTS[4], k.family_message(2, "other", 0))
    with monitoring("port", "443") as process:
        lines = [process.stdout.readline() for _ in range(6)]
    time = "2023-11-14T22:13:20.123456+00:00"
    assert lines[0].startswith(f"{time} tcp 10.0.0.2:40000 > 10.1.0.2:443  eth0 > eth1"), lines
    same(lines[1], "lost 3 events before the next one: there was no room for them\n")
    assert "  refused: ttl  " in lines[2], lines
    same(lines[3], f"{time} device eth0  unbound: hw-tc-off: it is off\n")
    same(lines[4], f"{time} device 2  table-full\n")
    assert lines[5].endswith(" 99\n"), lines
    with monitoring("--json") as process:
        trees = [json.loads(process.stdout.readline()) for _ in range(6)]
    for tree in trees:
        remember(tree, ("monitor", "--json"))
    same([tree["event"] for tree in trees],
         ["hardware", "refused", "unbound", "lost", "table-full", 99])
    same((trees[0]["time_ns"], trees[0]["time"]), (1700000000123456789, time))
    same(trees[1]["lost"], 3)
    same(trees[4], {"event": "table-full", "time": time, "time_ns": 1700000000123456789,
                    "ifindex": 2})


@test("monitor: ends when the module goes")
def monitor_unload():
    loaded().answer(k.C["NFTO_CMD_SUBSCRIBE"], k.ack(), EVENTS[0],
                    k.family_message(2, seq=0))
    run = Run("monitor", status=3).complains("the module nft_offload was unloaded")
    same(len(run.out.splitlines()), 1)
    lines = Run("monitor", "--json", status=3).out.splitlines()
    same(list(json.loads(lines[1])), ["error"])


@test("--watch: again and again, until a signal")
def watch():
    loaded()
    for words in (["status"], ["flows"], ["flows", "--json"], ["status", "--json"]):
        with subprocess.Popen([SANITIZED, *words, "-w", "0.1"], env=environment(), text=True,
                              stdout=subprocess.PIPE) as process:
            first = process.stdout.readline()
            while process.stdout.readline() != first:
                pass
            process.terminate()
            process.communicate(timeout=60)
            same(process.returncode, 0)
        if "--json" in words:
            json.loads(first)


@test("version")
def versions():
    loaded()
    Run("version").silent().says("module nft_offload: 0.1.0 (shims: none)\n",
                                 f"kernel: {os.uname().release}\n")
    tree = Run("--version", "--json").json()
    same((tree["command"], tree["module"], tree["shims"], tree["in_force"]),
         (version(), "0.1.0", "none", True))
    loaded().answer(k.C["NFTO_CMD_VERSION_GET"], k.silent("0.0.9"), k.ack())
    same(Run("version", "--json").json()["in_force"], None)
    loaded().answer(k.C["NFTO_CMD_VERSION_GET"], k.silent(version() + "-1.fc41"), k.ack())
    same(Run("version", "--json").json()["in_force"], False)
    loaded().answer(k.C["NFTO_CMD_VERSION_GET"], k.silent(version()), k.ack())
    for words in ["version"], ["status"]:
        Run(*words).says("another module's flowtables come first: flush the rulesets of all "
                         "network namespaces, load nft_offload anew, and then the rulesets\n")
        same(Run("--json", *words).json()["in_force"], False)
    assert ("not-in-force", "problem") in [
        (each["id"], each["severity"])
        for each in Run("doctor", "--json", status=1).json()["findings"]]


@test("output that cannot be written is an error")
def full():
    loaded()
    for words in (["flows"], ["status", "--json"], ["help"]):
        with open("/dev/full", "wb") as out:
            done = subprocess.run([SANITIZED, *words], env=environment(), stdout=out,
                                  stderr=subprocess.PIPE, check=False)
        same(done.returncode, 3)
        assert b"cannot write the output" in done.stderr, done.stderr


@test("colours: on a terminal, unless NO_COLOR is set")
def colours():
    loaded()
    for env, expected in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": ""}, False),
                          ({"TERM": "dumb"}, False)):
        same(("flows", env, "\x1b[32mhardware" in on_terminal("flows", env)),
             ("flows", env, expected))
    assert "\x1b" not in on_terminal("flows --json", {"TERM": "xterm"})
    assert "\x1b" not in Run("flows", env={"TERM": "xterm"}).out


def on_terminal(words, env):
    main, other = pty.openpty()
    subprocess.run([SANITIZED, *words.split()], env=environment(env), stdout=other, check=True)
    os.close(other)
    found = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(main, 65536):
            found += chunk
    os.close(main)
    return found.decode()


@test("the whole command survives what a kernel should not say")
def hostile():
    bad = [b"", b"\0" * 16, b"\xff" * 64, k.flow()[:40], b"\x10\0\0\x80" + k.flow()[4:],
           k.flow()[:-8], k.genl(4), k.genl(4, k.nest("NFTO_A_FLOW")),
           k.ruleset_flowtable()[:24], k.message(b"", kind=k.NFTABLES | 22),
           k.message(b"\1", kind=k.NFTABLES | 22), k.message(b"\0" * 90, kind=k.NFTABLES | 22)]
    for datagram in bad:
        kernel = loaded()
        for command in ("DEVICE_GET", "FLOWTABLE_GET", "FLOW_GET", "REASON_GET"):
            kernel.answer(k.C[f"NFTO_CMD_{command}"], datagram, k.done())
        kernel.answer(0, datagram, k.done(), kind=k.NFTABLES | 23)
        for words in (["status"], ["flows"], ["flows", "--sort", "source"], ["reasons"],
                      ["policy"], ["status", "--prometheus"]):
            Run(*words)
            if "--prometheus" not in words:
                Run(*words, "--json").json()
    loaded().answer(k.C["NFTO_CMD_FLOW_FLUSH"], k.ack())
    Run("flush", "all", status=3).complains("gave no answer")
    loaded().answer(3, k.genl(1, kind=k.CTRL), k.ack(), kind=k.CTRL)
    Run("status", status=3).complains("not loaded")
    loaded().answer(k.C["NFTO_CMD_FLOW_GET"], 28)
    Run("flows", status=3).complains("damaged")
