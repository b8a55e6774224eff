# SPDX-License-Identifier: GPL-2.0
"""The module's netlink family: what became of devices and flows, and policy.

Numbers come from the header for users, C.NFTO_A_IFINDEX for example.
"""

import contextlib
import os
import re
import socket
import struct
import types

from nfto import genl
from nfto.shell import SCALE, read, wait_for

FAMILY = "nft_offload"
HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../../src/uapi/linux/nft_offload.h")


def _constants():
    found = {}
    for body in re.findall(r"enum \w*\s*\{([^}]*)\}", re.sub(r"/\*.*?\*/", "", read(HEADER),
                                                             flags=re.DOTALL)):
        value = 0
        for name, given in re.findall(r"(\w+)\s*(?:=\s*(\d+))?\s*,", body):
            value = int(given) if given else value
            found[name] = value
            value += 1
    return types.SimpleNamespace(**found)


C = _constants()
# Behind the last of them.
COMMANDS = getattr(C, "__NFTO_CMD_MAX")


def _words(prefix):
    """Names of an enumeration's values, by value: {0: "auto", 1: "off"}"""
    return {value: name[len(prefix):].lower() for name, value in vars(C).items()
            if name.startswith(prefix)}


BACKENDS = _words("NFTO_BACKEND_")
CHOICES = {"ttl": _words("NFTO_TTL_"), "tcp": _words("NFTO_TCP_"),
           "offload": _words("NFTO_OFFLOAD_")}
STATES = _words("NFTO_STATE_")
DIRECTIONS = _words("NFTO_DIRECTION_")
EVENTS = {value: word.replace("_", "-") for value, word in _words("NFTO_EVENT_").items()}
FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
DEFAULT = {"driver": "", "ttl": "default", "tcp": "guarded", "offload": "auto"}


def policy_number(name):
    return getattr(C, "NFTO_A_POLICY_" + name.upper())


def name_of(device):
    """The attribute that names a device, by its name or its number."""
    if isinstance(device, int):
        return genl.u32(C.NFTO_A_IFINDEX, device)
    return genl.string(C.NFTO_A_IFNAME, device)


def policy_of(**policy):
    """An encoded policy, such as policy_of(ttl="lossy")."""
    inner = []
    for name, word in policy.items():
        if name == "driver":
            inner.append(genl.string(C.NFTO_A_POLICY_DRIVER, word))
        else:
            value = next(value for value, known in CHOICES[name].items() if known == word)
            inner.append(genl.u32(policy_number(name), value))
    return genl.nested(C.NFTO_A_POLICY, *inner)


def counts_of(payload):
    """Numbers of flow directions, by state."""
    found = genl.decode(payload)
    return {word: genl.as_u32(found[getattr(C, "NFTO_A_COUNTS_" + word.upper())])
            for word in STATES.values()}


def address(payload):
    return socket.inet_ntop(socket.AF_INET if len(payload) == 4 else socket.AF_INET6, payload)


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def _number(payload):
    return genl.as_u32(payload) if len(payload) == 4 else genl.as_u64(payload)


FLOW = {
    "id": _number, "direction": lambda payload: DIRECTIONS[genl.as_u32(payload)],
    "state": lambda payload: STATES[genl.as_u32(payload)], "reason": genl.as_text,
    "reason-text": genl.as_text, "errno": _number, "driver-text": genl.as_text,
    "protocol": _number, "source": address, "destination": address,
    "source-port": genl.as_port, "destination-port": genl.as_port, "new-source": address,
    "new-destination": address, "new-source-port": genl.as_port,
    "new-destination-port": genl.as_port, "ingress": _number, "ingress-name": genl.as_text,
    "egress": _number, "egress-name": genl.as_text, "packets": _number, "bytes": _number,
    "software-packets": _number, "software-bytes": _number, "age": _number, "retry": _number,
    "table": genl.as_text, "flowtable": genl.as_text,
}


def flow_of(payload):
    """A flow direction in words; "tags" and "new-tags" are lists of (TPID, VLAN)."""
    given = genl.decode(payload)
    given.pop(C.NFTO_A_FLOW_PAD, None)
    flow = {name: read(given.pop(number)) for name, read in FLOW.items()
            for number in [getattr(C, "NFTO_A_FLOW_" + name.upper().replace("-", "_"))]
            if number in given}
    for name, number in ("tags", C.NFTO_A_FLOW_TAG), ("new-tags", C.NFTO_A_FLOW_NEW_TAG):
        given.pop(number, None)
        flow[name] = [divmod(genl.as_u32(tag), 1 << 16) for tag in genl.all_of(payload, number)]
    assert not given, given
    return flow


def flowtable_of(payload):
    given = genl.decode(payload)
    devices = []
    for device in genl.all_of(payload, C.NFTO_A_FLOWTABLE_DEVICE):
        inner = genl.decode(device)
        reason = inner.get(C.NFTO_A_FLOWTABLE_DEVICE_REASON)
        devices.append((genl.as_text(inner[C.NFTO_A_FLOWTABLE_DEVICE_IFNAME]),
                        BACKENDS[genl.as_u32(inner[C.NFTO_A_FLOWTABLE_DEVICE_BACKEND])],
                        genl.as_text(reason) if reason else None))
    return {"family": FAMILIES[genl.as_u32(given[C.NFTO_A_FLOWTABLE_FAMILY])],
            "table": genl.as_text(given[C.NFTO_A_FLOWTABLE_TABLE]),
            "name": genl.as_text(given[C.NFTO_A_FLOWTABLE_NAME]),
            "handle": genl.as_u64(given[C.NFTO_A_FLOWTABLE_HANDLE]),
            "counter": C.NFTO_A_FLOWTABLE_COUNTER in given,
            "flows": counts_of(given[C.NFTO_A_FLOWTABLE_FLOWS]), "devices": devices}


def event_of(answer):
    """What happened, to whom, in words."""
    found = {"event": EVENTS[genl.as_u32(answer[C.NFTO_A_EVENT])],
             "time": genl.as_u64(answer[C.NFTO_A_TIME]),
             "lost": genl.as_u32(answer[C.NFTO_A_LOST]) if C.NFTO_A_LOST in answer else 0}
    if C.NFTO_A_FLOW in answer:
        found["flow"] = flow_of(answer[C.NFTO_A_FLOW])
    if C.NFTO_A_IFNAME in answer:
        found["ifname"] = genl.as_text(answer[C.NFTO_A_IFNAME])
    if C.NFTO_A_REASON in answer:
        found["reason"] = genl.as_text(answer[C.NFTO_A_REASON])
    return found


def filter_of(**wanted):
    """An encoded filter, such as filter_of(state="hardware", port=80)."""
    words = {"state": STATES, "direction": DIRECTIONS}
    inner = []
    for name, value in wanted.items():
        number = getattr(C, "NFTO_A_FILTER_" + name.upper())
        if name in words:
            value = next(key for key, word in words[name].items() if word == value)
        if name == "address":
            inner.append(genl.attribute(number, packed(value)))
        elif name == "port":
            inner.append(genl.attribute(number, struct.pack("!H", value)))
        else:
            inner.append(genl.u32(number, value) if isinstance(value, int)
                         else genl.string(number, value))
    return genl.nested(C.NFTO_A_FILTER, *inner)


def understood(answer):
    """An answer in words."""
    inner = genl.decode(answer.pop(C.NFTO_A_POLICY))
    policy = {"driver": genl.as_text(inner.pop(C.NFTO_A_POLICY_DRIVER))}
    for name, words in CHOICES.items():
        policy[name] = words[genl.as_u32(inner.pop(policy_number(name)))]
    assert not inner, inner
    device = {"ifindex": genl.as_u32(answer.pop(C.NFTO_A_IFINDEX)),
              "ifname": genl.as_text(answer.pop(C.NFTO_A_IFNAME)),
              "backend": BACKENDS[genl.as_u32(answer.pop(C.NFTO_A_BACKEND))],
              "policy": policy}
    device["flows"] = counts_of(answer.pop(C.NFTO_A_FLOWS))
    device["asic"] = answer.pop(C.NFTO_A_ASIC, b"").hex()
    device["hazards"] = [genl.as_text(word) for word in answer.all(C.NFTO_A_HAZARD)]
    answer.pop(C.NFTO_A_HAZARD, None)
    statistics = genl.decode(answer.pop(C.NFTO_A_STATISTICS, b""))
    device["statistics"] = {name: _number(statistics[getattr(
        C, "NFTO_A_STATISTICS_" + name.upper())]) for name in (
            "entries", "added", "deleted", "failed")} if statistics else None
    for name in "reason", "reason_text", "device_driver", "driver":
        text = answer.pop(getattr(C, "NFTO_A_" + name.upper()), None)
        device[name] = None if text is None else genl.as_text(text)
    assert not answer, answer
    return device


class Devices:
    """The devices of a socket's namespace."""

    def __init__(self, made):
        self.socket = made
        self.family = made.resolve(FAMILY)

    def get(self, device):
        return understood(self.socket.do(self.family, C.NFTO_CMD_DEVICE_GET, name_of(device)))

    def set(self, device, **policy):
        assert self.socket.do(self.family, C.NFTO_CMD_DEVICE_SET, name_of(device),
                              policy_of(**policy)) is None

    def flows(self, **wanted):
        return [flow_of(answer[C.NFTO_A_FLOW]) for answer in self.socket.dump(
            self.family, C.NFTO_CMD_FLOW_GET, *[filter_of(**wanted)] if wanted else [])]

    def flowtables(self):
        return [flowtable_of(answer[C.NFTO_A_FLOWTABLE])
                for answer in self.socket.dump(self.family, C.NFTO_CMD_FLOWTABLE_GET)]

    def wait_for_bind(self, name, backend, reason=None):
        """Until a device of the first flowtable has this backend, for this reason."""
        wait_for(lambda: (name, backend, reason) in self.flowtables()[0]["devices"], 10 * SCALE,
                 lambda: "%s, %s: %s" % (backend, reason, self.flowtables()))

    def reasons(self):
        """Numbers of flow directions by reason's word."""
        return {genl.as_text(answer[C.NFTO_A_REASON]): genl.as_u32(answer[C.NFTO_A_COUNT])
                for answer in self.socket.dump(self.family, C.NFTO_CMD_REASON_GET)}

    def flush(self, **wanted):
        return genl.as_u32(self.socket.do(self.family, C.NFTO_CMD_FLOW_FLUSH,
                                          filter_of(**wanted))[C.NFTO_A_COUNT])

    def subscribe(self, **wanted):
        assert self.socket.do(self.family, C.NFTO_CMD_SUBSCRIBE,
                              *[filter_of(**wanted)] if wanted else []) is None

    def events(self, seconds=0):
        return [event_of(answer) for answer in self.socket.events(seconds)]

    def version(self):
        answer = self.socket.do(self.family, C.NFTO_CMD_VERSION_GET)
        return genl.as_text(answer[C.NFTO_A_VERSION]), genl.as_text(answer[C.NFTO_A_SHIMS])

    def dump(self):
        return [understood(answer)
                for answer in self.socket.dump(self.family, C.NFTO_CMD_DEVICE_GET)]


@contextlib.contextmanager
def opened(namespace):
    with genl.opened(namespace) as made:
        yield Devices(made)
