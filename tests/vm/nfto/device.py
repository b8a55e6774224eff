# SPDX-License-Identifier: GPL-2.0
"""The module's netlink family: what became of devices, and their policy.

Numbers come from the header for users, C.NFTO_A_IFINDEX for example.
"""

import contextlib
import os
import re
import types

from nfto import genl
from nfto.shell import read

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


def _words(prefix):
    """Names of an enumeration's values, by value: {0: "auto", 1: "off"}"""
    return {value: name[len(prefix):].lower() for name, value in vars(C).items()
            if name.startswith(prefix)}


BACKENDS = _words("NFTO_BACKEND_")
CHOICES = {"ttl": _words("NFTO_TTL_"), "tcp": _words("NFTO_TCP_"),
           "offload": _words("NFTO_OFFLOAD_")}
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
    for name in "reason", "reason_text", "device_driver", "driver":
        text = answer.pop(getattr(C, "NFTO_A_" + name.upper()), None)
        device[name] = None if text is None else genl.as_text(text)
    assert not answer, answer
    return device


class Devices:
    """The devices of a socket's namespace."""

    def __init__(self, socket):
        self.socket = socket
        self.family = socket.resolve(FAMILY)

    def get(self, device):
        return understood(self.socket.do(self.family, C.NFTO_CMD_DEVICE_GET, name_of(device)))

    def set(self, device, **policy):
        assert self.socket.do(self.family, C.NFTO_CMD_DEVICE_SET, name_of(device),
                              policy_of(**policy)) is None

    def dump(self):
        return [understood(answer)
                for answer in self.socket.dump(self.family, C.NFTO_CMD_DEVICE_GET)]


@contextlib.contextmanager
def opened(namespace):
    with genl.opened(namespace) as socket:
        yield Devices(socket)
