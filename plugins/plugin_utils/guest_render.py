# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A guest's interfaces as the files and words that set them up inside the guest."""

from __future__ import annotations

import typing as t

import yaml

from ..module_utils.model.problem import Problem, Refused
from .guest_network import GuestInterface

_DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}


def cloud_init(interfaces: t.Sequence[GuestInterface], hostname: str) -> str:
    """cloud-init's network configuration, version 2, which netplan reads too once it stands below ``network:``."""
    ethernets = {interface.device: _ethernet(interface) for interface in interfaces}
    return yaml.safe_dump({"version": 2, "ethernets": ethernets}, sort_keys=False, default_flow_style=False)


def _ethernet(interface: GuestInterface) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    if interface.mac:
        found |= {"match": {"macaddress": interface.mac}, "set-name": interface.device}
    found |= {"dhcp4": interface.dhcp4, "dhcp6": interface.dhcp6}
    if interface.accept_ra is not None:
        found["accept-ra"] = interface.accept_ra
    if interface.addresses:
        found["addresses"] = [str(address) for address in interface.addresses]
    routes = []
    for version in (4, 6):
        if interface.gateway(version):
            on_link = {"on-link": True} if interface.on_link(version) else {}
            routes.append({"to": _DEFAULT[version], "via": interface.gateway(version), **on_link})
    if routes:
        found["routes"] = routes
    servers = {"addresses": list(interface.dns), "search": list(interface.dns_search)}
    if any(servers.values()):
        found["nameservers"] = {key: value for key, value in servers.items() if value}
    if interface.mtu:
        found["mtu"] = interface.mtu
    return found


def interfaces_file(interfaces: t.Sequence[GuestInterface], hostname: str) -> str:
    """For interfaces(5), to stand in /etc/network/interfaces.d; gateways that are no neighbours need ifupdown 0.8 or newer."""
    return "\n".join("\n".join(_stanzas(interface)) + "\n" for interface in interfaces)


def _stanzas(interface: GuestInterface) -> list[str]:
    lines = [f"auto {interface.device}"]
    shared = [f"dns-nameservers {' '.join(interface.dns)}"] if interface.dns else []
    shared += [f"dns-search {' '.join(interface.dns_search)}"] if interface.dns_search else []
    shared += [f"mtu {interface.mtu}"] if interface.mtu else []
    for version, family in ((4, "inet"), (6, "inet6")):
        accept_ra = [f"accept_ra {int(interface.accept_ra)}"] if version == 6 and interface.accept_ra is not None else []
        dhcp = interface.dhcp4 if version == 4 else interface.dhcp6
        if dhcp:
            lines += _stanza(f"iface {interface.device} {family} dhcp", [*accept_ra, *shared])
            shared, accept_ra = [], []
        for address in interface.of(version):
            first = address is interface.of(version)[0]
            gateway = [f"gateway {interface.gateway(version)}"] if first and interface.gateway(version) else []
            lines += _stanza(f"iface {interface.device} {family} static", [f"address {address}", *gateway, *accept_ra, *shared])
            shared, accept_ra = [], []
        if accept_ra:
            lines += _stanza(f"iface {interface.device} {family} {'auto' if interface.accept_ra else 'manual'}", accept_ra)
    return lines


def _stanza(head: str, options: t.Sequence[str]) -> list[str]:
    return [head, *(f"    {option}" for option in options)]


def ifcfg(interfaces: t.Sequence[GuestInterface], hostname: str) -> dict[str, str]:
    """File name -> text, for /etc/sysconfig/network-scripts. Raises Refused for a gateway that is no neighbour."""
    _refuse_far_gateways(interfaces, "an ifcfg file")
    return {f"ifcfg-{interface.device}": "".join(f"{line}\n" for line in _ifcfg_lines(interface)) for interface in interfaces}


def _ifcfg_lines(interface: GuestInterface) -> list[str]:
    lines = [f"DEVICE={interface.device}", "TYPE=Ethernet", "ONBOOT=yes"]
    lines += [f"HWADDR={interface.mac}"] if interface.mac else []
    lines += [f"BOOTPROTO={'dhcp' if interface.dhcp4 else 'none'}"]
    for index, address in enumerate(interface.of(4)):
        # The first has no number, the second has 1; NetworkManager and network-scripts agree on that.
        number = index or ""
        lines += [f"IPADDR{number}={address.ip}", f"PREFIX{number}={address.network.prefixlen}"]
    lines += [f"GATEWAY={interface.gateway4}"] if interface.gateway4 else []
    sixes = [str(address) for address in interface.of(6)]
    if sixes or interface.dhcp6 or interface.accept_ra:
        lines += ["IPV6INIT=yes", f"IPV6_AUTOCONF={'yes' if interface.accept_ra else 'no'}"]
    lines += [f"IPV6ADDR={sixes[0]}"] if sixes else []
    lines += [f'IPV6ADDR_SECONDARIES="{" ".join(sixes[1:])}"'] if sixes[1:] else []
    lines += [f"IPV6_DEFAULTGW={interface.gateway6}"] if interface.gateway6 else []
    lines += ["DHCPV6C=yes"] if interface.dhcp6 else []
    lines += [f"DNS{index}={server}" for index, server in enumerate(interface.dns, 1)]
    lines += [f'DOMAIN="{" ".join(interface.dns_search)}"'] if interface.dns_search else []
    return [*lines, f"MTU={interface.mtu}"] if interface.mtu else lines


def kernel(interfaces: t.Sequence[GuestInterface], hostname: str) -> str:
    """The kernel's ``ip=`` (Documentation/admin-guide/nfs/nfsroot.rst). Raises Refused for what it has no words for."""
    if len(interfaces) != 1:
        path = interfaces[0].place.rpartition("[")[0] if interfaces else ""
        raise Refused([Problem(path, f"{len(interfaces)} interfaces; the kernel's ip= sets up one, so hand over that one")])
    interface = interfaces[0]
    problems = []
    if interface.of(6) or interface.dhcp6 or interface.accept_ra or any(":" in server for server in interface.dns):
        problems.append(Problem(interface.place, "the kernel's ip= knows IPv4 only; leave IPv6 to what runs in the guest"))
    if len(interface.of(4)) > 1:
        problems.append(
            Problem(f"{interface.place}.addresses", "the kernel's ip= sets up one address; leave the others to what runs in the guest")
        )
    if len(interface.dns) > 2:
        problems.append(Problem(f"{interface.place}.dns", "the kernel's ip= has room for two DNS servers; leave the others out"))
    if problems:
        raise Refused(problems)
    _refuse_far_gateways(interfaces, "the kernel's ip=")
    if not interface.of(4):
        words = ["", "", "", "", hostname, interface.device, "dhcp"]
    else:
        address = interface.of(4)[0]
        words = [str(address.ip), "", interface.gateway4, str(address.netmask), hostname, interface.device, "off", *interface.dns]
    return f"ip={':'.join(words)}"


def _refuse_far_gateways(interfaces: t.Sequence[GuestInterface], what: str) -> None:
    problems = []
    for interface in interfaces:
        for version in (4, 6):
            gateway = interface.gateway(version)
            if gateway and interface.on_link(version):
                own = ", ".join(str(address) for address in interface.of(version))
                message = (
                    f"{gateway} is outside {own} and {what} cannot say that it is a neighbour; give the address the network's prefix length"
                )
                problems.append(Problem(f"{interface.place}.gateway{version}", message))
    if problems:
        raise Refused(problems)


FORMATS: t.Mapping[str, t.Callable[[t.Sequence[GuestInterface], str], str | dict[str, str]]] = {
    "cloud-init": cloud_init,
    "interfaces": interfaces_file,
    "ifcfg": ifcfg,
    "kernel": kernel,
}
