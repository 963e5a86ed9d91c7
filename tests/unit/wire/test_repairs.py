"""Repairs without a broker: the notes on the wire, patches, the check by the city's rules, and what is sent again."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli.dead_letters import as_text
from router.dead_letters.patching import Patch, patch_of, patched, rejection_of
from router.dead_letters.redrive_record import homeless
from router.domain.model.report import Rejection
from router.wire.codec import encode_report
from router.wire.errors import InputError
from router.wire.partitioning import partition_for_cell
from router.wire.repairs import Repair, Step, decode_repair, encode_repair
from tests.support.driver import CELL, report
from tests.support.records import ALARM, city, table, written
from tests.support.rejected_records import LATER, MEND, NAMES, UNKNOWN, dead_letter


def step(**given: Any) -> Step:
    fields: dict[str, Any] = {"done": "repaired", "actor": "li.wei", "why": "old table", "at": LATER}
    return Step(**(fields | given))


# -- the notes


def test_a_repair_carries_every_step_because_compaction_keeps_one() -> None:
    first = Repair(dead_letter="reports.policing/2/1041").repaired(step(patch=MEND), b'{"a":1}')
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
    assert plain_json["steps"][0]["patch"] == MEND
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
def test_a_foreign_record_is_no_repair(key: bytes | None, value: bytes) -> None:
    with pytest.raises(ValueError, match="not a repair"):
        decode_repair(key, value)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_repaired_value_is_restored_byte_for_byte(text: str) -> None:
    repair = Repair(dead_letter="a/1/1").repaired(step(), text.encode())
    assert decode_repair(b"a/1/1", encode_repair(repair)[1]).content == text.encode()


# -- patches


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    value = '{"bjlxdm":"9999","bjnr":"垃圾","n":12345678901234567890,"deep":{"x":[1,2]}}'.encode()
    new = patched(dead_letter(), value, [*MEND, {"op": "remove", "path": "/deep/x/0"}])
    assert new == '{"bjlxdm":"1204","bjnr":"垃圾","n":12345678901234567890,"deep":{"x":[2]}}'.encode()


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ([{"op": "replace", "path": "/nowhere", "value": 1}], "operation 1 (replace /nowhere) finds nothing"),
        ([*MEND, {"op": "test", "path": "/jjdbh", "value": "J2"}], "operation 2 (test /jjdbh) does not hold"),
        ([{"op": "add", "path": "/jjdbh/x", "value": 1}], "operation 1 (add /jjdbh/x) cannot be done"),
        ([{"op": "remove", "path": "/a/b"}], "operation 1 (remove /a/b)"),
    ],
)
def test_a_failing_patch_names_the_operation_and_no_data(patch: Patch, said: str) -> None:
    secret = "410902199001011234"
    rejection = patched(dead_letter(), written(UNKNOWN | {"secret": secret}), patch)
    assert isinstance(rejection, Rejection)
    assert rejection.code == "patch-misfit"
    assert said in rejection.reason
    assert "correct the patch" in rejection.reason
    assert secret not in rejection.reason
    assert "9999" not in rejection.reason


@pytest.mark.parametrize(
    "value", [None, b"", b"{oops", b"\xff", b"NaN", b'{"a":Infinity}', b"[" * 100_000, b'"\\ud800"']
)
def test_a_value_that_is_no_json_needs_a_whole_new_value(value: bytes | None) -> None:
    rejection = patched(dead_letter(), value, [{"op": "test", "path": "", "value": "\ud800"}])
    assert isinstance(rejection, Rejection)
    assert rejection.code == "not-json"
    assert "--value FILE" in rejection.reason


def test_the_patch_comes_from_the_option_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mend.json"
    file.write_text(json.dumps(MEND))
    assert patch_of(json.dumps(MEND)) == patch_of(f"@{file}") == MEND


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", "3", '"x"', '[{"op":"replace"}]', '[{"op":"mend","path":"/a"}]', "[1]", "null"]
)
def test_an_invalid_patch_is_answered_with_the_format(text: str) -> None:
    with pytest.raises(InputError, match=r"RFC 6902"):
        patch_of(text)


def test_a_missing_patch_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        patch_of(f"@{tmp_path}/none")


# -- the check


def test_a_repaired_value_must_be_acceptable_to_the_router() -> None:
    sound = patched(dead_letter(), written(UNKNOWN), MEND)
    assert isinstance(sound, bytes)
    assert rejection_of(dead_letter(), sound, city(), NAMES, 4) is None
    still = rejection_of(dead_letter(), written(UNKNOWN), city(), NAMES, 4)
    assert still is not None
    assert still.code == "unknown-code"
    assert rejection_of(dead_letter(), b"{oops", city(), NAMES, 4).code == "not-json"  # type: ignore[union-attr]


def test_a_personal_number_cannot_be_repaired_into_a_record() -> None:
    value = written(ALARM | {"bjrbs": "410902199001011234"})
    rejection = rejection_of(dead_letter(), value, city(), NAMES, 4)
    assert rejection is not None
    assert rejection.code == "personal-data"
    assert "410902199001011234" not in rejection.reason


def test_the_rules_are_those_of_the_named_city() -> None:
    other = city(policing=table("9999,,vandalism,of this city\n"))
    assert rejection_of(dead_letter(), written(UNKNOWN), other, NAMES, 4) is None
    deaf = city()
    deaf.codes.pop("policing")
    rejection = rejection_of(dead_letter(), written(ALARM), deaf, NAMES, 4)
    assert rejection is not None
    assert rejection.code == "not-heard"
    assert "--city" in rejection.reason


@pytest.mark.parametrize(
    "forged",
    [
        {"topic": "t1.tasks.bos"},
        {"topic": "t1.grid.cases"},
        {"topic": "t2.reports.policing"},
        {"topic": "t1.reports.hotline"},
        {"network": "none", "topic": "t1.reports.none"},
    ],
)
def test_a_dead_letter_cannot_direct_writes_to_a_foreign_topic(forged: dict[str, str]) -> None:
    rejection = homeless(dead_letter(**forged), NAMES)
    assert rejection is not None
    assert rejection.code == "not-ours"
    assert rejection_of(dead_letter(**forged), written(ALARM), city(), NAMES, 4) == rejection


def test_a_grid_event_must_belong_to_its_partition() -> None:
    _, value, headers = encode_report(report("a"))
    home = partition_for_cell(CELL.encode(), 4)
    event = dead_letter(topic="t1.grid.events", network="grid", partition=home, headers=tuple(headers))
    assert rejection_of(event, value, city(), NAMES, 4) is None
    no_type = dead_letter(topic="t1.grid.events", network="grid", partition=home)
    assert rejection_of(no_type, value, city(), NAMES, 4).code == "not-an-event"  # type: ignore[union-attr]
    away = dead_letter(topic="t1.grid.events", network="grid", partition=(home + 1) % 4, headers=tuple(headers))
    assert rejection_of(away, value, city(), NAMES, 4).code == "other-street"  # type: ignore[union-attr]


# -- shown


def test_the_history_is_printed_without_control_characters() -> None:
    patch: Patch = [{"op": "add", "path": "/x", "value": "\N{RIGHT-TO-LEFT OVERRIDE}evil\x1b[2J"}]
    said = Repair(dead_letter="t1.reports.policing/2/1041").repaired(step(patch=patch), b'{"x":"\x1b]0;t\x07"}')
    said = said.redriven(step(done="redriven", why="table corrected", to="t1.reports.policing/2/2000"))
    shown = as_text(dead_letter(), said)
    lines = shown.splitlines()
    assert "state    redriven" in lines
    assert "history  2026-11-24T19:00:00.007Z repaired by li.wei: old table" in lines
    assert (
        "history  2026-11-24T19:00:00.007Z redriven by li.wei as t1.reports.policing/2/2000: table corrected" in lines
    )
    assert any(line.startswith('  patch  [{"op":"add","path":"/x","value":') for line in lines)
    assert any(line.startswith("repaired value ") for line in lines)
    assert not {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(shown)


def test_patches_follow_rfc_6902() -> None:
    """Examples A.1 to A.5 of RFC 6902."""
    for before, patch, after in [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            {"op": "add", "path": "/foo/1", "value": "qux"},
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
    ]:
        new = patched(dead_letter(), json.dumps(before).encode(), [patch])
        assert isinstance(new, bytes)
        assert orjson.loads(new) == after
