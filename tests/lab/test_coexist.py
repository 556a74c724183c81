# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks beside Docker's rules and firewalld, and zones that never shut the controller out, on whole hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from answers import asked, telling
from product import Product
from spans import SOAK, some
from test_layouts import leased
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import REMOTE4, ROUTER4

HOSTS = dict(some(("cx12", ("d12-networkd", "static")), more=(("cx13", ("d13-nm", "static")),)))
MAC = "52:54:00:27:95:c0"
NETWORKS: list[dict[str, Any]] = [
    {
        "name": "vnat0",
        "layout": "nat",
        "addresses": ["10.0.0.254/16"],
        "dhcp": {"hosts": [{"mac": MAC, "addresses": ["10.0.2.1"], "name": "rhel4"}]},
        "forwards": [{"port": "5022", "to": "10.0.2.1", "to_port": "22"}],
    },
    {"name": "dmz", "layout": "brouter", "addresses": ["10.98.98.1/24"], "zone": "dmz"},
]
ZONES: dict[str, Any] = {
    "zones": [{"name": "world", "interfaces": ["eth0"]}],
    "policies": [{"from": "dmz", "to": "world", "allow": ["any"]}, {"from": "world", "to": "dmz", "allow": ["tcp/81"]}],
}
# What dockerd does when it starts, and when firewalld does, to which it talks: its users' chain stays as it is.
DOCKER = """[Unit]
Description=what dockerd does to iptables
After=firewalld.service
PartOf=firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=sh -c 'systemctl -q is-active firewalld && firewall-cmd --state; for t in iptables ip6tables; do $$t -P FORWARD DROP; $$t -N DOCKER-USER; \
$$t -C FORWARD -j DOCKER-USER || $$t -I FORWARD -j DOCKER-USER; \
$$t -C DOCKER-USER -j RETURN || $$t -A DOCKER-USER -j RETURN; done 2>/dev/null'

[Install]
WantedBy=multi-user.target
"""
UNDOCKER = (
    "for t in iptables ip6tables; do $t -P FORWARD ACCEPT; $t -F; $t -X; done; nft delete table ip filter; nft delete table ip6 filter"
)


@pytest.fixture
def host(fleet: Lab) -> Iterator[Machine]:
    (found,) = fleet
    before = found.snapshot()
    fleet.fabric.exec(["ip", "route", "replace", "10.98.98.0/24", "via", found.address])
    yield found
    fleet.fabric.exec(["ip", "route", "del", "10.98.98.0/24"])
    assert diff_snapshots(before, found.snapshot()) == []


def run(lab: Lab, host: Machine, *, check: bool = False, **options: Any) -> dict[str, Any]:
    document = {"networks": NETWORKS, **ZONES, "coexist": True, **options}
    result = Product(lab).module(host.name, "vnet_host", document, check=check)
    assert not result.get("failed"), result
    return result


def blockers(lab: Lab, host: Machine) -> list[str]:
    return [item["where"] for item in Product(lab).module(host.name, "vnet_info", {})["blockers"]]


def works(lab: Lab, host: Machine) -> dict[str, str]:
    """Who is seen as whom."""
    nat = Guest.plug(host, "vnat0", "rhel4", ["10.0.2.1/16"], "10.0.0.254", MAC)
    dmz = Guest.plug(host, "dmz", "mydomu", ["10.98.98.2/24"], "10.98.98.1")
    try:
        with telling(lab.fabric, 7000), telling(nat, 22), telling(dmz, 80), telling(dmz, 81):
            return {
                "DHCP": leased(nat),
                "nat guest, world": asked(nat, REMOTE4, 7000),
                "world, forward": asked(lab.fabric, host.address, 5022),
                "dmz, world": asked(dmz, REMOTE4, 7000),
                "world, dmz": asked(lab.fabric, "10.98.98.2", 80),
                "world, dmz, allowed port": asked(lab.fabric, "10.98.98.2", 81),
            }
    finally:
        nat.remove()
        dmz.remove()


def expected(host: Machine) -> dict[str, str]:
    return {
        "DHCP": "10.0.2.1",
        "nat guest, world": host.address,
        "world, forward": ROUTER4,
        "dmz, world": host.address,
        "world, dmz": "",
        "world, dmz, allowed port": ROUTER4,
    }


def served(host: Machine) -> bool:
    return host.exec(["systemctl", "is-active", "hypervisor-vnet-dhcp@vnat0.service"], check=False).stdout.strip() == "active"


def test_docker_and_firewalld_let_guests_pass(fleet: Lab, host: Machine) -> None:
    host.exec(["tee", "/etc/systemd/system/docker.service"], stdin=DOCKER)
    host.exec(["systemctl", "enable", "--now", "docker.service"])
    told = run(fleet, host, coexist=False)["warnings"]
    assert any("table ip filter (iptables), chain FORWARD, policy drop stops IPv4 packets from vnat0 to eth0" in line for line in told), (
        told
    )

    check, real = run(fleet, host, check=True), run(fleet, host)
    assert (check["diff"], check["commands"]) == (real["diff"], real["commands"])
    assert not [line for line in real.get("warnings", []) if "stop" in line]
    if SOAK:
        assert works(fleet, host) == expected(host)
        assert not run(fleet, host)["changed"]

    # Docker begins anew, as after somebody emptied everything.
    host.exec(["sh", "-c", UNDOCKER])
    host.exec(["systemctl", "restart", "docker.service"])
    assert blockers(fleet, host) == []

    # firewalld finds what was left for it. nftables, which it stops, would have taken every table of ours along.
    host.exec(["systemctl", "enable", "--now", "nftables.service"])
    host.exec(["systemctl", "enable", "--now", "firewalld.service"])
    wait_until(lambda: "vnet_nat" in host.exec(["nft", "list", "tables"]).stdout, 10, "our tables are back")
    assert works(fleet, host) == expected(host)
    again = run(fleet, host)
    assert not again["changed"] and not [line for line in again.get("warnings", []) if "stop" in line], again
    if SOAK:
        host.exec(["systemctl", "restart", "firewalld.service"])
        wait_until(lambda: blockers(fleet, host) == [], 10, "exemptions are back")
        assert works(fleet, host) == expected(host)

    host.exec(["systemctl", "disable", "nftables.service"])
    host.reboot(strict=False)
    wait_until(lambda: served(host), 20, "DHCP is served again")
    assert works(fleet, host) == expected(host)
    assert not run(fleet, host)["changed"] and host.failed_units() == []

    # What firewalld was told for the moment only would be gone with its reload.
    host.exec(["firewall-cmd", "--zone=public", "--add-port=8080/tcp"])
    document = {"networks": NETWORKS, **ZONES, "coexist": False}
    refused = Product(fleet).module(host.name, "vnet_host", document)
    assert "public: ports: 8080/tcp" in refused["msg"] and "--runtime-to-permanent" in refused["msg"], refused
    host.exec(["firewall-cmd", "--reload"])
    assert run(fleet, host, state="absent", zones=[{"name": "world"}])["changed"]
    assert "hypervisor-vnet" not in host.exec(["firewall-cmd", "--get-policies"]).stdout
    host.exec(["systemctl", "disable", "--now", "firewalld.service", "docker.service"])
    host.exec(["rm", "/etc/systemd/system/docker.service"])
    host.exec(["sh", "-c", UNDOCKER])


def test_zones_leave_the_controller_its_way(fleet: Lab, host: Machine) -> None:
    to_host = [{"from": "world", "to": "host", "allow": ["tcp/22", "icmp"]}, {"from": "dmz", "to": "host"}]
    filtered = {"coexist": False, "policies": [*ZONES["policies"], *to_host]}
    assert run(fleet, host, **filtered)["changed"] and not run(fleet, host, **filtered)["changed"]
    host.exec(["systemctl", "start", "nftables.service"])
    host.exec(["systemctl", "reload", "nftables.service"])
    assert works(fleet, host) == expected(host)

    closed = {"networks": NETWORKS, **ZONES, "policies": [{"from": "world", "to": "host", "allow": ["tcp/80"]}]}
    refused = Product(fleet).module(host.name, "vnet_host", closed)
    assert refused["failed"] and "add tcp/22 to allow of the policy from world to host" in refused["msg"], refused
    host.exec(["systemctl", "stop", "nftables.service"])
    assert run(fleet, host, state="absent", zones=[{"name": "world"}], policies=filtered["policies"])["changed"]
