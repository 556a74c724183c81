# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order systemd hears of units."""

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.step import Phase, Run, Step
from ansible_collections.hypervisor.vnet.plugins.module_utils.plan.units import READ_UNITS, read_once, unit_verbs

ENABLE, DISABLE, START, STOP = unit_verbs("one.service")
OTHER = unit_verbs("two.service")
RELOAD = Run(("nmcli", "general", "reload"))


def service(*do: Run, undo: tuple[Run, ...] = ()) -> Step:
    return Step(Phase.SERVICE, "a service", do, undo)


def words(steps: list[Step]) -> list[str]:
    return [" ".join(action.argv[1:]) for step in steps for action in step.do if isinstance(action, Run)]


def test_links_come_first_then_units_are_read_once_then_services_start() -> None:
    steps = read_once(
        [service(READ_UNITS), service(START, undo=(STOP,)), service(ENABLE), service(READ_UNITS, OTHER[0]), service(OTHER[2])]
    )
    assert words(steps) == [
        "enable --no-reload one.service",
        "enable --no-reload two.service",
        "daemon-reload",
        "start one.service",
        "start two.service",
    ]


def test_a_link_that_goes_is_heard_of_too() -> None:
    assert words(read_once([service(DISABLE, undo=(ENABLE,))])) == ["disable --no-reload one.service", "daemon-reload"]


def test_what_undoes_them_is_left_as_it_is() -> None:
    (linked, _read) = read_once([service(READ_UNITS, ENABLE, undo=(DISABLE,))])
    assert linked.undo == (DISABLE,)
    (kept,) = read_once([service(undo=(READ_UNITS,))])
    assert kept.undo == (READ_UNITS,)


def test_without_units_nothing_is_read() -> None:
    steps = [service(START), service(RELOAD)]
    assert read_once(steps) == steps
