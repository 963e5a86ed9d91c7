"""How long to wait for a process that starts: while it works, and not when it does nothing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.broker.progress import LIMIT_SECONDS, LOOK_SECONDS, STALLED_SECONDS, Patience, work_of


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that prints a line when it has begun."""
    command = [sys.executable, "-c", f"print('begun', flush=True)\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as started:
        assert started.stdout
        assert started.stdout.readline() == "begun\n"
        try:
            yield started
        finally:
            started.kill()


def test_work_gives_more_time_up_to_the_outer_limit() -> None:
    clock, work = Clock(), iter(range(100_000))
    patience = Patience(lambda: next(work), clock)
    while clock.now <= LIMIT_SECONDS:
        assert patience.exhausted() is None
        clock.now += LOOK_SECONDS
    assert patience.exhausted() == "is busy, but not ready after 600 s"


def test_without_work_the_time_ends_early() -> None:
    clock, sizes = Clock(), [1, 1]
    patience = Patience(lambda: tuple(sizes), clock)
    clock.now = STALLED_SECONDS - 1
    assert patience.exhausted() is None
    sizes[1] = 2
    clock.now = STALLED_SECONDS
    assert patience.exhausted() is None, "it worked in the last moment"
    clock.now = 2 * STALLED_SECONDS
    assert patience.exhausted() is None
    clock.now += 1
    assert patience.exhausted() == "has done nothing for 60 s"


def test_a_process_that_computes_works_though_its_log_stays_empty(tmp_path: Path) -> None:
    with process("while True: pass") as busy:
        before = work_of([busy.pid], [tmp_path / "log"])
        while work_of([busy.pid], [tmp_path / "log"]) == before:
            assert busy.poll() is None


def test_a_process_that_waits_does_not_work_until_its_log_grows(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process("input()") as waiting:
        found = [work_of([waiting.pid], [log])]
        while len(found) < 2 or found[-1] != found[-2]:  # its start may still be counted
            found.append(work_of([waiting.pid], [log]))
        log.write_text("a line\n")
        assert work_of([waiting.pid], [log]) != found[-1]


def test_a_process_that_has_ended_has_done_nothing(tmp_path: Path) -> None:
    with process("") as ended:
        ended.wait()
    assert work_of([ended.pid], [tmp_path / "log"]) in {(None, None), (b"", None)}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the name of a process stands in Linux's /proc")
def test_the_name_of_a_process_may_hold_blanks_and_parentheses(tmp_path: Path) -> None:
    odd = tmp_path / "a ) b"
    odd.symlink_to(sys.executable)
    with subprocess.Popen([odd, "-c", "while True: pass"]) as busy:
        try:
            before = work_of([busy.pid], [])
            while work_of([busy.pid], []) == before:
                assert busy.poll() is None
        finally:
            busy.kill()
