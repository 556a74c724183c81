# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as tests need them: cables, uplinks with everything on them, and foreign things that nobody may touch."""

from __future__ import annotations

import os

from harness import Namespace

MAC = "52:54:00:aa:00:01"

# Everything that an uplink can carry.
RICH = """
    address add 10.1.0.2/24 broadcast 10.1.0.255 dev eth0
    address add 10.1.0.3/24 broadcast 10.1.0.255 label eth0:1 dev eth0
    address add 10.1.0.4/24 dev eth0
    address add 10.2.0.2/24 metric 50 dev eth0
    address add 10.3.0.2/24 valid_lft 5000 preferred_lft 4000 dev eth0
    address add 10.4.0.1 peer 10.4.0.2/32 dev eth0
    address add 10.5.0.1/32 scope host dev eth0
    address add 2001:db8:1::2/64 nodad dev eth0
    address add 2001:db8:1::3/64 nodad dev eth0
    address add 2001:db8:1::4/64 nodad valid_lft 5000 preferred_lft 0 dev eth0
    address add 2001:db8:2::2/64 nodad noprefixroute dev eth0
    address add 2001:db8:3::1/128 nodad dev eth0
    route add default via 10.1.0.1 dev eth0 metric 100
    route add default via 10.1.0.9 dev eth0 metric 200 src 10.1.0.3
    route add 192.0.2.0/24 via 10.1.0.9 mtu 1400 advmss 1300 dev eth0
    route add 192.0.3.0/24 proto static scope link dev eth0
    route add 192.0.4.0/24 nexthop via 10.1.0.1 dev eth0 weight 2 nexthop via 10.1.0.9 dev eth0 weight 1
    route add 192.0.5.0/24 nexthop via 10.1.0.1 dev eth0 nexthop via 10.8.0.1 dev eth1
    route add 192.0.6.0/24 via 172.30.0.1 dev eth0 onlink
    route add 192.0.7.0/24 via inet6 2001:db8:1::1 dev eth0
    route add 192.0.8.0/24 tos 0x10 via 10.1.0.1 dev eth0
    route add 10.7.0.0/16 via 192.0.3.1 dev eth0
    route add default via 10.1.0.1 dev eth0 table 100 src 10.1.0.3
    route add 10.1.0.0/24 dev eth0 table 100 scope link
    route add blackhole 192.0.9.0/24
    route add 2001:db8:2::/64 dev eth0 metric 77
    route add default via 2001:db8:1::1 dev eth0 metric 1024 pref high
    route add 2001:db8:100::/48 via 2001:db8:1::9 dev eth0 mtu 1400
    route add 2001:db8:101::/48 nexthop via 2001:db8:1::1 dev eth0 weight 3 nexthop via 2001:db8:1::9 dev eth0
    route add 2001:db8:102::/48 via fe80::1 dev eth0
    route add default via 2001:db8:1::1 dev eth0 table 100
    rule add from 10.1.0.3 table 100 priority 1000
    rule add iif eth0 table 100 priority 1001
    rule add oif eth0 fwmark 0x10/0xff table 100 priority 1002
    rule add not from 10.1.0.0/24 to 10.7.0.0/16 iif eth0 table 100 priority 1003
    neigh add 10.1.0.77 lladdr 00:11:22:33:44:77 nud permanent dev eth0
    neigh add 2001:db8:1::77 lladdr 00:11:22:33:44:77 nud permanent dev eth0
    neigh add proxy 10.1.0.78 dev eth0
    neigh add proxy 2001:db8:1::78 dev eth0
"""

# A batch has one family of rules.
RICH_RULES6 = """
    rule add from 2001:db8:1::3 table 100 priority 1000
    rule add iif eth0 table 100 priority 1001
    rule add oif eth0 ipproto tcp dport 80-443 table 100 priority 1002 protocol static
    rule add iif eth0 suppress_prefixlength 0 table main priority 1003
    rule add iif eth0 prohibit priority 1004
"""

# What belongs to others and must be the same afterwards: a bridge with a guest, addresses, routes, rules, filters.
FOREIGN = """
    link add eth1 address 52:54:00:bb:00:01 mtu 1450 type veth peer name eth1-far
    link set eth1-far up
    link set eth1 up
    address add 10.8.0.2/24 dev eth1
    address add 2001:db8:8::2/64 nodad dev eth1
    route add 203.0.113.0/24 via 10.8.0.1 dev eth1
    route add 203.0.114.0/24 via 10.8.0.1 dev eth1 table 300
    rule add iif eth1 table 300 priority 900
    neigh add 10.8.0.77 lladdr 00:11:22:33:55:77 nud permanent dev eth1
    link add docker0 type bridge
    link add guest0 type veth peer name guest0-far
    link set guest0 master docker0 up
    link set guest0-far up
    link set docker0 up
    address add 172.17.0.1/16 dev docker0
"""
FOREIGN_NFT = """
table inet firewall {
    set friends { type ipv4_addr; elements = { 10.8.0.1 } ; }
    chain input {
        type filter hook input priority 0; policy accept;
        ip saddr @friends accept comment "of others"
    }
}
table bridge guests {
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "guest0" accept
    }
}
"""


def no_waiting(host: Namespace) -> None:
    """Addresses hold at once; one test shows that duplicate address detection does no harm."""
    for name in ("all", "default"):
        host.sysctl(f"net/ipv6/conf/{name}/accept_dad", "0")


def cable(host: Namespace, world: Namespace, name: str = "eth0", mac: str = MAC, mtu: int = 1500) -> None:
    """A network card of the host whose other end, of the same name, is in the world."""
    far = f"/proc/{os.getpid()}/fd/{world.net}"
    host.ip(f"link add {name} address {mac} mtu {mtu} type veth peer name {name} netns {far}")
    world.ip(f"link set {name} mtu {mtu} up")
    host.ip(f"link set {name} up")


def rich(host: Namespace) -> None:
    """The uplink eth0 with everything on it. It needs :func:`foreign`'s eth1 for a route of two legs."""
    host.ip(RICH)
    host.ip(RICH_RULES6, family="-6")


def foreign(host: Namespace) -> None:
    host.ip(FOREIGN)
    host.run("nft", "-f", "-", stdin=FOREIGN_NFT)
    host.sysctl("net/ipv4/ip_forward", "1")
    host.sysctl("net/ipv4/conf/eth1/proxy_arp", "1")
    host.write("/etc/network/interfaces.d/foreign", "# of others\n")


def router(world: Namespace) -> None:
    """The world answers as the gateways of the rich host's networks."""
    world.ip(
        """
        address add 10.1.0.1/24 dev eth0
        address add 10.1.0.9/24 dev eth0
        address add 2001:db8:1::1/64 nodad dev eth0
        address add 2001:db8:1::9/64 nodad dev eth0
        """
    )
