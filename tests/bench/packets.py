# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guard costs a packet: the last of many guards against no rules, Xen's iptables rules and libvirt's ebtables layout.

Runs in the network and mount namespaces that run.py makes for it. Packets are counted per second of the sender's CPU, in
which the bridge and its filter run too: other work on the machine then matters little.
"""

from __future__ import annotations

import mmap
import pathlib
import socket
import statistics
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import peers
from guards import guards, run, tables
from rows import Row, hand_over, say

from ansible_collections.hypervisor.vnet.plugins.module_utils.render.ruleset import reload_text

COUNTS = (1, 100, 1000, 4000)
ROUNDS, BURSTS = 7, 24
# Rules that are walked one by one let a few thousand packets through in a second.
PEERS_ROUNDS, PEERS_BURSTS = 3, 1
FRAMES, SIZE = 4096, 128
# Of include/uapi/linux/if_packet.h.
_SOL_PACKET, _VERSION, _TX_RING, _QDISC_BYPASS, _V2, _SEND, _HEADER = 263, 10, 13, 20, 1, 1, 32


class Sender:
    """A ring of FRAMES frames that the kernel sends in one call."""

    def __init__(self, name: str, frames: Sequence[bytes]) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _V2)
        self._socket.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
        self._socket.setsockopt(_SOL_PACKET, _TX_RING, struct.pack("IIII", 4096, FRAMES * SIZE // 4096, SIZE, FRAMES))
        self._socket.bind((name, 0))
        self._ring = mmap.mmap(self._socket.fileno(), FRAMES * SIZE)
        slots = [struct.pack("III", _SEND, len(frame), len(frame)).ljust(_HEADER, b"\0") + frame for frame in frames]
        self._filled = b"".join(slot.ljust(SIZE, b"\0") for slot in slots)

    def rate(self, bursts: int) -> float:
        """Packets that came out on the other side per second of CPU."""
        before, start = delivered(), time.process_time()
        for _burst in range(bursts):
            self._ring[:] = self._filled
            self._socket.send(b"")
        seconds = time.process_time() - start
        arrived = delivered() - before
        if arrived < FRAMES * bursts * 0.9:
            raise SystemExit(f"only {arrived} of {FRAMES * bursts} packets came through")
        return arrived / seconds


def delivered() -> int:
    """/sys is the machine's own here; /proc/net is ours. The tenth number of a line counts what was sent."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()
    return next(int(line.split(":")[1].split()[9]) for line in lines if line.strip().startswith("receiver:"))


def datagram(macs: tuple[str, str], source: str, destination: str, source_port: int, port: int) -> bytes:
    """A UDP packet of 64 octets. ``macs``: to and from. br_netfilter looks at the header's checksum, so it is there."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 50, 0, 0, 64, 17, 0) + socket.inet_aton(source) + socket.inet_aton(destination)
    total = sum(struct.unpack("!10H", head))
    checked = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
    return (
        bytes.fromhex("".join(macs).replace(":", "")) + b"\x08\x00" + checked + struct.pack("!HHHH", source_port, port, 30, 0) + bytes(22)
    )


def frame_of(item: dict[str, object]) -> bytes:
    """A UDP packet of 64 octets from the guest's first address to everybody on the bridge who listens."""
    addresses = item["addresses"]
    assert isinstance(addresses, list)
    return datagram(("52:54:00:ff:ff:01", str(item["mac"])), str(addresses[0]).partition("/")[0], "10.250.0.1", 4000, 5000)


def switch() -> None:
    lines = "link add br0 up type bridge forward_delay 0 no_linklocal_learn 1 mcast_snooping 0\n"
    for name in ("sender", "receiver"):
        lines += f"link add {name} type veth peer name {name}-far\nlink set {name} master br0 up\nlink set {name}-far up arp off\n"
    for name in ("all", "default"):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    run(["ip", "-batch", "-"], lines)
    for path in pathlib.Path("/proc/sys/net/bridge").glob("bridge-nf-call-*"):
        path.write_text("0")


@dataclass(frozen=True)
class Case:
    """``load``: the command that reads ``text``; ``table``: what it makes. ``bridged``: whether iptables sees bridged frames."""

    title: str
    peer: str
    items: Sequence[dict[str, object]]
    load: tuple[str, ...]
    text: str
    table: tuple[str, str]
    bridged: bool = False
    bursts: int = BURSTS
    rounds: int = ROUNDS
    least: float = 0.0


def cases() -> list[Case]:
    found = []
    for count in COUNTS:
        for prefix, kind, least in ((False, "address", 0.75), (True, "network", 0.70)):
            items = guards(count, prefix)
            title, text = f"packets of the last of {count} guards, by {kind}", reload_text(tables(items))
            found.append(Case(title, "no rules", items, ("nft", "-f", "-"), text, ("bridge", "vnet_guard"), least=least))
        items = guards(count)
        for words, text, load, table in (
            ("Xen's iptables physdev rules", peers.physdev(items), "iptables-nft-restore", ("ip", "filter")),
            ("libvirt's clean-traffic in ebtables", peers.nwfilter(items), "ebtables-nft-restore", ("bridge", "nat")),
        ):
            title, bridged = f"packets of the last of {count} guests, {words}", load.startswith("ip")
            found.append(Case(title, "no rules", items, (load,), text, table, bridged, PEERS_BURSTS, PEERS_ROUNDS))
    return found


def bridge_netfilter(on: bool) -> None:
    pathlib.Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text(str(int(on)))


def measure(case: Case, sender: Sender) -> tuple[float, float]:
    """Packets per second of CPU without rules, and with the case's: a ratio is of neighbours in time."""
    plain = sender.rate(BURSTS)
    run(case.load, case.text)
    bridge_netfilter(case.bridged)
    rate = sender.rate(case.bursts)
    bridge_netfilter(False)
    run(["nft", "delete", "table", *case.table])
    return plain, rate


def packets() -> list[Row]:
    """Every round measures all cases once."""
    wanted = cases()
    senders = {case.title: Sender("sender-far", [frame_of(case.items[-1])] * FRAMES) for case in wanted}
    seen: dict[str, list[tuple[float, float]]] = {case.title: [] for case in wanted}
    for turn in range(ROUNDS):
        say(f"   packets: round {turn + 1} of {ROUNDS}")
        for case in wanted:
            if turn < case.rounds:
                seen[case.title].append(measure(case, senders[case.title]))
    rows = []
    for case in wanted:
        share = statistics.median(rate / plain for plain, rate in seen[case.title])
        rate = statistics.median(rate for _plain, rate in seen[case.title])
        target = f"{case.least:.2f} of no rules" if case.least else ""
        rows.append(Row(case.title, rate / 1000, "k/s", case.peer, 1 / share, target, share >= case.least))
        say(f"   {case.title}: {rate / 1000:.1f} k/s, {share:.4f} of no rules")
    return rows


if __name__ == "__main__":
    switch()
    hand_over(packets())
