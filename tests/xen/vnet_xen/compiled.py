# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules bring, compiled here: the dom0's Python takes it if it is of the same version, and only for the very same source."""

from __future__ import annotations

import base64
import importlib.util
import io
import py_compile
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ansible

_STAGED = Path(__file__).resolve().parents[3] / "build/ansible_collections"
_COLLECTION = "hypervisor/vnet/plugins/module_utils"
# Of Ansible's, no module of ours has any of these.
_OTHERS = ("facts", "csharp", "powershell")


def archive() -> str:
    """A compressed tar file, in base64, to be unpacked where the dom0 keeps the sources."""
    held = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=held, mode="w:gz", compresslevel=1) as made:
        scratch = Path(folder, "compiled")
        for source, name in _sources():
            py_compile.compile(str(source), str(scratch), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
            made.add(scratch, importlib.util.cache_from_source(name))
    return base64.b64encode(held.getvalue()).decode()


def _sources() -> Iterator[tuple[Path, str]]:
    for root, folder, top in ((Path(ansible.__file__).parent, "module_utils", "ansible"), (_STAGED, _COLLECTION, "ansible_collections")):
        for path in sorted((root / folder).rglob("*.py")):
            if path.relative_to(root / folder).parts[0] not in _OTHERS:
                yield path, f"{top}/{path.relative_to(root)}"
