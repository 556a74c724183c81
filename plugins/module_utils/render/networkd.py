# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A bridge as files of systemd-networkd: ``.netdev`` and ``.network`` of the bridge, ``.network`` of its uplink and ports.

The uplink's own file stays where it is; ours sorts before it, and networkd takes the first that matches. What it says about
layer 3 is repeated for the bridge as it is written there, what it says about the interface itself is repeated for the uplink.
"""

from __future__ import annotations

import re
import typing as t

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge, StaticRoute
from ..model.state import FileState

FOLDER = "/etc/systemd/network"
MARK = "hypervisor-vnet-"
# Tried in this order, until ours sorts before every file that it has to outdo.
PREFIXES = ("05-", "00-", "0-")

Section = tuple[str, tuple[tuple[str, str], ...]]

# systemd.network(5): what belongs to the interface and not to its addresses.
_UPLINK_SECTIONS = frozenset(
    "Link SR-IOV Bridge BridgeFDB BridgeMDB BridgeVLAN CAN IPoIB QDisc NetworkEmulator TokenBucketFilter PIE FlowQueuePIE StochasticFairBlue"
    " StochasticFairnessQueueing BFIFO PFIFO PFIFOHeadDrop PFIFOFast CAKE ControlledDelay DeficitRoundRobinScheduler"
    " DeficitRoundRobinSchedulerClass EnhancedTransmissionSelection GenericRandomEarlyDetection FairQueueingControlledDelay FairQueueing"
    " TrivialLinkEqualizer HierarchyTokenBucket HierarchyTokenBucketClass HeavyHitterFilter QuickFairQueueing QuickFairQueueingClass".split()
)
_UPLINK_KEYS = frozenset({"VLAN", "MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP", "LLDP", "EmitLLDP", "BindCarrier"})
# Being online is a matter of addresses, so it is asked of the bridge.
_ONLINE_KEYS = frozenset({"RequiredForOnline", "RequiredFamilyForOnline"})
# A port has its master from us.
_MASTER_KEYS = frozenset({"Bridge", "Bond", "BatmanAdvanced", "ActiveSlave", "PrimarySlave", "KeepMaster"})
_NAMING_KEYS = frozenset({"IncomingInterface", "OutgoingInterface", "UplinkInterface"})
_TOKEN_KEYS = frozenset({"Token", "IPv6Token"})
_NO_LAYER3 = (("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"))
_SHOWN_NAME_LENGTH = 15


def parse(text: str) -> list[Section]:
    """The sections of a systemd unit file in order, comments left out and continued lines joined."""
    sections: list[tuple[str, list[tuple[str, str]]]] = []
    pending = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith(("#", ";")):
            continue
        line, pending = (pending + line).strip(), ""
        if line.endswith("\\"):
            pending = line[:-1].rstrip() + " "
        elif line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1], []))
        elif sections and "=" in line:
            key, value = line.split("=", 1)
            sections[-1][1].append((key.strip(), value.strip()))
    return [(name, tuple(pairs)) for name, pairs in sections]


def uplink_sections(text: str) -> list[Section]:
    """What of an uplink's own file goes on to hold for it when it is a port."""
    kept: list[Section] = []
    for name, pairs in parse(text):
        if name == "Network":
            pairs = tuple(pair for pair in pairs if pair[0] in _UPLINK_KEYS)
        elif name == "Link":
            pairs = tuple(pair for pair in pairs if pair[0] not in _ONLINE_KEYS)
        elif name not in _UPLINK_SECTIONS:
            continue
        if pairs:
            kept.append((name, pairs))
    return kept


def bridge_sections(text: str, uplink: str, bridge: str, pinned: bool) -> list[Section]:
    """The layer 3 of an uplink's own file, for its bridge. ``pinned``: a token replaces those of the file."""
    kept: list[Section] = []
    for name, pairs in parse(text):
        if name == "Network":
            pairs = tuple(pair for pair in pairs if pair[0] not in _UPLINK_KEYS | _MASTER_KEYS)
        elif name == "Link":
            pairs = tuple(pair for pair in pairs if pair[0] in _ONLINE_KEYS)
        elif name == "Match" or name in _UPLINK_SECTIONS:
            continue
        if pinned:
            pairs = tuple(pair for pair in pairs if pair[0] not in _TOKEN_KEYS)
        renamed = (_renamed(key, value, uplink, bridge) for key, value in pairs)
        pairs = tuple(pair for pair in renamed if pair is not None)
        if pairs:
            kept.append((name, pairs))
    return kept


def _renamed(key: str, value: str, uplink: str, bridge: str) -> tuple[str, str] | None:
    """Values that name the uplink name the bridge; a label that would be too long is left out, as the kernel has no room for it."""
    if key in _NAMING_KEYS and value == uplink:
        return key, bridge
    if key == "MultiPathRoute":
        return key, re.sub(rf"@{re.escape(uplink)}(?=\s|$)", f"@{bridge}", value)
    if key == "Label" and (value == uplink or value.startswith(f"{uplink}:")):
        label = bridge + value[len(uplink) :]
        return (key, label) if len(label) <= _SHOWN_NAME_LENGTH else None
    return key, value


def file_name(prefix: str, link: str, kind: str = "network") -> str:
    return f"{prefix}{MARK}{link}.{kind}"


def network_file(name: str, bridge: AppliedBridge) -> str:
    """The base name of the bridge's own ``.network``."""
    return file_name(bridge.captured.get("prefix", PREFIXES[0]), name)


def bridge_files(name: str, bridge: AppliedBridge) -> dict[str, FileState]:
    """All files of one bridge."""
    prefix = bridge.captured.get("prefix", PREFIXES[0])
    header = f"# Written by hypervisor.vnet for bridge {name} (owner {bridge.owner}); change it in the inventory, not here."
    files = {
        file_name(prefix, name, "netdev"): _netdev(name, bridge),
        file_name(prefix, name): _bridge_network(name, bridge),
    }
    declared = bridge.bridge
    if declared.uplink:
        files[file_name(prefix, declared.uplink)] = _port_network(
            declared.uplink, name, uplink_sections(bridge.captured.get("network", ""))
        )
    for port in declared.ports:
        if port != declared.uplink:
            files[file_name(prefix, port)] = _port_network(port, name, [])
    return {f"{FOLDER}/{base}": FileState(text(header, sections)) for base, sections in files.items()}


def _netdev(name: str, bridge: AppliedBridge) -> list[Section]:
    settings = bridge.bridge.settings
    device = [("Name", name), ("Kind", "bridge"), ("MACAddress", bridge.mac)]
    mtu = bridge.bridge.mtu or int(bridge.captured.get("mtu", "0"))
    if mtu:
        device.append(("MTUBytes", str(mtu)))
    attributes = (
        ("STP", _yes(settings.stp)),
        ("ForwardDelaySec", str(settings.forward_delay)),
        ("Priority", str(settings.priority)),
        ("AgeingTimeSec", str(settings.ageing_time)),
        ("MulticastSnooping", _yes(settings.multicast_snooping)),
        ("VLANFiltering", _yes(settings.vlan_filtering)),
    )
    return [("NetDev", tuple(device)), ("Bridge", attributes)]


def _bridge_network(name: str, bridge: AppliedBridge) -> list[Section]:
    declared, captured = bridge.bridge, bridge.captured
    match: Section = ("Match", (("Name", name),))
    if declared.declared_profile:
        return [match, *_declared(declared), *_identity(bridge)]
    moved = bridge_sections(captured.get("network", ""), declared.uplink, name, "token" in captured) if declared.uplink else []
    if moved:
        return [match, *moved, *_identity(bridge)]
    # Nothing to wait for at boot, and nothing that needs a carrier.
    return [match, ("Link", (("RequiredForOnline", "no"),)), ("Network", (*_NO_LAYER3, ("ConfigureWithoutCarrier", "yes")))]


def _declared(bridge: Bridge) -> list[Section]:
    sections: list[Section] = []
    network: list[tuple[str, str]] = []
    if not bridge.uplink:
        # Without guests it has no carrier; its addresses must stand all the same, and nobody waits for it at boot.
        sections.append(("Link", (("RequiredForOnline", "no"),)))
        network.append(("ConfigureWithoutCarrier", "yes"))
    leases = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6"}.get((bridge.dhcp4, bridge.dhcp6))
    network += [("DHCP", leases)] if leases else []
    network.append(("IPv6AcceptRA", _yes(bridge.accept_ra)))
    network += [("Address", cidr) for cidr in bridge.addresses]
    network += [("Gateway", gateway) for gateway in (bridge.gateway4, bridge.gateway6) if gateway]
    network += [("DNS", server) for server in bridge.dns]
    network += [("Domains", " ".join(bridge.dns_search))] if bridge.dns_search else []
    sections.append(("Network", tuple(network)))
    sections += [_route(route) for route in bridge.routes]
    if bridge.dhcp6 and not bridge.accept_ra:
        sections.append(("DHCPv6", (("WithoutRA", "solicit"),)))
    if bridge.accept_ra and not bridge.dhcp6:
        sections.append(("IPv6AcceptRA", (("DHCPv6Client", "no"),)))
    return sections


def _route(route: StaticRoute) -> Section:
    six = ":" in (route.via or route.to)
    everything = "::/0" if six else "0.0.0.0/0"
    pairs = [("Destination", everything if route.to == "default" else route.to)]
    pairs += [("Gateway", route.via)] if route.via else [("Scope", "link")]
    pairs += [("Metric", str(route.metric))] if route.metric else []
    pairs += [("Table", route.table)] if route.table != "main" else []
    pairs += [("PreferredSource", route.source)] if route.source else []
    pairs += [("MTUBytes", str(route.mtu))] if route.mtu else []
    return ("Route", tuple(pairs))


def _identity(bridge: AppliedBridge) -> list[Section]:
    """Who the uplink was to DHCP servers and routers: networkd derives the IAID from an interface's name."""
    declared, captured = bridge.bridge, bridge.captured
    wanted = (
        ("iaid4", "DHCPv4", "IAID", declared.dhcp4),
        ("iaid6", "DHCPv6", "IAID", declared.dhcp6 or declared.accept_ra),
        ("token", "IPv6AcceptRA", "Token", declared.accept_ra),
    )
    found = ((name, section, key) for name, section, key, used in wanted if used or not declared.declared_profile)
    return [(section, ((key, captured[name]),)) for name, section, key in found if name in captured]


def _port_network(port: str, bridge: str, own: t.Sequence[Section]) -> list[Section]:
    link = [("RequiredForOnline", "no")] + [pair for name, pairs in own if name == "Link" for pair in pairs]
    network = [("Bridge", bridge), *_NO_LAYER3] + [pair for name, pairs in own if name == "Network" for pair in pairs]
    rest = [section for section in own if section[0] not in ("Link", "Network")]
    return [("Match", (("Name", port),)), ("Link", tuple(link)), ("Network", tuple(network)), *rest]


def text(header: str, sections: t.Iterable[Section]) -> str:
    """A file of systemd: the header, then its sections."""
    blocks = [header]
    blocks += ["\n".join([f"[{name}]", *(f"{key}={value}" for key, value in pairs)]) for name, pairs in sections]
    return "\n\n".join(blocks) + "\n"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
