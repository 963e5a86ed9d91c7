"""The process tree of one contender, alone on core 1, with its CPU time and memory. Everything else uses core 0."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from router.broker.server import status
from router.wire.settings import Settings

TICKS = os.sysconf("SC_CLK_TCK")
GRACE_SECONDS = 20.0
FIRST, ASSIGNED = b"FIRST ", b"ASSIGNED "


class Pinned:
    """A process tree on core 1, which ends with the context.

    Args:
        command: the command line.
        env: the whole environment.
        log: file for its output.
        alone: pin it to core 1; otherwise it runs on any core.
    """

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path, *, alone: bool = True) -> None:
        self._command, self._env, self.log = ["taskset", "-c", "1", *command] if alone else command, env, log
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as out:
            return subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id of the contender: `taskset` becomes it."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def first(self) -> float | None:
        """When it had fetched its first input record (seconds since 1970); None until it has printed it."""
        return self._printed(FIRST)

    @property
    def assigned(self) -> float | None:
        """When it got its partitions (seconds since 1970); None until it has printed it."""
        return self._printed(ASSIGNED)

    @property
    def last_assigned(self) -> float | None:
        """The same for the last time that it got partitions."""
        return self._printed(ASSIGNED, last=True)

    def _printed(self, word: bytes, *, last: bool = False) -> float | None:
        lines = self.log.read_bytes().splitlines()
        for line in reversed(lines) if last else lines:
            _, found, instant = line.partition(word)  # Faust writes control sequences before it
            if found:
                return float(instant)
        return None

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all its processes since their start."""
        total = 0
        for text in self._read("stat"):
            fields = text.rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    @property
    def peak_mib(self) -> int:
        """Peak resident memory."""
        return self._memory("VmHWM")

    @property
    def resident_mib(self) -> int:
        """Current resident memory."""
        return self._memory("VmRSS")

    def _memory(self, name: str) -> int:
        lines = [line for text in self._read("status") for line in text.splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024

    def kill(self) -> None:
        """End it with SIGKILL, like a crash."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """Start it again, with an empty log."""
        self._process = self._start()

    def stop(self) -> None:
        """End it with SIGTERM, or with SIGKILL after a grace period."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _read(self, name: str) -> Iterator[str]:
        """A /proc file of every process of the tree. A process may end in the meantime (RocksDB runs `ldd` at its start)."""
        for member in self._tree():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield Path(f"/proc/{member}/{name}").read_text()

    def _tree(self) -> list[int]:
        found = [self._process.pid]
        for parent in found:
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                with suppress(FileNotFoundError, ProcessLookupError):
                    found += [int(child) for child in children.read_text().split()]
        return found


def core_seconds() -> float:
    """Busy seconds of core 1, by all processes; time stolen by a hypervisor is included."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu1 "))
    user, nice, system, _idle, _waiting, *interrupts = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def pin_everything_to_core_0() -> None:
    """Pin this process and the embedded broker to core 0, so that the contender has core 1."""
    for pid in (os.getpid(), status(Settings()).pid):
        if pid is not None:
            while subprocess.run(["taskset", "-apc", "0", str(pid)], capture_output=True, check=False).returncode:
                os.kill(pid, 0)  # raises when the process has ended; a thread that ended is no reason to stop
