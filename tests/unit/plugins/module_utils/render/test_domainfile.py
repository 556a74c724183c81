# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests' files of Xen, read and edited: those of the books, those that people write, and two hundred of a generator.

The same files are there for the real xl: each ``.cfg`` of the cases, and the texts of ``generated``.
"""

from __future__ import annotations

import difflib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.domainfile import (
    DomainFile,
    WantedDomain,
    WantedVif,
    read_domain_file,
)
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.domainfile import edit_domain_file

CASES = Path(__file__).parents[3] / "cases" / "domainfile"
NAMES = sorted(path.stem for path in CASES.glob("*.cfg"))
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


def read(name: str) -> DomainFile:
    return read_domain_file((CASES / f"{name}.cfg").read_text(encoding="utf-8"), f"/etc/xen/{name}.cfg")


def told(file: DomainFile) -> dict[str, Any]:
    """What of a file its caller goes by."""
    vifs = [{"line": entry.line, "devid": entry.devid, "mac": entry.mac, **entry.keys} for entry in file.vifs]
    problems = [str(problem) for problem in file.problems]
    return {"grammar": file.grammar, "hvm": file.hvm, "keys": dict(file.keys), "vifs": vifs, "problems": problems}


def changes(before: str, after: str) -> str:
    return "".join(line + "\n" for line in difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0))


def edited(file: DomainFile, wanted: WantedDomain = EDIT) -> str:
    try:
        return changes(file.text, edit_domain_file(file, wanted))
    except Refused as error:
        return f"{error}\n"


@pytest.mark.parametrize("name", NAMES)
def test_cases(name: str):
    file = read(name)
    for path, text in (
        (CASES / f"{name}.read.json", json.dumps(told(file), indent=2) + "\n"),
        (CASES / f"{name}.edited.diff", edited(file)),
    ):
        if os.environ.get("VNET_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_already_changes_no_byte(name: str):
    file = read(name)
    vifs = tuple(WantedVif(entry.mac, entry.devid, dict(entry.keys)) for entry in file.vifs)
    if not file.problems and name != "vifnames":
        assert edit_domain_file(file, WantedDomain(vifs, dict(file.keys))) == file.text


def cut(file: DomainFile) -> list[dict[str, str]]:
    return [dict(entry.keys) for entry in file.vifs]


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


@pytest.mark.parametrize("seed", range(200))
def test_generated(seed: int):
    made = Generated(seed)
    file = read_domain_file(made.text, "/etc/xen/made.cfg")
    assert not file.problems
    assert [dict(entry.keys) for entry in file.vifs] == made.vifs
    assert file.keys == made.keys
    wanted, vifs, keys = wanted_of(made, seed)
    text = edit_domain_file(file, wanted)
    after = read_domain_file(text, file.path)
    assert not after.problems
    assert after.grammar == file.grammar
    assert [dict(entry.keys) for entry in after.vifs] == vifs
    assert after.keys == keys
    at = 0
    for line in made.filler:
        at = text.index(line, at) + len(line)
    assert (
        edit_domain_file(after, WantedDomain(tuple(WantedVif(keys.get("mac", ""), at, keys) for at, keys in enumerate(vifs)), keys)) == text
    )


def parsed(text: str) -> DomainFile:
    return read_domain_file(text, "f")


EIGHT = "name = 'full'\nvif = [ " + ", ".join(f"'mac=00:16:3e:00:00:0{at}'" for at in range(8)) + " ]\n"
ADD = WantedDomain((WantedVif(NEW, keys={"mac": NEW}),))


@pytest.mark.parametrize(
    "text, wanted, problem",
    [
        (EIGHT, WantedDomain(ADD.vifs, toolstack="xm"), "f: has 9 vifs then; xm takes 8 at most"),
        ("import os\n" + EIGHT, ADD, "f: has 9 vifs then; xm takes 8 at most"),
        (
            "vif = ['mac=00:16:3e:00:00:01', 'mac=00:16:3E:0:0:1']\n",
            WantedDomain((WantedVif("00:16:3e:00:00:01", keys={}),)),
            "f: 00:16:3e:00:00:01 is the MAC of several vifs; give each its own",
        ),
        (
            "vif = ['mac=00:16:3e:00:00:01']\n",
            WantedDomain((WantedVif("00:16:3e:00:00:01", keys={"bridge": "a"}), WantedVif(devid=0))),
            "f: devid 0 is the vif of line 1, which is wanted twice; name it once",
        ),
        (
            "base = '00:16'\nvif = ['mac=' + base]\n",
            WantedDomain((WantedVif(devid=0, keys={"bridge": "a"}),)),
            "f:2: the vif is put together from names; write the text itself, so that it can be changed",
        ),
        (
            "base = 'a'\nhostname = base + '.b'\n",
            WantedDomain(keys={"hostname": "c"}),
            "f:2: hostname is put together from names; write the text itself, so that it can be changed",
        ),
        (
            "extra = 'a'\nextra += 'b'\n",
            WantedDomain(keys={"extra": "c"}),
            "f:2: extra is put together from several lines; write it in one",
        ),
        ("", WantedDomain(keys={"memory": "1"}), "f: memory is no key of a guest's network; there is: name, ip,"),
        ("", WantedDomain(keys={"extra": 'a"\nb=1'}), "f: extra: 'a\"\\nb=1' has a quote, backslash or line break"),
        ("", WantedDomain((WantedVif(NEW, keys={"bridge": "a,ip=1"}),)), f"f: bridge=a,ip=1 of {NEW} has a character that ends a key"),
        ("", WantedDomain((WantedVif(NEW, keys={"a=b": "c"}),)), f"f: a=b=c of {NEW} has a character that ends a key"),
        ("name = 'a'\nhostname = name + '.b'\n", WantedDomain(keys={"name": None}), "f:1: xl refuses it (line 1: + is no word of xl's"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_line(text: str, wanted: WantedDomain, problem: str):
    with pytest.raises(Refused) as refused:
        edit_domain_file(parsed(text), wanted)
    assert str(refused.value).startswith(problem)


def test_all_problems_at_once():
    file = parsed("ip = ['a']\nvif = [ 'x', 'bridge=a,bridge=b', ['c'] ]\n")
    with pytest.raises(Refused) as refused:
        edit_domain_file(file, WantedDomain(keys={"memory": "1"}))
    assert [problem.path for problem in refused.value.problems] == ["f:1", "f:2", "f:2", "f:2", "f"]


def test_eight_under_xm_may_stay_and_change():
    wanted = WantedDomain((WantedVif(devid=0), *ADD.vifs), toolstack="xm")
    assert len(parsed(edit_domain_file(parsed(EIGHT), wanted)).vifs) == 8


def test_line_ends_and_other_alphabets_stay():
    text = "# Gäste\r\nname = 'gast-ä'\r\nvif = [ 'bridge=xenbr0',  # für alle\r\n        'bridge=xenbr1' ]\r\n"
    file = parsed(text)
    assert (file.grammar, file.keys["name"]) == ("xm", "gast-ä")
    wanted = WantedDomain((WantedVif(devid=1, keys={"bridge": "b"}), *ADD.vifs), {"ip": "10.0.0.1"})
    assert (
        edit_domain_file(file, wanted) == text.replace("'bridge=xenbr1' ]", f"'bridge=b',\r\n        'mac={NEW}' ]") + 'ip = "10.0.0.1"\r\n'
    )


@pytest.mark.parametrize(
    "text, line",
    [
        ("vif = [ ('a=b'), 'c=d' ]\nx = f()\n", 1),
        ("def f():\n    global vif\n    vif = []\n", 2),
        ("from common import *\n", 1),
        ("import vif\n", 1),
        ("for name in range(3):\n    pass\n", 1),
        ("a = b = 1\nvif = name = 'x'\n", 2),
        ("x = 1.5\nbridge = 'a'\nif x:\n    bridge = 'b'\nvif = ['bridge=' + bridge]\n", 5),
        ("x = 1.5\nexec('vif = []')\n", 2),
        ("x = 1.5\nother = vif\nvif = []\n", 2),
        ("x = 1.5\ntry:\n    pass\nexcept E as name:\n    pass\n", 4),
        ("\0", 1),
        ("x = " + "(" * 300 + ")" * 300 + "\n", 1),
        ("x = " + "[" * 60 + "]" * 60 + "\ny = f(\n", 2),
        ("x = 1.5\nvif = " + "'' + " * 20000 + "''\n", 1),
    ],
)
def test_what_would_have_to_be_run_is_refused_with_its_line(text: str, line: int):
    problems = parsed(text).problems
    assert [problem.path for problem in problems] == [f"f:{line}"]


@pytest.mark.parametrize("text, devids", [("vif=['','devid=3','']", [0, 3, 1]), ("vif=['devid=x']", [0])])
def test_numbers_are_those_that_xl_gives(text: str, devids: list[int]):
    assert [entry.devid for entry in parsed(text).vifs] == devids
