# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A module run from the program that the host has kept.

Ansible packs and sends all sources of a module in every task, which takes a second of the controller. The program holds the
very same ones. It is taken only where the hash of the controller's sources, and the Python that runs, are those it was made of.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .model.paths import PACKAGE, PROGRAM


def mark(sources: str) -> str:
    """What the program ends with: the hash of the Python that has compiled it, and that of its ``sources``, 64 digits each."""
    return hashlib.sha256(f"{sys.executable}\0{sys.version}".encode()).hexdigest() + sources


def run_kept(module: t.Any) -> None:
    """Run the ``module`` with ``arguments``; ``ran: false`` when it has to come from the controller after all."""
    params = module.params
    entry = _entry(params["module"], params["digest"])
    if entry is None:
        module.exit_json(changed=False, ran=False)
    found = ArgumentSpecValidator(**entry.arguments).validate(params["arguments"])
    if found.error_messages:
        # Refused by the module itself, in Ansible's own words.
        module.exit_json(changed=False, ran=False)
    module.params = found.validated_parameters
    entry.run(module)


def _entry(name: str, digest: str) -> t.Any:
    """From one and the same program, which may be replaced by another version meanwhile: so it stays open."""
    try:
        handle = os.open(PROGRAM, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    wanted = mark(digest).encode()
    if os.pread(handle, len(wanted), max(0, os.fstat(handle).st_size - len(wanted))) != wanted:
        os.close(handle)
        return None
    sys.path.insert(0, f"/proc/self/fd/{handle}")
    return importlib.import_module(f"{PACKAGE}.entry").ENTRIES[name]
