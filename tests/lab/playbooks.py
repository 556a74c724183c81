# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook without its start: a process that has loaded Ansible forks for each run.

To start Ansible, and to pack a module of ours for its host, takes more than half of the time of a run on these small hosts.
A fork has both behind it, and is the same program from there on. Each environment has its own process, as Ansible reads its
settings while it is loaded.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

START = 60.0


class Playbooks:
    """Runs ansible-playbook in one environment of Ansible's settings. The process ends when nobody holds its standard input any more."""

    def __init__(self, python: str, settings: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="playbooks-")
        self._path = str(Path(self._folder.name, "socket"))
        words = [python, __file__, self._path]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(settings), start_new_session=True)
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], START)[0] or self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("Ansible did not start")

    def run(self, argv: Sequence[str], environment: Mapping[str, str], limit: float) -> subprocess.CompletedProcess[str]:
        """One run; TimeoutExpired after ``limit`` seconds, and then it is killed."""
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as line:
            streams = [str(Path(folder, name)) for name in ("out", "err")]
            line.connect(self._path)
            line.settimeout(limit)
            request = {"argv": list(argv), "environment": dict(environment), "streams": streams, "cwd": os.getcwd()}
            line.sendall(json.dumps(request).encode() + b"\n")
            answers = line.makefile("r", encoding="ascii")
            pid = int(answers.readline())
            try:
                rc = answers.readline()
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(argv), limit) from None
            out, err = (Path(stream).read_text(encoding="utf-8") for stream in streams)
            return subprocess.CompletedProcess(list(argv), int(rc or 250), out, err)


@functools.lru_cache(maxsize=1)
def _of(python: str, settings: tuple[tuple[str, str], ...]) -> Playbooks:
    return Playbooks(python, dict(settings))


def run(python: str, argv: Sequence[str], environment: Mapping[str, str], limit: float) -> subprocess.CompletedProcess[str]:
    """`ansible-playbook` with ``argv``, as subprocess.run would do it."""
    # What a single run is told differs from run to run; Ansible's settings do not.
    settings = {name: value for name, value in environment.items() if not name.startswith(("VNET_", "PYTEST_"))}
    return _of(python, tuple(sorted(settings.items()))).run(argv, environment, limit)


def _serve(path: str) -> None:
    from ansible.cli.playbook import main

    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        # What is loaded stays: looking through it in each fork would copy its memory.
        gc.freeze()
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:
            line, _address = door.accept()
            if os.fork() == 0:
                _work(line, main)
            line.close()


def _work(line: socket.socket, main: object) -> None:
    """In the fork: never comes back, and leaves what it shares with the others, Ansible's temporary folder, to them."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line.sendall(f"{os.getpid()}\n".encode())
    request = json.loads(line.makefile("r", encoding="utf-8").readline())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, stream in enumerate(request["streams"], 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    rc = 250
    try:
        assert callable(main)
        main(request["argv"])
    except SystemExit as end:
        rc = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        line.sendall(f"{rc}\n".encode())
        os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
