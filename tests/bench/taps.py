# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many taps at once: kvm_tap, one bare `ip -batch` of the same lines, and a loop of single `ip` calls.

Runs in the network and mount namespaces that run.py makes for it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence

from rows import Row, hand_over, say
from scale import ROOT, timed

BRIDGE = "bench0"
_GROUP = "77"
_TURNS = 5


def module(options: dict[str, object]) -> tuple[float, dict[str, object]]:
    """Seconds of kvm_tap in a process of its own, beyond the start of Python and Ansible's imports; its answer."""
    code = (
        "import atexit, json, sys, time; sys.path.insert(0, sys.argv[1]);"
        "from ansible.module_utils.testing import patch_module_args;"
        "from ansible_collections.hypervisor.vnet.plugins.modules.kvm_tap import main;"
        "context = patch_module_args(json.load(sys.stdin)); context.__enter__(); start = time.monotonic();"
        "atexit.register(lambda: print(time.monotonic() - start)); main()"
    )
    _seconds, out = timed([sys.executable, "-c", code, str(ROOT / "build")], json.dumps({"persist": "none", **options}))
    answer, seconds = out.strip().split("\n")
    return float(seconds), json.loads(answer)


def by_hand(wanted: dict[str, object]) -> list[str]:
    """The lines that the module would run, one tap after the other as one writes them by hand."""
    lines = [line[3:] for line in module({**wanted, "_ansible_check_mode": True})[1]["commands"] if line.startswith("ip ")]
    return sorted(lines, key=lambda line: line.split(" dev ")[1].split()[0])


def batch(lines: Sequence[str]) -> float:
    return timed(["ip", "-batch", "-"], "".join(f"{line}\n" for line in lines))[0]


def batch_gone(count: int) -> float:
    """The fastest way: all into a group, and the group away."""
    return batch([*(f"link set dev vt{index} group {_GROUP}" for index in range(count)), f"link delete group {_GROUP}"])


def loop(count: int) -> float:
    script = f"for i in $(seq 0 {count - 1}); do ip tuntap add dev vt$i mode tap; ip link set dev vt$i master {BRIDGE} up; done"
    return timed(["sh", "-c", script])[0]


def loop_gone(count: int) -> float:
    return timed(["sh", "-c", f"for i in $(seq 0 {count - 1}); do ip link del dev vt$i; done"])[0]


def turn(wanted: dict[str, object], lines: Sequence[str], count: int) -> tuple[float, ...]:
    """Seconds: the bare batch and its removal; the module's first run, its second, and its removal."""
    bare, bare_gone = batch(lines), batch_gone(count)
    made, result = module(wanted)
    if not result["changed"]:
        raise SystemExit("the first run changed nothing")
    again, result = module(wanted)
    if result["changed"]:
        raise SystemExit("the second run changed something")
    times = bare, bare_gone, made, again, module({**wanted, "state": "absent"})[0]
    say("   bare {:.2f} s, removed {:.2f} s; module {:.2f} s, again {:.2f} s, removed {:.2f} s".format(*times))
    return times


def measure(count: int, few: int) -> list[Row]:
    taps = [{"name": f"vt{index}", "bridge": BRIDGE} for index in range(count)]
    say(f"== kvm_tap: {count} taps")
    # The first of all runs writes the program that stays on the host.
    module({"taps": taps[:1]})
    module({"taps": taps[:1], "state": "absent"})
    lines = by_hand({"taps": taps})
    turns = [turn({"taps": taps}, lines, count) for _turn in range(_TURNS)]
    bare, bare_gone, made, again, gone = (statistics.median(times) for times in zip(*turns, strict=True))
    single, single_gone = loop(few) / few * count, loop_gone(few) / few * count
    scaled = f"loop of single ip calls ({few} measured, scaled)"
    first, ratio = f"{count} taps, first run", made / bare
    peer = "one bare ip -batch of the same lines, tap by tap"
    return [
        Row(first, made, "s", peer, ratio, "at most 1.2 beyond the start of Python", ratio <= 1.2),
        Row(first, made, "s", scaled, made / single),
        Row(f"{count} taps, nothing to do", again, "s", "", None, "under 0.5 s beyond the start of Python", again < 0.5),
        Row(f"{count} taps, removal", gone, "s", "bare ip -batch with a link group", gone / bare_gone),
        Row(f"{count} taps, removal", gone, "s", scaled, gone / single_gone),
    ]


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", BRIDGE, "up", "type", "bridge"], check=True)
    hand_over(measure(int(sys.argv[1]), int(sys.argv[2])))
