# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that run from the program that the host has kept, as they run when Ansible sends them."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from child import Answer
from harness import STATE, Namespace, assert_same

from ansible_collections.hypervisor.vnet.plugins.module_utils import kept
from ansible_collections.hypervisor.vnet.plugins.module_utils.sources import read_sources, sources_digest

PROGRAM = f"{STATE}/hypervisor-vnet"
COMMAND = "/usr/local/sbin/hypervisor-vnet"
XENBR0, XENBR1 = {"name": "xenbr0"}, {"name": "xenbr1"}
DIGEST = sources_digest(read_sources())


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    """A host with a bridge, and the program that making it has left."""
    empty.bridge(XENBR0).ok()
    return empty


def from_program(host: Namespace, check: bool = False, digest: str = DIGEST, **options: Any) -> Answer:
    arguments = {"module": "xen_bridge", "digest": digest, "arguments": {"persist": "none", **options}}
    return host.module("vnet_program", check=check, **arguments)


def test_it_does_what_the_module_does(host: Namespace) -> None:
    checked = from_program(host, check=True, bridges=[XENBR0, XENBR1]).ok()
    sent = host.bridge(XENBR0, XENBR1, check=True).ok()
    done = from_program(host, bridges=[XENBR0, XENBR1]).ok()
    assert checked.diff_bytes == sent.diff_bytes == done.diff_bytes
    assert (done.changed, done.commands, done.data["invocation"]) == (True, sent.commands, sent.data["invocation"])
    assert {link["ifname"] for link in host.json("link", "show", "type", "bridge")} == {"xenbr0", "xenbr1"}
    assert not from_program(host, bridges=[XENBR0, XENBR1]).ok().changed
    host.run("rm", COMMAND)
    assert from_program(host, bridges=[XENBR1], state="absent").ok().changed
    assert host.run("readlink", COMMAND).stdout.strip() == PROGRAM


def test_another_version_that_came_meanwhile_gives_way(host: Namespace) -> None:
    """What undoes a change is of the version that made it."""

    def another_comes() -> None:
        real = kept.importlib.import_module

        def imports(name: str) -> Any:
            found = real(name)
            with open(f"{PROGRAM}.other", "wb") as file:
                file.write(b"of another version")
            os.rename(file.name, PROGRAM)
            return found

        kept.importlib = SimpleNamespace(import_module=imports)

    arguments = {"module": "xen_bridge", "digest": DIGEST, "arguments": {"persist": "none", "bridges": [XENBR0, XENBR1]}}
    host.module("vnet_program", another_comes, **arguments).ok()
    assert from_program(host, bridges=[XENBR0, XENBR1]).ok().data.get("ran") is None


def test_what_it_refuses_is_refused_in_the_same_words(host: Namespace) -> None:
    before = host.snapshot()
    kept = from_program(host, bridges=[{"name": "xen/br"}, {"name": "xenbr1", "uplink": "eth7"}])
    sent = host.bridge({"name": "xen/br"}, {"name": "xenbr1", "uplink": "eth7"})
    assert kept.data["failed"] and kept.data["problems"] == sent.data["problems"]
    assert_same(before, host.snapshot(), memory=True)


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("other sources", {"digest": "0" * 64, "bridges": [XENBR1]}),
        ("an option that there is not", {"bridges": [XENBR1], "bridge": "xenbr1"}),
        ("a value that there is not", {"bridges": [XENBR1], "state": "presnt"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_run_it_leaves_to_ansible(host: Namespace, case: str, options: dict[str, Any]) -> None:
    before = host.snapshot()
    answer = from_program(host, **options)
    assert (answer.rc, answer.data["changed"], answer.data["ran"]) == (0, False, False)
    assert_same(before, host.snapshot(), memory=True)


def test_without_a_program_nothing_is_run(empty: Namespace) -> None:
    empty.run("rm", "-f", PROGRAM)
    assert from_program(empty, bridges=[XENBR0]).data["ran"] is False


def test_a_host_keeps_up_with_the_collection(host: Namespace) -> None:
    """Else a host on which nothing changes would be sent the modules for ever."""
    host.run("truncate", "--size=-1", PROGRAM)
    assert from_program(host, bridges=[XENBR0]).data["ran"] is False
    assert not host.bridge(XENBR0, check=True).ok().changed
    assert from_program(host, bridges=[XENBR0]).data["ran"] is False
    assert not host.bridge(XENBR0).ok().changed
    assert from_program(host, bridges=[XENBR0]).ok().data.get("ran") is None
