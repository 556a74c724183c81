# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Rates as lines of tc(8): a token bucket filter for what a guest is sent, a policer for what it sends."""

from __future__ import annotations

import typing as t

from ..model.rate import HANDLE, PREFERENCE, Bucket, Rate, Shaping, rate_text
from ..model.state import FileState
from ..model.tap import AppliedTap
from .boot import HEADER

FOLDER = "/etc/hypervisor-vnet/tc.d"
RULES = "/etc/udev/rules.d/60-hypervisor-vnet-taps.rules"
# Whatever makes a tap at boot, udev hears of it.
_RULES = f"""{HEADER}
ACTION=="add", SUBSYSTEM=="net", TEST=="{FOLDER}/%k", RUN+="/sbin/tc -force -batch {FOLDER}/%k"
"""
# What waits longer in the queue is dropped: a guest's downloads shall not make its other traffic wait.
_LATENCY = "50ms"
# A guest with offloads sends 64 KiB at once, and headers with each segment of them.
_LARGEST = 128 * 1024
# What comes at once without being too fast: TCP behind a policer needs about its round trip's worth.
_SENT, _GOT = 10, 100  # fractions of a second: 1/10, 1/100
_LEAST_GOT = 32 * 1024


def wanted_shaping(rate: Rate, mtu: int) -> Shaping:
    """What tc(8) shall have on a tap. No packet is larger than its bucket, or it would never pass."""
    got = Bucket(rate.to_guest, max(rate.to_guest // _GOT, _LEAST_GOT, 2 * mtu)) if rate.to_guest else Bucket()
    sent = Bucket(rate.from_guest, max(rate.from_guest // _SENT, _LARGEST)) if rate.from_guest else Bucket()
    return Shaping(got, sent, hooked=bool(rate.from_guest))


def shaping_lines(name: str, had: Shaping, wanted: Shaping) -> list[str]:
    """From what ``had`` is to what is ``wanted``; empty when nothing differs."""
    lines = []
    if wanted.to_guest.rate and not wanted.to_guest.is_like(had.to_guest):
        lines.append(f"qdisc replace dev {name} root handle {HANDLE} tbf {_bucket(wanted.to_guest)} latency {_LATENCY}")
    elif had.to_guest.rate and not wanted.to_guest.rate:
        lines.append(f"qdisc delete dev {name} root handle {HANDLE}")
    if wanted.from_guest.is_like(had.from_guest):
        return lines
    # A policer does not change: for the moment in between its guest is not limited.
    lines += [f"filter delete dev {name} ingress pref {PREFERENCE}"] if had.from_guest.rate else []
    if wanted.from_guest.rate:
        lines += [] if had.hooked else [f"qdisc replace dev {name} clsact"]
        police = f"police {_bucket(wanted.from_guest)} mtu {_LARGEST} conform-exceed drop/continue"
        lines.append(f"filter add dev {name} ingress protocol all pref {PREFERENCE} matchall action {police}")
    elif not had.shared and not wanted.hooked:
        lines.append(f"qdisc delete dev {name} clsact")
    return lines


def _bucket(bucket: Bucket) -> str:
    return f"rate {rate_text(bucket.rate)} burst {bucket.burst}"


def rate_files(taps: t.Mapping[str, AppliedTap]) -> dict[str, FileState]:
    """What shapes taps whenever they are made again, for those that are kept over a reboot."""
    files = {}
    for name, tap in taps.items():
        if tap.tap.rate.limits and tap.persist != "none":
            lines = shaping_lines(name, Shaping(), wanted_shaping(tap.tap.rate, tap.mtu))
            files[f"{FOLDER}/{name}"] = FileState("\n".join([HEADER, *lines, ""]))
    return {**files, RULES: FileState(_RULES)} if files else {}
