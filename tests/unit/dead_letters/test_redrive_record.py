"""The record that a redrive sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from router.dead_letters.actions import ActionFailure
from router.dead_letters.patching import patched
from router.dead_letters.redrive_record import outgoing
from router.dead_letters.validation import rejection_of
from router.domain.intake.normalise import RECEIVED_AT, normalise
from router.domain.networks.registry import NETWORKS
from router.wire.partitioning import partition_for_key
from tests.support.records import ALARM, Record, city, written
from tests.support.rejected_records import LATER, NAMES, PATCH, REJECTED_AT, UNKNOWN, dead_letter

NO_TEXT = (
    b'{"specversion":"\xff","id":"a","source":"b","type":"c","data":{}}',
    b'[{"specversion":"1.0","id":"\xff","source":"b","type":"c"}]',
    b'{"\xff":1}',
)
"""JSON but for one byte, which is not UTF-8."""


def received(record: Any) -> datetime:
    """The received time that the router gives a record."""
    one = Record(value=record.value, headers=record.headers, timestamp=round(LATER.timestamp() * 1000))
    (made,) = normalise(NETWORKS["policing"], [one], city()).reports
    return made.received_at


@pytest.mark.parametrize(
    ("header", "at"),
    [
        (None, REJECTED_AT),
        (b"2018-01-01T08:00:00Z", datetime(2018, 1, 1, 8, tzinfo=UTC)),
        (b"2018-01-01T16:00:00+08:00", datetime(2018, 1, 1, 8, tzinfo=UTC)),
        (b"2026-11-24T18:00:00Z", REJECTED_AT),  # after Kafka's timestamp: the router did not accept it then either
        (b"2018-01-01T08:00:00", REJECTED_AT),
        (b"yesterday", REJECTED_AT),
        (b"\xff", REJECTED_AT),
        (b"0001-01-01T00:00:00Z", REJECTED_AT),
        (b"9999-12-31T23:59:59-12:00", REJECTED_AT),
    ],
)
def test_a_redriven_record_keeps_its_first_received_time(header: bytes | None, at: datetime) -> None:
    headers = () if header is None else ((RECEIVED_AT, header),)
    assert received(outgoing(dead_letter(headers=headers), written(ALARM), "li.wei", repaired=True, partitions=4)) == at


def test_a_redriven_record_keeps_key_and_headers_and_gets_two_more() -> None:
    headers = ((RECEIVED_AT, b"2018-01-01T08:00:00Z"), ("traceparent", b"00-1"), ("x", b"\xff"), ("x", b"2"))
    record = outgoing(dead_letter(headers=headers), b"{}", "李伟", repaired=True, partitions=4)
    assert (record.topic, record.partition, record.key, record.value) == ("t1.reports.policing", 2, b"J1", b"{}")
    assert record.headers == [
        *headers,
        ("grid-redriven", b"t1.reports.policing/2/1041"),
        ("grid-redriven-by", "李伟".encode()),
    ]


@pytest.mark.parametrize("key", [None, b"", b"J2"])
def test_a_report_without_the_right_key_gets_it_and_goes_to_its_partition(key: bytes | None) -> None:
    record = outgoing(dead_letter(key=key), written(ALARM), "li.wei", repaired=False, partitions=4)
    assert (record.key, record.partition) == (b"J1", partition_for_key(b"J1", 4))


def test_a_right_key_stays_where_its_producer_put_it() -> None:
    record = outgoing(dead_letter(), written(ALARM), "li.wei", repaired=False, partitions=64)
    assert (record.key, record.partition) == (b"J1", 2)


def test_what_is_no_report_keeps_its_key() -> None:
    for value in (b"{}", b"\xff", *NO_TEXT, None):
        record = outgoing(dead_letter(key=None), value, "li.wei", repaired=False, partitions=4)
        assert (record.key, record.partition) == (None, 2)


def test_a_patched_gb18030_record_becomes_utf8() -> None:
    headers = ((RECEIVED_AT, b"2018-01-01T08:00:00Z"), ("content-type", b"application/json; charset=GB18030"))
    value = json.dumps(UNKNOWN | {"bjnr": "垃圾"}, ensure_ascii=False).encode("gb18030")
    rejected = dead_letter(value=value, headers=headers)
    new = patched(rejected, value, PATCH)
    assert isinstance(new, bytes)
    assert json.loads(new.decode()) == ALARM | {"bjnr": "垃圾"}
    assert rejection_of(rejected, new, city(), NAMES, 4) is None
    record = outgoing(rejected, new, "li.wei", repaired=True, partitions=4)
    assert record.headers[0] == ("content-type", b"application/json")  # the first one counts
    (made,) = normalise(NETWORKS["policing"], [Record(value=new, headers=record.headers)], city()).reports
    assert made.description == "垃圾"
    assert [
        content
        for name, content in outgoing(rejected, value, "li.wei", repaired=False, partitions=4).headers
        if name == "content-type"
    ] == [headers[1][1]]


def test_a_whole_value_repairs_a_record_of_unsupported_charset() -> None:
    rejected = dead_letter(value=b"\xff", headers=(("content-type", b"text/plain; charset=big5"),))
    assert rejection_of(rejected, written(ALARM), city(), NAMES, 4) is None
    assert isinstance(patched(rejected, b"{}", PATCH), ActionFailure)


def test_a_header_without_value_is_sent_with_an_empty_value() -> None:
    record = outgoing(dead_letter(headers=(("x", None),)), b"{}", "li.wei", repaired=False, partitions=4)
    assert ("x", b"") in record.headers
