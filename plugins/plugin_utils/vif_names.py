# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Names for the host's ends of guests' interfaces."""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from ..module_utils.model.interface import NAME_LENGTH, name_problems

# Xen calls the device model's end NAME-emu.
HVM_LENGTH = NAME_LENGTH - len("-emu")
SHORTEST = 8
_DIGEST = 4
_ILLEGAL = re.compile(r"[^a-z0-9_.-]+")
# libvirt takes a target name with one of these beginnings for one that it made itself, and makes another.
_LIBVIRTS = ("vnet", "vif", "macvtap", "macvlan")


def interface_name(guest: t.Any, index: t.Any, prefix: t.Any, length: t.Any, hvm: bool) -> str:
    """``GUEST-INDEX`` where it is legal and fits, else what fits of it with four characters of a digest. ValueError names the cure."""
    if not isinstance(guest, str) or not guest:
        raise ValueError(f"the guest's name is {guest!r}; without a name every guest would get the same interface")
    if isinstance(index, bool) or not re.fullmatch(r"\d{1,3}", str(index)):
        raise ValueError(f"index: {index!r} is no number up to 999; count the guest's interfaces from 0")
    if isinstance(length, bool) or not re.fullmatch(r"\d+", str(length)) or not SHORTEST <= int(length) <= NAME_LENGTH:
        raise ValueError(f"length: {length!r} is no number from {SHORTEST} to {NAME_LENGTH}, which is as long as Linux allows")
    limit = min(int(length), HVM_LENGTH) if hvm else int(length)
    if str(prefix).startswith(_LIBVIRTS):
        raise ValueError(f"prefix: {str(prefix)!r} begins like the names that libvirt and Xen make themselves; take another, as in 'tap-'")
    limit = min(int(length), HVM_LENGTH) if hvm else int(length)
    tail = f"-{int(index)}"
    asked = f"{prefix}{guest}"
    clean = _ILLEGAL.sub("-", asked.lower()).lstrip("-.")
    if clean.startswith(_LIBVIRTS):
        clean = f"g-{clean}"
    name = clean + tail
    if clean != asked or len(name) > limit:
        # The digest is of the name as it was: names that differ in what had to go get different ones.
        digest = base64.b32encode(hashlib.sha256(asked.encode()).digest()).decode().lower()[:_DIGEST]
        room = limit - len(tail) - len(digest) - 1
        if len(str(prefix)) >= room:
            raise ValueError(f"{limit} characters leave no room for the guest's name beside '{prefix}' and '-{digest}{tail}'; allow more")
        name = f"{clean[:room].rstrip('-.')}-{digest}{tail}".lstrip("-")
    for problem in name_problems(name, "name"):
        raise ValueError(str(problem))
    return name
