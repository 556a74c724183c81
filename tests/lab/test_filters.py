# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the filters' documentation and of the guide about guests, as ansible-playbook runs them on the controller."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from product import BIN, LIMIT, ROOT

FILTERS = ("qemu_netdev", "mac_from_ip", "mac_random", "vif_name", "guest_network_config", "xen_legacy", "xend_config")
GUIDE = ROOT / "docs/docsite/rst/guide_guests.rst"
# A task that is called like what it shows.
_RESULT = re.compile(r"[0-9a-f:]{17}|ip=\S+|\S+-\d")


def play(tasks: list[dict[str, Any]], folder: Path) -> str:
    """What ansible-playbook printed; each example is its own task, or a whole play."""
    plays = [task for task in tasks if "hosts" in task]
    rest = [task for task in tasks if "hosts" not in task]
    plays += [{"name": "Examples", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": rest}] if rest else []
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build"), "ANSIBLE_NOCOLOR": "1"}
    argv = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", FILTERS)
def test_the_examples_of_a_filter(name: str, tmp_path: Path):
    said = subprocess.run(
        [str(BIN / "ansible-doc"), "-t", "filter", "-j", f"hypervisor.vnet.{name}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build")},
    ).stdout
    tasks = yaml.safe_load(yaml.safe_load(said)[f"hypervisor.vnet.{name}"]["examples"])
    for task in tasks:
        if "ansible.builtin.copy" in task:
            task["ansible.builtin.copy"]["dest"] = str(tmp_path / "copied")
    output = play(tasks, tmp_path)
    for task in tasks:
        if _RESULT.fullmatch(task["name"]):
            assert f'"msg": "{task["name"]}"' in output


def test_the_guide(tmp_path: Path):
    blocks = re.findall(r"\.\. code-block:: yaml\+jinja\n\n((?:    .*\n|\n)+)", GUIDE.read_text(encoding="utf-8"))
    tasks = [task for block in blocks for task in yaml.safe_load(textwrap.dedent(block))]
    assert len(tasks) == 6
    output = play(tasks, tmp_path)
    assert "tap,id=host-rhel4-0,ifname=rhel4-0,script=no,downscript=no" in output
    assert "mac=02:00:0a:00:00:01" in output
    assert "10.0.0.1/16" in output and "via: 10.0.0.254" in output
