# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Exemptions in the words of iptables(8) and firewalld.policy(5), and the unit that brings Docker's back with Docker."""

from __future__ import annotations

import typing as t

from ..model.coexist import DOCKER_CHAIN, OUR_CHAIN, Passage, Service
from ..model.state import FileState
from .boot import HEADER

FOLDER = "/etc/hypervisor-vnet/coexist"
UNIT = "hypervisor-vnet-coexist.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT}"
# firewalld allows 18 characters.
POLICY, HOST_POLICY = "hypervisor-vnet", "hypervisor-vnet-in"
POLICIES = "/etc/firewalld/policies"
MARK = "hypervisor.vnet"
# How our chain is asked, in iptables' words.
LINK = ("-m", "comment", "--comment", MARK, "-j", OUR_CHAIN)
_ICMP = {4: "icmp", 6: "ipv6-icmp"}

# firewalld empties the tables of iptables some time after systemd calls it started, and answers when it has. Docker's chain comes
# again with Docker.
_UNIT = f"""{HEADER}
[Unit]
Description=Exemptions of hypervisor.vnet in Docker's rules
After=docker.service firewalld.service
PartOf=docker.service firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-sh -c 'systemctl --quiet is-active firewalld.service && firewall-cmd --quiet --state'
"""
_WAITED = 5  # seconds


def rules_path(tool: str) -> str:
    return f"{FOLDER}/{tool}.rules"


def policy_path(name: str) -> str:
    return f"{POLICIES}/{name}.xml"


def family_of(tool: str) -> int:
    return 6 if tool.startswith("ip6") else 4


def rules(passages: t.Iterable[Passage], family: int) -> list[str]:
    """The rules of our chain as iptables-save(8) shows them, without -A and the chain's name."""
    return list(dict.fromkeys(_rule(passage) for passage in passages if passage.family == family))


def _rule(passage: Passage) -> str:
    words = [f"-i {passage.iif}" if passage.iif else "", f"-o {passage.oif}" if passage.oif else ""]
    if passage.protocol == "icmp":
        words.append(f"-p {_ICMP[passage.family]}")
    elif passage.protocol:
        first, last = passage.ports
        port = f"{first}:{last}" if first != last else str(first)
        words.append(f"-p {passage.protocol} -m {passage.protocol} --dport {port}")
    state = f"-m conntrack --ctstate {passage.only}" if passage.only else ""
    return " ".join(word for word in [*words, state, "-j ACCEPT"] if word)


def restore_text(lines: t.Sequence[str], link: bool) -> str:
    """What iptables-restore(8) takes with --noflush, in one go: our chain anew and, with ``link``, the rule that leads to it."""
    added = [f"-A {OUR_CHAIN} {line}" for line in lines]
    added += [f"-I {DOCKER_CHAIN} 1 {' '.join(LINK)}"] if link else []
    return "\n".join(["*filter", f":{OUR_CHAIN} - [0:0]", *added, "COMMIT", ""])


def docker_files(texts: t.Mapping[str, t.Sequence[str]]) -> dict[str, FileState]:
    """What brings exemptions back whenever Docker starts. ``texts``: tool -> rules of our chain."""
    files = {rules_path(tool): FileState(f"{HEADER}\n{restore_text(lines, False)}") for tool, lines in texts.items()}
    starts = "".join(f"ExecStart=-sh -c '{_command(tool)}'\n" for tool in sorted(texts))
    if texts:
        files[UNIT_PATH] = FileState(f"{_UNIT}{starts}\n[Install]\nWantedBy=docker.service firewalld.service\n")
    return files


def _command(tool: str) -> str:
    asks = f"{DOCKER_CHAIN} {' '.join(LINK)}"
    known = f'timeout {_WAITED} sh -c "until {tool} -n -L {DOCKER_CHAIN}; do sleep 0.1; done" >/dev/null 2>&1'
    return f"{known} && {tool}-restore --noflush {rules_path(tool)} && {{ {tool} -C {asks} 2>/dev/null || {tool} -I {asks}; }}"


def firewalld_files(passages: t.Iterable[Passage], services: t.Iterable[Service]) -> dict[str, FileState]:
    """One policy for what is routed, one for what comes to the host itself; none where there is nothing to say.

    firewalld lets answers and what was forwarded by address translation pass by itself.
    """
    routed = [rule for passage in passages if not passage.only for rule in _forward_rules(passage)]
    served = [rule for service in services for rule in _service_rules(service)]
    policies = {POLICY: ("ANY", "Routed packets", routed), HOST_POLICY: ("HOST", "DHCP and DNS", served)}
    return {
        policy_path(name): FileState(_policy(what, egress, list(dict.fromkeys(lines))))
        for name, (egress, what, lines) in policies.items()
        if lines
    }


def _policy(what: str, egress: str, lines: t.Sequence[str]) -> str:
    head = ['<?xml version="1.0" encoding="utf-8"?>', f"<!--{HEADER.lstrip('#')} -->", '<policy target="CONTINUE">']
    about = [f"  <short>{MARK}</short>", f"  <description>{what} of the networks of hypervisor.vnet.</description>"]
    return "\n".join([*head, *about, '  <ingress-zone name="ANY"/>', f'  <egress-zone name="{egress}"/>', *lines, "</policy>", ""])


def _forward_rules(passage: Passage) -> list[str]:
    """One for each pair of subnets. Without any, it would be for all that the host routes."""
    if not passage.sources and not passage.targets:
        return []
    what = ""
    if passage.protocol == "icmp":
        what = f'<protocol value="{_ICMP[passage.family]}"/>'
    elif passage.protocol:
        port = "-".join(dict.fromkeys(str(port) for port in passage.ports))
        what = f'<port port="{port}" protocol="{passage.protocol}"/>'
    return [
        _rich(passage.family, _address("source", source) + _address("destination", target) + what)
        for source in passage.sources or ("",)
        for target in passage.targets or ("",)
    ]


def _service_rules(service: Service) -> list[str]:
    """Who has no address yet asks everybody, and any other program of the host that listens there would be asked as well."""
    everybody, name = ("255.255.255.255", "dhcp") if service.family == 4 else ("ff02::1:2", "dhcpv6")
    found = [_rich(service.family, _address("destination", everybody) + _service(name))]
    for subnet in service.subnets:
        found += [_rich(service.family, _address("source", subnet) + _service(word)) for word in (name, "dns")]
    return found


def _rich(family: int, words: str) -> str:
    return f'  <rule family="ipv{family}">{words}<accept/></rule>'


def _address(element: str, network: str) -> str:
    return f'<{element} address="{network}"/>' if network else ""


def _service(name: str) -> str:
    return f'<service name="{name}"/>'
