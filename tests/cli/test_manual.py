# SPDX-License-Identifier: GPL-2.0
"""The manual pages have all that there is. These tests come last: others print the keys."""
import re
import shutil
import subprocess
import sys

from harness import CLI, PRINTED, TOP, Run, commands, same, test, text_of


@test("manual: each command, option, filter, reason and hazard; roff without a warning")
def manual():
    text = text_of("nft-offload.8")
    for command in commands():
        assert f".SS {command}\n" in text, command
        tree = Run("help", command, "--json").json()
        assert tree["syntax"].split(" [")[0] in re.sub(r" +", " ", text), tree["syntax"]
        for entry in tree["options"] + tree["words"]:
            assert re.search(rf"{entry['syntax'].split()[0].split('|')[-1]}\b", text), entry
    concepts = text_of("nft_offload.7")
    for path, table in (("src/core/reason.c", "nfto_reasons["), ("src/core/driver.c", "_HAZARD_")):
        words = re.findall(rf'^\t\[NFTO_\w+\] = \{{ "([a-z-]+)",$', (TOP / path).read_text(), re.M)
        assert len(words) > 9, path
        for word in words:
            assert word == "none" or f".B {word}\n" in concepts, f"nft_offload(7) lacks {word}"
    traced = re.findall(r"^(?:TRACE_EVENT\(|DEFINE_EVENT\(\w+, )(\w+),$",
                        (TOP / "src/core/trace.h").read_text(), re.M)
    assert len(traced) > 14, traced
    for name in traced:
        assert re.search(rf"^\.BR? .*\b{name}\b", concepts, re.M), f"nft_offload(7) lacks {name}"
    if not shutil.which("groff"):
        print("# there is no groff here to read the manual")
        return
    for name in ("nft_offload.7", "nft-offload.8"):
        done = subprocess.run(["groff", "-t", "-man", "-Tutf8", "-ww", str(CLI / name)],
                              check=False, capture_output=True, text=True)
        same((done.returncode, done.stderr), (0, ""))


# Of what a ruleset is found to do; tests/cli/check has the tests of these.
CHECKED = {"id", "severity", "text", "family", "table", "chain", "flowtable", "handle", "rule",
           "line", "file", "before", "failures", "findings"}


def keys_of_sources():
    """What the code can print: keys of the parser's tables, and those set one by one."""
    keys = set(CHECKED)
    for path in CLI.glob("*.c"):
        if path.name.startswith("check"):
            continue
        text = path.read_text()
        keys |= set(re.findall(r'\.key = "(\w+)"', text))
        keys |= set(re.findall(r'json_object_set(?:_new)?\(\w+,\s*"(\w+)"', text))
        keys |= set(re.findall(r'cli_(?:help_entry|stream_begin)\("(\w+)"', text))
        keys |= set(re.findall(r'\\"(\w+)\\":', text))
    return keys


@test("manual: each JSON key that the code can print, and no other")
def manual_keys():
    text = text_of("nft-offload.8")
    text = text[text.index(".SH JSON"):text.index(".SH METRICS")]
    documented = set(re.findall(r"^([a-z_]+)\t", text, re.M))
    raw = (CLI / "nft-offload.8").read_text()
    raw = raw[raw.index(".SH JSON"):raw.index(".SH METRICS")]
    documented |= set(re.findall(r"\\fB([a-z_]+)\\fR", raw)) | set(re.findall(r"^\.BR? ([a-z]+)",
                                                                              raw, re.M))
    keys = keys_of_sources() - {"version"}      # the kernel's; it is printed as "module"
    assert len(keys) > 70, sorted(keys)
    same(keys - documented, set())
    same(set(PRINTED) - documented, set())
    same(documented - keys - {"counter", "status", "flows", "monitor", "other"}, set())
    assert len(PRINTED) > 60 or len(sys.argv) > 1, sorted(PRINTED)
    if len(sys.argv) == 1:
        same(keys - set(PRINTED) - CHECKED, set())
