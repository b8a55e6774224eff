# SPDX-License-Identifier: GPL-2.0
"""The module's tracepoints."""

import contextlib

from nfto.shell import read, write

TRACING = "/sys/kernel/tracing/"


class Trace:
    def lines(self, event):
        """The events of a kind since the beginning, each as its words: {"reason": "mtu", ...}"""
        found = []
        for line in read(TRACING + "trace").splitlines():
            _, sign, text = line.partition(" %s: " % event)
            if sign:
                found.append(dict(word.partition("=")[::2] for word in text.split()))
        return found


@contextlib.contextmanager
def recorded():
    """While this lasts, the module's events are kept."""
    switch = TRACING + "events/nft_offload/enable"
    write(TRACING + "trace", "\n")
    write(switch, 1)
    try:
        yield Trace()
    finally:
        write(switch, 0)
