"""Folders and files that only their user may read: they hold citizens' reports, also when the umask allows others to read."""

import os
import stat
from pathlib import Path
from typing import IO

FOLDER_MODE, FILE_MODE = 0o700, 0o600
UMASK = 0o077
"""The umask of a process that we start: only its user may read what it writes."""
OTHERS = 0o077
"""The permission bits of everybody but the user."""
ROOT = 0
"""The user who owns the machine."""


def private_folder(folder: Path) -> Path:
    """Make a folder of the router's own, with its missing parents; one that others may read is closed to them.

    Raises:
        OSError: it cannot be made, or belongs to another user.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(FOLDER_MODE, exist_ok=True)
    if folder.stat().st_mode & OTHERS:
        folder.chmod(FOLDER_MODE)
    return folder


def open_private(file: Path, mode: str) -> IO[bytes]:
    """Open a file to write (`wb`) or to append (`ab`); one that others may read is closed to them.

    A file of root that its group may read keeps mode and owner: a program of another user reads it so (`others_may_read`).

    Raises:
        OSError: it cannot be written, or belongs to another user.
    """
    opened: IO[bytes] = open(file, mode, opener=_opener)  # noqa: SIM115 - Path.open takes no opener
    if others_may_read(os.fstat(opened.fileno())):
        os.fchmod(opened.fileno(), FILE_MODE)
    return opened


def write_private(file: Path, content: bytes) -> None:
    """Write a whole file that only its user may read. Raises OSError."""
    with open_private(file, "wb") as opened:
        opened.write(content)


def others_may_read(found: os.stat_result) -> bool:
    """Whether others than the router may read or change a file of secrets.

    A file of root may be readable by its group: so Kubernetes, Compose and systemd hand a secret to a program of another user.
    """
    shared = stat.S_IRGRP if found.st_uid == ROOT else 0
    return bool(found.st_mode & OTHERS & ~shared)


def open_to_others(*folders: Path) -> list[Path]:
    """Those of the folders that exist and that others may enter, read or change."""
    return [folder for folder in folders if folder.exists() and folder.stat().st_mode & OTHERS]


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
