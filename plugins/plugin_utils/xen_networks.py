# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The networks that Xen's network scripts made, as the inventory has them."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field

from ..module_utils.model.domaintext import Unreadable
from ..module_utils.model.domainxl import xl_settings
from .xend import Call, call_of, is_stock, read_wrapper, settings

NAT, ROUTED = "vnat0", "routed0"
# What network-virtual takes for what it is not told.
_BRIDGEIP = "10.6.7.1/24"
_OF_VIRTUAL = frozenset({"bridgeip", "brnet", "vifnum", "bridge", "antispoof", "netmask"})
_OF_BRIDGE = frozenset({"bridge", "netdev", "vifnum", "antispoof"})


@dataclass(frozen=True)
class Item:
    """A network or guest of the inventory, and what has to be said of it."""

    options: dict[str, t.Any]
    comments: tuple[str, ...] = ()


@dataclass
class Networks:
    """What a host's files say of its networks. ``script``, ``bridge``: of a vif that does not say; ``xend``: is xend configured?

    ``renamed``: a bridge that had its NIC's name -> what it is called here.
    """

    items: list[Item] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    script: str = "vif-bridge"
    bridge: str = ""
    antispoof: bool = False
    xend: bool = False
    netdev: str = ""
    renamed: dict[str, str] = field(default_factory=dict)


def base(path: str) -> str:
    return path.rpartition("/")[2]


def read_networks(files: t.Mapping[str, str]) -> Networks:
    """From xend-config.sxp, the wrappers among ``files`` (path -> text) and xl.conf."""
    found = Networks()
    scripts = {base(path): text for path, text in files.items() if "/scripts/" in path}
    found.xend = any(base(path) == "xend-config.sxp" for path in files)
    for path, text in files.items():
        if base(path) == "xend-config.sxp":
            _read_xend(path, text, scripts, found)
        elif base(path) == "xl.conf" and found.xend:
            found.comments.append(f"xend is configured, so {path} is not read. Move xend-config.sxp away if xl runs the guests.")
        elif base(path) == "xl.conf":
            _read_xl(path, text, found)
    names = [item.options["name"] for item in found.items]
    found.bridge = found.bridge or next(iter(names), "xenbr0")
    return found


def _read_xl(path: str, text: str, found: Networks) -> None:
    try:
        defaults = {setting.key: setting.text.value for setting in xl_settings(text) if setting.text}
    except Unreadable as error:
        found.comments.append(f"{path} is not read: {error}.")
        return
    found.script = base(defaults.pop("vif.default.script", found.script))
    found.bridge = defaults.pop("vif.default.bridge", found.bridge)
    found.netdev = defaults.pop("vif.default.gatewaydev", found.netdev)
    found.comments += [f"{path}: {key}={value} has no equivalent." for key, value in defaults.items() if key.startswith("vif.")]


def _read_xend(path: str, text: str, scripts: t.Mapping[str, str], found: Networks) -> None:
    try:
        said = settings(text)
        network, vif = call_of(said.get("network-script", "")), call_of(said.get("vif-script", ""))
    except ValueError as error:
        found.comments.append(f"{path} is not read: {error}.")
        return
    if vif:
        found.script, found.bridge = base(vif.script), vif.variables.get("bridge", "")
        left = [f"{key}={value}" for key, value in vif.variables.items() if key != "bridge"]
        found.comments += [f"{path}: {word} of vif-script has no equivalent." for word in left]
    for call in _calls(path, network, scripts, found) if network else ():
        _take(path, call, scripts, found)


def _calls(path: str, call: Call, scripts: t.Mapping[str, str], found: Networks) -> tuple[Call, ...]:
    """The call of one of Xen's own scripts, or those that the wrapper makes."""
    name = base(call.script)
    if is_stock(name):
        return (Call(name, call.variables),)
    if name not in scripts:
        found.comments.append(f"{path}: network-script is {call.script}, which is not among the files; what it does is not taken over.")
        return ()
    wrapper = read_wrapper(scripts[name])
    found.comments += [f"{name}, {line} (not taken over)" for line in wrapper.left]
    return tuple(Call(made.script, {**call.variables, **made.variables}) for made in wrapper.calls)


def _take(path: str, call: Call, scripts: t.Mapping[str, str], found: Networks) -> None:
    known = {"network-bridge": _OF_BRIDGE, "network-virtual": _OF_VIRTUAL}.get(call.script, frozenset({"netdev", "antispoof"}))
    for key in sorted(set(call.variables) - known):
        found.comments.append(f"{path}: {key}={call.variables[key]} of {call.script} has no equivalent.")
    if call.script == "network-bridge":
        found.antispoof |= call.variables.get("antispoof") == "yes"
        _take_bridge(call.variables, scripts.get("network-bridge", ""), found)
    elif call.script == "network-virtual":
        _take_virtual(call.variables, found)
    else:
        found.netdev = call.variables.get("netdev", "")


def _take_bridge(variables: t.Mapping[str, str], stock: str, found: Networks) -> None:
    number = variables.get("vifnum", "0")
    netdev = variables.get("netdev", "")
    comments = []
    if variables.get("bridge") == "null":
        return
    if not netdev:
        netdev = f"eth{number}"
        comments.append(f"netdev= is not said: {netdev}, or the NIC with the default route in Xen 3.2 and later. Look which.")
    bridge = variables.get("bridge", "")
    if not bridge:
        like_netdev = bool(re.search(r"bridge:-\$\{?netdev", stock))
        bridge = netdev if like_netdev else f"xenbr{number}"
        comments.append(f"bridge= is not said: {bridge}." + ("" if stock else " Xen 3.2 and later named it like the NIC."))
    options = {"name": bridge, "layout": "bridge"}
    if netdev.startswith("dummy"):
        comments.append(f"A bridge without an uplink needs no {netdev}.")
    elif netdev == bridge:
        digits = re.search(r"\d*$", netdev)
        options.update(name=f"xenbr{(digits and digits.group()) or number}", uplink=netdev)
        found.renamed[netdev] = options["name"]
        comments.append(f"The script renamed {netdev} to p{netdev} and gave the bridge its name. Here the NIC keeps its name.")
    else:
        options["uplink"] = netdev
    found.items.append(Item(options, tuple(comments)))


def _take_virtual(variables: t.Mapping[str, str], found: Networks) -> None:
    address = variables.get("bridgeip", _BRIDGEIP)
    comments = ["Its zone was the firewall's own matter: zone and vnet_zones say it now."]
    try:
        network = str(ipaddress.ip_interface(address).network)
    except ValueError:
        found.comments.append(f"network-virtual: bridgeip={address} is no address; nothing is taken over.")
        return
    wanted = variables.get("brnet", network)
    try:
        if str(ipaddress.ip_interface(wanted).network) != network:
            comments.append(f"brnet={wanted} is not the network of {address}, and has no equivalent.")
    except ValueError:
        comments.append(f"brnet={wanted} is no network.")
    bridge = variables.get("bridge", f"xenbr{variables.get('vifnum', '0')}")
    found.items.append(Item({"name": bridge, "layout": "brouter", "addresses": [address]}, tuple(comments)))


def alone_network(name: str, netdev: str) -> Item:
    """What vif-nat and vif-route made: each guest is alone behind its vif."""
    of_layout: dict[str, t.Any] = {"layout": "nat"} if name == NAT else {"layout": "route", "proxy_arp": True}
    options = {"name": name, **of_layout, "point_to_point": True}
    return Item({**options, "uplink": netdev} if netdev else options)
