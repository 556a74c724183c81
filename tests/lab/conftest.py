# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures on whole hosts. pytest finds vnet_lab through this folder; nothing but pytest is needed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from controller import Controller
from spans import each
from vnet_lab.kinds import DEFAULT_HOSTS
from vnet_lab.lab import Lab
from vnet_lab.machine import Machine
from vnet_lab.snapshot import diff_snapshots

# The files that take longest begin, so that no worker waits for another in the end.
LONGEST = ("examples", "controller", "watchdog", "networkd", "libvirt", "domif", "molecule", "confirm", "interrupted", "rollback")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    names = [f"test_{name}.py" for name in LONGEST]
    items.sort(key=lambda item: names.index(item.path.name) if item.path.name in names else len(names))


def lab_name(prefix: str) -> str:
    """One lab per pytest process: runs side by side (also xdist's workers) never meet."""
    return f"{prefix}-{os.getpid()}"


@contextlib.contextmanager
def new_lab(prefix: str) -> Iterator[Lab]:
    """A lab without hosts, for as long as the block runs."""
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    with Lab(lab_name(prefix), owner=os.getpid()) as made:
        yield made


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab without hosts that lives as long as the test run; tests start hosts in it."""
    with new_lab("test") as made:
        yield made


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The hosts that the test file names in HOSTS (name -> kind and profile), ready, in a lab of their own."""
    with new_lab("fleet") as made:
        made.start_many(request.module.HOSTS)
        yield made


@pytest.fixture
def controller(fleet: Lab, tmp_path: Path) -> Iterator[Controller]:
    """An administrator's, for all hosts of the test file. Each host must end as it began."""
    # short: a socket is made in it
    made = Controller(fleet, tmp_path / "c")
    before = each(Machine.snapshot, fleet)
    yield made
    for host, was, now in zip(fleet, before, each(Machine.snapshot, fleet)):
        assert diff_snapshots(was, now) == [], host.name


@pytest.fixture(scope="session")
def four(lab: Lab) -> Lab:
    """The lab with its four default hosts, ready, profile rich."""
    lab.start_many({name: (kind, "rich") for name, kind in DEFAULT_HOSTS.items()})
    return lab
