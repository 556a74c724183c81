# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that others put before a guest's interface, as they load them: Xen's script vif-common.sh and libvirt's nwfilter."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from corpus import NET4, US, US4, VICTIM4
from harness import Namespace
from wire import ATTACKER, FREE, NEIGHBOUR

# Neither has a word for a second MAC; libvirt has none for networks, and gets the single addresses.
_OWN4 = (US4, NET4)
_SINGLE4 = (US4, *map(str, ipaddress.ip_network(NET4)))


def xen(host: Namespace, uplink: str = "") -> None:
    """handle_iptable of Xen 4.17, for every address of `ip=`, on a bridge with the classic antispoof=yes.

    Its rules accept only, so they need a policy that drops, and br_netfilter. Debian has switched the function off: no rule at all.
    ``uplink``: the port that is no guest's.
    """
    host.sysctl("net/bridge/bridge-nf-call-iptables", "1")
    _iptables(host, "-P", "FORWARD", "DROP")
    if uplink:
        _iptables(host, "-A", "FORWARD", "-m", "physdev", "--physdev-in", uplink, "-j", "ACCEPT")
    guests: dict[str, Sequence[str]] = {ATTACKER: _OWN4, NEIGHBOUR: (VICTIM4,), FREE: ("10.0.0.30",)}
    for dev, addresses in guests.items():
        if dev == uplink:
            continue
        for words in [*(("-s", address) for address in addresses), ("-p", "udp", "--sport", "68", "--dport", "67")]:
            _iptables(host, "-I", "FORWARD", "-m", "physdev", "--physdev-is-bridged", "--physdev-in", dev, *words, "-j", "ACCEPT")
            _iptables(host, "-I", "FORWARD", "-m", "physdev", "--physdev-is-bridged", "--physdev-out", dev, "-j", "ACCEPT")


def _iptables(host: Namespace, *words: str) -> None:
    host.run("iptables-nft", "-w", *words)


def libvirt(host: Namespace) -> None:
    """clean-traffic with IP and MAC given, in the order of its filters' priorities."""
    chains: dict[str, Sequence[str]] = {
        "mac": [f"-s {US} -j RETURN"],
        "ipv4-ip": ["-p 0x0800 --ip-src 0.0.0.0 --ip-proto udp -j RETURN", *(f"-p 0x0800 --ip-src {ip} -j RETURN" for ip in _SINGLE4)],
        "arp-mac": [f"-p 0x0806 --arp-mac-src {US} -j RETURN"],
        "arp-ip": [f"-p 0x0806 --arp-ip-src {ip} -j RETURN" for ip in _SINGLE4],
        "rarp": [
            f"-p 0x8035 -s {US} -d Broadcast --arp-op 3 --arp-ip-src 0.0.0.0 --arp-ip-dst 0.0.0.0"
            f" --arp-mac-src {US} --arp-mac-dst {US} -j ACCEPT"
        ],
    }
    root = [
        "-j I-mac",
        "-p 0x0800 -j I-ipv4-ip",
        "-p 0x0800 -j ACCEPT",
        "-p 0x0806 -j I-arp-mac",
        "-p 0x0806 -j I-arp-ip",
        "-p 0x0806 -j ACCEPT",
    ]
    root += ["-p 0x8035 -j I-rarp", "-p 0x835 -j ACCEPT", "-j DROP"]
    lines = [f":I-{name} ACCEPT" for name in chains] + [":libvirt-I ACCEPT"]
    lines += [f"-A I-{name} {rule}" for name, rules in chains.items() for rule in (*rules, "-j DROP")]
    lines += [*(f"-A libvirt-I {rule}" for rule in root), f"-A PREROUTING -i {ATTACKER} -j libvirt-I"]
    host.run("ebtables-nft-restore", stdin="\n".join(["*nat", ":PREROUTING ACCEPT", *lines, ""]))
