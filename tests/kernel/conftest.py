# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for the kernel tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Namespace
from hosts import foreign, no_waiting


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid():
        raise pytest.UsageError("these tests make network namespaces and need root: sudo make kernel")
    # What takes longest first, so that no worker waits for the other in the end.
    items.sort(key=lambda item: not any(word in item.path.name for word in ("killed", "random")))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Namespace]:
    """A host without any network card."""
    namespace = Namespace(str(tmp_path))
    yield namespace
    namespace.close()


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """Where the other ends of the host's cables are."""
    namespace = Namespace(str(tmp_path_factory.mktemp("world")))
    yield namespace
    namespace.close()


@pytest.fixture
def host(empty: Namespace) -> Namespace:
    """The usual host: foreign things on it, and free cards eth2 and eth3. Theirs are down, as new cards are."""
    no_waiting(empty)
    foreign(empty)
    for name, mac in (("eth2", "52:54:00:dd:00:02"), ("eth3", "52:54:00:dd:00:03")):
        empty.ip(f"link add {name} address {mac} type veth peer name {name}-far\nlink set {name}-far up")
        empty.sysctl(f"net/ipv6/conf/{name}-far/disable_ipv6", "1")
    empty.settle()
    return empty
