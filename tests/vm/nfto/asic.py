# SPDX-License-Identifier: GPL-2.0
"""The virtual ASIC as its user sees it: knobs, table and calls in debugfs, counters in ethtool."""

import collections
import contextlib
import os

from nfto import ethtool
from nfto.shell import read, write

ROOT = "/sys/kernel/debug/nft_offload_sim/"

# Why a packet that entered a port was handed to the host.
HOST_CAUSES = ("host_miss", "host_ttl", "host_fragment", "host_options", "host_tcp_flags",
               "host_other")


class Statistics(collections.Counter):
    """Counters of one port; two of them subtracted give what happened in between."""

    def __sub__(self, before):
        return Statistics({name: count - before[name] for name, count in self.items()})


def statistics(namespace, port):
    return Statistics(ethtool.statistics(namespace, port))


def pairs_of(line):
    return dict(word.split("=", 1) for word in line.split())


class Entry(dict):
    """A line of the table, value by key."""

    @property
    def packets(self):
        return int(self["packets"])

    def matches(self, port, view, proto):
        return (self["in"] == port and self["proto"] == proto
                and (self["src"], self["dst"]) == (view.src, view.dst)
                and (int(self["sport"]), int(self["dport"])) == (view.sport, view.dport))


class Asic:
    """One ASIC by its name, such as asic0."""

    def __init__(self, name):
        self.name = name

    @classmethod
    def of_port(cls, namespace, port):
        return cls(ethtool.bus_info(namespace, port))

    def path(self, knob):
        return "%s%s/%s" % (ROOT, self.name, knob)

    def get(self, knob):
        return read(self.path(knob)).strip()

    def set(self, **knobs):
        for knob, value in knobs.items():
            write(self.path(knob), value)

    @property
    def table(self):
        return [Entry(pairs_of(line)) for line in self.get("table").splitlines() if "=" in line]

    def ids(self):
        """Of all entries; of none if there is no such ASIC any more."""
        try:
            return frozenset(entry["id"] for entry in self.table)
        except FileNotFoundError:
            return frozenset()

    @property
    def entries(self):
        return int(self.get("entries"))

    @property
    def calls(self):
        return {name: int(value) for name, value in pairs_of(self.get("calls")).items()}

    def find(self, port, view, proto):
        """The entry for packets that enter port like this; None if there is none."""
        for entry in self.table:
            if entry.matches(port, view, proto):
                return entry
        return None


def next_group(number):
    """The group of ASICs that ports made from now on belong to."""
    write(ROOT + "next_group", number)


def orphans():
    """Entries that their owners have left behind, in all ASICs there ever were."""
    return int(read(ROOT + "orphaned"))


@contextlib.contextmanager
def none_orphaned():
    """Nobody leaves an entry behind meanwhile, not even in an ASIC that goes."""
    before = orphans()
    yield
    assert orphans() == before


def names():
    return sorted(name for name in os.listdir(ROOT) if name.startswith("asic"))
