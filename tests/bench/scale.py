# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many bridges at once: xen_bridge, a loop of single `ip` calls, and one Ansible task an item.

Runs in the network and mount namespaces that run.py makes for it.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time

from rows import Row, hand_over, say

ROOT = pathlib.Path(__file__).resolve().parents[2]


def timed(argv: list[str], text: str = "", limit: float = 900.0) -> tuple[float, str]:
    start = time.monotonic()
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)[:200]}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return time.monotonic() - start, done.stdout


def module(arguments: dict[str, object], name: str = "xen_bridge") -> tuple[float, dict[str, object]]:
    """The module as a process of its own, as AnsiballZ runs it on a host."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from ansible.module_utils.testing import patch_module_args;"
        f"from ansible_collections.hypervisor.vnet.plugins.modules.{name} import main;"
        "context = patch_module_args(json.load(sys.stdin)); context.__enter__(); main()"
    )
    seconds, out = timed([sys.executable, "-c", code, str(ROOT / "build")], json.dumps(arguments))
    return seconds, json.loads(out)


def clean(count: int) -> None:
    lines = "".join(f"link del dev vb{index}\n" for index in range(count))
    subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, check=False, capture_output=True)


def shell_loop(count: int) -> float:
    script = f"""for i in $(seq 0 {count - 1}); do
        ip link show dev vb$i >/dev/null 2>&1 || ip link add name vb$i type bridge stp_state 0 forward_delay 0 no_linklocal_learn 1
        ip -d link show dev vb$i | grep -q 'state UP\\|,UP' || ip link set dev vb$i up
    done"""
    return timed(["sh", "-c", script])[0]


def ansible_loop(count: int) -> float:
    play = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "A task an item",
                    "ansible.builtin.shell": "ip link show dev vb{{ item }} || ip link add name vb{{ item }} up type bridge forward_delay 0",
                    "loop": f"{{{{ range({count}) | list }}}}",
                }
            ],
        }
    ]
    path = pathlib.Path("/run/bench.yml")
    path.write_text(json.dumps(play), encoding="utf-8")
    playbook = str(ROOT / ".venv/bin/ansible-playbook")
    return timed([playbook, "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(path)])[0]


def measure(count: int, items: int) -> list[Row]:
    wanted = {"persist": "none", "bridges": [{"name": f"vb{index}"} for index in range(count)]}
    say(f"== xen_bridge: {count} bridges, first run")
    first, result = module(wanted)
    if not result["changed"]:
        raise SystemExit("the first run changed nothing")
    say(f"   {first:.2f} s; second run")
    second, result = module(wanted)
    if result["changed"]:
        raise SystemExit("the second run changed something")
    say(f"   {second:.2f} s; removal")
    gone, _result = module({**wanted, "state": "absent"})
    say(f"   {gone:.2f} s\n== loop of single ip calls: {count} bridges")
    loop_first = shell_loop(count)
    loop_second = shell_loop(count)
    clean(count)
    say(f"   {loop_first:.2f} s, again {loop_second:.2f} s\n== one Ansible task an item: {items} bridges")
    task_first = ansible_loop(items) / items * count
    task_second = ansible_loop(items) / items * count
    clean(items)
    say(f"   {task_first:.0f} s, again {task_second:.0f} s, scaled from {items} to {count} bridges")
    scaled = f"one Ansible task an item ({items} measured, scaled)"
    return [
        Row(f"{count} bridges, first run", first, "s", "loop of single ip calls", first / loop_first),
        Row(f"{count} bridges, first run", first, "s", scaled, first / task_first),
        Row(f"{count} bridges, nothing to do", second, "s", "loop of single ip calls", second / loop_second, "under 2 s", second < 2),
        Row(f"{count} bridges, nothing to do", second, "s", scaled, second / task_second),
        Row(f"{count} bridges, removal", gone, "s"),
    ]


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hand_over(measure(int(sys.argv[1]), int(sys.argv[2])))
