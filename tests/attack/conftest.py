# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for the attacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Namespace
from wire import ATTACKER, FREE, Wire, switch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid():
        raise pytest.UsageError("these tests make network namespaces and need root: sudo make attack")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Namespace]:
    """A hypervisor."""
    namespace = Namespace(str(tmp_path))
    yield namespace
    namespace.close()


@pytest.fixture
def guests(host: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """Its guests, on a bridge."""
    namespace = Namespace(str(tmp_path_factory.mktemp("guests")))
    switch(host, namespace)
    yield namespace
    namespace.close()


@pytest.fixture
def wire(guests: Namespace) -> Iterator[Wire]:
    """From the guest that is under guard to the others."""
    found = Wire(guests, ATTACKER)
    yield found
    found.close()


@pytest.fixture
def free_wire(guests: Namespace) -> Iterator[Wire]:
    """From a guest without a guard."""
    found = Wire(guests, FREE)
    yield found
    found.close()
