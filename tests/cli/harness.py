# SPDX-License-Identifier: GPL-2.0
"""Running the command against a kernel that is none, see fake_kernel.c and kernel.py."""
import json
import os
import pathlib
import re
import subprocess
import tempfile

import kernel as k

TOP = k.TOP
CLI = TOP / "src/cli"
HERE = pathlib.Path(__file__).resolve().parent
DIRECTORY = tempfile.TemporaryDirectory(prefix="nft-offload.")
WORK = pathlib.Path(DIRECTORY.name)
SANITIZED, PLAIN = WORK / "nft-offload-sanitized", WORK / "nft-offload-plain"
PARSER = WORK / "parse-test"
TESTS = []
WRAPPED = ["open", "bind", "close", "setsockopt", "get_fd", "sendto", "recvfrom"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PRINTED = {}            # JSON key: the command line that printed it


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


class Run:
    """One run of the command, against WORK/kernel if there is one."""

    def __init__(self, *words, status=0, command=None, env=None, **kwargs):
        self.words = words
        path = WORK / "kernel" / "requests"
        path.unlink(missing_ok=True)
        done = subprocess.run([command or SANITIZED, *words], env=environment(env),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300, check=False, **kwargs)
        self.out = done.stdout.decode(errors="surrogateescape")
        self.err = done.stderr.decode(errors="surrogateescape")
        assert done.returncode == status, \
            f"{words}: status {done.returncode}, not {status}\n{self.out}{self.err}"

    def says(self, *texts):
        for text in texts:
            assert text in self.out, f"{self.words}: not said: {text!r}\n{self.out}{self.err}"
        return self

    def silent(self):
        assert not self.err, f"{self.words}: {self.err}"
        return self

    def complains(self, *texts):
        """In one sentence, on stderr."""
        assert re.fullmatch(r"nft-offload: [^\n]+\n", self.err), f"{self.words}: {self.err!r}"
        for text in texts:
            assert text in self.err, f"{self.words}: not said: {text!r}\n{self.err}"
        return self

    def json(self):
        tree = json.loads(self.out)
        remember(tree, self.words)
        return tree


def remember(tree, words):
    if isinstance(tree, dict):
        for key, value in tree.items():
            PRINTED.setdefault(key, words)
            remember(value, words)
    elif isinstance(tree, list):
        for value in tree:
            remember(value, words)


def environment(more=None):
    env = {name: value for name, value in os.environ.items()
           if name not in ("NO_COLOR", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BUILD", "DESTDIR")}
    # freed memory that is kept would look like a leak
    env.update(ASAN_OPTIONS="quarantine_size_mb=1:detect_leaks=1", LC_ALL="C", TZ="UTC",
               FAKE_KERNEL=str(WORK / "kernel"))
    env.update(more or {})
    return env


def loaded():
    return k.loaded(WORK / "kernel")


def same(found, expected):
    assert found == expected, f"{found!r}, not {expected!r}"


def make(*words, status=0, env=None):
    done = subprocess.run(["make", "-s", "-C", str(CLI), *words], env=environment(env),
                          capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (status == 0), f"make {words}: {done.stdout}{done.stderr}"
    return done


def package(what):
    libraries = ["libmnl", "libnftnl", "libnftables", "jansson"]
    return subprocess.run(["pkg-config", what, *libraries], check=True,
                          capture_output=True, text=True).stdout.split()


def compile_c(target, *words):
    include = [f"-I{CLI}", f"-I{TOP}/src/uapi", "-D__printf(fmt,args)="]
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-g",
                    *include, "-o", str(target), *map(str, words), *package("--cflags")],
                   check=True)


def link(target, build):
    """The objects in @build, with the kernel that is not one."""
    objects = [path for path in sorted(build.glob("*.o"))]
    compile_c(target, *objects, HERE / "fake_kernel.c",
              *(f"-Wl,--wrap=mnl_socket_{name}" for name in WRAPPED),
              "-Wl,--wrap=cli_check_live",
              *(SANITIZE if build.name == "sanitized" else []), *package("--libs"))


def commands():
    source = (CLI / "main.c").read_text()
    table = source[source.index("cli_commands[] = {"):]
    return re.findall(r'^\t\{ "([a-z]+)"', table[:table.index("\n};")], re.M)


def version():
    text = (TOP / "dkms.conf").read_text()
    return re.search(r'^PACKAGE_VERSION="(.*)"', text, re.M).group(1)


def requests():
    kernel = k.Kernel.__new__(k.Kernel)
    kernel.path = WORK / "kernel"
    return kernel.requests()


def text_of(name):
    """A manual page as it is written, with its escapes resolved."""
    text = (CLI / name).read_text()
    return re.sub(r"\\f[BIR]", "", text.replace("\\-", "-").replace("\\&", ""))
