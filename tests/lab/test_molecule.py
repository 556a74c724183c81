# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every molecule scenario: create, converge, idempotence, verify with a reboot, destroy."""

from __future__ import annotations

import os
import subprocess

import pytest
from conftest import lab_name
from product import BIN, ROOT
from spans import some
from vnet_lab.lab import Lab

SCENARIOS = {path.parent.name for path in (ROOT / "extensions/molecule").glob("*/molecule.yml")}
SHORT = ("bridge",)
LIMIT = 300.0


@pytest.mark.parametrize("scenario", some(*SHORT, more=sorted(SCENARIOS.difference(SHORT))))
def test_scenario(scenario: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("whole hosts need root")
    name = lab_name("molecule")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "VNET_LAB_NAME": name, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    try:
        argv = [str(BIN / "molecule"), "test", "--scenario-name", scenario]
        done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    finally:
        # molecule removes it by itself, unless it was stopped
        if Lab(name).exists:
            Lab(name).down()
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
