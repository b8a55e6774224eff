# SPDX-License-Identifier: GPL-2.0
"""Anything at any time, and always the same afterwards: the ASIC's table is what the registry says
it is and what the kernel says of its connections, nothing is orphaned, and every flow is forwarded,
once and unchanged; and now and then, in hardware again.

    scripts/check --kernel NAME --timeout SECONDS -- test_chaos.py --seed 7 --steps 10000

What happens in a step depends on the seed and its number alone: --first N begins with step N.
"""

import contextlib
import os
import random

import pytest

from nfto import chaos, failing, kmod

# After so many steps, the other router must be as well as the one that something happened to.
BOTH_JUDGED = 10
# After so many, all must be in hardware again.
PROVED = 100
BESIDES = ["reload_module", "new_namespace"]


class Chaos:
    """Two routers; the second dies now and then. A context manager."""

    def __init__(self, seed):
        self.seed = seed
        self.chance = random.Random()
        self.stack = contextlib.ExitStack()
        self.beside = contextlib.ExitStack()
        self.storm = self.other = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.begin(0)
            fail = failing.some if failing.possible() else None
            self.storm = stack.enter_context(chaos.Storm(self.chance, failing=fail))
            stack.enter_context(self.beside)
            self.another()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    @property
    def storms(self):
        return self.storm, self.other

    def another(self):
        self.other = self.beside.enter_context(chaos.Storm(self.chance, suffix="2"))

    def begin(self, number):
        self.chance.seed("%s %d" % (self.seed, number))

    def step(self, number):
        self.begin(number)
        which = self.chance.choice((self.storm, self.storm, self.other))
        name = self.chance.choice(which.operations + BESIDES)
        print("%d: %s%s" % (number, name, " (other)" if which is self.other else ""), flush=True)
        if name in BESIDES:
            getattr(self, name)()
            for each in self.storms:
                each.settle(name)
        else:
            which.step(name)
        if number % BOTH_JUDGED == BOTH_JUDGED - 1:
            for each in self.storms:
                each.settle(name)
        if number % PROVED == PROVED - 1:
            for each in self.storms:
                each.prove()

    def reload_module(self):
        chaos.reload_module(self.storms)

    def new_namespace(self):
        self.other.die()
        self.beside.close()
        self.another()


@pytest.mark.one_kernel
@pytest.mark.timeout(20000)
def test_anything_at_any_time(request, kernel_watch):
    seed, first, steps = (request.config.getoption(name)
                          for name in ("--seed", "--first", "--steps"))
    print("again: scripts/check --kernel %s -- test_chaos.py --seed %s --first %d --steps %d" % (
        os.environ.get("NFTO_KERNEL", "KERNEL"), seed, first, steps))
    kmod.load(kmod.CORE)
    with Chaos(seed) as routers:
        for number in range(first, steps):
            routers.step(number)
            complaints = kernel_watch.complaints()
            assert not complaints, complaints
        for each in routers.storms:
            each.settle("all")
            each.end()
    kmod.unload(kmod.CORE)
    kmod.unload(kmod.SIM)
    complaints = kernel_watch.complaints()
    assert not complaints, complaints
