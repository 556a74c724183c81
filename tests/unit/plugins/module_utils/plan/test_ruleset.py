# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One unit loads the tables of all kinds: it comes with the first, and goes with the last."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedFile
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import UNIT, RulesetFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, HostState
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.ruleset import tool_problems, unit_handover
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.nftables import UNIT_PATH, UPHOLD_PATH

FILE = FileState("")
KEPT = Applied(files={UNIT_PATH: AppliedFile("")})


def host(loads: bool = True, version: tuple[int, ...] = (1, 0, 6)) -> HostState:
    return HostState({}, kinds={"ruleset": RulesetFacts(version, loads)})


@pytest.mark.parametrize(
    ("changes", "after", "loads", "verbs"),
    [
        ({UNIT_PATH: FILE}, KEPT, False, ["daemon-reload", f"enable {UNIT}", f"start {UNIT}"]),
        ({UNIT_PATH: None}, Applied(), True, ["daemon-reload", f"stop {UNIT}", f"disable {UNIT}", "daemon-reload"]),
        # From the version before firewalld was known of.
        ({UPHOLD_PATH: FILE}, KEPT, True, ["daemon-reload", f"enable {UNIT}", f"start {UNIT}"]),
        ({}, KEPT, True, []),
        ({}, KEPT, False, [f"start {UNIT}"]),
        ({}, Applied(), False, []),
    ],
)
def test_the_unit(changes: dict[str, FileState | None], after: Applied, loads: bool, verbs: list[str]) -> None:
    steps = unit_handover(["bridges", "guards"], changes, after, host(loads))
    commands = [action.command() for step in steps for action in step.do]
    # firewalld must not have it started again while it goes.
    assert commands[:-4] == ([f"rm -f {UPHOLD_PATH}"] if changes.get(UNIT_PATH, FILE) is None else [])
    assert [command for command in commands if "rm -f" not in command] == [f"systemctl {verb}" for verb in verbs]
    assert unit_handover(["bridges", "taps"], changes, after, host(loads)) == []


def test_nft_must_be_there_and_new_enough() -> None:
    assert [str(problem) for problem in tool_problems(HostState({}))] == ["nft is missing on this host; install nftables 1.0.6 or newer"]
    assert [str(problem) for problem in tool_problems(host(version=(0, 9, 8)))] == ["nftables 0.9.8 is too old; 1.0.6 or newer is needed"]
    assert tool_problems(host(version=(1, 1))) == []
