# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the world around the hosts. Every lab has its own network namespaces, so all labs use the same."""

from __future__ import annotations

from dataclasses import dataclass

LAN4, ROUTER4, OTHER4 = "10.213.7.0/24", "10.213.7.1", "10.213.7.2"
LAN6, ROUTER6, OTHER6 = "fd00:13:7::/64", "fd00:13:7::1", "fd00:13:7::2"
DHCP4 = ("10.213.7.160", "10.213.7.239")
DHCP6 = ("fd00:13:7::d000", "fd00:13:7::dfff")
LEASED6 = "fd00:13:7::d"  # how every DHCPv6 lease begins; an autoconfigured address never does
WAN4, WAN6 = "198.51.100.1/24", "2001:db8:51::1/64"  # the LAN at eth1
REMOTE4, REMOTE6 = "203.0.113.99", "2001:db8:99::99"  # "the internet", reached through the default route
DOMAIN = "lab.test"
WORLD_NAME = f"world.{DOMAIN}"  # a name the lab's DNS knows: REMOTE4 and REMOTE6

# what the rich profile has beside addresses; the first address of each network answers in the fabric
EXTRA4, EXTRA4_HOST = "192.0.2.0/24", "192.0.2.1"
EXTRA6, EXTRA6_HOST = "2001:db8:5::/48", "2001:db8:5::1"
TABLE, TABLE4, TABLE4_HOST = 100, "198.18.0.0/15", "198.18.0.1"
RULE_PRIORITY = 1000
TUNED4, TUNED4_HOST, TUNED_METRIC, TUNED_MTU = "100.64.9.0/24", "100.64.9.1", 50, 1400
NEIGHBOUR4, NEIGHBOUR_MAC = "10.213.7.250", "02:00:00:00:02:50"
MAX_HOSTS = 16


@dataclass(frozen=True)
class Place:
    """Where host number `index` lives: its own addresses and MACs, the same at each boot and in each lab."""

    index: int

    @property
    def _first(self) -> int:
        return 10 + 8 * self.index

    @property
    def main4(self) -> str:
        return f"10.213.7.{self._first}"

    @property
    def second4(self) -> str:
        return f"10.213.7.{self._first + 1}"

    @property
    def labelled4(self) -> str:
        return f"10.213.7.{self._first + 2}"

    @property
    def main6(self) -> str:
        return f"fd00:13:7::{self._first}"

    def mac(self, nic: int) -> str:
        return f"52:54:00:13:{nic:02x}:{self.index:02x}"
