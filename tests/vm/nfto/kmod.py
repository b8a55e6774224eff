# SPDX-License-Identifier: GPL-2.0
"""Kernel modules: what is loaded, with which parameters."""

import contextlib
import os

from nfto.shell import SCALE, CommandError, read, run, wait_for, write

CORE = "nft_offload"
SIM = "nft_offload_sim"
# A kind of link that the module does not know: only a policy says whose driver such a port has.
STRANGER = "stranger"
STOCK = "nf_flow_table_inet"
# The command lies beside the modules, unless it was installed.
COMMAND = os.environ.get("NFTO_COMMAND",
                         "/lib/modules/%s/updates/nft-offload" % os.uname().release)
NFTABLES = ("nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_flow_offload")


def loaded(name):
    return os.path.isdir("/sys/module/" + name)


def parameters(name):
    folder = "/sys/module/%s/parameters/" % name
    if not os.path.isdir(folder):
        return {}
    return {entry: read(folder + entry).strip() for entry in os.listdir(folder)}


def spelled(value):
    """A parameter's value as sysfs shows it: booleans as Y and N."""
    return {"0": "N", "1": "Y"}.get(str(value), str(value))


def load_nftables():
    """What rulesets need. nft would start anew, and bind anew, for every module that is missing."""
    missing = [name for name in NFTABLES if not loaded(name)]
    if missing:
        # nft itself will say what the kernel does not have.
        run(["modprobe", "--all"] + missing, check=False)


def load(name, **values):
    """Load a module; one that is loaded with other parameters than these is loaded again."""
    if loaded(name):
        wanted = dict(DEFAULTS.get(name, {}), **values)
        now = parameters(name)
        if all(now.get(key) in (str(value), spelled(value)) for key, value in wanted.items()):
            return
        unload(name)
    run(["modprobe", name] + ["%s=%s" % item for item in values.items()])


def unload(name):
    """Unload a module if it is loaded; nft lets go of a deleted flowtable's module a bit later."""
    errors = []

    def gone():
        if not loaded(name):
            return True
        try:
            run(["rmmod", name])
        except CommandError as error:
            errors[:] = [error]
            return False
        return True

    wait_for(gone, 5 * SCALE, lambda: "rmmod %s: %s" % (name, errors and errors[0]), interval=0.1)


@contextlib.contextmanager
def all_messages():
    """Networking logs all, also what it would leave out to limit the rate of its messages."""
    limit = "/proc/sys/net/core/message_cost"
    before = read(limit)
    write(limit, 0)
    try:
        yield
    finally:
        write(limit, before)


# What a module has when it was loaded without parameters.
DEFAULTS = {
    CORE: {"strict": 0, "ttl": "require"},
    SIM: {"personality": "generic", "capacity": 65536, "kind": "nft_offload_sim"},
}
