# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dom0's Python for Ansible's modules: one process that has loaded what they bring, and forks for each of them.

To unpack and compile a module's 200 files takes 20 s of an emulated processor, its work two. As ``warm-python`` it hands what it is
given to ``warm-python serve``. Files that differ from those that are loaded are run by a Python of their own.
"""

from __future__ import annotations

import atexit
import base64
import importlib
import io
import json
import os
import re
import signal
import socket
import sys
import traceback
import types
import zipfile

SOCKET = "/run/warm-python"
# Where the files of modules are, and what compiled.py has made of them.
FOLDER = "/run/warm-python.d"
PYTHON = "/usr/bin/python3"
# What Ansible writes into the program that it sends (ansible/_internal/_ansiballz).
_ARCHIVE = re.compile(rb"zip_data=['\"]([A-Za-z0-9+/=]+)['\"]")
_CODE = re.compile(r"(ansible_collections/.*/module_utils/.*|ansible/module_utils/_internal/_ansiballz/_loader)\.py")
_FROM_PROGRAM = "ansible_collections/hypervisor/vnet/plugins/modules/vnet_program.py"
_PROGRAM = "/var/lib/hypervisor-vnet/hypervisor-vnet"
_LARGEST = 1 << 20


def serve() -> None:
    sys.path.insert(0, FOLDER)
    known: dict[str, int] = {}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(SOCKET)
        door.listen(16)
        while True:
            line, _address = door.accept()
            told, streams, _flags, _address = socket.recv_fds(line, _LARGEST, 3)
            with open(streams[0], "rb", closefd=False) as given:
                source = given.read()
            is_warm = _load(source, known)
            if os.fork() == 0:
                door.close()
                _keep(line, json.loads(told), streams, source, is_warm)
            for number in streams:
                os.close(number)
            line.close()


def _load(source: bytes, known: dict[str, int]) -> bool:
    """Is all that the program brings loaded now?"""
    found = _ARCHIVE.search(source)
    if not found:
        return False
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found[1]))) as archive:
        files = {info.filename: info.CRC for info in archive.infolist()}
        if any(known.get(name, files[name]) != files[name] for name in files):
            return False
        fresh = [name for name in files if name not in known]
        for name in fresh:
            archive.extract(name, FOLDER)
        known.update(files)
    importlib.invalidate_caches()
    for name in fresh:
        if _CODE.fullmatch(name):
            importlib.import_module(name[: -len(".py")].replace("/", ".").removesuffix(".__init__"))
    return _FROM_PROGRAM not in files or _load_program(known)


def _load_program(known: dict[str, int]) -> bool:
    """The same for what the host keeps and this module runs others from; without it, it runs nothing."""
    if os.path.exists(_PROGRAM):
        written = os.stat(_PROGRAM).st_mtime_ns
        if known.setdefault(_PROGRAM, written) != written:
            return False
        if "hypervisor_vnet" not in sys.modules:
            sys.path.insert(0, _PROGRAM)
            importlib.import_module("hypervisor_vnet.entry")
    return True


def _keep(line: socket.socket, told: dict[str, object], streams: list[int], source: bytes, is_warm: bool) -> None:
    """Wait for the program's end and tell it; never comes back."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program == 0:
        line.close()
        _become(told, streams)
        _run(source) if is_warm else _start(source)
    for number in streams:
        os.close(number)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    line.send(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _become(told: dict[str, object], streams: list[int]) -> None:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(str(told["cwd"]))
    os.environ.clear()
    os.environ.update(told["environment"])  # type: ignore[call-overload]


def _run(source: bytes) -> None:
    """As Python does with a program that comes by standard input."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"], sys.argv, code = main, [""], 0
    try:
        exec(compile(source, "<stdin>", "exec"), main.__dict__)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _start(source: bytes) -> None:
    text = os.memfd_create("program")
    os.write(text, source)
    os.lseek(text, 0, os.SEEK_SET)
    os.dup2(text, 0)
    os.execv(PYTHON, [PYTHON])


def ask() -> int:
    """Have the program on standard input run; its exit status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(SOCKET)
        told = {"cwd": os.getcwd(), "environment": dict(os.environ)}
        socket.send_fds(line, [json.dumps(told).encode()], [0, 1, 2])
        return int(line.recv(16) or 137)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    if sys.argv[1:] or not os.path.exists(SOCKET):
        os.execv(PYTHON, [PYTHON, *sys.argv[1:]])
    sys.exit(ask())
