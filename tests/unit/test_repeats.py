"""What a client says again and again is said every few seconds, and counted."""

import logging

from router.stream.repeats import EVERY_SECONDS, Repeats


def test_the_same_text_is_let_through_once_in_a_while_with_the_number_left_out() -> None:
    now = [100.0]
    repeats = Repeats(lambda: now[0])

    def said(text: str, *values: object, name: str = "aiokafka") -> str | None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, text, values, None)
        return record.getMessage() if repeats.filter(record) else None

    assert said("no node %s", 1) == "no node 1"
    assert [said("no node %s", number) for number in range(3)] == [None, None, None]
    assert said("fenced") == "fenced", "another kind"
    assert said("no node %s", 1, name="aiokafka.conn") == "no node 1", "another's"
    now[0] += EVERY_SECONDS
    assert said("no node %s", 7) == "no node 7 (3 more of this kind)"
    now[0] += EVERY_SECONDS
    assert said("no node %s", 7) == "no node 7"
