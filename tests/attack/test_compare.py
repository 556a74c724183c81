# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The corpus through the rules of others, side by side. The table in the guide is what comes of this run.

VNET_WRITE=1 writes it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from corpus import GUARD, ROUTER4, VICTIM, VICTIM4, bad_kinds, good_kinds, v4
from harness import Namespace
from peers import libvirt, xen
from wire import ATTACKER, FREE, NEIGHBOUR, Wire, learned, load, tables

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

GUIDE = Path(__file__).resolve().parents[2] / "docs/docsite/rst/guide_antispoof.rst"
BEGIN, END = ".. measured by tests/attack/test_compare.py", ".. end of what was measured"
_MARKED = re.compile(rf"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
_UPLINK = "… to the uplink"
# Bytes of Ethernet and IPv4 that no filter changes or cuts off.
_HEADERS = 34


def guards(host: Namespace) -> None:
    load(host, reload_text(tables({"interface": ATTACKER, **GUARD})))


RULES: dict[str, Callable[[Namespace], None]] = {
    "no rules": lambda host: None,
    "Xen's own": xen,
    _UPLINK: lambda host: xen(host, FREE),
    "clean-traffic": libvirt,
    "antispoof": guards,
}


class Sight(Wire):
    """Knows a frame by itself, one after the other: br_netfilter cuts off what stands behind an IP packet."""

    def arrived(self, cases: Mapping[str, bytes]) -> set[str]:
        found = set()
        for name, frame in cases.items():
            self._round += 1
            self._sent, self._seen = frame, False
            self._mouth.send(frame.ljust(60, b"\0"))
            self._listen(0)
            found |= {name} if self._seen else set()
        return found

    def _read(self, ear: object) -> Iterator[int]:
        heard = super()._read(Eavesdropper(ear, self._note))  # type: ignore[arg-type]
        yield from heard

    def _note(self, frame: bytes) -> None:
        # A socket gets a frame without its outer tag.
        forms = (self._sent, self._sent[:12] + self._sent[16:])
        self._seen = self._seen or (len(frame) >= _HEADERS and any(form.startswith(frame) or frame.startswith(form) for form in forms))


class Eavesdropper:
    """An ear that tells what it hears."""

    def __init__(self, ear: object, tell: Callable[[bytes], None]) -> None:
        self._ear, self._tell = ear, tell

    def recv(self, size: int) -> bytes:
        frame: bytes = self._ear.recv(size)  # type: ignore[attr-defined]
        self._tell(frame)
        return frame


def measured(host: Namespace, guests: Namespace, ears: tuple[str, ...]) -> dict[str, str]:
    """What became of each kind on its way to ``ears``, in the words of the table."""
    theft = v4(VICTIM4, mac=VICTIM, target=ROUTER4)
    wire = Sight(guests, ATTACKER, ears)
    wire.arrived({"theft": theft})
    stolen = VICTIM in learned(host, ATTACKER)
    for name in (ATTACKER, FREE):
        host.ip(f"link set {name} type bridge_slave learning off")
    host.run("bridge", "fdb", "flush", "dev", "br0", check=False)
    host.run("bridge", "fdb", "del", VICTIM, "dev", ATTACKER, "master", check=False)
    found = {}
    for kind, cases in bad_kinds().items():
        found[kind] = f"{len(wire.arrived(cases))} of {len(cases)}"
    found["the neighbour's entry in the bridge is taken"] = "yes" if stolen else "no"
    for kind, cases in good_kinds().items():
        found[f"true, but lost: {kind}"] = f"{len(cases) - len(wire.arrived(cases))} of {len(cases)}"
    wire.close()
    return found


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, str]]:
    return {}


@pytest.mark.parametrize("name", RULES)
def test_each(name: str, host: Namespace, guests: Namespace, results: dict[str, dict[str, str]]) -> None:
    if name in ("Xen's own", _UPLINK) and host.run("ls", "/proc/sys/net/bridge", check=False).returncode:
        pytest.skip("this kernel has no br_netfilter, without which Xen's rules do nothing")
    RULES[name](host)
    found = results[name] = measured(host, guests, (FREE,) if name == _UPLINK else (NEIGHBOUR, FREE))
    bad = [found[kind] for kind in bad_kinds()]
    lost = [text for kind, text in found.items() if kind.startswith("true")]
    if name == "no rules":
        assert all(text.split()[0] == text.split()[-1] for text in bad) and all(text.startswith("0 ") for text in lost), found
    if name == "antispoof":
        assert all(text.startswith("0 ") for text in [*bad, *lost]), found
        assert found["the neighbour's entry in the bridge is taken"] == "no"


def test_the_guide_says_so(results: dict[str, dict[str, str]]) -> None:
    if list(results) != list(RULES):
        pytest.skip("the guide compares all of them, and not all of them ran on this kernel or in this run")
    wanted, guide = f"\n{table(results)}\n", GUIDE.read_text(encoding="utf-8")
    if os.environ.get("VNET_WRITE"):
        GUIDE.write_text(_MARKED.sub(lambda _dummy: wanted, guide), encoding="utf-8")
    else:
        found = _MARKED.search(guide)
        assert found and found[0] == wanted, "VNET_WRITE=1 pytest tests/attack/test_compare.py writes the table anew"


def table(results: Mapping[str, Mapping[str, str]]) -> str:
    """A simple table of reStructuredText."""
    kinds = list(next(iter(results.values())))
    rows = [["what gets through", *results], *([kind, *(found[kind] for found in results.values())] for kind in kinds)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule, ""])
