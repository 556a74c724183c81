# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole lab: fabric, hosts, key, inventory, owner. The Python interface of the tests.

with Lab("mytest", owner=os.getpid()) as lab:
    host = lab.start("networkd", profile="rich")
    host.ssh("ip address")
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .fabric import Fabric
from .images import cache_dir, ensure_image
from .inventory import render
from .kinds import default_kind, kind
from .machine import READY_LIMIT, Machine
from .profile import PROFILES
from .site import Site
from .util import LAB_DIR, LabError, ensure_tools, locked, read_json, room_for_inotify, run, say, start_time, write_atomic
from .world import MAX_HOSTS

DEFAULT_NAME = "vnetlab"


class Lab:
    def __init__(self, name: str = "", *, owner: int | None = None, dhcp6: bool = False, quiet: bool = False) -> None:
        self.site = Site(name or os.environ.get("VNET_LAB_NAME", DEFAULT_NAME))
        self.name = self.site.name
        self.owner = owner
        state = read_json(self.site.state) or {}
        self.fabric = Fabric(self.site, dhcp6=bool(state.get("dhcp6", dhcp6)))
        self._quiet = quiet
        self._hosts: dict[str, Machine] = {}

    # --- life

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(self, kind_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    def up(self) -> None:
        """The world without hosts. Repeating it is harmless."""
        ensure_tools()
        gc()
        with locked(self.site.lock):
            self._up()

    def _up(self) -> None:
        site = self.site
        site.dir.mkdir(parents=True, exist_ok=True)
        site.hosts_dir.mkdir(exist_ok=True)
        site.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not site.key.exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {self.name}", "-f", site.key])
        if not site.state.exists():
            born = start_time(self.owner) if self.owner is not None else ""
            if self.owner is not None and not born:
                raise LabError(f"owner {self.owner} does not run")
            owner = {"pid": self.owner, "start": born} if self.owner is not None else None
            write_atomic(site.state, json.dumps({"name": self.name, "owner": owner, "dhcp6": self.fabric.dhcp6}))
            if owner:
                self._start_watch()
        self.fabric.up()

    def _start_watch(self) -> None:
        argv = [sys.executable, "-B", str(LAB_DIR / "lab.py"), "--name", self.name, "_watch"]
        self.site.spawn("_watch", argv, self.site.dir / "watch.log")

    def down(self) -> None:
        """Take everything away."""
        self._hosts.clear()
        with locked(self.site.lock):
            self.site.wipe()

    # --- hosts

    def start(self, name: str, kind: str = "", profile: str = "static", *, wait: bool = True) -> Machine:
        """A host that runs; a new one when there is none of this name. Ready on return, unless told not to wait."""
        return self.start_many({name: (kind or default_kind(name), profile)}, wait=wait)[0]

    def start_many(self, wanted: Mapping[str, tuple[str, str]], *, wait: bool = True, timeout: float = READY_LIMIT) -> list[Machine]:
        """{name: (kind, profile)}: all boot at the same time."""
        for name, (kind_name, profile) in wanted.items():
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name) or name == "fab":
                raise LabError(f"host name {name!r}: lower case letters, digits and dashes")
            if profile not in PROFILES:
                raise LabError(f"no profile {profile!r}; there are: {', '.join(PROFILES)}")
            ensure_image(kind(kind_name).image)
        room_for_inotify(len(wanted))
        began = time.monotonic()
        with locked(self.site.lock):
            self._up()
            hosts = [self._started(name, kind_name, profile) for name, (kind_name, profile) in wanted.items()]
        for host in hosts if wait else []:
            host.wait_ready(timeout)
            failed = host.failed_units()
            self._say(f"{host.name} ({host.spec.kind}, {host.spec.profile}) is ready at {host.address}, {time.monotonic() - began:.1f} s")
            if failed:
                self._say(f"  failed units in {host.name}: {' '.join(failed)}")
        self.write_inventory()
        return hosts

    def _started(self, name: str, kind_name: str, profile: str) -> Machine:
        if name in self.names():
            host = self.host(name)
            if (host.spec.kind, host.spec.profile) != (kind_name, profile):
                raise LabError(f"host {name} exists as {host.spec.kind} with profile {host.spec.profile}: `down` first")
        else:
            taken = {self.host(other).spec.index for other in self.names()}
            index = next((number for number in range(MAX_HOSTS) if number not in taken), None)
            if index is None:
                raise LabError(f"a lab has room for {MAX_HOSTS} hosts")
            host = Machine.create(self.site, self.fabric, name, index, kind_name, profile)
            self._hosts[name] = host
        host.power_on()
        return host

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self.site.hosts_dir.glob("*/host.json"))

    def host(self, name: str) -> Machine:
        if name not in self._hosts:
            self._hosts[name] = Machine.load(self.site, self.fabric, name)
        return self._hosts[name]

    def __iter__(self) -> Iterator[Machine]:
        return iter([self.host(name) for name in self.names()])

    # --- for ansible

    def inventory(self) -> str:
        return render(self.site, list(self))

    def write_inventory(self) -> Path:
        write_atomic(self.site.inventory, self.inventory())
        return self.site.inventory

    def _say(self, text: str) -> None:
        if not self._quiet:
            say(text)

    @property
    def exists(self) -> bool:
        return self.site.state.exists()


def labs() -> list[str]:
    return sorted(path.parent.name for path in cache_dir().glob("labs/*/lab.json"))


def owner_gone(name: str) -> bool:
    """A lab that had an owner who does not run any more. Labs without owner belong to people."""
    state = read_json(Site(name).state)
    owner: dict[str, Any] = (state or {}).get("owner") or {}
    return bool(owner) and start_time(int(owner["pid"])) != owner["start"]


def gc() -> list[str]:
    """Remove the labs whose owner died, and what is left of labs that died half-way through their start or end."""
    removed = []
    known = {path.name for path in cache_dir().glob("labs/[a-z]*")}
    for name in sorted(known):
        site = Site(name)
        if site.state.exists() and not owner_gone(name):
            continue
        try:
            with locked(site.lock, timeout=0):  # held = it is being started or stopped right now
                if not site.state.exists() or owner_gone(name):
                    say(f"removing lab {name}: its owner is gone")
                    site.wipe()
                    removed.append(name)
        except LabError:
            continue
    return removed


def watch(name: str) -> None:
    """Runs beside an owned lab and removes it as soon as its owner has died, however it died."""
    site = Site(name)
    owner = (read_json(site.state) or {}).get("owner")
    if not owner:
        return
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(int(owner["pid"]))
        try:
            while not owner_gone(name) and site.state.exists():
                select.select([handle], [], [], 60)
        finally:
            os.close(handle)
    # out of the lab's cgroup, which is about to be killed
    (site.cgroup.parent.parent / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    if owner_gone(name):
        Lab(name).down()
