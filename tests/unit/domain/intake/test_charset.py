"""The charset of a record: UTF-8, unless its header `content-type` says GB 18030; anything else is rejected with the hint."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.charset import charset, utf8
from router.domain.intake.normalise import MAX_BYTES, normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from tests.support.records import ALARM, Record, city, written

Headers = Sequence[tuple[str, bytes | None]]
RARE = "事发地𬇙水路, €"
"""Of two bytes in GB 18030, of four, and a sign that GB 2312 lacks."""
GB = b"application/json; charset=GB18030"


PRIVATE_OF_ROW_FE = (
    0xE816,
    0xE817,
    0xE818,
    0xE81E,
    0xE826,
    0xE82B,
    0xE82C,
    0xE831,
    0xE832,
    0xE83B,
    0xE843,
    0xE854,
    0xE855,
    0xE864,
)


def became(value: bytes, headers: Headers) -> Report | Rejection:
    done = normalise(NETWORKS["policing"], [Record(value=value, headers=headers)], city())
    (one,) = (*done.reports, *(rejection for _, rejection in done.rejections))
    return one


def alarm(text: str, codec: str) -> bytes:
    return json.dumps(ALARM | {"bjnr": text, "县": text}, ensure_ascii=False).encode(codec)


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        (b"application/json; charset=GB18030", "gb18030"),
        (b"application/json;charset=gb18030", "gb18030"),
        (b"application/json ; Charset = GBK", "gbk"),
        (b'application/json; CHARSET="gb2312"', "gb2312"),
        (b'application/json; charset="GB\\18030"', "gb18030"),  # a quoted pair stands for its second character
        (b"application/json;version=2;\tcharset=gbk;q=1", "gbk"),
        (b'text/plain; profile="a;charset=big5"; charset=gbk', "gbk"),  # the first one is part of a text
        (b"application/json; charset=gbk; charset=big5", "gbk"),
        (b"application/json; xcharset=gbk", "utf-8"),
        (b"application/json", "utf-8"),
        (b"application/json; charset=", "utf-8"),
        (b'application/json; charset=""', "utf-8"),
        (b"charset=gbk", "utf-8"),  # a media type comes first
        (b"", "utf-8"),
        (b"\xff\xfe;;;===", "utf-8"),
        (b"application/json; charset=Big5", "big5"),
    ],
)
def test_the_charset_parameter_of_a_content_type_is_read(content_type: bytes, name: str) -> None:
    assert charset(content_type) == name


@given(st.binary(max_size=64), st.sampled_from(["gbk", "GB18030", "gb2312"]))
def test_any_header_gives_a_charset_as_text(noise: bytes, name: str) -> None:
    assert charset(noise)
    assert charset(b"a/b;charset=" + name.encode() + b";" + noise) == name.lower()


@pytest.mark.parametrize(
    ("codec", "content_type"),
    [
        ("gb18030", GB),
        ("gbk", b"application/json; charset=gbk"),
        ("gb2312", b'application/json; charset="GB2312"'),
        ("utf-8", b"application/json; charset=UTF-8"),
        ("utf-8", b"application/json"),
        ("utf-8", b""),
        ("utf-8", None),  # a header may lack a value
    ],
)
def test_a_value_is_decoded_by_the_charset_of_its_header(codec: str, content_type: bytes | None) -> None:
    text = RARE if codec in {"gb18030", "utf-8"} else "事发地胜利路"
    made = became(alarm(text, codec), [("content-type", content_type)])
    assert isinstance(made, Report), made
    assert (made.description, made.extensions) == (text, {"县": text})


def test_gb18030_and_utf8_make_the_same_report() -> None:
    assert became(alarm(RARE, "gb18030"), [("content-type", GB)]) == became(alarm(RARE, "utf-8"), [])


PRIVATE = "".join(map(chr, [*range(0xE78D, 0xE797), 0xE7C7, *PRIVATE_OF_ROW_FE]))
"""What the GB 18030 of 2000 made of characters that had no code point of their own then."""


@given(st.text(st.characters(codec="utf-8", exclude_characters=PRIVATE)))
def test_every_text_reaches_the_report(text: str) -> None:
    assert utf8(text.encode("gb18030"), [("content-type", GB)]) == text.encode()


@pytest.mark.parametrize(
    ("two", "four", "character"),
    [
        ("A6D9", "84318236", "\ufe10"),
        ("A6DA", "84318238", "\ufe12"),
        ("A6DB", "84318237", "\ufe11"),
        ("A6DC", "84318239", "\ufe13"),
        ("A6DD", "84318330", "\ufe14"),
        ("A6DE", "84318331", "\ufe15"),
        ("A6DF", "84318332", "\ufe16"),
        ("A6EC", "84318333", "\ufe17"),
        ("A6ED", "84318334", "\ufe18"),
        ("A6F3", "84318335", "\ufe19"),
        ("FE59", "82359037", "龴"),
        ("FE61", "82359038", "龵"),
        ("FE66", "82359039", "龶"),
        ("FE67", "82359130", "龷"),
        ("FE6D", "82359131", "龸"),
        ("FE7E", "82359132", "龹"),
        ("FE90", "82359133", "龺"),
        ("FEA0", "82359134", "龻"),
        ("FE51", "95329031", "𠂇"),
        ("FE52", "95329033", "𠂉"),
        ("FE53", "95329730", "𠃌"),
        ("FE6C", "9536B937", "𡗗"),
        ("FE76", "9630BA35", "𢦏"),
        ("FE91", "9635B630", "𤇾"),
        ("A8BC", "8135F437", "ḿ"),
    ],
)
def test_gb18030_is_read_by_its_2022_table(two: str, four: str, character: str) -> None:
    """Codes of new and old writers mean one character, never a private-use one."""
    for code in (two, four):
        value = '{"a":"事'.encode("gb18030") + bytes.fromhex(code) + b'"}'
        assert utf8(value, [("content-type", GB)]) == f'{{"a":"事{character}"}}'.encode(), code


def test_other_private_use_stays_private_use() -> None:
    """Fonts of a city have rare characters of names there, at user-defined codes (AAA1 to A7A0)."""
    for code, point in (("AAA1", "\ue000"), ("A2AB", "\ue766"), ("FE50", "⺁"), ("A8BF", "ǹ")):
        assert utf8(bytes.fromhex(code), [("content-type", GB)]) == point.encode()


def test_every_character_of_gbk_decodes_the_same_as_gb18030() -> None:
    """So that one codec can read both; the tables are Python's own."""
    for high in range(0x81, 0xFF):
        for low in range(0x40, 0xFF):
            code = bytes((high, low))
            try:
                character = code.decode("gbk")
            except UnicodeDecodeError:
                continue
            assert utf8(code, [("content-type", b"a/b;charset=gbk")]) == character.encode()


@pytest.mark.parametrize("headers", [[], [("grid-received-at", b"2018-01-01T00:00:00Z")], [("Content-Type", GB)]])
def test_without_the_header_the_value_is_unchanged(headers: Headers) -> None:
    value = alarm("事", "gb18030")
    assert utf8(value, headers) is value
    rejected = became(value, headers)
    assert isinstance(rejected, Rejection)
    assert rejected.code == "not-utf8"


@pytest.mark.parametrize("content_type", [b"application/json", b"application/json; charset=utf8"])
def test_utf8_values_are_not_copied(content_type: bytes) -> None:
    value = written(ALARM)
    assert utf8(value, [("content-type", content_type)]) is value


def test_the_first_of_two_headers_counts() -> None:
    made = became(alarm(RARE, "gb18030"), [("a", None), ("content-type", GB), ("content-type", b"a/b;charset=utf-8")])
    assert isinstance(made, Report)


@pytest.mark.parametrize(
    ("value", "byte"),
    [
        (b'{"a":"\xff"}', 6),  # begins no character
        (b'{"a":"\x80"}', 6),
        (b'{"a":"\xca', 6),  # ends within one
        (b'{"a":"\x81\x30"}', 6),
        ('{"a":"事"}'.encode(), 8),  # of its three bytes two are another character; the third begins none with a quote
    ],
)
def test_wrong_bytes_are_rejected_with_their_index(value: bytes, byte: int) -> None:
    rejected = became(value, [("content-type", GB)])
    assert isinstance(rejected, Rejection)
    assert (rejected.code, rejected.reason) == (
        "bad-charset",
        f"the value is not gb18030 text (byte {byte}), although its header `content-type` names this charset; correct the bytes or the header.",
    )


@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        (b"application/json; charset=Big5", "'big5'"),
        (b"application/json; charset=utf-16", "'utf-16'"),
        (b'application/json; charset="\x1b[31m\x07"', "'\ufffd[31m\ufffd'"),
        (b"application/json; charset=" + b"x" * 10_000, "'" + "x" * 40 + "…'"),
        (b"application/json; charset=rot13", "'rot13'"),  # a codec that Python has is no charset for that
        (b"application/json; charset=idna", "'idna'"),
    ],
)
def test_an_unknown_charset_is_rejected_with_a_hint(content_type: bytes, named: str) -> None:
    rejected = became(written(ALARM), [("content-type", content_type)])
    assert isinstance(rejected, Rejection)
    assert (rejected.code, rejected.reason) == (
        "bad-charset",
        f"the header `content-type` names the charset {named}, which the router does not read; send UTF-8 without a charset, or charset=GB18030.",
    )


def test_other_records_of_the_batch_are_not_affected() -> None:
    records = [
        Record(value=alarm(RARE, "gb18030"), headers=[("content-type", GB)]),
        Record(value=b"\xff", headers=[("content-type", GB)], offset=1),
        Record(value=written(ALARM | {"jjdbh": "J2"}), offset=2),
    ]
    done = normalise(NETWORKS["policing"], records, city())
    assert [made.source_id for made in done.reports] == ["J1", "J2"]
    assert [(record.offset, rejected.code) for record, rejected in done.rejections] == [(1, "bad-charset")]


@pytest.mark.parametrize(("size", "code"), [(MAX_BYTES, "not-json"), (MAX_BYTES + 1, "too-large")])
def test_the_limit_counts_the_bytes_as_sent(size: int, code: str) -> None:
    """In UTF-8 the same text would have half as many bytes again."""
    value = ("事" * (MAX_BYTES // 2 + 1)).encode("gb18030")[:size]
    rejected = became(value, [("content-type", GB)])
    assert isinstance(rejected, Rejection)
    assert rejected.code == code


@pytest.mark.parametrize(
    ("message", "code"),
    [({"bjsj": "昨天"}, "bad-time"), ({"jjdbh": "警"}, "bad-id"), ({"bjlxdm": "9999"}, "unknown-code")],
)
def test_errors_in_gb18030_json_are_named_as_in_utf8(message: dict[str, Any], code: str) -> None:
    value = json.dumps(ALARM | message, ensure_ascii=False)
    rejected = became(value.encode("gb18030"), [("content-type", GB)])
    assert isinstance(rejected, Rejection)
    assert rejected.code == code
    assert rejected == became(value.encode(), [])


def test_a_byte_order_mark_is_not_json() -> None:
    rejected = became("\ufeff".encode("gb18030") + written(ALARM), [("content-type", GB)])
    assert isinstance(rejected, Rejection)
    assert rejected.code == "not-json"
    assert rejected == became("\ufeff".encode() + written(ALARM), [])
