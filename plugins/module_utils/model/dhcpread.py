# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""From the options of a network's DHCP and DNS to the model, with everything that is wrong in itself."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .address import cidr_problems, normal_cidr
from .dhcp import NO_ROUTER, Dhcp, DhcpHost, DhcpOption, DhcpRecord, Range
from .dhcpcheck import host_clashes, network_clashes, subnet_problems
from .interface import mac_problems, name_problems, normal_mac
from .problem import Problem

Options = t.Mapping[str, t.Any]
# Of RFC 2132 and RFC 8415 and their kin, by dnsmasq's names, whatever its version knows.
OPTIONS4 = {
    "time-offset": 2, "log-server": 7, "lpr-server": 9, "boot-file-size": 13, "swap-server": 16, "root-path": 17,
    "extension-path": 18, "static-route": 33, "nis-domain": 40, "nis-server": 41, "ntp-server": 42, "netbios-ns": 44,
    "netbios-dd": 45, "netbios-nodetype": 46, "netbios-scope": 47, "vendor-class": 60, "tftp-server": 66, "bootfile-name": 67,
    "smtp-server": 69, "pop3-server": 70, "posix-timezone": 100, "tzdb-timezone": 101, "ipv6-only": 108, "domain-search": 119,
    "sip-server": 120, "classless-static-route": 121, "tftp-server-address": 150, "dns-server": 6,
}  # fmt: skip
OPTIONS6 = {
    "sip-server-domain": 21, "sip-server": 22, "dns-server": 23, "domain-search": 24, "nis-server": 27, "nis-domain": 29,
    "sntp-server": 31, "information-refresh-time": 32, "posix-timezone": 41, "tzdb-timezone": 42, "ntp-server": 56,
    "bootfile-url": 59, "bootfile-param": 60,
}  # fmt: skip
# What dnsmasq or an option of the network says already, or the protocol itself.
_TAKEN4 = {
    1: "", 3: "router", 12: "hosts", 15: "domain", 26: "mtu", 28: "", 50: "", 51: "lease_time", 52: "", 53: "", 54: "",
    55: "", 57: "", 58: "lease_time", 59: "lease_time", 61: "", 81: "", 82: "",
}  # fmt: skip
_TAKEN6 = {**dict.fromkeys(range(1, 10), ""), **dict.fromkeys(range(11, 15), ""), 39: ""}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST_NAME = re.compile(_LABEL)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_TIME = re.compile(r"(\d{1,9})([mhdw]?)")
_SECONDS = {"": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FORWARDER = re.compile(rf"(?:/({_DOMAIN.pattern})/)?([0-9A-Fa-f:.]+)(?:#(\d{{1,5}}))?")
# dnsmasq's minimum (option.c), in seconds.
_SHORTEST = 120
_MTU = {4: 576, 6: 1280}  # RFC 791, RFC 8200: what everybody must be able to take


def read_dhcps(items: t.Sequence[Options], path: str = "networks") -> tuple[tuple[Dhcp, ...], list[Problem]]:
    """All items of a list of networks, with the problems of each and those between them."""
    problems: list[Problem] = []
    networks = []
    for index, item in enumerate(items):
        network, wrong = read_network(item, f"{path}[{index}]")
        problems += wrong
        networks.append(network)
    return tuple(networks), problems + network_clashes([(network, f"{path}[{index}]") for index, network in enumerate(networks)])


def read_network(options: Options, path: str) -> tuple[Dhcp, list[Problem]]:
    """One item of ``networks``. What depends on the bridge's addresses is judged when they are known."""
    name = options["name"]
    bridge = options.get("bridge") or name
    problems = (
        [] if _NAME.fullmatch(name) else [Problem(f"{path}.name", f"{name!r} is no name; use 1 to 63 letters, digits, '_', '-', '.'")]
    )
    problems += name_problems(bridge, f"{path}.{'bridge' if options.get('bridge') else 'name'}")
    addresses, wrong = _read_own(options.get("addresses") or [], f"{path}.addresses")
    placed, bad = _read_ranges(options, path)
    hosts, strange = read_hosts(options.get("hosts") or [], f"{path}.hosts")
    records, odd = _read_records(options.get("records") or [], f"{path}.records")
    further, unfit = _read_options(options.get("options") or [], f"{path}.options")
    problems += [*wrong, *bad, *strange, *odd, *unfit, *_setting_problems(options, path)]
    network = Dhcp(
        name=name,
        bridge=bridge,
        addresses=addresses,
        ranges=tuple(pair for _place, pair in placed),
        hosts=hosts,
        router=_read_router(options.get("router") or ""),
        domain=(options.get("domain") or "").lower(),
        forwarders=tuple(options.get("forwarders") or ()),
        records=records,
        mtu=options.get("mtu") or 0,
        lease_time=options.get("lease_time") or "1h",
        ra=options.get("ra"),
        slaac=options.get("slaac"),
        options=further,
        dns=options.get("dns") is not False,
    )
    if addresses and not wrong:
        problems += subnet_problems(network, addresses, path, [place for place, _pair in placed])
    return network, problems


def _setting_problems(options: Options, path: str) -> list[Problem]:
    """What is wrong with the options that are one word each."""
    problems = []
    domain, mtu, time = options.get("domain") or "", options.get("mtu") or 0, options.get("lease_time") or "1h"
    if domain and not (_DOMAIN.fullmatch(domain) and len(domain) < 254):
        problems.append(Problem(f"{path}.domain", f"{domain!r} is no domain; write it as in lab.example"))
    if mtu and not _MTU[4] <= mtu <= 65535:
        problems.append(Problem(f"{path}.mtu", f"{mtu} is outside {_MTU[4]} to 65535"))
    if mtu and mtu < _MTU[6] and options.get("dhcp6"):
        problems.append(Problem(f"{path}.mtu", f"{mtu} is less than the {_MTU[6]} that IPv6 needs"))
    found = _TIME.fullmatch(time)
    if time != "infinite" and not found:
        problems.append(Problem(f"{path}.lease_time", f"{time!r} is no time; write seconds, or as in 45m, 12h, 2d, 1w, or infinite"))
    elif found and int(found[1]) * _SECONDS[found[2]] < _SHORTEST:
        problems.append(Problem(f"{path}.lease_time", f"{time} is less than two minutes, which is dnsmasq's minimum"))
    router = options.get("router") or ""
    if router != NO_ROUTER and router and not _is_address(router, 4):
        cure = "write an IPv4 address or none; IPv6 routers are learnt from router advertisements"
        problems.append(Problem(f"{path}.router", f"{router!r} cannot be told to guests; {cure}"))
    for index, text in enumerate(options.get("forwarders") or []):
        parts = _FORWARDER.fullmatch(text)
        where = f"{path}.forwarders[{index}]"
        if not parts or not _is_address(parts[2]) or int(parts[3] or 53) > 65535:
            problems.append(Problem(where, f"{text!r} is no name server; write 192.0.2.53, 192.0.2.53#5353 or /example.org/192.0.2.53"))
        elif options.get("dns") is False and text != parts[2]:
            problems.append(Problem(where, f"with dns: false, guests are told {text!r} themselves; leave domain and port out"))
    return problems


def _is_address(text: str, version: int = 0) -> bool:
    try:
        return ipaddress.ip_address(text).version == version or not version
    except ValueError:
        return False


def _read_router(text: str) -> str:
    return str(ipaddress.ip_address(text)) if _is_address(text) else text


def _read_own(texts: t.Sequence[str], path: str) -> tuple[tuple[str, ...], list[Problem]]:
    problems = [problem for index, text in enumerate(texts) for problem in cidr_problems(text, f"{path}[{index}]")]
    return tuple(texts) if problems else tuple(normal_cidr(text) for text in texts), problems


def _read_ranges(options: Options, path: str) -> tuple[list[tuple[str, Range]], list[Problem]]:
    """``ranges`` of IPv4 and ``dhcp6`` of IPv6, each behind its place."""
    found: list[tuple[str, Range]] = []
    problems = []
    for option, version, example in (("ranges", 4, "10.0.2.1-10.0.2.254"), ("dhcp6", 6, "2001:db8::100-2001:db8::1ff")):
        for index, text in enumerate(options.get(option) or []):
            place = f"{path}.{option}[{index}]"
            first, dash, last = (word.strip() for word in text.partition("-"))
            if not dash or not _is_address(first) or not _is_address(last):
                problems.append(Problem(place, f"{text!r} is no range; write the first and the last address, as in {example}"))
            elif not (_is_address(first, version) and _is_address(last, version)):
                other = "dhcp6" if option == "ranges" else "ranges"
                problems.append(Problem(place, f"{text} is not IPv{version}; IPv{10 - version} goes to {other}"))
            elif int(ipaddress.ip_address(first)) > int(ipaddress.ip_address(last)):
                problems.append(Problem(place, f"{text} runs backwards; write {last}-{first}"))
            else:
                found.append((place, (str(ipaddress.ip_address(first)), str(ipaddress.ip_address(last)))))
    return found, problems


def read_hosts(items: t.Sequence[Options], path: str = "hosts") -> tuple[tuple[DhcpHost, ...], list[Problem]]:
    """Static hosts, with what is wrong with each and between them."""
    hosts, problems = [], []
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        mac, name = normal_mac(item.get("mac") or ""), (item.get("name") or "").lower()
        problems += mac_problems(mac, f"{place}.mac")
        addresses, wrong = _read_addresses(item.get("addresses") or [], f"{place}.addresses")
        problems += wrong
        if sum(":" not in text for text in addresses) > 1:
            problems.append(Problem(f"{place}.addresses", "holds more than one IPv4 address, and DHCP gives one; leave the others out"))
        if name and not HOST_NAME.fullmatch(name):
            problems.append(Problem(f"{place}.name", f"{name!r} is no host's name; use letters, digits and '-', without the domain"))
        if not name and not item.get("addresses"):
            problems.append(Problem(place, "has neither addresses nor a name, so nothing is said of it; give it one of them"))
        hosts.append(DhcpHost(mac, addresses, name))
    return tuple(hosts), problems + host_clashes(hosts, path)


def _read_addresses(texts: t.Sequence[str], path: str) -> tuple[tuple[str, ...], list[Problem]]:
    """Addresses of others; a prefix length behind them does not matter."""
    found, problems = [], []
    for index, text in enumerate(texts):
        try:
            found.append(str(ipaddress.ip_interface(text.strip()).ip))
        except ValueError:
            problems.append(Problem(f"{path}[{index}]", f"{text!r} is no address; write it as in 10.0.2.7 or 2001:db8::7"))
    return tuple(found), problems


def _read_records(items: t.Sequence[Options], path: str) -> tuple[tuple[DhcpRecord, ...], list[Problem]]:
    records, problems = [], []
    for index, item in enumerate(items):
        place, name = f"{path}[{index}]", item["name"].lower()
        addresses, wrong = _read_addresses(item.get("addresses") or [], f"{place}.addresses")
        problems += wrong
        if not _DOMAIN.fullmatch(name):
            problems.append(Problem(f"{place}.name", f"{name!r} is no name; write it as in gateway or gateway.lab.example"))
        if not addresses and not wrong:
            problems.append(Problem(f"{place}.addresses", "is empty; a record needs an address"))
        records.append(DhcpRecord(name, addresses))
    return tuple(records), problems


def _read_options(items: t.Sequence[Options], path: str) -> tuple[tuple[DhcpOption, ...], list[Problem]]:
    options, problems = [], []
    for index, item in enumerate(items):
        place, text, family = f"{path}[{index}]", item["name"], 6 if item.get("ipv6") else 4
        known, taken = (OPTIONS6, _TAKEN6) if family == 6 else (OPTIONS4, _TAKEN4)
        number = int(text) if text.isdigit() and len(text) < 6 else known.get(text, 0)
        if number in taken:
            cure = f"say it with {taken[number]}:" if taken[number] else "leave it out"
            problems.append(Problem(f"{place}.name", f"{text} is not an extra option, it is part of what is said anyway; {cure}"))
        elif not 0 < number < (255 if family == 4 else 65536):
            there = ", ".join(sorted(known))
            problems.append(Problem(f"{place}.name", f"{text!r} is not known here; write its number, or one of: {there}"))
        values = tuple(item.get("values") or ())
        for at, value in enumerate(values):
            if not value or any(sign in '"\\' or not sign.isprintable() for sign in value):
                why = "is empty or holds a quote, a backslash or an unprintable character"
                problems.append(Problem(f"{place}.values[{at}]", f"{value!r} {why}; write it without"))
        options.append(DhcpOption(number, values, family, bool(item.get("force"))))
    return tuple(options), problems
