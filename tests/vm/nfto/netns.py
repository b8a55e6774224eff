# SPDX-License-Identifier: GPL-2.0
"""Network namespaces: made by name, entered by the calling thread."""

import contextlib
import ctypes
import os
import socket
import subprocess

from nfto import nft
from nfto.shell import run, write

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, "setns: " + os.strerror(error))


def ip_lines(lines, check=True):
    """Run lines of ip(8) commands in one process, all of them if none is to be checked."""
    run(["ip", "-batch", "-"] + ([] if check else ["-force"]),
        stdin="".join(line + "\n" for line in lines), check=check)


class Namespace:
    """A named network namespace."""

    def __init__(self, name):
        self.name = name

    def create(self):
        run(["ip", "netns", "add", self.name])
        return self

    def delete(self):
        run(["ip", "netns", "del", self.name])

    def exists(self):
        return os.path.exists("/run/netns/" + self.name)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside, and so are the processes that it starts."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            there = os.open("/run/netns/" + self.name, os.O_RDONLY)
            try:
                setns(there)
            finally:
                os.close(there)
            try:
                yield self
            finally:
                setns(home)
        finally:
            os.close(home)

    def run(self, command, **how):
        with self.entered():
            return run(command, **how)

    def ip(self, *lines):
        """Run lines of ip(8) commands in one process."""
        with self.entered():
            ip_lines(lines)

    def sysctl(self, **values):
        """Set net.* values; a double underscore stands for a slash."""
        with self.entered():
            for name, value in values.items():
                write("/proc/sys/net/" + name.replace("__", "/"), value)

    def nft(self, text, check=True):
        """Load a ruleset or run commands, as one transaction."""
        with self.entered():
            return nft.load(text, check=check)

    def has_link(self, name):
        with self.entered():
            return name in (known for _, known in socket.if_nameindex())


class UsersNamespace(Namespace):
    """One of a user namespace, whose root has no privileges elsewhere."""

    def create(self):
        inside = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "sh", "-c",
                                   "echo && exec sleep 1000"], stdout=subprocess.PIPE)
        with inside:
            inside.stdout.readline()
            run(["ip", "netns", "attach", self.name, inside.pid])
            inside.kill()
        return self
