"""How a dead letter is shown, without a broker."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from router.cli.dead_letters import SHOWN_CHARACTERS, address, as_json, as_text
from router.wire.codec import DeadLetter
from router.wire.errors import InputError
from router.wire.repairs import Repair

UNTOUCHED = Repair(dead_letter="reports.policing/2/1041")


def dead_letter(**given: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "code": "not-json",
        "reason": "the value is no JSON (line 1 column 1); send JSON.",
        "network": "policing",
        "topic": "reports.policing",
        "partition": 2,
        "offset": 1041,
        "at": datetime(2026, 11, 24, 16, tzinfo=UTC),
        "key": b"J-1",
        "value": b"{oops",
        "headers": (("grid-received-at", b"2018-01-01T00:00:00Z"), ("x", b"\xff")),
    }
    return DeadLetter(**(fields | given))


def test_a_dead_letter_for_people_says_why_where_and_what() -> None:
    assert as_text(dead_letter(), UNTOUCHED).splitlines() == [
        "reason   not-json: the value is no JSON (line 1 column 1); send JSON.",
        "state    open",
        "network  policing",
        "record   reports.policing/2/1041 of 2026-11-24T16:00:00.000Z",
        "key      J-1",
        "header   grid-received-at = 2018-01-01T00:00:00Z",
        "header   x = hex:ff",
        "value    5 bytes",
        "{oops",
    ]


def test_hostile_bytes_cannot_reach_the_terminal() -> None:
    shown = as_text(dead_letter(key=b"\x1b]0;title\x07", value=b"\x1b[2J", reason="bad \x1b[31m value"), UNTOUCHED)
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_large_value_is_cut_and_says_so() -> None:
    shown = as_text(dead_letter(value=b"x" * 1_000_000), UNTOUCHED)
    assert "value    1000000 bytes (the beginning; -o json prints all of it)" in shown
    assert len(shown) < SHOWN_CHARACTERS + 500


def test_a_tombstone_has_no_value() -> None:
    assert as_text(dead_letter(value=None, key=None), UNTOUCHED).endswith("value    none (a tombstone)")


def test_json_holds_everything() -> None:
    shown = orjson.loads(orjson.dumps(as_json(dead_letter(value=b"\x00\xff"), "open")))
    assert shown["id"] == "reports.policing/2/1041"
    assert (shown["value_kind"], shown["value"]) == ("hex", "00ff")
    assert shown["headers"] == [["grid-received-at", "2018-01-01T00:00:00Z"], ["x", "hex:ff"]]


def test_an_address_has_three_parts() -> None:
    assert address("t1.reports.policing/2/1041") == ("t1.reports.policing", 2, 1041)


@pytest.mark.parametrize("text", ["", "a/1", "a/b/1", "a/1/x", "/1/2", "a/1/2/3", "a/-1/2"])
def test_what_is_no_address_is_told_the_form(text: str) -> None:
    with pytest.raises(InputError, match="an id is TOPIC/PARTITION/OFFSET"):
        address(text)
