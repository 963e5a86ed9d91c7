"""Rejections: a test reaches every code, each sentence names field and hint, and none can control a terminal."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.normalise import MAX_BYTES
from router.domain.intake.rejections import MAX_FOREIGN, printable
from router.domain.model.rejection import REJECTION_CODES, RejectionCode
from tests.support.records import ALARM, COMPLAINT, LEAST, NEED, PROBLEM, REQUEST, city, rejection, table, written

SCHEMA = "send it as schemas/reports/{}.v1.json describes."
INVALID: list[tuple[str, Any, str, Sequence[str]]] = [
    ("policing", None, "empty", ["the record has no value", "send the report as a JSON object."]),
    ("policing", b"", "empty", ["the record has no value"]),
    ("hotline", b" " * (MAX_BYTES + 1), "too-large", ["262145 bytes, more than 262144", "send photos by URL and hash"]),
    ("policing", b'{"jjdbh":"\xff"}', "not-utf8", ["byte 10", "send JSON encoded as UTF-8"]),
    ("policing", '{"jjdbh":"事"}'.encode("gb18030"), "not-utf8", ["byte 10", "or put charset=GB18030 into the header"]),
    ("policing", written(ALARM).decode().encode("utf-16"), "not-utf8", ["byte 0"]),
    ("hotline", b"{", "not-json", ["line 1 column 1", "send one JSON object in a record."]),
    ("hotline", b" ", "not-json", ["not JSON"]),
    ("hotline", b'{"a":1}{"a":1}', "not-json", ["not JSON"]),
    ("hotline", b"SRNumber=1", "not-json", ["not JSON"]),
    ("hotline", b"[" * 5000, "not-json", ["more than 200 nested brackets"]),
    ("hotline", b'{"SRNumber":"\\ud800"}', "not-json", ["not JSON"]),
    ("policing", ALARM | {"bjlxdm": 1204}, "schema", ["field `bjlxdm`", SCHEMA.format("policing")]),
    ("hotline", [REQUEST], "schema", ["the message", "object", SCHEMA.format("hotline")]),
    ("hotline", "text", "schema", ["the message", "object"]),
    ("hotline", b"null", "schema", ["the message", "object"]),
    ("social-security", {}, "bad-id", ["field `id`: missing (and 3 more)", SCHEMA.format("social-security")]),
    ("urban-management", PROBLEM | {"taskNum": "a b"}, "bad-id", ["field `taskNum`"]),
    ("environment", COMPLAINT | {"id": None}, "bad-id", ["field `id`"]),
    ("policing", ALARM | {"bjsj": "now"}, "bad-time", ["field `bjsj`", "in the form 20180101000009"]),
    (
        "social-security",
        NEED | {"personRef": "13812345678"},
        "personal-data",
        ["`personRef`", "send a masked reference"],
    ),
    ("hotline", REQUEST | {"RequestType": "?"}, "unknown-code", ["code '?'", "add it to codes/hotline.csv"]),
]


@pytest.mark.parametrize(("network", "message", "code", "says"), INVALID)
def test_a_rejection_names_the_field_and_the_hint(network: str, message: Any, code: str, says: Sequence[str]) -> None:
    rejected = rejection(network, message)
    assert rejected.code == code
    for part in says:
        assert part in rejected.reason
    assert rejected.reason.endswith(".")


def test_a_code_with_several_meanings_needs_its_version() -> None:
    of = city(hotline=table("Other,2017,tree,\nOther,2018,grass,\n"))
    rejected = rejection("hotline", REQUEST | {"RequestType": "Other"}, of)
    assert rejected.code == "unknown-code"
    assert "code 'Other' means different matters in different versions" in rejected.reason
    assert rejected.reason.endswith("send the version with the code.")


def test_a_network_without_a_code_table_has_unknown_codes() -> None:
    assert rejection("hotline", REQUEST, replace(city(), codes={})).code == "unknown-code"


def test_every_code_is_reached() -> None:
    elsewhere = {
        "defect",
        "bad-charset",
        "superseded",
        "too-many-versions",
        "not-an-event",
        "unreadable-batch",
        "case-full",
    }
    """In test_normalise.py, test_charset.py, test_dedup.py, test_event_rejections.py and fold/test_sizes.py."""
    reached = {code for _, _, code, _ in INVALID} | elsewhere
    assert sorted(reached) == sorted(REJECTION_CODES)


def test_every_code_has_a_sentence() -> None:
    assert tuple(REJECTION_CODES) == get_args(RejectionCode)
    assert all(meaning.endswith(".") and "\n" not in meaning for meaning in REJECTION_CODES.values())


HOSTILE = "\x1b]0;x\x07\x1b[31m\u202e\u2066\u200b\x00\r\n\t\u2028\x9b\ufeff" + "長" * 500


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("hotline", REQUEST | {"RequestType": HOSTILE[:90]}),
        ("urban-management", PROBLEM | {"eventCode": "4109020402", "codeVersion": HOSTILE[:40]}),
        ("environment", COMPLAINT | {"kind": HOSTILE}),
        ("environment", COMPLAINT | {"photos": [{HOSTILE: 1}]}),
        *((network, message | dict.fromkeys(message, HOSTILE)) for network, message in LEAST),
        ("policing", ALARM | {"bjrbs": HOSTILE}),
        ("policing", f'{{"a":"{HOSTILE}'.encode()),
        ("policing", HOSTILE.encode()),
    ],
)
def test_a_rejection_contains_no_control_characters(network: str, message: Any) -> None:
    reason = rejection(network, message).reason
    assert [char for char in reason if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"] == []
    assert reason.count("長") <= 2 * MAX_FOREIGN
    assert len(reason) < 500


@given(st.text())
def test_foreign_text_is_short_and_printable(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= MAX_FOREIGN + 1
    assert shown.isprintable()
    if text.isprintable() and len(text) <= MAX_FOREIGN:
        assert shown == text
