"""Translation: every record becomes one report or one rejection, whatever the other records of its batch contain."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.intake.normalise import MAX_BYTES, REDRIVEN, Normalised, normalise, ruled_at
from router.domain.model.rejection import REJECTION_CODES, Rejection
from router.domain.model.report import Provenance
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.network import Draft, Network
from router.wire.codec import decode_event, encode_report
from tests.support.records import (
    ALARM,
    LEAST,
    REQUEST,
    Record,
    as_read,
    city,
    rejection,
    report,
    written,
)

CITY = city()
POLICING = NETWORKS["policing"]
TIMESTAMP = datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC)
"""Kafka's time of a test record."""


def normalised(network: Network, *values: bytes | None) -> Normalised:
    return normalise(network, [Record(value=value, offset=offset) for offset, value in enumerate(values)], CITY)


def failing(message: Any, zone: tzinfo) -> Draft:
    """A translator with a defect: it fails on one alarm."""
    if message.jjdbh == "J-bad":
        raise ZeroDivisionError("\x1b[31msecret")
    return POLICING.draft(message, zone)


# Other records of the batch

GOOD = [written(ALARM | {"jjdbh": f"J{number}"}) for number in range(3)]


@pytest.mark.parametrize("bad", [None, b"", b"\xff", b"{", b"null", written(ALARM | {"bjsj": ""})])
@pytest.mark.parametrize("place", range(4))
def test_a_bad_record_is_rejected_alone(bad: bytes | None, place: int) -> None:
    batch = [*GOOD[:place], bad, *GOOD[place:]]
    done = normalised(POLICING, *batch)
    assert [made.source_id for made in done.reports] == ["J0", "J1", "J2"]
    assert [made.provenance.offset for made in done.reports] == [at for at in range(4) if at != place]
    assert [record.offset for record, _ in done.rejections] == [place]


def test_a_failing_translator_rejects_the_record_as_a_defect() -> None:
    broken = Network(name="policing", title="", title_zh="", schema=POLICING.schema, id_field="jjdbh", draft=failing)
    done = normalised(broken, GOOD[0], written(ALARM | {"jjdbh": "J-bad"}), GOOD[1])
    assert [made.source_id for made in done.reports] == ["J0", "J1"]
    ((record, rejected),) = done.rejections
    assert (record.offset, rejected.code) == (1, "defect")
    assert rejected.reason == (
        "the translator of policing failed (ZeroDivisionError), which is a defect of the router; please report it."
    )


def test_both_lists_keep_the_order_of_the_batch() -> None:
    done = normalised(POLICING, b"{", GOOD[0], b"", GOOD[1], b"null", GOOD[2], None)
    assert [made.source_id for made in done.reports] == ["J0", "J1", "J2"]
    assert [(record.offset, one.code) for record, one in done.rejections] == [
        (0, "not-json"),
        (2, "empty"),
        (4, "schema"),
        (6, "empty"),
    ]


def test_an_empty_batch_has_no_reports() -> None:
    assert normalised(POLICING) == Normalised([], [], [], [])


# Reports


@pytest.mark.parametrize(("network", "message"), LEAST)
def test_the_id_consists_of_network_and_source_id(network: str, message: dict[str, Any]) -> None:
    source_id = message[NETWORKS[network].id_field]
    first, redriven = report(network, message), report(network, message | {"unknown": 1})
    assert first.id == redriven.id == f"{network}:{source_id}"
    assert (first.network, first.source_id) == (network, source_id)


@pytest.mark.parametrize(("network", "message"), LEAST)
def test_unknown_fields_become_extensions(network: str, message: dict[str, Any]) -> None:
    unknown = {
        "别名": "一",
        "nested": {"a": [1, None, True, 0.5, {"b": "c"}]},
        "huge": 2**80,
        "deep": [[2**64]],
        "least": -(2**63),
        "nul": "a\x00b",
        "": "no name",
    }
    kept = unknown | {"huge": "1208925819614629174706176", "deep": [["18446744073709551616"]]}
    made = report(network, message | unknown)
    assert made.extensions == kept
    _, value, headers = encode_report(made)
    assert decode_event(headers, value) == as_read(made)  # the codec loses nothing either


AS_SENT = [
    ("1.0000000000000000000001", "1.0000000000000000000001"),
    ("-0", "-0"),
    ("-0.0", "-0.0"),
    ("1.50", "1.50"),
    ("1E5", "1E5"),
    ("1e-07", "1e-07"),
    ("1e-999", "1e-999"),
    ("34.067639055700002", "34.067639055700002"),
    ("9007199254740993", "9007199254740993"),
    ("9223372036854775807", "9223372036854775807"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("1e999", '"1e999"'),  # beyond a float: in quotes, because a reader would fail on the whole record
    ("-1E+400", '"-1E+400"'),
    ("9223372036854775808", '"9223372036854775808"'),
    ("123456789012345678901234567890", '"123456789012345678901234567890"'),
    ("NaN", '"NaN"'),
    ("-Infinity", '"-Infinity"'),
    ("true", "true"),
    ('"-0"', '"-0"'),
]
"""A value of an unknown field, and the same in the report's event."""


@pytest.mark.parametrize(("network", "message"), LEAST)
def test_numbers_in_unknown_fields_stay_as_they_came(network: str, message: dict[str, Any]) -> None:
    unknown = {f"x{number}": sent for number, (sent, _) in enumerate(AS_SENT)}
    unknown["nested"] = "[" + ",".join(sent for sent, _ in AS_SENT) + ',{"deep":[-0]}]'
    fields = ",".join(f'"{name}":{sent}' for name, sent in unknown.items())
    made = report(network, written(message)[:-1] + f",{fields}}}".encode())
    _, value, headers = encode_report(made)
    expected = {f"x{number}": kept for number, (_, kept) in enumerate(AS_SENT)}
    expected["nested"] = "[" + ",".join(kept for _, kept in AS_SENT) + ',{"deep":[-0]}]'
    kept_text = ",".join(f'"{name}":{kept}' for name, kept in expected.items())
    assert f'"extensions":{{{kept_text}}}'.encode() in value
    assert decode_event(headers, value) == as_read(made)


@pytest.mark.parametrize(("sent", "kept"), AS_SENT)
def test_a_number_alone_stays_as_it_came(sent: str, kept: str) -> None:
    made = report("policing", written(ALARM)[:-1] + f', "x" : {sent} }}'.encode())
    assert f'"extensions":{{"x":{kept}}}'.encode() in encode_report(made)[1]


def test_the_last_of_two_unknown_fields_with_one_name_counts() -> None:
    made = report("policing", written(ALARM)[:-1] + b',"x":1.50,"x":{"y":2.50}}')
    assert b'"extensions":{"x":{"y":2.50}}' in encode_report(made)[1]


def test_numbers_of_the_routers_own_extensions_are_its_own() -> None:
    message = REQUEST | {"CreatedDate": "11/04/2018 01:30:00 AM"}  # occurs twice in Los Angeles
    value = written(message)[:-1] + b',"grid-wall-time":1.50,"x":1.50}'
    (made,) = normalise(
        NETWORKS["hotline"], [Record(value=value)], replace(CITY, zone=ZoneInfo("America/Los_Angeles"))
    ).reports
    assert "occurs twice" in made.extensions["grid-wall-time"]
    assert b'"x":1.50' in encode_report(made)[1]


def test_a_nul_character_in_a_text_is_kept() -> None:
    assert report("policing", ALARM | {"bjnr": "a\x00b"}).description == "a\x00b"


def test_half_of_a_surrogate_pair_is_not_json() -> None:
    pair = written(ALARM)[:-1] + b',"bjnr":"\\ud83d\\ude97"}'
    assert report("policing", pair).description == "\U0001f697"
    for half in (rb"\ud83d", rb"\ude97", rb"\ude97\ud83d"):
        assert rejection("policing", written(ALARM)[:-1] + b',"bjnr":"' + half + b'"}').code == "not-json"


def test_the_last_of_two_fields_with_one_name_counts() -> None:
    assert report("policing", b'{"jjdbh":"J0",' + written(ALARM)[1:]).source_id == "J1"


def test_a_report_names_its_record() -> None:
    record = Record(value=written(ALARM), topic="ns.reports.policing", partition=5, offset=42)
    (made,) = normalise(POLICING, [record], CITY).reports
    assert made.provenance == Provenance(topic="ns.reports.policing", partition=5, offset=42)


def test_a_value_has_at_most_256_kib() -> None:
    least = written(ALARM)
    full = least + b" " * (MAX_BYTES - len(least))
    assert len(full) == 256 * 1024
    assert report("policing", full).id == "policing:J1"
    assert rejection("policing", full + b" ").code == "too-large"


# The received time

FALLBACK = TIMESTAMP.isoformat()


@pytest.mark.parametrize(
    ("header", "received"),
    [
        (b"2018-01-01T00:00:09Z", "2018-01-01T00:00:09+00:00"),
        (b"2018-01-01T08:00:09.5+08:00", "2018-01-01T00:00:09.500000+00:00"),
        (b"2018-01-01t00:00:09.123456789z", "2018-01-01T00:00:09.123456+00:00"),
        (b"2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        (b"2018-01-01T00:00:60Z", FALLBACK),
        (b"2018-01-01T00:00:09", FALLBACK),  # no zone, so the instant is unknown
        (b"yesterday", FALLBACK),
        (b"", FALLBACK),
        (None, FALLBACK),
        ("２０18-01-01T00:00:09Z".encode(), FALLBACK),
        (b"\xff", FALLBACK),
        (b"2018-02-30T00:00:00Z", FALLBACK),
        (b"0001-01-01T00:00:00+14:00", FALLBACK),
        (b"1969-12-31T23:59:59Z", FALLBACK),
        (b"9999-12-31T23:59:59-12:00", FALLBACK),
        (b"2199-01-01T00:00:00Z", FALLBACK),  # later than Kafka's time
    ],
)
def test_the_header_gives_the_received_time_if_it_is_valid(header: bytes | None, received: str) -> None:
    record = Record(value=written(ALARM), headers=[("other", b"x"), ("grid-received-at", header)])
    done = normalise(POLICING, [record], CITY, history=True)  # without an earliest time
    assert [made.received_at.isoformat() for made in done.reports] == [received]


def test_the_first_of_two_headers_counts() -> None:
    headers = [("grid-received-at", b"2018-01-01T00:00:09Z"), ("grid-received-at", b"2019-01-01T00:00:09Z")]
    (made,) = normalise(POLICING, [Record(value=written(ALARM), headers=headers)], CITY).reports
    assert made.received_at == datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_the_rules_of_the_received_time_hold_but_not_for_redriven_records() -> None:
    received = [("grid-received-at", b"2018-01-01T00:00:09Z")]
    record = Record(value=written(ALARM), headers=received)
    redriven = Record(value=written(ALARM), headers=[*received, (REDRIVEN, b"reports.policing/0/1")])
    assert ruled_at(record) == datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)
    assert ruled_at(redriven) == TIMESTAMP


@pytest.mark.parametrize(
    ("timestamp", "year"), [(-1, 1970), (0, 1970), (1_514_793_609_000, 2018), (2**62, 2199), (-(2**62), 1970)]
)
def test_without_the_header_kafkas_time_counts(timestamp: int, year: int) -> None:
    done = normalise(POLICING, [Record(value=written(ALARM), timestamp=timestamp)], CITY)
    assert [made.received_at.year for made in done.reports] == [year]


# Generated values

texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
network_names = st.sampled_from(sorted(NETWORKS))


def check_all_accounted(network: Network, values: Sequence[bytes | None]) -> None:
    done = normalised(network, *values)
    reported = [made.provenance.offset for made in done.reports]
    rejected = [record.offset for record, _ in done.rejections]
    assert reported == sorted(reported)
    assert rejected == sorted(rejected)
    assert sorted(reported + rejected) == list(range(len(values)))
    for _, one in done.rejections:
        assert isinstance(one, Rejection)
        assert one.code in REJECTION_CODES
        assert one.code != "defect", one.reason
        assert one.reason.isprintable()
    for made in done.reports:
        _, value, headers = encode_report(made)
        assert decode_event(headers, value) == as_read(made)


@given(name=network_names, values=st.lists(st.binary(max_size=50) | st.none(), max_size=4))
def test_any_bytes_become_a_report_or_a_rejection(name: str, values: list[bytes | None]) -> None:
    check_all_accounted(NETWORKS[name], values)


@given(name=network_names, values=st.lists(json_values, max_size=4))
def test_any_json_becomes_a_report_or_a_rejection(name: str, values: list[Any]) -> None:
    check_all_accounted(NETWORKS[name], [json.dumps(value).encode() for value in values])


@settings(max_examples=60)
@given(data=st.data(), chosen=st.sampled_from(LEAST))
def test_a_changed_message_becomes_a_report_or_a_rejection(
    data: st.DataObject, chosen: tuple[str, dict[str, Any]]
) -> None:
    name, message = chosen
    changes = data.draw(
        st.dictionaries(st.sampled_from(fields(name)), json_values | st.sampled_from(TEMPTING), max_size=3)
    )
    check_all_accounted(NETWORKS[name], [written(message), json.dumps(message | changes).encode(), written(message)])


TEMPTING = [
    *("", "0" * 12, "0" * 15, "20181104013000", "2018-11-04 01:30:00", "2018-11-04T01:30:00Z", "4109020102"),
    *(0, 90, -90, 180, -180, 115.0305, 1e-300, 1e300, "90", "-180", "1", "inspector", "urgent", "reading", "Test"),
]


def fields(name: str) -> list[str]:
    """All fields of a network's messages."""
    schema = NETWORKS[name].schema.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({field for part in parts for field in part.get("properties", {})})
