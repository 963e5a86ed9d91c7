"""Repairs as records of `grid.repairs`."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.wire.repairs import Repair, Step, decode_repair, encode_repair
from tests.support.rejected_records import LATER, PATCH


def step(**given: Any) -> Step:
    fields: dict[str, Any] = {"done": "repaired", "actor": "li.wei", "why": "old table", "at": LATER}
    return Step(**(fields | given))


def test_a_repair_has_every_step_because_compaction_keeps_the_last_one() -> None:
    first = Repair(dead_letter="reports.policing/2/1041").repaired(step(patch=PATCH), b'{"a":1}')
    second = first.redriven(step(done="redriven", to="reports.policing/2/2000"))
    assert (Repair(dead_letter="x").state, first.state, second.state) == ("open", "repaired", "redriven")
    key, value, headers = encode_repair(second)
    assert key == b"reports.policing/2/1041"
    assert dict(headers)["content-type"] == b"application/json"
    read = decode_repair(key, value)
    assert read == second
    assert [one.done for one in read.steps] == ["repaired", "redriven"]
    assert read.content == b'{"a":1}'
    plain_json = json.loads(value)
    assert plain_json["steps"][0]["patch"] == PATCH
    assert plain_json["steps"][1]["at"] == "2026-11-24T19:00:00.007000Z"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a/1/1", b"{}"),
        (b"a/1/1", b"oops"),
        (b"a/1/2", b'{"dead_letter":"a/1/1"}'),
        (None, b'{"dead_letter":"a/1/1"}'),
    ],
)
def test_a_record_that_is_not_a_repair_raises_value_error(key: bytes | None, value: bytes) -> None:
    with pytest.raises(ValueError, match="not a repair"):
        decode_repair(key, value)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_repaired_value_is_restored_byte_for_byte(text: str) -> None:
    repair = Repair(dead_letter="a/1/1").repaired(step(), text.encode())
    assert decode_repair(b"a/1/1", encode_repair(repair)[1]).content == text.encode()
