# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Imports of ours without compiling: what comes after this module's own import is looked for in the program that the host has.

Ansible sends a module as a zip archive of sources, and Python compiles each of them twice in every run (zipimport asks for the
code once more to learn a file's name): two thirds of what a run with nothing to do costs a host. The host's program holds the
same sources with their byte code. It is taken only where the hash of the source that was sent is the one it was made from, and by
the Python that made it, as Python itself does it with checked hash-based pyc files (PEP 552).
"""

from __future__ import annotations

import functools
import importlib.util
import io
import marshal
import sys
import types
import zipfile
import zlib
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from zipimport import zipimporter

from .model.paths import PACKAGE, PROGRAM

_OURS = __name__.rpartition(".")[0]
_UNCHECKED = (1).to_bytes(4, "little")
_HEAD = importlib.util.MAGIC_NUMBER + _UNCHECKED


@functools.cache
def _compiled(source: str, path: str) -> types.CodeType:
    """What a host's first run imports goes into the program, too, and is compiled once."""
    code: types.CodeType = compile(source, path, "exec", dont_inherit=True)
    return code


def pack(source: str, path: str) -> bytes:
    """A pyc file of a source at a path in the program, PEP 552's hash-based form."""
    return _HEAD + importlib.util.source_hash(source.encode()) + marshal.dumps(_compiled(source, path))


def unpack(data: bytes, source: str) -> types.CodeType | None:
    """The code of such a file; None when it was made of another source or by another Python."""
    head = _HEAD + importlib.util.source_hash(source.encode())
    if not data.startswith(head):
        return None
    code: types.CodeType = marshal.loads(data[len(head) :])
    return code


class KeptCode(MetaPathFinder, InspectLoader):
    """Finds our modules in what Ansible sent, and their byte code, if it is still theirs, in what the host has kept."""

    def __init__(self, sent: zipimporter, kept: zipfile.ZipFile | None) -> None:
        self._sent = sent
        self._kept = kept
        self._names = frozenset(kept.namelist() if kept else ())

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        del path, target
        if not fullname.startswith(f"{_OURS}."):
            return None
        try:
            self._sent.get_data(self._path(fullname))
        except OSError:
            return None  # a package: they are empty, and nothing is won by them
        return ModuleSpec(fullname, self, origin=self._path(fullname))

    def is_package(self, fullname: str) -> bool:
        del fullname
        return False

    def get_data(self, path: str) -> bytes:
        return self._sent.get_data(path)

    def get_source(self, fullname: str) -> str:
        return self._sent.get_data(self._path(fullname)).decode()

    def _path(self, fullname: str) -> str:
        return f"{self._sent.archive}/{fullname.replace('.', '/')}.py"

    def get_code(self, fullname: str) -> types.CodeType:
        source = self.get_source(fullname)
        name = f"{PACKAGE}{fullname[len(_OURS) :].replace('.', '/')}.pyc"
        kept = unpack(self._read(name), source)
        return kept or _compiled(source, name[:-1])

    def _read(self, name: str) -> bytes:
        """Empty when it is not there, or damaged: the source that was sent does as well."""
        try:
            return self._kept.read(name) if self._kept and name in self._names else b""
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return b""


def _kept() -> zipfile.ZipFile | None:
    # Read as a whole: it may be replaced by another version meanwhile.
    try:
        with open(PROGRAM, "rb") as file:
            return zipfile.ZipFile(io.BytesIO(file.read()))
    except (OSError, zipfile.BadZipFile):
        return None


_sent = sys.modules[__name__].__loader__
# What runs from the program has its byte code there.
if isinstance(_sent, zipimporter) and _OURS != PACKAGE:
    sys.meta_path.insert(0, KeptCode(_sent, _kept()))
