# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a host for Xen's hotplug hook, and when."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.document import Declared, Document
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import GuardSettings
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import HookFacts
from ansible_collections.hypervisor.vnet.plugins.module_utils.observe.hook import read

CLOSED = Applied(guard_settings=GuardSettings(unlisted=True, match=("vif*",)))
GUARDS = Document(guards=Declared(path="guards"))


class Host(Machine):
    def __init__(self, *, xen: bool) -> None:
        super().__init__()
        self.xen = xen
        self.asked: list[str] = []

    def exists(self, path: str) -> bool:
        return self.xen and path == "/etc/xen/scripts/vif-common.sh"

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        self.asked.append(" ".join(argv))
        return Completed(0, '/local/domain/7/name = "web"\n', "")


def test_domains_are_asked_for_where_ports_are_closed() -> None:
    host = Host(xen=True)
    assert read(host, Document(), CLOSED, {}) == read(host, GUARDS, Applied(), {}) == HookFacts(scripts=True)
    assert host.asked == []
    assert list(read(host, GUARDS, CLOSED, {}).domains) == ["web"]
    assert list(read(host, Document(guards=Declared(path="guards"), guard_settings={"unlisted": True}), Applied(), {}).domains) == ["web"]


def test_nothing_is_asked_of_a_host_without_xen() -> None:
    host = Host(xen=False)
    assert read(host, GUARDS, CLOSED, {}) == HookFacts() and host.asked == []
