# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Ask others on the network whether they are there: by ARP, neighbour discovery, ICMP echo and TCP."""

from __future__ import annotations

import contextlib
import errno
import functools
import ipaddress
import os
import selectors
import socket
import struct
import time
import typing as t
from dataclasses import dataclass

SILENT = "no answer"
# One lost packet must not fail a probe: a question is put again after this many seconds, then after twice as many, and so on.
AGAIN = 0.25

_ETH_P_IP, _ETH_P_ARP, _ARPHRD_ETHER = 0x0800, 0x0806, 1  # include/uapi/linux/if_ether.h, if_arp.h
_ARP_REQUEST, _ARP_REPLY = 1, 2  # RFC 826
_SOLICITATION, _ADVERTISEMENT, _SOURCE_LINK_LAYER = 135, 136, 1  # RFC 4861, section 4
_SOLICITED_NODE = int(ipaddress.IPv6Address("ff02::1:ff00:0"))
_ONLINK_HOPS = 255  # only who is on the link itself can send this
_DISCARD = 9  # a port to look up a route with; nothing is sent to it


@dataclass(frozen=True)
class Question:
    """A packet or connection on its way. ``judge`` is called when ``socket`` is ready for ``event`` (of selectors).

    It returns "" when that is the answer, why there will be none, or None when it was something else.
    """

    socket: socket.socket
    event: int
    judge: t.Callable[[], str | None]


Put = t.Callable[[contextlib.ExitStack], Question]


def ask(puts: t.Sequence[Put], end: float) -> str:
    """Put all questions, and again, until the first answer or time.monotonic() ``end``. "" when one was answered, else why not.

    Each of ``puts`` opens a socket on the given stack and sends; OSError when it cannot.
    """
    why, gap = SILENT, AGAIN
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        while time.monotonic() < end:
            for put in puts:
                try:
                    question = put(opened)
                except OSError as error:
                    why = _reason(error)
                else:
                    selector.register(question.socket, question.event, question)
            again = min(time.monotonic() + gap, end)
            while (left := again - time.monotonic()) > 0:
                for key, _dummy in selector.select(left):
                    verdict = _verdict(key.data)
                    if verdict == "":
                        return ""
                    if verdict:
                        why = verdict
                        selector.unregister(key.fileobj)
            gap *= 2
    return why


def _verdict(question: Question) -> str | None:
    try:
        return question.judge()
    except BlockingIOError:
        return None
    except OSError as error:
        return _reason(error)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def arp(dev: str, mac: bytes, source: str, address: str) -> Put:
    """Who has IPv4 ``address``? Asked of all on the Ethernet link, past the kernel's neighbour table. ``source`` "": by the route."""

    def put(opened: contextlib.ExitStack) -> Question:
        sock = _opened(opened, socket.AF_PACKET, socket.SOCK_DGRAM)
        sock.bind((dev, _ETH_P_ARP))
        own, other = socket.inet_aton(source or _source_towards(dev, address)), socket.inet_aton(address)
        request, reply = (struct.pack("!HHBBH", _ARPHRD_ETHER, _ETH_P_IP, 6, 4, kind) for kind in (_ARP_REQUEST, _ARP_REPLY))
        sock.sendto(request + mac + own + bytes(6) + other, (dev, _ETH_P_ARP, 0, 0, b"\xff" * 6))
        return Question(sock, selectors.EVENT_READ, functools.partial(_is_reply, sock, reply, other))

    return put


def _is_reply(sock: socket.socket, head: bytes, other: bytes) -> str | None:
    data = sock.recv(512)
    # Behind the head (RFC 826): the sender's MAC, the sender's address, and the same of the target.
    return "" if data[:8] == head and data[14:18] == other else None


def _source_towards(dev: str, address: str) -> str:
    """The address that the kernel would send from; 0.0.0.0 (a probe of RFC 5227) when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
            sock.connect((address, _DISCARD))
        except OSError:
            return "0.0.0.0"
        return str(sock.getsockname()[0])


def solicit(dev: str, mac: bytes, address: str) -> Put:
    """Who has IPv6 ``address``? Asked of all on the link, past the kernel's neighbour table (RFC 4861, section 7.2)."""

    def put(opened: contextlib.ExitStack) -> Question:
        sock, index, target = _icmp(opened, dev, six=True), socket.if_nametoindex(dev), ipaddress.IPv6Address(address)
        for option, value in (
            (socket.IPV6_MULTICAST_HOPS, _ONLINK_HOPS),
            (socket.IPV6_MULTICAST_IF, index),
            (socket.IPV6_MULTICAST_LOOP, 0),
            (socket.IPV6_RECVHOPLIMIT, 1),
        ):
            sock.setsockopt(socket.IPPROTO_IPV6, option, value)
        group = ipaddress.IPv6Address(_SOLICITED_NODE | int(target) & 0xFFFFFF)
        message = struct.pack("!BBHI", _SOLICITATION, 0, 0, 0) + target.packed + struct.pack("!BB6s", _SOURCE_LINK_LAYER, 1, mac)
        sock.sendto(message, (str(group), 0, 0, index))
        return Question(sock, selectors.EVENT_READ, functools.partial(_is_advertisement, sock, target.packed))

    return put


def _is_advertisement(sock: socket.socket, target: bytes) -> str | None:
    data, ancillary, _dummy_flags, _dummy_sender = sock.recvmsg(1500, socket.CMSG_SPACE(4))
    hops = [struct.unpack("i", value)[0] for _dummy_level, kind, value in ancillary if kind == socket.IPV6_HOPLIMIT]
    return "" if data[:1] == bytes([_ADVERTISEMENT]) and data[8:24] == target and hops == [_ONLINK_HOPS] else None


def echo(dev: str, address: str) -> Put:
    """An ICMP echo request through ``dev``, whose kernel finds the neighbour."""
    six = ":" in address
    request, reply = (128, 129) if six else (8, 0)  # RFC 4443, RFC 792

    def put(opened: contextlib.ExitStack) -> Question:
        sock, token = _icmp(opened, dev, six), os.urandom(12)
        # The kernel fills in the checksum of ICMPv6 alone.
        check = 0 if six else _checksum(struct.pack("!BBH", request, 0, 0) + token)
        to = (address, 0, 0, socket.if_nametoindex(dev)) if six else (address, 0)
        sock.sendto(struct.pack("!BBH", request, 0, check) + token, to)
        return Question(sock, selectors.EVENT_READ, functools.partial(_is_echo, sock, six, reply, token))

    return put


def _is_echo(sock: socket.socket, six: bool, reply: int, token: bytes) -> str | None:
    data = sock.recv(1500)
    # A raw IPv4 socket hands over the IP header too; its length is in its first half octet, in words.
    data = data if six else data[(data[0] & 15) * 4 :]
    return "" if data[:1] == bytes([reply]) and data[4 : 4 + len(token)] == token else None


def _checksum(data: bytes) -> int:
    """Of the Internet (RFC 1071), for an even number of octets."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)


def connect(address: str, port: int) -> Put:
    """Open a TCP connection to an IPv4 or IPv6 ``address``."""

    def put(opened: contextlib.ExitStack) -> Question:
        sock = _opened(opened, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        error = sock.connect_ex((address, port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))
        return Question(sock, selectors.EVENT_WRITE, functools.partial(_is_connected, sock))

    return put


def _is_connected(sock: socket.socket) -> str:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return os.strerror(error) if error else ""


def _icmp(opened: contextlib.ExitStack, dev: str, six: bool) -> socket.socket:
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    sock = _opened(opened, family, socket.SOCK_RAW, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
    return sock


def _opened(opened: contextlib.ExitStack, family: int, kind: int, protocol: int = 0) -> socket.socket:
    sock = opened.enter_context(socket.socket(family, kind, protocol))
    sock.setblocking(False)
    return sock
