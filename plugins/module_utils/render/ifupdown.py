# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""One bridge as interfaces(5): our own file in /etc/network/interfaces.d.

The bridge is made by ``pre-up ip link add``, with and without the package bridge-utils (whose hook sleeps). ifdown runs the
stanzas of an interface in the order of the file, so what makes the bridge stands in its first stanza and what removes it in
its last one. Every line may run again: a line that fails stops ifup half-way.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..model.applied import AppliedBridge
from ..model.bridge import Bridge, StaticRoute
from ..model.ifupdown import COMMANDS, Line, Stanza, is_of, parse
from ..model.state import FileState

PREFIX = "/etc/network/interfaces.d/hypervisor-vnet-"
# What the memory says beside what was captured: a router by IPv6 lives by router advertisements here.
ROUTER = "router"
# Of accept_ra (ip-sysctl.rst): also while forwarding.
_ROUTERS = "2"

# Options of an interface itself: they stay with it when its addresses move to a bridge.
_HARDWARE = re.compile(r"(mtu|hwaddress|slaves|(bond|vlan|ethernet|link|offload|hardware|driver|wireless|wpa|gro|rx|tx)[-_].*)")
# Those of them that make the interface, after its own pre-up lines.
_MAKES = re.compile(r"slaves|bond[-_]|vlan[-_]raw")
# The same for commands: ethtool and ip-link(8) work on the interface, whoever has its addresses.
_HARDWARE_COMMAND = re.compile(r"(^|[\s;&|/])(ethtool|mii-tool|iw|iwconfig|tc|ip\s+(-\S+\s+)*l(i(n(k)?)?)?)\s|/sys/class/net/")
_LAYER3_COMMAND = re.compile(r"(^|[\s;&|/])ip\s+(-\S+\s+)*(a|ad|addr|address|r|ro|route|ru|rule|n|neigh|neighbour|neighbor|token)\s")


def own_path(bridge: str) -> str:
    return PREFIX + bridge


def own_file(name: str, applied: AppliedBridge) -> FileState:
    """Our own file of one bridge, from what was applied alone."""
    bridge = applied.bridge
    head = f"# Written by hypervisor.vnet for bridge {name} (owner {applied.owner}); change it in the inventory, not here.\n"
    kept = parse(applied.captured.get("stanzas", ""))
    links = [link for link in (bridge.uplink, *bridge.ports) if link]
    parts = [head, *(_port_stanza(name, link, applied, kept) for link in links)]
    router = ROUTER in applied.captured
    moved = _moved(name, bridge.uplink, kept, router) if bridge.moves_profile else []
    stanzas = moved if bridge.moves_profile else declared_stanzas(bridge, accepted(applied))
    own = [stanza for stanza in stanzas if stanza[0].split()[1] == name] or [[f"iface {name} inet manual"]]
    own[0][1:1] = [f"pre-up {line}" for line in _make_lines(name, applied, links)]
    own[-1] += [f"post-down {line}" for line in _remove_lines(name, links)]
    parts.append("".join([f"auto {name}\n", *(_text(stanza) for stanza in own)]))
    raised = applied.captured.get("auto", "").split()
    for stanza in stanzas:
        alias = stanza[0].split()[1]
        if alias != name:
            parts.append((f"auto {alias}\n" if alias in raised else "") + _text(stanza))
            raised = [other for other in raised if other != alias]
    return FileState("\n".join(parts))


def _text(lines: t.Sequence[str]) -> str:
    return "".join([lines[0] + "\n", *(f"    {line}\n" for line in lines[1:])])


def _make_lines(name: str, applied: AppliedBridge, links: t.Sequence[str]) -> list[str]:
    settings, captured = applied.bridge.settings, applied.captured
    words = ["ip link add name", name, "address", applied.mac]
    mtu = applied.bridge.mtu or int(captured.get("mtu", "1500"))
    if mtu != 1500:
        words += ["mtu", str(mtu)]
    words += ["type bridge stp_state", str(int(settings.stp)), "forward_delay", str(settings.forward_delay * 100)]
    words += ["priority", str(settings.priority), "ageing_time", str(settings.ageing_time * 100)]
    words += ["mcast_snooping", str(int(settings.multicast_snooping))]
    if settings.vlan_filtering:
        words += ["vlan_filtering", "1"]
    lines = [f"[ -d /sys/class/net/{name}/bridge ] || " + " ".join(words)]
    lines += [ipv6_line(name, *pair) for pair in _ipv6_life(applied)]
    for link in links:
        # ifup first: a bond or VLAN is made by its own stanza. It may be missing or appear later; the bridge serves its guests all the same.
        lines += [f"ifup {link} || true", f"ip link set dev {link} master {name} up || true"]
    return lines


def _ipv6_life(applied: AppliedBridge) -> list[tuple[str, str]]:
    """What differs from the kernel's defaults before the stanzas say more."""
    bridge = applied.bridge
    if bridge.moves_profile:
        defaults = {"accept_ra": "1", "addr_gen_mode": "0"}
        return [(key, applied.captured[key]) for key in sorted(defaults) if applied.captured.get(key, defaults[key]) != defaults[key]]
    life = [("accept_ra", accepted(applied) if bridge.accept_ra else "0")]
    return life if bridge.declared_profile else [*life, ("addr_gen_mode", "1")]


def ipv6_line(link: str, key: str, value: str) -> str:
    """Nothing to do where the kernel has no IPv6, or not yet this interface."""
    path = f"/proc/sys/net/ipv6/conf/{link}/{key}"
    return f"[ ! -e {path} ] || echo {value} > {path}"


def _remove_lines(name: str, links: t.Sequence[str]) -> list[str]:
    """A bridge with guests in it stays, without addresses: `systemctl restart networking` must not cut them off."""
    own = "|".join(["'*'", *links])
    return [
        f"cd /sys/class/net/{name}/brif || exit 0; for port in *; do case $port in {own}) ;; *) exit 0 ;; esac; done; ip link del dev {name}"
    ]


def _port_stanza(name: str, link: str, applied: AppliedBridge, kept: t.Sequence[Stanza]) -> str:
    """An uplink or port without layer 3, with the settings of the interface itself that its own stanzas had."""
    stanzas = [stanza for stanza in kept if stanza.name == link]
    lines: list[str] = []
    for line in (line for stanza in stanzas for line in stanza.options if stays(line)):
        text = f"mtu {applied.captured.get('mtu', line.value)}" if line.key == "mtu" and link == applied.bridge.uplink else line.text
        if text not in lines:
            lines.append(text)
    quiet = [ipv6_line(link, "accept_ra", "0"), ipv6_line(link, "addr_gen_mode", "1")]
    made_later = "." in link or any(_MAKES.match(line) for line in lines)
    ups = [*quiet, f"ip -6 address flush dev {link} scope link"] if made_later else []
    ups.append(f"[ ! -d /sys/class/net/{name}/bridge ] || ip link set dev {link} master {name}")
    return _text([f"iface {link} inet manual", *(f"pre-up {text}" for text in quiet), *lines, *(f"up {text}" for text in ups)])


def stays(line: Line) -> bool:
    """Does this option of an uplink belong to the interface itself, whatever has its addresses?"""
    if line.key in COMMANDS:
        return bool(_HARDWARE_COMMAND.search(line.value))
    return bool(_HARDWARE.fullmatch(line.key))


def is_mixed(line: Line) -> bool:
    """A command that sets the interface and its addresses in one go: half of it would have to move."""
    return line.key in COMMANDS and bool(_HARDWARE_COMMAND.search(line.value)) and bool(_LAYER3_COMMAND.search(line.value))


def _moved(name: str, uplink: str, kept: t.Sequence[Stanza], router: bool) -> list[list[str]]:
    """The uplink's stanzas and those of its aliases, saying the bridge's name. A ``router`` goes on listening to other routers."""
    moved = []
    for stanza in kept:
        if is_of(stanza.name, uplink):
            options = [line for line in stanza.options if not stays(line) or (stanza.family == "inet6" and line.key == "mtu")]
            resets = router and resets_advertisements(stanza)
            lines = [line.text for line in options if not (resets and line.key == "accept_ra")]
            lines += [f"accept_ra {_ROUTERS}"] if resets else []
            moved.append([renamed(text, uplink, name) for text in (stanza.head.text, *lines)])
    # A stanza that does no more than bring the interface up says nothing about a bridge.
    real = [lines for lines in moved if len(lines) > 1 or not lines[0].endswith(" manual")]
    return real


def resets_advertisements(stanza: Stanza) -> bool:
    """Is accept_ra 1 whenever this stanza comes up? By interfaces(5) that is what inet6 dhcp has for a default, and inet6 auto 2."""
    return stanza.family == "inet6" and stanza.option("accept_ra") in (("", "1") if stanza.method == "dhcp" else ("1",))


def accepted(applied: AppliedBridge) -> str:
    """The value of accept_ra with which the bridge listens to router advertisements."""
    return _ROUTERS if ROUTER in applied.captured else "1"


def renamed(text: str, old: str, new: str) -> str:
    """``old`` as a word becomes ``new``: eth0, eth0:1, net.ipv4.conf.eth0.rp_filter, but not eth0.5, veth0 or my-eth0."""
    word = re.escape(old)
    text = re.sub(rf"(net[./]ipv[46][./](?:conf|neigh)[./]){word}(?=[./])", rf"\g<1>{new}", text)
    return re.sub(rf"(?<![\w.-]){word}(?![\w-]|\.\w)", new, text)


def declared_stanzas(bridge: Bridge, ra_value: str = "1") -> list[list[str]]:
    """The declared layer 3, one stanza an address. ``ra_value``: how router advertisements are listened to, see accepted()."""
    name = bridge.name
    stanzas: list[list[str]] = []
    if bridge.dhcp4:
        stanzas.append([f"iface {name} inet dhcp"])
    stanzas += [[f"iface {name} inet static", f"address {cidr}"] for cidr in bridge.addresses if ":" not in cidr]
    ra = [f"accept_ra {ra_value if bridge.accept_ra else 0}", f"autoconf {int(bridge.accept_ra)}"]
    if bridge.dhcp6:
        stanzas.append([f"iface {name} inet6 dhcp", *ra])
    # Nobody is there at boot whom it could ask for duplicates, and ifup(8) would wait, and fail.
    alone = [] if bridge.uplink or bridge.ports else ["dad-attempts 0"]
    stanzas += [[f"iface {name} inet6 static", f"address {cidr}", *alone, *ra] for cidr in bridge.addresses if ":" in cidr]
    if bridge.accept_ra and not any(stanza[0].split()[2] == "inet6" for stanza in stanzas):
        stanzas.append([f"iface {name} inet6 auto", ra[0]])
    if not stanzas:
        stanzas.append([f"iface {name} inet manual"])
    if bridge.dns:
        stanzas[0].append(f"dns-nameservers {' '.join(bridge.dns)}")
    if bridge.dns_search:
        stanzas[0].append(f"dns-search {' '.join(bridge.dns_search)}")
    for gateway in filter(None, (bridge.gateway4, bridge.gateway6)):
        _add_gateway(stanzas, name, gateway)
    for route in bridge.routes:
        _of_family(stanzas, 6 if ":" in (route.via or route.to) else 4)[-1].append(f"up {_route_line(route, name)}")
    return stanzas


def _of_family(stanzas: list[list[str]], version: int) -> list[list[str]]:
    """The stanzas that a route of this family can follow; the last of them has all its addresses before it."""
    family = "inet6" if version == 6 else "inet"
    return [stanza for stanza in stanzas if stanza[0].split()[2] == family] or stanzas


def _add_gateway(stanzas: list[list[str]], name: str, gateway: str) -> None:
    address = ipaddress.ip_address(gateway)
    for stanza in stanzas:
        cidr = stanza[1].split()[1] if len(stanza) > 1 and stanza[1].startswith("address ") else ""
        near = cidr and address in ipaddress.ip_interface(cidr).network
        if near or (cidr and address.version == 6 and address.is_link_local and ":" in cidr):
            stanza.insert(2, f"gateway {gateway}")
            return
    _of_family(stanzas, address.version)[-1].append(f"up {_route_line(StaticRoute('default', gateway), name)}")


def _route_line(route: StaticRoute, dev: str) -> str:
    words = ["ip", *(["-6"] if ":" in (route.via or route.to) else []), "route replace", route.to]
    words += ["via", route.via] if route.via else []
    words += ["dev", dev]
    words += ["table", route.table] if route.table != "main" else []
    words += ["proto", "static"]
    words += ["src", route.source] if route.source else []
    words += ["metric", str(route.metric)] if route.metric else []
    words += ["mtu", str(route.mtu)] if route.mtu else []
    return " ".join(words)
