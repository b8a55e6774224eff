# SPDX-License-Identifier: GPL-2.0
"""The command nft-offload."""

import json

from nfto import kmod
from nfto.shell import CommandError

COMMAND = kmod.COMMAND


class Cli:
    """The command in a router's namespace."""

    def __init__(self, router):
        self.router = router

    def run(self, *words, status=0):
        done = self.router.ns.run([COMMAND] + [str(word) for word in words], check=False)
        if done.returncode != status:
            raise CommandError([COMMAND, *map(str, words)], None, done.returncode, done.stdout,
                               done.stderr)
        return done

    def text(self, *words, status=0):
        done = self.run(*words, status=status)
        assert status or not done.stderr, done.stderr
        return done.stdout

    def json(self, *words, status=0):
        return json.loads(self.run("--json", *words, status=status).stdout)

    def flows(self, *words):
        return self.json("flows", *words)["flows"]


def as_table(entry):
    """What an entry of the ASIC and a flow of the command have in common."""
    return (entry["in"], entry["out"], entry["src"], int(entry["sport"]), entry["dst"],
            int(entry["dport"]), entry.packets)


def as_flow(flow):
    return (flow["ingress_name"], flow["egress_name"], flow["source"], flow["source_port"],
            flow["destination"], flow["destination_port"], flow["packets"])


def agrees(cli):
    """Does the command say of hardware what the ASIC's table says, and why the rest is not?"""
    flows = cli.flows()
    return all(flow["state"] == "hardware" or flow["reason"] for flow in flows) and (
        sorted(as_flow(flow) for flow in flows if flow["state"] == "hardware")
        == sorted(as_table(entry) for entry in cli.router.asic.table))
