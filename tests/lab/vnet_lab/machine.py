# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of the lab: a whole Debian with systemd, its own disk, two NICs, SSH, reboot and power switch."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .disk import prepare_disk
from .fabric import Fabric
from .images import ensure_image
from .kinds import Kind, kind
from .profile import Profile
from .site import Site
from .snapshot import Snapshot, take
from .util import LAB_DIR, LabError, read_json, remove_tree, run, start_time, wait_until, write_atomic
from .world import LEASED6, NEIGHBOUR4, Place

READY_LIMIT = 90.0
_CLEAN_ENV = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")


@dataclass(frozen=True)
class Spec:
    """What a host is; stored beside its disk."""

    name: str
    index: int
    kind: str
    profile: str
    dhcp6: bool
    image: str


class Machine:
    uplink = "eth0"

    def __init__(self, site: Site, fabric: Fabric, spec: Spec) -> None:
        self.site, self.fabric, self.spec = site, fabric, spec
        self.name = spec.name
        self.kind: Kind = kind(spec.kind)
        self.place = Place(spec.index)
        self.profile = Profile(spec.profile, self.place, spec.dhcp6)
        self.dir = site.hosts_dir / spec.name
        self.console = self.dir / "console.log"
        self.netns = site.netns(spec.name)
        self._supervisor: subprocess.Popen[bytes] | None = None

    # --- life

    @classmethod
    def create(cls, site: Site, fabric: Fabric, name: str, index: int, kind_name: str, profile: str) -> Machine:
        image = ensure_image(kind(kind_name).image)
        spec = Spec(name, index, kind_name, profile, fabric.dhcp6, str(image))
        machine = cls(site, fabric, spec)
        remove_tree(machine.dir)
        prepare_disk(machine.dir / "upper", name, machine.kind, machine.profile, site.key.with_suffix(".pub"))
        (machine.dir / "root").mkdir()
        write_atomic(machine.dir / "host.json", json.dumps(spec.__dict__))
        return machine

    @classmethod
    def load(cls, site: Site, fabric: Fabric, name: str) -> Machine:
        found = read_json(site.hosts_dir / name / "host.json")
        if found is None:
            raise LabError(f"no host {name!r} in lab {site.name}")
        return cls(site, fabric, Spec(**found))

    def power_on(self) -> None:
        """Start the host; the disk is as it was left. See wait_ready."""
        if self.is_on:
            return
        argv = [sys.executable, "-B", str(LAB_DIR / "lab.py"), "--name", self.site.name, "_supervise", self.name]
        boots = self.boots
        supervisor = self._supervisor = self.site.spawn(f"_sup/{self.name}", argv, self.console)

        def begun() -> bool:
            if supervisor.poll() is not None:
                raise LabError(f"host {self.name} did not start:\n{self.console_tail()}")
            return self.boots > boots

        wait_until(begun, 20, f"host {self.name} begins to boot")

    def power_off(self, timeout: float = 30) -> None:
        """The orderly way, as by the power button."""
        procs = self.site.cgroup / "_sup" / self.name / "cgroup.procs"
        if procs.exists():
            for pid in procs.read_text(encoding="ascii").split():
                run(["kill", f"-{signal.SIGTERM.value}", pid], check=False)
        wait_until(lambda: not self._supervised(), timeout, f"host {self.name} shuts down")

    def power_off_hard(self) -> None:
        """The cable is pulled: nothing in the host gets to say a last word. The disk stays."""
        self.site.kill_group(f"_sup/{self.name}")
        self.site.kill_group(self.name)
        self.fabric.unplug(self.name, self.place)

    def power_cycle(self, timeout: float = READY_LIMIT) -> None:
        self.power_off_hard()
        self.power_on()
        self.wait_ready(timeout)

    def reboot(self, timeout: float = READY_LIMIT, *, strict: bool = True) -> None:
        """A real reboot, asked for from inside; returns when the host is ready again."""
        boots = self.boots
        # the answer may be cut off by the reboot itself
        self.exec(["systemctl", "--no-block", "reboot"], check=False)
        wait_until(lambda: self.boots > boots, timeout, f"host {self.name} boots again")
        self.wait_ready(timeout, strict=strict)

    def _supervised(self) -> bool:
        self.site.reap()
        procs = self.site.cgroup / "_sup" / self.name / "cgroup.procs"
        return procs.exists() and bool(procs.read_text(encoding="ascii").split())

    @property
    def boots(self) -> int:
        return int((read_json(self.dir / "boot.json") or {}).get("boots", 0))

    @property
    def is_on(self) -> bool:
        state = read_json(self.dir / "boot.json")
        return bool(state) and start_time(int(state["pid"])) == state["start"] != ""

    @property
    def leader(self) -> int:
        """The machine's pid of the host's PID 1; 0 when the host is off."""
        state = read_json(self.dir / "boot.json")
        if not state or start_time(int(state["pid"])) != state["start"]:
            return 0
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = int(state["pid"])
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
                status = Path(f"/proc/{child}/status").read_text(encoding="utf-8")
                spaces = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
                if len(spaces) > 1 and spaces[-1] == "1":
                    return int(child)
        return 0

    def console_tail(self, lines: int = 15) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.console.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return "(no console)"

    # --- addresses

    @property
    def address(self) -> str:
        """The IPv4 address for SSH ('' for a DHCP host without a lease)."""
        return self.fabric.leased4(self.place.mac(0)) if self.profile.dynamic else self.place.main4

    @property
    def address6(self) -> str:
        """The global IPv6 address ('' when there is none that is usable yet)."""
        if not self.profile.dynamic:
            return self.place.main6
        return next((found for found in self._global6() if not found.startswith(LEASED6)), "")

    def _global6(self) -> list[str]:
        """Usable addresses in the LAN's prefix, on whatever link: the uplink may have moved into a bridge."""
        infos = [info for link in self._ip("-6", "address", "show", "scope", "global") for info in link.get("addr_info", [])]
        usable = [info for info in infos if not info.get("tentative") and not info.get("deprecated")]
        return [str(info["local"]) for info in usable if str(info.get("local", "")).startswith("fd00:13:7:")]

    def _lacks_lease(self, *, strict: bool) -> bool:
        if not self.address:
            return True
        if not strict or not self.profile.dynamic:
            return False
        found = self._global6()
        both = {address.startswith(LEASED6) for address in found}
        return both != ({False, True} if self.profile.dhcp6 else {False})

    # --- running things in it

    def exec_argv(self, argv: Sequence[str]) -> list[str]:
        """The fast way in: straight into the host's namespaces, no SSH, works with the network broken."""
        leader = self.leader
        if not leader:
            raise LabError(f"host {self.name} is off")
        enter = ["nsenter", "--target", str(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        return [*enter, *_CLEAN_ENV, *argv]

    def exec(
        self, argv: Sequence[str], *, timeout: float = 60, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return run(self.exec_argv(argv), timeout=timeout, check=check, stdin=stdin)

    def ssh_options(self) -> list[str]:
        proxy = f"nsenter --net=/run/netns/{self.fabric.netns} busybox nc %h %p"
        options = ["-F", "none", "-i", str(self.site.key), "-o", "IdentitiesOnly=yes"]
        for option in (
            *("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"),
            *("ConnectTimeout=5", "ServerAliveInterval=2", "ServerAliveCountMax=3", f"ProxyCommand={proxy}"),
        ):
            options += ["-o", option]
        return options

    def ssh_argv(self, command: str = "") -> list[str]:
        if not self.address:
            raise LabError(f"host {self.name} has no DHCP lease")
        return ["ssh", *self.ssh_options(), f"root@{self.address}", *([command] if command else [])]

    def ssh(
        self, command: str | Sequence[str], *, timeout: float = 60, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The real way in. A list is quoted for the remote shell, a string is given to it as it is."""
        text = command if isinstance(command, str) else shlex.join(command)
        return run(self.ssh_argv(text), timeout=timeout, check=check, stdin=stdin)

    run = ssh

    def _ip(self, *words: str) -> list[dict[str, Any]]:
        leader = self.leader
        if not leader:
            return []
        done = run(["nsenter", "--target", str(leader), "--net", "ip", "-j", *words], check=False)
        return list(json.loads(done.stdout or "[]")) if done.returncode == 0 else []

    # --- readiness

    def missing(self, *, strict: bool = True) -> str:
        """What keeps the host from being ready ('' = ready). Strict: all that its profile promises is there."""
        if not self.leader:
            return "it is switched on"
        links = self._ip("address")
        addresses = [info for link in links for info in link.get("addr_info", [])]
        if strict:
            present = {info.get("local") for info in addresses if not info.get("tentative")}
            for address in self.profile.addresses:
                if address not in present:
                    return f"address {address} is there"
            for family in ("-4", "-6"):
                if not self._ip(family, "route", "show", "default"):
                    return f"a default route (ip {family}) is there"
            if self.profile.rich and not self._ip("neigh", "show", NEIGHBOUR4, "nud", "permanent"):
                return f"permanent neighbour {NEIGHBOUR4} is there"
        # Without a carrier, as on a bridge that waits for guests, the detection of duplicates does not begin.
        if any(info.get("tentative") for link in links if "NO-CARRIER" not in link["flags"] for info in link.get("addr_info", [])):
            return "no IPv6 address is tentative"
        if self._lacks_lease(strict=strict):
            return "it has its leases"
        knock = self.fabric.exec(["busybox", "nc", "-w", "1", self.address, "22"], check=False, timeout=10)
        if not knock.stdout.startswith("SSH-"):
            return f"sshd answers at {self.address}"
        state = self.system_state()
        return "" if state in ("running", "degraded") else f"systemd has finished booting (now: {state or 'not there'})"

    def system_state(self) -> str:
        return self.exec(["systemctl", "is-system-running"], check=False).stdout.strip()

    def failed_units(self) -> list[str]:
        text = self.exec(["systemctl", "list-units", "--failed", "--plain", "--no-legend"], check=False).stdout
        return [line.split()[0] for line in text.splitlines() if line.strip()]

    def wait_ready(self, timeout: float = READY_LIMIT, *, strict: bool = True) -> None:
        reason = "it is switched on"

        def ready() -> bool:
            nonlocal reason
            if not self._supervised():
                raise LabError(f"host {self.name} went off while booting:\n{self.console_tail()}")
            with contextlib.suppress(LabError):  # a command that hangs or fails now may do better in a moment
                reason = self.missing(strict=strict)
            return not reason

        try:
            wait_until(ready, timeout, "ready", poll=0.25)
        except LabError as late:
            raise LabError(f"host {self.name}: after {timeout:g} s still not: {reason}\n{self.console_tail()}") from late
        # Nobody waits for udev's rules, and some of what was kept is in them.
        self.exec(["udevadm", "settle", "--timeout=10"])

    # --- looking at it

    def snapshot(self) -> Snapshot:
        """All that "unchanged" and "restored" speak about: files below /etc and the kernel's network state."""
        return take(self.exec)
