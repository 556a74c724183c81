# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards: what they cost a packet, what one change costs with thousands of them, and what a run costs that has nothing to do.

Runs in the network and mount namespaces that run.py makes for it. Packets are counted per second of the sender's CPU, in
which the bridge and its filter run too: other work on the machine then matters little.
"""

from __future__ import annotations

import json
import mmap
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import time
import types

from rows import Row, hand_over, say

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS = (1, 100, 1000, 4000)
ROUNDS, BURSTS = 7, 24
FRAMES, SIZE = 4096, 128
# Of include/uapi/linux/if_packet.h.
_SOL_PACKET, _VERSION, _TX_RING, _QDISC_BYPASS, _V2, _SEND, _HEADER = 263, 10, 13, 20, 1, 1, 32


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


def run(argv: list[str], text: str = "") -> float:
    start = time.monotonic()
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr[:800]}")
    return time.monotonic() - start


class Sender:
    """A ring of frames that the kernel sends in one call."""

    def __init__(self, name: str, frame: bytes) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _V2)
        self._socket.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
        self._socket.setsockopt(_SOL_PACKET, _TX_RING, struct.pack("IIII", 4096, FRAMES * SIZE // 4096, SIZE, FRAMES))
        self._socket.bind((name, 0))
        self._ring = mmap.mmap(self._socket.fileno(), FRAMES * SIZE)
        slot = struct.pack("III", _SEND, len(frame), len(frame)).ljust(_HEADER, b"\0") + frame
        self._filled = slot.ljust(SIZE, b"\0") * FRAMES

    def rate(self) -> float:
        """Packets that came out on the other side per second of CPU."""
        before, start = delivered(), time.process_time()
        for _burst in range(BURSTS):
            self._ring[:] = self._filled
            self._socket.send(b"")
        seconds = time.process_time() - start
        arrived = delivered() - before
        if arrived < FRAMES * BURSTS * 0.9:
            raise SystemExit(f"only {arrived} of {FRAMES * BURSTS} packets came through")
        return arrived / seconds


def delivered() -> int:
    """/sys is the machine's own here; /proc/net is ours. The tenth number of a line counts what was sent."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()
    return next(int(line.split(":")[1].split()[9]) for line in lines if line.strip().startswith("receiver:"))


def frame_of(item: dict[str, object]) -> bytes:
    """A UDP packet of 64 octets from the guest's first address to everybody on the bridge who listens."""
    addresses = item["addresses"]
    assert isinstance(addresses, list)
    source = socket.inet_aton(str(addresses[0]).partition("/")[0])
    mac = bytes.fromhex(str(item["mac"]).replace(":", ""))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 50, 0, 0, 64, 17, 0) + source + socket.inet_aton("10.250.0.1")
    return bytes.fromhex("525400ffff01") + mac + b"\x08\x00" + head + struct.pack("!HHHH", 4000, 5000, 30, 0) + bytes(22)


def switch() -> None:
    lines = "link add br0 up type bridge forward_delay 0 no_linklocal_learn 1 mcast_snooping 0\n"
    for name in ("sender", "receiver"):
        lines += f"link add {name} type veth peer name {name}-far\nlink set {name} master br0 up\nlink set {name}-far up arp off\n"
    for name in ("all", "default"):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    run(["ip", "-batch", "-"], lines)
    for path in pathlib.Path("/proc/sys/net/bridge").glob("bridge-nf-call-*"):
        path.write_text("0")


def packets() -> list[Row]:
    """Every round measures all of them once, and without rules before each: a ratio is of neighbours in time."""
    cases = {(count, prefix): guards(count, prefix) for count in COUNTS for prefix in (False, True)}
    texts = {key: reload_text(tables(items)) for key, items in cases.items()}
    senders = {key: Sender("sender-far", frame_of(items[-1])) for key, items in cases.items()}
    ratios: dict[tuple[int, bool], list[float]] = {key: [] for key in cases}
    rates: dict[tuple[int, bool], list[float]] = {key: [] for key in cases}
    for _round in range(ROUNDS):
        for key, text in texts.items():
            plain = senders[key].rate()
            run(["nft", "-f", "-"], text)
            rates[key].append(senders[key].rate())
            ratios[key].append(plain / rates[key][-1])
            run(["nft", "delete", "table", "bridge", "vnet_guard"])
    rows = []
    for (count, prefix), found in ratios.items():
        ratio, rate = statistics.median(found), statistics.median(rates[(count, prefix)])
        least = 0.70 if prefix else 0.75
        kind = "network" if prefix else "address"
        title = f"packets of the last of {count} guards, by {kind}"
        rows.append(Row(title, rate / 1000, "k/s", "no rules", ratio, f"{least:.2f} of no rules", 1 / ratio >= least))
        say(f"   {title}: {rate / 1000:.0f} k/s, {1 / ratio:.2f} of no rules")
    return rows


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


def module(items: list[dict[str, object]]) -> tuple[float, float]:
    """Seconds of CPU and peak MiB of a process that runs the module, as AnsiballZ does."""
    arguments = {"guards": items, "persist": "none", "_ansible_check_mode": False, "_ansible_diff": True}
    code = (
        "import json, sys, time, resource; sys.path.insert(0, sys.argv[1]);"
        "from ansible.module_utils.testing import patch_module_args;"
        "from ansible_collections.hypervisor.vnet.plugins.modules.antispoof import main;"
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
    module(guards(1000))
    seconds = statistics.median(module(guards(1000))[0] for _turn in range(5))
    rows.append(Row("antispoof, 1000 guards, nothing to do", seconds, "s of CPU", target="under 0.5 s", ok=seconds < 0.5))
    peak = module(guards(4000))[1]
    rows.append(Row("antispoof, 4000 guards: peak memory", peak, "MiB", target="under 150 MiB", ok=peak < 150))
    for row in rows:
        say(f"   {row.name}: {row.value:.2f} {row.unit}")
    return rows


if __name__ == "__main__":
    switch()
    hand_over([*packets(), change(), *runs()])
