# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of a change, over the SSH that administrators have: confirmed, moved with, cut off, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import lab_name
from controller import Controller
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import ROUTER4, ROUTER6

HOSTS = {f"ctl-{name}": (kind, "static") for name, kind in DEFAULT_HOSTS.items()}
PRESENT = {"bridges": [{"name": "xenbr0", "uplink": "eth0"}]}
ABSENT = {"bridges": [{"name": "xenbr0"}], "state": "absent"}
# The module takes it, the host stands there, and nobody reaches it any more.
WRONG = {"bridges": [{"name": "xenbr0", "uplink": "eth0", "addresses": ["10.99.0.9/24"], "gateway4": "10.99.0.1"}], "confirm_timeout": 12}
LOOK: dict[str, Any] = {"name": "Look", "ansible.builtin.command": "hostname -I", "changed_when": False, "register": "look"}
COPY: dict[str, Any] = {"name": "Copy", "ansible.builtin.copy": {"content": "here", "dest": "/tmp/here", "mode": "0600"}}


@pytest.fixture(scope="module")
def quartet() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("controller"), owner=os.getpid()) as made:
        made.start_many(HOSTS)
        yield made


@pytest.fixture
def controller(quartet: Lab, tmp_path: Path) -> Iterator[Controller]:
    """Who knows all four hosts, which are as they were when the test is over."""
    before = {host.name: host.snapshot() for host in quartet}
    yield Controller(quartet, tuple(quartet), tmp_path / "c")
    for host in quartet:
        assert diff_snapshots(before[host.name], host.snapshot()) == [], host.name


def task(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "Change", "hypervisor.vnet.xen_bridge": options, "register": "change", **more}


def play(*tasks: dict[str, Any], hosts: str = "all", **more: Any) -> dict[str, Any]:
    return {"name": "Test", "hosts": hosts, "gather_facts": False, "tasks": list(tasks), **more}


def keep(folder: Path, variable: str = "change") -> dict[str, Any]:
    """Keep what was registered, one file a host."""
    content = {"content": f"{{{{ {variable} | to_json }}}}", "dest": f"{folder}/{{{{ inventory_hostname }}}}.json", "mode": "0600"}
    return {"name": "Keep", "ansible.builtin.copy": content, "delegate_to": "localhost", "connection": "local", "become": False}


def kept(folder: Path, host: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{host.name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "files"])
@pytest.mark.parametrize("login", ["root", "sudo"])
def test_the_uplink_moves_and_is_confirmed(controller: Controller, tmp_path: Path, pipelining: bool, login: str) -> None:
    who = {} if login == "root" else controller.unprivileged()
    made = controller.play([play(task(PRESENT), keep(tmp_path), LOOK)], ansible_pipelining=pipelining, **who)
    assert made.rc == 0, made.output
    for host in controller.hosts:
        confirmed = kept(tmp_path, host)["confirmed"]
        assert confirmed["address"] == host.address
        assert confirmed["probes"] == {"gateway4": "", "gateway6": ""}
    again = controller.play([play(task(PRESENT))], ansible_pipelining=pipelining, **who)
    assert {host["changed"] for host in again.recap.values()} == {0}, again.output
    gone = controller.play([play(task(ABSENT), LOOK)], ansible_pipelining=pipelining, **who)
    assert gone.rc == 0, gone.output
    for host in controller.hosts:
        assert (
            host.exec(["sh", "-c", "ls -A /root/.ansible/tmp /home/*/.ansible/tmp 2>/dev/null | grep ansible-tmp"], check=False).stdout
            == ""
        )


@pytest.mark.parametrize("master", [True, False], ids=["one connection", "one each"])
def test_the_rest_of_the_play_goes_where_the_host_goes(controller: Controller, tmp_path: Path, master: bool) -> None:
    """Its key is known under the old address only, and host_vars, which say the old address, cannot be overridden."""
    host = controller.hosts[0]
    old, new = host.address, f"{host.address}9"
    moved = {"name": "xenbr0", "uplink": "eth0", "addresses": [f"{new}/24"], "gateway4": ROUTER4, "probes": {"gateway": True}}
    options = {"bridges": [{key: value for key, value in moved.items() if key != "probes"}], "confirm_timeout": 60}
    options["bridges"][0].update(addresses=[f"{new}/24", f"{host.address6}99/64"], gateway6=ROUTER6)
    ssh = {} if master else {"ansible_ssh_args": "-o ControlMaster=no"}
    first = controller.play(
        [play(task(options), keep(tmp_path), LOOK, COPY, hosts=host.name), play(LOOK, keep(tmp_path, "look"), hosts=host.name)], **ssh
    )
    assert first.rc == 0, first.output
    assert new in kept(tmp_path, host)["stdout"].split()
    assert f"{host.name} is reached at {new} now" in first.output
    assert host.exec(["cat", "/tmp/here"]).stdout == "here"
    controller.address(host, new)
    second = controller.play([play(task(options), hosts=host.name)], **ssh)
    assert (second.rc, second.recap[host.name]["changed"]) == (0, 0), second.output
    home = controller.play([play(task(ABSENT), LOOK, hosts=host.name)], **ssh)
    assert home.rc == 0, home.output
    assert f"{host.name} is reached at {old} now" in home.output


@pytest.mark.parametrize("strategy", ["linear", "free", "host_pinned"])
def test_one_host_is_cut_off_and_the_others_are_fine(controller: Controller, tmp_path: Path, strategy: str) -> None:
    lost, *others = controller.hosts
    options = {lost.name: WRONG}
    change = task({"bridges": "{{ (options[inventory_hostname] | default(present)).bridges }}", "confirm_timeout": 12})
    rescued = {"name": "Try", "block": [change, LOOK], "rescue": [keep(tmp_path, "ansible_failed_result"), LOOK]}
    done = controller.play([play(rescued, strategy=strategy)], options=options, present=PRESENT)
    assert done.rc == 0, done.output
    assert {name: (row["rescued"], row["unreachable"]) for name, row in done.recap.items()} == {
        host.name: (int(host is lost), 0) for host in controller.hosts
    }
    failure = kept(tmp_path, lost)
    assert failure["report"]["why"] == "not confirmed within 12 s"
    assert failure["report"]["left"] == []
    assert f"{lost.address}: no answer for " in failure["msg"]
    assert controller.play([play(task(ABSENT))]).rc == 0
    assert len(others) == 3


def test_a_host_that_is_off_is_unreachable_as_ever(controller: Controller) -> None:
    host = controller.hosts[0]
    controller.address(host, "10.213.7.249")
    began = time.monotonic()
    done = controller.play([play(task(PRESENT), hosts=host.name)])
    assert done.recap[host.name]["unreachable"] == 1, done.output
    assert time.monotonic() - began < 60


def test_check_mode_arms_nothing(controller: Controller) -> None:
    done = controller.play([play(task(PRESENT))], "--check")
    assert {row["changed"] for row in done.recap.values()} == {1}, done.output
    for host in controller.hosts:
        assert host.exec(["sh", "-c", "systemctl list-timers --all | grep hypervisor-vnet"], check=False).stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize("after", [3.0, 8.0], ids=["early", "late"])
def test_interrupted_it_leaves_nothing_and_the_host_undoes(controller: Controller, number: int, after: float) -> None:
    host = controller.hosts[0]
    argv = controller.argv([play(task(WRONG), hosts=host.name)], {"ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=1s"})
    process = subprocess.Popen(argv, env=controller.environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    os.killpg(process.pid, number)
    process.wait(30)
    wait_until(lambda: not left_of(controller), 10, "nothing runs any more on the controller")
    undone = "test ! -e /var/lib/hypervisor-vnet/journal && ! pgrep -f AnsiballZ"
    wait_until(lambda: host.exec(["sh", "-c", undone], check=False).returncode == 0, 60, "the host has undone the change")


def left_of(controller: Controller) -> list[str]:
    """Processes that have to do with this controller; a master of ssh (mux) ends by itself when its connection does."""
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if str(controller.folder) in line and "[mux]" not in line]
