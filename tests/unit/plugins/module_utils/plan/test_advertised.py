# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A router that lives by router advertisements, kept by ifupdown: its own bridge goes on hearing them, and users are told of theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import Bridge, read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.ifupdown import Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.advertised import advertisement_warnings
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.persist import wanted_files

PATH, OURS = "/etc/network/interfaces", "/etc/network/interfaces.d/hypervisor-vnet-xenbr0"
LISTENS = {"net/ipv6/conf/eth0/accept_ra": "1"}


def warnings(text: str, spoken: str = "nat", changes: dict[str, FileState | None] | None = None) -> tuple[str, ...]:
    facts = Facts(True, False, {PATH: FileState(text)}, {}, (), "dhclient", None)
    return advertisement_warnings([spoken], changes or {}, Applied(sysctls=LISTENS), HostState({}, managers={"ifupdown": facts}))


@pytest.mark.parametrize(
    ("stanza", "told"),
    [
        ("iface eth0 inet6 dhcp\n", True),
        ("iface eth0 inet6 auto\n accept_ra 1\n", True),
        ("iface eth0 inet6 static\n address 2001:db8::1/64\n accept_ra 1\n", True),
        ("iface eth0 inet6 dhcp\n accept_ra 2\n", False),
        ("iface eth0 inet6 auto\n", False),
        ("iface eth0 inet6 static\n address 2001:db8::1/64\n", False),
        ("iface eth1 inet6 dhcp\n", False),
        ("iface eth0 inet dhcp\n", False),
    ],
)
def test_who_is_told(stanza: str, told: bool) -> None:
    found = warnings(f"auto eth0\n{stanza}")
    assert bool(found) == told
    assert all(f"{PATH}: iface eth0 inet6 " in line and line.endswith("write accept_ra 2 there") for line in found)
    assert warnings(stanza, "bridges") == () and warnings(stanza, changes={PATH: None}) == ()


@pytest.mark.parametrize("stanza", ["iface eth0 inet6 dhcp\n", "iface eth0 inet6 auto\n    accept_ra 1\n"])
def test_a_moved_profile_says_it_for_a_router_only(stanza: str) -> None:
    captured = {"stanzas": f"iface eth0 inet dhcp\n{stanza}"}
    bridges = {"xenbr0": AppliedBridge("site", Bridge("xenbr0", "eth0"), "52:54:00:00:00:10", "ifupdown", captured=captured)}
    memory = Applied(bridges=bridges)
    plain = wanted_files(memory, HostState({}))[OURS].content
    router = wanted_files(replace(memory, sysctls={"net/ipv6/conf/xenbr0/accept_ra": "1"}), HostState({}))[OURS].content
    assert "    accept_ra 2\n" not in plain and ("    accept_ra 1\n" in plain) == ("accept_ra" in stanza)
    assert "    accept_ra 2\n" in router and "    accept_ra 1\n" not in router


def test_a_declared_profile_says_it_for_a_router_only() -> None:
    bridges = {
        "xenbr0": AppliedBridge(
            "site", read_bridge({"name": "xenbr0", "uplink": "eth0", "accept_ra": True}, "")[0], "52:54:00:00:00:10", "ifupdown"
        )
    }
    memory = Applied(bridges=bridges)
    assert "    accept_ra 1\n" in wanted_files(memory, HostState({}))[OURS].content
    router = wanted_files(replace(memory, sysctls={"net/ipv6/conf/xenbr0/accept_ra": "1"}), HostState({}))[OURS].content
    assert "    accept_ra 2\n" in router and "echo 2 > /proc/sys/net/ipv6/conf/xenbr0/accept_ra" in router
