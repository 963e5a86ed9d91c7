"""Work safety: upper-case columns, professional grids of 20 digits, the point of the enterprise."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import CellRegistry, Claim, load_cells
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import draft, rejection, report
from tests.support.samples import listening

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
HAZARD = {"YHBH": "A1", "YHDM": "AQ0101", "ZYWG": "02010141090200100100", "SBSJ": "2018-01-01 08:00:09"}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_a_hazard_with_only_required_fields_is_accepted() -> None:
    assert draft("work-safety", HAZARD, SHANGHAI) == Draft(
        source_id="A1",
        codes=("AQ0101",),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="work-safety", at=EIGHT, community="410902001001", area="02010141090200100100"),
    )


@pytest.mark.parametrize(
    ("grid", "community"),
    [  # 6 object, 6 county, 3 street, 3 community, 2 sequence
        ("02010141090200100100", "410902001001"),
        ("02010141090200160000", "410902001600"),
        ("02010141090200160100", None),  # several joined
        ("02010141090200199900", None),
        ("02010141090200100000", None),  # a whole street
        ("02010141090200100101", None),  # a part: which cells, the crosswalk knows
        ("02010141090200160102", None),
    ],
)
def test_a_grid_equal_to_a_community_gives_the_community(grid: str, community: str | None) -> None:
    claim = draft("work-safety", HAZARD | {"ZYWG": grid}, SHANGHAI).claim
    assert (claim.community, claim.area) == (community, grid)


@pytest.mark.parametrize("grid", ["02010141090200200100", "02010141090200200101"])
def test_without_a_point_the_grid_gives_the_community(grid: str) -> None:
    location = report("work-safety", HAZARD | {"ZYWG": grid}, listening()).location
    assert (location.cell, location.resolved_by, location.source_grid) == ("410902002001001", "community", grid)


def test_the_crosswalk_resolves_a_part_of_a_community() -> None:
    east = {"410902001001001": "115.030", "410902001001002": "115.031"}
    rows = [
        f'{code},c,,,"POLYGON (({west} 35.76, {west}9 35.76, {west}9 35.761, {west} 35.761, {west} 35.76))"'
        for code, west in east.items()
    ]
    cells = load_cells(
        "\n".join(["code,name,valid_from,valid_until,geometry", *rows, ""]),
        "community,name,default_cell\n410902001001,c,410902001001001\n",
        "network,area,code,share\nwork-safety,02010141090200100102,410902001001002,1\n",
        files=["cells.csv", "communities.csv", "areas.csv"],
    )
    assert isinstance(cells, CellRegistry), cells
    of = replace(listening(), cells=cells)
    found = {
        sequence: report("work-safety", HAZARD | {"ZYWG": f"020101410902001001{sequence}"}, of).location.cell
        for sequence in ("00", "02")
    }
    assert found == {"00": "410902001001001", "02": "410902001001002"}


def test_a_joined_grid_missing_in_the_crosswalk_gets_its_street() -> None:
    location = report("work-safety", HAZARD | {"ZYWG": "02010141090200260100"}, listening()).location
    assert location.cell.startswith("410902002")
    assert "only its street 410902002 is known" in (location.doubt or "")


def test_the_point_of_the_enterprise_outranks_the_grid() -> None:
    point = {"JD": 115.0305, "WD": 35.7605}
    location = report("work-safety", HAZARD | point | {"ZYWG": "02010141090200200100"}, listening()).location
    assert (location.cell, location.resolved_by, location.accuracy_m) == ("410902001001001", "point", 100.0)


@pytest.mark.parametrize("half", [{"JD": 115.03}, {"WD": 35.76}, {"JD": 115.03, "WD": None}])
def test_one_coordinate_alone_is_not_a_point(half: dict[str, Any]) -> None:
    claim = draft("work-safety", HAZARD | half, SHANGHAI).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "urgency", "severity"),
    [
        ({"YHJB": "1"}, "Immediate", "Extreme"),
        ({"YHJB": "2"}, "Expected", "Severe"),
        ({"YHJB": "3"}, "Expected", "Minor"),
        ({"YHJB": ""}, "Unknown", "Unknown"),
        ({"YHJB": None}, "Unknown", "Unknown"),
    ],
)
def test_the_level_gives_urgency_and_severity(given: dict[str, Any], urgency: str, severity: str) -> None:
    made = draft("work-safety", HAZARD | given, SHANGHAI)
    assert (made.urgency, made.severity) == (urgency, severity)


@pytest.mark.parametrize(
    ("source", "certainty"),
    [("1", "Observed"), ("2", "Observed"), ("3", "Likely"), ("4", "Possible"), ("", "Unknown"), (None, "Unknown")],
)
def test_the_source_gives_the_certainty(source: str | None, certainty: str) -> None:
    assert draft("work-safety", HAZARD | {"YHLY": source}, SHANGHAI).certainty == certainty


@pytest.mark.parametrize(("mark", "status"), [("0", "Actual"), ("1", "Exercise"), ("2", "Test")])
def test_drills_and_tests_stay_recognisable(mark: str, status: str) -> None:
    assert draft("work-safety", HAZARD | {"YLBZ": mark}, SHANGHAI).status == status


def test_wall_times_are_converted_with_their_doubts() -> None:
    times = {"FXSJ": "2018-11-04 01:30:00", "SBSJ": "2018-11-04 02:30:00"}
    made = draft("work-safety", HAZARD | times | {"QYBS": "QY-1", "more": 1}, LOS_ANGELES)
    assert made.occurred_at == made.claim.at == datetime(2018, 11, 4, 8, 30, tzinfo=UTC)
    assert made.reported_at == datetime(2018, 11, 4, 10, 30, tzinfo=UTC)
    assert made.extensions == {
        "more": 1,
        "QYBS": "QY-1",
        DOUBT: "2018-11-04T01:30:00 occurs twice, the first was taken",
    }


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("QYBS", "FXSJ", "YHJB", "YHLY", "YHMS", "DZ", "JCRBS"), "")
    assert draft("work-safety", HAZARD | empty | {"ZP": []}, SHANGHAI) == draft("work-safety", HAZARD, SHANGHAI)


def test_the_address_replaces_a_missing_description() -> None:
    assert draft("work-safety", HAZARD | {"DZ": "2 号库"}, SHANGHAI).description == "2 号库"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"YHBH": ""}, "bad-id", "YHBH"),
        ({"YHBH": "A" * 65}, "bad-id", "YHBH"),
        ({"SBSJ": "20180101080009"}, "bad-time", "SBSJ"),
        ({"FXSJ": "2018-01-01 24:00:00"}, "bad-time", "FXSJ"),
        ({"QYBS": "914109007474123456"}, "personal-data", "QYBS"),  # a sole trader's number may be the person's
        ({"JCRBS": "13812345678"}, "personal-data", "JCRBS"),
        ({"YHDM": "aq0101"}, "schema", "YHDM"),
        ({"ZYWG": "0201014109020010010"}, "schema", "ZYWG"),
        ({"ZYWG": "020101410902001001001"}, "schema", "ZYWG"),
        ({"ZYWG": "０２０１０１４１０９０２００１００１００"}, "schema", "ZYWG"),
        ({"ZYWG": "02010141090200100²00"}, "schema", "ZYWG"),  # a digit to Python, and no number
        ({"ZYWG": ""}, "schema", "ZYWG"),
        ({"JD": "115.03"}, "schema", "JD"),
        ({"WD": 90.5}, "schema", "WD"),
        ({"YHJB": "4"}, "schema", "YHJB"),
        ({"YLBZ": ""}, "schema", "YLBZ"),  # whether it is a drill must not be guessed
        ({"ZP": [{"url": "https://photos.example.org/a.jpg"}]}, "schema", "ZP.0.sha256"),
    ],
)
def test_an_invalid_hazard_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("work-safety", HAZARD | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
