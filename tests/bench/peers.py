# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that others put before many guests, as they load them: Xen's script vif-common.sh and libvirt's filter clean-traffic.

Both filter IPv4 only; the guest that sends is the last one, as everywhere in these measurements.
"""

from __future__ import annotations

import typing as t

Guest = t.Mapping[str, t.Any]


def physdev(guests: t.Sequence[Guest]) -> str:
    """iptables-restore's text: handle_iptable of Xen 4.17, four rules a guest behind a policy that drops."""
    lines = ["*filter", ":INPUT ACCEPT", ":FORWARD DROP", ":OUTPUT ACCEPT"]
    for guest in guests:
        name, address = guest["interface"], guest["addresses"][0]
        for words in (f"-s {address}", "-p udp --sport 68 --dport 67"):
            lines.append(f"-A FORWARD {words} -m physdev --physdev-is-bridged --physdev-in {name} -j ACCEPT")
            lines.append(f"-A FORWARD -m physdev --physdev-is-bridged --physdev-out {name} -j ACCEPT")
    return "\n".join([*lines, "COMMIT", ""])


def nwfilter(guests: t.Sequence[Guest]) -> str:
    """ebtables-restore's text: six chains a guest, and one more rule for all of them before the last one's."""
    chains: list[str] = []
    rules: list[str] = []
    for guest in guests:
        name, mac, address = guest["interface"], guest["mac"], guest["addresses"][0]
        own = {
            "mac": [f"-s {mac} -j RETURN"],
            "ip": ["-p IPv4 --ip-src 0.0.0.0 --ip-proto udp -j RETURN", f"-p IPv4 --ip-src {address} -j RETURN"],
            "am": [f"-p ARP --arp-mac-src {mac} -j RETURN"],
            "ai": [f"-p ARP --arp-ip-src {address} -j RETURN"],
            "ra": [f"-p 0x8035 -s {mac} -d Broadcast --arp-op 3 -j ACCEPT"],
        }
        chains += [f":I-{name}-{chain} ACCEPT" for chain in own] + [f":I-{name} ACCEPT"]
        rules += [f"-A I-{name}-{chain} {rule}" for chain, lines in own.items() for rule in [*lines, "-j DROP"]]
        root = ["-j I-{0}-mac", "-p IPv4 -j I-{0}-ip", "-p IPv4 -j ACCEPT", "-p ARP -j I-{0}-am", "-p ARP -j I-{0}-ai", "-p ARP -j ACCEPT"]
        rules += [f"-A I-{name} {rule.format(name)}" for rule in [*root, "-p 0x8035 -j I-{0}-ra", "-j DROP"]]
        rules.append(f"-A PREROUTING -i {name} -j I-{name}")
    return "\n".join(["*nat", ":PREROUTING ACCEPT", *chains, *rules, ""])
