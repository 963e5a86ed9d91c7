"""One contender's process, alone on core 1: its CPU seconds, its memory, its end. Everything else goes to core 0."""

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
    """A process tree on core 1; leaving the context ends it.

    Args:
        command: what is run.
        env: its whole environment.
        log: where its output goes.
        alone: whether it must have core 1; when not, it runs anywhere.
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
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def first(self) -> float | None:
        """When it had its first input record in hand (seconds since 1970), once it has said so."""
        return self._said(FIRST)

    @property
    def assigned(self) -> float | None:
        """When it got its partitions (seconds since 1970), once it has said so."""
        return self._said(ASSIGNED)

    def _said(self, word: bytes) -> float | None:
        for line in self.log.read_bytes().splitlines():
            _, said, instant = line.partition(word)  # Faust writes control sequences of its own before it
            if said:
                return float(instant)
        return None

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes since their start."""
        total = 0
        for text in self._read("stat"):
            fields = text.rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    @property
    def peak_mib(self) -> int:
        """Resident memory at its highest."""
        return self._memory("VmHWM")

    @property
    def resident_mib(self) -> int:
        """Resident memory now."""
        return self._memory("VmRSS")

    def _memory(self, name: str) -> int:
        lines = [line for text in self._read("status") for line in text.splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """The same again, with a log begun anew."""
        self._process = self._start()

    def stop(self) -> None:
        """End it in good order, or after some patience by force."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _read(self, name: str) -> Iterator[str]:
        """A file of every process of its tree; one that ends meanwhile (RocksDB asks `ldd` at its start) has none any more."""
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
    """For how long core 1 has been busy, whoever kept it so; what a hypervisor took from it counts too."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu1 "))
    user, nice, system, _idle, _waiting, *interrupts = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def pin_everything_to_core_0() -> None:
    """This process and the embedded broker; the contender alone gets core 1."""
    for pid in (os.getpid(), status(Settings()).pid):
        if pid is not None:
            while subprocess.run(["taskset", "-apc", "0", str(pid)], capture_output=True, check=False).returncode:
                os.kill(pid, 0)  # a thread that ends meanwhile is no reason to stop, the end of the process is
