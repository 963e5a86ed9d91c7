"""A disk that can be full: a file system in memory, made for root only. Where that is impossible, `possible` says so."""

import os
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

SIZE = 2 << 30
ROOM, ATTEMPTS = 1 << 20, 50
"""What is left when the disk is called full, and how often to try."""


class SmallDisk:
    """A disk mounted at one folder.

    Args:
        folder: made when it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> None:
        """Mount it, unless it is mounted."""
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        if not self.folder.is_mount():
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(self.folder))

    def fill(self) -> None:
        """Leave almost no room. The broker writes meanwhile, and the kernel rejects a size below what is used."""
        for _ in range(ATTEMPTS):
            with suppress(subprocess.CalledProcessError):
                self._resize(shutil.disk_usage(self.folder).used + ROOM)
                return
        raise OSError(f"{self.folder} grows faster than it can be filled")

    def empty(self) -> None:
        """Give the room back."""
        self._resize(SIZE)

    def unmount(self) -> None:
        """Unmount it, with everything on it."""
        if self.folder.is_mount():
            _run("umount", str(self.folder))

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


@cache
def possible() -> bool:
    """Whether this process may mount a disk."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    with TemporaryDirectory() as folder:
        disk = SmallDisk(Path(folder) / "disk")
        try:
            disk.mount()
        except subprocess.CalledProcessError:
            return False
        disk.unmount()
    return True


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
