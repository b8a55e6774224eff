# SPDX-License-Identifier: GPL-2.0
"""The distribution's own nft, whatever its age.

Before 0.9.9 it has no words for the flags of a flowtable (Debian 11's is 0.9.8). There they are
taken out of the text, and nft_flags.c sets them in the message that nft sends to the kernel.
"""

import ctypes
import functools
import os
import re
import subprocess
import tempfile
import threading

from nfto.shell import CommandError, run

OFFLOAD = 1
COUNTER = 2
# libnftables has one parser for all threads; protects it.
LOCK = threading.Lock()
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


@functools.lru_cache(maxsize=None)
def _library():
    library = ctypes.CDLL("libnftables.so.1")
    for name, result in ("new", ctypes.c_void_p), ("free", None), ("buffer_output", ctypes.c_int), (
            "buffer_error", ctypes.c_int), ("get_output_buffer", ctypes.c_char_p), (
            "get_error_buffer", ctypes.c_char_p):
        getattr(library, "nft_ctx_" + name).restype = result
    return library


def _by_library(text):
    """What nft would say, and its status, from the library that it is made of: in a guest, to start
    a process takes longer than what it does."""
    library = _library()
    with LOCK:
        context = ctypes.c_void_p(library.nft_ctx_new(0))
        try:
            library.nft_ctx_buffer_output(context)
            library.nft_ctx_buffer_error(context)
            status = library.nft_run_cmd_from_buffer(context, text.encode())
            said = [(library.nft_ctx_get_output_buffer(context) or b"").decode(),
                    (library.nft_ctx_get_error_buffer(context) or b"").decode()]
        finally:
            library.nft_ctx_free(context)
    return subprocess.CompletedProcess(["libnftables"], 1 if status else 0, *said)


def load(text, check=True):
    """Load a ruleset or run commands, as one transaction, where the calling thread is."""
    if knows_flags():
        done = _by_library(text)
    else:
        argv, stdin = command(text)
        done = run(argv, stdin=stdin, check=False)
    if check and done.returncode:
        raise CommandError(done.args, text, done.returncode, done.stdout, done.stderr)
    return done
