# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network profiles of hosts, each written in the own format of the host's network manager.

static  two IPv4 addresses, one IPv6, default routes, DNS
rich    static and: a labelled address, routes with another gateway, table, source, metric and MTU, a policy rule, a
        permanent neighbour
dhcp    DHCPv4 and SLAAC (and DHCPv6 in a lab that is told to speak it)

eth1 is never configured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .world import (
    DOMAIN,
    EXTRA4,
    EXTRA6,
    NEIGHBOUR4,
    NEIGHBOUR_MAC,
    OTHER4,
    OTHER6,
    ROUTER4,
    ROUTER6,
    RULE_PRIORITY,
    TABLE,
    TABLE4,
    TUNED4,
    TUNED_METRIC,
    TUNED_MTU,
    Place,
)

PROFILES = ("static", "rich", "dhcp")
NM_UUID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class File:
    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Profile:
    name: str
    place: Place
    dhcp6: bool = False

    @property
    def rich(self) -> bool:
        return self.name == "rich"

    @property
    def dynamic(self) -> bool:
        return self.name == "dhcp"

    @property
    def addresses(self) -> tuple[str, ...]:
        """What a host that is ready has; leases are not known beforehand."""
        if self.dynamic:
            return ()
        place = self.place
        return (place.main4, place.second4, place.main6, *((place.labelled4,) if self.rich else ()))


def networkd(profile: Profile) -> list[File]:
    place = profile.place
    lines = ["[Match]", "Name=eth0", "", "[Network]"]
    if profile.dynamic:
        lines += ["DHCP=ipv4", "IPv6AcceptRA=yes"]
    else:
        lines += [f"Address={place.main4}/24", f"Address={place.second4}/24", f"Address={place.main6}/64"]
        lines += [f"Gateway={ROUTER4}", f"Gateway={ROUTER6}", f"DNS={ROUTER4}", f"Domains={DOMAIN}", "IPv6AcceptRA=no"]
    if profile.rich:
        lines += ["", "[Address]", f"Address={place.labelled4}/24", "Label=eth0:lab"]
        lines += ["", "[Route]", f"Destination={EXTRA4}", f"Gateway={OTHER4}"]
        lines += ["", "[Route]", f"Destination={EXTRA6}", f"Gateway={OTHER6}"]
        lines += ["", "[Route]", f"Destination={TABLE4}", f"Gateway={OTHER4}", f"Table={TABLE}"]
        lines += [f"PreferredSource={place.second4}"]
        lines += ["", "[Route]", f"Destination={TUNED4}", f"Gateway={OTHER4}", f"Metric={TUNED_METRIC}"]
        lines += [f"MTUBytes={TUNED_MTU}"]
        lines += ["", "[RoutingPolicyRule]", f"From={place.second4}", f"Table={TABLE}", f"Priority={RULE_PRIORITY}"]
        lines += ["", *_NETWORKD_NEIGHBOUR]
    return [File("etc/systemd/network/10-eth0.network", "\n".join(lines) + "\n")]


_NETWORKD_NEIGHBOUR = ("[Neighbor]", f"Address={NEIGHBOUR4}", f"LinkLayerAddress={NEIGHBOUR_MAC}")


def ifupdown(profile: Profile) -> list[File]:
    place = profile.place
    lines = ["source /etc/network/interfaces.d/*", "", "auto lo", "iface lo inet loopback", "", "auto eth0"]
    if profile.dynamic:
        lines += ["iface eth0 inet dhcp", ""]
        lines += ["iface eth0 inet6 dhcp", "    accept_ra 1", "    autoconf 1"] if profile.dhcp6 else ["iface eth0 inet6 auto"]
    else:
        lines += ["iface eth0 inet static", f"    address {place.main4}/24", f"    gateway {ROUTER4}"]
        # only read with the package resolvconf, but hosts have these lines all the same
        lines += [f"    dns-nameservers {ROUTER4}", f"    dns-search {DOMAIN}"]
        if profile.rich:
            lines += [f"    up ip route replace {EXTRA4} via {OTHER4} dev eth0"]
            lines += [f"    up ip route replace {TUNED4} via {OTHER4} dev eth0 metric {TUNED_METRIC} mtu {TUNED_MTU}"]
            lines += [f"    up ip neigh replace {NEIGHBOUR4} lladdr {NEIGHBOUR_MAC} nud permanent dev eth0"]
        lines += ["", "iface eth0 inet static", f"    address {place.second4}/24"]
        if profile.rich:
            # in this stanza, because a source address must exist before a route can name it
            lines += [f"    up ip route replace {TABLE4} via {OTHER4} dev eth0 src {place.second4} table {TABLE}"]
            rule = f"from {place.second4} table {TABLE} priority {RULE_PRIORITY}"
            lines += [f"    up ip rule add {rule} || true", f"    down ip rule del {rule} || true"]
        lines += ["", "iface eth0 inet6 static", f"    address {place.main6}/64", f"    gateway {ROUTER6}"]
        lines += ["    accept_ra 0"]
        if profile.rich:
            lines += [f"    up ip -6 route replace {EXTRA6} via {OTHER6} dev eth0"]
            lines += ["", "auto eth0:lab", "iface eth0:lab inet static", f"    address {place.labelled4}/24"]
    files = [File("etc/network/interfaces", "\n".join(lines) + "\n")]
    if not profile.dynamic:
        files.append(File("etc/resolv.conf", f"search {DOMAIN}\nnameserver {ROUTER4}\n"))
    return files


def networkmanager(profile: Profile) -> list[File]:
    place = profile.place
    lines = ["[connection]", "id=lan", f"uuid={NM_UUID}", "type=ethernet", "interface-name=eth0"]
    if profile.dynamic:
        lines += ["", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto"]
    else:
        lines += ["", "[ipv4]", "method=manual", f"address1={place.main4}/24,{ROUTER4}"]
        lines += [f"address2={place.second4}/24", f"dns={ROUTER4};", f"dns-search={DOMAIN};"]
        if profile.rich:
            lines += [f"route1={EXTRA4},{OTHER4}"]
            lines += [f"route2={TABLE4},{OTHER4}", f"route2_options=table={TABLE},src={place.second4}"]
            lines += [f"route3={TUNED4},{OTHER4},{TUNED_METRIC}", f"route3_options=mtu={TUNED_MTU}"]
            lines += [f"routing-rule1=priority {RULE_PRIORITY} from {place.second4} table {TABLE}"]
        lines += ["", "[ipv6]", "method=manual", f"address1={place.main6}/64,{ROUTER6}"]
        if profile.rich:
            lines += [f"route1={EXTRA6},{OTHER6}"]
    keyfile = File("etc/NetworkManager/system-connections/lan.nmconnection", "\n".join(lines) + "\n", 0o600)
    files = [keyfile, File("etc/NetworkManager/conf.d/lab.conf", "[main]\n# eth1 stays without a profile\nno-auto-default=*\n")]
    if profile.rich:
        # keyfiles know no labels and no neighbours: administrators do this in a dispatcher script. It goes by the
        # profile, not by the device, so it keeps its hands off a NIC that has become a port of a bridge.
        script = f"""\
#!/bin/sh
[ "$CONNECTION_UUID" = {NM_UUID} ] && [ "$2" = up ] || exit 0
ip address replace {place.labelled4}/24 brd + dev "$1" label "$1:lab"
ip neigh replace {NEIGHBOUR4} lladdr {NEIGHBOUR_MAC} nud permanent dev "$1"
"""
        files.append(File("etc/NetworkManager/dispatcher.d/50-lab", script, 0o755))
    return files


def netplan(profile: Profile) -> list[File]:
    place = profile.place
    lines = ["network:", "  version: 2", "  renderer: networkd", "  ethernets:", "    eth0:"]
    if profile.dynamic:
        lines += ["      dhcp4: true", "      accept-ra: true"] + (["      dhcp6: true"] if profile.dhcp6 else [])
    else:
        lines += ["      accept-ra: false", "      addresses:"]
        lines += [f"        - {address}" for address in (f"{place.main4}/24", f"{place.second4}/24", f"{place.main6}/64")]
        if profile.rich:
            lines += [f"        - {place.labelled4}/24:", '            label: "eth0:lab"']
        lines += ["      nameservers:", f"        addresses: [{ROUTER4}]", f"        search: [{DOMAIN}]", "      routes:"]
        lines += ["        - to: default", f"          via: {ROUTER4}"]
        lines += ["        - to: default", f'          via: "{ROUTER6}"']
        if profile.rich:
            lines += [f"        - to: {EXTRA4}", f"          via: {OTHER4}"]
            lines += [f'        - to: "{EXTRA6}"', f'          via: "{OTHER6}"']
            lines += [f"        - to: {TABLE4}", f"          via: {OTHER4}", f"          table: {TABLE}"]
            lines += [f"          from: {place.second4}"]
            lines += [f"        - to: {TUNED4}", f"          via: {OTHER4}", f"          metric: {TUNED_METRIC}"]
            lines += [f"          mtu: {TUNED_MTU}"]
            lines += ["      routing-policy:", f"        - from: {place.second4}", f"          table: {TABLE}"]
            lines += [f"          priority: {RULE_PRIORITY}"]
    files = [File("etc/netplan/01-lab.yaml", "\n".join(lines) + "\n", 0o600)]
    if profile.rich:  # netplan knows no neighbours: a drop-in for the unit it generates is its documented way
        text = "\n".join(_NETWORKD_NEIGHBOUR) + "\n"
        files.append(File("etc/systemd/network/10-netplan-eth0.network.d/neighbour.conf", text))
    return files


WRITERS: dict[str, Callable[[Profile], list[File]]] = {
    "networkd": networkd,
    "ifupdown": ifupdown,
    "nm": networkmanager,
    "netplan": netplan,
}
