# SPDX-License-Identifier: GPL-2.0
"""The module's list of what hardware does otherwise than software, read from its source.

So what a test lets pass is what users are told, and no more.
"""

import collections
import os
import re

from nfto.shell import read

CORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../src/core/")
Driver = collections.namedtuple("Driver", "name id dialects hazards")
# What a dialect says, and the hazards that it has by itself.
Dialect = collections.namedtuple("Dialect", "says hazards")


def _source(name):
    return re.sub(r"/\*.*?\*/", "", read(CORE + name), flags=re.DOTALL)


def _table(text, name):
    return re.search(r"\b%s\[\w*\] = \{\n(.*?)\n\};" % name, text, re.DOTALL).group(1)


def _field(text, name):
    found = re.search(r"\.%s = (.*?),\n?\s*(?:\.\w+ =|$)" % name, text, re.DOTALL)
    return found.group(1) if found else ""


def _hazards(text, macros):
    for name, body in macros.items():
        text = text.replace(name, body)
    return frozenset(_NAMES[symbol] for symbol in re.findall(r"NFTO_HAZARD_\w+", text))


_DRIVER = _source("driver.c")
_NAMES = dict(re.findall(r"\[(NFTO_HAZARD_\w+)\] = \{ \"([\w-]+)\"", _DRIVER))


def _drivers():
    macros = {"NFTO_ALL_REAL": re.search(r"#define NFTO_ALL_REAL\s+(.*)", _DRIVER).group(1)}
    return [Driver(_field(entry, "name").strip('"'), _field(entry, "id") or "NFTO_ID_ANY",
                   re.findall(r"NFTO_DIALECT_(\w+)", _field(entry, "dialects")),
                   _hazards(_field(entry, "hazards"), macros))
            for entry in re.findall(r"\t\{\n(.*?)\n\t\},", _table(_DRIVER, "nfto_drivers"),
                                    re.DOTALL)]


def _dialects():
    words = _table(_source("dialect.c"), "nfto_words")
    return {name: Dialect(_field(body, "says"), _hazards(_field(body, "hazards"), {}))
            for name, body in re.findall(r"\[NFTO_DIALECT_(\w+)\] = \{\n(.*?)\n\t\},", words,
                                         re.DOTALL)}


DRIVERS = _drivers()
DIALECTS = _dialects()


def names_in_source():
    """What DRIVERS must have, found in another way."""
    return re.findall(r"^\t\t\.name = \"(\w+)\",", _DRIVER, re.MULTILINE)


def driver(name, has_parent_id):
    """The entry for a driver's device, as nfto_driver_choose() takes it."""
    ids = ("NFTO_ID_ANY", "NFTO_ID_WITH" if has_parent_id else "NFTO_ID_WITHOUT")
    return next(each for each in DRIVERS if each.name == name and each.id in ids)


def of_rule(entry, dialect):
    """nfto_dialect_hazards()"""
    found = entry.hazards | DIALECTS[dialect].hazards
    return found if "NFTO_CAN_TTL_ADD" in DIALECTS[dialect].says else found - {"ttl-one-forwarded"}
