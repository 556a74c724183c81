# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's connection, found as a module finds it that sudo has started: with an environment of its own."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Iterator

import pytest
from harness import Namespace

CONFTEST = pathlib.Path(__file__).resolve().parents[1] / "conftest.py"
# sshd's shell keeps the variable; two processes further down it is gone, as behind sudo, which forks for its pty.
SHELL = 'env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c \'"$0" -c "$1"; exit $?\' "$0" "$1"; exit $?'
MODULE = f"""
import json, os, runpy
runpy.run_path({str(CONFTEST)!r})
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import plan_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.task import observed

assert "SSH_CONNECTION" not in os.environ
plans = {{}}
for uplink in ("eth0", "eth1", ""):
    document = Document(bridges=Declared((Bridge("xenbr0", uplink=uplink),)), persist="none")
    applied, state = observed(document, Machine())
    plan = plan_document(document, state, applied)
    plans[uplink] = [vars(state.control) if state.control else None, plan.control[:1], plan.addresses]
print(json.dumps(plans))
"""


@pytest.fixture
def host(empty: Namespace) -> Iterator[Namespace]:
    """Two cards; the controller comes by the first."""
    empty.ip(
        """
        link add eth0 type veth peer name far0
        link set far0 up
        link set eth0 up
        address add 10.1.0.2/24 dev eth0
        route add default via 10.1.0.1 dev eth0
        link add eth1 type veth peer name far1
        link set far1 up
        link set eth1 up
        address add 10.2.0.2/24 dev eth1
        """
    )
    yield empty


def plans(host: Namespace, connection: str) -> dict[str, list]:
    done = host.run("env", f"SSH_CONNECTION={connection}", "sh", "-c", SHELL, sys.executable, MODULE)
    return json.loads(done.stdout)


def test_sudo_does_not_hide_the_connection(host: Namespace) -> None:
    found = plans(host, "203.0.113.9 50000 10.1.0.2 22")
    path = {"peer": "203.0.113.9", "local": "10.1.0.2", "dev": "eth0", "gateway": "10.1.0.1", "port": 22}
    assert found == {
        "eth0": [path, ["eth0 becomes a port of xenbr0"], ["10.1.0.2"]],
        "eth1": [path, [], ["10.1.0.2"]],
        "": [path, [], ["10.1.0.2"]],
    }
    assert plans(host, "10.2.0.9 50000 10.2.0.2 22")["eth1"][1] == ["eth1 becomes a port of xenbr0"]


def test_a_run_from_the_console_has_no_connection(host: Namespace) -> None:
    """The nearest process that has the variable is heard, so this holds whoever runs the tests."""
    assert plans(host, "") == {uplink: [None, [], []] for uplink in ("eth0", "eth1", "")}
