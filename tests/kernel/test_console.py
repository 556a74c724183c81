# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that the modules leave on the host, run by a bare Python that knows neither Ansible nor this checkout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import yaml
from faults import at_step, kill
from harness import STATE, Namespace, assert_same
from hosts import cable, no_waiting

from ansible_collections.hypervisor.vnet.plugins.modules import vnet_info

PROGRAM = f"{STATE}/hypervisor-vnet"
COMMAND = "/usr/local/sbin/hypervisor-vnet"
# -S: no site-packages either, whatever this machine has there.
BARE = ("/usr/bin/python3", "-I", "-S")
SPAN = "0123456789abcdef0123456789abcdef"
XENBR0 = {"name": "xenbr0", "uplink": "eth0"}
LONG = 60


class Said(NamedTuple):
    rc: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert (self.rc, self.err) == (0, "")
        return json.loads(self.out)


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    """A host with the program, an internal bridge that has a guest, and an uplink with a router behind it."""
    no_waiting(empty)
    cable(empty, world)
    world.ip("address add 10.1.0.1/24 dev eth0")
    empty.ip("address add 10.1.0.2/24 dev eth0\nroute add default via 10.1.0.1 dev eth0")
    empty.bridge({"name": "xenbr1"}).ok()
    # Without addresses of their own, which would come at some time later.
    empty.ip("link add vif1.0 type veth peer name guest\nlink set vif1.0 addrgenmode none\nlink set guest addrgenmode none")
    empty.ip("link set vif1.0 master xenbr1 up\nlink set guest up")
    empty.settle()
    return empty


def say(host: Namespace, *words: str) -> Said:
    done = host.run(*BARE, PROGRAM, *words, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def arm(host: Namespace, timeout: int = LONG) -> None:
    """xenbr0 over eth0, done and waiting for its confirmation."""
    options = {"checkpoint": SPAN, "confirm": "always", "confirm_timeout": timeout}
    assert host.bridge({"name": "xenbr1"}, XENBR0, **options).ok().data["armed"]["id"] == SPAN
    assert say(host, "result", SPAN, "--wait", "30").json["result"]["failed"] is False


def wait_until(true: Callable[[], bool], limit: float) -> None:
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, f"not within {limit:g} s"
        time.sleep(0.1)


def test_it_needs_nothing_but_python(host: Namespace) -> None:
    assert host.run(*BARE, "-c", "import ansible", check=False).returncode == 1
    assert host.run(*BARE, "-c", "import ansible_collections", check=False).returncode == 1
    assert say(host, "--help").rc == 0
    # As people call it, with the Python that the module ran with.
    assert host.run(COMMAND, "status").stdout == say(host, "status").out


def test_status(host: Namespace) -> None:
    text = say(host, "status").out
    assert "xenbr1          bridge, up; owner site; gone after a reboot\n  guests        vif1.0\n" in text
    assert "  addresses     10.1.0.2/24\n  routes        default via 10.1.0.1\n" in text
    assert "to undo it    hypervisor-vnet rollback --last" in text
    arm(host)
    armed = say(host, "status").out
    assert "xenbr0          bridge, up; owner site; gone after a reboot\n  uplink        eth0\n  addresses     10.1.0.2/24\n" in armed
    assert "ARMED: undone in " in armed and "probes        gateway4\n" in armed
    assert max(map(len, armed.splitlines())) <= 80
    facts = say(host, "status", "--json").json
    assert facts["journal"]["state"] == "armed" and LONG - 30 < facts["journal"]["seconds_left"] <= LONG
    assert (facts["pending"]["id"], facts["pending"]["links"], facts["report"]) == (SPAN, ["eth0", "xenbr0", "xenbr1"], None)
    assert {*facts} == {*yaml.safe_load(vnet_info.RETURN), "pending", "last", "report"}


def test_confirm(host: Namespace) -> None:
    arm(host)
    assert say(host, "confirm") == (0, "The change stays.\n", "")
    assert say(host, "result", SPAN).json["state"] == "confirmed"
    assert say(host, "undo", "--span", SPAN) == (0, "", "")
    assert host.snapshot().links["eth0"]["master"] == "xenbr0"


def test_a_host_that_has_lost_its_gateway_is_not_confirmed(host: Namespace, world: Namespace) -> None:
    arm(host)
    world.ip("link set eth0 down")
    said = say(host, "confirm", "--wait", "0.1")
    assert (said.rc, said.out) == (1, "")
    assert "what was reached before is not reached now:\n  gateway4: " in said.err and "now with: hypervisor-vnet rollback" in said.err
    answer = say(host, "confirm", SPAN, "--wait", "0.1").json
    assert (answer["confirmed"], answer["state"], list(answer["probes"])) == (False, "armed", ["gateway4"])


@pytest.mark.parametrize("words", [("rollback",), ("rollback", "--json"), ("rollback", SPAN), ("undo", "--span", SPAN), ("undo", "--boot")])
def test_undone(host: Namespace, words: tuple[str, ...]) -> None:
    before = host.snapshot()
    arm(host)
    assert say(host, *words).rc == 0
    assert_same(before, host.snapshot())
    answer = say(host, "result", SPAN).json
    assert (answer["state"], answer["report"]["left"], answer["report"]["probes"]) == ("undone", [], {"gateway4": ""})
    assert "last undone" in say(host, "status").out


def test_the_last_kept_change_is_undone_unless_something_else_changed(host: Namespace) -> None:
    before = host.snapshot()
    arm(host)
    say(host, "confirm")
    host.ip("address add 10.1.0.99/24 dev xenbr0")
    refused = say(host, "rollback", "--last")
    assert (refused.rc, refused.out) == (1, "")
    assert "changed since by others, or by hand: xenbr0;" in refused.err
    assert "it stays      changed since by others, or by hand: xenbr0;" in say(host, "status").out
    assert say(host, "rollback", "--last", "--json").json["error"].startswith("changed since")
    host.ip("address del 10.1.0.99/24 dev xenbr0")
    said = say(host, "rollback", "--last")
    assert (said.rc, said.err) == (0, "")
    assert "asked for, after it had been kept" in said.out and "LEFT" not in said.out
    assert_same(before, host.snapshot())


def test_a_killed_run_is_told_and_undone(host: Namespace) -> None:
    before = host.snapshot()
    host.bridge({"name": "xenbr1"}, XENBR0, prepare=at_step(12, kill))
    assert "STALE: it was stopped in the middle" in say(host, "status").out
    assert say(host, "rollback").rc == 0
    assert_same(before, host.snapshot())


def test_without_systemd_a_process_waits_and_undoes(host: Namespace) -> None:
    before = host.snapshot()
    arm(host, timeout=5)
    assert "xenbr0" in host.snapshot().links
    wait_until(lambda: say(host, "result", SPAN).json["state"] == "undone", 20)
    assert say(host, "result", SPAN).json["report"]["why"] == "not confirmed within 5 s"
    assert_same(before, host.snapshot())
