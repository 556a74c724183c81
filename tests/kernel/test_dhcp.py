# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a network's DHCP under the real dnsmasq: who gets what, what a SIGHUP changes, and that two networks do not meet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from harness import Namespace

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcp import AppliedDhcp
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.dhcpread import read_dhcps
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.dhcp import config_path, dhcp_files

MAC = "52:54:00:00:00:01"
NET: dict[str, Any] = {
    "name": "net0",
    "bridge": "br0",
    "addresses": ["10.0.0.254/24", "2001:db8::1/64"],
    "ranges": ["10.0.0.100-10.0.0.109"],
    "domain": "lab.example",
    "lease_time": "2m",
}
# Told by busybox udhcpc to this script.
_TELL = '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mask $router $dns $domain $mtu $hostname"\nexit 0\n'


def awaited(condition: Callable[[], Any], limit: float = 10.0) -> Any:
    end = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)
    return found


def declare(host: Namespace, **network: Any) -> str:
    """Write the files of a network as the engine does; the path of dnsmasq's configuration."""
    (read,), problems = read_dhcps([{**NET, **network}])
    assert problems == []
    for path, file in dhcp_files({read.name: AppliedDhcp("site", read, read.addresses)}).items():
        host.write(path, file.content)
    return config_path(read.name)


class Server:
    """dnsmasq in a PID namespace, so that it ends with the test whoever it runs as."""

    def __init__(self, host: Namespace, **network: Any) -> None:
        self.host, self.network = host, network
        path = declare(host, **network)
        assert "syntax check OK" in host.run("dnsmasq", "--test", f"--conf-file={path}").stderr
        self.name = network.get("name", NET["name"])
        words = ["unshare", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", f"dnsmasq --keep-in-foreground --conf-file={path} & wait"]
        host.start(lambda: os.execvp(words[0], words))
        self.pid = awaited(self._find)
        awaited(lambda: "%" in host.run("ss", "-Hlunp", "sport", "=", "67").stdout)

    def _find(self) -> int:
        found = self.host.run(
            "pgrep", "--full", "--exact", f"dnsmasq --keep-in-foreground --conf-file={config_path(self.name)}", check=False
        )
        return int(found.stdout.split()[0]) if found.stdout else 0

    def change(self, **network: Any) -> None:
        self.network.update(network)
        declare(self.host, **self.network)
        self.host.run("kill", "-HUP", str(self.pid))


def bridge(host: Namespace, name: str = "br0", *addresses: str) -> None:
    host.ip(f"link add {name} type bridge\nlink set {name} up")
    host.sysctl(f"net/ipv6/conf/{name}/accept_dad", "0")
    for address in addresses or NET["addresses"]:
        host.ip(f"address add {address} dev {name}{' nodad' if ':' in address else ''}")


def guest(host: Namespace, world: Namespace, name: str, mac: str, master: str = "br0") -> None:
    """A card in the world, which is where the guests live."""
    far = f"/proc/{os.getpid()}/fd/{world.net}"
    host.ip(f"link add vif-{name} type veth peer name {name} address {mac} netns {far}\nlink set vif-{name} master {master} up")
    world.sysctl(f"net/ipv6/conf/{name}/accept_dad", "0")
    world.ip(f"link set {name} up")


def leased(world: Namespace, name: str) -> list[str]:
    world.write("/run/tell", _TELL)
    world.run("chmod", "+x", "/run/tell")
    words = ("-n", "-q", "-f", "-t", "20", "-T", "1", "-s", "/run/tell", "-O", "mtu")
    return world.run("busybox", "udhcpc", "-i", name, *words).stdout.split()


def answer(host: Namespace, name: str, server: str = "10.0.0.254") -> str:
    return host.run("busybox", "nslookup", "-type=a", name, server, check=False).stdout.partition("Name:")[2]


@pytest.fixture
def served(empty: Namespace) -> Namespace:
    """A host whose dnsmasq may write its leases."""
    bridge(empty)
    empty.call(lambda: os.makedirs("/var/lib/hypervisor-vnet/dhcp", 0o700))
    return empty


def test_a_guest_gets_what_is_declared_and_a_change_is_live(served: Namespace, world: Namespace) -> None:
    server = Server(served, mtu=1400, hosts=[{"mac": MAC, "addresses": ["10.0.0.7"], "name": "web"}])
    guest(served, world, "web", MAC)
    guest(served, world, "any", "52:54:00:00:00:02")
    assert leased(world, "web") == ["10.0.0.7", "24", "10.0.0.254", "10.0.0.254", "lab.example", "1400", "web"]
    dynamic = leased(world, "any")[0]
    assert dynamic.startswith("10.0.0.10")
    assert "10.0.0.7" in answer(served, "web.lab.example")
    awaited(lambda: "2001:db8::" in world.run("ip", "-6", "address", "show", "dev", "any").stdout)

    server.change(hosts=[{"mac": MAC, "addresses": ["10.0.0.8"], "name": "web"}], records=[{"name": "gw", "addresses": ["10.0.0.254"]}])
    awaited(lambda: "10.0.0.254" in answer(served, "gw.lab.example"))
    assert "10.0.0.8" in answer(served, "web.lab.example")
    assert (leased(world, "web")[0], leased(world, "any")[0]) == ("10.0.0.8", dynamic)
    server.change(hosts=[], records=[])
    awaited(lambda: "10.0.0.254" not in answer(served, "gw.lab.example"))
    assert leased(world, "web")[0].startswith("10.0.0.10")
    assert dynamic in served.read("/var/lib/hypervisor-vnet/dhcp/net0.leases")


def test_no_router_and_no_dns(served: Namespace, world: Namespace) -> None:
    Server(served, router="none", dns=False, domain="")
    guest(served, world, "any", "52:54:00:00:00:02")
    address, mask = leased(world, "any")[:2]
    assert address.startswith("10.0.0.10") and mask == "24"
    assert ":53 " not in served.run("ss", "-Hltun").stdout
    # Advertised: the prefix, and no way out.
    awaited(lambda: "2001:db8::" in world.run("ip", "-6", "address", "show", "dev", "any").stdout)
    assert "default" not in world.run("ip", "-6", "route", "show", "dev", "any").stdout


def test_two_networks_and_a_foreign_dnsmasq_do_not_meet(served: Namespace, world: Namespace) -> None:
    bridge(served, "br1", "10.1.0.254/24")
    other = {
        "name": "net1",
        "bridge": "br1",
        "addresses": ["10.1.0.254/24"],
        "ranges": ["10.1.0.100-10.1.0.109"],
        "domain": "other.example",
    }
    Server(served)
    Server(served, **other)
    guest(served, world, "here", "52:54:00:00:00:03")
    guest(served, world, "there", "52:54:00:00:00:04", "br1")
    assert leased(world, "here")[4:5] == ["lab.example"] and leased(world, "there")[4:5] == ["other.example"]
    listening = served.run("ss", "-Hltun").stdout
    assert "0.0.0.0%br0:67" in listening and "0.0.0.0%br1:67" in listening
    assert not any(wide in listening for wide in ("127.0.0.1:53", "0.0.0.0:53", "*:53", "[::]:53", "0.0.0.0:67"))
