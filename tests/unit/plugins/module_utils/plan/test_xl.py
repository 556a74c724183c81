# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""xl's defaults for vifs: our lines come and go in a file of others, with the owner who declared them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import HOST_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, applied_from_text
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import BridgeSettings, FileState, HostState, Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.xl import CONFIG, XlFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.options import host_document
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.document import Plan, plan_document

FACTS = XlFacts(xl=True, scripts=frozenset({"vif-bridge", "vif-nat"}))
THEIRS = '#autoballoon="auto"\nvif.default.bridge="xenbr7"\n'
OURS = '# BEGIN hypervisor.vnet\nvif.default.script="vif-nat"\nvif.default.bridge="xenbr0"\n# END hypervisor.vnet\n'
DEFAULTS = {"bridge": "xenbr0", "script": "vif-nat"}


def planned(applied: Applied | None = None, text: str | None = THEIRS, facts: XlFacts = FACTS, **options: Any) -> Plan:
    params = ArgumentSpecValidator(HOST_OPTIONS).validate(options).validated_parameters
    links = {"xenbr0": Link("xenbr0", 3, bridge=BridgeSettings())}
    files = {CONFIG: FileState(text, 0o640)} if text is not None else {}
    return plan_document(host_document(params), HostState(links, kinds={"xl": facts}, files=files), applied or Applied())


def written(plan: Plan) -> FileState | None:
    return plan.files[CONFIG][1]


def remembered(**options: Any) -> Applied:
    return applied_from_text(planned(xl_defaults=DEFAULTS, **options).applied.to_text())


def test_our_lines_stand_behind_those_of_others() -> None:
    plan = planned(xl_defaults=DEFAULTS)
    assert written(plan) == FileState(THEIRS + OURS, 0o640)
    again = planned(remembered(), THEIRS + OURS, xl_defaults=DEFAULTS)
    assert (again.steps, again.files) == ((), {})


def test_others_may_edit_their_lines_meanwhile() -> None:
    edited = THEIRS.replace("xenbr7", "xenbr9")
    assert planned(remembered(), edited + OURS, xl_defaults=DEFAULTS).steps == ()
    assert written(planned(remembered(), edited + OURS, xl_defaults={})) == FileState(edited, 0o640)


@pytest.mark.parametrize(
    "options",
    [
        {"xl_defaults": {}},
        {"xl_defaults": DEFAULTS, "state": "absent"},
        {"guests": [], "prune": True, "allow_empty": True},
    ],
)
def test_they_go_and_leave_the_file_as_it_was(options: dict[str, Any]) -> None:
    gone = planned(remembered(), THEIRS + OURS, **options)
    assert written(gone) == FileState(THEIRS, 0o640) and gone.applied.xl == {} and CONFIG not in gone.applied.files


def test_a_file_that_was_not_there_goes_with_them() -> None:
    made = planned(text=None, xl_defaults=DEFAULTS)
    assert written(made) == FileState(OURS)
    assert written(planned(made.applied, OURS, xl_defaults={})) is None


@pytest.mark.parametrize(
    "options", [{"networks": []}, {"guests": []}, {"networks": [], "prune": True, "allow_empty": True}, {"guests": [], "owner": "other"}]
)
def test_who_does_not_speak_of_them_leaves_them(options: dict[str, Any]) -> None:
    plan = planned(remembered(), THEIRS + OURS, **options)
    assert plan.files == {} and "vif" in plan.applied.xl


def test_another_owner_neither_changes_nor_prunes_them() -> None:
    with pytest.raises(Refused, match="belongs to owner 'site'"):
        planned(remembered(), THEIRS + OURS, xl_defaults={"bridge": "xenbr0"}, owner="other")
    assert planned(remembered(), THEIRS + OURS, guests=[], prune=True, allow_empty=True, owner="other").files == {}


def test_a_bridge_of_the_same_document_is_there() -> None:
    plan = planned(networks=[{"name": "dmz"}], persist="none", xl_defaults={"bridge": "dmz"})
    assert 'vif.default.bridge="dmz"' in plan.files[CONFIG][1].content  # type: ignore[union-attr]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        planned(xl_defaults={"bridge": "xenbr9", "script": "vif-ip"})
    assert [problem.path for problem in refusal.value.problems] == ["xl_defaults.script", "xl_defaults.bridge"]
    with pytest.raises(Refused) as refusal:
        planned(xl_defaults={"bridge": 'x"', "script": "../x", "gatewaydev": "a/b", "backend": "a b"})
    assert {problem.path for problem in refusal.value.problems} == {
        f"xl_defaults.{word}" for word in ("script", "bridge", "gatewaydev", "backend")
    }
    with pytest.raises(Refused, match="xl is missing"):
        planned(xl_defaults=DEFAULTS, facts=XlFacts())
