# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many taps at once: kvm_tap, one bare `ip -batch`, and a loop of single `ip` calls.

Runs in the network and mount namespaces that run.py makes for it.
"""

from __future__ import annotations

import subprocess
import sys

from rows import Row, hand_over, say
from scale import module, timed

BRIDGE = "bench0"
_GROUP = "77"


def batch(count: int) -> float:
    lines = [f"tuntap add dev vt{index} mode tap\nlink set dev vt{index} master {BRIDGE} up\n" for index in range(count)]
    return timed(["ip", "-batch", "-"], "".join(lines))[0]


def batch_gone(count: int) -> float:
    """The fastest way: all into a group, and the group away."""
    lines = [f"link set dev vt{index} group {_GROUP}\n" for index in range(count)]
    return timed(["ip", "-batch", "-"], "".join([*lines, f"link delete group {_GROUP}\n"]))[0]


def loop(count: int) -> float:
    script = f"for i in $(seq 0 {count - 1}); do ip tuntap add dev vt$i mode tap; ip link set dev vt$i master {BRIDGE} up; done"
    return timed(["sh", "-c", script])[0]


def loop_gone(count: int) -> float:
    return timed(["sh", "-c", f"for i in $(seq 0 {count - 1}); do ip link del dev vt$i; done"])[0]


def measure(count: int, few: int) -> list[Row]:
    wanted = {"persist": "none", "taps": [{"name": f"vt{index}", "bridge": BRIDGE} for index in range(count)]}
    say(f"== kvm_tap: {count} taps")
    # The first of all runs loads Python's byte code and the kernel's caches for everybody.
    module({**wanted, "taps": wanted["taps"][:1]}, "kvm_tap")
    module({**wanted, "taps": wanted["taps"][:1], "state": "absent"}, "kvm_tap")
    idle, _result = module({"persist": "none", "taps": []}, "kvm_tap")
    bare = batch(count)
    bare_gone = batch_gone(count)
    made, result = module(wanted, "kvm_tap")
    if not result["changed"]:
        raise SystemExit("the first run changed nothing")
    again, result = module(wanted, "kvm_tap")
    if result["changed"]:
        raise SystemExit("the second run changed something")
    gone, _result = module({**wanted, "state": "absent"}, "kvm_tap")
    say(
        f"   {made:.2f} s, again {again:.2f} s, removed {gone:.2f} s; start of the module {idle:.2f} s; ip -batch {bare:.2f} s, {bare_gone:.2f} s"
    )
    single, single_gone = loop(few) / few * count, loop_gone(few) / few * count
    scaled = f"loop of single ip calls ({few} measured, scaled)"
    return [
        Row(
            f"{count} taps, first run",
            made - idle,
            "s",
            "one bare ip -batch",
            (made - idle) / bare,
            "at most 1.2 beyond the start of Python",
            made - idle <= 1.2 * bare,
        ),
        Row(f"{count} taps, first run", made, "s", scaled, made / single),
        Row(f"{count} taps, nothing to do", again - idle, "s", "", None, "under 0.5 s beyond the start of Python", again - idle < 0.5),
        Row(f"{count} taps, removal", gone, "s", "bare ip -batch with a link group", gone / bare_gone),
        Row(f"{count} taps, removal", gone, "s", scaled, gone / single_gone),
    ]


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", BRIDGE, "up", "type", "bridge"], check=True)
    hand_over(measure(int(sys.argv[1]), int(sys.argv[2])))
