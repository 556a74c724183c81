# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures on whole hosts. pytest finds vnet_lab through this folder; nothing but pytest is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab


def lab_name(prefix: str) -> str:
    """One lab per pytest process: runs side by side (also xdist's workers) never meet."""
    return f"{prefix}-{os.getpid()}"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab without hosts that lives as long as the test run; tests start hosts in it."""
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name("test"), owner=os.getpid()) as made:
        yield made


@pytest.fixture(scope="session")
def four(lab: Lab) -> Lab:
    """The lab with its four default hosts, ready, profile rich."""
    lab.start_many({name: (kind, "rich") for name, kind in DEFAULT_HOSTS.items()})
    return lab
