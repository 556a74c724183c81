# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A guest's file of Xen (/etc/xen/NAME.cfg): its vifs and what it says of the guest's own network; and what shall change there."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .domaintext import Literal, Setting, Unreadable, effective
from .domainxl import xl_settings
from .domainxm import xm_settings
from .interface import normal_mac
from .problem import Problem

GUEST_KEYS = ("name", "ip", "netmask", "gateway", "hostname", "dhcp", "extra", "type", "builder")
# Keys of a vif that stand there without a value (xl_parse.c).
FLAGS = frozenset({"trusted", "untrusted", "accel"})
_SHORT_OCTETS = re.compile(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}")


@dataclass(frozen=True)
class VifEntry:
    """One entry of ``vif``. ``keys``: xl's keys in their order -> their text, without the quotes that some put around it.

    ``written``: the same with these quotes, which xl takes for a part of the text. ``devid``: the number that xl gives the vif.
    ``literal``: where the entry stands.
    """

    keys: t.Mapping[str, str]
    written: t.Mapping[str, str]
    devid: int
    literal: Literal

    @property
    def mac(self) -> str:
        """In normal form; empty when the toolstack makes one at every start."""
        return file_mac(self.keys.get("mac", ""))

    @property
    def line(self) -> int:
        return self.literal.line


@dataclass(frozen=True)
class DomainFile:
    """A file as read. ``grammar`` is ``xl`` (xm understands it as well) or ``xm`` (Python; xl refuses it).

    ``keys``: of GUEST_KEYS those that are set. With ``problems`` the rest is what could be read nevertheless.
    """

    path: str
    text: str
    grammar: str = "xl"
    settings: tuple[Setting, ...] = ()
    vifs: tuple[VifEntry, ...] = ()
    keys: t.Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def hvm(self) -> bool:
        """Has the guest a device model, with a tap beside each vif?"""
        return "hvm" in (self.keys.get("type"), self.keys.get("builder"))


@dataclass(frozen=True)
class WantedVif:
    """A vif as it shall stand in the file: the one with this ``mac``, else the one with this ``devid``, else a new one.

    ``keys``: xl's key -> its text (flags: an empty one); None takes the key away. What is not named stays. ``keys`` None: the vif
    goes; those behind it without a devid of their own count one less from the guest's next start.
    """

    mac: str = ""
    devid: int | None = None
    keys: t.Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class WantedDomain:
    """What shall stand in a file. ``keys``: of GUEST_KEYS; None takes one away. ``toolstack``: ``xl`` or ``xm``."""

    vifs: tuple[WantedVif, ...] = ()
    keys: t.Mapping[str, str | None] = field(default_factory=dict)
    toolstack: str = "xl"


def file_mac(text: str) -> str:
    """Normal form of a MAC in a file, where xm takes octets of one digit, too."""
    mac = normal_mac(text)
    return ":".join(f"{int(part, 16):02x}" for part in mac.split(":")) if _SHORT_OCTETS.fullmatch(mac) else mac


def read_domain_file(text: str, path: str) -> DomainFile:
    """The file in xl's grammar, else as xm's Python. Problems name ``path`` and line; nothing in the file is ever run."""
    try:
        return _read(text, path, "xl", xl_settings(text))
    except Unreadable as error:
        first = error
    try:
        return _read(text, path, "xm", xm_settings(text, ("vif", *GUEST_KEYS)))
    except Unreadable as error:
        why = f"xl refuses it ({first}), and it cannot be read as xm's Python without running it: {error.reason}"
        return DomainFile(path, text, "xm", problems=(Problem(f"{path}:{error.line}", why),))


def _read(text: str, path: str, grammar: str, settings: t.Sequence[Setting]) -> DomainFile:
    problems: list[Problem] = []
    keys = {}
    for key in GUEST_KEYS:
        found = effective(settings, key)
        if any(setting.text is None for setting in found):
            problems.append(Problem(f"{path}:{found[0].line}", f"{key} is a list; write it as one text"))
        elif found:
            keys[key] = "".join(setting.text.value for setting in found if setting.text)
    vifs = _vifs(effective(settings, "vif"), path, problems)
    return DomainFile(path, text, grammar, tuple(settings), vifs, keys, tuple(problems))


def _vifs(settings: t.Sequence[Setting], path: str, problems: list[Problem]) -> tuple[VifEntry, ...]:
    found = []
    # libxl__device_nic_set_devids: those without a devid are counted by themselves, whatever the others have.
    count = 0
    for setting in settings:
        if setting.items is None:
            problems.append(Problem(f"{path}:{setting.line}", "vif is one text; write a list, as in vif = ['bridge=xenbr0']"))
            continue
        for literal in setting.items:
            written, wrong = read_vif(literal.value)
            keys = {key: _unquoted(value) for key, value in written.items()}
            own = keys.get("devid", "")
            found.append(VifEntry(keys, written, int(own) if own.isdigit() else count, literal))
            count += not own.isdigit()
            # xl would stop reading there, and says nothing.
            wrong += ["a list stands in vif; write each entry as one text"] if literal.sort == "nested" else []
            problems += [Problem(f"{path}:{literal.line}", reason) for reason in wrong]
    return tuple(found)


def read_vif(text: str) -> tuple[dict[str, str], list[str]]:
    """The keys of one entry, and what is wrong with it."""
    keys: dict[str, str] = {}
    wrong = []
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not key and not equals:
            continue
        if not key or (not equals and key not in FLAGS):
            wrong.append(f"{part.strip()!r} in a vif is no key=value; separate keys by commas, as in 'mac=00:16:3e:00:00:01,bridge=xenbr0'")
        elif key in keys:
            wrong.append(f"{key} stands twice in a vif; leave one")
        keys[key] = value
    return keys, wrong


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
