"""A dead letter as JSON and as text."""

from datetime import UTC, datetime
from typing import Any

import orjson

from router.cli.dead_letters.view import SHOWN_CHARACTERS, as_json, as_text
from router.wire.codec import DeadLetter
from router.wire.repairs import Repair, Step

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


def test_text_says_why_where_and_what() -> None:
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


def test_text_has_no_terminal_escape_sequence() -> None:
    shown = as_text(dead_letter(key=b"\x1b]0;title\x07", value=b"\x1b[2J", reason="bad \x1b[31m value"), UNTOUCHED)
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_text_cuts_a_large_value_and_says_so() -> None:
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


def step(**given: Any) -> Step:
    fields: dict[str, Any] = {
        "done": "repaired",
        "actor": "li.wei",
        "why": "old table",
        "at": datetime(2026, 11, 24, 19, 0, 0, 7000, tzinfo=UTC),
    }
    return Step(**(fields | given))


def test_text_has_the_history_without_escape_sequences() -> None:
    patch = [{"op": "add", "path": "/x", "value": "\N{RIGHT-TO-LEFT OVERRIDE}evil\x1b[2J"}]
    repair = Repair(dead_letter="t1.reports.policing/2/1041").repaired(step(patch=patch), b'{"x":"\x1b]0;t\x07"}')
    repair = repair.redriven(step(done="redriven", why="table corrected", to="t1.reports.policing/2/2000"))
    rejected = dead_letter(topic="t1.reports.policing")
    shown = as_text(rejected, repair)
    lines = shown.splitlines()
    assert "state    redriven" in lines
    assert "history  2026-11-24T19:00:00.007Z repaired by li.wei: old table" in lines
    assert (
        "history  2026-11-24T19:00:00.007Z redriven by li.wei as t1.reports.policing/2/2000: table corrected" in lines
    )
    assert any(line.startswith('  patch  [{"op":"add","path":"/x","value":') for line in lines)
    assert any(line.startswith("repaired value ") for line in lines)
    assert not {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(shown)
