"""The hotline: rows of the city's open data file, every value a text, American wall times."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import REQUEST, draft, rejection, report

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
FULL = {  # the first row of the recorded history
    "SRNumber": "1-870704814",
    "CreatedDate": "01/01/2018 12:00:09 AM",
    "UpdatedDate": "01/06/2018 10:18:29 AM",
    "ActionTaken": "SR Created",
    "Owner": "BOS",
    "RequestType": "Bulky Items",
    "Status": "Closed",
    "RequestSource": "Mobile App",
    "Anonymous": "Y",
    "ServiceDate": "01/06/2018 12:00:00 AM",
    "ClosedDate": "01/06/2018 10:18:29 AM",
    "Latitude": "34.0676390557",
    "Longitude": "-118.294017712",
    "APC": "Central APC",
    "NCName": "WILSHIRE CENTER - KOREATOWN NC",
    "PolicePrecinct": "OLYMPIC",
    "ZipCode": "90006",
}


def test_a_recorded_row_becomes_a_report() -> None:
    midnight = datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC)  # Los Angeles is 8 hours behind in winter
    assert draft("hotline", FULL, LOS_ANGELES) == Draft(
        source_id="1-870704814",
        codes=("Bulky Items",),
        closed="closed",
        closed_at=datetime(2018, 1, 6, 18, 18, 29, tzinfo=UTC),
        occurred_at=midnight,
        reported_at=midnight,
        revised_at=datetime(2018, 1, 6, 18, 18, 29, tzinfo=UTC),
        claim=Claim(
            network="hotline",
            at=midnight,
            lon=-118.294017712,
            lat=34.0676390557,
            accuracy_m=20.0,
            area="Central APC|OLYMPIC|WILSHIRE CENTER - KOREATOWN NC",
        ),
        extensions={"ZipCode": "90006"},
    )


@pytest.mark.parametrize("owner", ["LADWP", "", "unknown"])
def test_the_recorded_owner_does_not_change_the_draft(owner: str) -> None:
    assert draft("hotline", FULL | {"Owner": owner}, LOS_ANGELES) == draft("hotline", FULL, LOS_ANGELES)


@pytest.mark.parametrize(
    ("wall", "utc", "doubt"),
    [
        ("01/01/2018 12:00:00 AM", "2018-01-01T08:00:00", None),  # midnight
        ("01/01/2018 12:00:00 PM", "2018-01-01T20:00:00", None),  # noon
        ("01/01/2018 11:59:59 PM", "2018-01-02T07:59:59", None),
        ("02/29/2016 01:00:00 AM", "2016-02-29T09:00:00", None),
        ("07/01/2018 01:00:00 AM", "2018-07-01T08:00:00", None),
        ("11/04/2018 12:59:59 AM", "2018-11-04T07:59:59", None),
        ("11/04/2018 01:30:00 AM", "2018-11-04T08:30:00", "occurs twice"),
        ("11/04/2018 02:00:00 AM", "2018-11-04T10:00:00", None),
        ("03/11/2018 02:30:00 AM", "2018-03-11T10:30:00", "was skipped"),
    ],
)
def test_wall_times_are_converted(wall: str, utc: str, doubt: str | None) -> None:
    made = draft("hotline", REQUEST | {"CreatedDate": wall}, LOS_ANGELES)
    assert made.reported_at == made.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert (DOUBT in made.extensions) == (doubt is not None)
    assert (doubt or "") in made.extensions.get(DOUBT, "")


@pytest.mark.parametrize(
    ("given", "point"),
    [
        ({"Latitude": "34", "Longitude": "-118"}, (-118.0, 34.0)),
        ({"Latitude": "-90.0", "Longitude": "180"}, (180.0, -90.0)),
        ({"Latitude": "", "Longitude": ""}, None),
        ({"Latitude": "34.06", "Longitude": ""}, None),
        ({"Longitude": "-118.29"}, None),
        ({"Latitude": None, "Longitude": None}, None),
        ({"Latitude": "  ", "Longitude": "-118.29"}, None),
        ({"Latitude": " 34.0606", "Longitude": "-118.2498"}, (-118.2498, 34.0606)),
        ({"Latitude": "34.0606 ", "Longitude": "-118.2498\t"}, (-118.2498, 34.0606)),
        ({"Latitude": "34.06060000000000000012", "Longitude": "-118.2498"}, (-118.2498, 34.0606)),
        ({"Latitude": "0", "Longitude": "0"}, (0.0, 0.0)),
        ({}, None),
    ],
)
def test_degrees_are_texts_and_one_coordinate_is_not_a_point(
    given: dict[str, str], point: tuple[float, float] | None
) -> None:
    claim = draft("hotline", REQUEST | given, LOS_ANGELES).claim
    assert (claim.lon, claim.lat) == (point or (None, None))
    assert claim.accuracy_m == (20.0 if point else None)


@pytest.mark.parametrize(
    ("given", "area"),
    [
        ({"APC": "Central APC", "PolicePrecinct": "CENTRAL", "NCName": ""}, "Central APC|CENTRAL|"),
        ({"NCName": "SILVER LAKE NC"}, "||SILVER LAKE NC"),
        ({"APC": "", "PolicePrecinct": "", "NCName": ""}, None),
        ({"APC": None, "PolicePrecinct": None, "NCName": None}, None),
        ({"APC": None, "PolicePrecinct": "CENTRAL", "NCName": None}, "|CENTRAL|"),
        ({}, None),
    ],
)
def test_the_area_is_commission_precinct_and_council(given: dict[str, str], area: str | None) -> None:
    assert draft("hotline", REQUEST | given, LOS_ANGELES).claim.area == area


@pytest.mark.parametrize(
    ("source", "certainty"), [("Driver Self Report", "Observed"), ("Mobile App", "Unknown"), ("", "Unknown")]
)
def test_reports_of_the_citys_drivers_are_observed(source: str, certainty: str) -> None:
    assert draft("hotline", REQUEST | {"RequestSource": source}, LOS_ANGELES).certainty == certainty


@pytest.mark.parametrize("nothing", ["", None])
def test_empty_texts_and_null_are_absent_values(nothing: str | None) -> None:
    optional = [name for name in FULL if name not in (*REQUEST, "ZipCode")]
    assert len(optional) == 13
    assert draft("hotline", REQUEST | dict.fromkeys(optional, nothing), LOS_ANGELES) == draft(
        "hotline", REQUEST, LOS_ANGELES
    )


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"SRNumber": ""}, "bad-id"),
        ({"SRNumber": 1}, "bad-id"),
        ({"CreatedDate": "2018-01-01 00:00:09"}, "bad-time"),
        ({"CreatedDate": "02/29/2018 01:00:00 AM"}, "bad-time"),
        ({"CreatedDate": "01/01/2018 00:00:09 AM"}, "bad-time"),  # twelve hours have no zero
        ({"CreatedDate": "01/01/2018 13:00:09 PM"}, "bad-time"),
        ({"CreatedDate": "13/01/2018 01:00:09 PM"}, "bad-time"),
        ({"RequestType": ""}, "schema"),
        ({"Latitude": 34.06}, "schema"),
        ({"Latitude": "90.1"}, "schema"),
        ({"Latitude": "1e1"}, "schema"),
        ({"Latitude": "nan"}, "schema"),
        ({"Latitude": "34 .06"}, "schema"),
        ({"Latitude": "3.40606E+01"}, "schema"),
        ({"Latitude": "34,0606"}, "schema"),
        ({"Latitude": "-118.2498"}, "schema"),
        ({"Longitude": "－118"}, "schema"),
        ({"Longitude": "１１８"}, "schema"),
        ({"CreatedDate": None}, "bad-time"),
        ({"CreatedDate": "01/05/2018 09:00"}, "bad-time"),
        ({"APC": 5}, "schema"),
    ],
)
def test_an_invalid_request_is_rejected(wrong: dict[str, Any], code: str) -> None:
    rejected = rejection("hotline", REQUEST | wrong)
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{next(iter(wrong))}`: ")


def test_an_unknown_request_type_is_rejected() -> None:
    rejected = rejection("hotline", REQUEST | {"RequestType": "Flying Saucer"})
    assert rejected.reason == (
        "code 'Flying Saucer' is not in the code table; add it to codes/hotline.csv of the city, or correct the source."
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"Status": "Closed", "ClosedDate": "01/01/2018 03:00:00 PM"}, "closed"),
        ({"Status": "Closed", "ClosedDate": "01/01/2018 04:00:10 PM"}, None),  # a second after the receipt
        ({"Status": "Cancelled", "UpdatedDate": "01/01/2018 03:00:00 PM"}, "cancelled"),
        ({"Status": "Cancelled", "UpdatedDate": "01/02/2018 03:00:00 PM"}, None),
        ({"Status": "Closed", "ClosedDate": "soon"}, "closed"),
        ({"Status": "Closed"}, "closed"),
        ({"Status": "Referred Out", "ClosedDate": "01/01/2018 03:00:00 PM"}, None),
        ({"Status": ["Closed"]}, None),
        ({}, None),
    ],
)
def test_a_request_is_closed_from_its_closing_on(more: dict[str, Any], expected: str | None) -> None:
    """Received on 1 January at 16:00:09 in Shanghai. A closing that is later than the receipt has not happened yet."""
    assert report("hotline", REQUEST | more).closed == expected
