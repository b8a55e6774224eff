# SPDX-License-Identifier: GPL-2.0
"""The command nft-offload."""

import json

from nfto import kmod

COMMAND = kmod.COMMAND


class Cli:
    """The command in a router's namespace."""

    def __init__(self, router):
        self.router = router

    def run(self, *words, status=0):
        done = self.router.ns.run([COMMAND] + [str(word) for word in words], check=False)
        assert done.returncode == status, "%s: status %d\n%s%s" % (
            words, done.returncode, done.stdout, done.stderr)
        return done

    def text(self, *words, status=0):
        done = self.run(*words, status=status)
        assert status or not done.stderr, done.stderr
        return done.stdout

    def json(self, *words, status=0):
        return json.loads(self.run("--json", *words, status=status).stdout)

    def flows(self, *words):
        return self.json("flows", *words)["flows"]
