"""Message writers: networks read back the matter, position and time of every code."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from msgspec.structs import replace

from router.domain.catalogue.code_tables import Code
from router.domain.geometry import distance_m
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.local_time import DOUBT
from router.simulator.recorded.message_writers import MESSAGE_WRITERS, Observation, broken
from tests.support.records import draft, rejection, report, shipped_codes

LOS_ANGELES, SHANGHAI = ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Shanghai")
HERE = Observation(
    number=17,
    network="policing",
    code="1204",
    version=None,
    lon=115.0305,
    lat=35.7605,
    cell="410902001001001",
    reported_at=datetime(2018, 1, 1, 4, 30, 9, tzinfo=UTC),
    zone=SHANGHAI,
)
"""An observation in the first cell of the tiny city, at 12:30:09 local time."""
ROUNDED_M = 0.2
"""Tolerance for six decimals of a degree and the GCJ-02 round trip."""
CLASSES = [
    (name, code)
    for name, table in shipped_codes().items()
    if name in MESSAGE_WRITERS
    for code in table.codes
    if code.code != "reading"  # the class of readings at large has no pollutant of its own
]


def wrote(sight: Observation, seed: int = 1) -> tuple[str, dict[str, Any]]:
    return MESSAGE_WRITERS[sight.network](sight, Random(seed))


def read(sight: Observation) -> Report:
    return report(sight.network, wrote(sight)[1])


def of(name: str, code: Code) -> Observation:
    return replace(HERE, network=name, code=code.code, version=code.version)


@pytest.mark.parametrize(("name", "code"), CLASSES, ids=lambda one: getattr(one, "code", one))
def test_every_code_is_read_back_as_its_matter(name: str, code: Code) -> None:
    sight = of(name, code)
    made = read(sight)
    assert made.matter == code.matter
    assert made.source_id == wrote(sight)[0]
    assert made.source_code_version == (code.version or ("GB/T 30428.2-2013" if name == "urban-management" else None))


def test_a_reading_of_any_pollutant_is_read_back() -> None:
    made = read(replace(HERE, network="environment", code="reading"))
    assert (made.matter, made.certainty) == ("other", "Observed")


@pytest.mark.parametrize(
    ("name", "code", "points"),
    [
        ("policing", "1204", True),
        ("policing", "120403", True),
        ("urban-management", "event-0102", True),
        ("urban-management", "part-0109", True),
        ("environment", "odour", True),
        ("environment", "reading/H2S", True),
        ("social-security", "RS01", False),
    ],
)
def test_position_and_time_are_read_back(name: str, code: str, points: bool) -> None:
    made = read(replace(HERE, network=name, code=code))
    assert made.reported_at == HERE.reported_at
    assert timedelta(0) <= made.reported_at - made.occurred_at < timedelta(minutes=20)
    assert made.location.doubt is None
    if points:
        assert (made.location.cell, made.location.resolved_by) == (HERE.cell, "point")
        assert distance_m(made.location.lon or 0, made.location.lat or 0, HERE.lon, HERE.lat) < ROUNDED_M
    else:
        assert (made.location.cell[:12], made.location.resolved_by) == (HERE.cell[:12], "community")


def test_police_write_their_point_in_gcj02() -> None:
    _, payload = wrote(HERE)
    assert 100 < distance_m(payload["jd"], payload["wd"], HERE.lon, HERE.lat) < 1000  # as far as GCJ-02 is off


def test_inspectors_write_the_cell_they_recorded() -> None:
    made = read(replace(HERE, network="urban-management", code="event-0102", cell="410902001001002"))
    assert made.location.cell == HERE.cell  # the point decides
    assert "410902001001002" in (made.location.doubt or "")


def test_a_component_has_a_code_of_16_digits() -> None:
    made = read(replace(HERE, network="urban-management", code="part-0109", number=1_000_017))
    assert made.component_id == "4109020109000017"


def test_people_stay_masked_for_any_random_digits() -> None:
    for seed in range(200):
        _, payload = wrote(replace(HERE, network="social-security", code="RS01"), seed)
        assert report("social-security", payload).extensions == {"personRef": payload["personRef"]}


@pytest.mark.parametrize("name", MESSAGE_WRITERS)
@pytest.mark.parametrize(
    ("utc", "apart"),
    [
        ("2018-11-04T08:30:00", timedelta(0)),  # 01:30 for the first time
        ("2018-11-04T09:30:00", timedelta(hours=1)),  # and for the second: on paper they are one
        ("2018-11-04T10:05:00", timedelta(0)),
        ("2018-03-11T09:59:59", timedelta(0)),
        ("2018-03-11T10:05:00", timedelta(0)),  # 03:05, with what was seen before the gap
    ],
)
def test_a_repeated_hour_is_read_back(name: str, utc: str, apart: timedelta) -> None:
    code = {"policing": "1204", "urban-management": "event-0102", "environment": "odour", "social-security": "RS01"}
    at = datetime.fromisoformat(f"{utc}+00:00")
    sight = replace(HERE, network=name, code=code[name], reported_at=at, zone=LOS_ANGELES)
    if name == "environment":  # it alone writes the zone
        apart = timedelta(0)
    for seed in range(20):
        made = draft(name, wrote(sight, seed)[1], LOS_ANGELES)
        assert at - made.reported_at == apart
        assert "skipped" not in made.extensions.get(DOUBT, "")
        if apart:
            assert "occurs twice" in made.extensions[DOUBT]


def kinds() -> Iterator[tuple[str, Observation]]:
    for name, code in CLASSES:
        yield name, of(name, code)


def test_the_id_comes_first_and_is_read_back() -> None:
    for name, sight in kinds():
        id_, payload = wrote(sight)
        assert next(iter(payload.items())) == (NETWORKS[name].id_field, id_)


@pytest.mark.parametrize("name", MESSAGE_WRITERS)
def test_every_network_rejects_malformed_messages(name: str) -> None:
    said = set()
    for sight in (sight for of_network, sight in kinds() if of_network == name):
        for seed in range(24):
            value = broken(wrote(sight, seed)[1], Random(seed))
            said.add(rejection(name, value).code)
    assert said == {"not-json", "not-utf8", "schema", "bad-id"}  # each of the four ways is taken, and rejected for it


def test_equal_seeds_give_equal_bytes() -> None:
    for _, sight in kinds():
        one, other = (orjson.dumps(wrote(sight, 5)[1]) for _ in range(2))
        assert one == other
        payload = wrote(sight, 5)[1]
        assert broken(payload, Random(5)) == broken(payload, Random(5))


def test_other_numbers_give_other_ids() -> None:
    for name in MESSAGE_WRITERS:
        first = next(sight for of_network, sight in kinds() if of_network == name)
        ids = {wrote(replace(first, number=number))[0] for number in range(100)}
        assert len(ids) == 100
