# SPDX-License-Identifier: GPL-2.0
"""Faults that a stock kernel lives with, and that the debug kernel must make a test fail for; the
leak, the whole run. test_nothing passes."""

import subprocess

import pytest

# Lockdep looks no more after most of the others, nor after what it found itself: softirq, too, must
# be the first, of a run of its own.
FAULTS = ["rcu", "lock", "uaf", "shift", "timer", "refs", "list", "sleep", "leak", "softirq"]


@pytest.fixture(scope="module")
def planted():
    subprocess.run(["modprobe", "nfto_planted"], check=True)


def test_nothing(planted):
    pass


@pytest.mark.parametrize("word", FAULTS)
def test_fault(planted, word):
    with open("/sys/kernel/debug/nfto_planted", "w") as knob:
        knob.write(word)
