# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""A vif: the host's end of a Xen guest's interface, as the user declares it, as libxl has it, and as it was applied."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field

from .interface import mac_problems, name_problems, normal_mac
from .problem import Problem
from .state import FileState
from .vlan import Vlans, normal, read_xl_vlans

SCRIPTS = "/etc/xen/scripts"
BRIDGE_SCRIPT = f"{SCRIPTS}/vif-bridge"
CONNECTED = "connected"
# drivers/net/xen-netback/interface.c: XEN_NETIF_MAX_TX_SIZE without the Ethernet header.
MTU = (68, 65517)
# libxlu_vif.c: a rate in bytes or bits, and the interval in which it is counted, of 50 ms unless said.
_RATE = re.compile(r"(\d+)([GMK]?)([Bb])/s(?:@(\d+)([mu]?)s?)?")
_POWERS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_MICROSECONDS = {"": 10**6, "m": 10**3, "u": 1}
_DEFAULT_INTERVAL = 50_000
_COUNTER = 2**32
_DOMAIN = re.compile(r"[A-Za-z0-9_.+-]+")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SCRIPT = re.compile(r"/?[A-Za-z0-9_+-][A-Za-z0-9_./+-]*")
# What libxl keeps of a vif that says nothing of them.
DEFAULTS = {"mtu": "1500", "trusted": "1"}
# Those that can be taken back: without them a vif has none.
OPTIONAL = ("ip", "rate", "mtu", "vifname", "gatewaydev")
Options = t.Mapping[str, t.Any]
Words = t.Mapping[str, str]


@dataclass(frozen=True)
class Vif:
    """One declared vif. ``words`` are what is said of it, by xl's names (xl-network-configuration(5)), in the form that libxl
    keeps: a script's whole path, a rate as "BYTES,MICROSECONDS", several addresses with spaces between.

    ``devid`` -1: the one that it has, or the next. ``told``: the same by xl's names as the user wrote it, for the guest's own file.
    ``port`` is what our hook sets of it, and xl does not: "vlan" in xl's words for VLANs, "isolated" 1. ``card``: the emulated card of an
    HVM guest, "type" and "model", which only a start of the guest can make.
    """

    domain: str
    devid: int = -1
    words: Words = field(default_factory=dict)
    told: Words = field(default_factory=dict)
    port: Words = field(default_factory=dict)
    card: Words = field(default_factory=dict)

    @property
    def vlans(self) -> Vlans:
        """Those of its port; none where nothing is said of them."""
        return normal(read_xl_vlans(self.port["vlan"], "")[0]) if "vlan" in self.port else ()

    @property
    def name(self) -> str:
        """Its key in the memory: what it is found again by."""
        return f"{self.domain}/{self.words.get('mac') or (self.devid if self.devid >= 0 else self.words.get('vifname', ''))}"


@dataclass(frozen=True)
class Device:
    """One vif as libxl has it. ``status`` is what its script said, and ``error`` why it failed; ``backend`` is the number of the domain
    that is its other end. ``words`` as those of :class:`Vif`.
    """

    devid: int
    words: Words = field(default_factory=dict)
    status: str = CONNECTED
    error: str = ""
    backend: int = 0


@dataclass(frozen=True)
class Domain:
    """One running domain. ``type``: pv, pvh or hvm."""

    domid: int
    name: str
    type: str = "pv"
    devices: t.Mapping[int, Device] = field(default_factory=dict)

    def link(self, device: Device) -> str:
        """The interface that the vif is on the host."""
        return device.words.get("vifname") or f"vif{self.domid}.{device.devid}"

    def path(self, devid: int, backend: int = 0) -> str:
        """Where xenstore has the host's end of a vif."""
        return f"/local/domain/{backend}/backend/vif/{self.domid}/{devid}"


@dataclass(frozen=True)
class VifFacts:
    """What of a host matters for vifs alone. ``dom0``: it is one; ``xl``, ``xm``: it has the program; ``xend`` is a lock that forbids xl.

    ``domains`` by name; ``files``: what the guests' own files say, by the name of the domain. ``defaults``: what xl.conf(5) says of
    vifs. ``scripts``: the names in /etc/xen/scripts; ``ifconfig``: it is there. ``vlans``: of the ports for which they matter.
    """

    dom0: bool = False
    xl: bool = False
    xend: str = ""
    domains: t.Mapping[str, Domain] = field(default_factory=dict)
    defaults: Words = field(default_factory=dict)
    scripts: frozenset[str] = frozenset()
    ifconfig: bool = True
    xm: bool = False
    files: t.Mapping[str, FileState] = field(default_factory=dict)
    vlans: t.Mapping[str, Vlans] = field(default_factory=dict)


@dataclass(frozen=True)
class VifOptions:
    """Where vifs are declared: ``live`` in running domains, ``config`` in the guests' own files, or ``both``; and whose files those are."""

    scope: str = "live"
    toolstack: str = "auto"

    @property
    def live(self) -> bool:
        return self.scope in ("live", "both")

    @property
    def config(self) -> bool:
        return self.scope in ("config", "both")


@dataclass(frozen=True)
class AppliedVif:
    """One vif as applied, ``live`` in a running domain, in the guest's own file (``config``), or both."""

    owner: str
    vif: Vif
    live: bool = True
    config: bool = False


def applied_vif(data: dict[str, t.Any]) -> AppliedVif:
    """One item of the memory."""
    return AppliedVif(data["owner"], Vif(**data["vif"]), data["live"], data["config"])


def config_path(domain: str) -> str:
    """Where xl and xm have the file of a guest."""
    return f"/etc/xen/{domain}.cfg"


def differences(vif: Vif, known: Vif | None, device: Device) -> list[str]:
    """What of a vif that is there is not as declared, by xl's names. ``known``: as it was applied, of which something may have been taken back."""
    seen = {**DEFAULTS, **device.words}
    found = [word for word, value in vif.words.items() if seen.get(word, "") != value]
    taken = [word for word in (known.words if known else ()) if word in OPTIONAL and word not in vif.words]
    found += [word for word in taken if seen.get(word, "") not in ("", DEFAULTS.get(word))]
    return [*(["devid"] if vif.devid not in (-1, device.devid) else []), *found]


def renewed(vif: Vif, known: Vif | None, device: Device) -> Words:
    """What a vif that is there is to be once it is attached anew: what is not spoken of stays."""
    taken = {word for word in (known.words if known else ()) if word in OPTIONAL and word not in vif.words}
    return {**{word: value for word, value in device.words.items() if word not in taken}, **vif.words}


def match(vifs: t.Sequence[Vif], devices: t.Mapping[int, Device]) -> dict[str, Device]:
    """The name of each of ``vifs``, which are one domain's, with the device that it is: by its MAC, else by its devid, else by its vifname."""
    found: dict[str, Device] = {}
    for how in (_by_mac, _by_devid, _by_vifname):
        for vif in vifs:
            taken = {device.devid for device in found.values()}
            free = [device for device in devices.values() if device.devid not in taken and how(vif, device)]
            if vif.name not in found and free:
                found[vif.name] = free[0]
    return found


def _by_mac(vif: Vif, device: Device) -> bool:
    return "mac" in vif.words and vif.words["mac"] == device.words.get("mac")


def _by_devid(vif: Vif, device: Device) -> bool:
    return vif.devid == device.devid


def _by_vifname(vif: Vif, device: Device) -> bool:
    return "vifname" in vif.words and vif.words["vifname"] == device.words.get("vifname")


def read_vifs(items: t.Sequence[Options], path: str = "vifs") -> tuple[tuple[Vif, ...], list[Problem]]:
    """All items of a list of vifs, with the problems of each and those between them."""
    problems: list[Problem] = []
    vifs = []
    for index, item in enumerate(items):
        vif, wrong = read_vif(item, f"{path}[{index}]")
        problems += wrong
        vifs.append(vif)
    return tuple(vifs), problems + vif_clashes([(f"{path}[{index}]", vif) for index, vif in enumerate(vifs)])


def read_vif(options: Options, path: str) -> tuple[Vif, list[Problem]]:
    """One item of ``vifs`` with everything that is wrong with it in itself."""
    domain, devid = options["domain"], options.get("devid")
    problems = _domain_problems(domain, f"{path}.domain")
    if devid is not None and devid < 0:
        problems.append(Problem(f"{path}.devid", f"{devid} is less than 0; a guest's first interface is 0"))
    words: dict[str, str] = {}
    for option, word in (("name", "vifname"), ("bridge", "bridge"), ("gatewaydev", "gatewaydev")):
        if options.get(option):
            words[word] = options[option]
            problems += name_problems(options[option], f"{path}.{option}")
    if options.get("mac"):
        words["mac"] = normal_mac(options["mac"])
        problems += mac_problems(words["mac"], f"{path}.mac")
    if options.get("backend"):
        words["backend"] = "Domain-0" if options["backend"] == "0" else options["backend"]
        problems += _domain_problems(words["backend"], f"{path}.backend")
    for read in (_read_addresses, _read_script, _read_rate, _read_mtu):
        more, wrong = read(options, path)
        words.update(more)
        problems += wrong
    if options.get("trusted") is not None:
        words["trusted"] = "1" if options["trusted"] else "0"
    told = {word: _as_written(options, word, kept) for word, kept in words.items() if word != "trusted"}
    port, wrong = _read_port(options, path)
    problems += wrong
    card, wrong = _read_card(options, path)
    problems += wrong
    vif = Vif(domain, devid if devid is not None and devid >= 0 else -1, words, told, port, card)
    if not {"mac", "vifname"} & words.keys() and devid is None:
        problems.append(Problem(path, "nothing says which of the guest's interfaces it is; give it a mac, a devid or a name"))
    return vif, problems


def _as_written(options: Options, word: str, kept: str) -> str:
    return str(options[word]).strip() if word in ("rate", "script") else kept


def _domain_problems(name: str, path: str) -> list[Problem]:
    if name.isdigit():
        return [Problem(path, f"{name} is a number, which is another one at each start of the guest; write the domain's name")]
    if not _DOMAIN.fullmatch(name):
        return [Problem(path, f"{name!r} is no name of a domain; it holds letters, digits, '_', '.', '+' and '-'")]
    return []


def _read_addresses(options: Options, path: str) -> tuple[Words, list[Problem]]:
    problems, texts = [], []
    for index, text in enumerate(options.get("addresses") or []):
        try:
            ipaddress.ip_interface(text)
        except ValueError:
            problems.append(Problem(f"{path}.addresses[{index}]", f"{text!r} is no IP address; write it as in 10.0.0.1 or 10.0.0.1/24"))
        texts.append(text)
    return ({"ip": " ".join(texts)} if texts else {}), problems


def _read_script(options: Options, path: str) -> tuple[Words, list[Problem]]:
    script = options.get("script") or ""
    if not script:
        return {}, []
    if not _SCRIPT.fullmatch(script) or ".." in script:
        return {}, [Problem(f"{path}.script", f"{script!r} is no script; write its name in {SCRIPTS}, or its whole path")]
    return {"script": whole_script(script)}, []


def _read_rate(options: Options, path: str) -> tuple[Words, list[Problem]]:
    text = (options.get("rate") or "").strip()
    if not text:
        return {}, []
    kept = kept_rate(text)
    if not kept:
        return {}, [Problem(f"{path}.rate", f"{text!r} is no rate of xl; write it as in 10Mb/s (bits), 250KB/s (bytes) or 1MB/s@20ms")]
    size, span = map(int, kept.split(","))
    if not 0 < size < _COUNTER or not 0 < span < _COUNTER:
        return {}, [Problem(f"{path}.rate", f"{text} makes {size} bytes each {span} µs; both are 1 to {_COUNTER - 1} in libxl")]
    return {"rate": kept}, []


def kept_rate(text: str) -> str:
    """What libxl makes of a rate; empty when it is none."""
    found = _RATE.fullmatch(text)
    if not found:
        return ""
    number, power, unit, interval, part = found.groups()
    speed = int(number) * _POWERS[power] // (8 if unit == "b" else 1)
    span = int(interval) * _MICROSECONDS[part] if interval else _DEFAULT_INTERVAL
    return f"{speed * span // 10**6},{span}"


def whole_script(script: str) -> str:
    return script if script.startswith("/") else f"{SCRIPTS}/{script}"


def _read_mtu(options: Options, path: str) -> tuple[Words, list[Problem]]:
    mtu = options.get("mtu")
    if mtu is None:
        return {}, []
    wrong = [] if MTU[0] <= mtu <= MTU[1] else [Problem(f"{path}.mtu", f"{mtu} is outside {MTU[0]}-{MTU[1]}")]
    return {"mtu": str(mtu)}, wrong


def _read_port(options: Options, path: str) -> tuple[Words, list[Problem]]:
    vlan = (options.get("vlan") or "").strip()
    problems = read_xl_vlans(vlan, f"{path}.vlan")[1] if vlan else []
    return {**({"vlan": vlan} if vlan else {}), **({"isolated": "1"} if options.get("isolated") else {})}, problems


def _read_card(options: Options, path: str) -> tuple[Words, list[Problem]]:
    card = {word: options[word] for word in ("type", "model") if options.get(word)}
    if "model" in card and not _MODEL.fullmatch(card["model"]):
        return {}, [Problem(f"{path}.model", f"{card['model']!r} is no model of a card; write it as QEMU calls it, as in e1000")]
    if card.get("type") == "vif" and "model" in card:
        return {}, [Problem(f"{path}.model", "is about emulated cards, and type: vif says that there is none; leave one of them out")]
    return card, []


def vif_clashes(placed: t.Sequence[tuple[str, Vif]]) -> list[Problem]:
    """The same MAC, name or place in two places of one list."""
    problems = []
    seen: dict[tuple[str, str], str] = {}
    for place, vif in placed:
        keys = [
            ("mac", vif.words.get("mac", ""), "guests differ in it"),
            ("name", vif.words.get("vifname", ""), "interfaces of a host differ in it"),
        ]
        keys.append(("devid", f"{vif.domain}/{vif.devid}" if vif.devid >= 0 else "", "interfaces of a guest differ in it"))
        for option, value, why in keys:
            if value and (option, value) in seen:
                problems.append(Problem(f"{place}.{option}", f"{value} is already {seen[option, value]}.{option}; {why}"))
            elif value:
                seen[option, value] = place
    return problems
