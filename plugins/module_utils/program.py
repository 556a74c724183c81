# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The program that the modules leave on the host: console, watchdog and boot, one zip archive made of their own sources.

It needs Python and nothing else, so that a host undoes a change whatever becomes of the controller.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import types
import typing as t
import zipfile

from . import console, hotplug
from .bytecode import PACKAGE, pack
from .host.machine import Machine
from .model.paths import PROGRAM
from .model.problem import VnetError
from .model.state import FileState

COMMAND = "/usr/local/sbin/hypervisor-vnet"
# A guest waits for `vif`, which needs little of the rest.
_MAIN = f"""\
import sys

if sys.argv[1:2] == ["vif"]:
    from {PACKAGE}.hotplug import main
else:
    from {PACKAGE}.console import main

sys.exit(main(sys.argv[1:]))
"""
# Begins with what a search can look for at once; no source of ours has an import in its first line.
_IMPORT = re.compile(r"\n *from (\.+)([\w.]*) import (?:\(([\w,\s]*)\)|([\w, ]*))")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def install_program(machine: Machine) -> list[str]:
    """Write the program unless this very version is there; warnings. VnetError when it does not run here."""
    sources = {**_sources(console, hotplug), "__main__": _MAIN}
    digest = _digest(sources)
    if machine.end(PROGRAM, len(digest)) != digest:
        archive = _archive(sources, digest)
        machine.write(PROGRAM, FileState(archive.decode("utf-8", "surrogateescape"), 0o700))
        # A watchdog that cannot run is found out before it is needed: with nothing named, it has nothing to undo.
        done = machine.run((sys.executable, PROGRAM, "undo"))
        if done.rc:
            machine.remove(PROGRAM)
            raise VnetError(f"{PROGRAM}: does not run on this host, so nothing was changed: {done.err.strip()[-500:]}")
    if machine.exists(COMMAND):
        return []
    try:
        machine.link(COMMAND, PROGRAM)
    except VnetError as error:
        return [f"{error}; on the host's console, say {PROGRAM} instead"]
    return []


def _digest(sources: t.Mapping[str, str]) -> str:
    """Of the sources and of the Python that has compiled them."""
    digest = hashlib.sha256(f"{sys.executable}\0{sys.version}".encode())
    for name in sorted(sources):
        digest.update(f"\0{name}\0{sources[name]}".encode())
    return digest.hexdigest()


def _sources(*starts: types.ModuleType) -> dict[str, str]:
    """The sources of modules of ours and of all that they import of ours, by their names in the archive."""
    found: dict[str, str] = {}
    waiting = [f"{PACKAGE}.{start.__name__.rpartition('.')[2]}" for start in starts]
    while waiting:
        name = waiting.pop()
        source = "" if name in found else _source(name)
        if source:
            found[name] = source
            waiting += _imported(name, source)
    return found


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


def _archive(sources: dict[str, str], digest: str) -> bytes:
    """A zip archive that Python runs. Byte code starts it four times faster; the sources are for another Python, and for people."""
    buffer = io.BytesIO()
    buffer.write(f"#!{sys.executable}\n".encode())
    packages = {name.rpartition(".")[0] for name in sources} - {""}
    files = {**sources, **{f"{package}.__init__": "" for package in packages}}
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sorted(files.items()):
            path = name.replace(".", "/")
            archive.writestr(zipfile.ZipInfo(f"{path}.py", _EPOCH), source, zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo(f"{path}.pyc", _EPOCH), pack(source, f"{path}.py"), zipfile.ZIP_DEFLATED)
        archive.comment = digest.encode()
    return buffer.getvalue()
