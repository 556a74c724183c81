# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""networkd's facts from a tree of files as Debian 12 and 13 have them."""

from __future__ import annotations

import pathlib

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.networkd import Facts
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.networkd import read

LEASE = "# This is private data. Do not parse.\nADDRESS=10.77.1.130\nCLIENTID=ff6d29101d00020000ab11ad25acce34818d63\n"
TREE = {
    "/sys/class/net/eth0/ifindex": "2\n",
    "/sys/class/net/eth1/ifindex": "3\n",
    "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\nDHCP6_CLIENT_IAID=0x6d29101d\n",
    "/run/systemd/netif/links/3": "ADMIN_STATE=unmanaged\nOPER_STATE=off\n",
    "/run/systemd/netif/leases/2": LEASE,
    "/etc/systemd/network/05-hypervisor-vnet-xenbr9.network": "[Match]\nName=xenbr9\n",
    "/etc/systemd/network/10-netplan-eth0.network.d/b.conf": "[Network]\nDNS=2\n",
    "/etc/systemd/network/80-masked.network": "",
    "/run/systemd/network/10-netplan-eth0.network": "[Match]\nName=eth0\n",
    "/run/systemd/network/10-netplan-eth0.network.d/a.conf": "[Network]\nDNS=1\n",
    "/run/systemd/network/10-netplan-eth0.network.d/b.conf": "[Network]\nDNS=hidden\n",
    "/run/systemd/network/10-netplan-eth0.network.d/zz-hypervisor-vnet.conf": "[Network]\nKeepConfiguration=yes\n",
    "/usr/lib/systemd/network/80-masked.network": "[Match]\nName=vb-*\n",
    "/usr/lib/systemd/network/80-container.network": "[Match]\nName=host0\n",
}


class Tree(Machine):
    """A machine of files and answers."""

    def __init__(self, service: str, addresses: str = "[]") -> None:
        super().__init__()
        self.answers = {"systemctl": service, "ip": addresses}

    def run(self, argv, stdin="", limit=120.0):  # type: ignore[no-untyped-def]
        return Completed(0, self.answers[argv[0]], "")

    def read(self, path: str) -> FileState | None:
        return FileState(TREE[path]) if path in TREE else None

    def text(self, path: str) -> str:
        return TREE.get(path, "").strip()

    def entries(self, path: str) -> tuple[str, ...]:
        depth = len(pathlib.PurePosixPath(path).parts)
        return tuple(sorted({pathlib.PurePosixPath(name).parts[depth] for name in TREE if name.startswith(f"{path}/")}))


ACTIVE = "TriggeredBy=systemd-networkd.socket systemd-networkd-varlink.socket\nActiveState=active\n"


def test_a_netplan_host() -> None:
    facts = read(Tree(ACTIVE), frozenset({"eth0", "eth1", "xenbr0"}))
    assert facts.sockets == ("systemd-networkd-varlink.socket", "systemd-networkd.socket")
    assert facts.file_of("eth0") == "10-netplan-eth0.network" and facts.file_of("eth1") == "" and facts.file_of("xenbr0") == ""
    assert set(facts.files) == {"10-netplan-eth0.network", "80-container.network"}
    assert facts.files["10-netplan-eth0.network"].text.split() == "[Match] Name=eth0 [Network] DNS=1 [Network] DNS=2".split()
    assert facts.iaid4 == facts.iaid6 == {"eth0": str(0x6D29101D)}
    assert facts.kept == {"10-netplan-eth0.network"} and facts.stray == frozenset()


def test_addresses_that_nobody_configures() -> None:
    facts = read(Tree(ACTIVE, '[{"ifname": "eth1", "addr_info": [{"local": "192.0.2.1"}]}]'), frozenset({"eth0", "eth1"}))
    assert facts.stray == {"eth1"}


def test_a_host_without_networkd() -> None:
    assert read(Tree("ActiveState=inactive\n"), frozenset({"eth0"})) == Facts()
    assert read(Tree(""), frozenset({"eth0"})) == Facts()
