# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that routes between a world and two networks with a guest each."""

from __future__ import annotations

import functools
import os

from harness import Namespace
from hosts import cable, foreign, no_waiting
from ping import ping
from talk import ask, serve

PORTS = (22, 53, 80, 8000, 8010)
HOST, WORLD, DMZ, DATA = "192.0.2.1", "192.0.2.99", "10.0.0.1", "10.1.0.1"
WORLD6, DMZ6, DATA6, HOST6 = "2001:db8:1::99", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:2::ff"


class Lab:
    """A router between a world and one guest in each of two networks."""

    def __init__(self, host: Namespace, world: Namespace, dmz: Namespace, data: Namespace) -> None:
        self.host, self.world, self.dmz, self.data = host, world, dmz, data

    def close(self) -> None:
        self.dmz.close()
        self.data.close()

    def open(self, who: Namespace, address: str, port: int, protocol: str = "tcp") -> bool:
        return bool(who.call(functools.partial(ask, address, port, protocol)))

    def shut(self, who: Namespace, address: str, port: int, protocol: str = "tcp") -> bool:
        return not who.call(functools.partial(ask, address, port, protocol, limit=0.3))

    def pings(self, who: Namespace, address: str) -> bool:
        (stream,) = who.call(functools.partial(ping, (address,), "/run/never", limit=0.02))
        return bool(stream.lost < stream.sent)


def routed_lab(empty: Namespace, world: Namespace, folders: tuple[str, str]) -> Lab:
    """The host forwards everything; all answer at PORTS. ``folders`` are empty ones for the guests."""
    dmz, data = (Namespace(folder) for folder in folders)
    every = {"host": empty, "world": world, "dmz": dmz, "data": data}
    for namespace in every.values():
        no_waiting(namespace)
    foreign(empty)
    empty.sysctl("net/ipv6/conf/all/forwarding", "1")
    cable(empty, world)
    empty.ip("address add 192.0.2.1/24 dev eth0\naddress add 2001:db8:1::1/64 nodad dev eth0")
    world.ip("address add 192.0.2.99/24 dev eth0\naddress add 2001:db8:1::99/64 nodad dev eth0\nroute add default via 192.0.2.1")
    world.ip("route add default via 2001:db8:1::1", family="-6")
    for guest, bridge, four, six in ((dmz, "dmz0", "10.0.0", "2001:db8:2::"), (data, "data0", "10.1.0", "2001:db8:3::")):
        far = f"/proc/{os.getpid()}/fd/{guest.net}"
        empty.ip(f"link add {bridge} type bridge\nlink set {bridge} up\naddress add {four}.254/24 dev {bridge}")
        empty.ip(f"address add {six}ff/64 nodad dev {bridge}")
        empty.ip(f"link add {bridge}-1 type veth peer name eth0 netns {far}\nlink set {bridge}-1 master {bridge} up")
        guest.ip(f"link set eth0 up\naddress add {four}.1/24 dev eth0\naddress add {six}1/64 nodad dev eth0")
        guest.ip(f"route add default via {four}.254")
        guest.ip(f"route add default via {six}ff", family="-6")
    for name, namespace in every.items():
        namespace.settle()
        namespace.start(functools.partial(serve, name, PORTS))
    return Lab(empty, world, dmz, data)
