# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record what ip(8) says of the hosts of tests/unit/cases/bridge, so that unit tests can read it anywhere (root).

    python3 tests/kernel/record.py [CASE…]
    python3 tests/kernel/record.py --iproute2 ROOT      the rich host as the ip(8) of another Debian tells it, in cases/iproute2

A case's host.txt holds the lines of ip(8) that make its host, and `ssh PEER LOCAL` for the controller's connection; before.json the
documents that were applied to it already, after.txt what somebody did then, and document.json the one whose plan is the case. This
writes observed.json; VNET_GOLDEN=write pytest tests/unit writes the rest.
"""

from __future__ import annotations

import json
import os
import pathlib
import runpy
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parent / "unit" / "cases" / "bridge"


def record(case: pathlib.Path) -> None:
    from harness import Namespace
    from hosts import no_waiting

    with tempfile.TemporaryDirectory() as folder:
        host = Namespace(folder)
        try:
            no_waiting(host)
            _lines(host, case / "host.txt")
            host.settle()
            before = case / "before.json"
            for document in json.loads(before.read_text(encoding="utf-8")) if before.exists() else []:
                host.module("xen_bridge", **document).ok()
            _lines(host, case / "after.txt")
            host.settle()
            document = json.loads((case / "document.json").read_text(encoding="utf-8"))
            connection = _connection(case / "host.txt")
            memory = host.call(lambda: _memory(document, connection))
        finally:
            host.close()
    (case / "observed.json").write_text(json.dumps(_readable(memory), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"recorded {case.name}")


def record_iproute2(root: str) -> None:
    """``root`` is the root folder of a Debian, as the lab has them."""
    from harness import Namespace
    from hosts import cable, foreign, no_waiting, rich

    from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import link, route

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as far:
        host, world = Namespace(folder), Namespace(far)
        try:
            no_waiting(host)
            cable(host, world)
            foreign(host)
            rich(host)
            host.settle()
            version = host.run("chroot", root, "ip", "-Version").stdout.split("iproute2-")[1].split(",")[0].strip()
            said = {}
            for command in (link.COMMAND, route.ROUTES, *route.RULES, route.NEIGHBOURS, route.PROXIES):
                said[" ".join(command)] = json.loads(host.run("chroot", root, *command).stdout or "[]")
        finally:
            host.close()
            world.close()
    (CASES.parent / "iproute2").mkdir(exist_ok=True)
    (CASES.parent / "iproute2" / f"{version}.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"recorded iproute2 {version}")


def _lines(host: Any, path: pathlib.Path) -> None:
    for line in path.read_text(encoding="ascii").splitlines() if path.exists() else []:
        if line.startswith("sysctl "):
            host.sysctl(*line.split()[1].split("="))
        elif line and not line.startswith(("#", "ssh ")):
            host.run("ip", *line.split())


def _connection(path: pathlib.Path) -> str:
    """What sshd would say of the controller's connection."""
    ends = [line.split()[1:] for line in path.read_text(encoding="ascii").splitlines() if line.startswith("ssh ")]
    return f"{ends[0][0]} 50000 {ends[0][1]} 22" if ends else ""


def _memory(options: dict[str, Any], connection: str) -> dict[str, Any]:
    from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

    from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import XEN_BRIDGE_OPTIONS
    from ansible_collections.hypervisor.vnet.plugins.module_utils.host.recording import RecordingMachine
    from ansible_collections.hypervisor.vnet.plugins.module_utils.options import bridges_document
    from ansible_collections.hypervisor.vnet.plugins.module_utils.task import observed

    params = ModuleArgumentSpecValidator(XEN_BRIDGE_OPTIONS).validate({"persist": "none", **options}).validated_parameters
    machine = RecordingMachine()
    os.environ["SSH_CONNECTION"] = connection
    observed(bridges_document(params), machine)
    return machine.memory


def _readable(memory: dict[str, Any]) -> dict[str, Any]:
    """The kernel and our own memory of it; nothing of the machine that recorded."""
    kept = {}
    for key, value in memory.items():
        if key.startswith("run ip\0"):
            kept[key.replace("\0", " ")] = json.loads(value[1] or "[]")
        elif key.startswith(("text /proc/sys/net/", "text /etc/machine-id")) or (key == "inherited SSH_CONNECTION" and value):
            kept[key] = value
        elif key == "read /var/lib/hypervisor-vnet/applied.json" and value:
            kept[key] = json.loads(value["content"])
    return kept


if __name__ == "__main__":
    runpy.run_path(str(HERE.parent / "conftest.py"))
    if sys.argv[1:2] == ["--iproute2"]:
        sys.exit(record_iproute2(sys.argv[2]))
    names = sys.argv[1:] or sorted(path.name for path in CASES.iterdir() if path.is_dir())
    for name in names:
        record(CASES / name)
