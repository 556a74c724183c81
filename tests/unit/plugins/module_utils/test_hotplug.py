# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program does for a vif that comes or goes, on a machine that answers as a dom0 does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils import hotplug
from ansible_collections.hypervisor.vnet.plugins.module_utils.host.machine import Completed, Machine
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.applied import Applied, AppliedGuard
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.guard import Guard, GuardSettings
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import OWN_HOOKS, VIFS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import APPLIED, LOCK
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.problem import VnetError
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.state import FileState
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Vif

MAC = "00:16:3e:00:00:01"
PATH = "backend/vif/7/2"
GUARD = Guard("web0", MAC, ("10.0.0.1/32",))
OPEN = 'add element bridge vnet_guard from_guest { "vif7.2" }'


class Dom0(Machine):
    """``says``: the beginning of a command -> its answer, or a number for its failure."""

    def __init__(self, applied: Applied, vifs: Sequence[Vif] = (), links: Sequence[str] = ("vif7.2",), **nodes: str) -> None:
        super().__init__()
        self.files = {APPLIED: applied.to_text(), VIFS: json.dumps([asdict(vif) for vif in vifs])}
        self.texts = {"/sys/class/net/vif7.2/mtu": "1500", "/sys/class/net/vif7.2/master/bridge/vlan_filtering": "1"}
        self.links = links
        store = "".join(f'{PATH}/{word} = "{value}"\n' for word, value in {"mac": MAC, "bridge": "xenbr0", **nodes}.items())
        self.says: dict[str, str | int] = {"xenstore-ls": store, "xenstore-read": "web\n"}
        self.says["bridge -json"] = json.dumps([{"ifname": "vif7.2", "vlans": [{"vlan": 1, "flags": ["PVID", "Egress Untagged"]}]}])
        self.did: list[str] = []

    def run(self, argv: Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        command = " ".join(argv)
        answer = next((answer for start, answer in self.says.items() if command.startswith(start)), "")
        if not command.startswith(("xenstore", "bridge -json", "nft list")):
            self.did += stdin.splitlines() or [command]
        return Completed(answer, "", "no luck") if isinstance(answer, int) else Completed(0, answer, "")

    def read(self, path: str) -> FileState | None:
        return FileState(self.files[path]) if path in self.files else None

    def text(self, path: str) -> str:
        return self.texts.get(path, "")

    def exists(self, path: str) -> bool:
        return path.removeprefix("/sys/class/net/") in self.links

    def entries(self, path: str) -> tuple[str, ...]:
        return ()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock of this machine."""

    @contextlib.contextmanager
    def free(path: str, limit: float) -> Iterator[None]:
        yield

    monkeypatch.setattr(hotplug, "exclusive", free)


def remembered(*guards: Guard, persist: bool = True) -> Applied:
    settings = GuardSettings(unlisted=True, match=("vif*",), persist=persist)
    return Applied(guards={guard.name: AppliedGuard("site", guard, persist) for guard in guards}, guard_settings=settings)


def test_the_paths_are_the_engines() -> None:
    assert (hotplug.APPLIED, hotplug.LOCK) == (APPLIED, LOCK)


def test_one_without_a_name_is_opened_and_closed_again() -> None:
    dom0 = Dom0(remembered(GUARD))
    hotplug.plug(dom0, "online", "vif7.2", PATH)
    assert OPEN in dom0.did and f'add element bridge vnet_guard ip4_32 {{ "vif7.2" . {MAC} . 10.0.0.1 }}' in dom0.did
    assert not any(line.startswith("delete") for line in dom0.did)
    dom0.did.clear()
    hotplug.plug(dom0, "offline", "vif7.2", PATH)
    # What is not there any more cannot be deleted, so it is added first.
    assert dom0.did.index(OPEN) < dom0.did.index(OPEN.replace("add", "delete"))
    dom0.did.clear()
    hotplug.plug(dom0, "remove", "vif7.2-emu", PATH)
    assert dom0.did == []


def test_nothing_opens_one_of_which_nothing_is_declared() -> None:
    dom0 = Dom0(remembered(GUARD), mac="00:16:3e:00:00:02")
    hotplug.plug(dom0, "online", "vif7.2", PATH)
    assert dom0.did == []


def test_a_guard_by_name_is_put_back_and_stays() -> None:
    dom0 = Dom0(remembered(GUARD), vifname="web0", links=("web0",))
    hotplug.plug(dom0, "online", "web0", PATH)
    assert OPEN.replace("vif7.2", "web0") in dom0.did
    dom0.did.clear()
    hotplug.plug(dom0, "offline", "web0", PATH)
    assert dom0.did == []


def test_without_its_filter_nothing_comes_up() -> None:
    dom0 = Dom0(remembered(GUARD))
    dom0.says["nft -f"] = 1
    why = r"the packet filter vnet_guard does not take vif7\.2 \(no luck\), and no guest comes up without it; systemctl restart"
    with pytest.raises(VnetError, match=why):
        hotplug.plug(dom0, "online", "vif7.2", PATH)
    hotplug.plug(dom0, "offline", "vif7.2", PATH)
    # Nor one that it should keep closed.
    other = Dom0(remembered(GUARD), mac="00:16:3e:00:00:02")
    other.says["nft list"] = 1
    with pytest.raises(VnetError, match=why):
        hotplug.plug(other, "online", "vif7.2", PATH)
    # After a reboot nobody misses what was not to last.
    brief = Dom0(remembered(GUARD, persist=False))
    brief.says["nft -f"] = 1
    hotplug.plug(brief, "online", "vif7.2", PATH)


VIF = Vif("web", -1, {"mac": MAC, "mtu": "9000"}, port={"vlan": "10p/20", "isolated": "1"})
PORT = [
    "ip link set dev vif7.2 mtu 9000",
    "vlan add dev vif7.2 vid 10 pvid untagged",
    "vlan add dev vif7.2 vid 20",
    "vlan del dev vif7.2 vid 1",
    "ip link set dev vif7.2 type bridge_slave isolated on",
]


def test_a_port_is_as_declared() -> None:
    dom0 = Dom0(Applied(), [VIF], vlan="30")
    hotplug.plug(dom0, "online", "vif7.2", PATH)
    assert dom0.did == PORT
    # What the guest's own file says counts where nothing is declared.
    plain = Dom0(Applied(), vlan="30")
    hotplug.plug(plain, "online", "vif7.2", PATH)
    assert plain.did == ["vlan add dev vif7.2 vid 30 pvid untagged", "vlan del dev vif7.2 vid 1"]


@pytest.mark.parametrize("command", ["ip link set dev vif7.2 mtu", "ip link set dev vif7.2 type", "bridge -batch"])
def test_a_port_that_cannot_be_as_declared_fails(command: str) -> None:
    dom0 = Dom0(Applied(), [VIF])
    dom0.says[command] = 2
    with pytest.raises(VnetError, match=f"{command}.*: exit status 2: no luck"):
        hotplug.plug(dom0, "online", "vif7.2", PATH)


def test_vlans_fail_where_nobody_would_keep_them() -> None:
    dom0 = Dom0(Applied(), [VIF])
    dom0.texts["/sys/class/net/vif7.2/master/bridge/vlan_filtering"] = "0"
    with pytest.raises(VnetError, match="it is in no bridge that is VLAN-aware"):
        hotplug.plug(dom0, "online", "vif7.2", PATH)
    wrong = Dom0(Applied(), vlan="10/20")
    with pytest.raises(VnetError, match=r"vlan of vif7\.2: 10/20 marks 0"):
        hotplug.plug(wrong, "online", "vif7.2", PATH)


@pytest.mark.parametrize("command", ["xenstore-ls", "xenstore-read"])
def test_one_of_which_nobody_knows_whose_it_is_stays_down(command: str) -> None:
    dom0 = Dom0(Applied(), [VIF])
    dom0.says[command] = 1
    with pytest.raises(VnetError, match="xenstore does not say whose vif that is, or which"):
        hotplug.plug(dom0, "online", "vif7.2", PATH)
    hotplug.plug(dom0, "offline", "vif7.2", PATH)


def test_what_is_told_must_make_sense(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VnetError, match="is not there"):
        hotplug.plug(Dom0(Applied(), links=()), "online", "vif7.2", PATH)
    for words in (["vif"], ["vif", "online", "vif7.2", "7"], ["vif", "up", "vif7.2", PATH]):
        assert hotplug.main(words) == 1
        assert capsys.readouterr().err == "hypervisor-vnet: say: vif online|add|offline|remove INTERFACE PATH/DOMID/DEVID\n"


def test_users_own_hooks_come_last_and_may_refuse(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "20-not-executable").write_text("exit 9")
    for name, status in (("10-first", 0), ("30-last", 3)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $* >> {tmp_path}/said\necho no luck; exit {status}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(hotplug, "OWN_HOOKS", str(tmp_path))
    dom0 = Dom0(Applied())
    monkeypatch.setattr(dom0, "entries", lambda path: Machine().entries(path) if path == str(tmp_path) else ())
    monkeypatch.setattr(
        dom0,
        "run",
        lambda argv, stdin="", limit=1.0: Machine().run(argv) if "xenstore" not in argv[0] else Completed(0, f'/mac = "{MAC}"', ""),
    )
    with pytest.raises(VnetError, match=r"30-last online vif7\.2 .*: exit status 3: no luck"):
        hotplug.plug(dom0, "online", "vif7.2", PATH)
    assert [line.split()[:3] for line in (tmp_path / "said").read_text().splitlines()] == [
        ["10-first", "online", "vif7.2"],
        ["30-last", "online", "vif7.2"],
    ]
    assert OWN_HOOKS == "/etc/hypervisor-vnet/hooks.d"
