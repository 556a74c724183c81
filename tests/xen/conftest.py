# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures on a real dom0. The lab's own tools and the tiny guest's archive are beside this folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).resolve().parents[1] / folder) for folder in ("xen", "lab", "kernel"))

from product import Product
from vnet_xen.dom0 import Dom0

# `make test` has one of them, `make xen` all.
RELEASES = os.environ.get("VNET_XEN", "bookworm").split()


@pytest.fixture(scope="session", params=RELEASES)
def dom0(request: pytest.FixtureRequest) -> Iterator[Dom0]:
    """One for all tests of a release: each of them leaves it as it was."""
    if os.geteuid() != 0:
        pytest.skip("a dom0's disk is made by root")
    with Dom0(request.param) as made:
        yield made


@pytest.fixture
def product(dom0: Dom0) -> Product:
    return Product(dom0)
