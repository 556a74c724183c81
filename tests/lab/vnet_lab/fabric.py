# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fabric: a network namespace that plays the switches, the router, DHCP, DNS and the internet.

    lan   bridge; every host's eth0; router 10.213.7.1 and fd00:13:7::1; DHCP, router advertisements, DNS
    wan   bridge; every host's eth1; 198.51.100.1 and 2001:db8:51::1; nothing is configured for the hosts

Nothing is ever created in the machine's own network namespace."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .site import Site
from .util import LabError, run, wait_until, write_file
from .world import (
    DHCP4,
    DHCP6,
    DOMAIN,
    EXTRA4_HOST,
    EXTRA6_HOST,
    OTHER4,
    OTHER6,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    TABLE4_HOST,
    TUNED4_HOST,
    WAN4,
    WAN6,
    WORLD_NAME,
    Place,
)

NICS = (("eth0", "lan"), ("eth1", "wan"))
_BRIDGE = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"


class Fabric:
    def __init__(self, site: Site, *, dhcp6: bool = False) -> None:
        self.site = site
        self.netns = site.fabric_netns
        self.dhcp6 = dhcp6

    def exec(self, argv: Sequence[str], *, timeout: float = 30, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program as a machine of the world: it sees the lan, the wan and the internet's addresses."""
        return run([*self.site.enter(self.netns), *argv], timeout=timeout, check=check)

    def _batch(self, lines: Sequence[str]) -> None:
        run(["ip", "-n", self.netns, "-batch", "-"], stdin="\n".join(lines) + "\n")

    def up(self) -> None:
        if Path("/run/netns", self.netns).exists():
            return
        run(["ip", "netns", "add", self.netns])
        lines = ["link set lo up"]
        # the router's MACs are given, else they would change with the ports and spoil every neighbour table
        for number, name in enumerate(("lan", "wan")):
            lines += [f"link add {name} address 52:54:00:13:ff:{number:02x} {_BRIDGE}", f"link set {name} up"]
        for address in (f"{ROUTER4}/24", f"{OTHER4}/24", f"{ROUTER6}/64", f"{OTHER6}/64"):
            lines.append(f"address add {address} dev lan" + (" nodad" if ":" in address else ""))
        lines += [f"address add {WAN4} dev wan", f"address add {WAN6} dev wan nodad"]
        for address in (REMOTE4, EXTRA4_HOST, TABLE4_HOST, TUNED4_HOST):
            lines.append(f"address add {address}/32 dev lo")
        lines += [f"address add {address}/128 dev lo nodad" for address in (REMOTE6, EXTRA6_HOST)]
        self._batch(lines)
        self.exec(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])
        self._start_dnsmasq()

    def _start_dnsmasq(self) -> None:
        conf, log = self.site.dir / "dnsmasq.conf", self.site.dir / "dnsmasq.log"
        lines = ["keep-in-foreground", "pid-file=", "user=root", f"dhcp-leasefile={self.site.leases}", "log-dhcp"]
        lines += [f"log-facility={log}", "no-resolv", "no-hosts", "interface=lan", "except-interface=lo", "bind-interfaces"]
        lines += [f"domain={DOMAIN}", f"local=/{DOMAIN}/", f"host-record={WORLD_NAME},{REMOTE4},{REMOTE6}"]
        # no-ping: otherwise each new lease waits 3 s for an answer that never comes
        lines += ["dhcp-authoritative", "no-ping", f"dhcp-range={DHCP4[0]},{DHCP4[1]},1h"]
        lines += [f"dhcp-option=option:router,{ROUTER4}", f"dhcp-option=option:domain-search,{DOMAIN}"]
        lines += ["enable-ra", "ra-param=lan,60,1800"]
        prefix = ROUTER6.rpartition("::")[0] + "::"
        lines.append(f"dhcp-range={DHCP6[0]},{DHCP6[1]},slaac,64,1h" if self.dhcp6 else f"dhcp-range={prefix},ra-only,64,1h")
        write_file(conf, "\n".join(lines) + "\n")
        argv = [*self.site.enter(self.netns), "dnsmasq", f"--conf-file={conf}"]
        child = self.site.spawn("_dnsmasq", argv, log)

        def serving() -> bool:
            if child.poll() is not None:
                raise LabError(f"dnsmasq of the fabric ended at once, see {log}")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                return ":0043 " in Path(f"/proc/{child.pid}/net/udp").read_text(encoding="ascii")
            return False

        wait_until(serving, 10, "the fabric's dnsmasq serves DHCP")

    def plug(self, host: str, place: Place) -> None:
        """A fresh network namespace for a host, with its NICs in the fabric: what a cold machine finds."""
        netns = self.site.netns(host)
        self.unplug(host, place)
        run(["ip", "netns", "add", netns])
        lines = []
        for number, (nic, bridge) in enumerate(NICS):
            port = f"h{place.index}{nic}"
            lines.append(f"link add {port} type veth peer name {nic} address {place.mac(number)} netns {netns}")
            lines.append(f"link set {port} master {bridge} up")
        self._batch(lines)
        run(["ip", "-n", netns, "link", "set", "lo", "up"])

    def unplug(self, host: str, place: Place) -> None:
        """Links first: a namespace itself goes later and quietly, but the ports must be free at once."""
        for nic, _bridge in NICS:
            run(["ip", "-n", self.netns, "link", "del", f"h{place.index}{nic}"], check=False)
        self.site.remove_netns(self.site.netns(host))

    def leased4(self, mac: str) -> str:
        """The newest IPv4 lease of a MAC, '' when there is none."""
        found = ("", 0)
        with contextlib.suppress(FileNotFoundError):
            for line in self.site.leases.read_text(encoding="ascii").splitlines():
                words = line.split()
                if len(words) >= 3 and words[1] == mac and int(words[0]) >= found[1]:
                    found = (words[2], int(words[0]))
        return found[0]

    def port(self, place: Place, nic: str) -> str:
        """The switch's end of a host's NIC, for tests that pull the cable."""
        return f"h{place.index}{nic}"
