"""The last word of a process that ends itself holds its end up for no longer than it may."""

from contextlib import suppress
from threading import Event, Thread

import pytest

from router.workers.exit_codes import STUCK, exit_after_logging


@pytest.mark.parametrize("lasts", [0.0, 60.0])
def test_a_last_word_that_fails_or_never_ends_holds_nothing_up(lasts: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.workers.exit_codes.LOG_TIMEOUT_S", 0.05)
    ended = Event()

    def tell() -> None:
        Event().wait(lasts)
        raise OSError("no space left")

    def end(code: int) -> None:
        assert code == STUCK
        ended.set()

    def telling() -> None:
        with suppress(OSError):
            exit_after_logging(STUCK, tell, end)

    Thread(target=telling, daemon=True).start()
    assert ended.wait(20)
