"""The source's own id in a record, as the router reads the record: in an envelope, in GB 18030, and in a record that it rejects."""

import json
from base64 import b64encode
from typing import Any

import pytest

from router.domain.intake.normalise import MAX_BYTES, normalise
from router.domain.intake.source_ids import LONGEST, report_id_of, source_id_of
from router.domain.networks.registry import NETWORKS
from tests.support.poison import POISON
from tests.support.poison.record import named
from tests.support.records import LEAST, REQUEST, Record, city

EVENT = {"specversion": "1.0", "type": "t", "source": "/s", "id": "e-1"}
STRUCTURED = [("content-type", b"application/cloudevents+json")]
GB18030 = [("content-type", b"application/json; charset=GB18030")]
HOTLINE = NETWORKS["hotline"]
BAD = REQUEST | {"CreatedDate": "yesterday"}


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("headers", [[], STRUCTURED], ids=["undeclared", "declared"])
@pytest.mark.parametrize(("network", "message"), LEAST)
@pytest.mark.parametrize("sound", [True, False])
def test_the_id_is_that_of_the_report_and_not_that_of_its_envelope(
    network: str, message: dict[str, Any], headers: list[tuple[str, bytes]], sound: bool
) -> None:
    one = NETWORKS[network]
    sent = message if sound else {one.id_field: message[one.id_field]}
    expected = str(message[one.id_field])
    packed = EVENT | {"data_base64": b64encode(written(sent)).decode()}
    for value in (EVENT | {"data": sent}, packed, sent):
        assert source_id_of(one, written(value), headers) == expected
        assert report_id_of(one, written(value), headers) == (expected if sound else None)


@pytest.mark.parametrize("headers", [[], STRUCTURED], ids=["undeclared", "declared"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
@pytest.mark.parametrize("content", [{}, {"data": None}, {"data": {}}, {"data_base64": "%"}], ids=str)
def test_an_envelope_without_a_report_has_no_id(
    network: Any, content: dict[str, Any], headers: list[tuple[str, bytes]]
) -> None:
    assert source_id_of(network, written(EVENT | content), headers) is None


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (written(REQUEST | {"q": float("nan")}), []),
        (written(BAD | {"q": float("nan")}), []),
        (json.dumps(REQUEST | {"q": "街"}, ensure_ascii=False).encode("gb18030"), GB18030),
        (json.dumps(EVENT | {"data": REQUEST, "q": "街"}, ensure_ascii=False).encode("gb18030"), GB18030),
        (written(REQUEST | EVENT | {"data": REQUEST | {"SRNumber": "other"}}), []),
    ],
    ids=[
        "NaN",
        "NaN in a rejected report",
        "GB 18030",
        "an envelope in GB 18030",
        "a report that looks like an envelope",
    ],
)
def test_the_id_is_read_as_the_router_reads_the_record(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    assert source_id_of(HOTLINE, value, headers) == REQUEST["SRNumber"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (7, "7"),
        (True, None),
        (None, None),
        (1.5, None),
        ("", None),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * 65, None),
        ([], None),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(found: Any, expected: str | None) -> None:
    assert source_id_of(HOTLINE, written(BAD | {"SRNumber": found})) == expected


def test_a_number_of_thousands_of_digits_is_no_id() -> None:
    assert source_id_of(HOTLINE, b'{"SRNumber":' + b"7" * 10_000 + b"}") is None


@pytest.mark.parametrize(
    "value", [None, b"", b"[]", b"7", b"\xff", b'{"SRNumber":"\xff"}', b"[" * MAX_BYTES, b" " * (MAX_BYTES + 1)]
)
def test_what_is_no_object_has_no_id(value: bytes | None) -> None:
    assert source_id_of(HOTLINE, value) is None


def test_every_report_of_the_poison_collection_has_the_id_that_the_router_gives_it() -> None:
    for one in POISON:
        for network in NETWORKS.values():
            headers = named(one.headers)
            done = normalise(network, [Record(key=one.key, value=one.value, headers=headers)], city())
            expected = [report.source_id for report in done.reports]
            if expected:
                assert [source_id_of(network, one.value, headers)] == expected, one.name
