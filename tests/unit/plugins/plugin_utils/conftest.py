# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of its own for every test."""

from __future__ import annotations

import pytest

from ansible_collections.hypervisor.vnet.plugins.plugin_utils import armed
from ansible_collections.hypervisor.vnet.tests.unit.plugins.plugin_utils.pretend_connection import OneHost


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(armed, "GRACE", 0.3)
    return OneHost(tmp_path)
