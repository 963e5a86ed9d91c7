"""The folder of an embedded broker, `<home>/kafka`: its configuration, data, logs, and process id."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.broker.properties import log_properties, server_properties
from router.wire.errors import BrokerError
from router.wire.settings import Settings


class Folder:
    """The files of an embedded broker."""

    def __init__(self, settings: Settings) -> None:
        self.root = settings.home.absolute() / "kafka"
        self.data, self.log, self.out = self.root / "data", self.root / "kafka.log", self.root / "kafka.out"
        self.properties, self.logging = self.root / "server.properties", self.root / "log4j2.properties"
        self.pid, self.lock = self.root / "kafka.pid", self.root / "start.lock"

    def write(self, port: int) -> None:
        """Write the configuration; the data stays unchanged."""
        self.properties.write_text(server_properties(port, self.data), "utf-8")
        self.logging.write_text(log_properties(self.log), "utf-8")

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Hold the lock that lets one process at a time start or stop this broker; others wait.

        Raises:
            BrokerError: the folder cannot be written to.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = self.lock.open("w", encoding="ascii")
        except OSError as error:
            raise BrokerError(
                f"the broker's folder cannot be written to ({error.strerror})",
                where=str(self.root),
                hint="correct its permissions, or set GRID_ROUTER_HOME to another folder",
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

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
        name = "listeners=PLAINTEXT://"
        try:
            lines = self.properties.read_text("utf-8").splitlines()
        except OSError:
            return None
        return next((int(line.split(",")[0].rpartition(":")[2]) for line in lines if line.startswith(name)), None)

    def last_line(self) -> str:
        """The last line of its logs that names a cause, for an error sentence."""
        for file in (self.log, self.out):
            lines = file.read_text("utf-8", errors="replace").splitlines() if file.exists() else []
            causes = [
                line for line in lines if line and not line[0].isspace()
            ]  # the other lines are Java's stack trace
            if causes:
                return causes[-1][:200]
        return "its log is empty"

    def _command(self, pid: int) -> bytes:
        """The command line of a process; on a system without `/proc`, that of our broker."""
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc/self").exists() else os.fsencode(self.properties)
        )
