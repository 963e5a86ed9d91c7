"""CloudEvents 1.0 by its Kafka binding: the report is read out of its envelope, and a batch is named when it is rejected."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.cloudevents import event_data, report_text
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from tests.support.records import LEAST, REQUEST, Record, city

Headers = Sequence[tuple[str, bytes | None]]
STRUCTURED: Headers = [("content-type", b"application/cloudevents+json")]
BATCH: Headers = [("content-type", b"application/cloudevents-batch+json; charset=UTF-8")]
ATTRIBUTES = {
    "specversion": "1.0",
    "type": "city.sr",
    "source": "/hotline",
    "id": "e-1",
    "time": "2018-01-05T17:00:00Z",
    "datacontenttype": "application/json",
}


def became(value: bytes, headers: Headers = (), network: str = "hotline") -> Report | Rejection:
    done = normalise(NETWORKS[network], [Record(value=value, headers=headers)], city())
    (one,) = (*done.reports, *(rejection for _, rejection in done.rejections))
    return one


def rejected(value: Any, headers: Headers = ()) -> Rejection:
    one = became(value if isinstance(value, bytes) else json.dumps(value).encode(), headers)
    assert isinstance(one, Rejection), one
    return one


def enveloped(message: Any) -> bytes:
    return json.dumps(ATTRIBUTES | {"data": message}).encode()


def packed(value: bytes, content_type: str = "application/json") -> bytes:
    return json.dumps(ATTRIBUTES | {"data_base64": b64encode(value).decode(), "datacontenttype": content_type}).encode()


# Structured mode


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        *[(name, []) for name in ("specversion", "id", "source", "type", "datacontenttype")],
        *[(name, STRUCTURED) for name in ("specversion", "datacontenttype")],
    ],
)
def test_an_attribute_that_is_not_utf8_is_named(name: str, headers: Headers) -> None:
    """JSON is UTF-8 (RFC 8259, 8.1), and the router does not fail on what is not."""
    value = json.dumps(ATTRIBUTES | {"data": REQUEST} | {name: "?"}).encode().replace(b'"?"', b'"\xff"')
    assert rejected(value, headers).code == "not-utf8"


def test_a_batch_with_a_byte_that_is_not_utf8_is_named() -> None:
    value = json.dumps([ATTRIBUTES | {"id": "?"}]).encode().replace(b'"?"', b'"\xff"')
    assert rejected(value).code == "not-utf8"


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b"application/cloudevents+json;charset=utf-8",
        b"Application/CloudEvents+JSON ; charset=UTF-8",
        b"application/cloudevents",
    ],
)
@pytest.mark.parametrize(("network", "message"), LEAST)
def test_the_data_of_an_envelope_is_the_report(network: str, message: dict[str, Any], content_type: bytes) -> None:
    alone = became(json.dumps(message).encode(), network=network)
    assert isinstance(alone, Report), alone
    assert became(enveloped(message), [("content-type", content_type)], network) == alone
    assert became(packed(json.dumps(message).encode()), [("content-type", content_type)], network) == alone


@pytest.mark.parametrize("headers", [[], [("content-type", b"application/json")], [("content-type", None)]])
def test_an_envelope_that_no_header_declares_is_read(headers: Headers) -> None:
    assert became(enveloped(REQUEST), headers) == became(json.dumps(REQUEST).encode())


@pytest.mark.parametrize("headers", [[], STRUCTURED])
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_in_an_envelope_what_it_is_without(number: str, headers: Headers) -> None:
    """A field without a reader keeps it as a text; another field names it."""
    text = json.dumps(REQUEST | {"more": "?"}).replace('"?"', number)
    alone = became(text.encode())
    assert isinstance(alone, Report)
    assert alone.extensions == {"more": number}
    value = f'{json.dumps(ATTRIBUTES)[:-1]}, "extra": {number}, "data": {text}}}'.encode()
    assert became(value, headers) == alone
    wrong = json.dumps(REQUEST | {"RequestSource": "?"}).replace('"?"', number)
    rejection = became(f'{json.dumps(ATTRIBUTES)[:-1]}, "data": {wrong}}}'.encode(), headers)
    assert rejection == became(wrong.encode())
    assert isinstance(rejection, Rejection)
    assert "RequestSource" in rejection.reason


def test_the_numbers_of_data_beside_a_nan_keep_their_digits() -> None:
    text = json.dumps(REQUEST | {"more": "?"}).replace('"?"', "[1.0000000000000000000001, -0, NaN]")
    value = f'{json.dumps(ATTRIBUTES)[:-1]}, "data": {text}}}'.encode()
    assert became(value) == became(text.encode())


@pytest.mark.parametrize(
    "value", [b'{"specversion":NaN}', b'[{"specversion":NaN}]', b'{"specversion":NaN', b"[" * 9000 + b'"specversion"']
)
def test_what_is_no_envelope_stays_none(value: bytes) -> None:
    assert event_data(value) is None


def test_an_envelope_may_be_in_gb18030() -> None:
    named = REQUEST | {"别名": "胜利路"}
    value = json.dumps(ATTRIBUTES | {"data": named}, ensure_ascii=False).encode("gb18030")
    headers = [("content-type", b"application/cloudevents+json; charset=GB18030")]
    assert became(value, headers) == became(json.dumps(named).encode())


def test_packed_data_may_be_in_gb18030() -> None:
    named = REQUEST | {"别名": "胜利路"}
    value = packed(json.dumps(named, ensure_ascii=False).encode("gb18030"), "application/json; charset=GB18030")
    assert became(value, STRUCTURED) == became(json.dumps(named).encode())


def test_the_reports_own_id_counts_and_not_that_of_the_event() -> None:
    made = became(enveloped(REQUEST | {"SRNumber": "1-900"}), STRUCTURED)
    assert isinstance(made, Report)
    assert (made.id, made.extensions) == ("hotline:1-900", {})


def test_the_received_time_is_not_that_of_the_event() -> None:
    made = became(enveloped(REQUEST), STRUCTURED)
    assert isinstance(made, Report)
    assert made.received_at.isoformat() == "2018-01-01T08:00:09+00:00"


def test_attributes_that_are_not_read_reject_nothing() -> None:
    for odd in ({"id": 5}, {"time": "yesterday"}, {"specversion": "9.9"}, {"source": None}, {"datacontenttype": 5}):
        value = json.dumps(ATTRIBUTES | {"data": REQUEST} | odd).encode()
        assert became(value, STRUCTURED) == became(json.dumps(REQUEST).encode()), odd
    bare = json.dumps({"data": REQUEST}).encode()
    assert became(bare, STRUCTURED) == became(json.dumps(REQUEST).encode())


def test_a_repaired_value_may_be_the_report_alone() -> None:
    """`dead-letters repair --value FILE` keeps the header of the record."""
    assert became(json.dumps(REQUEST).encode(), STRUCTURED) == became(json.dumps(REQUEST).encode())


def test_a_report_with_the_names_of_attributes_is_a_report() -> None:
    """The envelope is looked for only where the value is no report of its network."""
    message = REQUEST | ATTRIBUTES | {"data": REQUEST | {"SRNumber": "other"}}
    made = became(json.dumps(message).encode())
    assert isinstance(made, Report)
    assert made.source_id == "1-1"
    assert set(made.extensions) == {*ATTRIBUTES, "data"}


# Binary mode


def test_in_binary_mode_the_value_is_the_report() -> None:
    headers = [(f"ce_{name}", text.encode()) for name, text in ATTRIBUTES.items() if name != "datacontenttype"]
    headers.append(("content-type", b"application/json"))
    assert became(json.dumps(REQUEST).encode(), headers) == became(json.dumps(REQUEST).encode())


# Rejections


@pytest.mark.parametrize("headers", [BATCH, STRUCTURED, []])
def test_a_batch_is_rejected_by_its_name(headers: Headers) -> None:
    one = rejected([ATTRIBUTES | {"data": REQUEST}], headers)
    assert one.code == "schema"
    assert one.reason == (
        "the value is a batch of CloudEvents; send each event as a record of its own, with a key of its own."
    )


def test_an_empty_batch_is_rejected_by_its_name() -> None:
    assert "a batch of CloudEvents" in rejected([], BATCH).reason
    assert "a batch of CloudEvents" not in rejected([]).reason


@pytest.mark.parametrize("format_", ["xml", "avro", "protobuf"])
def test_an_envelope_in_another_format_is_rejected_by_its_name(format_: str) -> None:
    one = rejected(b"\x00", [("content-type", f"application/cloudevents+{format_}".encode())])
    assert one.code == "not-json"
    assert f"'application/cloudevents+{format_}', which the router does not read" in one.reason


def test_an_event_without_data_is_rejected() -> None:
    for headers in (STRUCTURED, []):
        one = rejected(ATTRIBUTES, headers) if headers else rejected(ATTRIBUTES)
        assert one.code == "schema"
        assert one.reason == "the value is a CloudEvent without `data`; send what it is about as its `data`."


@pytest.mark.parametrize("text", ["!", "e30", "e30=\n", 5, None, [], "火"])
def test_data_that_is_no_base64_is_rejected(text: Any) -> None:
    one = rejected(ATTRIBUTES | {"data_base64": text}, STRUCTURED)
    assert one.reason == "field `data_base64`: not Base64 text; send the JSON as `data` instead."


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (REQUEST | {"SRNumber": ""}, "bad-id"),
        (REQUEST | {"CreatedDate": "now"}, "bad-time"),
        (REQUEST | {"RequestType": "?"}, "unknown-code"),
        (None, "schema"),
        ("{}", "schema"),
        ({}, "bad-id"),
    ],
)
def test_data_is_judged_as_the_report_alone(data: Any, code: str) -> None:
    alone = rejected(json.dumps(data).encode())
    assert alone.code == code
    assert rejected(ATTRIBUTES | {"data": data}, STRUCTURED) == alone
    assert rejected(ATTRIBUTES | {"data": data}) == alone
    assert rejected(packed(json.dumps(data).encode()), STRUCTURED) == alone


def test_packed_data_that_is_not_utf8_is_rejected() -> None:
    assert rejected(packed(b'{"a":"\xff"}'), STRUCTURED).code == "not-utf8"
    assert rejected(packed(b"\xff", "text/plain; charset=GB18030"), STRUCTURED).code == "bad-charset"


def test_envelopes_within_envelopes_are_not_opened_without_end() -> None:
    twice = json.loads(enveloped(json.loads(enveloped(ATTRIBUTES | {"data": REQUEST}))))
    assert rejected(twice, STRUCTURED).code == "bad-id"


@given(value=st.binary(max_size=60), media=st.sampled_from([b"", b"-batch"]), rest=st.binary(max_size=20))
def test_any_bytes_under_any_header_have_an_answer(value: bytes, media: bytes, rest: bytes) -> None:
    content_type = b"application/cloudevents" + media + rest
    assert isinstance(report_text(value, [("content-type", content_type)]), bytes | Rejection)
    assert isinstance(event_data(value), bytes | Rejection | None)


def test_deep_brackets_are_no_event() -> None:
    for value in (b"[" * 100_000, b'{"data":' * 40_000):
        assert event_data(value) is None
        assert report_text(value, STRUCTURED) == value
