# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.session import exclusive, is_held


def test_a_lock_that_nobody_made_is_not_held_and_not_made(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(str(path))
    assert not path.exists()


def test_a_lock_is_held_as_long_as_a_run_lasts(tmp_path):
    path = str(tmp_path / "state/lock")
    with exclusive(path):
        assert is_held(path)
    assert not is_held(path)
