# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of a change, over the SSH that administrators have: confirmed, moved with, cut off, waited for.

VNET_SOAK=1 tries each login with and without pipelining.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest
from controller import LOOK, QUARTET, UNPRIVILEGED, WRONG, Controller, play, show, shown, task
from product import Played
from spans import ABSENT, PRESENT, begin, done, each, lost_controller, quiet, say, some
from vnet_lab.machine import Machine
from vnet_lab.util import wait_until
from vnet_lab.world import ROUTER4, ROUTER6

HOSTS = QUARTET
# Long enough for the change on a busy machine, short enough to wait for.
SOON = 12
# Each with how the others go back afterwards, which is confirmed in batches, too.
STRATEGIES: dict[str, dict[str, Any]] = {"linear": {"serial": 1}, "free": {"throttle": 1}, "host_pinned": {}}
# Each of both with one of the other, unless there is time for all.
LOGINS = some(("sudo", False), more=(("root", True), ("root", False), ("sudo", True)))
COPY: dict[str, Any] = {"name": "Copy", "ansible.builtin.copy": {"content": "here", "dest": "/tmp/here", "mode": "0600"}}


def changed(played: Played) -> set[int]:
    assert played.rc == 0, played.output
    return {row["changed"] for row in played.recap.values()}


@pytest.mark.parametrize("login, pipelining", LOGINS)
def test_the_uplink_moves_and_is_confirmed(controller: Controller, login: str, pipelining: bool) -> None:
    who = UNPRIVILEGED if login == "sudo" else {}
    tasks = [one for options in (PRESENT, PRESENT, ABSENT) for one in (task(options), show("change"), LOOK)]
    made = controller.play([play(*tasks)], ansible_pipelining=pipelining, **who)
    assert changed(made) == {2}
    for host in controller.lab:
        there, again, back = shown(made, host)
        assert not again["changed"]
        for change in (there, back):
            assert change["confirmed"]["address"] == host.address
            assert change["confirmed"]["probes"] == {"gateway4": "", "gateway6": ""}
        left = "ls -d /root/.ansible/tmp/ansible-tmp* /home/*/.ansible/tmp/ansible-tmp*"
        assert host.exec(["sh", "-c", left], check=False).stdout == ""


def test_check_mode_arms_nothing(controller: Controller) -> None:
    assert changed(controller.play([play(task(PRESENT))], "--check")) == {1}
    for host in controller.lab:
        assert "hypervisor-vnet" not in host.exec(["systemctl", "list-timers", "--all"]).stdout
        assert quiet(host)


@pytest.mark.parametrize("strategy", some("free", more=("linear", "host_pinned")))
def test_one_host_is_cut_off_and_the_others_are_fine(controller: Controller, strategy: str) -> None:
    lost, *others = controller.lab
    change = task({"bridges": "{{ (options[inventory_hostname] | default(present)).bridges }}", "confirm_timeout": "{{ timeout }}"})
    rescued = {"name": "Try", "block": [change, show("change"), LOOK], "rescue": [show("ansible_failed_result"), LOOK]}
    variables = {"options": {lost.name: WRONG}, "present": PRESENT, "timeout": f"{{{{ {SOON} if inventory_hostname in options else 60 }}}}"}
    back = play(task(ABSENT), show("change"), hosts="all:!" + lost.name, **STRATEGIES[strategy])
    made = controller.play([play(rescued, strategy=strategy), back], **variables)
    assert made.rc == 0, made.output
    assert {name: (row["rescued"], row["unreachable"]) for name, row in made.recap.items()} == {
        host.name: (int(host is lost), 0) for host in controller.lab
    }
    (failure,) = shown(made, lost, "ansible_failed_result")
    assert failure["report"]["why"].startswith(f"not confirmed within {SOON} s")
    assert (failure["report"]["failures"], failure["report"]["left"]) == ([], [])
    assert f"{lost.address}: " in failure["msg"]
    for host in others:
        assert ["confirmed" in change for change in shown(made, host)] == [True, True]


def test_a_host_that_is_off_is_unreachable_as_ever(controller: Controller) -> None:
    host, *_others = controller.lab
    controller.believe(host, "10.213.7.249")
    began = time.monotonic()
    made = controller.play([play(task(PRESENT), hosts=host.name)])
    assert made.recap[host.name]["unreachable"] == 1, made.output
    assert time.monotonic() - began < 60


ALONE: dict[str, Any] = {"ansible_ssh_args": "-o ControlMaster=no", "ansible_pipelining": True}


@pytest.mark.parametrize("family, inventory, ssh", some((6, True, ALONE), more=((4, False, {}),)))
def test_the_rest_of_the_play_goes_where_the_host_goes(controller: Controller, family: int, inventory: bool, ssh: dict[str, Any]) -> None:
    """Its key is known under the old address only. What host_vars say cannot be overridden by every ansible-core; the connection goes."""
    old = {host.name: host.address if family == 4 else host.address6 for host in controller.lab}
    both = {host.name: (f"10.213.7.{151 + number}", f"fd00:13:7::{9151 + number}") for number, host in enumerate(controller.lab)}
    new = {name: addresses[family == 6] for name, addresses in both.items()}
    for host in controller.lab:
        controller.believe(host, old[host.name], inventory=inventory)
    here = ["{{ new[inventory_hostname][0] }}/24", "{{ new[inventory_hostname][1] }}/64"]
    bridge = {**PRESENT["bridges"][0], "addresses": here, "gateway4": ROUTER4, "gateway6": ROUTER6}
    move = task({"bridges": [bridge], "confirm_timeout": 60})
    first = controller.play([play(move, show("change"), LOOK, COPY), play(LOOK, show("look"), show("ansible_host"))], new=both, **ssh)
    assert first.rc == 0, first.output
    for host in controller.lab:
        (change,), (look,) = shown(first, host), shown(first, host, "look")
        assert change["confirmed"]["address"] == new[host.name]
        assert set(both[host.name]) <= set(look["stdout"].split())
        assert not inventory or shown(first, host, "ansible_host") == [new[host.name]]
        assert f"{host.name} is reached at {new[host.name]} now" in first.output
        assert host.exec(["cat", "/tmp/here"]).stdout == "here"
        controller.believe(host, new[host.name], inventory=inventory)
    assert changed(controller.play([play(move)], new=both, **ssh)) == {0}
    home = controller.play([play(task(ABSENT), LOOK)], **ssh)
    assert home.rc == 0, home.output
    for host in controller.lab:
        assert f"{host.name} is reached at {old[host.name]} now" in home.output, home.output


def test_another_controller_waits_for_its_turn(controller: Controller) -> None:
    """What the first began is confirmed on one host and undone on the other; then the second works."""
    pair = kept, undone = tuple(controller.lab)[:2]
    first = lost_controller(controller.lab)
    ids = dict(zip(pair, each(lambda host: begin(first, host, PRESENT, 300), pair)))
    each(lambda host: done(host, ids[host]), pair)
    argv = controller.argv([play(task(PRESENT), show("change"), hosts=f"{kept.name},{undone.name}")], {})
    second = subprocess.Popen(argv, env=controller.environment(), stdout=subprocess.PIPE, text=True)
    each(lambda host: wait_until(lambda: _waits(host), 60, f"the second controller's module waits on {host.name}"), pair)
    assert say(kept, "confirm", ids[kept])["confirmed"]
    assert say(undone, "rollback", ids[undone])["state"] == "undone"
    made = Played(second.wait(120), second.communicate()[0])
    assert made.rc == 0, made.output
    (left,), (did,) = shown(made, kept), shown(made, undone)
    assert (left["changed"], did["changed"], "confirmed" in did) == (False, True, True)
    for change in (left, did):
        assert any("for another change to be confirmed or undone" in warning for warning in change["warnings"])
    assert controller.play([play(task(ABSENT), hosts=f"{kept.name},{undone.name}")]).rc == 0


def _waits(host: Machine) -> bool:
    """A module leads a session of its own from when it may have to wait."""
    listed = host.exec(["ps", "-C", "python3", "-o", "pid=,sid="], check=False).stdout.splitlines()
    return any(pid == session for pid, session in map(str.split, listed))


def test_an_ad_hoc_command_is_confirmed_too(controller: Controller) -> None:
    host = controller.lab.host("nm")
    for options in (PRESENT, ABSENT):
        word, result = controller.adhoc(host, "hypervisor.vnet.xen_bridge", options)
        assert word.endswith("CHANGED"), result
        assert result["confirmed"]["address"] == host.address
