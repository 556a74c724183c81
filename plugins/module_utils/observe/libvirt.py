# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What libvirt says of its networks, by virsh(1), and which interfaces of running guests are in them."""

from __future__ import annotations

import contextlib
import json
import typing as t

from ..host.machine import Completed, Machine
from ..model.applied import Applied
from ..model.document import Document
from ..model.libvirt import CONNECTION, DRIVERS, LEASES, MONOLITHIC_DAEMON, NETWORK_DAEMON, Element, LibvirtFacts, Plug, SeenNetwork
from ..model.libvirtxml import parse
from ..model.problem import VnetError
from ..model.state import Link

_VIRSH = ("virsh", "--quiet", "--connect", CONNECTION)
GUESTS = ("virsh", "--quiet")
_MARK = "@hypervisor-vnet@"
# An argument has 128 KiB at most (MAX_ARG_STRLEN of the kernel).
_AT_ONCE = 900
_NO_VIRSH = "virsh is missing on this host; install libvirt-clients and libvirt-daemon-system (elsewhere libvirt-client, libvirt-daemon-driver-network)"


def read(machine: Machine, document: Document, applied: Applied, links: t.Mapping[str, Link]) -> LibvirtFacts | None:
    """None where the document has none of libvirt's networks, and takes none away."""
    declared = document.libvirt
    return read_libvirt(machine) if declared.items or declared.gone(applied.owners("libvirt"), document.owner) else None


def read_libvirt(machine: Machine) -> LibvirtFacts:
    """Every network in two calls, every running guest in two more."""
    if not machine.which("virsh"):
        return LibvirtFacts(missing=_NO_VIRSH)
    listed = machine.run((*_VIRSH, "net-list", "--all", "--uuid"))
    if listed.rc:
        return LibvirtFacts(missing=f"libvirt does not answer ({said_of(listed)}); {daemon_cure(machine, NETWORK_DAEMON)}")
    return LibvirtFacts("", _networks(machine, listed.out.split()), _plugs(machine))


def said_of(failed: Completed) -> str:
    """The last line that virsh(1) said, which is the reason."""
    lines = failed.err.strip().splitlines()
    return lines[-1].strip() if lines else f"exit status {failed.rc}"


def daemon_cure(machine: Machine, modular: str) -> str:
    """What brings the daemon: ``modular`` where libvirt is split, else libvirtd, else a package. virsh(1) asks the modular one first, too."""
    if machine.which(modular):
        return f"start {modular}.socket"
    if machine.which(MONOLITHIC_DAEMON):
        return f"start {MONOLITHIC_DAEMON}.service"
    return f"its daemon is missing; install libvirt-daemon-system (elsewhere libvirt-daemon-driver-{DRIVERS[modular]})"


def _networks(machine: Machine, uuids: t.Sequence[str]) -> dict[str, SeenNetwork]:
    if not uuids:
        return {}
    asked = ("net-info {0}", "net-dumpxml --inactive {0}", "net-dumpxml {0}")
    answers = answers_of(machine, _VIRSH, [words.format(uuid) for uuid in uuids for words in asked])
    found = {}
    for at in range(0, len(answers), len(asked)):
        info, stored, current = answers[at : at + len(asked)]
        values = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        says = {word: values.get(word, "").strip() == "yes" for word in ("Active", "Persistent", "Autostart")}
        # Gone since it was listed.
        if current.strip():
            name = parse(current).one("name").text
            found[name] = SeenNetwork(stored if says["Persistent"] else "", current if says["Active"] else "", says["Autostart"])
    return found


def answers_of(machine: Machine, virsh: t.Sequence[str], commands: t.Sequence[str]) -> list[str]:
    """The output of each of many commands of one virsh(1); empty for one that failed."""
    answers: list[str] = []
    for at in range(0, len(commands), _AT_ONCE):
        part = commands[at : at + _AT_ONCE]
        done = machine.run((*virsh, "; ".join(f"{command}; echo {_MARK}" for command in part)))
        found = done.out.split(_MARK)[:-1]
        if len(found) != len(part):
            raise VnetError(f"virsh: {len(found)} answers to {len(part)} questions: {done.err.strip()[-300:]}")
        answers += found
    return answers


def _plugs(machine: Machine) -> tuple[Plug, ...]:
    """The interfaces of running guests; none where libvirt keeps networks only."""
    listed = machine.run((*GUESTS, "list", "--uuid"))
    uuids = [] if listed.rc else listed.out.split()
    if not uuids:
        return ()
    return tuple(
        plug for text in answers_of(machine, GUESTS, [f"dumpxml {uuid}" for uuid in uuids]) if text.strip() for plug in _interfaces(text)
    )


def _interfaces(text: str) -> t.Iterator[Plug]:
    guest = parse(text)
    for item in guest.one("devices").all("interface"):
        source, dev = item.one("source"), item.one("target").get("dev")
        if dev and item.get("type") in ("network", "bridge"):
            yield Plug(
                dev,
                guest.one("name").text,
                item.one("mac").get("address").lower(),
                source.get("network"),
                source.get("bridge"),
                item.one("port").get("isolated") == "yes",
                _vlans(item.one("vlan")),
                int(item.one("mtu").get("size", "0")),
            )


def _vlans(item: Element) -> tuple[str, ...]:
    """As libvirt sets them: one tag alone, or the native one, is what frames without a tag belong to."""
    tags = item.all("tag")
    alone = len(tags) == 1 and item.get("trunk") != "yes"
    found = []
    for tag in tags:
        native = tag.get("nativeMode")
        words = " pvid untagged" if alone or native == "untagged" else " pvid" if native == "tagged" else ""
        found.append(f"vid {tag.get('id')}{words}")
    return tuple(found)


def leases_on(machine: Machine, bridge: str) -> list[dict[str, t.Any]]:
    """The leases that libvirt's dnsmasq gave on a bridge (libvirt_leaseshelper(8) keeps them, libvirt's NSS module reads them)."""
    with contextlib.suppress(ValueError):
        found: list[dict[str, t.Any]] = json.loads(machine.text(f"{LEASES}/{bridge}.status") or "[]")
        return found
    return []
