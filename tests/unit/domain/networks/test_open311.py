"""Service requests of Open311: places, photos, and the time of what names none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.open311 import NETWORK
from router.domain.rules.rule_sets import RuleSets
from tests.support.cities import shipped
from tests.support.records import Record

REQUEST = {"service_request_id": "key-1", "service_code": "graffiti", "lat": 47.6097, "long": -122.3331}
NINE, NOON = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (9, 12))


def decided(*, without: tuple[str, ...] = (), at: datetime = NINE, **more: Any) -> Report | Rejection:
    """What becomes of the request with other fields."""
    fields = {name: value for name, value in (REQUEST | more).items() if name not in without}
    done = normalise(NETWORK, [record(fields, at)], shipped("seattle"))
    return done.reports[0] if done.reports else done.rejections[0][1]


def record(fields: Mapping[str, Any], at: datetime) -> Record:
    stamp = [("grid-received-at", at.isoformat().encode())]
    return Record(key=b"key-1", value=orjson.dumps(fields), timestamp=int(at.timestamp() * 1000) + 5, headers=stamp)


def accepted(**more: Any) -> Report:
    made = decided(**more)
    assert isinstance(made, Report), made
    return made


def test_a_request_that_names_no_time_happened_when_it_was_received() -> None:
    made = accepted()
    assert (made.occurred_at, made.reported_at, made.received_at) == (NINE, NINE, NINE)
    seen = accepted(occurred_at="2026-11-24T08:00:00+01:00", at=NOON)
    assert (seen.occurred_at, seen.reported_at) == (datetime(2026, 11, 24, 7, tzinfo=UTC), NOON)


def test_a_retry_hours_later_is_the_same_request() -> None:
    """Its content is equal, so its later occurrence makes no other incident of it."""
    rules, index = RuleSets(shipped("seattle")), DedupIndex()
    first = admit(NETWORK, [record(REQUEST, NINE)], rules, index)
    again = admit(NETWORK, [record(REQUEST, NOON)], rules, index)
    other = admit(NETWORK, [record(REQUEST | {"description": "on the left"}, NOON)], rules, index)
    assert (first.accepted, again.redelivered, again.accepted) == (1, 1, 0)
    assert other.accepted + other.updated == 1


def test_the_point_is_in_wgs84_and_decides() -> None:
    made = accepted(address_id="530330001000010")
    assert (made.location.resolved_by, made.location.lon, made.location.lat) == ("point", -122.3331, 47.6097)


def test_an_address_alone_is_a_place_without_a_point() -> None:
    made = accepted(without=("lat", "long"), address_string="Pike Street")
    assert (made.location.resolved_by, made.address, made.description) == ("fallback", "Pike Street", "Pike Street")


@pytest.mark.parametrize(
    ("without", "more", "code", "said"),
    [
        (("lat", "long"), {}, "schema", "lat and long, address_string or address_id must be given"),
        (("long",), {"address_string": "x"}, "schema", "lat and long must be given together"),
        ((), {"lat": 91}, "schema", "lat"),
        ((), {"lat": "47.6"}, "schema", "lat"),
        ((), {"service_code": "unicorn"}, "unknown-code", "unicorn"),
        ((), {"occurred_at": "yesterday"}, "bad-time", "occurred_at"),
        ((), {"kind": "Test"}, "schema", "kind"),
        ((), {"media_url": "javascript:x"}, "schema", "media_url"),
        (("service_request_id",), {}, "bad-id", "service_request_id"),
    ],
)
def test_what_is_no_request_is_rejected_with_its_field(
    without: tuple[str, ...], more: dict[str, Any], code: str, said: str
) -> None:
    rejected = decided(without=without, **more)
    assert isinstance(rejected, Rejection)
    assert rejected.code == code
    assert said in rejected.reason


def test_a_photo_is_shown_if_its_hash_is_known() -> None:
    url, digest = "https://photos.example.org/1.jpg", "a" * 64
    assert [one.sha256 for one in accepted(media_url=url, media_sha256=digest).media] == [digest]
    unseen = accepted(media_url=url)
    assert (unseen.media, unseen.extensions) == ((), {"media_url": url})


def test_numbers_of_persons_are_masked_in_attributes() -> None:
    made = accepted(description="call 13812345678", size="large")
    assert "13812345678" not in made.description
    assert made.extensions == {"size": "large"}
    assert accepted(kind="exercise").status == "Exercise"
