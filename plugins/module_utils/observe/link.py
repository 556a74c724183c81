# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Interfaces from ``ip -json -details address`` (iproute2 5.10 and later)."""

from __future__ import annotations

import json
import typing as t

from ..model.address import FOREVER, Address
from ..model.state import BridgeSettings, Link, TapDevice

COMMAND = ("ip", "-json", "-details", "address", "show")


def parse_links(text: str) -> dict[str, Link]:
    """Name -> Link, in the kernel's order."""
    links = (_link(item) for item in json.loads(text or "[]") if item.get("ifname"))
    return {link.name: link for link in links}


def _link(item: dict[str, t.Any]) -> Link:
    info = item.get("linkinfo") or {}
    flags = item.get("flags") or []
    kind = info.get("info_kind", "")
    return Link(
        name=item["ifname"],
        index=item["ifindex"],
        kind=kind,
        type=item.get("link_type", ""),
        mac=item.get("address", ""),
        mtu=item.get("mtu", 0),
        up="UP" in flags,
        carrier="LOWER_UP" in flags,
        master=item.get("master", ""),
        lower=item.get("link") or "",
        bridge=_bridge(info.get("info_data") or {}) if kind == "bridge" else None,
        topology_change=bool((info.get("info_data") or {}).get("topology_change")),
        tap=_tap(info.get("info_data") or {}) if kind == "tun" else None,
        isolated=bool((info.get("info_slave_data") or {}).get("isolated")),
        group=str(item.get("group", "")),
        default_pvid=(info.get("info_data") or {}).get("vlan_default_pvid", 1),
        addresses=tuple(_address(address) for address in item.get("addr_info") or [] if address.get("local")),
    )


def _bridge(data: dict[str, t.Any]) -> BridgeSettings:
    # The kernel counts these times in hundredths of a second.
    return BridgeSettings(
        stp=bool(data.get("stp_state")),
        forward_delay=data.get("forward_delay", 0) // 100,
        priority=data.get("priority", 32768),
        ageing_time=data.get("ageing_time", 0) // 100,
        multicast_snooping=bool(data.get("mcast_snooping")),
        vlan_filtering=bool(data.get("vlan_filtering")),
        no_linklocal_learn=bool(data.get("no_linklocal_learn")),
    )


def _tap(data: dict[str, t.Any]) -> TapDevice | None:
    if data.get("type") != "tap":
        return None
    return TapDevice(
        persistent=bool(data.get("persist")),
        multi_queue=bool(data.get("multi_queue")),
        vnet_hdr=bool(data.get("vnet_hdr")),
        user=str(data.get("user", "")),
        group=str(data.get("group", "")),
    )


def _address(item: dict[str, t.Any]) -> Address:
    local = f"{item['local']}/{item['prefixlen']}"
    peer = f"{item['address']}/{item['prefixlen']}" if item.get("address") else ""
    return Address(
        cidr=f"{item['local']}/{32 if item['family'] == 'inet' else 128}" if peer else local,
        peer=peer,
        broadcast=item.get("broadcast", ""),
        scope=item.get("scope", "global"),
        label="" if item.get("label", "") == "" else item["label"],
        metric=item.get("metric", 0),
        noprefixroute=bool(item.get("noprefixroute")),
        mngtmpaddr=bool(item.get("mngtmpaddr")),
        dynamic=bool(item.get("dynamic")),
        nodad=bool(item.get("nodad")),
        protocol=str(item.get("protocol", "")),
        valid_lft=item.get("valid_life_time", FOREVER),
        preferred_lft=item.get("preferred_life_time", FOREVER),
    )
