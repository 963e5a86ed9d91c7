"""The end of a worker's event loop: whatever is left is cancelled, and nothing sleeps."""

import asyncio
from pathlib import Path
from typing import Any, NoReturn

import faust
import pytest

from router.stream.faust_adapter.graceful_shutdown import Worker


async def forbidden(*_: object) -> NoReturn:
    raise AssertionError("the worker sleeps, with everything closed")


def test_a_worker_ends_without_a_pause_once_its_services_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mode slept for two seconds, in which a restart could not begin."""
    app = faust.App("ends", broker="kafka://127.0.0.1:1", datadir=str(tmp_path), web_enabled=False)
    loop, unused = asyncio.new_event_loop(), None
    options: dict[str, Any] = {"loop": loop, "loglevel": "WARN", "quiet": True}
    worker = Worker(app, unused, unused, 9.0, **options)  # type: ignore[arg-type]
    left = loop.create_task(asyncio.Event().wait())
    monkeypatch.setattr(asyncio, "sleep", forbidden)
    worker._shutdown_loop()
    assert left.cancelled()
    assert loop.is_closed()
