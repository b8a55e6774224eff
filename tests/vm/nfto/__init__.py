# SPDX-License-Identifier: GPL-2.0
"""Topology, traffic and proof for the tests that run in a virtual machine.

shell     commands, and waiting for conditions
netns     network namespaces
frames    packets to bytes and back, without a protocol stack
topology  router, its ports and their wires; raw Ethernet ends on both sides
flow      a connection through the router, as client and server see it
traffic   sending packets of flows and accounting for every one of them
hosts     hosts on the wires that answer for their addresses
moving    flows whose way changes, and the judge of how soon they go the new one
scene     flows of all kinds through one router, and what changes their way
asic      the virtual ASIC: knobs, table, counters
rules     nftables rulesets
kmod      kernel modules
genl      a generic netlink client
device    the module's netlink family: devices and their policy
nics      what ports that are modelled on NICs switch of flows of all kinds
fixtures  what modules of tests have in common
"""
