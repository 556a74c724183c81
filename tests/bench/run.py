# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Side by side in one run: xen_bridge, a loop of single `ip` calls, and one Ansible task an item.

Everything happens in network and mount namespaces that this program makes and that end with it. Writes build/bench.json
and docs/benchmarks.md. Needs root, the project's .venv and the staged collection (`make bench`).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSIDE = "VNET_BENCH_INSIDE"


@dataclass(frozen=True)
class Row:
    """One figure. ``ratio``: how many times the peer's time ours is (below 1: we are faster)."""

    name: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    target: str = ""
    ok: bool = True


def timed(argv: list[str], text: str = "", limit: float = 900.0) -> tuple[float, str]:
    start = time.monotonic()
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)[:200]}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return time.monotonic() - start, done.stdout


def module(arguments: dict[str, object]) -> tuple[float, dict[str, object]]:
    """The module as a process of its own, as AnsiballZ runs it on a host."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from ansible.module_utils.testing import patch_module_args;"
        "from ansible_collections.hypervisor.vnet.plugins.modules.xen_bridge import main;"
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
    print(f"== xen_bridge: {count} bridges, first run", flush=True)
    first, result = module(wanted)
    if not result["changed"]:
        raise SystemExit("the first run changed nothing")
    print(f"   {first:.2f} s; second run", flush=True)
    second, result = module(wanted)
    if result["changed"]:
        raise SystemExit("the second run changed something")
    print(f"   {second:.2f} s; removal", flush=True)
    gone, _result = module({**wanted, "state": "absent"})
    print(f"   {gone:.2f} s\n== loop of single ip calls: {count} bridges", flush=True)
    loop_first = shell_loop(count)
    loop_second = shell_loop(count)
    clean(count)
    print(f"   {loop_first:.2f} s, again {loop_second:.2f} s\n== one Ansible task an item: {items} bridges", flush=True)
    task_first = ansible_loop(items) / items * count
    task_second = ansible_loop(items) / items * count
    clean(items)
    print(f"   {task_first:.0f} s, again {task_second:.0f} s, scaled from {items} to {count} bridges", flush=True)
    scaled = f"one Ansible task an item ({items} measured, scaled)"
    return [
        Row(f"{count} bridges, first run", first, "s", "loop of single ip calls", first / loop_first),
        Row(f"{count} bridges, first run", first, "s", scaled, first / task_first),
        Row(f"{count} bridges, nothing to do", second, "s", "loop of single ip calls", second / loop_second, "under 2 s", second < 2),
        Row(f"{count} bridges, nothing to do", second, "s", scaled, second / task_second),
        Row(f"{count} bridges, removal", gone, "s"),
    ]


def report(rows: list[Row]) -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/bench.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, everything in one run on one machine: the ratios mean something, the seconds little. A ratio",
        "below 1 says that we take less time than the peer.",
        "",
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        "",
        "| what | seconds | peer | ratio | target |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        target = f"{row.target}: {'met' if row.ok else 'MISSED'}" if row.target else ""
        lines.append(f"| {row.name} | {row.value:.2f} | {row.peer} | {ratio} | {target} |")
    (ROOT / "docs/benchmarks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[8:]), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bridges", type=int, default=500)
    parser.add_argument("--items", type=int, default=25, help="bridges for the Ansible loop, which is slow")
    options = parser.parse_args()
    if os.geteuid():
        print("make bench needs root: it makes network namespaces", file=sys.stderr)
        return 2
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        script = 'mount -t tmpfs bench /run && mkdir -p /var/lib/hypervisor-vnet && mount -t tmpfs bench /var/lib/hypervisor-vnet && exec "$@"'
        argv = ["unshare", "--net", "--mount", "sh", "-c", script, "bench", sys.executable, *sys.argv]
        os.execvp(argv[0], argv)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    rows = measure(options.bridges, options.items)
    report(rows)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
