"""A repeated log message passes every few seconds, with the number of those left out."""

import logging
from typing import Any

import structlog

from router.stream.faust_adapter.log_rate_limit import (
    BURST,
    BURST_SECONDS,
    EVERY_SECONDS,
    KINDS,
    LONGEST_TEXT,
    NOISY_LOGGERS,
    BurstLimit,
    RateLimitFilter,
    cut_long_texts,
    install,
)


def test_the_same_text_passes_every_few_seconds_with_a_count() -> None:
    now = [100.0]
    repeats = RateLimitFilter(lambda: now[0])

    def logged(text: str, *values: object, name: str = "aiokafka") -> str | None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, text, values, None)
        return record.getMessage() if repeats.filter(record) else None

    assert logged("no node %s", 1) == "no node 1"
    assert [logged("no node %s", number) for number in range(3)] == [None, None, None]
    assert logged("fenced") == "fenced", "another kind"
    assert logged("no node %s", 1, name="aiokafka.conn") == "no node 1", "another logger"
    now[0] += EVERY_SECONDS
    assert logged("no node %s", 7) == "no node 7 (3 more of this kind)"
    now[0] += EVERY_SECONDS
    assert logged("no node %s", 7) == "no node 7"


def test_installing_twice_is_installing_once() -> None:
    logger = logging.getLogger(NOISY_LOGGERS[0])
    before = list(logger.filters)
    try:
        install()
        once = list(logger.filters)
        install()
        assert logger.filters == once
        assert any(isinstance(one, RateLimitFilter) for one in once)
    finally:
        for name in NOISY_LOGGERS:
            for one in [one for one in logging.getLogger(name).filters if one not in before]:
                logging.getLogger(name).removeFilter(one)


def test_the_number_of_kept_kinds_is_bounded() -> None:
    repeats = RateLimitFilter(lambda: 0.0)
    for number in range(3 * KINDS):
        assert repeats.filter(logging.LogRecord("aiokafka", logging.ERROR, "", 0, f"no node {number}", (), None))
    assert len(repeats._last) <= KINDS


def test_a_burst_of_one_event_is_cut_and_counted() -> None:
    now = [100.0]
    limit = BurstLimit(lambda: now[0])

    def logged(name: str) -> dict[str, Any] | None:
        try:
            return dict(limit(None, "error", {"event": name}))
        except structlog.DropEvent:
            return None

    passed = [logged("poison record") for _ in range(BURST + 191)]
    assert sum(one is not None for one in passed) == BURST
    assert logged("partition failed, reopening") == {"event": "partition failed, reopening"}, "another event"
    now[0] += BURST_SECONDS
    assert logged("poison record") == {"event": "poison record", "left_out": 191}
    assert logged("poison record") == {"event": "poison record"}
    now[0] += BURST_SECONDS
    assert logged("poison record") == {"event": "poison record"}


def test_a_long_traceback_keeps_both_ends() -> None:
    event = cut_long_texts(None, "error", {"event": "x", "exception": "begin" + "a" * (1 << 20) + "end", "offset": 7})
    assert len(event["exception"]) < LONGEST_TEXT + 100
    assert event["exception"].startswith("begin")
    assert event["exception"].endswith("end")
    assert event["offset"] == 7
