# SPDX-License-Identifier: GPL-2.0
"""Five minutes after boot the kernel's clock of 32 bits wraps; flows must not notice.

Runs last, so that there is little left to wait for. To see a flow live through the wrap itself,
run this test alone in a fresh guest.
"""

import time

import pytest

from nfto import kmod, rules
from nfto.shell import SCALE, read, wait_for
from nfto.topology import Router
from nfto.traffic import assert_hardware, entries, established, measure, offloaded, probe

# INITIAL_JIFFIES is -300 * HZ.
WRAP = 300


def uptime():
    return float(read("/proc/uptime").split()[0])


@pytest.mark.timeout(600)
def test_flows_live_through_the_clocks_wrap():
    """Active, a flow stays; idle, it ends in time; a new one is as good."""
    kmod.load(kmod.CORE)
    with Router() as router:
        timeout = router.flow_timeout(round(2 * SCALE))
        router.nft(rules.whole(router))
        old = established(router, "ipv4", "tcp", "both")
        ids = [entry["id"] for entry in entries(old)]
        print("uptime %.0f s as the flow begins" % uptime())
        end = max(WRAP + timeout, uptime() + timeout) + 2
        while uptime() < end:
            assert_hardware(measure(old, 2))
            time.sleep(0.5)
        assert [entry and entry["id"] for entry in entries(old)] == ids
        new = established(router, "ipv6", "udp", "none")
        wait_for(lambda: entries(old) == [None, None] or assert_hardware(measure(new, 1)),
                 (timeout + 2) * SCALE, "the idle flow's end", interval=0.5)
        assert_hardware(measure(new, 10))
        wait_for(lambda: router.asic.entries == 0, (timeout + 2) * SCALE, "the new flow's end")
        probe(old)
        assert_hardware(measure(offloaded(old), 10))
