# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Guests' files of Xen as the inventory's guests."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..module_utils.model.domainfile import DomainFile, VifEntry, read_domain_file
from ..module_utils.model.interface import mac_problems, name_problems
from .mac import beyond_rules, twins_risk
from .vif_names import HVM_LENGTH
from .xen_networks import NAT, ROUTED, Item, Networks, alone_network, base

_KERNEL_ADDRESS = re.compile(r"\bip=\S+")
# Keys of a vif that the record of an interface has, or that its network stands for.
_TAKEN = frozenset({"bridge", "script", "vifname", "mac", "ip", "mtu"})
# Scripts that give a vif no bridge -> the network that stands for them here.
_ROUTES = {"vif-nat": NAT, "vif-route": ROUTED}


def read_guests(files: t.Mapping[str, str], networks: Networks) -> list[Item]:
    """The guests of ``files``; adds to ``networks`` what their vifs need, and comments."""
    guests = []
    random = 0
    for path in sorted(files):
        if "/scripts/" in path or base(path) in ("xend-config.sxp", "xl.conf"):
            continue
        file = read_domain_file(files[path], path)
        if file.problems:
            networks.comments += [f"This guest is not taken over. {problem}" for problem in file.problems]
            continue
        guests.append(_guest(file, networks))
        random += sum(not entry.mac for entry in file.vifs)
    if not networks.antispoof and any(not interface.get("guarded", True) for guest in guests for interface in _interfaces(guest)):
        networks.comments.append(
            "Nothing was checked of what bridged guests send, so guarded is false. Take it away where addresses are named."
        )
    if any("name" not in interface or "mac" not in interface for guest in guests for interface in _interfaces(guest)):
        networks.comments.append("Interfaces get a name and a MAC address where they have none; name the same in the guests' files.")
    if random:
        networks.comments.append(twins_risk(random))
    _needed(guests, networks)
    return guests


def _interfaces(guest: Item) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = guest.options.get("interfaces", [])
    return found


def _guest(file: DomainFile, networks: Networks) -> Item:
    name = file.keys.get("name") or base(file.path).partition(".")[0]
    comments = [f"From {file.path}."]
    comments += [f"hostname={file.keys['hostname']} is set in the guest now."] if file.keys.get("hostname") else []
    found = _KERNEL_ADDRESS.search(file.keys.get("extra", ""))
    comments += [f"{found.group()} in extra has no equivalent; give the address to an interface."] if found else []
    toolstack = "xm" if networks.xend or file.grammar == "xm" else "xl"
    interfaces = [_interface(file, toolstack, index, networks, comments) for index in range(len(file.vifs))]
    options: dict[str, t.Any] = {"name": name, "toolstack": toolstack}
    return Item({**options, "interfaces": interfaces} if interfaces else options, tuple(comments))


def _interface(file: DomainFile, toolstack: str, index: int, networks: Networks, comments: list[str]) -> dict[str, t.Any]:
    entry = file.vifs[index]
    script = base(entry.keys.get("script") or networks.script)
    said = f"Interface {index}: "
    bridge = entry.keys.get("bridge") or networks.bridge
    network = _ROUTES.get(script, networks.renamed.get(bridge, bridge))
    options: dict[str, t.Any] = {"network": network}
    comments += [f"{said}script={script} has no equivalent."] if script not in ("vif-bridge", *_ROUTES) else []
    _take_name(file, entry, said, options, comments)
    _take_mac(entry, said, options, comments)
    _take_addresses(file, index, said, options, comments)
    taken = _TAKEN
    # xl gives an HVM guest a card of the device model beside the vif, xm where it is told to.
    if file.hvm and entry.keys.get("type", "vif" if toolstack == "xm" else "ioemu") == "ioemu":
        options["model"] = entry.keys.get("model") or "rtl8139"
        taken |= {"type", "model"}
    if entry.keys.get("mtu", "").isdigit():
        options["mtu"] = int(entry.keys["mtu"])
    comments += [f"{said}{key}{'=' if value else ''}{value} has no equivalent." for key, value in entry.keys.items() if key not in taken]
    routed = script in _ROUTES
    if routed and "addresses" not in options:
        why = "had an address with its domain's number, or DHCP's" if script == "vif-nat" else "had no route"
        comments.append(f"{said}{why}; give it an address, by which it is known.")
    if "addresses" not in options or not (routed or networks.antispoof):
        options["guarded"] = False
    if "addresses" not in options and networks.antispoof and not routed:
        comments.append(f"{said}could send from any address, as it has no ip=; give it addresses, and take guarded away.")
    return options


def _take_name(file: DomainFile, entry: VifEntry, said: str, options: dict[str, t.Any], comments: list[str]) -> None:
    name = entry.keys.get("vifname", "")
    wrong = [str(problem) for problem in name_problems(name, "vifname")] if name else []
    if file.hvm and len(name) > HVM_LENGTH and not wrong:
        wrong = [f"vifname: {name!r} has {len(name)} characters; an HVM guest's may have {HVM_LENGTH}"]
    comments += [f"{said}{problem}." for problem in wrong]
    if name and not wrong:
        options["name"] = name


def _take_mac(entry: VifEntry, said: str, options: dict[str, t.Any], comments: list[str]) -> None:
    if not entry.mac:
        comments.append(f"{said}had another MAC address at every start.")
        return
    wrong = [str(problem) for problem in mac_problems(entry.mac, "mac")]
    comments += [f"{said}{problem}." for problem in wrong]
    if not wrong:
        options["mac"] = entry.mac
        risk = beyond_rules(entry.mac)
        comments += [f"{said}{risk}."] if risk else []


def _take_addresses(file: DomainFile, index: int, said: str, options: dict[str, t.Any], comments: list[str]) -> None:
    """Those of the vif; of the first one also what the kernel was told on its command line."""
    found = []
    for text in file.vifs[index].keys.get("ip", "").split():
        try:
            interface = ipaddress.ip_interface(text)
        except ValueError:
            comments.append(f"{said}ip={text} is no address.")
            continue
        whole = interface.network.prefixlen < interface.max_prefixlen
        found.append(str(interface.network) if whole else str(interface.ip))
        if whole:
            comments.append(f"{said}ip={text} let it send from all of {interface.network}.")
    keys = file.keys if index == 0 else {}
    if keys.get("ip") and not found:
        netmask = keys.get("netmask", "")
        text = f"{keys['ip']}/{netmask}" if netmask else keys["ip"]
        try:
            address = ipaddress.ip_interface(text)
            found.append(str(address) if netmask else str(address.ip))
        except ValueError:
            comments.append(f"{said}ip={text} is no address.")
    if keys.get("gateway"):
        options["gateway4"] = keys["gateway"]
    if keys.get("dhcp", "off") not in ("off", "no", "0"):
        options["dhcp4"] = True
    if found:
        options["addresses"] = found


def _needed(guests: t.Sequence[Item], networks: Networks) -> None:
    """The networks that the guests' vifs are in and that no script of the host's made."""
    wanted = {interface["network"] for guest in guests for interface in _interfaces(guest)}
    networks.items += [alone_network(name, networks.netdev) for name in (NAT, ROUTED) if name in wanted]
    if networks.script in _ROUTES and _ROUTES[networks.script] not in wanted:
        networks.comments.append(f"No guest has a vif of {networks.script}, so nothing says what its network would be.")
    for name in sorted(wanted - {item.options["name"] for item in networks.items}):
        networks.comments.append(
            f"{name} is made by the host's own network configuration. To have it made from here, name it in vnet_networks with its uplink."
        )
