# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""Files of ifupdown that would end router advertisements on a host that forwards IPv6."""

from __future__ import annotations

import typing as t

from ..model.applied import Applied
from ..model.forwarding import ROUTED_KINDS, accept_ra
from ..model.ifupdown import parse
from ..model.state import FileState, HostState
from ..render.ifupdown import resets_advertisements

if t.TYPE_CHECKING:
    from ..observe.ifupdown import Facts


def advertisement_warnings(
    spoken: t.Iterable[str], changes: t.Mapping[str, FileState | None], after: Applied, state: HostState
) -> tuple[str, ...]:
    """Stanzas that set accept_ra back to 1 whenever they come up, at boot too. Users' files are theirs to edit.

    ``changes``: path -> new file.
    """
    facts: Facts | None = state.managers.get("ifupdown")
    if facts is None or not any(kind in ROUTED_KINDS for kind in spoken):
        return ()
    files = {**facts.files, **changes}
    return tuple(
        f"{path}: iface {stanza.name} inet6 {stanza.method} sets accept_ra to 1, with which a router hears no router advertisements and "
        f"loses its own IPv6 default route; write accept_ra 2 there"
        for path, file in sorted(files.items())
        for stanza in (parse(file.content) if file and path.startswith("/etc/network/") else ())
        if stanza.name and accept_ra(stanza.name) in after.sysctls and resets_advertisements(stanza)
    )
