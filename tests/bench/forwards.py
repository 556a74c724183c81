# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a port forward costs a new connection: one among 1, 100 and 1000, by vnet_nat's map and by rules that are walked one by one.

Runs in the network and mount namespaces that run.py makes for it. Every packet is a new flow to the last forward; they are
counted per second of the sender's CPU, in which the host's part runs too.
"""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Callable

from guards import run
from packets import FRAMES, Sender, datagram
from rows import Row, hand_over, say
from scale import module

COUNTS = (1, 100, 1000)
ROUNDS, BURSTS = 7, 6
FIRST = 20000
HOST, GUEST, WORLD = "192.0.2.1", "10.0.0.2", "192.0.2.9"
WORLD_MAC, UPLINK_MAC, GUEST_MAC = "52:54:00:00:aa:01", "52:54:00:00:aa:02", "52:54:00:00:aa:03"


def flows(count: int) -> list[bytes]:
    """UDP packets from as many ports to the last of ``count`` forwards."""
    return [datagram((UPLINK_MAC, WORLD_MAC), WORLD, HOST, 10000 + at, FIRST + count - 1) for at in range(FRAMES)]


def host() -> None:
    """The host's uplink, whose other end sends, and its bridge with one guest, whose other end counts."""
    lines = f"link add uplink address {UPLINK_MAC} type veth peer name sender-far address {WORLD_MAC}\n"
    lines += "link add br0 up type bridge forward_delay 0\nlink add receiver type veth peer name receiver-far\n"
    lines += "link set receiver master br0 up\nlink set receiver-far up arp off\nlink set uplink up\nlink set sender-far up arp off\nlink set lo up\n"
    lines += f"addr add {HOST}/24 dev uplink\naddr add 10.0.0.1/24 dev br0\nneigh add {GUEST} lladdr {GUEST_MAC} dev br0\n"
    lines += f"neigh add {WORLD} lladdr {WORLD_MAC} dev uplink\n"
    for name in ("all", "default"):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    run(["ip", "-batch", "-"], lines)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for path in pathlib.Path("/proc/sys/net/bridge").glob("bridge-nf-call-*"):
        path.write_text("0")


def by_map(count: int) -> Callable[[], None]:
    forwards = [{"protocol": "udp", "port": str(FIRST + at), "to": GUEST} for at in range(count)]
    options: dict[str, object] = {"persist": "none", "networks": [{"name": "bench", "bridge": "br0", "forwards": forwards}]}
    module(options, "vnet_nat")

    def away() -> None:
        module({**options, "state": "absent"}, "vnet_nat")

    return away


def by_nft_rules(count: int) -> Callable[[], None]:
    rules = "".join(f"udp dport {FIRST + at} dnat to {GUEST}\n" for at in range(count))
    run(["nft", "-f", "-"], f"table ip walked {{ chain forwards {{ type nat hook prerouting priority dstnat;\n{rules}}}\n}}\n")
    return lambda: void(run(["nft", "delete", "table", "ip", "walked"]))


def by_iptables_rules(count: int) -> Callable[[], None]:
    rules = "".join(f"-A PREROUTING -p udp --dport {FIRST + at} -j DNAT --to-destination {GUEST}\n" for at in range(count))
    run(["iptables-nft-restore"], f"*nat\n:PREROUTING ACCEPT\n{rules}COMMIT\n")
    return lambda: void(run(["nft", "delete", "table", "ip", "nat"]))


def void(_seconds: float) -> None:
    """For commands whose time is not asked."""


def rate(sender: Sender) -> float:
    """New flows per second; what the kernel remembers of the last burst goes before the next."""
    rates = []
    for _burst in range(BURSTS):
        run(["conntrack", "-F"])
        rates.append(sender.rate(1))
    return statistics.median(rates)


WAYS = {"vnet_nat's map": by_map, "nft rules, one each": by_nft_rules, "iptables rules, one each": by_iptables_rules}


def measure() -> list[Row]:
    say(f"== forwards: new flows through the last of {', '.join(map(str, COUNTS))}")
    senders = {count: Sender("sender-far", flows(count)) for count in COUNTS}
    rates: dict[tuple[str, int], list[float]] = {(way, count): [] for way in WAYS for count in COUNTS}
    for turn in range(ROUNDS):
        say(f"   round {turn + 1} of {ROUNDS}")
        for way, count in rates:
            away = WAYS[way](count)
            rates[way, count].append(rate(senders[count]))
            away()
    rows = []
    for (way, count), found in rates.items():
        of_one = statistics.median(many / one for many, one in zip(found, rates[way, 1]))
        target = "0.90 of one forward" if way == "vnet_nat's map" and count == max(COUNTS) else ""
        title = f"new flows through the last of {count} forwards, {way}"
        rows.append(
            Row(title, statistics.median(found) / 1000, "k/s", "the same with one forward", 1 / of_one, target, not target or of_one >= 0.9)
        )
        say(f"   {title}: {statistics.median(found) / 1000:.0f} k/s, {of_one:.2f} of one")
    return rows


if __name__ == "__main__":
    host()
    hand_over(measure())
