# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""What a document says of bridged frames and iptables (br_netfilter), which is one switch of the whole host."""

from __future__ import annotations

from ..model.applied import Applied
from ..model.state import HostState
from ..model.step import Phase, Run, Step, sysctl_step

_KEYS = "net/bridge/"


def plan_netfilter(before: Applied, after: Applied, state: HostState) -> tuple[dict[str, tuple[str, str]], list[Step]]:
    """br_netfilter's switches, where the module is loaded; where it is not, the files wait for it."""
    there = _netfilter_keys(state)
    wanted = {"enable": dict.fromkeys(there, "1"), "disable": dict.fromkeys(there, "0")}.get(after.bridge_netfilter, {})
    if after.bridge_netfilter == "keep" and before.bridge_netfilter != "keep":
        wanted = {key: value for key, value in before.sysctls.items() if key in there}
    settings = {key: (state.sysctls[key], value) for key, value in wanted.items() if state.sysctls[key] != value}
    steps = [sysctl_step(Phase.SETTLE, "bridged frames and iptables", key, new, old) for key, (old, new) in settings.items()]
    if after.bridge_netfilter == "enable" and not there:
        steps.append(Step(Phase.LINK, "bridged frames and iptables", (Run(("modprobe", "br_netfilter")),)))
    return settings, steps


def _netfilter_keys(state: HostState) -> list[str]:
    return [key for key in state.sysctls if key.startswith(_KEYS)]


def netfilter_memory(before: Applied, after: Applied, state: HostState) -> dict[str, str]:
    if after.bridge_netfilter == "keep":
        return {}
    known = {key: value for key, value in before.sysctls.items() if key.startswith(_KEYS)}
    return {**{key: state.sysctls[key] for key in _netfilter_keys(state)}, **known}
