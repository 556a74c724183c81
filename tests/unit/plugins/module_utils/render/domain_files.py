# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests' files of Xen to read and to edit, for those who read them here and for the real xl: written by hand, and of a generator."""

from __future__ import annotations

import random
from pathlib import Path

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.domainfile import WantedDomain, WantedVif

CASES = Path(__file__).parents[3] / "cases" / "domainfile"
NEW = "00:16:3e:00:00:99"
# What is done to each of the files: one vif changes, the second goes, a third comes; of the keys the same.
EDIT = WantedDomain(
    (
        WantedVif(devid=0, keys={"bridge": "xenbr9", "ip": "10.9.9.9"}),
        WantedVif(devid=1),
        WantedVif(NEW, keys={"mac": NEW, "bridge": "xenbr8"}),
    ),
    {"ip": "10.0.0.2", "gateway": None, "netmask": "255.255.255.0"},
)


class Generated:
    """A file of a seed, and what is in it: ``vifs`` and ``keys`` as a reader must find them, ``filler`` that no edit may touch."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.filler: list[str] = []
        self.vifs: list[dict[str, str]] = []
        self.keys = {"name": f"guest{seed}"}
        for key, value in (("ip", "10.0.0.7"), ("gateway", "10.0.0.254"), ("extra", "quiet ro"), ("type", "pvh")):
            if self._random.random() < 0.5:
                self.keys[key] = value
        statements = [self._key(key, value) for key, value in self.keys.items()]
        self._random.shuffle(statements)
        for adds in range(self._random.choice([0, 1, 1, 1, 2])):
            statements.insert(self._random.randint(0, len(statements)) if not adds else len(statements), self._list(bool(adds)))
        self.text = self._fill()
        for statement in statements:
            self.text += statement + self._pick(["\n", " \n", "  # behind it\n", ";\n", " ; memory = 64\n"])
            self.text += self._fill() if self._random.random() < 0.7 else ""

    def _pick(self, choices: list[str]) -> str:
        return self._random.choice(choices)

    def _fill(self) -> str:
        number = len(self.filler)
        line = self._pick(
            [f"# vif = [ '{number}' ]", f'disk{number} = [ "phy:a,b,w" ]', f"other{number} = 'it\\'s # no comment'", f"x{number}=7;"]
        )
        self.filler.append(line)
        return self._pick(["", "\n"]) + line + "\n"

    def _key(self, key: str, value: str) -> str:
        quote = self._pick(["'", '"'])
        return f"{key}{self._pick(['=', ' = ', '  ='])}{quote}{value}{quote}"

    def _vif(self) -> str:
        keys = {"mac": f"00:16:3e:00:00:{len(self.vifs):02x}", "bridge": f"xenbr{self._random.randint(0, 3)}", "ip": "10.1.1.1 10.1.1.2"}
        keys.update({"rate": "10Mb/s", "vifname": f"v{len(self.vifs)}", "trusted": "", "model": "e1000"})
        chosen = [key for key in keys if self._random.random() < 0.4]
        self._random.shuffle(chosen)
        self.vifs.append({key: keys[key] for key in chosen})
        quote, comma = self._pick(["'", '"']), self._pick([",", ", "])
        return quote + comma.join(f"{key}={keys[key]}" if keys[key] else key for key in chosen) + quote

    def _list(self, adds: bool) -> str:
        entries = [self._vif() for _dummy in range(self._random.randint(0, 4))]
        if not entries:
            return f"vif {'+=' if adds else '='} [{self._pick(['', ' ', chr(10)])}]"
        start, between, end = self._random.choice(
            [
                ("[", ",", "]"),
                ("[ ", ", ", " ]"),
                ("[\n  ", ",\n  ", "\n]"),
                ("[ ", ",\n        ", " ]"),
                ("[\n\t", ", # c]\n\n\t", ", # d\n\t]"),
            ]
        )
        return f"vif {'+=' if adds else '='} {start}{between.join(entries)}{end}"


def wanted_of(file: Generated, seed: int) -> tuple[WantedDomain, list[dict[str, str]], dict[str, str]]:
    """An edit, and what must be read afterwards."""
    choice = random.Random(-seed)
    vifs, kept = [], []
    for devid, keys in enumerate(file.vifs):
        fate = choice.choice(["stays", "changes", "goes"])
        change: dict[str, str | None] = {"bridge": "xenbr9", "ip": None, "vlan": "10p/20"} if fate == "changes" else {}
        if fate != "stays":
            vifs.append(WantedVif(keys.get("mac", ""), devid, None if fate == "goes" else change))
        if fate != "goes":
            kept.append({key: value for key, value in {**keys, **change}.items() if value is not None})
    for number in range(choice.randint(0, 2)):
        keys = {"mac": f"00:16:3e:00:01:{number:02x}", "bridge": "xenbr8"}
        vifs.append(WantedVif(keys["mac"], keys=keys))
        kept.append(keys)
    change = {"ip": "10.0.0.9", "gateway": None, "hostname": "new"}
    after = {key: value for key, value in {**file.keys, **change}.items() if value is not None}
    return WantedDomain(tuple(vifs), change), kept, after
