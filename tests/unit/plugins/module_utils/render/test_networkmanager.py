# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden folders: the uplink's keyfile and the bridges of case.json give the files of `after`. VNET_GOLDEN=write makes `after` anew."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge, UplinkBefore
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkmanager import Connection, Device, Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.profile import Profile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.route import Neighbour, Route
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.networkmanager import BACKEND
from ansible_collections.hypervisor.vnet.plugins.module_utils.render import networkmanager

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "networkmanager"
LAN = "11111111-1111-4111-8111-111111111111"
MAC = "52:54:00:13:00:02"


def applied_of(case: dict, options: dict, texts: dict[str, str]) -> AppliedBridge:
    bridge, wrong = read_bridge(options, "bridges[0]")
    assert not wrong
    uplink = bridge.uplink
    uuids = dict.fromkeys(texts, LAN)
    devices = {
        link: Device("vlan" if "." in link else "ethernet", "connected" if link in uuids else "disconnected", uuids.get(link, ""))
        for link in [uplink]
    }
    connections = {LAN: Connection(LAN, "802-3-ethernet", uplink)} if uplink in texts else {}
    facts = Facts(True, devices, connections, texts, {uplink: case.get("dhcp", {})}, {uplink: tuple(case.get("slaac", ()))})
    assert not BACKEND.problems(facts, bridge, "bridges[0]")
    routes = tuple(
        Route(family, network, uplink, metric=case[f"metric{family}"], protocol="kernel")
        for family, network in ((4, "10.213.7.0/24"), (6, "fd00:13:7::/64"))
        if f"metric{family}" in case
    )
    state = HostState({uplink: Link(uplink, 2, mac=MAC, mtu=case.get("mtu", 1500))}, routes)
    profile = Profile(
        tuple([Address(case["label"], label=f"{uplink}:lab")] if "label" in case else []),
        neighbours=tuple([Neighbour(case["neighbour"], uplink, "02:00:00:00:02:50", permanent=True)] if "neighbour" in case else []),
    )
    captured = BACKEND.capture(facts, state, bridge) if uplink else {}
    return AppliedBridge("site", bridge, MAC, "networkmanager", {uplink: UplinkBefore(True, profile)} if uplink else {}, captured=captured)


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_golden(name: str) -> None:
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    before = CASES / name / "before"
    texts = {path.name: path.read_text(encoding="utf-8") for path in before.iterdir()} if before.is_dir() else {}
    files = {}
    for options in case["bridges"]:
        files.update(BACKEND.files(options["name"], applied_of(case, options, texts)))
    after = {
        f"{pathlib.Path(path).parent.name}/{pathlib.Path(path).name}": f"# mode {file.mode:04o}\n{file.content}"
        for path, file in files.items()
    }
    folder = CASES / name / "after"
    if os.environ.get("VNET_GOLDEN") == "write":
        for path, text in after.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    there = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}
    assert after == there


def test_names_never_collide() -> None:
    names = [
        networkmanager.bridge_path("a"),
        networkmanager.port_path("a", "b"),
        networkmanager.bridge_path("a-port-b"),
        networkmanager.bridge_path("a-b"),
    ]
    names += [networkmanager.port_path("a-port-b", "c"), networkmanager.port_path("a", "b-port-c")]
    assert len(set(names)) == len(names)
