# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The program that the modules leave on the host: console, watchdog and boot, one zip archive made of their own sources.

It needs Python and nothing else, so that a host undoes a change whatever becomes of the controller.
"""

from __future__ import annotations

import io
import sys
import zipfile

# What of the program no module imports by itself has to be sent with it.
from . import console, hotplug  # noqa: F401 pylint: disable=unused-import
from .bytecode import pack
from .host.machine import Machine
from .kept import mark
from .model.paths import PACKAGE, PROGRAM
from .model.problem import VnetError
from .model.state import FileState
from .sources import DIGITS, read_sources, sources_digest

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
_EPOCH = (1980, 1, 1, 0, 0, 0)


def install_program(machine: Machine) -> list[str]:
    """Write the program unless this very version is there; warnings. VnetError when it does not run here."""
    if not _is_it(machine):
        _write(machine)
    if machine.exists(COMMAND):
        return []
    try:
        machine.link(COMMAND, PROGRAM)
    except VnetError as error:
        return [f"{error}; on the host's console, say {PROGRAM} instead"]
    return []


def _is_it(machine: Machine) -> bool:
    """Does this run come from the program, and has no other version taken its place meanwhile?"""
    archive = str(getattr(__spec__.loader, "archive", ""))
    return __name__.startswith(f"{PACKAGE}.") and machine.end(archive, 2 * DIGITS) == machine.end(PROGRAM, 2 * DIGITS)


def _write(machine: Machine) -> None:
    sources = read_sources()
    ending = mark(sources_digest(sources))
    if machine.end(PROGRAM, len(ending)) == ending:
        return
    archive = _archive({**sources, "__main__": _MAIN}, ending)
    machine.write(PROGRAM, FileState(archive.decode("utf-8", "surrogateescape"), 0o700))
    # A watchdog that cannot run is found out before it is needed: with nothing named, it has nothing to undo.
    done = machine.run((sys.executable, PROGRAM, "undo"))
    if done.rc:
        machine.remove(PROGRAM)
        raise VnetError(f"{PROGRAM}: does not run on this host, so nothing was changed: {done.err.strip()[-500:]}")


def _archive(sources: dict[str, str], ending: str) -> bytes:
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
        archive.comment = ending.encode()
    return buffer.getvalue()
