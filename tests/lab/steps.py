# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold an armed change on a host before any single one of its steps.

A hook in every Python of the host counts the steps while there is a journal: files renamed, removed, linked or written,
commands run. The process that comes to the chosen step waits there. Nothing in the product knows of it.
"""

from __future__ import annotations

from vnet_lab.machine import Machine

_AT, _COUNT, _REACHED = "/run/step.at", "/run/step.count", "/run/step.reached"
_HOOK = f"""\
import fcntl, os, sys, time

STATE = "/var/lib/hypervisor-vnet/"
# Questions change nothing: ip -json, nmcli -t, systemctl show and is-enabled, networkctl list, ifquery.
QUESTIONS = {{"-json", "-t", "show", "is-enabled", "list", "ifquery"}}

def is_step(event, args):
    if event == "open":
        path, mode = args[:2]
        return isinstance(path, str) and path.startswith((STATE, "/proc/sys/net/")) and isinstance(mode, str) and mode[0] in "wa"
    if event == "subprocess.Popen":
        return not QUESTIONS.intersection(args[1][:2])
    # Ansible tidies up what it brought along by relative names.
    return event in ("os.rename", "os.remove", "os.symlink") and os.path.isabs(args[0])

def step(event, args):
    if not is_step(event, args) or not os.path.exists("{_AT}") or not os.path.exists(STATE + "journal"):
        return
    handle = os.open("{_COUNT}", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    number = int(os.read(handle, 20) or b"0") + 1
    os.pwrite(handle, str(number).encode(), 0)
    os.close(handle)
    what = " ".join([event, *map(str, args[:2])])
    with open("{_AT}") as file:
        chosen = file.read()
    if chosen == str(number) if chosen.isdigit() else chosen in what and not os.path.exists("{_REACHED}"):
        with open("{_REACHED}", "w") as file:
            file.write("%d %s" % (os.getpid(), what))
        while os.path.exists("{_AT}"):
            time.sleep(0.02)

sys.addaudithook(step)
"""
_INSTALL = f"""\
import pathlib, site
folder = pathlib.Path(site.getsitepackages()[0])
(folder / "hold_step.py").write_text({_HOOK!r})
(folder / "hold_step.pth").write_text("import hold_step\\n")
"""


class Steps:
    """The steps of one host. After a reset nothing is held and nothing counted until the next :meth:`hold`."""

    def __init__(self, host: Machine) -> None:
        self.host = host
        host.exec(["python3", "-"], stdin=_INSTALL)

    def hold(self, at: int | str = 0) -> None:
        """Count from 1, and wait before step ``at``, or before the first that has it in its words; 0 only counts."""
        self.host.exec(["sh", "-c", f"rm -f {_REACHED}; echo 0 >{_COUNT}; printf %s '{at}' >{_AT}"])

    def release(self) -> None:
        self.host.exec(["rm", "-f", _AT])

    @property
    def count(self) -> int:
        return int(self.host.exec(["cat", _COUNT]).stdout)

    @property
    def reached(self) -> str:
        """The step that is waited before, in words; empty when nothing came there."""
        return self._text.partition(" ")[2]

    @property
    def process(self) -> str:
        """The id, in the host, of the process that waits."""
        return self._text.partition(" ")[0]

    @property
    def _text(self) -> str:
        return self.host.exec(["cat", _REACHED], check=False).stdout
