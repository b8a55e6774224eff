# SPDX-License-Identifier: GPL-2.0
"""Each allocation that the module makes for a request fails, one after the other: the request
fails for that reason, or does without; afterwards the same request succeeds."""

import itertools
import re

import pytest

from nfto import failing, nft, rules
from nfto.agreement import Agreement
from nfto.cli import COMMAND
from nfto.traffic import Background, assert_hardware, established, measure, offloaded

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

REQUESTS = {
    "status": [COMMAND, "status"], "flows": [COMMAND, "flows"], "reasons": [COMMAND, "reasons"],
    "policy": [COMMAND, "policy", "p1", "tcp", "unguarded"], "flush": [COMMAND, "flush", "all"],
    "probe": [COMMAND, "probe", "p0"], "fill": [COMMAND, "probe", "p0", "fill", "3"],
    "load": None, "software": None,
}
# As a program may say it.
NO_MEMORY = re.compile("memory|buffer space", re.I)
# More allocations than this no request has.
MOST = 1000
# Of those that have very many, every so many-th fails.
STEP = {"probe": 7, "fill": 11}
# These may have none: the core's work items do what they lead to.
WITHOUT = ("flows", "reasons", "software")


@pytest.mark.parametrize("name", REQUESTS)
def test_any_allocation_may_fail(router, name):
    router.nft(rules.whole(router))
    flow = established(router)
    command, stdin = REQUESTS[name], None
    if not command:
        command, stdin = nft.command(rules.whole(router, [] if name == "software" else None))
    agreement = Agreement(router)
    number = failed = 0
    with Background(flow, patience=5) as background:
        for number in itertools.count(1, STEP.get(name, 1)):
            with failing.nth(number, command) as (argv, has_failed):
                done = router.ns.run(argv, stdin=stdin, check=False)
                if not has_failed():
                    break
            assert number < MOST
            failed += 1
            assert not done.returncode or NO_MEMORY.search(done.stdout + done.stderr), done
            agreement.wait()
            router.ns.run(command, stdin=stdin)
            if name == "software":
                router.nft(rules.whole(router))
        assert not done.returncode, done
    background.assert_none_lost()
    print("%d of %d allocations failed" % (failed, number - 1))
    assert failed or name in WITHOUT
    router.nft(rules.whole(router))
    assert_hardware(measure(offloaded(flow, deadline=60), 5))
    agreement.wait()


def test_allocations_of_workers_may_fail(router):
    """Those that nobody asked for: of the flows that the core tells of, and their programming."""
    router.nft(rules.whole(router))
    agreement = Agreement(router)
    for _ in range(20):
        with failing.some(3):
            flow = established(router)
            router.ns.run([COMMAND, "flush", "all"], check=False)
        assert_hardware(measure(offloaded(flow, deadline=60), 5))
        agreement.wait()
