# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards: what one change costs with thousands of them, and what a run costs that has nothing to do.

Runs in the network and mount namespaces that run.py makes for it.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Sequence

from rows import Row, hand_over, say

ROOT = pathlib.Path(__file__).resolve().parents[2]


def collection() -> None:
    """The staged collection, without Ansible's loader."""
    for name, path in (
        ("ansible_collections", ROOT / "build/ansible_collections"),
        ("ansible_collections.hypervisor", ROOT / "build/ansible_collections/hypervisor"),
        ("ansible_collections.hypervisor.vnet", ROOT / "build/ansible_collections/hypervisor/vnet"),
    ):
        package = sys.modules.setdefault(name, types.ModuleType(name))
        package.__path__ = [str(path)]


collection()
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import TABLES, Guards, read_guards  # noqa: E402
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.ruleset import as_seen  # noqa: E402
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.guard import guard_tables  # noqa: E402
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import change_text, reload_text  # noqa: E402


def guards(count: int, prefix: bool = False) -> list[dict[str, object]]:
    """``count`` of them, the last one is the sender's. Each has an address of both families, and with ``prefix`` networks instead."""
    found = []
    for number in range(count):
        high, low = divmod(number, 250)
        addresses = [f"10.{high}.{low}.0/29", f"2001:db8:{number:x}::/64"] if prefix else [f"10.{high}.{low}.1", f"2001:db8:{number:x}::1"]
        found.append({"interface": f"g{number}", "mac": f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}", "addresses": addresses})
    found[-1]["interface"] = "sender"
    return found


def tables(items: list[dict[str, object]]) -> tuple:  # type: ignore[type-arg]
    read, problems = read_guards(items)
    if problems:
        raise SystemExit(str(problems[:3]))
    return guard_tables(Guards({guard.interface: guard for guard in read}))


def run(argv: Sequence[str], text: str = "") -> float:
    start = time.monotonic()
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr[:800]}")
    return time.monotonic() - start


def change() -> Row:
    """One guard comes and goes among 4000, in the module's own transaction."""
    items = guards(4000)
    without, whole = tables(items[:-1]), tables(items)
    run(["nft", "-f", "-"], reload_text(without))
    seen = [{table.key: as_seen(table) for table in side} for side in (without, whole)]
    texts = [change_text(seen[0], whole, TABLES), change_text(seen[1], without, TABLES)]
    times = [run(["nft", "-f", "-"], texts[turn % 2]) * 1000 for turn in range(20)]
    run(["nft", "delete", "table", "bridge", "vnet_guard"])
    median = statistics.median(times)
    return Row("one guard of 4000 comes or goes: the nft transaction", median, "ms", target="under 30 ms", ok=median < 30)


def usage(name: str, options: dict[str, object]) -> tuple[float, float]:
    """Seconds of CPU and peak MiB of a process that runs a module, as AnsiballZ does."""
    arguments = {**options, "persist": "none", "_ansible_check_mode": False, "_ansible_diff": True}
    code = (
        "import json, sys, time, resource; sys.path.insert(0, sys.argv[1]);"
        "from ansible.module_utils.testing import patch_module_args;"
        f"from ansible_collections.hypervisor.vnet.plugins.modules.{name} import main;"
        "context = patch_module_args(json.load(sys.stdin)); context.__enter__();"
        "import atexit; used = lambda: sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN));"
        "start = used(); atexit.register(lambda: print(used() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "build")],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-800:] + done.stderr[-800:])
    seconds, kib = done.stderr.split()[-2:]
    return float(seconds), int(kib) / 1024


def runs() -> list[Row]:
    rows = []
    thousand: dict[str, object] = {"guards": guards(1000)}
    usage("antispoof", thousand)
    seconds = statistics.median(usage("antispoof", thousand)[0] for _turn in range(5))
    rows.append(Row("antispoof, 1000 guards, nothing to do", seconds, "s of CPU", target="under 0.5 s", ok=seconds < 0.5))
    taps: dict[str, object] = {"taps": [{"name": f"vt{index}"} for index in range(4000)]}
    many = guards(4000)
    peaks = [("kvm_tap, 4000 taps", usage("kvm_tap", taps)[1])]
    peaks.append(("antispoof, 4000 guards beside 4000 taps", usage("antispoof", {"guards": many})[1]))
    peaks.append(("antispoof, one of them goes", usage("antispoof", {"guards": many[:-1], "prune": True})[1]))
    rows += [Row(f"{name}: peak memory", peak, "MiB", target="under 150 MiB", ok=peak < 150) for name, peak in peaks]
    for row in rows:
        say(f"   {row.name}: {row.value:.2f} {row.unit}")
    return rows


if __name__ == "__main__":
    hand_over([change(), *runs()])
