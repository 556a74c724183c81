# Copyright: (c) 2026, hypervisor.vnet contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: breaking changes can come at any time.

"""The only door to the machine: run, read, write."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import typing as t

from ..model.problem import VnetError
from ..model.state import FileState
from . import ctnetlink

# Debian keeps ip, nft and sysctl in sbin, which is not in the PATH of every login.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Ours as long as something of ours is in them.
_OWN_FOLDERS = (
    "/etc/hypervisor-vnet",
    "/etc/systemd/system/firewalld.service.d",
    "/etc/systemd/system/hypervisor-vnet-",
    "/etc/systemd/system/nftables.service.d",
    "/etc/xen/scripts/vif-post.d",
    "/var/lib/hypervisor-vnet/",
)
_TEMPORARY = ".hypervisor-vnet-"
_PARENT = re.compile(r"^PPid:\s*(\d+)$", re.MULTILINE)
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


class Completed(t.NamedTuple):
    """How a command ended."""

    rc: int
    out: str
    err: str


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class Machine:
    """The host that we run on."""

    def __init__(self) -> None:
        self._prctl = _libc().prctl
        self._environment = {**os.environ, "PATH": _PATH, "LC_ALL": "C.UTF-8"}

    def run(self, argv: t.Sequence[str], stdin: str = "", limit: float = 120.0) -> Completed:
        """Run a command to its end. A missing program is rc 127; one that exceeds ``limit`` seconds is killed, rc 124.

        The child dies with us (PR_SET_PDEATHSIG): `ip -batch` of a killed module would go on changing the network.
        """
        try:
            # run_command of the module cannot make its child die with us.
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                list(argv),
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                env=self._environment,
                timeout=limit,
                check=False,
                preexec_fn=self._before_exec(),
            )
        except FileNotFoundError:
            return Completed(127, "", f"{argv[0]}: not found")
        except subprocess.TimeoutExpired:
            return Completed(124, "", f"{argv[0]}: no end after {limit:g} s")
        return Completed(done.returncode, done.stdout, done.stderr)

    def _before_exec(self) -> t.Callable[[], None] | None:
        return self._die_with_parent

    def _die_with_parent(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def delete_connections(self, connections: t.Iterable[ctnetlink.Connection]) -> None:
        """Make the kernel forget tracked connections."""
        ctnetlink.delete(connections)

    def which(self, program: str) -> str:
        """The program's path, or empty."""
        return shutil.which(program, path=_PATH) or ""

    def read(self, path: str) -> FileState | None:
        """A regular file, or None when there is none."""
        try:
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
                status = os.fstat(file.fileno())
                return FileState(file.read(), status.st_mode & 0o7777, status.st_uid, status.st_gid)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise VnetError(f"{path}: cannot be read: {error.strerror}") from error

    def first_line(self, path: str) -> str:
        """The first line of a file, however long the file is; empty when there is none."""
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.readline()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise VnetError(f"{path}: cannot be read: {error.strerror}") from error

    def end(self, path: str, count: int) -> str:
        """The last ``count`` bytes of a file that is mostly no text, as text; empty when there is none."""
        try:
            with open(path, "rb") as file:
                file.seek(-min(count, os.fstat(file.fileno()).st_size), os.SEEK_END)
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise VnetError(f"{path}: cannot be read: {error.strerror}") from error

    def text(self, path: str) -> str:
        """A file's text without white space around it; empty when there is none (or sysfs refuses)."""
        return self._raw(path).strip()

    def entries(self, path: str) -> tuple[str, ...]:
        """The names in a folder, sorted; empty when there is none."""
        try:
            return tuple(sorted(os.listdir(path)))
        except OSError:
            return ()

    def modified(self, path: str) -> float:
        """When a file was last written, in seconds since 1970 by the host's clock; 0 when there is none."""
        try:
            return os.stat(path).st_mtime
        except OSError:
            return 0.0

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def resolve(self, path: str) -> str:
        return os.path.realpath(path)

    def write(self, path: str, file: FileState) -> None:
        """Replace a file in one rename(2), on disk before we return."""
        folder = os.path.dirname(path)
        try:
            self._make_folder(folder)
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=_TEMPORARY)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
                    stream.write(file.content)
                    stream.flush()
                    os.fchmod(stream.fileno(), file.mode)
                    os.fchown(stream.fileno(), file.uid, file.gid)
                    os.fsync(stream.fileno())
                os.rename(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
            self._sync_folder(folder)
        except OSError as error:
            raise VnetError(f"{path}: cannot be written: {error.strerror}") from error

    def append(self, path: str, text: str) -> None:
        """Add to a file, on disk before we return."""
        try:
            with open(path, "a", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise VnetError(f"{path}: cannot be written: {error.strerror}") from error

    def remove(self, path: str) -> None:
        """Remove a file; its absence is no error. The folder goes too when it is one of ours and empty."""
        try:
            os.unlink(path)
            self._sync_folder(os.path.dirname(path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise VnetError(f"{path}: cannot be removed: {error.strerror}") from error
        folder = os.path.dirname(path)
        if path.startswith("/run/systemd/network/") and folder.endswith(".network.d"):
            self._remove_empty(folder)
        while folder.startswith(_OWN_FOLDERS):
            self._remove_empty(folder)
            folder = os.path.dirname(folder)

    def rename(self, old: str, new: str) -> None:
        """Rename a file in its folder, on disk before we return; a file of the new name is replaced."""
        try:
            os.rename(old, new)
            self._sync_folder(os.path.dirname(new))
        except OSError as error:
            raise VnetError(f"{old}: cannot be renamed to {new}: {error.strerror}") from error

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link where nothing is yet."""
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)
        except OSError as error:
            raise VnetError(f"{path}: cannot be made: {error.strerror}") from error

    def sweep(self, folder: str) -> None:
        """Remove the temporary files that a killed :meth:`write` left."""
        for name in self.entries(folder):
            if name.startswith(_TEMPORARY):
                self.remove(os.path.join(folder, name))

    def _make_folder(self, folder: str) -> None:
        """What services read that are not root must be found by them, whatever the umask of who runs us."""
        if not os.path.isdir(folder):
            self._make_folder(os.path.dirname(folder))
            os.mkdir(folder)
            os.chmod(folder, 0o755)

    @staticmethod
    def _remove_empty(folder: str) -> None:
        try:
            os.rmdir(folder)
        except OSError:
            return

    @staticmethod
    def _sync_folder(folder: str) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def set_sysctl(self, key: str, value: str) -> None:
        """Write a kernel parameter; ``key`` is the path below /proc/sys."""
        try:
            with open(f"/proc/sys/{key}", "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            raise VnetError(f"/proc/sys/{key}: cannot be set to {value!r}: {error.strerror}") from error

    def sysctl(self, key: str) -> str:
        return self.text(f"/proc/sys/{key}")

    def why_not_writable(self, folder: str) -> str:
        """Why a file cannot be made in ``folder`` or the nearest folder above it that exists; empty when it can."""
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        try:
            space = os.statvfs(folder)
        except OSError as error:
            return f"{error.strerror}"
        if space.f_flag & os.ST_RDONLY:
            return "the file system is mounted read-only"
        if space.f_bavail * space.f_frsize < 1 << 20:
            return "less than 1 MiB is free"
        if space.f_files and not space.f_favail:
            return "no inode is free"
        return "" if os.access(folder, os.W_OK) else "permission denied"

    @staticmethod
    def uptime() -> float:
        """Seconds since boot, suspended ones too: the clock that nobody can set."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def inherited(self, variable: str) -> str:
        """An environment variable of this process or, because sudo drops most of them, of its nearest ancestor that has it.

        Empty without one. Only this one is ever kept: an environment may hold secrets (so not by :meth:`text`).
        """
        if variable in os.environ:
            return os.environ[variable]
        pid = os.getppid()
        while pid > 1:
            for item in self._raw(f"/proc/{pid}/environ").split("\0"):
                name, equals, value = item.partition("=")
                if equals and name == variable:
                    return value
            parent = _PARENT.search(self._raw(f"/proc/{pid}/status"))
            pid = int(parent.group(1)) if parent else 0
        return ""

    @staticmethod
    def _raw(path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            return ""

    def is_root(self) -> bool:
        return os.geteuid() == 0


class LookingMachine(Machine):
    """The host for those who only look at it. Their commands may outlive them.

    Nothing has to be done in the child before it runs the command, so Python starts it without a copy of its own address space
    (vfork), several times faster; and most commands of a run are of this kind.
    """

    def _before_exec(self) -> None:
        return None
