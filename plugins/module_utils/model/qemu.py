# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What QEMU itself looks for on a host: who may use its bridge helper, and its scripts for taps."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .interface import name_problems
from .problem import Problem

# include/net/net.h and qemu-bridge-helper.c, as distributions build them.
ACL, IFUP, IFDOWN = "/etc/qemu/bridge.conf", "/etc/qemu-ifup", "/etc/qemu-ifdown"
TABLE = "/etc/hypervisor-vnet/taps"
PATHS = (ACL, IFUP, IFDOWN, TABLE)


@dataclass(frozen=True)
class QemuSettings:
    """``acl``: the bridges that QEMU's setuid helper may plug guests of anybody into. ``scripts``: ours are QEMU's own for taps."""

    acl: tuple[str, ...] = ()
    scripts: bool = False


def read_qemu(options: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[Problem]]:
    """Those fields of QemuSettings that are given."""
    settings: dict[str, t.Any] = {}
    problems: list[Problem] = []
    acl, scripts = options.get("qemu_acl"), options.get("qemu_scripts") or "keep"
    for index, name in enumerate(acl or ()):
        problems += name_problems(name, f"qemu_acl[{index}]")
    if acl is not None:
        settings["acl"] = tuple(dict.fromkeys(acl))
    if scripts != "keep":
        settings["scripts"] = scripts == "enable"
    return settings, problems


def qemu_from_json(data: t.Mapping[str, t.Any]) -> QemuSettings:
    return QemuSettings(tuple(data["acl"]), data["scripts"])
