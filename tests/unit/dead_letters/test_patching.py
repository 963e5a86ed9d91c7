"""JSON patches on the value of a dead letter."""

import json
from datetime import UTC, datetime

import orjson
import pytest

from router.dead_letters.actions import ActionFailure
from router.dead_letters.patching import MAX_BYTES, MAX_OPERATIONS, Patch, for_history, parse_patch, patched
from router.wire.repairs import Repair, Step, decode_repair, encode_repair
from tests.support.records import written
from tests.support.rejected_records import PATCH, UNKNOWN, dead_letter


def test_a_patch_changes_nothing_but_what_it_names() -> None:
    value = '{"bjlxdm":"9999","bjnr":"垃圾","n":12345678901234567890,"deep":{"x":[1,2]}}'.encode()
    new = patched(dead_letter(), value, [*PATCH, {"op": "remove", "path": "/deep/x/0"}])
    assert new == '{"bjlxdm":"1204","bjnr":"垃圾","n":12345678901234567890,"deep":{"x":[2]}}'.encode()


LONG = "1.0000000000000000000001"


@pytest.mark.parametrize("number", ["1e999", "-0", "-0.0", LONG, "1.50", "1E2", "7" * 40, "7" * 5000])
def test_a_patch_leaves_every_other_number_as_it_was_written(number: str) -> None:
    value = f'{{"bjlxdm":"9999","n":{number},"deep":[{{"x":{number}}}]}}'.encode()
    assert patched(dead_letter(), value, PATCH) == value.replace(b"9999", b"1204")
    moved = [
        {"op": "copy", "from": "/n", "path": "/m"},
        {"op": "remove", "path": "/n"},
        {"op": "remove", "path": "/deep"},
    ]
    assert patched(dead_letter(), value, moved) == f'{{"bjlxdm":"9999","m":{number}}}'.encode()


@pytest.mark.parametrize("number", ["1e999", "-0", LONG, "1.50"])
def test_a_number_in_a_patch_is_written_as_in_the_patch(number: str) -> None:
    patch = parse_patch(f'[{{"op":"add","path":"/n","value":{{"x":{number}}}}}]')
    assert patched(dead_letter(), b"{}", patch) == f'{{"n":{{"x":{number}}}}}'.encode()


def test_a_test_operation_compares_numbers_by_value() -> None:
    """RFC 6902, 4.6: numbers are equal if their values are."""
    patch = parse_patch('[{"op":"test","path":"/n","value":1.5}]')
    assert patched(dead_letter(), b'{"n":1.50}', patch) == b'{"n":1.50}'


def test_the_history_of_a_patch_can_be_read_again() -> None:
    """A record of the history with `1e999` in it would be no repair any more."""
    patch = parse_patch(f'[{{"op":"add","path":"/n","value":[1e999,{LONG},1.5,2,"x",{{"y":-0}}]}}]')
    step = Step(
        done="repaired", actor="li.wei", why="test", at=datetime(2026, 11, 30, tzinfo=UTC), patch=for_history(patch)
    )
    key, value, _ = encode_repair(Repair(dead_letter="reports.policing/0/7", steps=(step,)))
    (kept,) = decode_repair(key, value).steps
    assert kept.patch == [{"op": "add", "path": "/n", "value": ["1e999", LONG, 1.5, 2, "x", {"y": "-0"}]}]


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ([{"op": "replace", "path": "/nowhere", "value": 1}], "operation 1 (replace /nowhere) finds nothing"),
        ([*PATCH, {"op": "test", "path": "/jjdbh", "value": "J2"}], "operation 2 (test /jjdbh) does not hold"),
        ([{"op": "add", "path": "/jjdbh/x", "value": 1}], "operation 1 (add /jjdbh/x) cannot be applied"),
        ([{"op": "remove", "path": "/a/b"}], "operation 1 (remove /a/b)"),
    ],
)
def test_a_misfit_names_the_operation_and_nothing_of_the_record(patch: Patch, said: str) -> None:
    secret = "410902199001011234"
    failure = patched(dead_letter(), written(UNKNOWN | {"secret": secret}), patch)
    assert isinstance(failure, ActionFailure)
    assert failure.code == "patch-misfit"
    assert said in failure.reason
    assert "correct the patch" in failure.reason
    assert secret not in failure.reason
    assert "9999" not in failure.reason


@pytest.mark.parametrize(
    "value", [None, b"", b"{oops", b"\xff", b"NaN", b'{"a":Infinity}', b"[" * 100_000, b'"\\ud800"']
)
def test_a_value_that_is_not_json_needs_a_whole_new_value(value: bytes | None) -> None:
    failure = patched(dead_letter(), value, [{"op": "test", "path": "", "value": "\ud800"}])
    assert isinstance(failure, ActionFailure)
    assert failure.code == "not-json"
    assert "--value FILE" in failure.reason


@pytest.mark.parametrize(
    "text",
    [
        '[{"op":"add","path":"/a","value":NaN}]',
        "",
        "x",
        "{",
        "3",
        '[{"op":"replace"}]',
        '[{"op":"mend","path":"/a"}]',
        "[1]",
        "null",
    ],
)
def test_text_that_is_not_a_json_patch_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON patch"):
        parse_patch(text)


def test_the_examples_of_rfc_6902_hold() -> None:
    """Its examples A.1 to A.5."""
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


def test_a_patch_that_doubles_the_value_again_and_again_is_stopped() -> None:
    """40 copies of the whole into itself would be a million million times as much."""
    doubling = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(40)]
    failure = patched(dead_letter(), b'{"a":"' + b"x" * 1000 + b'"}', doubling)
    assert isinstance(failure, ActionFailure)
    assert failure.code == "patch-misfit"
    assert "operation 11 (copy /10) cannot be applied" in failure.reason


def test_a_patch_has_a_bounded_number_of_operations_and_characters() -> None:
    step = {"op": "add", "path": "/a", "value": 1}
    assert len(parse_patch(json.dumps([step] * MAX_OPERATIONS))) == MAX_OPERATIONS
    with pytest.raises(ValueError, match="more than 100 operations"):
        parse_patch(json.dumps([step] * (MAX_OPERATIONS + 1)))
    with pytest.raises(ValueError, match="more than 1048576 characters"):
        parse_patch(json.dumps([step | {"value": "x" * MAX_BYTES}]))
