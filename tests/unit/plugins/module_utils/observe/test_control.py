# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's connection from what sshd and ip(8) say, and the same from the memory of an earlier run."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.recording import RecordingMachine, ReplayingMachine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.address import Address
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.control import ControlPath
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import Link
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.control import read_control

LINKS = {
    link.name: link
    for link in (
        Link("eth0", 2, addresses=(Address("10.0.0.2/24"), Address("2001:db8::2/64"), Address("fe80::2/64", scope="link"))),
        Link("mgmt", 3, kind="vrf"),
        Link("eth1", 4, master="mgmt", addresses=(Address("10.9.0.2/24"), Address("10.9.0.77/32", peer="10.9.0.78/32"))),
    )
}
# As iproute2 6.1 says it; whatever is not here, the kernel has no route to.
ANSWERS: dict[str, dict[str, t.Any]] = {
    "10.0.0.9 from 10.0.0.2": {"dst": "10.0.0.9", "from": "10.0.0.2", "dev": "eth0"},
    "203.0.113.9 from 10.0.0.2": {"dst": "203.0.113.9", "from": "10.0.0.2", "gateway": "10.0.0.1", "dev": "eth0"},
    "203.0.113.8 from 10.0.0.2": {"dst": "203.0.113.8", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0"},
    "203.0.113.9 from 10.9.0.2 vrf mgmt": {"dst": "203.0.113.9", "gateway": "10.9.0.1", "dev": "eth1"},
    "203.0.113.9": {"dst": "203.0.113.9", "gateway": "10.0.0.1", "dev": "eth0"},
    "2001:db8:9::9 from 2001:db8::2": {"dst": "2001:db8:9::9", "gateway": "fe80::1", "dev": "eth0"},
    "fe80::9 oif eth0": {"dst": "fe80::9", "dev": "eth0"},
    "fe80::9 from fe80::2 oif eth0": {"dst": "fe80::9", "from": "fe80::2", "dev": "eth0"},
}


class Logged(Machine):
    """A machine that somebody logged in to."""

    def __init__(self, connection: str) -> None:
        super().__init__()
        self._connection = connection

    def inherited(self, variable: str) -> str:
        return self._connection if variable == "SSH_CONNECTION" else ""

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        assert tuple(argv[:4]) == ("ip", "-json", "route", "get")
        answer = ANSWERS.get(" ".join(argv[4:]))
        return Completed(0, json.dumps([answer]), "") if answer else Completed(2, "", "RTNETLINK answers: Network is unreachable")


@pytest.mark.parametrize(
    ("connection", "control"),
    [
        ("", None),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("10.0.0.9", None),
        ("10.0.0.9 50000 10.0.0.2 22", ControlPath("10.0.0.9", "10.0.0.2", "eth0", port=22)),
        ("203.0.113.9 50000 10.0.0.2 22", ControlPath("203.0.113.9", "10.0.0.2", "eth0", "10.0.0.1", port=22)),
        ("203.0.113.8 50000 10.0.0.2 22", ControlPath("203.0.113.8", "10.0.0.2", "eth0", "fe80::1", port=22)),
        ("::ffff:203.0.113.9 50000 ::ffff:10.0.0.2 22", ControlPath("203.0.113.9", "10.0.0.2", "eth0", "10.0.0.1", port=22)),
        ("2001:DB8:9:0::9 50000 2001:db8::2 22", ControlPath("2001:db8:9::9", "2001:db8::2", "eth0", "fe80::1", port=22)),
        ("fe80::9%eth0 50000 fe80::2%eth0 22", ControlPath("fe80::9", "fe80::2", "eth0", port=22)),
        ("fe80::9%2 50000 fe80::7%2 22", ControlPath("fe80::9", "fe80::7", "eth0", port=22)),
        # sshd in a VRF
        ("203.0.113.9 50000 10.9.0.2 22", ControlPath("203.0.113.9", "10.9.0.2", "eth1", "10.9.0.1", port=22)),
        # an address that no interface has: DNAT, or a service that takes whole networks
        ("203.0.113.9 50000 192.0.2.1 22", ControlPath("203.0.113.9", "192.0.2.1", "eth0", "10.0.0.1", port=22)),
        # no route back, as far as ip(8) can see
        ("198.51.100.9 50000 10.9.0.77 22", ControlPath("198.51.100.9", "10.9.0.77", "eth1", port=22)),
        ("198.51.100.9 50000 192.0.2.1 22", None),
    ],
)
def test_the_way_back_to_the_peer(connection: str, control: ControlPath | None) -> None:
    assert read_control(Logged(connection), LINKS) == control


def test_a_check_run_sees_the_connection_of_the_run_that_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.2 22")
    recorder = RecordingMachine()
    assert recorder.inherited("SSH_CONNECTION") == "10.0.0.9 50000 10.0.0.2 22"
    memory = json.loads(json.dumps(recorder.memory))
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.8 50000 10.0.0.2 22")
    assert ReplayingMachine(memory).inherited("SSH_CONNECTION") == "10.0.0.9 50000 10.0.0.2 22"
    assert ReplayingMachine({}).inherited("SSH_CONNECTION") == "10.0.0.8 50000 10.0.0.2 22"
