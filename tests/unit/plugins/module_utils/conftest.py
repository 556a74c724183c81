# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test of the host's side needs."""

from __future__ import annotations

import signal
import typing as t

import pytest


@pytest.fixture(autouse=True)
def signals() -> t.Iterator[None]:
    """A finished run ignores what would stop it; the tests after it must not."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
