# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames built by hand, each header as its RFC draws it, with any lie in any field."""

from __future__ import annotations

import ipaddress
import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
ARP, IP4, IP6, RARP, VLAN, QINQ = 0x0806, 0x0800, 0x86DD, 0x8035, 0x8100, 0x88A8
ICMP, IGMP, IPIP, TCP, UDP, SIXINFOUR, ICMP6, VRRP = 1, 2, 4, 6, 17, 41, 58, 112
HOP_BY_HOP, ROUTING, FRAGMENT, NONE, DESTINATION = 0, 43, 44, 59, 60


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def multicast_mac(group: str) -> str:
    """RFC 1112, 6.4 and RFC 2464, 7."""
    tail = address(group)[-4:]
    octets = b"\x33\x33" + tail if ":" in group else b"\x01\x00\x5e" + bytes([tail[1] & 0x7F]) + tail[2:]
    return octets.hex(":")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(source: str, target: str, kind: int, payload: bytes) -> bytes:
    return mac(target) + mac(source) + struct.pack("!H", kind) + payload


def tagged(frame: bytes, vlan: int, kind: int = VLAN) -> bytes:
    """IEEE 802.1Q: a tag behind the addresses."""
    return frame[:12] + struct.pack("!HH", kind, vlan) + frame[12:]


def llc(source: str, target: str, payload: bytes) -> bytes:
    """IEEE 802.3: a length where Ethernet II has a type."""
    return ether(source, target, len(payload), payload)


def arp(
    operation: int,
    sender: tuple[str, str],
    target: tuple[str, str],
    htype: int = 1,
    ptype: int = IP4,
    hlen: int = 6,
    plen: int = 4,
) -> bytes:
    """RFC 826."""
    head = struct.pack("!HHBBH", htype, ptype, hlen, plen, operation)
    return head + mac(sender[0]) + address(sender[1]) + mac(target[0]) + address(target[1])


def ip4(source: str, target: str, protocol: int, payload: bytes, fragment: int = 0, options: bytes = b"", ident: int = 0x1234) -> bytes:
    """RFC 791. ``fragment``: flags and offset as they stand in the header."""
    words = 5 + len(options) // 4
    fields = (0x40 | words, 0, words * 4 + len(payload), ident, fragment, 64, protocol)
    head = struct.pack("!BBHHHBBH", *fields, 0) + address(source) + address(target) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(source: str, target: str, header: int, payload: bytes, hops: int = 255, flow: int = 0) -> bytes:
    """RFC 8200."""
    return struct.pack("!IHBB", 6 << 28 | flow, len(payload), header, hops) + address(source) + address(target) + payload


def _pseudo(source: str, target: str, protocol: int, payload: bytes) -> bytes:
    if ":" in source:
        return address(source) + address(target) + struct.pack("!II", len(payload), protocol) + payload
    return address(source) + address(target) + struct.pack("!BBH", 0, protocol, len(payload)) + payload


def udp(source: str, target: str, sport: int, dport: int, data: bytes = b"x" * 18) -> bytes:
    """RFC 768, with the checksum for these addresses."""
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
    total = checksum(_pseudo(source, target, UDP, head + data)) or 0xFFFF
    return head[:6] + struct.pack("!H", total) + data


def tcp(source: str, target: str, sport: int, dport: int, flags: int = 2) -> bytes:
    """RFC 9293, without options."""
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, flags, 65535, 0, 0)
    return head[:16] + struct.pack("!H", checksum(_pseudo(source, target, TCP, head))) + head[18:]


def icmp(kind: int, data: bytes = b"\0\1\0\1" + b"x" * 24, code: int = 0) -> bytes:
    """RFC 792."""
    head = struct.pack("!BBH", kind, code, 0) + data
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def icmp6(source: str, target: str, kind: int, data: bytes, code: int = 0) -> bytes:
    """RFC 4443."""
    head = struct.pack("!BBH", kind, code, 0) + data
    return head[:2] + struct.pack("!H", checksum(_pseudo(source, target, ICMP6, head))) + head[4:]


def option(kind: int, data: bytes) -> bytes:
    """An option of neighbour discovery (RFC 4861, 4.6), its length in units of eight octets."""
    return struct.pack("!BB", kind, (len(data) + 2) // 8) + data


def extension(following: int, data: bytes = b"\1\4\0\0\0\0") -> bytes:
    """A hop-by-hop or destination options header with padding in it (RFC 8200, 4.2)."""
    return struct.pack("!BB", following, (len(data) + 2) // 8 - 1) + data


def routing(following: int) -> bytes:
    """A routing header of type 0 without segments (RFC 8200, 4.4)."""
    return struct.pack("!BBBBI", following, 0, 0, 0, 0)


def piece(following: int, offset: int, more: bool, data: bytes, ident: int = 0x5150) -> bytes:
    """A fragment header (RFC 8200, 4.5) and its part. ``offset`` in octets."""
    return struct.pack("!BBHI", following, 0, offset | more, ident) + data


def dhcp(operation: int, client: str) -> bytes:
    """RFC 2131: the fixed part, the cookie, one option that says DISCOVER or OFFER."""
    head = struct.pack("!BBBBIHH", operation, 1, 6, 0, 0x3903F326, 0, 0x8000) + bytes(16)
    return head + mac(client) + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63" + bytes([53, 1, operation, 255]) + bytes(20)
