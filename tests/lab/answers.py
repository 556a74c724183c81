# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who answers at an address, and as whom it sees the one who asks: TCP between hosts, guests and the world."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Sequence
from subprocess import CompletedProcess
from typing import Protocol

from vnet_lab.util import wait_until

# Answers every connection with the address that it came from.
_TELL = """
import socket, sys
ear = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    mouth, peer = ear.accept()
    with mouth:
        mouth.sendall(peer[0].removeprefix("::ffff:").encode())
"""
_ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 2) as wire:
    print(wire.recv(100).decode())
"""
_TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3) as wire:
    for line in sys.stdin:
        wire.sendall(line.encode())
        print(wire.recv(100).decode(), end="", flush=True)
"""


class Place(Protocol):
    """Where programs run: a host, a guest, the world."""

    def exec(self, argv: Sequence[str], *, timeout: float = ..., check: bool = ...) -> CompletedProcess[str]: ...


@contextlib.contextmanager
def telling(place: Place, port: int) -> Iterator[None]:
    """A server that tells everybody as whom it sees them."""
    script = 'setsid python3 -c "$1" "$2" > /dev/null 2>&1 < /dev/null & echo $!'
    pid = place.exec(["sh", "-c", script, "tell", _TELL, str(port)]).stdout.strip()
    try:
        wait_until(lambda: asked(place, "127.0.0.1", port) == "127.0.0.1", 10, f"port {port} is served")
        yield
    finally:
        # With its host it may be gone already.
        place.exec(["kill", "-KILL", pid], check=False)


def asked(place: Place, address: str, port: int) -> str:
    """As whom ``place`` is seen there; empty when it gets no answer."""
    return place.exec(["python3", "-c", _ASK, address, str(port)], check=False).stdout.strip()


@contextlib.contextmanager
def talking(enter: Sequence[str], address: str, port: int) -> Iterator[Callable[[str], str]]:
    """One connection to who repeats what he hears, from where ``enter`` leads to; the function says a word, and has what came back."""
    argv = [*enter, "python3", "-u", "-c", _TALK, address, str(port)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdin and child.stdout
        ear, mouth = child.stdout, child.stdin

        def say(word: str) -> str:
            with contextlib.suppress(BrokenPipeError):
                mouth.write(f"{word}\n")
                mouth.flush()
            return ear.readline().strip()

        try:
            yield say
        finally:
            child.kill()
