# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every inventory in examples/, unchanged, on a host like the one that it describes.

Each is looked at, done, done again, rebooted, done again and taken away, by `ansible-playbook hypervisor.vnet.site`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from answers import asked, telling
from conftest import new_lab
from product import ROOT, Product
from spans import SOAK, some
from vnet_lab.guest import Guest
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots
from vnet_lab.util import wait_until
from vnet_lab.world import REMOTE4

SITE, TEARDOWN = "hypervisor.vnet.site", "hypervisor.vnet.teardown"
Links = dict[str, dict[str, Any]]

# The KVM host: a NIC that is called ens1f0, and the address that its inventory names.
KVM_NIC = "[Match]\nOriginalName=eth1\n\n[Link]\nName=ens1f0\n"
KVM_NETWORK = "[Match]\nName=ens1f0\n\n[Network]\nAddress=10.20.190.2/24\nGateway=10.20.190.1\nDNS=8.8.8.8\nIPv6AcceptRA=no\n"


# A domain of libvirt that does not run, with a card that nobody declares.
MYDOMU = """\
<domain type='qemu'><name>mydomu</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os><devices>
<interface type='network'><mac address='aa:cc:00:00:00:02'/><source network='default'/></interface></devices></domain>
"""


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """A lab for one example: two of them call their host xen1."""
    with new_lab("example") as made:
        yield made


def links_of(host: Machine) -> Links:
    return {link["ifname"]: link for link in json.loads(host.exec(["ip", "-json", "-details", "address", "show"]).stdout)}


def addresses_of(link: dict[str, Any]) -> list[str]:
    return [f"{item['local']}/{item['prefixlen']}" for item in link["addr_info"] if item["scope"] == "global"]


def settings_of(link: dict[str, Any]) -> tuple[int, int]:
    """STP and the forward delay in seconds."""
    data = link["linkinfo"]["info_data"]
    return data["stp_state"], data["forward_delay"] // 100


def walk(lab: Lab, example: str, host: Machine, holds: Callable[[Links], None], address: str = "", reboots: bool = True) -> None:
    """All that every example goes through; check mode and a second run before the reboot only in `make soak`.

    ``address``: where ansible logs in, when the example does not know it. ``reboots``: false where another test reboots such a host.
    """
    product = Product(lab)

    def changed(*words: str) -> int:
        where = {"ansible_host": address} if address else {}
        played = product.playbook("-i", str(ROOT / "examples" / example), "--limit", host.name, *words, variables=where)
        assert played.rc == 0, played.output[-6000:]
        return played.recap[host.name]["changed"]

    before = host.snapshot()
    if SOAK:
        assert changed(SITE, "--check", "--diff") == 1
        assert diff_snapshots(before, host.snapshot()) == []
    assert changed(SITE) == 1
    holds(links_of(host))
    if SOAK:
        assert changed(SITE) == 0
    if reboots or SOAK:
        host.reboot(strict=False)
        wait_until(lambda: _stands(host, holds), 20, "the bridges stand again")
    assert changed(SITE) == 0
    if SOAK:
        assert changed(TEARDOWN, "--check") == 1
    assert changed(TEARDOWN) == 1
    assert diff_snapshots(before, host.snapshot()) == []


def _stands(host: Machine, holds: Callable[[Links], None]) -> bool:
    """Systemd calls a host running before its network manager has set every address."""
    try:
        holds(links_of(host))
    except (AssertionError, KeyError):
        return False
    return True


@pytest.mark.parametrize("kind", some("d12-ifupdown", more=("d13-networkd",)))
def test_two_nic_xen(own_lab: Lab, kind: str) -> None:
    host = own_lab.start("xen1", kind)
    had = addresses_of(links_of(host)["eth0"])

    def holds(links: Links) -> None:
        assert (links["eth0"]["master"], links["eth1"]["master"]) == ("xenbr0", "xenbr1")
        assert addresses_of(links["eth0"]) == addresses_of(links["eth1"]) == addresses_of(links["xenbr1"]) == []
        assert sorted(addresses_of(links["xenbr0"])) == sorted(had)
        assert settings_of(links["xenbr0"]) == settings_of(links["xenbr1"]) == (0, 0)

    walk(own_lab, "two-nic-xen", host, holds, host.address, reboots=False)


def test_multiple_bridges(own_lab: Lab) -> None:
    host = own_lab.start("xen1", "d13-nm")
    had = addresses_of(links_of(host)["eth0"])

    def holds(links: Links) -> None:
        assert links["eth0"]["master"] == "xenbr0"
        assert sorted(addresses_of(links["xenbr0"])) == sorted(had)
        assert addresses_of(links["xenbr1"]) == []
        assert [name for name, link in links.items() if link.get("master") == "xenbr1"] == []

    walk(own_lab, "multiple-bridges", host, holds, host.address, reboots=False)


def test_kvm_br0(own_lab: Lab) -> None:
    """Ansible logs in at the address of the inventory, through the NIC that becomes the uplink."""
    host = own_lab.start("kvm1", "d12-networkd")
    own_lab.fabric.exec(["ip", "address", "add", "10.20.190.1/24", "dev", "wan"])
    host.exec(["tee", "/etc/systemd/network/10-ens1f0.link"], stdin=KVM_NIC)
    host.exec(["tee", "/etc/systemd/network/10-ens1f0.network"], stdin=KVM_NETWORK)
    # its only way to the world is the other one
    host.exec(["sed", "-i", "/^Gateway=/d; /^DNS=/d; /^Domains=/d", "/etc/systemd/network/10-eth0.network"])
    host.reboot(strict=False)
    wait_until(lambda: "10.20.190.2/24" in addresses_of(links_of(host).get("ens1f0", {"addr_info": []})), 20, "the NIC is configured")
    host.wait_ready(strict=False)

    def holds(links: Links) -> None:
        assert links["ens1f0"]["master"] == "br0"
        assert addresses_of(links["br0"]) == ["10.20.190.2/24"]
        assert settings_of(links["br0"]) == (1, 2)
        route = json.loads(host.exec(["ip", "-json", "route", "show", "default"]).stdout)
        assert [(item["dev"], item["gateway"]) for item in route] == [("br0", "10.20.190.1")]
        assert "8.8.8.8" in host.exec(["resolvectl", "dns", "br0"]).stdout

    walk(own_lab, "kvm-br0", host, holds, reboots=False)


@pytest.mark.parametrize(("name", "kind", "here"), some(("kvm2", "d12-ifupdown", "mail-0"), more=(("kvm1", "d13-networkd", "cache-0"),)))
def test_kvm_guests(own_lab: Lab, name: str, kind: str, here: str) -> None:
    host = own_lab.start(name, kind)
    elsewhere = {"cache-0": "mail-0", "mail-0": "cache-0"}[here]

    def holds(links: Links) -> None:
        assert links["web-0"]["master"] == links["eth0"]["master"] == "br0"
        assert links["web-1"]["master"] == "br1" and links["web-1"]["linkinfo"]["info_slave_data"]["isolated"]
        assert links[here]["operstate"] == "DOWN" and elsewhere not in links
        ports = host.exec(["nft", "list", "set", "bridge", "vnet_guard", "from_guest"]).stdout
        assert all(f'"{port}"' in ports for port in ("web-0", "web-1", here))
        assert "tbf 766e: root refcnt 2 rate 100Mbit" in host.exec(["tc", "qdisc", "show", "dev", "web-1"]).stdout
        assert "web-1 br1 up on" in host.exec(["cat", "/etc/hypervisor-vnet/taps"]).stdout

    walk(own_lab, "kvm-guests", host, holds, host.address)


@pytest.mark.skipif(not SOAK, reason="the host without a guest of an example that is run: make soak")
def test_kvm_host_without_a_guest(own_lab: Lab) -> None:
    """None of the declared guests may run here, and prune takes that for what is meant."""
    host = own_lab.start("kvm3", "d12-networkd")

    def holds(links: Links) -> None:
        assert (links["eth0"]["master"], addresses_of(links["br1"])) == ("br0", ["10.98.98.1/24"])
        assert "web-0" not in links

    walk(own_lab, "kvm-guests", host, holds, host.address)


# Bridge, a guest in it with its router, who is seen as the host.
ROUTED = {
    "network-nat": ("xen1", "d12-networkd", "vnat0", "10.0.2.1/16", "10.0.0.254"),
    "brouter": ("xen1", "d13-nm", "dmz", "10.98.98.2/24", "10.98.98.1"),
    "kvm-nat": ("kvm1", "d13-networkd", "virbr1", "192.168.122.10/24", "192.168.122.1"),
}


@pytest.mark.parametrize("example", ROUTED)
def test_routed(own_lab: Lab, example: str) -> None:
    name, kind, bridge, address, router = ROUTED[example]
    host = own_lab.start(name, kind)

    def holds(links: Links) -> None:
        assert addresses_of(links[bridge])[0].split("/")[0] == router
        guest = Guest.plug(host, bridge, "guest", [address], router)
        try:
            assert asked(guest, REMOTE4, 7000) == host.address
        finally:
            guest.remove()

    with telling(own_lab.fabric, 7000):
        walk(own_lab, example, host, holds, host.address)


@pytest.mark.parametrize("kind", some("d13-libvirt", more=("d12-libvirt",)))
def test_kvm_libvirt(own_lab: Lab, kind: str) -> None:
    """Guests of both networks reach the world, and the world reaches the one that a port leads to."""
    host = own_lab.start("kvm1", kind)
    # What libvirt leaves of a network that ran once is no trace of ours, nor is how it writes a definition that it takes.
    host.exec(["virsh", "net-define", "/dev/stdin"], stdin=host.exec(["virsh", "net-dumpxml", "--inactive", "default"]).stdout)
    host.exec(["virsh", "net-start", "default"])
    host.exec(["virsh", "net-autostart", "default"])
    host.exec(["virsh", "define", "/dev/stdin"], stdin=MYDOMU)

    def holds(links: Links) -> None:
        assert (addresses_of(links["virbr0"]), addresses_of(links["virbr1"])) == (["192.168.122.1/24"], ["10.98.98.1/24"])
        assert host.exec(["busybox", "nslookup", "mydomu", "10.98.98.1"], check=False).stdout.count("10.98.98.2") == 1
        stored = host.exec(["virsh", "domiflist", "--inactive", "mydomu"]).stdout
        assert [line.split() for line in stored.splitlines() if "mydomu-0" in line] == [
            ["mydomu-0", "network", "dmz", "virtio", "aa:cc:00:00:00:01"]
        ]
        guests = [
            Guest.plug(host, "virbr0", "one", ["192.168.122.9/24"], "192.168.122.1"),
            Guest.plug(host, "virbr1", "mydomu", ["10.98.98.2/24"], "10.98.98.1", "aa:cc:00:00:00:01"),
        ]
        try:
            for guest in guests:
                wait_until(lambda guest=guest: asked(guest, REMOTE4, 7000) == host.address, 10, f"{guest.name} reaches the world")
            with telling(guests[1], 80):
                assert asked(own_lab.fabric, host.address, 8080)
        finally:
            for guest in guests:
                guest.remove()

    with telling(own_lab.fabric, 7000):
        walk(own_lab, "kvm-libvirt", host, holds, host.address)


@pytest.mark.parametrize("kind", some("d12-ifupdown", more=("d12-networkd", "d13-networkd", "d13-nm")))
def test_network_route(own_lab: Lab, kind: str) -> None:
    """The world looks for the guest on its own wire, of both families; its vif appears when all is done, and after the reboot."""
    host = own_lab.start("xen1", kind)
    for address in ("192.168.42.60/24", "2001:db8:42::60/64"):
        own_lab.fabric.exec(["ip", "address", "add", address, "dev", "lan", *(["nodad"] if ":" in address else [])])

    def holds(links: Links) -> None:
        guest = Guest.plug(host, "", "guest", ["192.168.42.190/24", "2001:db8:42::190/128"], "192.168.42.1", port="n1")
        try:
            guest.exec(["ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0"])
            with telling(guest, 80):
                for world, own in (("192.168.42.60", "192.168.42.190"), ("2001:db8:42::60", "2001:db8:42::190")):
                    wait_until(lambda own=own, world=world: asked(own_lab.fabric, own, 80) == world, 10, f"the world reaches {own}")
                    assert asked(guest, world, 7000) == own
                assert asked(guest, REMOTE4, 7000) == "192.168.42.190"
        finally:
            guest.remove()

    with telling(own_lab.fabric, 7000):
        walk(own_lab, "network-route", host, holds, host.address)


@pytest.mark.parametrize("kind", some("d13-nm", more=("d12-networkd", "d12-ifupdown", "d13-networkd")))
def test_vif_nat(own_lab: Lab, kind: str) -> None:
    """RHEL4 of the example, configured as its administrator had it, behind a vif that appears later."""
    host = own_lab.start("xen1", kind)

    def holds(links: Links) -> None:
        guest = Guest.plug(host, "", "rhel4", ["10.0.0.1/24"], "10.0.0.128", "00:16:3e:27:95:c0", port="vif1.0")
        try:
            wait_until(lambda: asked(guest, REMOTE4, 7000) == host.address, 10, "the guest reaches the world")
            assert addresses_of(links_of(host)["vif1.0"]) == ["10.0.0.128/32"]
        finally:
            guest.remove()

    with telling(own_lab.fabric, 7000):
        walk(own_lab, "vif-nat", host, holds, host.address)


def test_every_example_is_run_here() -> None:
    assert sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir()) == [
        "brouter",
        "kvm-br0",
        "kvm-guests",
        "kvm-libvirt",
        "kvm-nat",
        "multiple-bridges",
        "network-nat",
        "network-route",
        "two-nic-xen",
        "vif-nat",
    ]
