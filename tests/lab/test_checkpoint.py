# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several tasks, of ours and of others, that are confirmed or undone together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from controller import LOOK, QUARTET, WRONG, Controller, play, show, shown, task
from spans import PRESENT, quiet, some

# One of each back end.
HOSTS = {name: how for name, how in QUARTET.items() if name != "netplan"}
SOON = 25
INSIDE = {"bridges": [{"name": "xenbr1"}]}
THEIRS: dict[str, Any] = {"name": "Theirs", "ansible.builtin.raw": "hypervisor-vnet status --json", "register": "status"}


def checkpoint(state: str, **options: Any) -> dict[str, Any]:
    return {"name": state, "hypervisor.vnet.vnet_checkpoint": {"state": state, **options}, "register": "checkpoint"}


def test_it_stays_as_a_whole_and_goes_as_a_whole(controller: Controller) -> None:
    opened, kept = checkpoint("open", timeout=60), checkpoint("confirmed")
    inside = [task(PRESENT), show("change"), THEIRS, task(INSIDE), show("change")]
    made = controller.play([play(opened, show("checkpoint"), *inside, kept, show("checkpoint"), LOOK)])
    assert made.rc == 0, made.output
    for host in controller.lab:
        begun, ended = shown(made, host, "checkpoint")
        assert (begun["changed"], ended["changed"]) == (False, False)
        assert ended["confirmed"]["probes"] == {"gateway4": "", "gateway6": ""}
        assert [(change["changed"], "confirmed" in change) for change in shown(made, host)] == [(True, False)] * 2
        assert quiet(host)
        last = json.loads(host.exec(["hypervisor-vnet", "status", "--json"]).stdout)["last"]
        assert {"bridge xenbr0", "bridge xenbr1"} <= set(last["undo"])
    back = {"name": "Back", "hypervisor.vnet.vnet_rollback": {"last": True}}
    assert controller.play([play(back, LOOK)]).rc == 0


@pytest.mark.parametrize("second", some(PRESENT, more=(WRONG,)))
def test_cut_off_in_the_middle_it_goes_as_a_whole(controller: Controller, second: dict[str, Any]) -> None:
    """Either by the second of our tasks, or by one of others after both."""
    cut = {"name": "Cut", "ansible.builtin.raw": "ip link set xenbr0 down", "when": second is PRESENT}
    tasks = [checkpoint("open", timeout=SOON), task(INSIDE), task(second), cut, checkpoint("confirmed")]
    undo = [checkpoint("undone"), show("checkpoint"), LOOK]
    made = controller.play([play({"name": "Try", "block": tasks, "rescue": [show("ansible_failed_result"), *undo]})])
    assert made.rc == 0, made.output
    for host in controller.lab:
        assert made.recap[host.name]["rescued"] == 1
        (failure,), (ended,) = shown(made, host, "ansible_failed_result"), shown(made, host, "checkpoint")
        assert {"bridge xenbr0", "bridge xenbr1"} <= set(failure["report"]["undone"])
        assert failure["report"]["why"].startswith(f"not confirmed within {SOON} s")
        assert (failure["report"]["failures"], failure["report"]["left"]) == ([], [])
        # The host was first, and this task has changed nothing.
        assert not ended["changed"]


def test_undone_on_demand(controller: Controller) -> None:
    undone = checkpoint("undone")
    made = controller.play([play(checkpoint("open"), task(PRESENT), undone, show("checkpoint"), undone, show("checkpoint"), LOOK)])
    assert made.rc == 0, made.output
    for host in controller.lab:
        assert [found["changed"] for found in shown(made, host, "checkpoint")] == [True, False]
