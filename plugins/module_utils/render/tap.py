# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Taps as files of the network managers: what makes each tap again after a reboot, in its bridge."""

from __future__ import annotations

import typing as t

from ..model.state import FileState
from ..model.tap import Account, AppliedTap
from ..model.vlan import VlanRange, Vlans, normal
from . import ifupdown, networkd, networkmanager
from .networkd import FOLDER, PREFIXES

# Before every distribution's own, which say that a MAC is what comes of the name and the machine's id.
LINK_FILE = "/systemd/network/10-hypervisor-vnet-taps.link"
_WRITTEN = "# Written by hypervisor.vnet for"


def networkd_files(applied: AppliedTap) -> dict[str, FileState]:
    """systemd.netdev(5) and systemd.network(5). Of a tap networkd takes MAC and MTU from the second only."""
    tap = applied.tap
    device = (("Name", tap.name), ("Kind", "tap"))
    options = [("MultiQueue", _yes(tap.multi_queue)), ("VNetHeader", _yes(tap.vnet_hdr))]
    options += [("User", applied.user.name)] if applied.user else []
    options += [("Group", applied.group.name)] if applied.group else []
    # Nobody waits at boot for a guest, and one that is not there yet gives no carrier.
    link = [("MACAddress", applied.mac), ("MTUBytes", str(applied.mtu)), ("RequiredForOnline", "no")]
    link += [("ActivationPolicy", "up" if tap.up else "down")]
    network = [("Bridge", tap.bridge)] if tap.bridge else []
    network += [("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"), ("ConfigureWithoutCarrier", "yes")]
    sections = [("Match", (("Name", tap.name),)), ("Link", tuple(link)), ("Network", tuple(network))]
    if tap.bridge:
        sections.append(("Bridge", (("Isolated", _yes(tap.isolated)),)))
    if tap.vlans:
        sections.append(("BridgeVLAN", _networkd_vlans(tap.vlans)))
    netdev = [("NetDev", device), ("Tap", tuple(options))]
    files = {"netdev": netdev, "network": sections}
    return {f"{FOLDER}/{networkd_name(tap.name, kind)}": FileState(networkd.text(_first(applied), parts)) for kind, parts in files.items()}


def _networkd_vlans(vlans: Vlans) -> tuple[tuple[str, str], ...]:
    """systemd.network(5), with PVID=no as systemd 256 has it."""
    lines = []
    for item in normal(vlans):
        numbers = str(VlanRange(item.first, item.last))
        lines += [("VLAN", numbers)]
        lines += [("EgressUntagged", numbers)] if item.untagged else []
        lines += [("PVID", numbers)] if item.pvid else []
    return (*lines, *([] if any(item.pvid for item in vlans) else [("PVID", "no")]))


def networkd_name(name: str, kind: str = "network") -> str:
    """The base name of a tap's file."""
    return networkd.file_name(PREFIXES[0], name, kind)


def ifupdown_files(applied: AppliedTap) -> dict[str, FileState]:
    """interfaces(5). Every line may run again, and a tap that a guest holds open outlives ifdown: the kernel says that it is busy."""
    tap, name = applied.tap, applied.tap.name
    words = [f"ip tuntap add dev {name} mode tap"]
    words += [f"user {applied.user.name}"] if applied.user else []
    words += [f"group {applied.group.name}"] if applied.group else []
    words += ["multi_queue"] if tap.multi_queue else []
    words += ["vnet_hdr"] if tap.vnet_hdr else []
    lines = [f"pre-up [ -d /sys/class/net/{name} ] || {' '.join(words)}"]
    lines.append(f"pre-up ip link set dev {name} address {applied.mac} mtu {applied.mtu}")
    if tap.bridge:
        # The bridge may stand further down in the files.
        lines += [f"pre-up [ -d /sys/class/net/{tap.bridge} ] || ifup {tap.bridge} || true"]
        lines += [f"pre-up {ifupdown.ipv6_line(name, 'addr_gen_mode', '1')}"]
        lines += [f"pre-up ip link set dev {name} master {tap.bridge}"]
        lines += [f"pre-up ip link set dev {name} type bridge_slave isolated on"] if tap.isolated else []
        # Whatever the bridge gave it.
        lines += [f"pre-up bridge vlan del dev {name} vid 1-4094"] if tap.vlans else []
        lines += [f"pre-up bridge vlan add dev {name} vid {item}" for item in normal(tap.vlans)]
    lines.append(f"up ip link set dev {name} {'up' if tap.up else 'down'}")
    queues = " multi_queue" if tap.multi_queue else ""
    lines.append(f"post-down ip tuntap del dev {name} mode tap{queues} || true")
    stanza = "".join(f"    {line}\n" for line in lines)
    return {ifupdown.own_path(name): FileState(f"{_first(applied)}\n\nauto {name}\niface {name} inet manual\n{stanza}")}


def networkmanager_files(applied: AppliedTap) -> dict[str, FileState]:
    """nm-settings-keyfile(5)."""
    tap, name = applied.tap, applied.tap.name
    connection = {
        "id": f"hypervisor-vnet-{name}",
        "uuid": networkmanager.bridge_uuid(name),
        "type": "tun",
        "interface-name": name,
        "autoconnect": "true" if tap.up else "false",
    }
    connection.update({"master": tap.bridge, "slave-type": "bridge"} if tap.bridge else {})
    options = {"mode": "2", "multi-queue": _true(tap.multi_queue), "vnet-hdr": _true(tap.vnet_hdr)}
    options.update(_numbers(owner=applied.user, group=applied.group))
    sections = {"connection": connection, "ethernet": {"cloned-mac-address": applied.mac, "mtu": str(applied.mtu)}, "tun": options}
    if tap.bridge:
        sections["bridge-port"] = {}
    else:
        sections.update({"ipv4": {"method": "disabled"}, "ipv6": {"method": "disabled"}})
    return {networkmanager.bridge_path(name): networkmanager.keyfile(_first(applied), sections)}


def link_files(taps: t.Mapping[str, AppliedTap]) -> dict[str, FileState]:
    """systemd.link(5): udev gives a new tap a MAC of its own, and whether before or after ours is a matter of luck.

    Taps that do not outlive a reboot stand in a file that does not either.
    """
    files = {}
    for folder, lasting in (("/etc", True), ("/run", False)):
        names = sorted(name for name, tap in taps.items() if (tap.persist != "none") is lasting)
        if names:
            lines = [
                f"{_WRITTEN} its taps; change them in the inventory, not here.",
                "[Match]",
                *(f"OriginalName={name}" for name in names),
            ]
            files[f"{folder}{LINK_FILE}"] = FileState("\n".join([*lines, "", "[Link]", "MACAddressPolicy=none", ""]))
    return files


def _numbers(**accounts: Account | None) -> dict[str, str]:
    return {key: str(account.number) for key, account in accounts.items() if account}


def _first(applied: AppliedTap) -> str:
    return f"{_WRITTEN} tap {applied.tap.name} (owner {applied.owner}); change it in the inventory, not here."


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _true(value: bool) -> str:
    return "true" if value else "false"
