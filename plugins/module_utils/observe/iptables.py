# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Tables of iptables(8) and ip6tables(8), as iptables-save(8) writes them."""

from __future__ import annotations

import shlex
import typing as t

from ..model.blocker import SPECIAL, UNKNOWN, ForeignChain, ForeignRule, ForeignTable, Match

_ASKS = {"-i": "iif", "-o": "oif", "-s": "saddr", "-d": "daddr", "-p": "protocol", "--ctstate": "state", "--state": "state"}
_ASKS["--ctstatus"] = "status"
_PORTS = {"--dport": "dport", "--dports": "dport", "--sport": "sport", "--sports": "sport"}
# Of packets that ordinary ones are not: marked, of ICMP, with flags, between ports of a bridge.
_SPECIAL = ("--mark", "--icmp-type", "--icmpv6-type", "--tcp-flags", "--physdev-in", "--physdev-out", "--physdev-is-bridged", "--pkt-type")
_SILENT = ("-m", "--comment")
_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}
# Targets after which the rules go on.
_GO_ON = frozenset({"", "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "CHECKSUM", "CLASSIFY", "CT", "DSCP", "SET", "TRACE", "AUDIT"})
_HOOK = "FORWARD"


def parse_iptables(text: str, family: str, name: str, tool: str) -> ForeignTable:
    """One table; only its hook for routed packets is looked at."""
    policies: dict[str, str] = {}
    rules: dict[str, list[ForeignRule]] = {}
    lines = [line for line in text.splitlines() if line.startswith((":", "-A "))]
    for line in lines:
        if line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            policies[chain], rules[chain] = policy, []
    for line in lines:
        if line.startswith("-A "):
            words = shlex.split(line)
            rules.setdefault(words[1], []).append(_rule(words[2:], line[len(f"-A {words[1]} ") :], policies))
    chains = {}
    for chain, policy in policies.items():
        hook = "forward" if chain == _HOOK and name in ("filter", "mangle") else ""
        chains[chain] = ForeignChain(tuple(rules[chain]), hook, policy.lower() if hook else "")
    return ForeignTable(family, name, tool, chains)


def _rule(words: t.Sequence[str], text: str, chains: t.Container[str]) -> ForeignRule:
    matches: list[Match] = []
    target, word, negated = "", "", False
    ports: list[tuple[str, tuple[str, ...], bool]] = []
    protocol = next((words[at + 1] for at, item in enumerate(words[:-1]) if item == "-p"), "")
    for option, values, negated in _options(words):
        value = values[0] if values else ""
        if option in ("-j", "-g"):
            word, target = option, value
            # What follows belongs to the target.
            break
        if option in _ASKS:
            matches.append(Match(_ASKS[option], _plain(option, value), negated))
        elif option in _PORTS:
            ports.append((_PORTS[option], tuple(item.replace(":", "-") for item in value.split(",")), negated))
        elif option not in _SILENT:
            matches.append(Match(SPECIAL if option in _SPECIAL else UNKNOWN, negated=negated))
    matches += [Match(f"{protocol or 'th'} {side}", values, negated) for side, values, negated in ports]
    return ForeignRule(tuple(matches), _verdict(word, target, chains), text)


def _options(words: t.Sequence[str]) -> t.Iterator[tuple[str, tuple[str, ...], bool]]:
    """Each option with what follows it, and whether a `!` stands before."""
    at, negated = 0, False
    while at < len(words):
        if words[at] == "!":
            at, negated = at + 1, True
            continue
        end = at + 1
        while end < len(words) and not words[end].startswith("-") and words[end] != "!":
            end += 1
        yield words[at], tuple(words[at + 1 : end]), negated
        at, negated = end, False


def _plain(option: str, value: str) -> tuple[str, ...]:
    if option in ("-i", "-o"):
        return (f"{value[:-1]}*" if value.endswith("+") else value,)
    return tuple(item.lower() for item in value.split(","))


def _verdict(word: str, target: str, chains: t.Container[str]) -> str:
    if target in chains:
        return f"{'goto' if word == '-g' else 'jump'} {target}"
    return _VERDICTS.get(target, "" if target in _GO_ON else UNKNOWN)
