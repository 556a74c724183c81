# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes to guests as a table and as files."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.routed import Routed, RoutedGuest
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.routed import UNIT_PATH, routed_files, routed_tables
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import table_text

CASES = Path(__file__).parents[3] / "cases" / "routed"
ITEMS = [
    Routed(
        "n1", "n1", (RoutedGuest("192.0.2.190", "192.0.2.1"), RoutedGuest("2001:db8::190", "2001:db8::1")), uplink="eth0", proxy_arp=True
    ),
    Routed("behind", "n1", subnets=("10.50.0.0/16",), via="192.0.2.190", metric=7),
    Routed("office", "eth0", subnets=("10.20.0.0/16",), via="192.0.2.9"),
    Routed("routed0", "routed0", subnets=("10.97.0.0/24", "2001:db8:97::/64"), connected=("10.97.0.0/24", "2001:db8:97::/64")),
]


def is_golden(name: str, text: str) -> None:
    path = CASES / name
    if os.environ.get("VNET_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="ascii")
    assert path.read_text(encoding="ascii") == text


def test_the_table() -> None:
    is_golden("table.nft", "".join(table_text(table) for table in routed_tables(ITEMS)))
    assert routed_tables([ITEMS[2]]) == ()


def test_the_files() -> None:
    files = routed_files(ITEMS)
    assert sorted(files) == [*(f"/etc/hypervisor-vnet/routes/{name}" for name in ("eth0", "n1", "routed0")), UNIT_PATH]
    for path, file in files.items():
        is_golden(path.rpartition("/")[2], file.content)
    assert routed_files([]) == {}
