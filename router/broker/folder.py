"""The folder of an embedded broker: its configuration, data, logs, and process id. Its user alone may read it.

A broker alone has `<home>/kafka`, and the three of a cluster have `<home>/kafka/nodes/<n>`. So both keep their data beside each other.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.broker.credentials import Credentials
from router.broker.properties import BrokerNode, log_properties, server_properties
from router.wire.errors import BrokerError
from router.wire.offset_signing import EMBEDDED
from router.wire.private_files import open_private, private_folder, write_private
from router.wire.security import EMBEDDED as EMBEDDED_SECRETS
from router.wire.settings import Settings

CAUSES = 3
CAUSE_CHARACTERS = 200
END_BYTES = 64 << 10
"""The part of a log in which its last lines are looked for; a stack trace of Java takes a few KiB."""


class Folder:
    """The files of an embedded broker.

    Args:
        settings: of the deployment.
        node: which broker it is.
    """

    def __init__(self, settings: Settings, node: BrokerNode = BrokerNode()) -> None:  # noqa: B008 - immutable
        self.node, alone = node, settings.home.absolute() / "kafka"
        self.root = alone if node.of == 1 else alone / "nodes" / str(node.number)
        self.data, self.log, self.out = self.root / "data", self.root / "kafka.log", self.root / "kafka.out"
        self.properties, self.logging = self.root / "server.properties", self.root / "log4j2.properties"
        self.credentials = Credentials(settings.home.absolute() / EMBEDDED_SECRETS)
        self.offset_keys = settings.home.absolute() / EMBEDDED
        self.arguments = self.root / "format.arguments"
        self.pid, self.lock = self.root / "kafka.pid", self.root / "start.lock"

    def write(self, first_port: int) -> None:
        """Write the configuration; the data stays unchanged.

        Its paths are relative to the folder: a comma, a blank or a Chinese character in the path above it is never parsed.

        Args:
            first_port: of the cluster's first broker.
        """
        secured = self.credentials.properties(self.root) if self.credentials else {}
        text = server_properties(first_port, self.data.relative_to(self.root), self.node, secured)
        write_private(self.properties, text.encode())
        write_private(self.logging, log_properties(self.log.relative_to(self.root)).encode())

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Hold the lock that lets one process at a time start or stop this broker; others wait.

        Raises:
            BrokerError: the folder cannot be written to.
        """
        try:
            private_folder(self.root)
            lock = open_private(self.lock, "wb")
        except OSError as error:
            raise BrokerError(
                f"the broker's folder cannot be written to ({error.strerror})",
                where=str(self.root),
                hint="correct its permissions, or set GRID_ROUTER_HOME to another folder",
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def formatted(self) -> bool:
        """Whether it has data, also of no record."""
        return (self.data / "meta.properties").exists()

    def running_pid(self) -> int | None:
        """The process id of this folder's broker; None when it does not run, or another process has that id."""
        try:
            pid = int(self.pid.read_text("ascii"))
            command = self._command(pid)
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.properties) in command else None

    def port(self) -> int | None:
        """The port of the last start."""
        name = "listeners="
        try:
            lines = self.properties.read_text("utf-8").splitlines()
        except OSError:
            return None
        return next((int(line.split(",")[0].rpartition(":")[2]) for line in lines if line.startswith(name)), None)

    def started_at(self) -> float:
        """When it was last started, in seconds since 1970; 0 when it never was. Each start writes its configuration."""
        return self.properties.stat().st_mtime if self.properties.exists() else 0.0

    def logged(self) -> int:
        """The present size of its log in bytes."""
        return self.log.stat().st_size if self.log.exists() else 0

    def last_words(self, since: int = 0) -> tuple[Path, str]:
        """The last lines that name a cause, and their file: the log from that size on, else the output of Java itself."""
        for file, begin in ((self.log, since), (self.out, 0)):
            causes = last_causes(_end_of(file, begin))
            if causes:
                return file, causes
        return self.log, "it wrote no line"

    def _command(self, pid: int) -> bytes:
        """The command line of a process; on a system without `/proc`, that of our broker."""
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc/self").exists() else os.fsencode(self.properties)
        )


def last_causes(output: str) -> str:
    """The last lines of a Java program that name a cause, as one visible line: its stack trace is left out."""
    causes = [line.strip() for line in output.splitlines() if line.strip() and not line[0].isspace()][-CAUSES:]
    return " | ".join("".join(c if c.isprintable() else " " for c in line[:CAUSE_CHARACTERS]) for line in causes)


def _end_of(file: Path, begin: int) -> str:
    """The end of a file from a position on; all of it when it is shorter, because a new one was begun."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            opened.seek(max(begin if begin <= size else 0, size - END_BYTES))
            return opened.read(END_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
