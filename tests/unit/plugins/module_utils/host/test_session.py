# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal

from ansible_collections.hypervisor.vnet.plugins.module_utils.host.session import exclusive, is_held, is_held_above


def test_a_lock_that_nobody_made_is_not_held_and_not_made(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(str(path))
    assert not path.exists()


def test_a_lock_is_held_as_long_as_a_run_lasts(tmp_path):
    path = str(tmp_path / "state/lock")
    with exclusive(path):
        assert is_held(path)
    assert not is_held(path)


def test_whoever_waits_for_us_is_not_waited_for(tmp_path):
    path = str(tmp_path / "lock")
    assert not is_held_above(path)
    with exclusive(path):
        assert is_held_above(path) and in_child(lambda: is_held_above(path))
    # Beside us, and not above.
    ready, told = os.pipe()
    holder = os.fork()
    if not holder:
        with exclusive(path):
            os.write(told, b"x")
            signal.pause()
    try:
        os.read(ready, 1)
        assert is_held(path) and not is_held_above(path)
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def in_child(says):
    child = os.fork()
    if not child:
        os._exit(0 if says() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
