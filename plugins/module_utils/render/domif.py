# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Interfaces of libvirt's domains in words: what diffs and facts say of them."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.domif import DomifFacts, Words, is_plugged, mac_of, words_of

_ORDER = ("place", "model", "mtu", "isolated", "inbound", "outbound")
_UNITS = {"inbound": " kB/s", "outbound": " kB/s"}


def describe_domif(domain: str, mac: str, words: Words, owner: str = "") -> str:
    """One interface as a paragraph. ``owner``: empty for one that is not ours."""
    lines = [f"interface {words.get('dev') or 'without a name'} of {domain}", *([f"  owner {owner}"] if owner else []), f"  mac {mac}"]
    shown = {word: words[word] for word in _ORDER if words.get(word, "no") != "no"}
    return "\n".join([*lines, *(f"  {word} {value}{_UNITS.get(word, '')}" for word, value in shown.items()), ""])


def domif_facts(applied: Applied, facts: DomifFacts) -> list[dict[str, t.Any]]:
    """Every interface of every domain in a network or bridge: as the domain runs, else as it is stored."""
    owners = {(item.domif.domain, item.domif.mac): item.owner for item in applied.domifs.values()}
    found = []
    for domain in sorted(facts.domains.values(), key=lambda item: item.name):
        for item in (domain.stored or ()) if domain.live is None else domain.live:
            if is_plugged(item):
                words, mac = words_of(item, facts.networks), mac_of(item)
                found.append(
                    {
                        "interface": words.get("dev", ""),
                        "domain": domain.name,
                        "mac": mac,
                        "network": item.one("source").get("network"),
                        "bridge": words["place"] if not words["place"].startswith("network ") else "",
                        "model": words.get("model", ""),
                        "mtu": int(words.get("mtu", "0")),
                        "isolated": words.get("isolated") == "yes",
                        "running": domain.live is not None,
                        "owner": owners.get((domain.name, mac), ""),
                    }
                )
    return found
