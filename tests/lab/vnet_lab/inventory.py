# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ansible inventory of a lab, written by hand: the lab needs nothing beyond Python itself."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machine import Machine
    from .site import Site


def _quoted(text: str) -> str:
    return json.dumps(text)  # a JSON string is a YAML string


def render(site: Site, hosts: list[Machine]) -> str:
    lines = ["---", f"# lab {site.name}; written by the lab, changes are lost", "all:", "  children:", "    lab:"]
    lines.append("      hosts:" if hosts else "      hosts: {}")
    backends: dict[str, list[str]] = {}
    for host in hosts:
        backends.setdefault(host.kind.backend, []).append(host.name)
        lines.append(f"        {host.name}:")
        facts = {
            "ansible_host": host.address,
            "lab_address6": host.address6,
            "lab_kind": host.spec.kind,
            "lab_profile": host.spec.profile,
            "lab_backend": host.kind.backend,
            "lab_uplink": host.uplink,
        }
        lines += [f"          {key}: {_quoted(value)}" for key, value in facts.items()]
    lines.append("      vars:")
    proxy = f"nsenter --net=/run/netns/{site.fabric_netns} busybox nc %h %p"
    common = "-F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    common += f" -o ServerAliveInterval=2 -o ServerAliveCountMax=3 -o ConnectTimeout=5 -o ProxyCommand='{proxy}'"
    variables = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(site.key),
        "ansible_ssh_common_args": common,
        # the lab's own folder, because two labs have the same addresses
        "ansible_ssh_args": f"-o ControlMaster=auto -o ControlPersist=60s -o ControlPath={site.sockets}/%C",
    }
    lines += [f"        {key}: {_quoted(value)}" for key, value in variables.items()]
    lines.append("        ansible_pipelining: true")
    for backend, names in sorted(backends.items()):
        lines += [f"    lab_{backend}:", "      hosts:", *[f"        {name}: {{}}" for name in names]]
    # playbooks that run something beside the hosts use the very Python of the lab
    lines += ["  vars:", f"    lab_controller_python: {_quoted(sys.executable)}"]
    return "\n".join(lines) + "\n"
