# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests' files of Xen, read and edited: those of the books, those that people write, and two hundred of a generator.

tests/xen shows the same files to the real xl.
"""

from __future__ import annotations

import difflib
import json
import os
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
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.render.domain_files import CASES, EDIT, NEW, Generated, wanted_of

NAMES = sorted(path.stem for path in CASES.glob("*.cfg"))


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
    vifs = tuple(WantedVif(entry.mac, entry.devid, dict(entry.written)) for entry in file.vifs)
    if not file.problems and name != "vifnames":
        assert edit_domain_file(file, WantedDomain(vifs, dict(file.keys))) == file.text


def cut(file: DomainFile) -> list[dict[str, str]]:
    return [dict(entry.keys) for entry in file.vifs]


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
