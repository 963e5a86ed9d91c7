"""Which dead letters a selection matches, and what an id is."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from router.dead_letters.selection import Selection, parse_id, report_id_of
from router.wire.errors import InputError
from tests.support.rejected_records import REJECTED_AT, dead_letter


def test_a_selection_matches_code_network_and_time_of_rejection() -> None:
    at = REJECTED_AT.timestamp() * 1000
    assert Selection().matches(dead_letter(), int(at))
    assert Selection(reason="unknown-code", network="policing").matches(dead_letter(), int(at))
    assert not Selection(reason="schema").matches(dead_letter(), int(at))
    assert not Selection(network="hotline").matches(dead_letter(), int(at))
    hour = Selection(since=REJECTED_AT, until=REJECTED_AT + timedelta(hours=1))
    assert [hour.matches(dead_letter(), int(at) + ms) for ms in (-1, 0, 3_599_999, 3_600_000)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_selection_matches_key_and_report_id() -> None:
    one = replace(dead_letter(), key="网-1".encode(), value=b'{"bjnr": "x", "jjdbh": "J-7"}')
    at = int(REJECTED_AT.timestamp() * 1000)
    for selection, matches in (
        (Selection(key="网-1"), True),
        (Selection(key="网"), False),
        (Selection(report_id="J-7"), True),
        (Selection(report_id="J-8"), False),
        (Selection(key="网-1", report_id="J-7", network="policing"), True),
        (Selection(key="网-1", report_id="J-7", network="hotline"), False),
    ):
        assert selection.matches(one, at) is matches, selection
    assert not Selection(key="None").matches(replace(one, key=None), at)
    assert not Selection(report_id="J-7").matches(replace(one, value=None), at)
    assert not Selection(report_id="J-7").matches(replace(one, network="grid"), at)


@pytest.mark.parametrize(
    ("value", "headers", "found"),
    [
        (b'{"jjdbh": 17}', (), "17"),
        ('{"jjdbh": "J-1", "bjnr": "暴露"}'.encode("gb18030"), (("content-type", b"a/b; charset=gbk"),), "J-1"),
        (b'{"jjdbh": "J-1", "bjnr": "\xb1\xa9"}', (), None),
        (b'{"jjdbh": ["J-1"]}', (), None),
        (b'{"jjdbh": true}', (), None),
        (b'{"jjdbh": ""}', (), None),
        (b'{"jjdbh": "' + b"x" * 65 + b'"}', (), None),
        (b'{"other": "J-1"}', (), None),
        (b'["J-1"]', (), None),
        (b"[" * 100_000, (), None),
        (b'{"jjdbh": "J-1"', (), None),
        (b" " * (256 << 10) + b'{"jjdbh": "J-1"}', (), None),
        (b"", (), None),
    ],
)
def test_the_report_id_is_read_as_far_as_the_value_can_be_read(value: bytes, headers: Any, found: str | None) -> None:
    assert report_id_of(replace(dead_letter(), value=value, headers=headers)) == found


def test_an_id_has_three_parts() -> None:
    assert parse_id("t1.reports.policing/2/1041") == ("t1.reports.policing", 2, 1041)


@pytest.mark.parametrize("text", ["", "a/1", "a/b/1", "a/1/x", "/1/2", "a/1/2/3", "a/-1/2"])
def test_a_malformed_id_raises_with_the_form(text: str) -> None:
    with pytest.raises(InputError, match="an id is TOPIC/PARTITION/OFFSET"):
        parse_id(text)
