# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks, side by side with the peers in one run. Writes build/bench.json and docs/benchmarks.md.

scale.py, taps.py, packets.py, guards.py and forwards.py run in namespaces of their own, gap.py, confirm.py and fleet.py on
hosts of the lab; all need root and the staged collection (`make bench`).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

from rows import Row

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIMIT = 3600.0
# Nothing that a part writes outlives it: state and sockets are its own, and so is the network.
SANDBOX = 'mount -t tmpfs bench /run && mkdir -p /var/lib/hypervisor-vnet && mount -t tmpfs bench /var/lib/hypervisor-vnet && exec "$@"'


def part(name: str, runner: list[str], *words: str) -> list[Row]:
    done = subprocess.run([*runner, str(HERE / name), *words], stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}")
    return [Row(**row) for row in json.loads(done.stdout)]


def report(rows: list[Row]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, everything in one run on one machine: the ratios mean something, the seconds little. A ratio",
        "below 1 says that we take less time than the peer.",
        "",
        "Taps are compared with one `ip -batch` that leaves the same behind: the lines that the module runs, tap by tap. The module's",
        "time holds besides: Ansible's reading of the list, a look at the host, the undo on disk, a second look that all is as",
        "declared, the memory, and the answer with its diff; the start of Python and its imports are left out. Medians of five turns.",
        "",
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        "",
        "| what | value | peer | ratio | target |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        target = f"{row.target}: {'met' if row.ok else 'MISSED'}" if row.target else ""
        lines.append(f"| {row.name} | {row.value:.2f} {row.unit} | {row.peer} | {ratio} | {target} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bridges", type=int, default=500)
    parser.add_argument("--taps", type=int, default=1000)
    parser.add_argument("--items", type=int, default=25, help="bridges or taps for the loops that are slow")
    parser.add_argument("--moves", type=int, default=5, help="uplink moves per back end and profile")
    options = parser.parse_args()
    python = sys.executable
    sandbox = ["unshare", "--net", "--mount", "sh", "-c", SANDBOX, "bench"]
    rows = part("scale.py", [*sandbox, python], str(options.bridges), str(options.items))
    rows += part("taps.py", [*sandbox, python], str(options.taps), str(options.items))
    rows += part("packets.py", [*sandbox, python])
    rows += part("guards.py", [*sandbox, python])
    rows += part("forwards.py", [*sandbox, python])
    rows += part("gap.py", [python], str(options.moves))
    rows += part("confirm.py", [python], str(options.moves))
    rows += part("fleet.py", [python])
    (ROOT / "build/bench.json").write_text(json.dumps([vars(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    text = report(rows)
    (ROOT / "docs/benchmarks.md").write_text(text, encoding="utf-8")
    print(text[text.index("| what") :])
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
