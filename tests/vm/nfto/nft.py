# SPDX-License-Identifier: GPL-2.0
"""The distribution's own nft, whatever its age.

Before 0.9.9 it has no words for the flags of a flowtable (Debian 11's is 0.9.8). There they are
taken out of the text, and nft_flags.c sets them in the message that nft sends to the kernel.
"""

import functools
import os
import re
import tempfile

from nfto.shell import run

OFFLOAD = 1
COUNTER = 2
FLOWTABLE = re.compile(r"flowtable (?:\w+ \w+ )?(\w+) \{(?:[^{}]|\{[^{}]*\})*\}")


@functools.lru_cache(maxsize=None)
def knows_flags():
    version = re.search(r"v([\d.]+)", run("nft --version").stdout).group(1)
    return tuple(map(int, version.split("."))) >= (0, 9, 9)


@functools.lru_cache(maxsize=None)
def _helper():
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nft_flags.c")
    library = os.path.join(tempfile.mkdtemp(prefix="nfto-"), "nft_flags.so")
    run(["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"])
    return library


def command(text):
    """The command line that loads a ruleset, as one transaction, and what it is to read."""
    if knows_flags():
        return ["nft", "-f", "-"], text + "\n"
    flags = {}

    def without_flags(match):
        body = match.group(0)
        flags[match.group(1)] = (OFFLOAD * ("flags offload;" in body) +
                                 COUNTER * (" counter;" in body))
        return body.replace("flags offload;", "").replace(" counter;", "")

    text = FLOWTABLE.sub(without_flags, text)
    return ["env", "LD_PRELOAD=" + _helper(),
            "NFTO_FLOWTABLE_FLAGS=" + ",".join("%s=%d" % item for item in flags.items()),
            "nft", "-f", "-"], text + "\n"
