# SPDX-License-Identifier: GPL-2.0
"""Very many flows are listed while traffic goes on and flows come and go.

--many says how many; 100000 take a quarter of an hour where processors are shared.
"""

import collections
import re
import time

import pytest

from nfto import crowd, rules
from nfto.cli import COMMAND, Cli
from nfto.crowd import Churn, Sender
from nfto.shell import SCALE, wait_for, write
from nfto.traffic import Background, established

pytest_plugins = "nfto.fixtures"
pytestmark = [pytest.mark.timeout(1200), pytest.mark.one_kernel]

LINE = re.compile(r"^udp 10\.77\.1\.(\d+):(\d+) > |^udp 10\.77\.2\.9:7000 > 10\.77\.1\.(\d+):(\d+)",
                  re.M)


@pytest.fixture
def kinds():
    """Two for the many; two for the one that is watched, whose frames nobody else takes."""
    return ("sim",) * 4


def listed(text):
    """How often each direction of each flow is in a list, by address and port."""
    return collections.Counter((match[0] or match[2], match[1] or match[3], bool(match[2]))
                               for match in LINE.findall(text))


def test_all_flows_are_listed(router, measured, request):
    flows = request.config.getoption("--many")
    cli = Cli(router)
    router.asic.set(capacity=1 << 20)
    # It is one for all namespaces.
    write("/proc/sys/net/netfilter/nf_conntrack_max", 4 * flows)
    router.flow_timeout(3600)
    router.nft(rules.whole(router))
    sender = Sender(router)
    begin = time.monotonic()
    sender.establish(range(flows))
    wait_for(lambda: cli.json("flows", "--count")["counts"]["hardware"] == 2 * flows, 120 * SCALE,
             lambda: "all flows in hardware: %s" % cli.text("flows", "--count"), interval=1)
    measured.append("%d flows in hardware after %.0f s" % (flows, time.monotonic() - begin))
    flow = established(router, client=2, server=3)
    wanted = {(address.rpartition(".")[2], str(port), reply)
              for address, port in map(crowd.source, range(flows)) for reply in (False, True)}
    background = Background(flow, rate=20, patience=5 * SCALE)
    with background, Churn(router, sender) as churn:
        background.more(20)
        passed = 0
        # A slow machine may not come to the next flows while it lists.
        while not passed and not churn.error:
            before, begin = churn.flows, time.monotonic()
            done = router.ns.run([COMMAND, "flows"], timeout=600)
            took, passed = time.monotonic() - begin, churn.flows - before
        background.more(20)
    assert not churn.error, churn.error
    background.assert_none_lost()
    assert not done.stderr
    found = listed(done.stdout)
    missing = wanted - set(found)
    assert not missing, "%d of %d are not in the list: %s" % (
        len(missing), len(wanted), sorted(missing)[:5])
    twice = {each: number for each, number in found.items() if number > 1}
    assert not twice, twice
    # Flows came and went meanwhile, and packets of the one in hardware were not held up.
    assert passed > 0
    measured.append("%d lines in %.1f s, while %d flows came and went" % (
        len(done.stdout.splitlines()), took, passed))
    begin = time.monotonic()
    assert cli.json("flush", "all")["count"] >= 2 * flows
    wait_for(lambda: router.asic.entries <= 4, 120 * SCALE, lambda: "an empty table: %d" % (
        router.asic.entries), interval=0.5)
    measured.append("flushed in %.0f s" % (time.monotonic() - begin))
