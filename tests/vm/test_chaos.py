# SPDX-License-Identifier: GPL-2.0
"""Anything at any time, and always the same afterwards: the ASIC's table is what the registry says
it is, nothing is orphaned, and every flow is forwarded, once and unchanged.

    scripts/check --kernel NAME -- test_chaos.py --seed 7 --steps 10000
"""

import contextlib
import os
import random

import pytest

from nfto import chaos, kmod
from nfto.shell import read, write

FAILSLAB = "/sys/kernel/debug/failslab/"
PAGES = "/sys/kernel/debug/fail_page_alloc/"


@contextlib.contextmanager
def failing(times):
    """The next allocations that have the module in their call chain fail, so many of them."""
    begin = int(read("/sys/module/nft_offload/sections/.text").strip(), 16)
    size = int(read("/sys/module/nft_offload/coresize"))
    for folder in FAILSLAB, PAGES:
        for name, value in {"ignore-gfp-wait": "N", "verbose": 0, "interval": 1, "task-filter": "N",
                            "stacktrace-depth": 32, "require-start": "%#x" % begin,
                            "require-end": "%#x" % (begin + size), "times": times,
                            "probability": 30}.items():
            write(folder + name, value)
    try:
        yield
    finally:
        for folder in FAILSLAB, PAGES:
            write(folder + "probability", 0)


@pytest.fixture
def steps(request):
    return request.config.getoption("--steps")


@pytest.fixture
def seed(request):
    return request.config.getoption("--seed")


@pytest.mark.by_name
@pytest.mark.timeout(20000)
def test_anything_at_any_time(steps, seed):
    """A second router lives beside it, to which things happen too, and dies now and then."""
    chance = random.Random(seed)
    fail = failing if os.path.isdir(FAILSLAB) else None
    kmod.load(kmod.CORE)
    with contextlib.ExitStack() as stack:
        storm = stack.enter_context(chaos.Storm(chance, failing=fail))
        other = chaos.Storm(chance, suffix="2")
        beside = stack.enter_context(contextlib.ExitStack())
        beside.enter_context(other)
        for number in range(steps):
            which = chance.choice((storm, storm, other))
            name = chance.choice(which.operations + ["reload_module", "new_namespace"])
            print("%d: %s%s" % (number, name, " (other)" if which is other else ""), flush=True)
            if name == "reload_module":
                chaos.reload_module((storm, other))
            elif name == "new_namespace":
                beside.close()
                other = beside.enter_context(chaos.Storm(chance, suffix="2"))
            else:
                which.step(name)
        for each in storm, other:
            each.settle("all")
            each.end()
