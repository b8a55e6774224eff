# SPDX-License-Identifier: GPL-2.0
"""What cannot be had on this kernel: tests/limits, read for it."""

import fnmatch
import os

import pytest

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "limits")


def _of_this_kernel():
    kernel = os.environ.get("NFTO_KERNEL", "")
    found = {}
    with open(FILE) as file:
        for line in file:
            if line.startswith("#"):
                continue
            _kind, name, kernels, sentence = line.split(None, 3)
            if any(fnmatch.fnmatch(kernel, pattern) for pattern in kernels.split(",")):
                found[name] = sentence.strip()
    return found


LIMITS = _of_this_kernel()


def has(name):
    return name in LIMITS


def skip(name):
    """Skip the rest of a test where it cannot be done."""
    if has(name):
        pytest.skip(LIMITS[name])
