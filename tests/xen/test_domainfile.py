# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests' files as the real xl reads them, before and after our edits: nothing but what was wanted is another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from spans import some
from vnet_xen.dom0 import Dom0

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.domainfile import DomainFile, VifEntry, WantedDomain, read_domain_file
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import Refused
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.domainfile import edit_domain_file
from ansible_collections.hypervisor.vnet.tests.unit.plugins.module_utils.render.domain_files import CASES, EDIT, Generated, wanted_of

WRITTEN = sorted(path.stem for path in CASES.glob("*.cfg"))
SEEDS = range(200)
# xl starts no guest that has no kernel; what stands on its command line is read behind the file.
READ = """
import json, subprocess, sys, tempfile
for name, text in json.load(sys.stdin).items():
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(["xl", "create", "-q", "-n", file.name, 'kernel="/k"'], capture_output=True, text=True)
    print(json.dumps([name, done.returncode, done.stdout, done.stderr]))
"""
# xl's key of a vif -> libxl's.
NAMES = {"mac": "mac", "bridge": "bridge", "ip": "ip", "vifname": "ifname", "model": "model", "gatewaydev": "gatewaydev"}
NAMES.update({"script": "script", "backend": "backend_domname"})


@dataclass(frozen=True)
class Case:
    """A file and what becomes of it; ``after`` is None when it is refused."""

    before: DomainFile
    after: DomainFile | None


def case(text: str, wanted: WantedDomain) -> Case:
    before = read_domain_file(text, "file")
    try:
        return Case(before, read_domain_file(edit_domain_file(before, wanted), "file"))
    except Refused:
        return Case(before, None)


def cases() -> dict[str, Case]:
    found = {name: case((CASES / f"{name}.cfg").read_text(encoding="utf-8"), EDIT) for name in WRITTEN}
    for seed in some(*SEEDS[:20], more=SEEDS[20:]):
        made = Generated(seed)
        found[f"seed {seed}"] = case(made.text, wanted_of(made, seed)[0])
    return found


def parsed(dom0: Dom0, texts: dict[str, str]) -> dict[str, dict[str, Any] | str]:
    """What xl makes of each, or says against it."""
    dom0.write("/root/read.py", READ)
    said = dom0.ssh("python3 /root/read.py; rm /root/read.py", stdin=json.dumps(texts), timeout=1500).stdout
    answers = {}
    for name, rc, out, err in map(json.loads, said.splitlines()):
        answers[name] = json.loads(out[out.index("{") :]) if rc == 0 else f"{rc}: {err}"
    return answers


def ours(entry: VifEntry) -> dict[str, str]:
    words = {NAMES[key]: value for key, value in entry.written.items() if key in NAMES and value}
    return {**words, "mac": entry.mac} if entry.mac else words


def theirs(nic: dict[str, Any]) -> dict[str, str]:
    return {name: nic[name] for name in NAMES.values() if nic.get(name)}


def rest(config: dict[str, Any]) -> dict[str, Any]:
    """All but the vifs, and what is another one at each start."""
    about = {key: value for key, value in config["c_info"].items() if key != "uuid"}
    return {**{key: value for key, value in config.items() if key != "nics"}, "c_info": about}


def wrong(name: str, file: DomainFile, said: dict[str, Any] | str) -> list[str]:
    if file.grammar != "xl":
        return [] if isinstance(said, str) else [f"{name}: xl takes it, and we do not"]
    if isinstance(said, str):
        return [] if file.problems else [f"{name}: xl says {said}\n{file.text}"]
    nics, vifs = [theirs(nic) for nic in said.get("nics", [])], [ours(entry) for entry in file.vifs]
    return [] if nics == vifs or file.problems else [f"{name}: xl reads {nics}, and we {vifs}"]


def test_xl_reads_what_we_read_before_and_after(dom0: Dom0) -> None:
    found = cases()
    edited = {name: case.after for name, case in found.items() if case.after}
    texts = {name: case.before.text for name, case in found.items()}
    said = parsed(dom0, {**texts, **{f"{name} edited": file.text for name, file in edited.items()}})
    problems = [line for name, case in found.items() for line in wrong(name, case.before, said[name])]
    for name, file in edited.items():
        before, after = said[name], said[f"{name} edited"]
        problems += wrong(f"{name} edited", file, after)
        if isinstance(before, dict) and isinstance(after, dict) and rest(before) != rest(after):
            problems.append(f"{name}: {rest(before)} is {rest(after)} afterwards")
    assert not problems, "\n".join(problems)
