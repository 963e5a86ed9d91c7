"""The worker pool: worker processes that one command starts, restarts and stops; it stops only what it started.

A worker is `python -m router.stream CITY --worker N --clock CLOCK --exit-with-parent`, configured by GRID_ROUTER_* variables. It
has its own log and its own session, so Ctrl-C in the terminal reaches only the pool. Its standard input is a pipe that the pool
keeps open (`parent_watch.py`): when the process of the pool ends in any way, its workers stop.
"""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import SecretStr

from router.wire.errors import WorkerError
from router.wire.private_files import UMASK, open_private, private_folder
from router.wire.settings import Settings
from router.workers.exit_codes import INVALID, describe_exit
from router.workers.restart_policy import RestartPolicy

LOG_BYTES = 16 << 20
"""A larger log is renamed when its worker starts; one older log is kept."""
RESTART_GRACE_S = 15.0
"""A worker that has not stopped in so long after a restart request is killed; its own drain limit is shorter."""


@dataclass(slots=True)
class _Worker:
    number: int
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    restart_at: float | None = None
    restart_requested: bool = False
    """Whether `kill` or `restart_gracefully` ended it, so its exit is not a crash."""
    kill_at: float = math.inf
    """When a worker that was asked to stop is killed."""


class WorkerPool:
    """Worker processes 0..n-1 of one city. A context manager: leaving it stops them.

    Args:
        city: the city's folder name.
        settings: passed to the workers; `kafka` must name the running cluster.
        workers: how many processes.
        clock: the clock of the timers: `wall` live, `stream` in a replay of history.
        command: replaces `python -m router.stream`, for tests.
        restart_policy: when workers are restarted.
        log: called with one line for each start and each exit of a worker.
        on_exit: called once with the process id of each worker that has ended and will be restarted.
    """

    def __init__(
        self,
        city: str,
        settings: Settings,
        workers: int,
        clock: Literal["wall", "stream"] = "wall",
        *,
        command: Sequence[str] = (sys.executable, "-m", "router.stream"),
        restart_policy: RestartPolicy | None = None,
        log: Callable[[str], None] = lambda _: None,
        on_exit: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._settings, self._policy, self._log = settings, restart_policy or RestartPolicy(), log
        self._on_exit = on_exit
        self._arguments = [*command, city]
        self._options = ["--clock", clock, "--exit-with-parent"]
        logs = settings.home.absolute() / "logs"
        self._workers = [_Worker(n, logs / f"{settings.namespace}worker-{n}.log") for n in range(workers)]
        self.restarts = 0
        """How many times a worker was restarted."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def logs(self) -> list[Path]:
        """The workers' log files."""
        return [worker.log for worker in self._workers]

    @property
    def pids(self) -> dict[int, int]:
        """Worker number -> process id, of the running workers."""
        return {w.number: w.process.pid for w in self._workers if w.process and w.process.poll() is None}

    def start(self) -> None:
        """Start every worker that does not run.

        Raises:
            WorkerError: the log folder cannot be written, or the program cannot be started.
        """
        for worker in self._workers:
            if worker.process is None:
                self._launch(worker)

    def poll(self) -> None:
        """Restart workers that have ended, after a pause that doubles; call it about every second.

        Raises:
            WorkerError: a worker is in a crash loop; the sentence names its log and the log's last line.
        """
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is None:
                continue
            code = worker.process.poll()
            if code is None:
                if now >= worker.kill_at:
                    worker.process.kill()
                continue
            if worker.restart_at is None:
                pause = self._pause(worker, now)
                worker.restart_at = now + pause
                self._on_exit(worker.process.pid)
                self._log(_exit_line(worker, code, pause))
            if now >= worker.restart_at:
                self.restarts += 1
                self._launch(worker)

    def _pause(self, worker: _Worker, now: float) -> float:
        policy = self._policy
        if worker.restart_requested:
            return 0.0
        worker.crashes = worker.crashes + 1 if now - worker.started < policy.healthy_s else 1
        code = worker.process.returncode if worker.process else None
        if worker.crashes >= (policy.rejections if code == INVALID else policy.crashes):
            raise WorkerError(
                f"worker {worker.number} ended {worker.crashes} times in a row (exit code {code}), "
                f"last log line: {last_line(worker.log) or 'none'}",
                where=str(worker.log),
                hint="read that log, fix the cause, and start again",
            )
        return policy.pause(worker.crashes)

    def kill(self, number: int) -> None:
        """SIGKILL one worker, as a crash would; the next `poll` restarts it."""
        worker = self._workers[number]
        if worker.process is not None and worker.process.poll() is None:
            worker.restart_requested = True
            worker.process.kill()
            worker.process.wait()

    def restart_gracefully(self, number: int, grace_s: float = RESTART_GRACE_S) -> None:
        """Ask one worker to stop in order. `poll` restarts it at once, and kills it if it has not stopped within `grace_s`."""
        worker = self._workers[number]
        if worker.process is not None and worker.process.poll() is None:
            worker.restart_requested, worker.kill_at = True, time.monotonic() + grace_s
            worker.process.send_signal(signal.SIGTERM)

    def stop(self, grace_s: float = 20.0) -> bool:
        """Send SIGTERM to all, wait at most `grace_s` seconds for all together, and SIGKILL the rest.

        Returns:
            Whether all stopped in time.
        """
        running = [w.process for w in self._workers if w.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        orderly = True
        try:
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        finally:  # also after a second Ctrl-C
            for process in running:
                if process.poll() is None:
                    orderly = False
                    process.kill()
                    process.wait()
                if process.stdin is not None:
                    process.stdin.close()
            for worker in self._workers:
                worker.process = None
        return orderly

    def _launch(self, worker: _Worker) -> None:
        if worker.process is not None and worker.process.stdin is not None:
            worker.process.stdin.close()
        try:
            private_folder(worker.log.parent)
            if worker.log.exists() and worker.log.stat().st_size > LOG_BYTES:
                worker.log.replace(worker.log.with_suffix(".log.1"))
            with open_private(worker.log, "ab") as log:
                worker.process = subprocess.Popen(
                    [*self._arguments, "--worker", str(worker.number), *self._options],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=environment(self._settings),
                    umask=UMASK,
                )
        except OSError as error:
            raise WorkerError(
                f"worker {worker.number} cannot be started ({error.strerror})",
                where=str(error.filename or worker.log),
                hint="check that the path can be written and run; GRID_ROUTER_HOME moves the logs",
            ) from error
        worker.started, worker.restart_at, worker.restart_requested, worker.kill_at = (
            time.monotonic(),
            None,
            False,
            math.inf,
        )
        self._log(f"worker {worker.number} started, process {worker.process.pid}")


def _exit_line(worker: _Worker, code: int, pause: float) -> str:
    """The log line about a worker that has ended."""
    restart = f"restarts in {pause:.1f} s" if pause else "restarts at once"
    line = "" if worker.restart_requested and code == 0 else last_line(worker.log)
    return f"worker {worker.number} ended {describe_exit(code)}, {restart}{f'; last log line: {line}' if line else ''}"


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with exactly these settings as GRID_ROUTER_* variables; paths made absolute."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(prefix)}
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    return inherited | {prefix + name.upper(): _text(value) for name, value in given.items() if value is not None}


def _text(value: object) -> str:
    """A setting as the environment has it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.absolute() if isinstance(value, Path) else value)


def last_line(log: Path, at_most: int = 300) -> str:
    """The last line of a log that is not blank, cut to `at_most` characters; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "".join(c for c in lines[-1] if c.isprintable())[:at_most] if lines else ""
