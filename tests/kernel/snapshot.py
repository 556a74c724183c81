# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What "unchanged" and "restored" mean in a namespace, as something that can be compared."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from linux import read

STATE = "/var/lib/hypervisor-vnet"


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


class Host(Protocol):
    """Who runs commands on the host: the text they print, and the form that ip(8) gives it."""

    def run(self, *argv: str) -> str: ...

    def json(self, *argv: str) -> Any: ...


def take(host: Host) -> Snapshot:
    """The host now."""
    return Snapshot(
        links=_links(host.json("-details", "address", "show")),
        routes=sorted(
            (_route(item) for family in ("-4", "-6") for item in host.json(family, "-details", "route", "show", "table", "all")),
            key=str,
        ),
        rules=[host.json(family, "rule", "show") for family in ("-4", "-6")],
        neighbours=_neighbours(host.json("neigh", "show", "nud", "permanent") + host.json("neigh", "show", "proxy")),
        tokens=sorted(host.json("token", "show"), key=str),
        nft=host.run("nft", "list", "ruleset"),
        **_files_and_sysctls(),
    )


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
                    sysctls[path[len("/proc/sys/") :]] = read(path).strip()
    for key in ("net/ipv4/ip_forward", "net/ipv4/ip_nonlocal_bind"):
        sysctls[key] = read(f"/proc/sys/{key}").strip()
    return {"files": files, "sysctls": sysctls, "state": sorted(os.listdir(STATE))}
