# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""dhclient as ifupdown runs it: stopped without a word, and going on at another interface with the same lease."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..model.ifupdown import Stanza, lease_path, pid_path
from ..model.step import Action, Ip, KillDaemon, Phase, Remove, StartDaemon, Step, Write
from .backend import Handover

if t.TYPE_CHECKING:
    from ..observe.ifupdown import Client


def stop(client: Client) -> Step:
    """TERM, -x and -r would release the lease and flush the addresses. The undo starts it again where it does not run."""
    path = pid_path(client.link, client.family)
    again = StartDaemon(_without_wait(client), path)
    return Step(Phase.FREEZE, f"DHCP on {client.link} stops without a word", (KillDaemon(path, client.argv[0]),), (again,))


def start(handover: Handover, link: str, family: int, stanza: Stanza, source: str) -> Step:
    """A client on ``link``; with ``source`` the one that ran there goes on: the lease file holds the DUID too, so the server
    sees the same client, which asks for the address that it has."""
    pid_file, why = pid_path(link, family), f"DHCP goes on at {link}"
    do: list[Action] = [StartDaemon(_dhclient(link, family, stanza), pid_file)]
    undo: list[Action] = [KillDaemon(pid_file, "dhclient")]
    old, new = lease_path(source, family), lease_path(link, family)
    lease = handover.facts.leases.get(old) if source else None
    if lease is None:
        return Step(Phase.THAW, why, tuple(do), tuple(undo))
    renamed = lease.content.replace(f'interface "{source}"', f'interface "{link}"')
    lives = _longer_lives(handover, source, link) if family == 4 else []
    do = [Write(new, renamed, lease.mode, lease.uid, lease.gid), *lives, *do]
    if source in handover.before and source not in handover.after:
        # The bridge goes away for good, and its lease file with it.
        do.append(Remove(old))
        undo.append(Write(old, lease.content, lease.mode, lease.uid, lease.gid))
    elif link not in handover.before:
        undo.append(Remove(new))
    return Step(Phase.THAW, why, tuple(do), tuple(undo))


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
    words = ["dhclient", f"-{family}", "-nw"]
    if family == 4 and stanza.option("client") != "no":
        words.append("-i")
    words += ["-pf", pid_path(link, family), "-lf", lease_path(link, family), "-I"]
    if family == 6 and stanza.option("request_prefix") == "1":
        words += ["-P", "-N"]
    words += ["-df", lease_path(link, 10 - family)]
    if stanza.option("metric"):
        words += ["-e", f"IF_METRIC={stanza.option('metric')}"]
    return (*words, link)


def _without_wait(client: Client) -> tuple[str, ...]:
    words = [word for word in client.argv if word not in ("-nw", "-v")]
    return (words[0], "-nw", *words[1:])
