# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first failure stops the hosts that have not begun, under whatever strategy the user asks for, and takes nothing from those done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from product import Played, Product
from spans import some
from vnet_lab.lab import Lab

SITE, TEARDOWN, ROLLBACK = "hypervisor.vnet.site", "hypervisor.vnet.teardown", "hypervisor.vnet.rollback"
HOSTS = dict.fromkeys(("xen1", "xen2", "xen3"), ("d12-networkd", "static"))
OVER_THE_UPLINK = {"vnet_networks": [{"name": "xenbr0", "uplink": "eth0"}]}
NO_SUCH_UPLINK = {"vnet_networks": [{"name": "xenbr0", "uplink": "eth7"}]}
NOBODY = "10.213.7.155"
# Of a batch in which every host fails no strategy goes on; here one is well.
TWO_THEN_ONE = ("-e", '{"vnet_serial": [2, 1]}')
TOGETHER = ("-e", '{"vnet_serial": ["100%"]}')
# What users set to have another strategy.
STRATEGIES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "free": ({"ANSIBLE_STRATEGY": "free"}, ("-e", "ansible_strategy=free", "-e", "strategy=free")),
    "host_pinned": ({"ANSIBLE_STRATEGY": "ansible.builtin.host_pinned"}, ()),
}


@pytest.fixture
def play(fleet: Lab, tmp_path: Path) -> Iterator[Any]:
    """play(playbook, words, everywhere={...}, xen2={...}); what is left is taken away afterwards."""

    def run(playbook: str, *words: str, everywhere: dict[str, Any] | None = None, **hosts: dict[str, Any]) -> Played:
        inventory = {"hypervisors": {"hosts": {name: hosts.get(name, {}) for name in HOSTS}, "vars": everywhere or {}}}
        path = tmp_path / "hosts.yml"
        path.write_text(json.dumps(inventory), encoding="utf-8")
        return Product(fleet).playbook("-i", str(path), playbook, *words)

    yield run
    assert not bridged(fleet) or run(TEARDOWN, *TOGETHER).rc == 0
    assert bridged(fleet) == []


@pytest.fixture
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options of ansible-playbook for the strategy that is the parameter; the environment is set."""
    environment, options = STRATEGIES[request.param]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return (*TWO_THEN_ONE, *options)


def bridged(fleet: Lab) -> list[str]:
    """The hosts that have xenbr0 now."""
    return [name for name in HOSTS if fleet.host(name).exec(["test", "-e", "/sys/class/net/xenbr0"], check=False).returncode == 0]


def begun(played: Played) -> list[str]:
    """Those for which the playbook did more than look at the inventory."""
    assert played.rc != 0
    batches = played.output.partition("PLAY [Bring the hosts there, in batches]")[2].partition("PLAY RECAP")[0]
    found = re.findall(r"^(?:ok|changed|failed|fatal|unreachable): \[(\w+)\]", batches, re.MULTILINE)
    return sorted(set(found))


@pytest.mark.parametrize("words", some("host_pinned", more=("free",)), indirect=True)
def test_a_failure_stops_the_rest(fleet: Lab, play: Any, words: tuple[str, ...]) -> None:
    played = play(SITE, *words, everywhere=OVER_THE_UPLINK, xen2=NO_SUCH_UPLINK)
    assert begun(played) == ["xen1", "xen2"], played.output
    assert bridged(fleet) == ["xen1"]
    assert played.recap["xen1"]["changed"] == 1


@pytest.mark.parametrize("words", ["free"], indirect=True)
def test_a_host_that_cannot_be_reached_stops_the_rest(fleet: Lab, play: Any, words: tuple[str, ...]) -> None:
    played = play(SITE, *words, everywhere=OVER_THE_UPLINK, xen2={"ansible_host": NOBODY})
    assert begun(played) == ["xen1", "xen2"], played.output
    assert played.recap["xen2"]["unreachable"] == 1
    assert bridged(fleet) == []


def test_a_first_host_that_cannot_be_reached_stops_the_rest(fleet: Lab, play: Any) -> None:
    played = play(SITE, everywhere=OVER_THE_UPLINK, xen1={"ansible_host": NOBODY})
    assert begun(played) == ["xen1"], played.output
    assert bridged(fleet) == []


def test_those_of_the_same_batch_come_to_their_end(fleet: Lab, play: Any) -> None:
    played = play(SITE, *TOGETHER, everywhere=OVER_THE_UPLINK, xen2=NO_SUCH_UPLINK)
    assert played.rc != 0
    assert bridged(fleet) == ["xen1", "xen3"]
    again = play(SITE, *TOGETHER, everywhere=OVER_THE_UPLINK)
    assert {name: again.recap[name]["changed"] for name in HOSTS} == {"xen1": 0, "xen2": 1, "xen3": 0}


@pytest.mark.parametrize("words", ["free"], indirect=True)
@pytest.mark.parametrize("playbook, option", some((ROLLBACK, ("-e", "vnet_last=true")), more=[(TEARDOWN, ())]))
def test_taking_back_stops_as_well(fleet: Lab, play: Any, words: tuple[str, ...], playbook: str, option: tuple[str, ...]) -> None:
    assert play(SITE, *TOGETHER, everywhere=OVER_THE_UPLINK).rc == 0
    played = play(playbook, *words, *option, xen2={"ansible_host": NOBODY})
    assert played.rc != 0
    assert "xen3" not in played.recap, played.output
    assert bridged(fleet) == ["xen2", "xen3"]
