# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden folders: the uplink's own file and our files beside it. VNET_GOLDEN=write makes `after` anew."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import AppliedBridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.bridge import read_bridge
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkd import Facts, NetworkFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.networkd import BACKEND
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.networkd import parse

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "networkd"
MAC = "52:54:77:00:00:02"


def below(folder: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*"))}


def rendered(case: dict[str, t.Any], before: dict[str, str]) -> dict[str, str]:
    bridge, problems = read_bridge(case["bridge"], "bridges[0]")
    files = {name: NetworkFile(f"/etc/systemd/network/{name}", text) for name, text in before.items()}
    iaids = {key: {"eth0": case[key]} if key in case else {} for key in ("iaid4", "iaid6")}
    facts = Facts(True, (), files, dict.fromkeys([2] if before else [], "".join(before)), {"eth0": 2}, **iaids)
    addresses = tuple(Address(**item) for item in case.get("addresses", []))
    state = HostState({"eth0": Link("eth0", 2, mac=MAC, mtu=case.get("mtu", 1500), addresses=addresses)})
    assert problems + BACKEND.problems(facts, bridge, "bridges[0]") == []
    captured = BACKEND.capture(facts, state, bridge) if bridge.uplink else {}
    new = BACKEND.files(bridge.name, AppliedBridge("site", bridge, MAC, "networkd", captured=captured))
    return {path.rsplit("/", 1)[-1]: file.content for path, file in new.items()}


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_golden(name: str) -> None:
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    after = rendered(case, below(CASES / name / "before"))
    if os.environ.get("VNET_GOLDEN") == "write":
        (CASES / name / "after").mkdir(exist_ok=True)
        for file, text in after.items():
            (CASES / name / "after" / file).write_text(text, encoding="utf-8")
    assert after == below(CASES / name / "after")


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_nothing_of_the_uplink_is_lost(name: str) -> None:
    """Every assignment of the uplink's own file stands in one of ours, unless layer 3 is declared."""
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    before = below(CASES / name / "before")
    if case["bridge"].get("addresses") or case["bridge"].get("dhcp4"):
        return
    ours = {key for text in rendered(case, before).values() for _section, pairs in parse(text) for key, _value in pairs}
    for text in before.values():
        for section, pairs in parse(text):
            assert {key for key, _value in pairs if section != "Match"} <= ours


def test_parse_joins_lines_and_skips_comments() -> None:
    text = "# one\n[A]\nx = 1 \\\n# inside\n  2\n;y=3\n[B]\n\n[A]\nx=\n"
    assert parse(text) == [("A", (("x", "1 2"),)), ("B", ()), ("A", (("x", ""),))]
