# SPDX-License-Identifier: GPL-2.0
"""What holds for every test in the guest: the kernel must not complain, no test may hang, and
each result is written down at once, so that a crash leaves those before it and names its test."""

import errno
import faulthandler
import os
import re
import select
import signal
import sys
import time

import pytest

DEFAULT_TIMEOUT = 600
# Time limits are made for a stock kernel, whose scale is 4.
SLOWNESS = max(1, float(os.environ.get("NFTO_TIME_SCALE", "4")) / 4)
# Loading any module of ours sets O (out of tree) and E (unsigned); a WARN sets W.
TAINT_IGNORED = 1 << 12 | 1 << 13
TAINT_WARN = 1 << 9
TAINT_LETTERS = "PFSRMBUDAWCIOELKXTN"


def _read_patterns():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel-trouble")
    with open(path) as file:
        lines = [line.rstrip("\n") for line in file]
    return re.compile("|".join(f"(?:{l})" for l in lines if l and not l.startswith("#")))


TROUBLE = _read_patterns()


class KernelLog:
    """The kernel's log from the start of the test on."""

    def __init__(self):
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._fd, 0, os.SEEK_END)
        self._lines = []

    def _drain(self):
        while True:
            try:
                record = os.read(self._fd, 8192)
            except BlockingIOError:
                return
            except OSError as error:
                # Overwritten before we came to read it: what was lost may have been trouble.
                if error.errno != errno.EPIPE:
                    raise
                self._lines.append("BUG: the test's kernel log was overwritten before it was read")
                continue
            text = record.decode(errors="replace").split(";", 1)[-1].split("\n", 1)[0]
            self._lines += text.replace("\\x0a", "\n").split("\n")

    @property
    def lines(self):
        self._drain()
        return list(self._lines)

    def search(self, regex):
        """The first line that matches, or None."""
        return next((line for line in self.lines if re.search(regex, line)), None)

    def wait_for(self, regex, timeout=30):
        """The first line that matches; fails if none comes."""
        deadline = time.monotonic() + timeout
        while True:
            line = self.search(regex)
            if line is not None:
                return line
            left = deadline - time.monotonic()
            if left <= 0:
                pytest.fail(f"no kernel log line matches {regex!r} within {timeout} s")
            select.select([self._fd], [], [], left)

    def restart(self):
        self._drain()
        self._lines = []


class Watch:
    """Judges the kernel's state after each test."""

    LOCKDEP = "/proc/lockdep_stats"

    def __init__(self):
        self.log = KernelLog()
        self._taint = self._read_taint()
        self._lockdep = os.path.exists(self.LOCKDEP)

    @staticmethod
    def _read_taint():
        with open("/proc/sys/kernel/tainted") as file:
            return int(file.read()) & ~TAINT_IGNORED

    def _lockdep_ended(self):
        """It looks no more after what it found, whatever its words for that were."""
        if not self._lockdep:
            return False
        with open(self.LOCKDEP) as file:
            self._lockdep = re.search(r"^ *debug_locks: +1$", file.read(), re.M) is not None
        return not self._lockdep

    def complaints(self, expected=()):
        """What went wrong since the last call, as sentences. `expected` are regexes of lines that
        are to be there."""
        lines = self.log.lines
        self.log.restart()
        found = [f"the kernel logged: {line}" for line in lines
                 if TROUBLE.search(line) and not any(re.search(e, line) for e in expected)]
        found += [f"no kernel log line matches {e!r}, which the test expects" for e in expected
                  if not any(re.search(e, line) for line in lines)]
        taint = self._read_taint()
        fresh = taint & ~self._taint & ~(TAINT_WARN if expected else 0)
        self._taint = taint
        if fresh:
            letters = [l for bit, l in enumerate(TAINT_LETTERS) if fresh >> bit & 1]
            found.append(f"the kernel was tainted: {''.join(letters)} ({fresh:#x})")
        if self._lockdep_ended():
            found.append("lockdep looks at locks no more")
        return found


class Leaks:
    """What kmemleak finds, on a kernel that has it, of what was allocated since the start."""

    FILE = "/sys/kernel/debug/kmemleak"
    # What is younger, kmemleak takes for being on its way: seconds.
    AGE = 6

    def __init__(self):
        self._there = os.path.exists(self.FILE)
        if self._there:
            self._command("scan=off")
            self._command("clear")

    def _command(self, word):
        with open(self.FILE, "w") as file:
            file.write(word)

    def found(self):
        """The first of them, in lines."""
        if not self._there:
            return []
        time.sleep(self.AGE)
        # What was in a register during the one is not during the other.
        for _ in range(2):
            self._command("scan")
        with open(self.FILE) as file:
            return [line.rstrip() for line in file][:40]


class Results:
    """The results in TAP, each line written at once. Its plan comes last: none means a crash."""

    def __init__(self, path):
        self._file = open(path, "w", buffering=1) if path else None
        # Where a traceback goes that comes as the process is ended.
        self.last_words = self._file or sys.__stderr__
        self._count = 0
        self._test = None

    def _write(self, line):
        if self._file:
            self._file.write(line + "\n")

    def start(self, nodeid):
        self._test = {"failed": [], "skipped": None, "over": False}
        self._write(f"# running {nodeid}")

    def add(self, report):
        self._test["over"] |= report.when == "teardown"
        if report.failed:
            self._test["failed"].append(f"{report.when}: {self._first_line(report)}")
        elif report.skipped:
            self._test["skipped"] = self._skip_reason(report)
        elif hasattr(report, "wasxfail"):
            self._test["failed"].append("marked xfail, yet it passed")

    def finish(self, nodeid):
        if not self._test["over"]:
            self._test["failed"].append("interrupted")
        if self._test["failed"]:
            self.result(nodeid, False, self._test["failed"])
        elif self._test["skipped"] is not None:
            self.result(f"{nodeid} # SKIP {self._test['skipped']}", True)
        else:
            self.result(nodeid, True)

    def result(self, name, passed, details=()):
        self._count += 1
        self._write(f"{'ok' if passed else 'not ok'} {self._count} - {name}")
        for detail in details:
            self._write("#   " + detail.replace("\n", " "))

    def plan(self):
        self._write(f"1..{self._count}")

    @staticmethod
    def _first_line(report):
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash else str(report.longrepr)
        return text.split("\n", 1)[0]

    @staticmethod
    def _skip_reason(report):
        if hasattr(report, "wasxfail"):
            return f"expected to fail: {report.wasxfail}"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        return str(reason).replace("Skipped: ", "").replace("\n", " ")


def pytest_addoption(parser):
    parser.addoption("--results", metavar="FILE", help="write each result to FILE, in TAP")
    parser.addoption("--shard", metavar="I/N", default="1/1",
                     help="run the I-th of N parts of the tests, about equal in number")
    parser.addoption("--flows", type=int, default=320, metavar="N",
                     help="how many random flows test_fuzz.py makes")
    parser.addoption("--many", type=int, default=10000, metavar="N",
                     help="how many flows test_many.py has listed")
    parser.addoption("--requests", type=int, default=1000, metavar="N",
                     help="how many requests test_grammar.py makes of each kind")
    parser.addoption("--rounds", type=int, default=3, metavar="N",
                     help="how often test_races.py runs each race; test_no_memory.py, six times so")
    parser.addoption("--short", type=int, default=3000, metavar="N",
                     help="how many short flows test_flood.py makes")
    parser.addoption("--long", type=int, default=200, metavar="N",
                     help="beside how many long ones it does so")
    parser.addoption("--steps", type=int, default=60, metavar="N",
                     help="how many operations test_chaos.py makes")
    parser.addoption("--first", type=int, default=0, metavar="N",
                     help="with which of them it begins")
    parser.addoption("--seed", default="1", help="what makes random flows the same again")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Keeps one part. A module stays in one part, since its tests may share fixtures. What wants a
    kernel that injects faults is left out on others."""
    faults = os.path.isdir("/sys/kernel/debug/failslab")
    without = [item for item in items if item.get_closest_marker("faults") and not faults]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]
    index, count = map(int, config.getoption("--shard").split("/"))
    modules = {}
    for item in items:
        modules.setdefault(item.fspath, []).append(item)
    parts = [[] for _ in range(count)]
    for path in sorted(modules, key=lambda path: -len(modules[path])):
        min(parts, key=len).extend(modules[path])
    kept = set(parts[index - 1])
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def pytest_configure(config):
    config.nfto_watch = Watch()
    config.nfto_leaks = Leaks()
    config.nfto_results = Results(config.getoption("--results"))


@pytest.fixture
def kernel_watch(request):
    """For a test that runs for hours: .complaints() since it was last asked; see Watch."""
    return request.config.nfto_watch


@pytest.fixture
def kernel_log(request):
    """The kernel's log since the start of this test: .lines, .search(regex), .wait_for(regex)."""
    return request.config.nfto_watch.log


class TimedOut(pytest.fail.Exception):
    """Not an Exception, so that no test catches it by accident."""


def _limit(item):
    """Runs one phase of a test with a time limit. A test that no signal can stop ends the run:
    the missing plan then says so."""
    marker = item.get_closest_marker("timeout")
    seconds = int((marker.args[0] if marker else DEFAULT_TIMEOUT) * SLOWNESS)

    def expired(_signal, _frame):
        raise TimedOut(f"stopped after {seconds} s")

    old = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(seconds + 60, exit=True,
                                      file=item.config.nfto_results.last_words)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    yield from _limit(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from _limit(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    yield from _limit(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "teardown":
        expected = [mark.args[0] for mark in item.iter_markers("expect_log")]
        complaints = item.config.nfto_watch.complaints(expected)
        if complaints:
            before = f"{report.longrepr}\n" if report.failed else ""
            report.outcome = "failed"
            report.longrepr = before + "\n".join(complaints)
    item.config.nfto_results.add(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    item.config.nfto_results.start(item.nodeid)
    yield
    item.config.nfto_results.finish(item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_collectreport(report):
    if report.failed:
        _RESULTS_OF_COLLECTION.append((report.nodeid, str(report.longrepr).splitlines()[-1:]))


_RESULTS_OF_COLLECTION = []


def pytest_sessionfinish(session):
    results = session.config.nfto_results
    for nodeid, last_line in _RESULTS_OF_COLLECTION:
        results.result(f"{nodeid} can be imported", False, last_line)
    leaks = session.config.nfto_leaks.found()
    # What came after the last test, such as from work that it left behind, while leaks were sought.
    for name, faults in (("no memory is lost", leaks),
                         ("kernel log after the last test",
                          session.config.nfto_watch.complaints())):
        if faults:
            print("", *faults, sep="\n")
            results.result(name, False, faults)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if not session.shouldstop:
        results.plan()
