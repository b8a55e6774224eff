# SPDX-License-Identifier: GPL-2.0
"""Rules for the ASIC by tc flower, without the product: how the ASIC itself is put to the test."""

import itertools

from nfto.flow import BOTH

handles = itertools.count(1)


def clsact(router, *ports):
    """Bind the ports' blocks to a qdisc. It goes away with the port."""
    for port in ports or router.names:
        router.ns.run(["tc", "qdisc", "add", "dev", port, "clsact"])


def match(flow, direction):
    """The flower match of a flow's direction."""
    _, view = flow.entering(direction)
    return "ip_proto %s src_ip %s dst_ip %s src_port %d dst_port %d" % (
        flow.proto, view.src, view.dst, view.sport, view.dport)


def rewrite(flow, direction, ttl="add 255", csum=True):
    """The actions that make of an entering packet the leaving one; ttl=None leaves its TTL."""
    _, before = flow.entering(direction)
    port, after = flow.leaving(direction)
    ip, hops = {"ipv4": ("ip", "ttl"), "ipv6": ("ip6", "hoplimit")}[flow.family]
    munge = ["eth src set " + port.mac, "eth dst set " + port.host_mac]
    if ttl:
        munge.append("%s %s %s" % (ip, hops, ttl))
    munge += ["%s %s set %s" % (ip, end, getattr(after, end)) for end in ("src", "dst")
              if getattr(after, end) != getattr(before, end)]
    munge += ["%s %s set %d" % (flow.proto, end, getattr(after, end)) for end in ("sport", "dport")
              if getattr(after, end) != getattr(before, end)]
    text = "action pedit ex %s pipe" % " ".join("munge " + edit for edit in munge)
    if csum:
        text += " action csum %s%s pipe" % ("ip4h and " if flow.family == "ipv4" else "",
                                            flow.proto)
    return text


def add(router, port, protocol, rest, prio=None, check=True):
    """tc filter add; returns the finished process. tc has but one protocol at each priority."""
    prio = prio or (2 if protocol == "ipv6" else 1)
    return router.ns.run("tc filter add dev %s ingress protocol %s prio %d handle %d flower "
                         "skip_sw %s" % (port, protocol, prio, next(handles), rest), check=check)


def refused(router, protocol, rest, text, **how):
    """A rule that must not get into p0's table, with the driver's words."""
    failed, held = router.asic.calls["add_failed"], router.asic.entries
    done = add(router, "p0", protocol, rest, check=False, **how)
    assert done.returncode != 0, "accepted: " + rest
    assert text in done.stderr
    assert (router.asic.calls["add_failed"], router.asic.entries) == (failed + 1, held)


def protocol_of(flow):
    return {"ipv4": "ip", "ipv6": "ipv6"}[flow.family]


def program(flow, directions=BOTH, more="", prio=None, **how):
    """Put directions of a flow into the ASIC's table; more is added to the match."""
    for direction in directions:
        enters, _ = flow.entering(direction)
        leaves, _ = flow.leaving(direction)
        add(flow.router, enters.name, protocol_of(flow), "%s %s %s action mirred egress redirect "
            "dev %s" % (match(flow, direction), more, rewrite(flow, direction, **how),
                        leaves.name), prio=prio)
    return flow


def refused_with(router, protocol, rest, error, **how):
    """A rule that must not get into p0's table, by the driver's errno."""
    refused(router, protocol, rest, "", **how)
    assert router.asic.calls["add_error"] == error, rest


def flush(router, *ports):
    """Delete all rules, if there are any."""
    for port in ports or router.names:
        router.ns.run(["tc", "filter", "del", "dev", port, "ingress"], check=False)


def counted(router, port):
    """Packets and bytes that tc has from hardware, summed over the redirects of a port."""
    text = router.ns.run("tc -s filter show dev %s ingress" % port).stdout
    sums, redirect = [0, 0], False
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["action", "order"]:
            redirect = words[3] == "mirred"
        elif redirect and words[:2] == ["Sent", "hardware"]:
            sums[0] += int(words[4])
            sums[1] += int(words[2])
    return tuple(sums)
