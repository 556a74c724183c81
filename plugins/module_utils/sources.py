# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The sources that the host's program is made of, wherever they are: in a folder, in what Ansible sent, or in the program itself.

The controller asks for their hash as well, to know whether a host has them.
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

from .model.paths import PACKAGE

# Of the hash.
DIGITS = 64
# The console, a vif's hotplug script, and the modules.
STARTS = ("console", "hotplug", "entry")
# Begins with what a search can look for at once; no source of ours has an import in its first line.
_IMPORT = re.compile(r"\n *from (\.+)([\w.]*) import (?:\(([\w,\s]*)\)|([\w, ]*))")


def read_sources() -> dict[str, str]:
    """What the program starts with, and all that it imports of ours, by their names in the archive."""
    found: dict[str, str] = {}
    waiting = [f"{PACKAGE}.{start}" for start in STARTS]
    while waiting:
        name = waiting.pop()
        source = "" if name in found else _source(name)
        if source:
            found[name] = source
            waiting += _imported(name, source)
    return found


def sources_digest(sources: t.Mapping[str, str]) -> str:
    """Of names and texts: hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\0{sources[name]}\0".encode())
    return digest.hexdigest()


def _source(name: str) -> str:
    """Of a module of the program, imported here or not; empty when there is none, as the name is something else's."""
    path = name.replace(".", "/").replace(PACKAGE, os.path.dirname(__spec__.origin or ""), 1)
    loader: t.Any = __spec__.loader  # of a folder, of the archive that Ansible sent, or Ansible's own of collections
    try:
        data: bytes | None = loader.get_data(f"{path}.py")
    except OSError:
        data = None
    return data.decode() if data else ""


def _imported(name: str, source: str) -> list[str]:
    """The modules that a source may import relatively. What follows ``import`` can be a module or what one holds."""
    names = []
    for dots, path, many, words in _IMPORT.findall(source):
        base = name.rsplit(".", len(dots))[0]
        module = f"{base}.{path}" if path else base
        names += [module, *(f"{module}.{word.strip()}" for word in (many or words).split(","))]
    return names
