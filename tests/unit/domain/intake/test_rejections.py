"""Rejections: a test reaches every code, each sentence names field and hint, and none can control a terminal."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.normalise import MAX_BYTES, UNKNOWN_CODE
from router.domain.intake.rejections import MAX_FOREIGN, printable
from router.domain.model.rejection import REJECTION_CODES, RejectionCode
from router.domain.networks.registry import NETWORKS
from tests.support.records import (
    ALARM,
    COMPLAINT,
    LEAST,
    NEED,
    PROBLEM,
    REQUEST,
    city,
    rejection,
    report,
    table,
    written,
)

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
    ("hotline", [REQUEST], "schema", ["the message is a JSON array, not a JSON object; ", SCHEMA.format("hotline")]),
    ("hotline", "text", "schema", ["the message is a JSON string, not a JSON object; "]),
    ("hotline", b" null", "schema", ["the message is the JSON word null, not a JSON object; "]),
    ("social-security", {}, "bad-id", ["the message is an empty JSON object; ", SCHEMA.format("social-security")]),
    ("social-security", {"a": 1}, "bad-id", ["field `id`: missing (and 3 more)", SCHEMA.format("social-security")]),
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


JSON_ONE = "send one JSON object in a record, encoded as UTF-8."
UTF8_TEXT = "send JSON encoded as UTF-8."
ALARM_TEXT = written(ALARM).decode()
FOREIGN: list[tuple[bytes, str, str]] = [
    (b'<?xml version="1.0"?><alarm><jjdbh>J1</jjdbh></alarm>', "not-json", f"the value is XML, not JSON; {JSON_ONE}"),
    (b"\n<alarm/>", "not-json", f"the value is XML, not JSON; {JSON_ONE}"),
    (b"<!DOCTYPE HTML><p>502 Bad Gateway", "not-json", f"the value is HTML, not JSON; {JSON_ONE}"),
    (b"<html><body>", "not-json", f"the value is HTML, not JSON; {JSON_ONE}"),
    (b"1-2000,01/05/2018 09:00:00 AM,Graffiti Removal", "not-json", f"the value is CSV, not JSON; {JSON_ONE}"),
    (b"jjdbh,bjsj\r\nJ1,20180101000009\r\n", "not-json", f"the value is CSV, not JSON; {JSON_ONE}"),
    ("J1;火灾;县\n".encode(), "not-json", f"the value is CSV, not JSON; {JSON_ONE}"),
    (b"jjdbh=J1&bjsj=20180101000009", "not-json", f"the value is form data, not JSON; {JSON_ONE}"),
    (b"SRNumber=1", "not-json", f"the value is form data, not JSON; {JSON_ONE}"),
    (ALARM_TEXT.encode("utf-16"), "not-utf8", f"the value is UTF-16 text, not UTF-8 text (byte 0); {UTF8_TEXT}"),
    (ALARM_TEXT.encode("utf-32"), "not-utf8", f"the value is UTF-32 text, not UTF-8 text (byte 0); {UTF8_TEXT}"),
    (ALARM_TEXT.encode("utf-16-le"), "not-json", f"the value is UTF-16 text, not JSON; {JSON_ONE}"),
    (ALARM_TEXT.encode("utf-16-be"), "not-json", f"the value is UTF-16 text, not JSON; {JSON_ONE}"),
    (ALARM_TEXT.encode("utf-32-le"), "not-json", f"the value is UTF-32 text, not JSON; {JSON_ONE}"),
    (ALARM_TEXT.encode("utf-32-be"), "not-json", f"the value is UTF-32 text, not JSON; {JSON_ONE}"),
    (
        b"\x00\x00\x00\x00\x07\x06J1",
        "not-json",
        f"the value is Avro or Protobuf with the id of a schema registry, not JSON; {JSON_ONE}",
    ),
    (b"{\x00}", "not-json", f"the value is a binary format, not JSON; {JSON_ONE}"),
    (b"Obj\x01\x04\xff", "not-utf8", f"the value is an Avro file, not UTF-8 text (byte 5); {UTF8_TEXT}"),
    (b"\x1f\x8b\x08", "not-utf8", f"the value is gzip data, not UTF-8 text (byte 1); {UTF8_TEXT}"),
    (b"\xff\xd8\xff\xe0", "not-utf8", f"the value is a JPEG image, not UTF-8 text (byte 0); {UTF8_TEXT}"),
    (
        b"\xef\xbb\xbf{}",
        "not-json",
        "the value is not JSON (it begins with a byte order mark); send it without this mark.",
    ),
    (
        b"fire at the market, now",
        "not-json",
        "the value is not JSON (a word other than true, false and null at line 1 column 2); send one JSON object in a record.",
    ),
]


@pytest.mark.parametrize(("value", "code", "reason"), FOREIGN)
def test_a_rejection_names_the_format_that_came(value: bytes, code: str, reason: str) -> None:
    rejected = rejection("policing", value)
    assert (rejected.code, rejected.reason) == (code, reason)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("NaN", "NaN, which is no JSON number"),
        ("Infinity", "Infinity, which is no JSON number"),
        ("-Infinity", "-Infinity, which is no JSON number"),
        ("1e999", "a number beyond 1.8e308, which no reader holds"),
        ("-1e999", "a number beyond 1.8e308, which no reader holds"),
    ],
)
@pytest.mark.parametrize("field", ["jd", "jjdbh", "bjnr", "csbz", "bjsj"])
def test_a_number_that_is_none_is_called_by_its_name(field: str, sent: str, name: str) -> None:
    value = json.dumps({key: kept for key, kept in ALARM.items() if key != field}).encode()
    rejected = rejection("policing", value[:-1] + f', "{field}": {sent}}}'.encode())
    assert rejected.reason == f"field `{field}`: {name}; {SCHEMA.format('policing')}"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"[]", "a JSON array, not a JSON object"),
        (b'""', "a JSON string, not a JSON object"),
        (b"42", "a JSON number, not a JSON object"),
        (b"-1.5", "a JSON number, not a JSON object"),
        (b" true", "the JSON word true, not a JSON object"),
        (b"NaN", "NaN, not a JSON object"),
        (b"-Infinity\n", "-Infinity, not a JSON object"),
        (b" { } ", "an empty JSON object"),
    ],
)
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_rejection_names_what_came_instead_of_an_object(network: str, value: bytes, kind: str) -> None:
    assert rejection(network, value).reason == f"the message is {kind}; {SCHEMA.format(network)}"


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


def test_a_row_for_every_other_code_takes_what_the_table_lacks() -> None:
    """Boston, third quarter of 2011: 60 reports of classes newer than the table."""
    catch_all = city(hotline=table("Graffiti Removal,,graffiti,x\n*,,other,anything else\n"))
    made = report("hotline", REQUEST | {"RequestType": "Ghost Bike", "mine": 1}, catch_all)
    assert (made.matter, made.source_code) == ("other", "Ghost Bike")
    assert made.extensions == {
        "mine": 1,
        UNKNOWN_CODE: "code 'Ghost Bike' is not in the code table; its row `*` decided",
    }
    assert UNKNOWN_CODE not in report("hotline", REQUEST, catch_all).extensions
    assert (
        report("hotline", REQUEST | {"RequestType": "*"}, catch_all).extensions[UNKNOWN_CODE].startswith("code '*' is")
    )


def test_a_wider_code_goes_before_the_row_for_every_other_code() -> None:
    codes = table("*,,other,anything else\n12,,vandalism,x\n")
    assert report("policing", ALARM, city(policing=codes)).matter == "vandalism"


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
    elsewhere |= {"wrong-key", "id-reused", "too-late"}
    """In test_admit.py, test_dedup.py and domain/fold/test_known_again.py."""
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
