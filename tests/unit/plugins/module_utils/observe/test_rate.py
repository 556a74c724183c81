# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tc(8) of Debian 12 says on its own kernel (recorded in a machine of QEMU, in the words of render/rate.py), in the model."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.rate import Bucket, Rate, Shaping
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.rate import read_shapings
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.rate import shaping_lines, wanted_shaping

CASES = pathlib.Path(__file__).resolve().parents[3] / "cases" / "tc"


class Said(Machine):
    """The fake host: what tc said there."""

    def __init__(self, answers: dict[str, str], rc: int = 0) -> None:
        super().__init__()
        self.answers, self.rc = answers, rc
        self.asked: list[str] = []

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        self.asked += [" ".join(argv), *stdin.splitlines()]
        return Completed(self.rc, self.answers.get(" ".join(argv), ""), "no" if self.rc else "")


@pytest.fixture
def debian() -> Said:
    return Said(json.loads((CASES / "6.1.0.json").read_text(encoding="utf-8")))


def test_ours_and_others(debian: Said) -> None:
    found = read_shapings(debian, {"tap0", "tap1", "tap2", "tap9"})
    assert found == {
        "tap0": Shaping(Bucket(12_500_000, 125_000), Bucket(1_250_000, 131_072), hooked=True),
        # of a policer tc tells the rate in whole thousands
        "tap1": Shaping(from_guest=Bucket(4_166_625, 416_658), hooked=True, shared=True),
        "tap2": Shaping(ingress="ingress"),
    }
    assert debian.asked.count("filter show dev tap1 egress") == 1


@pytest.mark.parametrize(("name", "rate"), [("tap0", Rate(12_500_000, 1_250_000)), ("tap1", Rate(0, 4_166_666))])
def test_what_was_done_is_done(debian: Said, name: str, rate: Rate) -> None:
    seen = (read_shapings(debian, {"tap0", "tap1"}) or {})[name]
    wanted = wanted_shaping(rate, 1500)
    assert shaping_lines(name, seen, wanted) == []
    assert seen.rate_beside(wanted) == rate


def test_nobody_asks_where_no_rate_matters(debian: Said) -> None:
    assert read_shapings(debian, set()) == {} and debian.asked == []


def test_a_host_without_tc() -> None:
    assert read_shapings(Said({}, 127), {"tap0"}) is None
    with pytest.raises(VnetError, match="tc -json qdisc show: no"):
        read_shapings(Said({}, 1), {"tap0"})
