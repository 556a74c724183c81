# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager on whole hosts: it agrees with what we did, whatever happens to it afterwards, and gets its own back."""

from __future__ import annotations

import pytest
from product import Product
from spans import some
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.measure import measure
from vnet_lab.snapshot import diff_snapshots

BRIDGE = [{"name": "xenbr0", "uplink": "eth0"}]
INNER = [{"name": "xenbr1"}, {"name": "xenbr2", "addresses": ["10.99.2.1/24", "fd00:99::1/64"], "ports": ["eth1"]}]
_KINDS = {"n13r": ("d13-nm", "rich"), "n13d": ("d13-nm", "dhcp"), "n12s": ("d12-nm", "static"), "n12d": ("d12-nm", "dhcp")}
HOSTS = {name: _KINDS[name] for name in some("n13r", more=("n12d", "n13d", "n12s"))}


def connected(host: Machine) -> dict[str, str]:
    """Interface -> profile, for those that NetworkManager itself configures."""
    rows = host.exec(["nmcli", "-t", "-f", "DEVICE,STATE,CONNECTION", "device"]).stdout.splitlines()
    return {device: name for device, state, name in (row.split(":", 2) for row in rows) if state == "connected"}


def by_itself(line: str) -> bool:
    """NetworkManager 1.42 lets the kernel hear a router, too, while it takes a device over."""
    return line.startswith("routes6")


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_the_uplink_moves_and_comes_back(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    before = host.snapshot()
    moved = measure(host, lambda: Product(fleet).bridges(name, BRIDGE))
    assert moved.result
    assert moved.ssh_alive
    assert connected(host) == {"xenbr0": "hypervisor-vnet-xenbr0", "eth0": "hypervisor-vnet-xenbr0-port-eth0"}
    assert not Product(fleet).bridges(name, BRIDGE)
    stands = host.snapshot()
    again = measure(
        host, lambda: host.exec(["sh", "-c", "nmcli connection reload; nmcli device reapply xenbr0; systemctl restart NetworkManager"])
    )
    assert again.ssh_alive
    assert [line for line in diff_snapshots(stands, host.snapshot()) if not by_itself(line)] == []
    host.reboot()
    assert connected(host) == {"xenbr0": "hypervisor-vnet-xenbr0", "eth0": "hypervisor-vnet-xenbr0-port-eth0"}
    assert not Product(fleet).bridges(name, BRIDGE)
    back = measure(host, lambda: Product(fleet).bridges(name, BRIDGE, state="absent"))
    assert back.ssh_alive
    assert connected(host) == {"eth0": "lan"}
    assert [line for line in diff_snapshots(before, host.snapshot()) if not by_itself(line)] == []


@pytest.mark.parametrize("name", some("n13r", more=("n12s",)))
def test_bridges_without_uplink_never_stop_networkmanager(fleet: Lab, name: str) -> None:
    host = fleet.host(name)
    before = host.snapshot()
    main = ["systemctl", "show", "-P", "MainPID", "NetworkManager"]
    process = host.exec(main).stdout
    assert Product(fleet).bridges(name, INNER)
    assert not Product(fleet).bridges(name, INNER)
    assert {"xenbr1", "xenbr2", "eth1"} <= set(connected(host))
    assert Product(fleet).bridges(name, [{"name": "xenbr1", "addresses": ["10.99.1.1/24"]}, INNER[1]])
    assert host.exec(main).stdout == process
    host.reboot()
    assert not Product(fleet).bridges(name, [{"name": "xenbr1", "addresses": ["10.99.1.1/24"]}, INNER[1]])
    assert Product(fleet).bridges(name, INNER, state="absent")
    assert connected(host) == {"eth0": "lan"}
    assert [line for line in diff_snapshots(before, host.snapshot()) if not by_itself(line)] == []
