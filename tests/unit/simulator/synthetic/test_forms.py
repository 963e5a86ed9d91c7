"""Every class of every code table of Puyang can be written, and comes back as its matter, place and time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from router.domain.catalogue.code_tables import Code
from router.domain.geometry import distance_m, wgs84_to_gcj02
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.simulator.synthetic.coordinates import MICRO, gcj02, moved
from router.simulator.synthetic.forms.form import Page
from router.simulator.synthetic.forms.registry import FORMS
from router.simulator.synthetic.local_time import DAY, NEVER, compact, local_seconds, milliseconds, spaced, zoned
from router.simulator.synthetic.rng import RandomColumns, exponential, lognormal, normal
from tests.support.synthetic import puyang, read

LON, LAT = 115.138000, 35.819000
CELL = "410902001001001"
"""It holds the point."""
AT = datetime(2026, 3, 2, 1, 30, 9, tzinfo=UTC)
OCCURRED = datetime(2026, 3, 2, 1, 20, tzinfo=UTC)
CLASSES = [(name, code) for name, table in puyang().codes.items() if name in FORMS for code in table.codes]


def page(name: str, code: Code, number: int = 17, occurred: bool = True) -> Page:
    form = FORMS[name]
    shift = 0 if form.zoned else 8 * 3600
    lon, lat = wgs84_to_gcj02(LON, LAT) if form.datum == "gcj02" else (LON, LAT)
    return Page(
        numbers=[number],
        reported=np.array([int(AT.timestamp()) + shift]),
        occurred=np.array([int(OCCURRED.timestamp()) + shift if occurred else NEVER]),
        lon=[round(lon, 6)],
        lat=[round(lat, 6)],
        cells=[CELL],
        areas=[""],
        spellings=[form.spell(code.code, code.version)],
        counties=[CELL[:6]],
        things=[999_999],
        subjects=[2**31 - 2],
        people=[2**31 - 1],
        grades=[3],
        texts=["暴露垃圾，请处置"],
    )


def written(name: str, code: Code, number: int = 17, occurred: bool = True) -> tuple[str, Report]:
    ids, values = FORMS[name].write(page(name, code, number, occurred))
    (report,) = read([(name, values[0].encode())])
    assert isinstance(report, Report), report
    return ids[0], report


def test_every_network_of_the_city_has_a_form() -> None:
    assert set(FORMS) == set(puyang().codes)
    assert set(FORMS) <= set(NETWORKS)


@pytest.mark.parametrize("name", FORMS)
def test_every_code_is_read_as_its_matter(name: str) -> None:
    for code in puyang().codes[name].codes:
        id_, report = written(name, code)
        assert report.matter == code.matter, code
        assert report.id == f"{name}:{id_}"
        if code.version is not None:
            assert report.source_code_version == code.version


@pytest.mark.parametrize("name", FORMS)
def test_place_and_time_are_read_back(name: str) -> None:
    for code in puyang().codes[name].codes:
        _, report = written(name, code)
        assert report.reported_at == AT
        assert report.occurred_at in (OCCURRED, AT)  # a reading is of the moment
        assert report.location.doubt is None
        if FORMS[name].datum is None:
            assert (report.location.resolved_by, report.location.cell[:12]) == ("community", CELL[:12])
        else:
            assert (report.location.resolved_by, report.location.cell) == ("point", CELL)
            assert distance_m(report.location.lon or 0, report.location.lat or 0, LON, LAT) < 0.2


@pytest.mark.parametrize("name", FORMS)
def test_an_unknown_time_of_the_incident_becomes_the_reported_time(name: str) -> None:
    _, report = written(name, puyang().codes[name].codes[0], occurred=False)
    assert report.occurred_at == report.reported_at == AT


@pytest.mark.parametrize("name", FORMS)
def test_people_are_masked_and_ids_come_first(name: str) -> None:
    code = puyang().codes[name].codes[0]
    ids, values = FORMS[name].write(page(name, code))
    assert values[0].startswith(f'{{"{NETWORKS[name].id_field}":"{ids[0]}",')
    assert len({written(name, code, number)[0] for number in (1, 2, 10, 99_999_999)}) == 4


def test_a_component_keeps_its_number() -> None:
    codes = puyang().codes["urban-management"].codes
    part = next(code for code in codes if code.code == "part-0120")
    _, report = written("urban-management", part)
    assert (report.component_id, report.matter) == ("4109020120999999", "street-lamp")


def test_a_grave_incident_has_the_highest_severity() -> None:
    _, report = written("policing", puyang().codes["policing"].codes[0])
    assert (report.urgency, report.severity) == ("Immediate", "Extreme")


def test_columns_of_gcj02_are_those_of_the_domain() -> None:
    lon, lat = np.array([115_138_000, 114_950_001, 2_350_000]), np.array([35_819_000, 35_500_007, 48_850_000])
    there = zip(*gcj02(lon, lat), strict=True)
    for (x, y), one, other in zip(there, lon, lat, strict=True):
        expected = wgs84_to_gcj02(one / MICRO, other / MICRO)
        assert (x / MICRO, y / MICRO) == (round(expected[0], 6), round(expected[1], 6))


def test_points_are_moved_by_millimetres() -> None:
    lon, lat = moved(np.array([115_138_000]), np.array([35_819_000]), np.array([30_000]), np.array([-40_000]))
    assert distance_m(115.138, 35.819, lon[0] / MICRO, lat[0] / MICRO) == pytest.approx(50, abs=0.2)
    assert lon[0] > 115_138_000
    assert lat[0] < 35_819_000


def test_times_as_text() -> None:
    instants = np.array([int(AT.timestamp()), NEVER])
    assert compact(instants) == ["20260302013009", ""]
    assert spaced(instants) == ["2026-03-02 01:30:09", ""]
    assert zoned(instants) == ["2026-03-02T01:30:09Z", ""]
    assert milliseconds(instants[:1] * 1000 + 7) == ["2026-03-02T01:30:09.007Z"]


def test_local_time_follows_a_change_of_clocks() -> None:
    """In Los Angeles summer time of 2018 began on 11 March at 10:00 UTC: 01:59:59 is followed by 03:00:00."""
    changes = int(datetime(2018, 3, 11, 10, tzinfo=UTC).timestamp())
    shown = local_seconds(np.array([changes - 1, changes]), ZoneInfo("America/Los_Angeles"))
    assert spaced(shown) == ["2018-03-11 01:59:59", "2018-03-11 03:00:00"]


def test_tables_have_the_moments_of_their_distributions() -> None:
    assert normal(15_000).mean() == pytest.approx(0, abs=1)
    assert normal(15_000).std() == pytest.approx(15_000, rel=0.005)
    assert np.median(lognormal(1200, 1.4, DAY)) == pytest.approx(1200, abs=2)
    assert lognormal(1200, 1.4, 3600).max() == 3600
    assert exponential().mean() == pytest.approx(1, rel=0.005)


def test_counts_are_those_of_poisson() -> None:
    rng = RandomColumns(3)
    small = rng.counts(np.full(40_000, 0.5))
    assert small.mean() == pytest.approx(0.5, abs=0.02)
    assert (small == 0).mean() == pytest.approx(0.6065, abs=0.012)  # exp(-0.5)
    large = [rng.count(400.0) for _ in range(500)]
    assert np.mean(large) == pytest.approx(400, abs=4)
    assert np.std(large) == pytest.approx(20, rel=0.15)
    assert rng.count(0.0) == 0
