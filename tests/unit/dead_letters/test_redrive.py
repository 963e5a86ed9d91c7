"""What a dead letter becomes when it is redriven, and which letters are meant; without a broker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.dead_letters.attribution import attribution_of
from router.dead_letters.chunks import CHUNK_BYTES, CHUNK_LETTERS, chunks
from router.dead_letters.patching import patched, rejection_of
from router.dead_letters.redrive_record import outgoing
from router.dead_letters.selection import Selection, selection_of, some_selection_of
from router.domain.intake.normalise import RECEIVED_AT, normalise
from router.domain.model.report import Rejection
from router.domain.networks.registry import NETWORKS
from router.wire.errors import InputError
from tests.support.records import ALARM, Record, city, written
from tests.support.rejected_records import LATER, MEND, NAMES, REFUSED_AT, UNKNOWN, dead_letter


def received(record: Any) -> datetime:
    """When the router says a record was received."""
    one = Record(value=record.value, headers=record.headers, timestamp=round(LATER.timestamp() * 1000))
    (made,) = normalise(NETWORKS["policing"], [one], city()).reports
    return made.received_at


@pytest.mark.parametrize(
    ("said", "at"),
    [
        (None, REFUSED_AT),
        (b"2018-01-01T08:00:00Z", datetime(2018, 1, 1, 8, tzinfo=UTC)),
        (b"2018-01-01T16:00:00+08:00", datetime(2018, 1, 1, 8, tzinfo=UTC)),
        (b"2026-11-24T18:00:00Z", REFUSED_AT),  # after Kafka had it: the router did not believe it then either
        (b"2018-01-01T08:00:00", REFUSED_AT),
        (b"yesterday", REFUSED_AT),
        (b"\xff", REFUSED_AT),
        (b"0001-01-01T00:00:00Z", REFUSED_AT),
        (b"9999-12-31T23:59:59-12:00", REFUSED_AT),
    ],
)
def test_a_record_that_comes_again_was_received_when_it_came_first(said: bytes | None, at: datetime) -> None:
    headers = () if said is None else ((RECEIVED_AT, said),)
    assert received(outgoing(dead_letter(headers=headers), written(ALARM), "li.wei", repaired=True)) == at


def test_a_record_goes_back_with_its_key_its_headers_and_a_sign() -> None:
    headers = ((RECEIVED_AT, b"2018-01-01T08:00:00Z"), ("traceparent", b"00-1"), ("x", b"\xff"), ("x", b"2"))
    record = outgoing(dead_letter(headers=headers), b"{}", "李伟", repaired=True)
    assert (record.topic, record.partition, record.key, record.value) == ("t1.reports.policing", 2, b"J1", b"{}")
    assert record.headers == [
        *headers,
        ("grid-redriven", b"t1.reports.policing/2/1041"),
        ("grid-redriven-by", "李伟".encode()),
    ]


def test_a_record_in_gb18030_is_patched_and_what_is_repaired_is_utf8() -> None:
    headers = ((RECEIVED_AT, b"2018-01-01T08:00:00Z"), ("content-type", b"application/json; charset=GB18030"))
    value = json.dumps(UNKNOWN | {"bjnr": "垃圾"}, ensure_ascii=False).encode("gb18030")
    rejected = dead_letter(value=value, headers=headers)
    new = patched(rejected, value, MEND)
    assert isinstance(new, bytes)
    assert json.loads(new.decode()) == ALARM | {"bjnr": "垃圾"}
    assert rejection_of(rejected, new, city(), NAMES, 4) is None
    record = outgoing(rejected, new, "li.wei", repaired=True)
    assert record.headers[0] == ("content-type", b"application/json")  # the first one counts
    (made,) = normalise(NETWORKS["policing"], [Record(value=new, headers=record.headers)], city()).reports
    assert made.description == "垃圾"
    assert [
        content
        for name, content in outgoing(rejected, value, "li.wei", repaired=False).headers
        if name == "content-type"
    ] == [headers[1][1]]


def test_a_charset_that_nobody_reads_can_be_repaired_by_a_whole_value() -> None:
    rejected = dead_letter(value=b"\xff", headers=(("content-type", b"text/plain; charset=big5"),))
    assert rejection_of(rejected, written(ALARM), city(), NAMES, 4) is None
    assert isinstance(patched(rejected, b"{}", MEND), Rejection)


def test_a_header_without_value_is_sent_with_an_empty_one() -> None:
    record = outgoing(dead_letter(headers=(("x", None),)), b"{}", "li.wei", repaired=False)
    assert ("x", b"") in record.headers


def test_portions_are_bounded_in_letters_and_bytes_and_nothing_is_left_out() -> None:
    dead_letters = [dead_letter(offset=n, value=b"x" * (1 << 20 if n < 20 else 10)) for n in range(1700)]
    portions = list(chunks(dead_letters, lambda _: 0))
    assert [one.offset for portion in portions for one in portion] == list(range(1700))
    assert max(map(len, portions)) <= CHUNK_LETTERS
    assert all(sum(len(one.value or b"") for one in portion) <= CHUNK_BYTES for portion in portions)
    assert len(portions) == 3 + 3  # 8 + 8 + 4 MiB with the first small ones, and the rest in fives of hundreds


def test_a_value_that_must_be_fetched_and_a_large_note_count_too() -> None:
    omitted = [dead_letter(offset=n, value=None, omitted="7000000 bytes, sha256 x") for n in range(3)]
    assert [len(portion) for portion in chunks(omitted, lambda _: 0)] == [1, 1, 1]
    assert [len(portion) for portion in chunks([dead_letter(offset=n) for n in range(4)], lambda _: 3 << 20)] == [2, 2]


def test_a_selection_takes_reason_network_and_the_time_of_refusal() -> None:
    at = REFUSED_AT.timestamp() * 1000
    assert Selection().takes(dead_letter(), int(at))
    assert Selection(reason="unknown-code", network="policing").takes(dead_letter(), int(at))
    assert not Selection(reason="schema").takes(dead_letter(), int(at))
    assert not Selection(network="hotline").takes(dead_letter(), int(at))
    hour = Selection(since=REFUSED_AT, until=REFUSED_AT + timedelta(hours=1))
    assert [hour.takes(dead_letter(), int(at) + ms) for ms in (-1, 0, 3_599_999, 3_600_000)] == [
        False,
        True,
        True,
        False,
    ]


def test_nothing_named_is_not_everything() -> None:
    with pytest.raises(InputError, match="no dead letters are named"):
        some_selection_of(None, None, None, None, None, otherwise="")
    with pytest.raises(InputError, match="ids are given, and conditions too"):
        selection_of(["a/1/1"], "schema", None, None, None)
    with pytest.raises(InputError, match="TOPIC/PARTITION/OFFSET"):
        selection_of(["a/1"], None, None, None, None)
    assert selection_of(["a/1/1", "a/1/1"], None, None, None, None).ids == ("a/1/1",)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "\x1b[2J", "x" * 501, "a\N{RIGHT-TO-LEFT OVERRIDE}b"])
def test_who_and_why_are_said_in_one_printable_line(text: str) -> None:
    with pytest.raises(InputError, match="--why"):
        attribution_of("li.wei", text)
    with pytest.raises(InputError, match="--actor"):
        attribution_of(text, "because")
