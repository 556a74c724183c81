# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of every changing module may say."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hypervisor.vnet.plugins.module_utils.argspec import CHANGE_OPTIONS
from ansible_collections.hypervisor.vnet.plugins.module_utils.optioncheck import change_problems


def problems(**options: t.Any) -> list[str]:
    checked = ArgumentSpecValidator(CHANGE_OPTIONS).validate(options)
    assert checked.error_messages == []
    return [str(problem) for problem in change_problems(checked.validated_parameters, {"bridges": []})]


@pytest.mark.parametrize("seconds", [0, 5, 120, 3600])
def test_good_timeouts(seconds: int) -> None:
    assert problems(confirm_timeout=seconds) == []


@pytest.mark.parametrize("seconds", [-1, 1, 4, 3601])
def test_bad_timeouts(seconds: int) -> None:
    assert problems(confirm_timeout=seconds) == [
        f"confirm_timeout: {seconds} is outside 5 to 3600 seconds; 0 says that the host shall not watch over it"
    ]


@pytest.mark.parametrize("probes", [None, {}, {"gateway": False, "tcp": ["[2001:db8::1]:22"], "dns": ["example.org"]}])
def test_good_probes(probes: dict[str, t.Any] | None) -> None:
    assert problems(probes=probes) == []


def test_all_problems_come_at_once() -> None:
    found = problems(owner="", prune=True, confirm_timeout=-120, probes={"tcp": ["10.0.0.1"], "dns": ["10.0.0.1"]})
    assert [text.split(":")[0] for text in found] == ["owner", "bridges", "confirm_timeout", "probes.tcp[0]", "probes.dns[0]"]
