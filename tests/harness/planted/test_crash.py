# SPDX-License-Identifier: GPL-2.0
"""The kernel dies in the second of three tests."""


def test_before():
    pass


def test_oopses():
    with open("/proc/sysrq-trigger", "w") as trigger:
        trigger.write("c")


def test_after():
    pass
