# SPDX-License-Identifier: GPL-2.0
"""Anything at any time, and always the same afterwards: the ASIC's table is what the registry says
it is, nothing is orphaned, and every flow is forwarded, once and unchanged.

    scripts/check --kernel NAME -- test_chaos.py --seed 7 --steps 10000
"""

import contextlib
import random

import pytest

from nfto import chaos, failing, kmod

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
    fail = failing.some if failing.possible() else None
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
