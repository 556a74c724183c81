# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who answers at an address, and as whom it sees the one who asks: TCP and UDP between namespaces."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from typing import Any

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
LIMIT = 10.0


def serve(name: str, ports: tuple[int, ...]) -> None:
    """Answer everybody on TCP and UDP ports of both families with ``NAME:PORT ADDRESS SOURCE-PORT``; never ends."""
    selector = selectors.DefaultSelector()
    for port in ports:
        for kind in KINDS.values():
            server = socket.socket(socket.AF_INET6, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                server.listen()
            selector.register(server, selectors.EVENT_READ, None)
    while True:
        for key, _events in selector.select():
            with contextlib.suppress(OSError):
                _answer(name, key.fileobj, key.data, selector)


def _answer(name: str, server: Any, peer: Any, selector: selectors.BaseSelector) -> None:
    if peer is not None:
        if server.recv(64):
            server.send(_line(name, server.getsockname(), peer))
        else:
            selector.unregister(server)
            server.close()
    elif server.type == socket.SOCK_STREAM:
        client, address = server.accept()
        selector.register(client, selectors.EVENT_READ, address)
    else:
        _data, address = server.recvfrom(64)
        server.sendto(_line(name, server.getsockname(), address), address)


def _line(name: str, own: Any, peer: Any) -> bytes:
    return f"{name}:{own[1]} {peer[0].removeprefix('::ffff:')} {peer[1]}".encode()


class Talk:
    """One connection that goes on; each word asks the other side once."""

    def __init__(self, address: str, port: int, protocol: str = "tcp", source_port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, KINDS[protocol])
        self._socket.settimeout(1.0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source_port:
            self._socket.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", source_port))
        self._socket.connect((address, port))

    def ask(self) -> str:
        """The answer, empty without one."""
        try:
            self._socket.send(b"who?")
            return self._socket.recv(64).decode()
        except OSError:
            return ""

    def close(self) -> None:
        self._socket.close()


def ask(address: str, port: int, protocol: str = "tcp", limit: float = LIMIT, source_port: int = 0) -> str:
    """The first answer within ``limit`` seconds, without the source's port unless that was chosen; empty when there is none."""
    end = time.monotonic() + limit
    while True:
        with contextlib.suppress(OSError), contextlib.closing(Talk(address, port, protocol, source_port)) as talk:
            answer = talk.ask()
            if answer:
                return answer if source_port else answer.rpartition(" ")[0]
        if time.monotonic() >= end:
            return ""
        time.sleep(0.05)
