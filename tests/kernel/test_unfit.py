# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host, or an uplink, that is not fit for it is refused before anything is touched, with the cure."""

from __future__ import annotations

import os

import pytest
from harness import STATE, Namespace, assert_same
from hosts import cable, no_waiting


@pytest.fixture
def host(empty: Namespace, world: Namespace) -> Namespace:
    no_waiting(empty)
    cable(empty, world)
    empty.ip("address add 10.1.0.2/24 dev eth0\nlink add eth3 type veth peer name eth3-far")
    empty.settle()
    return empty


def shell(host: Namespace, script: str) -> None:
    host.run("sh", "-ec", script)


@pytest.mark.parametrize("folder", ["/etc", STATE])
def test_a_read_only_file_system(host: Namespace, folder: str) -> None:
    shell(host, f"mkdir -p /run/kept; cp -a {folder}/. /run/kept; mount -t tmpfs -o size=8m tmpfs {folder}; cp -a /run/kept/. {folder}")
    before = host.snapshot()
    shell(host, f"mount -o remount,ro {folder}")
    assert host.bridge({"name": "br0"}).problems == [
        f"{folder}: cannot be written (the file system is mounted read-only); what is declared could not be kept over a reboot"
    ]
    assert_same(before, host.snapshot(), memory=True)


@pytest.mark.parametrize("folder", ["/etc", STATE])
def test_a_full_file_system(host: Namespace, folder: str) -> None:
    shell(host, f"mkdir -p /run/kept; cp -a {folder}/. /run/kept; mount -t tmpfs -o size=3m tmpfs {folder}; cp -a /run/kept/. {folder}")
    shell(host, f"dd if=/dev/zero of={folder}/big bs=64k 2>/dev/null || true")
    before = host.snapshot()
    assert host.bridge({"name": "br0"}).problems == [
        f"{folder}: cannot be written (less than 1 MiB is free); what is declared could not be kept over a reboot"
    ]
    assert_same(before, host.snapshot(), memory=True)


def test_without_iproute2(host: Namespace) -> None:
    before = host.snapshot()

    def hide() -> None:
        from ansible_collections.hypervisor.vnet.plugins.module_utils.host import machine

        machine._PATH = "/nowhere"

    answer = host.bridge({"name": "br0"}, prepare=hide)
    assert answer.problems == ["ip is missing on this host; install iproute2"]
    assert_same(before, host.snapshot(), memory=True)


def test_without_root(host: Namespace) -> None:
    before = host.snapshot()
    answer = host.bridge({"name": "br0"}, prepare=lambda: os.setuid(65534))
    assert answer.problems == ["only root can change the network; add become: true"]
    assert_same(before, host.snapshot(), memory=True)


def test_a_wireless_uplink(host: Namespace) -> None:
    """The kernel here has no wireless card; what tells one is its folder in sysfs."""

    def pretend() -> None:
        from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

        real = Machine.exists
        Machine.exists = lambda self, path: path == "/sys/class/net/eth3/phy80211" or real(self, path)  # type: ignore[method-assign]

    assert host.bridge({"name": "br0", "uplink": "eth3"}, prepare=pretend).problems == [
        "bridges[0].uplink: eth3 is wireless: access points accept one MAC a station, so guests behind a bridge stay unheard; use layout nat"
    ]


def test_an_uplink_that_carries_an_nfs_root(host: Namespace) -> None:
    def pretend() -> None:
        from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Machine

        mounts = "21 1 0:20 / / rw - nfs4 10.1.0.9:/root rw,vers=4.2,addr=10.1.0.9"
        real = Machine.text
        Machine.text = lambda self, path: mounts if path == "/proc/self/mountinfo" else real(self, path)  # type: ignore[method-assign]

    assert host.bridge({"name": "br0", "uplink": "eth0"}, prepare=pretend).problems == [
        "bridges[0].uplink: eth0 carries an NFS root from 10.1.0.9: its move would stop the host;"
        " use layout route or nat with eth0 as uplink instead"
    ]


def test_a_route_that_cannot_be_moved(host: Namespace) -> None:
    host.ip("route add 192.0.2.0/24 via 10.1.0.1 dev eth0 realm 7\nrule add iif eth0 l3mdev priority 77")
    problems = host.bridge({"name": "br0", "uplink": "eth0"}).problems
    assert problems == [
        "bridges[0].uplink: the route 192.0.2.0/24 via 10.1.0.1 has flow, which cannot be moved; remove it first",
        "bridges[0].uplink: the policy rule 77 from all iif eth0 table main has l3mdev, which cannot be moved; remove it first",
    ]
