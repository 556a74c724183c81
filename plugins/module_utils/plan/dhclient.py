# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""dhclient as ifupdown runs it: stopped without a word, and going on at another interface with the same lease."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import replace

from ..model.ifupdown import Stanza
from ..model.step import Action, Await, Ip, Phase, Remove, Run, Step
from .backend import Handover

if t.TYPE_CHECKING:
    from ..observe.ifupdown import Client

_READY_LIMIT = 5.0


def stop(client: Client) -> Step:
    """TERM, -x and -r would release the lease and flush the addresses. The undo starts it again where it does not run."""
    again = _shell(f"grep -qs dhclient /proc/{client.pid}/cmdline || {_start_text(_without_wait(client))}")
    return Step(Phase.FREEZE, f"DHCP on {client.link} stops without a word", (Run(("kill", "-KILL", str(client.pid)), True),), (again,))


def start(handover: Handover, link: str, family: int, stanza: Stanza, source: str) -> Step:
    """A client on ``link``; with ``source`` the one that ran there goes on: the lease file holds the DUID too, so the server
    sees the same client, which asks for the address that it has."""
    six = "6" if family == 6 else ""
    pid, new = f"/run/dhclient{six}.{link}.pid", f"/var/lib/dhcp/dhclient{six}.{link}.leases"
    command = _start_text(_dhclient(link, family, stanza))
    ready = Await("dhclient", _READY_LIMIT, argv=("sh", "-c", f"cat /proc/$(cat {pid})/cmdline"))
    stop = _shell(f"[ ! -e {pid} ] || kill -KILL $(cat {pid}); rm -f {pid}")
    why = f"DHCP goes on at {link}"
    if not source:
        return Step(Phase.THAW, why, (_shell(command), ready), (stop,))
    old = f"/var/lib/dhcp/dhclient{six}.{source}.leases"
    do: list[Action] = [
        _renamed_lease(old, new, source, link),
        *(_longer_lives(handover, source, link) if family == 4 else []),
        _shell(command),
        ready,
    ]
    undo: list[Action] = [stop]
    if source in handover.before and source not in handover.after:
        # The bridge goes away for good, and its lease file with it.
        do.append(Remove(old))
        undo.append(_shell(f"[ -e {old} ] || {_renamed_lease(new, old, link, source).argv[2]}"))
    elif link not in handover.before:
        undo.append(Remove(new))
    return Step(Phase.THAW, why, tuple(do), tuple(undo))


def _renamed_lease(old: str, new: str, source: str, link: str) -> Run:
    return _shell(f'[ ! -e {old} ] || sed \'s/interface "{source}"/interface "{link}"/\' {old} > {new}')


def _longer_lives(handover: Handover, source: str, link: str) -> list[Action]:
    """dhclient-script does not renew the lifetime of an address that is there already: the kernel would drop it before the lease ends."""
    seconds = handover.facts.lease_times.get(source, 0)
    addresses = handover.state.links[source].addresses if source in handover.state.links else ()
    leased = [address.moved(source, link) for address in addresses if address.family == 4 and address.dynamic]
    return [
        Ip(replace(address, valid_lft=seconds, preferred_lft=seconds).add_line(link)) for address in leased if seconds > address.valid_lft
    ]


def _dhclient(link: str, family: int, stanza: Stanza) -> tuple[str, ...]:
    """The command of ifupdown's inet.defn and inet6.defn, but at once in the background."""
    six, other = ("6", "") if family == 6 else ("", "6")
    words = ["dhclient", f"-{family}", "-nw"]
    if family == 4 and stanza.option("client") != "no":
        words.append("-i")
    words += ["-pf", f"/run/dhclient{six}.{link}.pid", "-lf", f"/var/lib/dhcp/dhclient{six}.{link}.leases", "-I"]
    if family == 6 and stanza.option("request_prefix") == "1":
        words += ["-P", "-N"]
    words += ["-df", f"/var/lib/dhcp/dhclient{other}.{link}.leases"]
    if stanza.option("metric"):
        words += ["-e", f"IF_METRIC={stanza.option('metric')}"]
    return (*words, link)


def _without_wait(client: Client) -> tuple[str, ...]:
    words = [word for word in client.argv if word not in ("-nw", "-v")]
    return (words[0], "-nw", *words[1:])


def _start_text(argv: t.Sequence[str]) -> str:
    """In a scope of its own, so that it does not end with the session that it was started from."""
    command = shlex.join(argv)
    return f"if [ -d /run/systemd/system ]; then systemd-run --quiet --scope --collect --slice=system.slice {command}; else {command}; fi"


def _shell(text: str) -> Run:
    return Run(("sh", "-c", text))
