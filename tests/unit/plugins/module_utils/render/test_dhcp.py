# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden folders: a network, and all files of its DHCP. VNET_GOLDEN=write makes `after` anew."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import AppliedDhcp
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcpread import read_dhcps
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.dhcp import config_text, dhcp_files

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "dhcp"
NAMES = sorted(path.name for path in CASES.iterdir())


def read(name: str) -> AppliedDhcp:
    (network,), problems = read_dhcps([json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))])
    assert problems == []
    return AppliedDhcp("site", network, network.addresses, "dnsmasq")


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    item = read(name)
    files = {path.rpartition("/")[2]: file.content for path, file in dhcp_files({item.network.name: item}).items()}
    folder = CASES / name / "after"
    if os.environ.get("VNET_GOLDEN") == "write":
        folder.mkdir(exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    assert files == {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_hosts_and_records_are_not_in_the_configuration() -> None:
    """They change without a restart. That there is any host of IPv6 at all is told to guests."""
    item = read("everything")
    fewer = AppliedDhcp("site", type(item.network)(**{**vars(item.network), "hosts": (), "records": ()}), item.addresses, "dnsmasq")
    assert config_text(fewer) == config_text(item)
