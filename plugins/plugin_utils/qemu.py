# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.
"""A guest's interface as QEMU's own arguments."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field

from ..module_utils.model.problem import Problem
from .qemu_fields import BUS_FIELDS, FORWARDS, NETDEV, NIC, SOCKET, VFIO, VIRTIO_ONLY, Field, identifier, number
from .qemu_forward import guest_forwards, host_forwards
from .qemu_models import ALIASES, DEFAULT, Version, is_virtio, models_of

TYPES = tuple(NETDEV)
PASST_SINCE: Version = (10, 1)
STREAM_SINCE: Version = (7, 2)
RECONNECT_SINCE: Version = (9, 2)
USER_NET = "10.0.2.0/24"
_COMMON = ("type", "id", "model", "hub")
# What net/tap.c refuses beside these three ways to get a tap that QEMU does not open by its name.
_INSTEAD: t.Mapping[str, tuple[str, ...]] = {
    "fd": ("ifname", "script", "downscript", "vnet_hdr", "helper", "queues", "fds", "vhostfds"),
    "fds": ("ifname", "script", "downscript", "vnet_hdr", "helper", "queues", "vhostfd"),
    "helper": ("ifname", "script", "downscript", "vnet_hdr", "queues", "vhostfds"),
}


@dataclass
class _Request:
    """What was asked for, each value with its place, and what is wrong with it."""

    record: t.Mapping[str, t.Any]
    version: Version | None
    values: dict[str, t.Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, place: str, values: t.Mapping[str, t.Any]) -> None:
        for name, value in values.items():
            if value is not None:
                self.values[name], self.places[name] = value, f"{place}{name}"

    def default(self, name: str, value: t.Any, place: str) -> None:
        if value is not None and name not in self.values:
            self.values[name], self.places[name] = value, place

    def say(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.places.get(name, name), message))

    def checked(self, name: str, check: t.Callable[[t.Any], str], value: t.Any) -> str:
        try:
            return check(value)
        except ValueError as error:
            self.say(name, str(error))
            return ""

    def words(self, fields: t.Mapping[str, Field]) -> list[str]:
        """``key=value`` of every field that has a value, commas doubled as QEMU wants them."""
        words = []
        for name, option in fields.items():
            if name not in self.values:
                continue
            value = self.values[name]
            if option.many and not isinstance(value, list):
                self.say(name, "is no list; write each value as an item with a dash before it")
                continue
            words += [_word(option.key, self.checked(name, option.check, item)) for item in (value if option.many else [value])]
        return words


def _word(key: str, value: str) -> str:
    return f"{key}={value}".replace(",", ",,")


def arguments(
    interface: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any], version: Version | None, models: t.Mapping[str, str] | None
) -> tuple[list[str], list[Problem]]:
    """The words after ``qemu-system-x86_64`` for one interface, and everything that is wrong with it.

    ``interface`` is a guest's interface of the inventory, its own QEMU options below ``qemu``; ``options`` come before those.
    ``models`` are the NIC models of the QEMU in question with their buses, when the user has looked.
    """
    request = _Request(interface, version)
    own = interface.get("qemu") or {}
    if isinstance(own, dict):
        request.put("interface.qemu.", own)
    else:
        request.problems.append(Problem("interface.qemu", f"{own!r} is no dictionary; write it as in {{type: user}}"))
    request.put("", options)
    kind = str(request.values.get("type", "tap"))
    if kind not in TYPES:
        request.say("type", f"{kind!r} does not exist; there is: {', '.join(TYPES)}")
        return [], request.problems
    _refuse_unknown(request, kind)
    name = _name(request)
    argv = _vfio(request, name) if kind == "vfio" else _nic(request, kind, name, models)
    return argv, request.problems


def _fields(request: _Request, kind: str) -> t.Mapping[str, Field]:
    return SOCKET if kind == "passt" and "socket" in request.values else NETDEV[kind]


def _refuse_unknown(request: _Request, kind: str) -> None:
    device = VFIO if kind == "vfio" else NIC
    known = [*_COMMON, *_fields(request, kind), *device, *(FORWARDS if kind == "user" else ())]
    if kind == "vfio":
        known = ["type", "id", *device]
    for name in request.values:
        if name not in known:
            others = [other for other in TYPES if other != kind and (name in NETDEV[other] or (other == "user" and name in FORWARDS))]
            hint = f"it is an option of {' and '.join(others)}; " if others else ""
            what = "passt with a socket" if "socket" in known else kind
            request.say(name, f"is no option of type {what}; {hint}here there is: {', '.join(dict.fromkeys(known))}")


def _name(request: _Request) -> str:
    """QEMU's id of the device: what the monitor calls it."""
    request.default("id", request.record.get("name"), "interface.name")
    if "id" not in request.values:
        request.problems.append(Problem("interface.name", "is missing; give the interface its name, or an id of its own for QEMU"))
        return ""
    try:
        return identifier(request.values["id"])
    except ValueError as error:
        request.say("id", f"{error}; or set id, which leaves the name as it is")
        return ""


def _vfio(request: _Request, name: str) -> list[str]:
    if ("host" in request.values) == ("sysfsdev" in request.values):
        request.problems.append(Problem("host", "vfio needs the PCI device on the host, by host or by sysfsdev and not by both"))
    return ["-device", ",".join(["vfio-pci", f"id={name}", *request.words(VFIO)])]


def _nic(request: _Request, kind: str, name: str, models: t.Mapping[str, str] | None) -> list[str]:
    model, bus = _model(request, models)
    if is_virtio(model) and kind in ("tap", "bridge"):
        request.default("host_mtu", request.record.get("mtu"), "interface.mtu")
    _KINDS[kind](request)
    _queues(request, kind, model, bus)
    backend = f"host-{name}"
    netdev = ["stream", f"id={backend}", "server=off", "addr.type=unix"] if "socket" in request.values else [kind, f"id={backend}"]
    argv = ["-netdev", ",".join([*netdev, *request.words(_fields(request, kind)), *_forwards(request, kind)])]
    if "hub" in request.values:
        hub = request.checked("hub", number(0, 0x7FFFFFFF), request.values["hub"])
        argv += ["-netdev", f"hubport,id=hub-{backend},hubid={hub},netdev={backend}", "-netdev", f"hubport,id=hub-{name},hubid={hub}"]
        backend = f"hub-{name}"
    request.default("mac", request.record.get("mac"), "interface.mac")
    for missing in sorted(set(NIC) & set(request.values) - BUS_FIELDS.get(bus, frozenset(NIC))):
        request.say(missing, f"{model} has no such option, because of its bus ({bus}); leave it out or take a PCI model")
    return [*argv, "-device", ",".join([model, f"netdev={backend}", f"id={name}", *request.words(NIC)])]


def _model(request: _Request, models: t.Mapping[str, str] | None) -> tuple[str, str]:
    request.default("model", request.record.get("model"), "interface.model")
    asked = str(request.values.get("model", DEFAULT))
    model = ALIASES.get(asked, asked)
    known = models_of(request.version) if models is None else models
    if model not in known:
        which = f"QEMU {'.'.join(map(str, request.version))}" if request.version and models is None else "this QEMU"
        request.say("model", f"{asked!r} is no NIC model of {which}; there is: {', '.join(sorted(known))}")
    return model, known.get(model, "PCI")


def _queues(request: _Request, kind: str, model: str, bus: str) -> None:
    """Several queues of a tap are of use when the device has them too: a pair of vectors for each, one for changes, one for control."""
    fds = request.values.get("fds")
    count = len(fds) if isinstance(fds, list) else request.values.get("queues", 1)
    many = kind == "tap" and str(count).isdigit() and int(count) > 1
    declared = request.record.get("multi_queue")
    if kind == "tap" and isinstance(declared, bool) and "ifname" in request.values and declared != many:
        cure = "set queues to 2 or more" if declared else "set multi_queue, too, or leave queues out"
        request.problems.append(Problem("interface.multi_queue", f"the tap and QEMU must agree on several queues; {cure}"))
    if many and not is_virtio(model):
        request.say("fds" if isinstance(fds, list) else "queues", f"{model} has one queue; take virtio-net-pci")
    elif many:
        request.default("mq", True, "mq")
        if bus == "PCI":
            request.default("vectors", 2 * int(count) + 2, "vectors")
    for name in sorted(VIRTIO_ONLY & set(request.values)):
        if not is_virtio(model):
            request.say(name, f"is for virtio models only and {model} is none; leave it out, or take virtio-net-pci")


def _tap(request: _Request) -> None:
    instead = next((name for name in _INSTEAD if name in request.values), "")
    for name in _INSTEAD.get(instead, ()):
        if name in request.values:
            request.say(name, f"means nothing beside {instead}, by which QEMU gets a tap that is already set up; leave one of them out")
    if not instead:
        request.default("ifname", request.record.get("name"), "interface.name")
        # The tap stands before the guest starts, so nobody has to set it up.
        request.default("script", "no", "script")
        request.default("downscript", "no", "downscript")
    if "br" in request.values and "helper" not in request.values:
        request.say("br", "is read by a helper only; a tap without one is in the bridge that it was declared with")
    fds, vhostfds = request.values.get("fds"), request.values.get("vhostfds")
    if isinstance(vhostfds, list) and (not isinstance(fds, list) or len(fds) != len(vhostfds)):
        request.say("vhostfds", "needs fds, as many of them; one tap has vhostfd")


def _bridge(request: _Request) -> None:
    request.default("br", request.record.get("bridge"), "interface.bridge")
    request.default("br", request.record.get("network"), "interface.network")
    if "br" not in request.values:
        request.problems.append(Problem("br", "is missing; name the bridge that the helper puts the tap into"))


def _passt(request: _Request) -> None:
    version = request.version
    if "socket" in request.values:
        if version and version < STREAM_SINCE:
            request.say("socket", "QEMU can connect to a UNIX socket since 7.2; take type user")
        if "reconnect_ms" in request.values and version and version < RECONNECT_SINCE:
            request.say("reconnect_ms", "came with QEMU 9.2; leave it out")
    elif version and version < PASST_SINCE:
        request.say("type", "QEMU starts passt by itself since 10.1; start passt --socket PATH beside it and set socket to that path")


def _user(request: _Request) -> None:
    net, taken = _user_net(request), _user_addresses(request)
    for name, address in taken.items():
        if name in request.values and ipaddress.IPv4Address(address) not in net:
            request.say(name, f"{address} is outside {net}, the guest's network; choose an address in it, or set net")
        twin = next(other for other in taken if taken[other] == address)
        if twin != name:
            said = next(option for option in (name, twin, "net") if option in request.values)
            request.say(said, f"{address} is both {twin} and {name} of the guest's network; give each an address of its own")


def _user_net(request: _Request) -> ipaddress.IPv4Network:
    """Everything, when what was asked for is no network: that is one problem, not one more for each address."""
    said = str(request.values.get("net", USER_NET))
    try:
        return ipaddress.IPv4Network(said if "/" in said else "0.0.0.0/0", strict=False)
    except ValueError:
        return ipaddress.IPv4Network("0.0.0.0/0")


def _user_addresses(request: _Request) -> dict[str, str]:
    """Where the guest finds what: as asked for, else as net/slirp.c places them, x.x.2.2 and so on as far as the network reaches."""
    net, found = _user_net(request), {}
    for name, offset in {"host": 0x0202, "dns": 0x0203, "dhcpstart": 0x020F}.items():
        default = ipaddress.IPv4Address(int(net.network_address) | offset & int(net.hostmask))
        try:
            found[name] = str(ipaddress.IPv4Address(str(request.values.get(name, default))))
        except ValueError:
            continue  # the field's own check says so
    return found


def _forwards(request: _Request, kind: str) -> list[str]:
    if kind != "user":
        return []
    net, words = _user_net(request), []
    if "hostfwd" in request.values:
        found, problems = host_forwards(request.values["hostfwd"], request.places["hostfwd"], net, request.version)
        words += [_word("hostfwd", value) for value in found]
        request.problems += problems
    if "guestfwd" in request.values:
        taken = [address for name, address in _user_addresses(request).items() if name != "dhcpstart"]
        found, problems = guest_forwards(request.values["guestfwd"], request.places["guestfwd"], net, taken)
        words += [_word("guestfwd", value) for value in found]
        request.problems += problems
    return words


_KINDS: t.Mapping[str, t.Callable[[_Request], None]] = {"tap": _tap, "bridge": _bridge, "user": _user, "passt": _passt}
