# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook as Xen's scripts source it: under set -e, by bash, with their own functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.hypervisor.vnet.plugins.module_utils.model.hook import HOOK, VIFS
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.paths import PROGRAM
from ansible_collections.hypervisor.vnet.plugins.module_utils.model.vif import Vif
from ansible_collections.hypervisor.vnet.plugins.module_utils.render.hook import hook_files

SCRIPT = """
set -e
trap 'fatal "error detected"' ERR
fatal() {{ echo "fatal: $*"; exit 1; }}
log() {{ echo "log: $*"; }}
ip() {{ echo "ip $*"; {ip}; }}
command={command} dev=http XENBUS_PATH=backend/vif/5/0
export SCRIPT=$$
call_hooks() {{ . {hook}; }}
call_hooks
echo connected
"""


@pytest.fixture
def said(tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(program: str, command: str, ip: str = "true", *, bridged: bool = False) -> list[str]:
        if bridged:
            (tmp_path / "net/http/brport").mkdir(parents=True, exist_ok=True)
        ours, hook = tmp_path / "program", tmp_path / "our.hook"
        ours.write_text(program)
        ours.chmod(0o700)
        hook.write_text(hook_files([])[HOOK].content.replace(PROGRAM, str(ours)).replace("/sys/class/net", str(tmp_path / "net")))
        script = SCRIPT.format(command=command, hook=hook, ip=ip)
        return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, timeout=20, check=False).stdout.splitlines()

    return run


GOOD = '#!/bin/sh\n[ "$*" = "vif $2 http backend/vif/5/0" ]\n'
BAD = "#!/bin/sh\necho Traceback >&2\necho no luck >&2\nexit 1\n"


@pytest.mark.parametrize("command", ["online", "add", "offline", "remove"])
def test_one_that_is_set_up_is_connected(said, command: str) -> None:  # type: ignore[no-untyped-def]
    assert said(GOOD, command) == ["connected"]


@pytest.mark.parametrize("ip", ["true", "false"])
@pytest.mark.parametrize("command", ["online", "add"])
def test_one_that_is_not_goes_down_and_says_why(said, command: str, ip: str) -> None:  # type: ignore[no-untyped-def]
    assert said(BAD, command, ip) == ["ip link set dev http down", "fatal: no luck"]


def test_a_port_of_a_bridge_is_down_meanwhile(said) -> None:  # type: ignore[no-untyped-def]
    down, up = "ip link set dev http down", "ip link set dev http up"
    assert said(GOOD, "online", bridged=True) == [down, up, "connected"]
    assert said(BAD, "online", bridged=True) == [down, down, "fatal: no luck"]
    assert said(GOOD, "online", "false", bridged=True) == [down, "fatal: http cannot be set down"]
    # libxl kills the script that takes too long.
    assert said("#!/bin/sh\nkill -KILL $SCRIPT\n", "online", bridged=True) == [down]
    assert said(GOOD, "offline", bridged=True) == ["connected"]


def test_a_program_that_is_gone_closes_it(said) -> None:  # type: ignore[no-untyped-def]
    lines = said("#!/nowhere\n", "online")
    assert lines[0] == "ip link set dev http down" and lines[1].startswith("fatal: ") and len(lines) == 2
    silent = said("#!/bin/sh\nexit 1\n", "online")[1]
    assert silent.startswith("fatal: ") and silent.endswith(" failed")


def test_one_that_goes_is_no_reason_to_fail(said) -> None:  # type: ignore[no-untyped-def]
    assert said(BAD, "offline")[-1] == "connected"


def test_what_is_declared_is_beside_it() -> None:
    files = hook_files([Vif("web", 2, {"mac": "00:16:3e:00:00:01"}, port={"vlan": "10"})])
    assert (files[HOOK].mode, files[VIFS].mode) == (0o755, 0o600) and '"vlan": "10"' in files[VIFS].content
