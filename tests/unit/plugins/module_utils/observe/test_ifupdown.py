# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of ifupdown, from a machine that is a dictionary."""

from __future__ import annotations

import typing as t

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import ifupdown


class Folder(Machine):
    """A machine of nothing but files; programs are files in /sbin."""

    def __init__(self, files: dict[str, str], resolved: bool = False) -> None:
        self.files, self.resolved = files, resolved

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        assert argv[0] == "systemctl"
        return Completed(0 if self.resolved else 1, "", "")

    def which(self, program: str) -> str:
        return f"/sbin/{program}" if f"/sbin/{program}" in self.files else ""

    def read(self, path: str) -> FileState | None:
        return FileState(self.files[path]) if path in self.files else None

    def text(self, path: str) -> str:
        return self.files.get(path, "").strip()

    def entries(self, path: str) -> tuple[str, ...]:
        inside = [name[len(path) + 1 :] for name in self.files if name.startswith(path + "/")]
        return tuple(sorted({name.split("/")[0] for name in inside}))

    def exists(self, path: str) -> bool:
        return path in self.files


IFUP = {"/sbin/ifup": ""}


def test_without_ifupdown() -> None:
    assert ifupdown.read(Folder({"/etc/network/interfaces": "auto eth0"}), frozenset({"eth0"})) == ifupdown.Facts()


def test_sources_are_followed_like_ifupdown_does() -> None:
    files = {
        **IFUP,
        "/etc/network/interfaces": "source interfaces.d/*.cfg\nsource-directory /etc/network/more.d\nsource /nowhere\n",
        "/etc/network/interfaces.d/b.cfg": "source /etc/network/last\n",
        "/etc/network/interfaces.d/a.cfg": "source /etc/network/interfaces\n",
        "/etc/network/interfaces.d/.hidden.cfg": "",
        "/etc/network/interfaces.d/c": "",
        "/etc/network/last": "iface eth0 inet dhcp\n",
        "/etc/network/more.d/eth1": "",
        "/etc/network/more.d/eth1.dpkg-old": "",
    }
    facts = ifupdown.read(Folder(files), frozenset())
    assert list(facts.files) == [
        "/etc/network/interfaces",
        "/etc/network/interfaces.d/a.cfg",
        "/etc/network/interfaces.d/b.cfg",
        "/etc/network/last",
        "/etc/network/more.d/eth1",
    ]


def test_state_clients_and_leases() -> None:
    files = {
        **IFUP,
        "/sbin/dhclient": "",
        "/sbin/dhcpcd": "",
        "/sbin/ifreload": "",
        "/run/network/ifstate": "lo=lo\neth0=eth0\neth1=home\n",
        "/run/dhclient.eth0.pid": "77\n",
        "/proc/77/cmdline": "/sbin/dhclient\0-4\0-v\0eth0\0",
        "/run/dhclient6.eth0.pid": "78\n",
        "/proc/78/cmdline": "bash\0",
        "/run/dhclient.eth1.pid": "79\n",
        "/var/lib/dhcp/dhclient.eth0.leases": "lease { option dhcp-lease-time 60; }\nlease { option dhcp-lease-time 3600; }\n",
    }
    facts = ifupdown.read(Folder(files), frozenset({"eth0", "eth1"}))
    assert facts.up == {"lo": "lo", "eth0": "eth0", "eth1": "home"}
    assert facts.clients == (ifupdown.Client("eth0", 4, 77, ("/sbin/dhclient", "-4", "-v", "eth0")),)
    assert facts.lease_times == {"eth0": 3600}
    assert (facts.dhcp, facts.ifupdown2, facts.dns) == ("dhclient", True, None)


def test_who_takes_name_servers() -> None:
    resolved = {**IFUP, "/etc/network/if-up.d/resolved": ""}
    assert ifupdown.read(Folder(resolved), frozenset()).dns is None
    assert ifupdown.read(Folder(resolved, resolved=True), frozenset()).dns == (
        "/etc/network/if-up.d/resolved",
        "/etc/network/if-down.d/resolved",
    )
    resolvconf = {**IFUP, "/etc/network/if-up.d/000resolvconf": "", "/sbin/resolvconf": ""}
    assert ifupdown.read(Folder(resolvconf), frozenset()).dns == ("/etc/network/if-up.d/000resolvconf", "/etc/network/if-down.d/resolvconf")
