# SPDX-License-Identifier: GPL-2.0
"""Run commands; wait for conditions."""

import os
import shlex
import subprocess
import time

# How much slower the guest is than the machine that the promised times are made for.
SCALE = float(os.environ.get("NFTO_TIME_SCALE", "4"))


class CommandError(Exception):
    """A command failed. The text holds everything that it said."""

    def __init__(self, argv, stdin, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        super().__init__("%s: exit status %s%s\nstdout: %s\nstderr: %s" % (
            " ".join(argv), status, "\nstdin: " + stdin.strip() if stdin else "",
            stdout.strip(), stderr.strip()))


class Timeout(AssertionError):
    """A condition did not come true in time."""


def run(command, stdin=None, check=True, timeout=120):
    """Run a command (list or text, no shell); return the finished process."""
    argv = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    try:
        done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        def text(part):
            return part.decode(errors="replace") if isinstance(part, bytes) else part or ""
        raise CommandError(argv, stdin, "none within %d s" % timeout,
                           text(late.stdout), text(late.stderr)) from None
    if check and done.returncode:
        raise CommandError(argv, stdin, done.returncode, done.stdout, done.stderr)
    return done


def wait_for(condition, deadline, what, interval=0.02):
    """Poll until condition() is true and return its value; Timeout after deadline seconds.

    what says in words what is waited for; a callable is asked after the deadline.
    """
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() - begin > deadline:
            text = what() if callable(what) else what
            raise Timeout("waited %.1f s in vain for: %s" % (time.monotonic() - begin, text))
        time.sleep(interval)


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    """One write(2), so that a kernel file's error is the one that is raised."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(text).encode())
    finally:
        os.close(fd)
