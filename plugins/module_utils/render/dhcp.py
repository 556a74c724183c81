# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The files of DHCP and DNS: dnsmasq's configuration, what it reads again without a restart, and the units that keep it running."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..model.dhcp import NO_ROUTER, UNIT_PREFIX, AppliedDhcp, Dhcp, DhcpHost, DhcpOption, Interface, leases_path, own_interfaces, unit_of
from ..model.state import FileState
from .boot import HEADER

FOLDER = "/etc/hypervisor-vnet/dhcp"
UNITS = "/etc/systemd/system"
TEMPLATE = f"{UNITS}/{UNIT_PREFIX}.service"
# dnsmasq's own limit; more must be said.
_LEASES, _MOST_LEASES = 1000, 65536
_PLAIN = re.compile(r"[A-Za-z0-9_.:/+-]+")

# dnsmasq drops all rights but those that DHCP needs by itself; the bounding set has what it drops them with, and not what it
# takes to signal it then (hence the plus sign).
_TEMPLATE = f"""{HEADER}
[Unit]
Description=DHCP and DNS of the network %i
Documentation=man:dnsmasq(8)
StartLimitIntervalSec=0

[Service]
Type=forking
ExecStart=dnsmasq --conf-file={FOLDER}/%i.conf
ExecReload=+kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
StateDirectory=hypervisor-vnet/dhcp
StateDirectoryMode=0700
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""


def config_path(name: str) -> str:
    return f"{FOLDER}/{name}.conf"


def hosts_path(name: str) -> str:
    return f"{FOLDER}/{name}.hosts"


def names_path(name: str) -> str:
    return f"{FOLDER}/{name}.names"


def dropin_path(name: str) -> str:
    return f"{UNITS}/{unit_of(name)}.d/bridge.conf"


def dhcp_files(networks: t.Mapping[str, AppliedDhcp]) -> dict[str, FileState]:
    """Every file of every network; none where there is no network."""
    files = {}
    for name, item in sorted(networks.items()):
        files[config_path(name)] = FileState(config_text(item))
        files[hosts_path(name)] = FileState(hosts_text(item.network))
        if item.network.dns:
            files[names_path(name)] = FileState(names_text(item.network))
        files[dropin_path(name)] = FileState(_dropin_text(item))
    if networks:
        files[TEMPLATE] = FileState(_TEMPLATE)
    return files


def hosts_text(network: Dhcp) -> str:
    """What ``dhcp-hostsfile`` takes, one host a line; read again at SIGHUP, where those that are gone are forgotten."""
    return _lines([HEADER, *(host_words(host) for host in network.hosts)])


def host_words(host: DhcpHost) -> str:
    """What ``dhcp-host=`` takes. By the MAC alone: the same guest has other client ids in its firmware, its installer and its system."""
    addresses = [f"[{text}]" if ":" in text else text for text in host.addresses]
    return ",".join([host.mac, "id:*", *addresses, *([host.name] if host.name else [])])


def names_text(network: Dhcp) -> str:
    """What ``addn-hosts`` takes: hosts are known by name before they have a lease, and when they need none."""
    lines = [f"{address} {host.name}" for host in network.hosts if host.name for address in host.addresses]
    lines += [f"{address} {record.name}" for record in network.records for address in record.addresses]
    return _lines([HEADER, *lines])


def config_text(item: AppliedDhcp) -> str:
    """dnsmasq.conf; nothing in it depends on single hosts or records, so that these change without a restart."""
    network, own = item.network, own_interfaces(item.addresses)
    lines = [HEADER, f"interface={network.bridge}", "except-interface=lo", "bind-dynamic", "pid-file", "no-hosts"]
    lines += [f"user={item.user}"] if item.user else []
    lines += _dns(network)
    lines += [f"dhcp-leasefile={leases_path(network.name)}", f"dhcp-hostsfile={hosts_path(network.name)}", "dhcp-authoritative"]
    most = min(sum(interface.network.num_addresses for interface in own), _MOST_LEASES)
    lines += [f"dhcp-lease-max={most}"] if most > _LEASES else []
    lines += [line for interface in own if interface.version == 4 for line in _subnet4(network, interface)]
    lines += ["dhcp-option=option:router"] if network.router == NO_ROUTER else []
    lines += [line for interface in own if interface.version == 6 for line in _subnet6(network, interface)]
    lines += _router_advertisements(network, own)
    lines += [f"dhcp-option=option:mtu,{network.mtu}"] if network.mtu else []
    lines += [_option(option) for option in network.options]
    return _lines(lines)


def _dns(network: Dhcp) -> list[str]:
    lines = [f"domain={network.domain}"] if network.domain else []
    if not network.dns:
        servers = {4: [text for text in network.forwarders if ":" not in text], 6: [text for text in network.forwarders if ":" in text]}
        lines += [f"dhcp-option=option:dns-server,{','.join(servers[4])}"] if servers[4] else []
        lines += [f"dhcp-option=option6:dns-server,{','.join(f'[{text}]' for text in servers[6])}"] if servers[6] else []
        return ["port=0", *lines]
    lines += ["expand-hosts"] if network.domain else []
    # No guest may call itself by a name that browsers and proxies look up by themselves (CERT VU#598349).
    lines += ["dhcp-name-match=set:wpad-ignore,wpad", "dhcp-ignore-names=tag:wpad-ignore"]
    lines += ["domain-needed", f"addn-hosts={names_path(network.name)}"]
    # Without forwarders it follows the host's own resolv.conf.
    everything = any(not text.startswith("/") for text in network.forwarders)
    return [*lines, *(["no-resolv"] if everything else []), *(f"server={text}" for text in network.forwarders)]


def _subnet4(network: Dhcp, interface: Interface) -> list[str]:
    net = interface.network
    inside = [pair for pair in network.ranges if ":" not in pair[0] and ipaddress.ip_address(pair[0]) in net]
    routed = network.router not in ("", NO_ROUTER) and ipaddress.ip_address(network.router) in net
    tag = "set:routed," if routed else ""
    pairs = [f"{first},{last}" for first, last in inside] or [f"{net.network_address},static"]
    lines = [f"dhcp-range={tag}{pair},{net.netmask},{network.lease_time}" for pair in pairs]
    return lines + ([f"dhcp-option=tag:routed,option:router,{network.router}"] if routed else [])


def _subnet6(network: Dhcp, interface: Interface) -> list[str]:
    """Guests that have an address of their own, or may not choose one, are told to ask for it (DHCPv6); others choose (SLAAC)."""
    net = interface.network
    inside = [pair for pair in network.ranges if ":" in pair[0] and ipaddress.ip_address(pair[0]) in net]
    hosts = any(ipaddress.ip_address(text) in net for host in network.hosts for text in host.addresses if ":" in text)
    advertised = network.ra is not False
    slaac = advertised and network.slaac is not False and net.prefixlen == 64
    words = f"{net.prefixlen},{network.lease_time}"
    if not inside and not hosts and slaac:
        return [f"dhcp-range={net.network_address},ra-stateless,{words}"]
    if not inside and not hosts and not advertised:
        return []
    pairs = [f"{first},{last}" for first, last in inside] or [f"{net.network_address},static"]
    return [f"dhcp-range={pair},{'slaac,' if slaac else ''}{words}" for pair in pairs]


def _router_advertisements(network: Dhcp, own: t.Sequence[Interface]) -> list[str]:
    if network.ra is False or all(interface.version == 4 for interface in own):
        return []
    mtu, no_router = f"mtu:{network.mtu}," if network.mtu else "", network.router == NO_ROUTER
    said = mtu or no_router
    return ["enable-ra", *([f"ra-param={network.bridge},{mtu}0{',0' if no_router else ''}"] if said else [])]


def _option(option: DhcpOption) -> str:
    kind = "dhcp-option-force" if option.force else "dhcp-option"
    number = f"option6:{option.number}" if option.family == 6 else str(option.number)
    return f"{kind}={','.join([number, *(_value(text) for text in option.values)])}"


def _value(text: str) -> str:
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _dropin_text(item: AppliedDhcp) -> str:
    """It comes and goes with its bridge, and waits for an address on it: only then does dnsmasq bind its DHCP socket to the bridge.

    systemd drops the start that a new device wants while the stop for the old one still goes on. So whatever was stopped because
    its bridge went, and not because somebody said so, starts itself again as soon as there is one.
    """
    bridge, address = item.network.bridge, min(own_interfaces(item.addresses), key=lambda interface: interface.version).ip
    device, folder = f"sys-subsystem-net-devices-{_escaped(bridge)}.device", f"{UNIT_PREFIX}{item.network.name}"
    there, began = f"/sys/class/net/{bridge}/ifindex", f"/run/{folder}/ifindex"
    wait = f"until ip -oneline address show dev {bridge} to {address} | grep -q .; do sleep 0.1; done"
    again = f"[ ! -e {began} ] || grep -qxf {began} {there} || systemctl --no-block start {unit_of(item.network.name)}"
    unit = ["[Unit]", f"BindsTo={device}", f"After={device}", ""]
    service = ["[Service]", f"RuntimeDirectory={folder}", f"ExecStartPre=sh -c 'cat {there} > {began}; {wait}'"]
    service += [f"ExecStopPost=-+sh -c '{again}'", ""]
    return _lines([HEADER, *unit, *service, "[Install]", f"WantedBy={device}"])


def _escaped(name: str) -> str:
    """As systemd-escape(1) spells a word in a unit's name."""
    return "".join(sign if sign.isalnum() or sign in "_:." else f"\\x{ord(sign):02x}" for sign in name)


def _lines(lines: t.Sequence[str]) -> str:
    return "\n".join([*lines, ""])
