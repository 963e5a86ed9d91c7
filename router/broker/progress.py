"""How long to wait for a process that starts: as long as it makes progress, within an outer limit.

A constant limit is wrong on a loaded machine, where a start that takes 3 s can take minutes. A process makes progress
while its CPU time rises or its logs grow.
"""

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

STALLED_SECONDS = 60.0
"""A process that does nothing for this long will not answer."""
LIMIT_SECONDS = 600.0
"""The outer limit: a process that is busy for this long does something else than starting."""
LOOK_SECONDS = 1.0
_HAS_PROC = Path("/proc/self/stat").exists()


class Patience:
    """Says when to wait no longer.

    Args:
        work: what the process has done so far; any change is progress.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, work: Callable[[], object], now: Callable[[], float] = time.monotonic) -> None:
        self._work, self._now = work, now
        self._begun = self._moved = self._looked = now()
        self._done = work()

    def exhausted(self) -> str | None:
        """Why not to wait any longer, as a clause; None while there is progress. Call it as often as you like."""
        now = self._now()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            done = self._work()
            if done != self._done:
                self._done, self._moved = done, now
        if now - self._moved > STALLED_SECONDS:
            return f"has done nothing for {STALLED_SECONDS:.0f} s"
        if now - self._begun > LIMIT_SECONDS:
            return f"is busy, but not ready after {LIMIT_SECONDS:.0f} s"
        return None


def work_of(pids: Iterable[int], logs: Iterable[Path]) -> tuple[object, ...]:
    """The CPU time of processes and the sizes of their logs, to be compared with those of a moment before."""
    return (*map(_cpu_time, pids), *map(_size, logs))


def _cpu_time(pid: int) -> object:
    """CPU time of a process with all its threads, in a unit of the system; None when it has ended."""
    try:
        if _HAS_PROC:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # its name may have blanks
            return int(fields[11]) + int(fields[12])
        command = ["ps", "-o", "time=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, check=False, timeout=LOOK_SECONDS).stdout
    except (OSError, IndexError, subprocess.SubprocessError):
        return None


def _size(log: Path) -> int | None:
    try:
        return log.stat().st_size
    except OSError:
        return None
