# SPDX-License-Identifier: GPL-2.0
"""Allocations that fail, on a kernel that can make them: those with the module in their call chain,
whoever makes them, and no others."""

import contextlib
import os

from nfto import kmod
from nfto.shell import read, write

FOLDERS = ("/sys/kernel/debug/failslab/", "/sys/kernel/debug/fail_page_alloc/")


def possible():
    return os.path.isdir(FOLDERS[0])


def _set(**values):
    for folder in FOLDERS:
        for name, value in values.items():
            path = folder + name.replace("_", "-")
            # Only slabs are asked for by some, only pages by others.
            if os.path.exists(path):
                write(path, value)


def _symbols(wanted):
    """Addresses of functions, in order; wanted says which, by the words of a line of kallsyms."""
    with open("/proc/kallsyms") as file:
        lines = [line.split() for line in file]
    return sorted(int(words[0], 16) for words in lines if words[1] in "tT" and wanted(words))


def _span(wanted, others):
    """From the first of the wanted functions to the first of the others behind them."""
    found = _symbols(wanted)
    behind = [address for address in _symbols(others) if address > found[-1]]
    return found[0], min(behind, default=found[-1] + 4096)


def ours():
    """Where the module is: from, to."""
    name = "[%s]" % kmod.CORE
    return _span(lambda words: words[-1] == name, lambda words: words[-1] != name)


def _failed(times):
    """How many have failed, of those that were to."""
    return sum(times - int(read(folder + "times")) for folder in FOLDERS)


def _alone(span):
    """Not what kmemleak makes for itself of each allocation."""
    begin, end = span
    _set(require_start="%#x" % begin, require_end="%#x" % end, stacktrace_depth=32)
    begin, end = _span(lambda words: words[2] == "kmemleak_alloc",
                       lambda words: words[2] != "kmemleak_alloc")
    _set(reject_start="%#x" % begin, reject_end="%#x" % end,
         ignore_gfp_wait="N", task_filter="N", interval=1, probability=0, verbose=0)


@contextlib.contextmanager
def some(times, probability=30):
    """So many of those made from now on fail, at random, or (100) one after the other. Yields what
    tells how many did."""
    _alone(ours())
    _set(times=times, probability=probability)
    try:
        yield lambda: _failed(times)
    finally:
        _set(probability=0)


@contextlib.contextmanager
def nth(number, command, span=None):
    """Yields a command that does as this one does, but for its allocation of this number, which
    fails; and what tells whether there were so many. span: where the module will be, if it is not
    there yet."""
    _alone(span or ours())
    # It is counted down with the failure, whatever kind it was.
    _set(times=1)
    yield (["sh", "-c", 'echo "$0" >/proc/self/fail-nth && exec "$@"', str(number)] + command,
           lambda: _failed(1) > 0)
