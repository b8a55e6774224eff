# SPDX-License-Identifier: GPL-2.0
"""What needs no kernel: building, words of the command line, completion, rulesets."""
import os
import re
import shutil
import subprocess

import kernel as k
from harness import (CLI, HERE, PARSER, PLAIN, SANITIZE, SANITIZED, TOP, WORK, Run, commands,
                     compile_c, environment, link, loaded, make, package, same, test)


@test("builds without a warning, with and without sanitizers")
def builds():
    done = make(f"BUILD={WORK}/plain")
    same(done.stdout + done.stderr, "")
    flags = " ".join(SANITIZE)
    done = make(f"BUILD={WORK}/sanitized", f"CFLAGS=-O1 -g -Werror {flags}", f"LDFLAGS={flags}")
    same(done.stdout + done.stderr, "")
    link(SANITIZED, WORK / "sanitized")
    link(PLAIN, WORK / "plain")
    compile_c(PARSER, HERE / "parse_test.c", HERE / "parse_all.c", CLI / "parse.c",
              CLI / "errno_name.c", "-DCLI_VERSION=\"\"", *SANITIZE, *package("--libs"))


@test("says what to install, before anything is compiled")
def libraries():
    for words in (["PKG_CONFIG=/does/not/exist"], []):
        env = None if words else {"PKG_CONFIG_LIBDIR": "/does/not/exist",
                                  "PKG_CONFIG_PATH": "/does/not/exist"}
        done = make(f"BUILD={WORK}/none", *words, status=2, env=env)
        said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        same(len(said), 1)
        assert "libmnl-dev libnftnl-dev libnftables-dev libjansson-dev" in said[0], said
        assert not list(WORK.glob("none/*")), "something was compiled"


@test("make install: command, manual and completion")
def install():
    make(f"BUILD={WORK}/plain", f"DESTDIR={WORK}/dest", "install")
    for path in ("sbin/nft-offload", "share/man/man8/nft-offload.8",
                 "share/man/man7/nft_offload.7",
                 "share/bash-completion/completions/nft-offload"):
        assert (WORK / "dest/usr" / path).stat().st_size, path
    same((WORK / "dest/usr/share/bash-completion/completions/nft-offload").read_text(),
         Run("--completion", "bash").out)


@test("usage: without words, help, and help of each command")
def usage():
    run = Run(status=2)
    same(run.out, "")
    assert run.err.startswith("usage: "), run.err
    same(Run("help").silent().out, run.err)
    same(Run("--help").out, run.err)
    for command in commands():
        assert f"  {command}" in run.err, command
        assert Run("help", command).silent().out == Run(command, "--help").out
        Run("help", command).says(f"nft-offload [--json] {command}")
    tree = Run("--json", "help").json()
    same([entry["command"] for entry in tree["commands"]], commands())
    same(Run("help", "flows", "--json").json()["syntax"].split()[0], "flows")


WRONG = [
    (["frobnicate"], "frobnicate: there is no such command"),
    (["statu"], "statu: there is no such command"),
    (["--frobnicate"], "--frobnicate: there is no such option"),
    (["status", "--coun"], "--coun: status has no such option"),
    (["status", "--sort=bytes"], "status has no such option"),
    (["status", "a", "b"], "b: this is a word too many"),
    (["status", "--prometheus", "--watch"], "--watch"),
    (["status", "--prometheus=yes"], "takes no value"),
    (["status", "-w", "-w"], "twice"),
    (["status", "--watch=0"], "give seconds"),
    (["status", "--watch=nan"], "give seconds"),
    (["status", "-w", "1.2.3"], "give seconds"),
    (["flows", "--sort"], "a value has to follow"),
    (["flows", "--sort", "size"], "give one of: bytes packets age"),
    (["flows", "--sort", "bytes packets"], "give one of"),
    (["flows", "--sort", "bytes", "--count"], "--count"),
    (["flows", "colour", "red"], "colour: there is no such word"),
    (["flows", "state"], "state: a value has to follow"),
    (["flows", "state", "bored"], "give one of: queued hardware refused failed removing"),
    (["flows", "state", ""], "give one of"),
    (["flows", "direction", "up"], "give one of: original reply"),
    (["flows", "port", "65536"], "from 0 to 65535"),
    (["flows", "port", "-1"], "-1: flows has no such option"),
    (["flows", "port", "0x50"], "from 0 to 65535"),
    (["flows", "port", "99999999999999999999"], "from 0 to 65535"),
    (["flows", "protocol", "256"], "from 0 to 255"),
    (["flows", "protocol", "icmp"], "give tcp, udp or a number"),
    (["flows", "address", "10.0.0.0/8"], "without a prefix length"),
    (["flows", "address", "10.0.0"], "give one IPv4 or IPv6 address"),
    (["flows", "port", "1", "port", "2"], "port: this stands there twice"),
    (["flows", "table", "a", "flowtable", "b/c"], "named twice"),
    (["flows", "flowtable", "b/c", "table", "a"], "named twice"),
    (["flows", "flowtable", ""], "from 1 to 255"),
    (["flows", "table", "x" * 256], "from 1 to 255"),
    (["flows", "reason", "x" * 32], "from 1 to 31"),
    (["reasons", "ttl"], "a word too many"),
    (["policy", "eth0", "ttl"], "ttl: a value has to follow: ttl default|require|lossy"),
    (["policy", "eth0", "ttl", "lossless"], "give one of: default require lossy"),
    (["policy", "eth0", "speed", "high"], "speed: there is no such word"),
    (["policy", "eth0", "tcp", "guarded", "tcp", "guarded"], "twice"),
    (["policy", "eth0", "driver", "x" * 32], "no driver has so long a name"),
    (["flush"], "the word all"),
    (["flush", "all", "port", "1"], "port: the word all stands alone"),
    (["monitor", "--watch"], "no such option"),
    (["generate"], "--devices"),
    (["generate", "--devices", "eth0"], "at least two"),
    (["generate", "--devices="], "a value has to follow"),
    (["generate", "--devices", "eth0,"], "no name of a device"),
    (["generate", "--devices", "eth0,eth0"], "eth0 stands there twice"),
    (["generate", "--devices", "eth0,a/b"], "a/b"),
    (["generate", "--devices", "eth0,.."], ".."),
    (["generate", "--devices", "eth0,a b"], "no name of a device"),
    (["generate", "--devices", "eth0,sixteen-letters-"], "sixteen-letters-"),
    (["generate", "--devices", 'eth0,a"b'], "nft has no way"),
    (["generate", "--devices", "eth0,wan*"], "nft has no way"),
    (["generate", "--devices", "eth0,a\x1bb"], "nft has no way"),
    (["generate", "--devices", "a0,b0", "--family", "bridge"], "give one of: inet ip ip6"),
    (["generate", "--devices", "a0,b0", "--table", "a;b"], "--table a;b"),
    (["generate", "--devices", "a0,b0", "--table", "1a"], "--table 1a"),
    (["version", "now"], "a word too many"),
    (["help", "frobnicate"], "there is no such command"),
    (["--completion", "csh"], "known is: bash"),
    (["--completion"], "known is: bash"),
]


@test("wrong words: status 2 and one sentence, whether or not there is a module")
def wrong_words():
    k.Kernel(WORK / "kernel").answer(3, k.ack(2), kind=k.CTRL)
    for words, said in WRONG:
        run = Run(*words, status=2).complains(said)
        same(run.out, "")
        again = Run("--json", *words, status=2)
        same(again.err, "")
        same(again.json(), {"error": run.err[len("nft-offload: "):-1]})
    same(list(Run(b"flows", b"\xff", b"--json", status=2).json()), ["error"])


@test("generate: the ruleset of README, for any devices")
def generate():
    readme = (TOP / "README.md").read_text()
    example = re.search(r"^    table inet filter \{\n(    .*\n)+?    \}\n", readme, re.M).group(0)
    same(words_of(Run("generate", "--devices", "eth0,eth1").silent().out), words_of(example))
    out = Run("generate", "--devices", "lan,vlan,eth0.5,ip6,a0", "--family=ip6",
              "--table", "my-table").out
    assert 'devices = { "lan", "vlan", eth0.5, "ip6", a0 }' in out, out
    assert out.startswith("table ip6 my-table {"), out
    same(Run("generate", "--devices", "eth0,eth1", "--json").json()["ruleset"],
         Run("generate", "--devices", "eth0,eth1").out)
    if not nft_takes("table inet t { }\n"):
        print("# nft cannot be asked here whether it takes the rulesets")
        return
    for family in ("inet", "ip", "ip6"):
        out = Run("generate", "--devices", "eth0,wan", "--family", family).out
        assert nft_takes(out), out
    assert not nft_takes("table inet t { this }\n")


def words_of(ruleset):
    ruleset = re.sub(r"#.*", "", ruleset).replace("priority filter", "priority 0")
    return re.findall(r"[^\s;]+", ruleset)


def nft_takes(ruleset):
    if not shutil.which("nft") or not shutil.which("unshare"):
        return False
    (WORK / "ruleset").write_text(ruleset)
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    done = subprocess.run([*alone, "nft", "-c", "-f", WORK / "ruleset"], check=False,
                          capture_output=True, text=True)
    # the kernel may lack what the ruleset needs; its grammar is right all the same
    return all("Could not process rule" in line for line in done.stderr.splitlines()
               if "Error:" in line)


COMPLETE = r"""
. "$1"; shift
ls() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_nft_offload
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    path = WORK / "bin" / "nft-offload"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\nexec {PLAIN} \"$@\"\n")
    path.chmod(0o755)
    (WORK / "completion").write_text(Run("--completion", "bash").out)
    done = subprocess.run(
        ["bash", "-euc", COMPLETE, "bash", str(WORK / "completion"), "nft-offload", *words],
        env=environment({"PATH": f"{path.parent}:{os.environ['PATH']}"}), text=True, check=False,
        capture_output=True)
    same((done.returncode, done.stderr), (0, ""))
    return sorted(done.stdout.split())


@test("completion: commands, words, values, devices and reasons")
def completion():
    loaded()
    same(complete("st"), ["status"])
    same(set(commands()) <= set(complete("")), True)
    same(complete("help", "re"), ["reasons"])
    same(complete("flows", "state", "re"), ["refused", "removing"])
    same(complete("flows", "state", "failed", "po"), ["port"])
    same(complete("flows", "port", ""), [])
    same(complete("flows", "reason", "u"), ["unsupported"])
    same(complete("flows", "--so"), ["--sort"])
    same(complete("flows", "--sort", "a"), ["age"])
    same(complete("--json", "flows", "direction", ""), ["original", "reply"])
    same(complete("flush", "a"), ["address", "all"])
    same(complete("flush", "port", "1", "a"), ["address"])
    same(complete("status", "l"), ["lo"])
    same(complete("policy", "l"), ["lo"])
    same(complete("policy", "lo", "t"), ["tcp", "ttl"])
    same(complete("policy", "lo", "ttl", ""), ["default", "lossy", "require"])
    same(complete("generate", "--devices", "l"), ["lo"])
    same(complete("generate", "--devices", "x0,l"), ["x0,lo"])
    same(complete("generate", "--devices", "lo,l"), [])
    same(complete("--completion", ""), ["bash"])


@test("completion: names with the shell's characters run nothing")
def completion_safe():
    loaded().answer(k.C["NFTO_CMD_REASON_GET"],
                    k.reason(f"$(touch${{IFS}}{WORK}/harm)", "", 1) + k.reason("nat", "", 1),
                    k.done())
    same(complete("flows", "reason", ""), ["nat"])
    complete("generate", "--devices", f"$(touch {WORK}/harm),")
    assert not (WORK / "harm").exists()
