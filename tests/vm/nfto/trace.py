# SPDX-License-Identifier: GPL-2.0
"""The module's tracepoints."""

import contextlib
import itertools

from nfto.shell import read, write

TRACING = "/sys/kernel/tracing/"
FLOWS = ("flow_queued", "flow_hardware", "flow_refused", "flow_failed", "flow_stale",
         "flow_removed", "port_bind", "port_unbind")

numbers = itertools.count(1)


class Trace:
    """What has been recorded since this was made."""

    def __init__(self):
        self.mark = "nfto mark %d." % next(numbers)
        write(TRACING + "trace_marker", self.mark + "\n")

    def text(self):
        return read(TRACING + "trace").rpartition(self.mark)[2]

    def lines(self, event):
        """The events of a kind since the beginning, each as its words: {"reason": "mtu", ...}"""
        found = []
        for line in self.text().splitlines():
            _, sign, text = line.partition(" %s: " % event)
            if sign:
                found.append(dict(word.partition("=")[::2] for word in text.split()))
        return found


@contextlib.contextmanager
def recorded(events=FLOWS):
    """While this lasts, these of the module's events are kept."""
    switches = [TRACING + "events/nft_offload/%s/enable" % name for name in events]
    # Names of processes are kept by a probe in the scheduler: to switch it patches code that all
    # processors run all the time, and an emulated one can trip over that (seen once, an int3).
    write(TRACING + "options/record-cmd", 0)
    with open(TRACING + "trace", "w"):
        pass    # to open it so is what empties it: who asks often need not read it all
    for switch in switches:
        write(switch, 1)
    try:
        yield Trace()
    finally:
        for switch in switches:
            write(switch, 0)
