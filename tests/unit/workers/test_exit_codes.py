"""Exit codes: a process exits although its last log line fails or blocks, and every code has a description."""

from contextlib import suppress
from threading import Event, Thread

import pytest

from router.workers.exit_codes import STALLED, describe_exit, exit_after_logging
from tests.support.patience import PATIENCE_S


@pytest.mark.parametrize("lasts", [0.0, 60.0])
def test_a_last_log_line_that_fails_or_blocks_does_not_delay_the_exit(
    lasts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.workers.exit_codes.LOG_TIMEOUT_S", 0.05)
    ended = Event()

    def write() -> None:
        Event().wait(lasts)
        raise OSError("no space left")

    def end(code: int) -> None:
        assert code == STALLED
        ended.set()

    def exit_() -> None:
        with suppress(OSError):
            exit_after_logging(STALLED, write, end)

    Thread(target=exit_, daemon=True).start()
    assert ended.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "in order"),
        (1, "with an unexpected error (1)"),
        (2, "because it cannot run as things are (2)"),
        (3, "because it made no progress (3)"),
        (4, "before its work was committed (4)"),
        (-9, "by SIGKILL"),
        (-200, "by signal 200"),
        (77, "with exit code 77"),
    ],
)
def test_every_exit_code_has_a_description(code: int, words: str) -> None:
    assert describe_exit(code) == words
