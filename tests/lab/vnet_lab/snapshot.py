# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What "unchanged" and "restored" mean, as something that can be compared.

sha256, mode and owner of every file below /etc; addresses, routes of all tables, rules, permanent neighbours; the
nft ruleset; minus indexes, counters and lifetimes."""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# runs in the host, in one go, with the host's own python3
_READ = r"""
import hashlib, json, os, stat, subprocess
def out(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode: raise SystemExit('%s: %s' % (' '.join(argv), done.stderr.decode()))
    return done.stdout.decode()
files = {}
for top, folders, names in os.walk('/etc'):
    for name in folders + names:
        path = os.path.join(top, name)
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode): what = 'link ' + os.readlink(path)
        elif stat.S_ISREG(info.st_mode): what = 'sha256 ' + hashlib.sha256(open(path, 'rb').read()).hexdigest()
        else: what = 'type %o' % stat.S_IFMT(info.st_mode)
        files[path] = '%04o %d:%d %s' % (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, what)
ip = lambda *words: json.loads(out('ip', '-j', *words) or '[]')
print(json.dumps(dict(files=files, addresses=ip('address'), nft=out('nft', '-s', 'list', 'ruleset'),
    routes4=ip('-4', 'route', 'show', 'table', 'all'), routes6=ip('-6', 'route', 'show', 'table', 'all'),
    rules4=ip('-4', 'rule'), rules6=ip('-6', 'rule'), neighbours=ip('neigh', 'show', 'nud', 'permanent'))))
"""
# the other end of a veth has an index of its own; age and expiry run by themselves
_VOLATILE = frozenset(
    ("ifindex", "link_index", "link_netnsid", "valid_life_time", "preferred_life_time", "expires", "age", "used", "handle")
)


@dataclass(frozen=True)
class Snapshot:
    """Sections of sorted lines; equal when the hosts are."""

    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def lines(self, section: str) -> tuple[str, ...]:
        return dict(self.sections)[section]


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value


def _sorted_lines(items: list[Any]) -> tuple[str, ...]:
    return tuple(sorted(json.dumps(_clean(item), sort_keys=True) for item in items))


def _address_lines(links: list[dict[str, Any]]) -> tuple[str, ...]:
    """One line a link, one line an address: a difference then names the address, not the whole link.

    The order of addresses is kept: the first of a subnet is its primary one."""
    lines: list[str] = []
    for link in sorted(links, key=lambda found: str(found.get("ifname"))):
        own = {key: value for key, value in link.items() if key != "addr_info"}
        # a link that was never up has the noop qdisc, and none ever after
        own["qdisc"] = "noqueue" if own.get("qdisc") == "noop" else own.get("qdisc")
        lines.append(json.dumps(_clean(own), sort_keys=True))
        for family in ("inet", "inet6"):
            infos = [info for info in link.get("addr_info", []) if info.get("family") == family]
            if family == "inet6":  # no address is primary there, the kernel lists the newest first
                infos.sort(key=lambda info: str(info.get("local")))
            lines += [f"{link.get('ifname')}: {json.dumps(_clean(info), sort_keys=True)}" for info in infos]
    return tuple(lines)


def take(run_in_host: Callable[..., subprocess.CompletedProcess[str]]) -> Snapshot:
    raw = json.loads(run_in_host(["python3", "-I", "-"], stdin=_READ, timeout=60).stdout)
    sections: dict[str, tuple[str, ...]] = {
        "etc": tuple(f"{path} {what}" for path, what in sorted(raw["files"].items())),
        "addresses": _address_lines(raw["addresses"]),
        "nft": tuple(raw["nft"].splitlines()),
    }
    for name in ("routes4", "routes6", "rules4", "rules6", "neighbours"):
        sections[name] = _sorted_lines(raw[name])
    return Snapshot(tuple(sorted(sections.items())))


def diff_snapshots(before: Snapshot, after: Snapshot) -> list[str]:
    """[] when equal; else lines like "routes4: - {...}" and "routes4: + {...}"."""
    found: list[str] = []
    for (name, old), new in zip(before.sections, (lines for _name, lines in after.sections)):
        changes = difflib.unified_diff(old, new, lineterm="", n=0)
        found += [f"{name}: {line[0]} {line[1:]}" for line in changes if line[0] in "+-" and line[:3] not in ("+++", "---")]
    return found
