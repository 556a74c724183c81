# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""xen_bridge as an administrator checks it: would it, did it, is it still the same; and what ip(8) then shows."""

from __future__ import annotations

from typing import Any

from harness import Answer, Namespace, assert_same


def apply(host: Namespace, *bridges: dict[str, Any], **options: Any) -> Answer:
    """Check, do, and do again: the same diff, then nothing."""
    before = host.snapshot()
    check = host.bridge(*bridges, check=True, **options).ok()
    assert_same(before, host.snapshot(), memory=True)
    real = host.bridge(*bridges, **options).ok()
    assert check.diff_bytes == real.diff_bytes
    assert check.changed == real.changed
    assert check.commands == real.commands
    again = host.bridge(*bridges, **options).ok()
    assert (again.changed, again.diff, again.commands) == (False, [], [])
    return real


def details(host: Namespace, name: str) -> dict[str, Any]:
    return dict(host.json("-details", "link", "show", "dev", name)[0])


def addresses(host: Namespace, name: str) -> list[str]:
    """In the kernel's order, without link-local ones."""
    found = host.json("address", "show", "dev", name)[0]["addr_info"]
    return [f"{item['local']}/{item['prefixlen']}" for item in found if item["scope"] != "link"]


def routes(host: Namespace, name: str) -> list[tuple[Any, ...]]:
    found = host.json("-4", "route", "show", "table", "all", "dev", name) + host.json("-6", "route", "show", "table", "all", "dev", name)
    return [(item["dst"], item.get("gateway", ""), item.get("metric", 0)) for item in found if item.get("protocol") != "kernel"]


def names(host: Namespace) -> set[str]:
    """Bridges that are not foreign."""
    return {link["ifname"] for link in host.json("link", "show", "type", "bridge")} - {"docker0"}
