# SPDX-License-Identifier: GPL-2.0
"""Tests with a known end. Passed: passes, expected_warning, log_is_seen, interrupted_sleep_is_over;
skipped as expected: skips_as_expected; all others fail."""

import subprocess
import time

import pytest


def plant(word):
    subprocess.run(["modprobe", "nfto_planted"], check=True)
    with open("/sys/kernel/debug/nfto_planted", "w") as knob:
        knob.write(word)


def test_passes():
    pass


def test_fails():
    assert 1 == 2


def test_warns():
    plant("warn")


@pytest.mark.expect_log("WARNING: CPU: .* plant_warn")
def test_expected_warning(kernel_log):
    plant("warn")
    assert kernel_log.wait_for("planted$")


@pytest.mark.expect_log("WARNING: CPU: .* plant_warn")
def test_expected_warning_missing():
    pass


def test_taints():
    plant("taint")


def test_log_is_seen(kernel_log):
    assert kernel_log.search("seen here") is None
    with open("/dev/kmsg", "w") as kmsg:
        kmsg.write("seen here\n")
    assert kernel_log.wait_for("seen here")


@pytest.mark.timeout(2)
def test_hangs():
    try:
        time.sleep(1000)
    except Exception:
        pass


def test_interrupted_sleep_is_over():
    pass


@pytest.fixture
def fails_in_teardown():
    yield
    raise RuntimeError("planted")


def test_fails_in_teardown(fails_in_teardown):
    pass


def test_skips():
    pytest.skip("planted")


def test_skips_as_expected():
    pytest.skip("planted on purpose")
