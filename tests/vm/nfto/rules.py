# SPDX-License-Identifier: GPL-2.0
"""nftables rulesets: design.md's, with the few things that the tests vary.

The port that a client asks for chooses the kind of NAT, so one ruleset serves all kinds at once.
"""

# Kind of NAT -> port that the client asks for.
ASKED = {"none": 7000, "snat": 7001, "masquerade": 7002, "dnat": 7003, "both": 7004}
# Destination after DNAT; source port after SNAT (dnat and none leave it alone).
REAL = {"dnat": 9003, "both": 9004}
MAPPED = {"snat": 33001, "masquerade": 33002, "both": 33004}

SNAT_SOURCE = {"ipv4": "203.0.113.1", "ipv6": "2001:db8:113::1"}
PUBLIC = {"ipv4": "198.51.100.1", "ipv6": "2001:db8:100::1"}

FORWARD = """table %(family)s %(table)s {
%(flowtable)s    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
%(add)s        ct state established,related accept
        ct state new accept
    }
}
"""

NAT = """table %(table)s nat {
    chain prerouting {
        type nat hook prerouting priority dstnat;
%(dnat)s
    }
    chain postrouting {
        type nat hook postrouting priority srcnat;
%(snat)s
    }
}
"""


def flowtable(devices, name="f", offload=True, counter=True):
    """A flowtable as it stands inside a table."""
    return "flowtable %s { hook ingress priority 0; devices = { %s };%s%s }" % (
        name, ", ".join(devices), " flags offload;" if offload else "",
        " counter;" if counter else "")


def forward(devices, family="inet", table="filter", select="meta l4proto { tcp, udp }",
            offload=True, counter=True):
    """The filter table; without devices there is no flowtable, all is forwarded by the stack."""
    add = definition = ""
    if devices:
        definition = "    %s\n" % flowtable(devices, offload=offload, counter=counter)
        add = "        %s ct state established flow add @f\n" % select
    return FORWARD % {"family": family, "table": table, "flowtable": definition, "add": add}


def bracketed(address):
    return "[%s]" % address if ":" in address else address


def nat(server):
    """Tables that translate connections by the port that is asked for.

    server holds the address that DNAT sends clients to, by family.
    """
    text = ""
    for family, table in ("ipv4", "ip"), ("ipv6", "ip6"):
        dnat, snat = [], []
        for proto in "tcp", "udp":
            for kind, port in REAL.items():
                dnat.append("%s dport %d dnat to %s:%d" % (
                    proto, ASKED[kind], bracketed(server[family]), port))
            for kind, port in MAPPED.items():
                target = "masquerade to :%d" if kind == "masquerade" else (
                    "snat to %s:%%d" % bracketed(SNAT_SOURCE[family]))
                snat.append("%s dport %d %s" % (proto, REAL.get(kind, ASKED[kind]), target % port))
        text += NAT % {"table": table, "dnat": "\n".join("        " + rule for rule in dnat),
                       "snat": "\n".join("        " + rule for rule in snat)}
    return text


def whole(router, devices=None, **how):
    """What most tests load: filter and NAT, replacing all that was there."""
    devices = router.names if devices is None else devices
    server = next(port for port in router.ports if port.index % 2)
    return "flush ruleset\n" + forward(devices, **how) + nat(server.host)
