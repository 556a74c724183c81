# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of frame that a guest may and may not send, from one guest with one set of addresses.

``us`` is the guest under guard, ``victim`` its neighbour, ``router`` whom both talk to.
"""

from __future__ import annotations

import frames as f

US, VICTIM, ROUTER, STRANGER = "52:54:00:00:00:0a", "52:54:00:00:00:14", "52:54:00:00:00:01", "52:54:00:00:00:99"
VMAC = "00:00:5e:00:01:07"
US4, NET4, PAIR4, VICTIM4, ROUTER4 = "10.0.0.10", "10.0.5.0/29", "10.0.0.77", "10.0.0.20", "10.0.0.1"
US6, NET6, VICTIM6, ROUTER6 = "2001:db8::10", "2001:db8:5::/61", "2001:db8::20", "2001:db8::1"
US_LL, VICTIM_LL, ROUTER_LL = "fe80::5054:ff:fe00:a", "fe80::5054:ff:fe00:14", "fe80::1"
NODES, ROUTERS, MLD, SOLICITED = "ff02::1", "ff02::2", "ff02::16", "ff02::1:ff00:14"
GUARD = {
    "mac": US,
    "addresses": [US4, NET4, US6, NET6],
    "allowed_pairs": [{"mac": VMAC, "address": PAIR4}],
}

_NS, _NA, _RS, _RA, _REDIRECT = 135, 136, 133, 134, 137
_SOURCE, _TARGET, _NONCE = 1, 2, 14
Cases = dict[str, bytes]


def v4(source: str, payload: bytes = b"", mac: str = US, protocol: int = f.UDP, target: str = VICTIM4, **more: int | bytes) -> bytes:
    data = payload or f.udp(source, target, 4000, 5000)
    dst = f.BROADCAST if target == "255.255.255.255" else f.multicast_mac(target) if target.startswith("22") else VICTIM
    return f.ether(mac, dst, f.IP4, f.ip4(source, target, protocol, data, **more))  # type: ignore[arg-type]


def v6(source: str, payload: bytes = b"", mac: str = US, header: int = f.UDP, target: str = VICTIM6) -> bytes:
    data = payload or f.udp(source, target, 4000, 5000)
    dst = f.multicast_mac(target) if target.startswith("ff") else VICTIM
    return f.ether(mac, dst, f.IP6, f.ip6(source, target, header, data))


def nd(kind: int, source: str, target: str, about: str = "", *options: bytes, mac: str = US, flags: int = 0, wrap: str = "") -> bytes:
    """A message of neighbour discovery. ``about``: its target address; ``wrap``: what is put between IPv6 and ICMPv6."""
    body = f.icmp6(source, target, kind, flags.to_bytes(4, "big") + (f.address(about) if about else b"") + b"".join(options))
    if wrap == "hop-by-hop":
        return v6(source, f.extension(f.ICMP6) + body, mac, f.HOP_BY_HOP, target)
    if wrap == "destination":
        return v6(source, f.extension(f.ICMP6) + body, mac, f.DESTINATION, target)
    if wrap == "routing":
        return v6(source, f.routing(f.ICMP6) + body, mac, f.ROUTING, target)
    if wrap == "atomic fragment":
        return v6(source, f.piece(f.ICMP6, 0, False, body), mac, f.FRAGMENT, target)
    if wrap == "first fragment":
        return v6(source, f.piece(f.ICMP6, 0, True, body[: len(body) // 16 * 8]), mac, f.FRAGMENT, target)
    if wrap == "harmless fragment":
        # It is to be overlapped by a second one, as thc-ipv6's fake_router26 -E o has it: two headers with nothing behind them.
        return v6(source, f.piece(f.DESTINATION, 0, True, f.extension(f.DESTINATION) + f.extension(f.NONE)), mac, f.FRAGMENT, target)
    if wrap == "hidden fragment":
        # All that the first one shows is an extension header: what it is about comes in the second.
        return v6(source, f.piece(f.DESTINATION, 0, True, f.extension(f.ICMP6)), mac, f.FRAGMENT, target)
    return v6(source, body, mac, f.ICMP6, target)


def _ll(kind: int, mac: str) -> bytes:
    return f.option(kind, f.mac(mac))


def _ra(source: str = US_LL, wrap: str = "") -> bytes:
    return nd(_RA, source, NODES, "", b"\0" * 8, _ll(_SOURCE, US), wrap=wrap)


def _redirect(wrap: str = "") -> bytes:
    return nd(_REDIRECT, US_LL, VICTIM6, US_LL, f.address("2001:db8::99"), wrap=wrap)


def _dhcp(operation: int, source: str, target: str, ports: tuple[int, int], client: str = US, mac: str = US) -> bytes:
    return v4(source, f.udp(source, target, *ports, f.dhcp(operation, client)), mac, target=target)


def _arp(operation: int, sender: tuple[str, str], target: tuple[str, str], mac: str = US, **more: int) -> bytes:
    return f.ether(mac, f.BROADCAST if operation == 1 else VICTIM, f.ARP, f.arp(operation, sender, target, **more))


def _mld2(source: str, mac: str = US) -> bytes:
    report = f.icmp6(source, MLD, 143, b"\0\0\0\1" + b"\4\0\0\0" + f.address(SOLICITED))
    return v6(source, b"\x3a\0\5\2\0\0\1\0" + report, mac, f.HOP_BY_HOP, MLD)


def _igmp(source: str) -> bytes:
    return v4(source, f.icmp(0x16, f.address("225.1.1.1")), protocol=f.IGMP, target="225.1.1.1")


def _vrrp(source: str, mac: str) -> bytes:
    return v4(source, b"\x31\7\x64\1\0\x64" + b"\0\0" + f.address(PAIR4), mac, f.VRRP, "224.0.0.18")


def good() -> Cases:
    return {name: frame for cases in good_kinds().values() for name, frame in cases.items()}


def good_kinds() -> dict[str, Cases]:
    """What a guest may send, kind by kind."""
    nobody = "00:00:00:00:00:00"
    return {"IPv4 and ARP": _good4(nobody), "IPv6": _good6()}


def _good4(nobody: str) -> Cases:
    return {
        "UDP": v4(US4),
        "TCP SYN": v4(US4, f.tcp(US4, VICTIM4, 4000, 80), protocol=f.TCP),
        "ping": v4(US4, f.icmp(8), protocol=f.ICMP),
        "from a network's first address": v4("10.0.5.0"),
        "from a network's last address": v4("10.0.5.7"),
        "to everybody": v4(US4, target="255.255.255.255"),
        "to a group": v4(US4, target="224.0.0.251"),
        "first fragment": v4(US4, fragment=0x2000),
        "last fragment": v4(US4, fragment=0x0003),
        "IPv4 options": v4(US4, options=b"\x94\4\0\0"),
        "IGMP report": _igmp(US4),
        "DHCP discover without an address": _dhcp(1, "0.0.0.0", "255.255.255.255", (68, 67)),
        "DHCP renewal": _dhcp(1, US4, ROUTER4, (68, 67)),
        "ARP request": _arp(1, (US, US4), (nobody, VICTIM4)),
        "ARP reply": _arp(2, (US, US4), (VICTIM, VICTIM4)),
        "ARP probe": _arp(1, (US, "0.0.0.0"), (nobody, US4)),
        "ARP announcement": _arp(1, (US, US4), (nobody, US4)),
        "gratuitous ARP reply": _arp(2, (US, US4), (US, US4)),
        "ARP for an address of the network": _arp(1, (US, "10.0.5.3"), (nobody, VICTIM4)),
        "ARP, padded": _arp(2, (US, US4), (VICTIM, VICTIM4)) + bytes(18),
        "keepalived's advertisement": _vrrp(US4, VMAC),
        "keepalived's gratuitous ARP": _arp(1, (VMAC, PAIR4), (f.BROADCAST, PAIR4), mac=VMAC),
        "from the pair": v4(PAIR4, mac=VMAC),
        "the pair's address, own MAC": v4(PAIR4),
        "QEMU announces itself": f.ether(US, f.BROADCAST, f.RARP, f.arp(3, (US, "0.0.0.0"), (US, "0.0.0.0"))),
    }


def _good6() -> Cases:
    ping = f.icmp6(US6, VICTIM6, 128, b"\0\1\0\1" + b"x" * 2000)
    return {
        "UDP over IPv6": v6(US6),
        "TCP over IPv6": v6(US6, f.tcp(US6, VICTIM6, 4000, 80), header=f.TCP),
        "from link-local": v6(US_LL, target=VICTIM_LL),
        "from an IPv6 network's last": v6("2001:db8:5:7:ffff:ffff:ffff:ffff"),
        "ping over IPv6": v6(US6, f.icmp6(US6, VICTIM6, 128, b"\0\1\0\1" + b"x" * 24), header=f.ICMP6),
        "behind hop-by-hop": v6(US6, f.extension(f.UDP) + f.udp(US6, VICTIM6, 1, 2), header=f.HOP_BY_HOP),
        "first IPv6 fragment": v6(US6, f.piece(f.UDP, 0, True, f.udp(US6, VICTIM6, 1, 2, b"x" * 24)), header=f.FRAGMENT),
        "last IPv6 fragment": v6(US6, f.piece(f.UDP, 32, False, b"x" * 9), header=f.FRAGMENT),
        "large ping, first part": v6(US6, f.piece(f.ICMP6, 0, True, ping[:1232]), header=f.FRAGMENT),
        "large ping, last part": v6(US6, f.piece(f.ICMP6, 1232, False, ping[1232:]), header=f.FRAGMENT),
        "NS": nd(_NS, US6, SOLICITED, VICTIM6, _ll(_SOURCE, US)),
        "NS, unicast without option": nd(_NS, US6, VICTIM6, VICTIM6),
        "NS from link-local": nd(_NS, US_LL, SOLICITED, VICTIM6, _ll(_SOURCE, US)),
        "DAD": nd(_NS, "::", "ff02::1:ff00:10", US6),
        "DAD with nonce": nd(_NS, "::", "ff02::1:ff00:10", US6, f.option(_NONCE, b"nonces")),
        "NA": nd(_NA, US6, VICTIM6, US6, _ll(_TARGET, US), flags=0x60000000),
        "NA, not asked for": nd(_NA, US6, NODES, US6, _ll(_TARGET, US), flags=0x20000000),
        "NA without option": nd(_NA, US6, VICTIM6, US6, flags=0x40000000),
        "NA for link-local": nd(_NA, US_LL, VICTIM_LL, US_LL, _ll(_TARGET, US)),
        "NA for an address of the network": nd(_NA, US6, VICTIM6, "2001:db8:5:3::3", _ll(_TARGET, US)),
        "RS": nd(_RS, US_LL, ROUTERS, "", _ll(_SOURCE, US)),
        "RS without an address": nd(_RS, "::", ROUTERS),
        "MLDv2 report": _mld2(US_LL),
        "MLDv2 report without an address": _mld2("::"),
        "MLDv1 report": nd(131, US_LL, SOLICITED, SOLICITED),
        "DHCPv6 solicit": v6(US_LL, f.udp(US_LL, "ff02::1:2", 546, 547), target="ff02::1:2"),
    }


def bad() -> Cases:
    """Everything else. What only some guests may do is in here too (:data:`SERVER`, :data:`ADVERTISER`)."""
    return {name: frame for cases in bad_kinds().values() for name, frame in cases.items()}


def bad_kinds() -> dict[str, Cases]:
    """The same, kind by kind in people's words."""
    return {
        "another MAC": _bad_mac(),
        "IPv4 of others": _bad4(),
        "DHCP and DHCPv6 servers": _bad_dhcp(),
        "ARP for others": _bad_arp(),
        "IPv6 of others": _bad6(),
        "neighbour discovery for others": _bad_nd(),
        "router advertisements, redirects, queries": _bad_router(),
        "VLAN tags, LLC, unknown ethertypes": _bad_other(),
    }


def _bad_mac() -> Cases:
    return {
        "the victim's MAC": v4(US4, mac=VICTIM),
        "the router's MAC": v4(US4, mac=ROUTER),
        "nobody's MAC": v4(US4, mac=STRANGER),
        "own MAC, one bit off": v4(US4, mac="52:54:00:00:00:0b"),
        "the victim's MAC, IPv6": v6(US6, mac=VICTIM),
        "the victim's MAC, link-local": v6(US_LL, mac=VICTIM, target=VICTIM_LL),
    }


def _bad4() -> Cases:
    return {
        "the victim's IPv4": v4(VICTIM4, target=ROUTER4),
        "the victim altogether": v4(VICTIM4, mac=VICTIM, target=ROUTER4),
        "the router's IPv4": v4(ROUTER4),
        "0.0.0.0": v4("0.0.0.0"),
        "0.0.0.0, ping": v4("0.0.0.0", f.icmp(8), protocol=f.ICMP),
        "from 255.255.255.255": v4("255.255.255.255"),
        "from a group": v4("224.0.0.1"),
        "from 127.0.0.1": v4("127.0.0.1"),
        "from 169.254.7.7": v4("169.254.7.7"),
        "behind the network": v4("10.0.5.8"),
        "before the network": v4("10.0.4.255"),
        "first fragment of the victim": v4(VICTIM4, fragment=0x2000, target=ROUTER4),
        "last fragment of the victim": v4(VICTIM4, fragment=0x0003, target=ROUTER4),
        "the victim with options": v4(VICTIM4, options=b"\x83\4\4\0", target=ROUTER4),
        "the victim's ping (smurf)": v4(VICTIM4, f.icmp(8), protocol=f.ICMP, target="255.255.255.255"),
        "ICMP redirect of the router": v4(ROUTER4, f.icmp(5, f.address(US4) + bytes(28)), protocol=f.ICMP),
        "the victim's RST": v4(VICTIM4, f.tcp(VICTIM4, ROUTER4, 4000, 80, flags=4), protocol=f.TCP, target=ROUTER4),
        "a tunnel of the victim": v4(VICTIM4, f.ip4(US4, VICTIM4, f.UDP, f.udp(US4, VICTIM4, 1, 2)), protocol=f.IPIP, target=ROUTER4),
        "6in4 of the victim": v4(VICTIM4, f.ip6(US6, VICTIM6, f.UDP, f.udp(US6, VICTIM6, 1, 2)), protocol=f.SIXINFOUR, target=ROUTER4),
        "IGMP of the victim": _igmp(VICTIM4),
        "VRRP of another router": _vrrp(US4, "00:00:5e:00:01:09"),
        "the pair's MAC, the victim's IPv4": v4(VICTIM4, mac=VMAC, target=ROUTER4),
    }


def _bad_dhcp() -> Cases:
    all4 = "255.255.255.255"
    return {
        "DHCP offer": _dhcp(2, US4, all4, (67, 68)),
        "DHCP offer of the router": _dhcp(2, ROUTER4, all4, (67, 68)),
        "DHCP offer from 0.0.0.0": _dhcp(2, "0.0.0.0", all4, (67, 68)),
        "DHCP offer, unicast": _dhcp(2, US4, VICTIM4, (67, 68), client=VICTIM),
        "DHCP discover from the victim's MAC": _dhcp(1, "0.0.0.0", all4, (68, 67), mac=VICTIM),
        "DHCP discover for the victim": _dhcp(1, "0.0.0.0", all4, (68, 67), client=VICTIM),
        "DHCP release of the victim": _dhcp(1, VICTIM4, ROUTER4, (68, 67), client=VICTIM),
        "DHCP discover to one": _dhcp(1, "0.0.0.0", ROUTER4, (68, 67)),
        "DHCP discover from another port": _dhcp(1, "0.0.0.0", all4, (1068, 67)),
        "DHCPv6 advertise": v6(US_LL, f.udp(US_LL, VICTIM_LL, 547, 546), target=VICTIM_LL),
        "DHCPv6 advertise behind hop-by-hop": v6(
            US_LL, f.extension(f.UDP) + f.udp(US_LL, VICTIM_LL, 547, 546), header=f.HOP_BY_HOP, target=VICTIM_LL
        ),
        "DHCPv6 advertise, fragmented": v6(
            US_LL, f.piece(f.UDP, 0, True, f.udp(US_LL, VICTIM_LL, 547, 546, b"x" * 24)), header=f.FRAGMENT, target=VICTIM_LL
        ),
        "DHCPv6 solicit of the victim": v6(VICTIM_LL, f.udp(VICTIM_LL, "ff02::1:2", 546, 547), target="ff02::1:2"),
    }


def _bad_arp() -> Cases:
    nobody, ours = "00:00:00:00:00:00", (US, US4)
    return {
        "ARP request with the victim's address": _arp(1, (US, VICTIM4), (nobody, ROUTER4)),
        "ARP request with the victim's MAC": _arp(1, (VICTIM, US4), (nobody, ROUTER4)),
        "ARP request of the victim": _arp(1, (VICTIM, VICTIM4), (nobody, ROUTER4), mac=VICTIM),
        "ARP reply for the router": _arp(2, (US, ROUTER4), (VICTIM, VICTIM4)),
        "ARP reply with another's MAC": _arp(2, (ROUTER, US4), (VICTIM, VICTIM4)),
        "gratuitous ARP for the router": _arp(1, (US, ROUTER4), (nobody, ROUTER4)),
        "gratuitous ARP reply for the victim": _arp(2, (US, VICTIM4), (US, VICTIM4)),
        "gratuitous ARP with the victim's MAC": _arp(1, (VICTIM, VICTIM4), (nobody, VICTIM4)),
        "ARP probe with the victim's MAC": _arp(1, (VICTIM, "0.0.0.0"), (nobody, VICTIM4)),
        "ARP reply from 0.0.0.0": _arp(2, (US, "0.0.0.0"), (VICTIM, VICTIM4)),
        "ARP reply from the pair's MAC for the router": _arp(2, (VMAC, ROUTER4), (VICTIM, VICTIM4), mac=VMAC),
        "ARP behind the network": _arp(1, (US, "10.0.5.8"), (nobody, VICTIM4)),
        "ARP in a frame of the victim": _arp(1, ours, (nobody, ROUTER4), mac=VICTIM),
        "ARP of token ring": _arp(2, ours, (VICTIM, VICTIM4), htype=6),
        "ARP of IPv6": _arp(2, ours, (VICTIM, VICTIM4), ptype=f.IP6),
        "ARP with long MACs": _arp(2, ours, (VICTIM, VICTIM4), hlen=8),
        "ARP with long addresses": _arp(2, ours, (VICTIM, VICTIM4), plen=16),
        "RARP inside ARP": _arp(4, ours, (VICTIM, VICTIM4)),
        "InARP": _arp(8, ours, (VICTIM, VICTIM4)),
        "RARP for the victim": f.ether(US, f.BROADCAST, f.RARP, f.arp(3, (VICTIM, "0.0.0.0"), (VICTIM, "0.0.0.0"))),
        "RARP from the victim's MAC": f.ether(VICTIM, f.BROADCAST, f.RARP, f.arp(3, (VICTIM, "0.0.0.0"), (VICTIM, "0.0.0.0"))),
        "RARP reply": f.ether(US, VICTIM, f.RARP, f.arp(4, ours, (VICTIM, VICTIM4))),
    }


def _bad6() -> Cases:
    return {
        "the victim's IPv6": v6(VICTIM6, target=ROUTER6),
        "the router's IPv6": v6(ROUTER6),
        "the victim's link-local": v6(VICTIM_LL, target=ROUTER6),
        "the router's link-local": v6(ROUTER_LL),
        "from ::": v6("::"),
        "from ::, ping": v6("::", f.icmp6("::", VICTIM6, 128, b"\0\1\0\1"), header=f.ICMP6),
        "from an IPv6 group": v6("ff02::1"),
        "from ::1": v6("::1"),
        "from mapped IPv4": v6("::ffff:10.0.0.10"),
        "behind the IPv6 network": v6("2001:db8:5:8::1"),
        "the victim behind hop-by-hop": v6(
            VICTIM6, f.extension(f.UDP) + f.udp(VICTIM6, ROUTER6, 1, 2), header=f.HOP_BY_HOP, target=ROUTER6
        ),
        "the victim behind routing": v6(VICTIM6, f.routing(f.UDP) + f.udp(VICTIM6, ROUTER6, 1, 2), header=f.ROUTING, target=ROUTER6),
        "first fragment of the victim's IPv6": v6(VICTIM6, f.piece(f.UDP, 0, True, bytes(16)), header=f.FRAGMENT, target=ROUTER6),
        "last fragment of the victim's IPv6": v6(VICTIM6, f.piece(f.UDP, 16, False, bytes(16)), header=f.FRAGMENT, target=ROUTER6),
        "the victim's ping over IPv6": v6(VICTIM6, f.icmp6(VICTIM6, ROUTER6, 128, b"\0\1\0\1"), header=f.ICMP6, target=ROUTER6),
        "packet too big of the router": v6(ROUTER6, f.icmp6(ROUTER6, VICTIM6, 2, b"\0\0\5\0" + bytes(40)), header=f.ICMP6),
    }


def _bad_nd() -> Cases:
    own, theirs = _ll(_TARGET, US), _ll(_TARGET, VICTIM)
    return {
        "NS of the victim": nd(_NS, VICTIM6, "ff02::1:ff00:1", ROUTER6, _ll(_SOURCE, VICTIM)),
        "NS with the victim's MAC": nd(_NS, US6, SOLICITED, VICTIM6, _ll(_SOURCE, VICTIM)),
        "NS with two options": nd(_NS, US6, SOLICITED, VICTIM6, _ll(_SOURCE, US), _ll(_SOURCE, VICTIM)),
        "NS with an option that is too long": nd(_NS, US6, SOLICITED, VICTIM6, f.option(_SOURCE, f.mac(US) + bytes(8))),
        "NS, cut off": nd(_NS, US6, SOLICITED, ""),
        "DAD from the victim's MAC": nd(_NS, "::", SOLICITED, VICTIM6, mac=VICTIM),
        "DAD with the victim's MAC": nd(_NS, "::", SOLICITED, VICTIM6, _ll(_SOURCE, VICTIM)),
        "NA for the victim": nd(_NA, US6, ROUTER6, VICTIM6, own, flags=0x60000000),
        "NA of the victim": nd(_NA, VICTIM6, ROUTER6, VICTIM6, own, flags=0x60000000),
        "NA against the victim's DAD": nd(_NA, US_LL, NODES, VICTIM6, flags=0x20000000),
        "NA for the router's link-local": nd(_NA, US_LL, NODES, ROUTER_LL, own, flags=0xA0000000),
        "NA with the victim's MAC": nd(_NA, US6, ROUTER6, US6, theirs),
        "NA with two options": nd(_NA, US6, ROUTER6, US6, own, theirs),
        "NA with a source option": nd(_NA, US6, ROUTER6, US6, _ll(_SOURCE, US)),
        "NA behind the network": nd(_NA, US6, ROUTER6, "2001:db8:5:8::3", own),
        "NA of the victim's own kind behind hop-by-hop": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="hop-by-hop"),
        "NA behind destination options": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="destination"),
        "NA behind routing": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="routing"),
        "NA in one fragment": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="atomic fragment"),
        "NA, first fragment": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="first fragment"),
        "NA, hidden in fragments": nd(_NA, US6, ROUTER6, VICTIM6, own, wrap="hidden fragment"),
        "NS behind hop-by-hop": nd(_NS, US6, SOLICITED, VICTIM6, _ll(_SOURCE, VICTIM), wrap="hop-by-hop"),
        "RS with the victim's MAC": nd(_RS, US_LL, ROUTERS, "", _ll(_SOURCE, VICTIM)),
        "RS of the victim": nd(_RS, VICTIM_LL, ROUTERS, "", _ll(_SOURCE, VICTIM)),
        "RS from :: with a link-layer address": nd(_RS, "::", ROUTERS, "", _ll(_SOURCE, VICTIM)),
        "MLD report of the victim": _mld2(VICTIM_LL),
        "MLD report from the victim's MAC": _mld2("::", mac=VICTIM),
    }


def _bad_router() -> Cases:
    return {
        "RA": _ra(),
        "RA of the router": _ra(ROUTER_LL),
        "RA behind hop-by-hop": _ra(wrap="hop-by-hop"),
        "RA behind destination options": _ra(wrap="destination"),
        "RA in one fragment": _ra(wrap="atomic fragment"),
        "RA, first fragment": _ra(wrap="first fragment"),
        "RA, hidden in fragments": _ra(wrap="hidden fragment"),
        "RA, in a fragment to come": _ra(wrap="harmless fragment"),
        "redirect": _redirect(),
        "redirect behind destination options": _redirect("destination"),
        "redirect in one fragment": _redirect("atomic fragment"),
        "MLD query": nd(130, US_LL, NODES, "::"),
        "router renumbering": nd(138, US_LL, NODES, "", bytes(12)),
    }


def _bad_other() -> Cases:
    plain, spoof = v4(US4), _arp(2, (US, ROUTER4), (VICTIM, VICTIM4))
    bpdu = b"\x42\x42\3" + bytes(35)
    cases = {
        "own packet, tagged": f.tagged(plain, 7),
        "own packet, priority-tagged": f.tagged(plain, 0xE000),
        "own packet, QinQ": f.tagged(f.tagged(plain, 7), 8, f.QINQ),
        "own packet, two tags": f.tagged(f.tagged(plain, 7), 8),
        "IPv6, tagged": f.tagged(v6(US6), 7),
        "ARP spoof, tagged": f.tagged(spoof, 7),
        "RA, tagged": f.tagged(_ra(), 7),
        "BPDU": f.llc(US, "01:80:c2:00:00:00", bpdu),
        "BPDU to everybody": f.llc(US, f.BROADCAST, bpdu),
        "PVST": f.llc(US, "01:00:0c:cc:cc:cd", b"\xaa\xaa\3\0\0\x0c\1\x0b" + bytes(40)),
        "CDP": f.llc(US, "01:00:0c:cc:cc:cc", b"\xaa\xaa\3\0\0\x0c\x20\0" + bytes(40)),
        "IPv4 in SNAP": f.llc(US, VICTIM, b"\xaa\xaa\3\0\0\0\x08\0" + f.ip4(VICTIM4, ROUTER4, f.UDP, f.udp(VICTIM4, ROUTER4, 1, 2))),
        "NetBEUI": f.llc(US, "03:00:00:00:00:01", b"\xf0\xf0\3" + bytes(43)),
        "IPX": f.llc(US, f.BROADCAST, b"\xff\xff" + bytes(44)),
    }
    kinds = {
        "loopback protocol": 0x9000,
        "wake-on-LAN": 0x0842,
        "PPPoE discovery": 0x8863,
        "PPPoE session": 0x8864,
        "EAPOL": 0x888E,
        "MPLS": 0x8847,
        "MACsec": 0x88E5,
        "FCoE": 0x8906,
        "TRILL": 0x22F3,
        "LLDP to everybody": 0x88CC,
        "AppleTalk": 0x809B,
        "PROFINET": 0x8892,
        "an experimental type": 0x88B5,
        "type zero": 0x0000,
    }
    cases.update({name: f.ether(US, f.BROADCAST, kind, bytes(46)) for name, kind in kinds.items()})
    return cases


# What a DHCP server and a router may send in addition.
SERVER = frozenset({"DHCP offer", "DHCP offer, unicast"} | {name for name in _bad_dhcp() if name.startswith("DHCPv6 advertise")})
ADVERTISER = frozenset(
    {"RA", "RA behind hop-by-hop", "RA behind destination options", "redirect", "redirect behind destination options"}
) | {
    "MLD query",
    "router renumbering",
}
