# SPDX-License-Identifier: GPL-2.0
"""Fixtures that modules of tests share, each by pytest_plugins = "nfto.fixtures".

Not in conftest.py, which the harness tries with tests that have no topology. A module that wants
other ports overrides kinds; one that wants more of its router overrides router and asks for it.
"""

import pytest

from nfto import kmod, personalities
from nfto.topology import Router


@pytest.fixture
def kinds():
    """The kinds of the router's ports."""
    return ("sim", "sim")


@pytest.fixture
def router(kinds):
    """A router of the test's own, with the module loaded and no ruleset."""
    kmod.load(kmod.CORE)
    with Router(kinds) as made:
        yield made


@pytest.fixture(scope="module")
def measured(request):
    """Lines for the log: an emulated machine proves no times, but shows them."""
    lines = []
    yield lines
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *lines, sep="\n")


@pytest.fixture(scope="module")
def topology():
    """A module's router whose ports are programmed by tc alone."""
    kmod.unload(kmod.CORE)
    with Router() as made:
        yield made


@pytest.fixture
def become(topology):
    """Gives the topology's ASIC another personality, and its own one back."""
    yield personalities.Changer(topology)
    personalities.Changer(topology)("generic", bind=False)
    assert topology.asic.entries == 0
