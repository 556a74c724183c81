# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Which connections a change of address translation leaves with a translation that is not valid any more.

conntrack asks the rules once for each connection, so those of a forward that is gone would go on, and a sender of UDP that was
there before its forward would never reach it.
"""

from __future__ import annotations

import typing as t

from ..model.nat import Forward, Nat, Ports
from ..model.step import Forget

_FAMILY = {4: "ipv4", 6: "ipv6"}


def forget(before: t.Sequence[Nat], after: t.Sequence[Nat], local: t.Iterable[str]) -> Forget | None:
    """What conntrack shall forget when the networks change so; None for nothing. ``local``: addresses of the host."""
    flows, kept = _forwards(before, after, list(local))
    flows += _pairs(before, after) + _sources(before, after)
    return Forget(tuple(dict.fromkeys(flows)), tuple(dict.fromkeys(kept))) if flows else None


def _forwards(before: t.Sequence[Nat], after: t.Sequence[Nat], local: t.Sequence[str]) -> tuple[list[str], list[str]]:
    had, has = ({item: None for nat in nats for item in nat.forwards} for nats in (before, after))
    gone, new = [item for item in had if item not in has], [item for item in has if item not in had]
    targets = {item.to for item in gone}
    flows = [flow for item in gone for flow in _translated(item)]
    flows += [flow for item in new if "udp" in item.protocols for flow in _missed(item, local)]
    return flows, [flow for item in has if item.to in targets for flow in _translated(item)]


def _translated(item: Forward) -> list[str]:
    """The connections that go by the forward."""
    return [
        f"{_begin(item, protocol, source)}{_listen(item.listen_address)} --reply-src {item.to} --reply-port-src {_ports(item.to_ports)}"
        for protocol in item.protocols
        for source in item.sources or ("",)
    ]


def _missed(item: Forward, local: t.Sequence[str]) -> list[str]:
    """Those that reached the host itself until now."""
    same = [address for address in local if (":" in address) == (item.version == 6)]
    addresses = [item.listen_address] if item.listen_address else same
    return [
        f"{_begin(item, 'udp', source)}{_listen(address)} --reply-src {address}"
        for source in item.sources or ("",)
        for address in addresses
    ]


def _begin(item: Forward, protocol: str, source: str) -> str:
    come = f" --orig-src {source}" if source else ""
    return f"-f {_FAMILY[item.version]} -p {protocol}{come} --orig-port-dst {_ports(item.ports)}"


def _listen(address: str) -> str:
    return f" --orig-dst {address}" if address else ""


def _ports(ports: Ports) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}:{ports[1]}"


def _pairs(before: t.Sequence[Nat], after: t.Sequence[Nat]) -> list[str]:
    had, has = (dict.fromkeys(pair for nat in nats for pair in nat.one_to_one) for nats in (before, after))
    flows = []
    for outside, inside in had:
        if (outside, inside) not in has:
            begin = f"-f {_FAMILY[6 if ':' in inside else 4]}"
            flows += [f"{begin} --orig-dst {outside} --reply-src {inside}", f"{begin} --orig-src {inside} --reply-dst {outside}"]
    new = [inside for outside, inside in has if (outside, inside) not in had]
    return flows + [f"-f {_FAMILY[6 if ':' in inside else 4]} --orig-src {inside} --src-nat" for inside in new]


def _sources(before: t.Sequence[Nat], after: t.Sequence[Nat]) -> list[str]:
    """Networks that have now another source address, or none."""
    has = {key for nat in after for key in _addresses(nat)}
    flows = []
    for nat in before:
        for network, address in _addresses(nat):
            if (network, address) not in has:
                end = f"--reply-dst {address}" if address else "--src-nat"
                flows.append(f"-f {_FAMILY[6 if ':' in network else 4]} --orig-src {network} {end}")
    return flows


def _addresses(nat: Nat) -> list[tuple[str, str]]:
    """Each translated subnet and its source address, empty for the uplink's own."""
    translated = {4: bool(nat.snat) or nat.masquerade, 6: nat.nat66}
    return [
        (str(network), nat.snat if version == 4 else "") for version in (4, 6) for network in nat.networks(version) if translated[version]
    ]
