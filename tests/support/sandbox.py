"""Programs under the conditions of a container, without a container engine: Linux's own namespaces."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.platforms.deployment import HOME, SECRETS, USER
from tests.support.repository import ROOT

PROGRAM = Path(sys.executable).with_name("grid-router")
_OTHERS = stat.S_IROTH | stat.S_IXOTH
_UNSHARE = ("unshare", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--fork", "--kill-child")
_SCRIPT = f"""
set -e
echo "$CLOSED" | while read -r folder child; do
    [ -n "$child" ] || continue
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/child && mount --bind "$folder/$child" /mnt/child
    mount -t tmpfs -o mode=0755 tmpfs "$folder" && mkdir "$folder/$child" && mount --bind /mnt/child "$folder/$child"
    mount -o remount,bind,ro "$folder/$child" && mount -o remount,bind,ro "$folder"
done
mount -t tmpfs tmpfs /run && mkdir {SECRETS}
for file in "$GIVEN"/*; do install -m 0440 -o 0 -g {USER} "$file" {SECRETS}/; done
mount -t tmpfs tmpfs /var/lib && mkdir {HOME}
mount -t tmpfs -o uid={USER},gid={USER},mode=0700 tmpfs {HOME}
mount -t tmpfs -o mode=1777 tmpfs /tmp
for point in / /run /var/lib; do mount -o remount,bind,ro "$point"; done
cd {HOME}
exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


def _closed() -> set[tuple[Path, str]]:
    """Folders on the way to the program that only their user may enter, such as `/root`, and the folder in each that we need."""
    needed = [ROOT, PROGRAM, Path(sys.executable).resolve()]
    ways = {
        (folder, child.name) for one in needed for child, folder in zip([one, *one.parents], one.parents, strict=False)
    }
    return {(folder, child) for folder, child in ways if folder.stat().st_mode & _OTHERS != _OTHERS}


def _usable() -> bool:
    """Whether this machine can do it: root, the tools, namespaces, and at most one thing needed in each closed folder."""
    if not all(shutil.which(tool) for tool in ("unshare", "setpriv")) or os.geteuid() != 0:
        return False
    closed = _closed()
    if len({folder for folder, _ in closed}) != len(closed) or any(" " in f"{folder}{name}" for folder, name in closed):
        return False
    mount = "mount -t tmpfs tmpfs /run && mount -o remount,bind,ro /"
    return subprocess.run([*_UNSHARE, "sh", "-c", mount], capture_output=True, check=False).returncode == 0


USABLE = _usable()


@contextmanager
def contained(
    arguments: Sequence[str], variables: Mapping[str, str], secrets: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A program as user 65532, without rights, that can write to `HOME` and `/tmp` alone; killed at the end if it still runs.

    It is the first process of its own, as in a container, so a signal that it does not handle has no effect. Use `ask_to_end`.

    Args:
        arguments: of `grid-router`, or a whole command that begins with a path.
        variables: its whole environment, besides `PATH`.
        secrets: a folder whose files it finds in `SECRETS`, as root's and readable by its group.
        log: gets its output.
    """
    command = arguments if arguments[0].startswith("/") else [str(PROGRAM), *arguments]
    inner = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _SCRIPT, "sh", *inner],
            env={
                "PATH": os.environ["PATH"],
                "GIVEN": str(secrets),
                "CLOSED": "\n".join(f"{folder} {child}" for folder, child in sorted(_closed())),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the program itself, as a container engine does."""
    first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
    os.kill(int(first[0]), signal.SIGTERM)
