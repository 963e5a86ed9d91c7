"""YAML and CSV documents: values with positions, and findings for invalid text."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from router.domain.documents import Document, Source, read_csv, read_yaml, validate


def read(text: str) -> Document:
    document, findings = read_yaml(Source("a.yaml", text))
    assert document is not None, findings
    return document


def positions(text: str) -> list[tuple[str, int, int]]:
    document, findings = read_yaml(Source("a.yaml", text))
    assert document is None
    return [(one.code, one.line, one.column) for one in findings]


def test_scalars_follow_yaml_1_2() -> None:
    text = "{norway: no, on: on, code: 060371, time: 12:30, n: 12, f: 1.5, t: true, z: ~, e: , day: 2026-10-01}"
    assert read(text).value == {
        "norway": "no",
        "on": "on",
        "code": "060371",
        "time": "12:30",
        "n": 12,
        "f": 1.5,
        "t": True,
        "z": None,
        "e": None,
        "day": date(2026, 10, 1),
    }


def test_a_quoted_number_is_text_and_nothing_is_null() -> None:
    assert read("'12'").value == "12"
    assert read("# only talk").value is None


def test_keys_values_and_items_have_their_positions() -> None:
    document = read("a:\n  b: [x, y]\n环: 1\n")
    assert str(document.mark("a", "b")) == "a.yaml:2:3"
    assert str(document.mark_value("a", "b")) == "a.yaml:2:6"
    assert str(document.mark_value("a", "b", 1)) == "a.yaml:2:10"
    assert str(document.mark_value("环")) == "a.yaml:3:4"  # characters, not bytes
    assert str(document.mark("a", "b", "nowhere", 3)) == "a.yaml:2:3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("GR004", 3, 1)]),
        ("a: [1, 2\nb: 3\n", [("GR001", 2, 2)]),
        ("a: &x [1]\nb: *x\n", [("GR001", 1, 4)]),
        ("a: 2026-13-01\n", [("GR003", 1, 4)]),
        ("a: !!python/object:os.system x\n", [("GR001", 1, 4)]),
        ("a: 1\n---\nb: 2\n", [("GR001", 2, 1)]),
    ],
)
def test_an_invalid_document_is_reported_with_its_position(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert positions(text) == expected


def test_very_deep_nesting_is_a_finding() -> None:
    assert positions("[" * 100_000)[0][0] == "GR001"


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_findings(text: str) -> None:
    document, findings = read_yaml(Source("a.yaml", text))
    assert (document is None) == bool(findings)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    number: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    inner: dict[str, Inner]


@pytest.mark.parametrize(
    ("text", "code", "place", "word"),
    [
        ("inner:\n  a: {number: 1, nmber: 2}\n", "GR002", "a.yaml:2:18", "inner.a.nmber"),
        ("inner:\n  a: {number: x}\n", "GR003", "a.yaml:2:15", "valid integer"),
        ("inner:\n  a: {}\n", "GR005", "a.yaml:2:3", "inner.a.number"),
        ("", "GR005", "a.yaml:1:1", "inner"),
        ("[1]", "GR003", "a.yaml:1:1", "valid dictionary"),
    ],
)
def test_a_model_error_has_key_and_position(text: str, code: str, place: str, word: str) -> None:
    value, findings = validate(Outer, read(text))
    assert value is None
    assert [(one.code, one.place) for one in findings] == [(code, place)]
    assert word in findings[0].message


def test_csv_rows_have_their_line() -> None:
    rows, findings = read_csv(
        Source("a.csv", '\ufeffcode,name\n1,one\n"2,5",two\n\n3,"a\nb"\n4,four\n'), ("code", "name")
    )
    assert findings == []
    assert [row.fields["code"] for row in rows] == ["1", "2,5", "3", "4"]
    assert [str(row.marks["name"]) for row in rows] == ["a.csv:2:3", "a.csv:3:7", "a.csv:5:3", "a.csv:7:3"]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("code\n1\n", "GR003", 1),
        ("code,name\n1,a,b\n", "GR003", 2),
        ('code,name\n1,"a"b\n', "GR001", 2),
        ("", "GR005", 1),
    ],
)
def test_invalid_csv_is_reported(text: str, code: str, line: int) -> None:
    _, findings = read_csv(Source("a.csv", text), ("code", "name"))
    assert [(one.code, one.line) for one in findings] == [(code, line)]
