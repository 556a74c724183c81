# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taps as files of the network managers, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState, TapDevice
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.tap import Account, AppliedTap, Tap, remade
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vlan import VlanRange, untagged
from ansible_collections.hypervisor.vnet.plugins.module_utils.render import tap as render

PLAIN = AppliedTap("site", Tap("tap0"), "fe:00:00:00:00:01", 1500, "networkd")
FULL = AppliedTap(
    "mine",
    Tap("tap1", "br0", "qemu", "104", multi_queue=True, vnet_hdr=True, isolated=True, up=False),
    "fe:00:00:00:00:02",
    9000,
    "networkd",
    Account(64055, "qemu"),
    Account(104, "kvm"),
)
HEAD = "# Written by hypervisor.vnet for tap tap{} (owner {}); change it in the inventory, not here.\n"


def test_udev_gives_no_mac() -> None:
    brief = AppliedTap("site", Tap("tap9"), "fe:00:00:00:00:09", 1500, "none")
    head = "# Written by hypervisor.vnet for its taps; change them in the inventory, not here.\n[Match]\n"
    assert render.link_files({"tap1": FULL, "tap0": PLAIN, "tap9": brief}) == {
        "/etc/systemd/network/10-hypervisor-vnet-taps.link": FileState(
            f"{head}OriginalName=tap0\nOriginalName=tap1\n\n[Link]\nMACAddressPolicy=none\n"
        ),
        "/run/systemd/network/10-hypervisor-vnet-taps.link": FileState(f"{head}OriginalName=tap9\n\n[Link]\nMACAddressPolicy=none\n"),
    }


def test_networkd() -> None:
    assert render.networkd_files(PLAIN) == {
        "/etc/systemd/network/05-hypervisor-vnet-tap0.netdev": FileState(
            HEAD.format(0, "site") + "\n[NetDev]\nName=tap0\nKind=tap\n\n[Tap]\nMultiQueue=no\nVNetHeader=no\n"
        ),
        "/etc/systemd/network/05-hypervisor-vnet-tap0.network": FileState(
            HEAD.format(0, "site")
            + "\n[Match]\nName=tap0\n\n[Link]\nMACAddress=fe:00:00:00:00:01\nMTUBytes=1500\nRequiredForOnline=no\nActivationPolicy=up\n"
            + "\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n"
        ),
    }
    netdev, network = (file.content for file in render.networkd_files(FULL).values())
    assert netdev.endswith("Kind=tap\n\n[Tap]\nMultiQueue=yes\nVNetHeader=yes\nUser=qemu\nGroup=kvm\n")
    assert "ActivationPolicy=down\n\n[Network]\nBridge=br0\n" in network and network.endswith("\n\n[Bridge]\nIsolated=yes\n")


VLANS = replace(FULL, tap=replace(FULL.tap, vlans=(*untagged(7), VlanRange(10, 10), VlanRange(20, 29))))


def test_networkd_vlans() -> None:
    netdev, network = (file.content for file in render.networkd_files(VLANS).values())
    assert "VLAN" not in netdev
    assert network.endswith("\n\n[BridgeVLAN]\nVLAN=7\nEgressUntagged=7\nPVID=7\nVLAN=10\nVLAN=20-29\n")
    tagged = replace(VLANS, tap=replace(VLANS.tap, vlans=VLANS.tap.vlans[1:]))
    assert list(render.networkd_files(tagged).values())[1].content.endswith("[BridgeVLAN]\nVLAN=10\nVLAN=20-29\nPVID=no\n")


def test_ifupdown_vlans() -> None:
    (file,) = render.ifupdown_files(VLANS).values()
    assert (
        "master br0\n    pre-up ip link set dev tap1 type bridge_slave isolated on\n"
        "    pre-up bridge vlan del dev tap1 vid 1-4094\n    pre-up bridge vlan add dev tap1 vid 7 pvid untagged\n"
        "    pre-up bridge vlan add dev tap1 vid 10\n    pre-up bridge vlan add dev tap1 vid 20-29\n    up ip link"
    ) in file.content


def test_ifupdown() -> None:
    assert render.ifupdown_files(FULL) == {
        "/etc/network/interfaces.d/hypervisor-vnet-tap1": FileState(
            HEAD.format(1, "mine")
            + """
auto tap1
iface tap1 inet manual
    pre-up [ -d /sys/class/net/tap1 ] || ip tuntap add dev tap1 mode tap user qemu group kvm multi_queue vnet_hdr
    pre-up ip link set dev tap1 address fe:00:00:00:00:02 mtu 9000
    pre-up [ -d /sys/class/net/br0 ] || ifup br0 || true
    pre-up [ ! -e /proc/sys/net/ipv6/conf/tap1/addr_gen_mode ] || echo 1 > /proc/sys/net/ipv6/conf/tap1/addr_gen_mode
    pre-up ip link set dev tap1 master br0
    pre-up ip link set dev tap1 type bridge_slave isolated on
    up ip link set dev tap1 down
    post-down ip tuntap del dev tap1 mode tap multi_queue || true
"""
        )
    }
    plain = next(iter(render.ifupdown_files(PLAIN).values())).content
    assert "master" not in plain and "up ip link set dev tap0 up\n" in plain


def test_networkmanager() -> None:
    (path, file), *_rest = render.networkmanager_files(FULL).items()
    assert path == "/etc/NetworkManager/system-connections/hypervisor-vnet-tap1.nmconnection"
    assert file.mode == 0o600
    lines = file.content.splitlines()
    assert {"type=tun", "interface-name=tap1", "master=br0", "slave-type=bridge", "autoconnect=false"} <= {*lines}
    at = lines.index("[tun]")
    assert lines[at : at + 6] == ["[tun]", "mode=2", "multi-queue=true", "vnet-hdr=true", "owner=64055", "group=104"]
    assert "method=disabled" in next(iter(render.networkmanager_files(PLAIN).values())).content


# what is there, what was declared before, what is declared now, and whether that takes another tap
REMADE = [
    ("nothing differs", TapDevice(), Tap("tap0"), Tap("tap0"), False),
    ("somebody else's flags", TapDevice(persistent=False), Tap("tap0"), Tap("tap0"), True),
    ("queues", TapDevice(), Tap("tap0"), Tap("tap0", multi_queue=True), True),
    ("another user", TapDevice(user="qemu"), Tap("tap0"), Tap("tap0"), True),
    ("a header that QEMU asked for", TapDevice(vnet_hdr=True), Tap("tap0"), Tap("tap0"), False),
    ("a header that is declared now", TapDevice(), Tap("tap0"), Tap("tap0", vnet_hdr=True), True),
    ("a declared header that is there", TapDevice(vnet_hdr=True), Tap("tap0"), Tap("tap0", vnet_hdr=True), False),
]


@pytest.mark.parametrize(("what", "device", "known", "wanted", "anew"), REMADE, ids=[row[0] for row in REMADE])
def test_which_changes_take_another_tap(what: str, device: TapDevice, known: Tap, wanted: Tap, anew: bool) -> None:
    assert remade(wanted, "", "", known, device) is anew
