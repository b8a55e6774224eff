# SPDX-License-Identifier: GPL-2.0
"""What cannot be had on this kernel: tests/limits, read for it."""

import fnmatch
import os

# By its name in scripts/kernels. The debug kernel has that one's sources and user space.
KERNEL = {"debug": "trixie"}.get(os.environ.get("NFTO_KERNEL"), os.environ.get("NFTO_KERNEL", ""))
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "limits")


def _entries():
    """Lists of kind, name, patterns of kernels, sentence."""
    with open(FILE) as file:
        return [line.strip().split(None, 3) for line in file if not line.startswith("#")]


def _of_this_kernel():
    return {name: sentence for _kind, name, kernels, sentence in _entries()
            if any(fnmatch.fnmatch(KERNEL, pattern) for pattern in kernels.split(","))}


LIMITS = _of_this_kernel()


def names(kind):
    return [entry[1] for entry in _entries() if entry[0] == kind]


def has(name):
    assert name in [entry[1] for entry in _entries()], "tests/limits has no " + name
    return name in LIMITS
