# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away hosts: a network and a mount namespace each, on the real kernel, in which the modules run by their real main().

A namespace has its own /etc, /run, /sys and /var/lib/hypervisor-vnet, nothing of them on the machine's disk. It lives by
open handles of the test process alone, and every process in it dies with that process: after a crash nothing stays.
A module runs in a forked child: Python and Ansible are loaded once, for all runs.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import hashlib
import importlib
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.testing import patch_module_args

COLLECTION = "ansible_collections.hypervisor.vnet.plugins"
STATE = "/var/lib/hypervisor-vnet"
MACHINE_ID = "00112233445566778899aabbccddeeff"
LIMIT = 60.0  # no single command or run may take longer

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_REC, _MS_PRIVATE, _MS_BIND = 0x4000, 1 << 18, 0x1000
_PR_SET_PDEATHSIG = 1
# What ip(8), Python and the loader read below /etc; everything else is not there, no network manager either.
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "iproute2", "passwd", "group", "localtime", "nsswitch.conf", "protocols", "services")
_TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {kind} on {target}")


def _die_with_parent(parent: int) -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")
    if os.getppid() != parent:
        os._exit(1)


@dataclass
class Answer:
    """What a module said. ``text`` is its JSON line, byte for byte."""

    rc: int
    text: str
    err: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.data["changed"])

    @property
    def diff(self) -> list[dict[str, str]]:
        return list(self.data["diff"])

    @property
    def diff_bytes(self) -> bytes:
        return json.dumps(self.data["diff"]).encode()

    @property
    def commands(self) -> list[str]:
        return list(self.data["commands"])

    @property
    def warnings(self) -> list[str]:
        """Newer ansible-core wraps each in an object."""
        found = self.data.get("warnings", [])
        return [item["event"]["msg"] if isinstance(item, dict) else str(item) for item in found]

    @property
    def problems(self) -> list[str]:
        """``path: message`` of everything that was refused."""
        return [f"{item['path']}: {item['message']}" if item["path"] else item["message"] for item in self.data["problems"]]

    def after(self, name: str) -> str:
        """The paragraph of one object after the change."""
        return next(item["after"] for item in self.diff if item["after_header"] == f"{name} (kernel)")

    def ok(self) -> Answer:
        assert self.rc == 0, self.data.get("msg") or self.err or self.text
        return self

    def failed(self) -> str:
        """The message of a run that must have failed."""
        assert self.rc == 1 and self.data.get("failed"), f"did not fail: rc {self.rc} {self.text} {self.err}"
        return str(self.data["msg"])


class Child:
    """A process in a namespace that runs a Python function; what it returns or prints is read when it has ended."""

    def __init__(self, namespace: Namespace, function: Callable[[], Any]) -> None:
        self._out, self._err, self._result = (os.memfd_create(name) for name in ("out", "err", "result"))
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        self.rc: int | None = None
        if self.pid == 0:
            self._live(namespace, function, parent)

    def _live(self, namespace: Namespace, function: Callable[[], Any], parent: int) -> None:
        rc = 70
        try:
            _die_with_parent(parent)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._out, 1)
            os.dup2(self._err, 2)
            sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(open(number, mode, closefd=False)) for number, mode in _STREAMS)  # noqa: SIM115
            namespace.enter()
            rc = 0
            try:
                result = function()
            except SystemExit as end:
                rc, result = end.code if isinstance(end.code, int) else 1, None
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os.write(self._result, pickle.dumps(result))
        except BaseException:
            rc = 70
            os.write(self._err, traceback.format_exc().encode())
        finally:
            os._exit(rc)

    def poll(self) -> bool:
        """Has it ended?"""
        if self.rc is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.rc = os.waitstatus_to_exitcode(status)
        return self.rc is not None

    def wait(self, limit: float = LIMIT) -> int:
        end = time.monotonic() + limit
        while not self.poll():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError(f"no end after {limit:g} s: {self.err()}")
            time.sleep(0.001)
        assert self.rc is not None
        return self.rc

    def signal(self, number: signal.Signals) -> None:
        if not self.poll():
            os.kill(self.pid, number)

    @staticmethod
    def _text(handle: int) -> bytes:
        return os.pread(handle, os.fstat(handle).st_size, 0)

    def out(self) -> str:
        return self._text(self._out).decode("utf-8", "surrogateescape")

    def err(self) -> str:
        return self._text(self._err).decode("utf-8", "replace")

    def value(self) -> Any:
        """What the function returned."""
        if self.wait():
            raise RuntimeError(f"exit status {self.rc}: {self.err()}")
        return pickle.loads(self._text(self._result))

    def answer(self) -> Answer:
        """What the module said."""
        rc, text = self.wait(), self.out()
        try:
            data = json.loads(text)
        except ValueError:
            data = {}
        return Answer(rc, text, self.err(), data)

    def close(self) -> None:
        if not self.poll():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.rc = -9
        for handle in (self._out, self._err, self._result):
            os.close(handle)


_STREAMS = ((0, "rb"), (1, "wb"), (2, "wb"))


class Namespace:
    """One throw-away host."""

    def __init__(self, folder: str) -> None:
        """``folder`` is an empty one on the machine; only this namespace ever sees something mounted there."""
        self._folder = folder
        self._children: list[Child] = []
        parent = os.getpid()
        ready, tell = os.pipe()
        hold, let_go = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = b"failed"
            try:
                _die_with_parent(parent)
                os.close(let_go)
                _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET), "unshare")
                self._furnish()
                status = b"ok"
            except BaseException:
                status = traceback.format_exc().encode()
            finally:
                os.write(tell, status)
                os.read(hold, 1)
                os._exit(0)
        os.close(tell)
        os.close(hold)
        status = os.read(ready, 65536)
        try:
            if status != b"ok":
                raise RuntimeError(status.decode())
            self.net = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.mnt = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(ready)
            os.close(let_go)
            os.waitpid(pid, 0)
        self.run("ip", "link", "set", "lo", "up")

    def _furnish(self) -> None:
        """Own mounts over everything that a module writes, and over what would show it the machine's network or services."""
        _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
        _mount("tmpfs", self._folder, "tmpfs", options="size=16m")
        etc, lib = f"{self._folder}/etc", f"{self._folder}/lib"
        os.mkdir(etc)
        os.makedirs(f"{lib}/hypervisor-vnet")
        for folder in ("udev/rules.d", "sysctl.d", "modules-load.d", "network/interfaces.d"):
            os.makedirs(f"{etc}/{folder}")
        for name in _ETC:
            source = f"/etc/{name}"
            if os.path.isdir(source):
                shutil.copytree(source, f"{etc}/{name}", symlinks=True)
            elif os.path.exists(source):
                shutil.copy(source, f"{etc}/{name}")
        with open(f"{etc}/machine-id", "w", encoding="ascii") as file:
            file.write(f"{MACHINE_ID}\n")
        _mount(etc, "/etc", "", _MS_BIND)
        # /var/lib as a whole: our folder there may not exist on this machine, and must not be made on it.
        _mount(lib, "/var/lib", "", _MS_BIND)
        os.chmod(STATE, 0o700)
        _mount("tmpfs", "/run", "tmpfs", options="size=4m")
        _mount("sysfs", "/sys", "sysfs")

    def enter(self) -> None:
        """Move the calling process in."""
        for handle, kind in ((self.mnt, _CLONE_NEWNS), (self.net, _CLONE_NEWNET)):
            _check(_libc.setns(handle, kind), "setns")
        os.chdir("/")

    def close(self) -> None:
        for child in self._children:
            child.close()
        os.close(self.net)
        os.close(self.mnt)

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        parent = os.getpid()

        def prepare() -> None:
            _die_with_parent(parent)
            self.enter()

        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
            preexec_fn=prepare,
            env={"PATH": _TOOLS, "LC_ALL": "C.UTF-8"},
        )
        assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{stdin}\n{done.stderr}"
        return done

    def ip(self, lines: str, family: str = "") -> None:
        """Lines of ip-batch(8); only rules and a bare ``default`` need the family."""
        self.run(
            "ip", *([family] if family else []), "-batch", "-", stdin="\n".join(line.strip() for line in lines.strip().splitlines()) + "\n"
        )

    def json(self, *argv: str) -> Any:
        return json.loads(self.run("ip", "-json", *argv).stdout or "[]")

    def sysctl(self, key: str, value: str | None = None) -> str:
        """Read or set a kernel parameter; ``key`` is the path below /proc/sys."""
        return str(self.call(lambda: _sysctl(key, value)))

    def start(self, function: Callable[[], Any]) -> Child:
        """Run a function here, in a process of its own, and go on."""
        child = Child(self, function)
        self._children.append(child)
        return child

    def call(self, function: Callable[[], Any]) -> Any:
        child = Child(self, function)
        try:
            return child.value()
        finally:
            child.close()

    def start_module(self, name: str, prepare: Callable[[], None] | None = None, check: bool = False, **options: Any) -> Child:
        """Begin a module run. ``prepare`` is called in its process before, to put something in the way of the machine."""
        arguments = {"persist": "none", **options, "_ansible_check_mode": check, "_ansible_diff": True}

        module = importlib.import_module(f"{COLLECTION}.modules.{name}")

        def function() -> None:
            if prepare:
                prepare()
            with patch_module_args(arguments):
                module.main()

        return self.start(function)

    def module(self, name: str, prepare: Callable[[], None] | None = None, check: bool = False, **options: Any) -> Answer:
        child = self.start_module(name, prepare, check, **options)
        try:
            return child.answer()
        finally:
            self._children.remove(child)
            child.close()

    def bridge(self, *bridges: dict[str, Any], **options: Any) -> Answer:
        """A run of xen_bridge."""
        return self.module("xen_bridge", bridges=list(bridges), **options)

    def read(self, path: str) -> str:
        return str(self.call(lambda: _read(path)))

    def write(self, path: str, text: str) -> None:
        self.call(lambda: _write(path, text))

    def settle(self, limit: float = 10.0) -> None:
        """Wait until duplicate address detection and carriers are done."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            links = self.json("-details", "address", "show")
            tentative = any(address.get("tentative") for link in links for address in link["addr_info"])
            rising = any((link["operstate"], "LOWER_UP" in link["flags"]) in (("UP", False), ("DOWN", True)) for link in links)
            if not tentative and not rising:
                return
            time.sleep(0.02)
        raise TimeoutError("addresses are still tentative")

    def snapshot(self) -> Snapshot:
        """Everything that "unchanged" and "restored" speak of."""
        return Snapshot(
            links=_links(self.json("-details", "address", "show")),
            routes=sorted(
                (_route(item) for family in ("-4", "-6") for item in self.json(family, "-details", "route", "show", "table", "all")),
                key=str,
            ),
            rules=[self.json(family, "rule", "show") for family in ("-4", "-6")],
            neighbours=_neighbours(self.json("neigh", "show", "nud", "permanent") + self.json("neigh", "show", "proxy")),
            tokens=sorted(self.json("token", "show"), key=str),
            nft=self.run("nft", "list", "ruleset").stdout,
            **self.call(_files_and_sysctls),
        )


@dataclass
class Snapshot:
    """A host at one moment, without indexes, counters and lifetimes."""

    links: dict[str, Any]
    routes: list[Any]
    rules: list[Any]
    neighbours: list[Any]
    tokens: list[Any]
    nft: str
    files: dict[str, Any]
    state: list[str]
    sysctls: dict[str, str]

    def without(self, *names: str) -> Snapshot:
        """The same host, as if interfaces were not there."""
        rest = copy.deepcopy(self)
        rest.links = {name: link for name, link in rest.links.items() if name not in names}
        rest.routes = [
            route for route in rest.routes if not {route.get("dev"), *(hop.get("dev") for hop in route.get("nexthops", []))} & {*names}
        ]
        rest.rules = [[rule for rule in family if not {rule.get("iif"), rule.get("oif")} & {*names}] for family in rest.rules]
        rest.neighbours = [item for item in rest.neighbours if item["dev"] not in names]
        rest.tokens = [item for item in rest.tokens if item["ifname"] not in names]
        rest.sysctls = {key: value for key, value in rest.sysctls.items() if not any(f"/{name}/" in key for name in names)}
        return rest

    def layer3(self, name: str) -> dict[str, Any]:
        """What hangs on an interface, which is called DEV in it: equal on uplink and bridge when all of it has moved."""

        def here(text: Any) -> Any:
            return json.loads(re.sub(rf'"{re.escape(name)}(:\d+)?"', r'"DEV\1"', json.dumps(text)))

        # The kernel's multicast route is there on every interface that is up.
        routes = [route for route in self.routes if f'"{name}"' in json.dumps(route) and route["type"] != "multicast"]
        return {
            "addresses": here(self.links[name]["addr_info"]),
            "routes": sorted(map(here, routes), key=str),
            "rules": [[here(rule) for rule in family if name in (rule.get("iif"), rule.get("oif"))] for family in self.rules],
            "neighbours": [here(item) for item in self.neighbours if item["dev"] == name],
        }

    def differences(self, other: Snapshot, memory: bool = False) -> list[str]:
        """What is not the same, in words; ``memory`` looks at the state folder as well."""
        lines: list[str] = []
        appeared = {*self.links} ^ {*other.links}
        for name in ("links", "files", "sysctls"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for key in sorted({*mine, *theirs}):
                if mine.get(key) != theirs.get(key) and not any(f"/{link}/" in key for link in appeared):
                    lines.append(f"{name} {key}: {_differing(mine.get(key), theirs.get(key))}")
        for name in ("routes", "neighbours", "tokens"):
            mine, theirs = getattr(self, name), getattr(other, name)
            lines += [f"{name}: lost {item}" for item in mine if item not in theirs]
            lines += [f"{name}: new {item}" for item in theirs if item not in mine]
            if not lines and mine != theirs:
                lines.append(f"{name}: {mine} -> {theirs}")
        for name in ("rules", "nft") + (("state",) if memory else ()):
            if getattr(self, name) != getattr(other, name):
                lines.append(f"{name}: {getattr(self, name)} -> {getattr(other, name)}")
        return lines


def _differing(mine: Any, theirs: Any) -> str:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
        return ", ".join(f"{key}: {mine.get(key)} -> {theirs.get(key)}" for key in keys)
    return f"{mine} -> {theirs}"


def assert_same(before: Snapshot, after: Snapshot, memory: bool = False) -> None:
    lines = before.differences(after, memory)
    assert not lines, "\n".join(["the host is not as it was:", *lines])


_VOLATILE = re.compile(
    r"index|link_netns|stats|life_time|timer|promiscuity|allmulti|group_address|_num|tcn|topology_change|hash_|max_age|root_|gc_|tso_max"
)
# What bridges and ports count or learn by themselves.
_PORT_VOLATILE = frozenset(
    {"state", "id", "no", "designated_bridge", "designated_root", "designated_port", "designated_cost", "config_pending"}
)


def _links(items: list[dict[str, Any]]) -> dict[str, Any]:
    """By name, in no order: the kernel's is that of the indexes. Addresses keep theirs. Carriers come late and are nobody's doing."""
    links = {}
    for item in items:
        flags = [flag for flag in item["flags"] if flag not in ("LOWER_UP", "NO-CARRIER")]
        links[item["ifname"]] = _clean({**{key: value for key, value in item.items() if key not in ("operstate", "qdisc")}, "flags": flags})
    return links


def _clean(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _clean(value) for key, value in data.items() if not _VOLATILE.search(key) and key not in _PORT_VOLATILE}
    return [_clean(value) for value in data] if isinstance(data, list) else data


def _route(item: dict[str, Any]) -> dict[str, Any]:
    route = {key: value for key, value in item.items() if key not in ("expires", "cache", "age", "used", "users")}
    return {**route, "flags": [flag for flag in item.get("flags", []) if flag != "linkdown"]}


def _neighbours(items: list[dict[str, Any]]) -> list[Any]:
    return sorted(({key: value for key, value in item.items() if key != "used"} for item in items), key=str)


def _sysctl(key: str, value: str | None) -> str:
    path = f"/proc/sys/{key}"
    if value is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    return _read(path).strip()


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _walk(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            yield os.path.join(folder, name)


def _files_and_sysctls() -> dict[str, Any]:
    """Hash, mode and owner of everything below /etc, names in our state folder, and the network's kernel parameters."""
    files = {}
    for path in _walk("/etc"):
        status = os.lstat(path)
        digest = ""
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        files[path] = (digest, oct(status.st_mode), status.st_uid, status.st_gid)
    sysctls = {}
    for root in ("ipv4/conf", "ipv6/conf", "bridge"):
        for path in _walk(f"/proc/sys/net/{root}"):
            if os.path.isfile(path) and not path.endswith("stable_secret"):
                with contextlib.suppress(OSError):
                    sysctls[path[len("/proc/sys/") :]] = _read(path).strip()
    for key in ("net/ipv4/ip_forward", "net/ipv4/ip_nonlocal_bind"):
        sysctls[key] = _read(f"/proc/sys/{key}").strip()
    return {"files": files, "sysctls": sysctls, "state": sorted(os.listdir(STATE))}
