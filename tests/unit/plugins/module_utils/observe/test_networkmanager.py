# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nmcli prints, read back. The answers are those of NetworkManager 1.42 and 1.52 on lab hosts."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe import networkmanager
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.networkmanager import parse_keyfile

LAN = "11111111-1111-4111-8111-111111111111"
PATH = "/etc/NetworkManager/system-connections/lan.nmconnection"
ANSWERS = {
    "general": "running\n",
    "device": f"eth0:ethernet:connected:{LAN}\nlo:loopback:connected (externally):b37c\neth1:ethernet:disconnected:\n",
    "connection show": f"{LAN}:802-3-ethernet:eth0:activated:yes:5:{PATH}\nb37c:loopback:lo:activated:no:0:/run/lo.nmconnection\n",
    "device show eth0": (
        "DHCP4.OPTION[1]:broadcast_address = 10.213.7.255\n"
        "DHCP4.OPTION[2]:dhcp_client_identifier = 01\\:52\\:54\\:00\\:13\\:00\\:02\n"
        "DHCP6.OPTION[4]:iaid = 2b\\:50\\:67\\:35\n"
    ),
}
IF_INET6 = """\
fd00001300070000505400fffe130002 02 40 00 00     eth0
fd00001300070000000000000000d3e4 02 80 00 00     eth0
fd000013000700001111222233334444 02 40 00 01     eth0
fe80000000000000505400fffe130002 02 40 20 80     eth0
"""


class FakeMachine(Machine):
    def which(self, program: str) -> str:
        return f"/usr/bin/{program}"

    def run(self, argv, stdin="", limit=120.0):  # type: ignore[no-untyped-def]
        words = list(argv)[list(argv).index("-f") + 2 :]
        return Completed(0, ANSWERS.get(" ".join(words), ""), "")

    def read(self, path: str) -> FileState | None:
        return FileState("[connection]\nid=lan\n", 0o600) if path == PATH else FileState("lease") if path.endswith(".lease") else None

    def text(self, path: str) -> str:
        return IF_INET6 if path == "/proc/net/if_inet6" else ""

    def entries(self, path: str) -> tuple[str, ...]:
        return (f"internal-{LAN}-eth0.lease", f"internal-{LAN}-eth7.lease", "timestamps")


def test_read() -> None:
    facts = networkmanager.read(FakeMachine(), frozenset({"eth0", "xenbr0"}))
    assert facts.running
    assert facts.devices["eth0"].is_configured
    assert not facts.devices["lo"].is_configured
    assert not facts.devices["eth1"].is_configured
    assert facts.connections[LAN].priority == 5
    assert facts.texts == {"eth0": "[connection]\nid=lan\n"}
    assert facts.dhcp["eth0"]["4.dhcp_client_identifier"] == "01:52:54:00:13:00:02"
    assert facts.dhcp["eth0"]["6.iaid"] == "2b:50:67:35"
    assert facts.slaac == {"eth0": ("fd00:13:7:0:5054:ff:fe13:2",)}
    assert list(facts.leases) == [f"/var/lib/NetworkManager/internal-{LAN}-eth0.lease"]


@pytest.mark.parametrize(
    ("line", "fields"),
    [("a:b:", ["a", "b", ""]), (r"a\:b:c\\d", ["a:b", r"c\d"]), ("", [""]), ("::", ["", "", ""])],
)
def test_split_terse(line: str, fields: list[str]) -> None:
    assert networkmanager.split_terse(line) == fields


def test_a_profile_without_a_file_is_written_down() -> None:
    text = networkmanager.keyfile_of(
        "connection.id:Ifupdown (eth0)\nconnection.type:802-3-ethernet\nconnection.autoconnect:no\nconnection.timestamp:0\n"
        "802-3-ethernet.mtu:auto\n802-3-ethernet.wake-on-lan:default\n"
        "ipv4.method:manual\nipv4.dns:10.0.0.1,10.0.0.2\nipv4.addresses:10.0.0.5/24, 10.0.0.6/24\nipv4.gateway:10.0.0.1\n"
        "ipv4.routes:192.0.2.0/24 10.0.0.2, 198.18.0.0/15 10.0.0.2 50 table=100 src=10.0.0.5\nipv4.route-metric:-1\n"
        "ipv4.routing-rules:priority 1000 from 10.0.0.5 table 100\nipv4.dhcp-send-hostname:yes\nipv6.method:manual\n"
        "ipv6.addresses:fd00\\:\\:5/64\nGENERAL.NAME:x\nIP4.ADDRESS[1]:10.0.0.5/24\n"
    )
    assert parse_keyfile(text) == {
        "connection": {"id": "Ifupdown (eth0)", "type": "802-3-ethernet", "autoconnect": "false"},
        "ipv4": {
            "method": "manual",
            "dns": "10.0.0.1;10.0.0.2;",
            "address1": "10.0.0.5/24",
            "address2": "10.0.0.6/24",
            "gateway": "10.0.0.1",
            "route1": "192.0.2.0/24,10.0.0.2",
            "route2": "198.18.0.0/15,10.0.0.2,50",
            "route2_options": "table=100,src=10.0.0.5",
            "routing-rule1": "priority 1000 from 10.0.0.5 table 100",
            "dhcp-send-hostname": "true",
        },
        "ipv6": {"method": "manual", "address1": "fd00::5/64"},
    }
