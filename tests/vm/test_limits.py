# SPDX-License-Identifier: GPL-2.0
"""tests/limits and scripts/kernels say the truth about this kernel: README repeats it."""

import os
import re
import time

import pytest

from nfto import conntrack, limits, rules
from nfto.flow import Flow
from nfto.shell import SCALE, read, run, wait_for
from nfto.traffic import established
from nfto.wire import tagged

pytest_plugins = "nfto.fixtures"

TABLE = os.path.join(os.path.dirname(limits.FILE), "..", "scripts", "kernels")
VLAN = 5


@pytest.fixture
def router(router):
    router.nft(rules.whole(router))
    return router


def lacks_nft_flags(router):
    text = "table inet t {\n%s\n}\n" % rules.flowtable(["p0"])
    return "syntax error" in router.ns.run(["nft", "-f", "-"], stdin=text, check=False).stderr


def lacks_conntrack_tag(router):
    flow = established(router)
    listed = router.conntrack("-L", "-p", flow.proto).stdout
    assert "OFFLOAD]" in listed
    return "[HW_OFFLOAD]" not in listed


def lacks_flow_timeout(router):
    with router.ns.entered():
        return not os.path.exists("/proc/sys/net/netfilter/nf_flowtable_udp_timeout")


def lacks_path_discovery(router):
    """Through a VLAN on top of the port: does hardware, which has only the port, get the flow?"""
    server = router["p1"]
    router.ns.ip("link add link p1 name p1.%d type vlan id %d" % (VLAN, VLAN),
                 "link set p1.%d up" % VLAN,
                 "address flush dev p1",
                 "address add %s/24 dev p1.%d" % (server.address["ipv4"], VLAN),
                 "neigh replace %s lladdr %s nud permanent dev p1.%d" % (
                     server.host["ipv4"], server.host_mac, VLAN))
    flow = Flow(router)
    request, reply = flow.handshake()

    def listed():
        return router.conntrack("-L", "-p", flow.proto).stdout

    def both_ways():
        request.enters.end.send(request.sent)
        reply.enters.end.send(tagged(reply.sent, (0x8100, VLAN)))
        return "[UNREPLIED]" not in listed() and "src=%s" % flow.views["client"].src in listed()

    wait_for(both_ways, 10 * SCALE, "an established connection")
    begin = time.monotonic()
    while not conntrack.in_hardware(flow):
        if time.monotonic() - begin > 5 * SCALE:
            return True
        both_ways()
    return False


LACKS = {
    "nft-flags": lacks_nft_flags,
    "conntrack-tag": lacks_conntrack_tag,
    "flow-timeout": lacks_flow_timeout,
    "path-discovery": lacks_path_discovery,
}


@pytest.mark.every_kernel
@pytest.mark.parametrize("name", LACKS)
def test_what_is_said_to_lack_lacks(router, name):
    assert LACKS[name](router) == limits.has(name)


def test_all_that_is_said_to_lack_is_looked_at():
    assert set(limits.names("lacks")) == set(LACKS)


@pytest.mark.every_kernel
def test_it_is_the_kernel_that_the_table_has():
    lines = [line.split(None, 6) for line in read(TABLE).splitlines()]
    wanted = next(line[5] for line in lines if line and line[0] == limits.KERNEL)

    def number(text):
        return tuple(int(part) for part in text.split("."))

    # A stock kernel's full version stands in its second name: 6.1.0-56 is 6.1.192.
    full = re.findall(r"\d+\.\d+\.\d+", run("uname -rv").stdout)[-1]
    if wanted.endswith("+"):
        assert number(full) >= number(wanted[:-1])
    else:
        depth = len(number(wanted))
        assert number(full)[:depth] == number(wanted)
