"""A repeated log message passes every few seconds, with the number of those left out."""

import logging

from router.stream.faust_adapter.log_rate_limit import EVERY_SECONDS, KINDS, NOISY_LOGGERS, RateLimitFilter, install


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
