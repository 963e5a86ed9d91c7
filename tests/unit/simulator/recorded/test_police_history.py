"""Seattle's recorded police responses: every row gives two alarms in order, unchanged, and invalid files give clear errors."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from router.cities.folder import city_folder
from router.domain.geometry import distance_m
from router.domain.intake.normalise import normalise
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.scenario import HISTORY, history_of, input_of
from router.wire.errors import InputError
from tests.support.cities import shipped
from tests.support.driver import los_angeles
from tests.support.records import Record

FOLDER = city_folder("seattle")
MATTERS = {
    ("initial", "PROPERTY - DAMAGE"): "property-damage",
    ("initial", "SHOTS - IP/JO - INCLUDES HEARD/NO ASSAULT"): "weapons",
    ("initial", "ALARM - AUDIBLE AUTOMOBILE (UNOCC/ANTI-THEFT)"): "alarm",
    ("initial", "AUTO RECOVERY"): "auto-theft",
    ("initial", "PURSE SNATCH - ROBBERY"): "robbery",
    ("initial", "DETOX - REQUEST FOR"): "person-down",
    ("initial", "TRU- MOTOR VEHICLE COLLISION, HIT AND RUN AFTER THE FACT"): "collision",
    ("initial", "TREES DOWN, OBSTRUCTING PUBLIC PROP (NO HAZ)"): "road-obstruction",
    ("initial", "SECONDARY - PROPERTY, LOST OR MISSING"): "found-property",
    ("initial", "SECONDARY - THEFT (NOT SHOPLIFT OR SERVICES)"): "theft",
    ("clearance", "GANG GRAFFITI"): "graffiti",
    ("clearance", "PROPERTY DESTRUCTION"): "property-damage",
    ("clearance", "LICENSE PLATE THEFT OR LOSS"): "car-prowl",
    ("clearance", "DRIVE BY SHOOTING (NO INJURIES)"): "weapons",
    ("clearance", "LIQUOR VIOLATION - INTOXICATED PERSON"): "person-down",
    ("clearance", "LIQUOR VIOLATION - ADULT"): "nuisance",
    ("clearance", "ALACAD - VEHICLE (FALSE)"): "alarm",
    ("clearance", "PARKS EXCLUSION"): "parks-rules",
    ("clearance", "BLOCKING VEHICLE"): "road-obstruction",
    ("clearance", "MISSING PERSON"): "missing-person",
}
"""Matters as a person reads these types."""


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


RECORDED = table(FOLDER / HISTORY / "seattle_police911_2016.csv")
TYPES = {(row["stage"], row["description"]): row["code"] for row in table(FOLDER / HISTORY / "types.csv")}
UNITS = {row["beat"]: row for row in table(FOLDER / HISTORY / "units.csv")}
CODES = {row["code"]: row["matter"] for row in table(FOLDER / "codes" / "policing.csv")}


@cache
def seattle() -> City:
    return shipped("seattle")


@cache
def sent() -> list[SourceMessage]:
    return list(input_of(seattle(), FOLDER).messages(reports=None, seed=1, secondary_reports=True))


@cache
def reports() -> list[Report]:
    done = normalise(NETWORKS["policing"], [Record(value=one.value) for one in sent()], seattle())
    assert [rejected.reason for _, rejected in done.rejections] == []
    return done.reports


def of(number: str) -> list[SourceMessage]:
    return [one for one in sent() if one.source_id == number]


def at_clock(text: str) -> datetime:
    """The instant of a time in the file, computed without a time format; all times are in winter."""
    month, day, year = map(int, text[:10].split("/"))
    hour, minute, second = map(int, text[11:19].split(":"))
    return datetime(year, month, day, hour % 12 + 12 * text.endswith("PM"), minute, second, tzinfo=UTC) + timedelta(
        hours=8
    )


def matter(stage: str, description: str) -> str:
    """By the two tables: the longest prefix of the type's digits that the city's codes know."""
    code = TYPES[stage, description]
    return next(CODES[code[:digits]] for digits in (6, 4, 2) if code[:digits] in CODES)


class TestTheRecordedResponses:
    def test_every_row_is_a_report_and_its_update(self) -> None:
        assert len(RECORDED) == 673
        assert input_of(seattle(), FOLDER).reports == 673
        assert Counter(one.kind for one in sent()) == {"recorded": 673, "updated": 673}
        assert {one.source_id for one in sent()} == {row["CAD Event Number"] for row in RECORDED}
        assert {one.network for one in sent()} == {"policing"}

    def test_no_row_lacks_a_time_and_six_are_cleared_at_once(self) -> None:
        """The facts of the folder's README."""
        spans = [at_clock(row["Event Clearance Date"]) - at_clock(row["At Scene Time"]) for row in RECORDED]
        assert sum(span < timedelta(0) for span in spans) == 0
        assert sum(span == timedelta(0) for span in spans) == 6

    def test_each_message_is_received_when_the_file_says(self) -> None:
        for row in RECORDED:
            first, second = of(row["CAD Event Number"])
            assert (first.kind, second.kind) == ("recorded", "updated")
            assert first.received_at == at_clock(row["At Scene Time"])
            assert second.received_at == at_clock(row["Event Clearance Date"])

    def test_they_come_in_the_order_in_which_they_are_received(self) -> None:
        assert all(a.received_at <= b.received_at for a, b in pairwise(sent()))

    def test_versions_of_a_report_share_id_and_incident_but_not_bytes(self) -> None:
        for row in RECORDED:
            first, second = of(row["CAD Event Number"])
            assert first.report == second.report == first.incident == second.incident
            assert first.value != second.value

    def test_no_owner_is_recorded(self) -> None:
        assert {one.owner for one in sent()} == {None}

    def test_a_row_after_midnight_has_the_expected_instant(self) -> None:
        """Line 674: scene 03/01/2016 12:11:18 AM, cleared 03/01/2016 01:39:47 AM; Seattle is 8 hours behind in winter."""
        first, second = of("16000072991")
        assert first.received_at == datetime(2016, 3, 1, 8, 11, 18, tzinfo=UTC)
        assert second.received_at == datetime(2016, 3, 1, 9, 39, 47, tzinfo=UTC)
        alarm = {
            "jjdbh": "16000072991",
            "gxdwdm": "530332016046",  # King County 53033, North Precinct 2, sector U the 16th, beat U1 the 46th
            "jd": -122.30962,
            "wd": 47.67071,
            "sfdz": "57XX BLOCK OF 17 AV NE",
            "bjsj": "20160301001118",
        }
        theft = {"bjlbdm": "20", "bjlxdm": "2002"}
        assert orjson.loads(first.value) == alarm | theft | {
            "bjxldm": TYPES["initial", "THEFT (DOES NOT INCLUDE SHOPLIFT OR SVCS)"],
            "bjnr": "THEFT (DOES NOT INCLUDE SHOPLIFT OR SVCS)",
        }
        assert orjson.loads(second.value) == alarm | theft | {
            "bjxldm": TYPES["clearance", "THEFT - MISCELLANEOUS"],
            "bjnr": "THEFT (DOES NOT INCLUDE SHOPLIFT OR SVCS); cleared: THEFT - MISCELLANEOUS",
            "cljg": "THEFT - MISCELLANEOUS",
            "jasj": "20160301013947",
        }

    def test_a_row_after_noon_has_the_expected_instant(self) -> None:
        """Line 254: scene 03/02/2016 12:00:09 PM, which is noon and not midnight."""
        first, _ = of("16000074853")
        assert first.received_at == datetime(2016, 3, 2, 20, 0, 9, tzinfo=UTC)
        assert orjson.loads(first.value)["bjsj"] == "20160302120009"

    def test_a_later_round_in_summer_time_keeps_the_wall_time(self) -> None:
        """Two weeks later, on 15 March, the clocks have changed: 7 hours behind."""
        again = list(history_of(seattle(), FOLDER).messages(3 * 673))
        assert len(again) == 2 * 3 * 673
        first, second = (one for one in again if one.source_id == "16000072991-r3")
        assert first.received_at == datetime(2016, 3, 15, 7, 11, 18, tzinfo=UTC)
        assert orjson.loads(first.value)["bjsj"] == "20160315001118"
        assert orjson.loads(second.value)["jasj"] == "20160315013947"
        assert second.incident == "policing:16000072991-r3"
        assert all(a.received_at <= b.received_at for a, b in pairwise(again))

    def test_the_first_five_come_with_their_updates(self) -> None:
        earliest = sorted(RECORDED, key=lambda row: at_clock(row["At Scene Time"]))[:5]
        some = list(input_of(seattle(), FOLDER).messages(reports=5, seed=1, secondary_reports=False))
        assert Counter(one.source_id for one in some) == {row["CAD Event Number"]: 2 for row in earliest}


class TestWhatTheRouterMakesOfThem:
    def test_every_message_is_what_the_schema_says(self) -> None:
        validator = jsonschema_rs.Draft202012Validator(NETWORKS["policing"].schema.model_json_schema())
        assert all(validator.is_valid(orjson.loads(one.value)) for one in sent())

    def test_every_message_becomes_its_matter(self) -> None:
        rows = {row["CAD Event Number"]: row for row in RECORDED}
        for message, report in zip(sent(), reports(), strict=True):
            row = rows[report.source_id]
            stage, column = (
                ("initial", "Initial Type Description")
                if message.kind == "recorded"
                else ("clearance", "Event Clearance Description")
            )
            assert report.matter == matter(stage, row[column])

    @pytest.mark.parametrize(("words", "meant"), MATTERS.items())
    def test_words_mean_what_a_person_takes_them_for(self, words: tuple[str, str], meant: str) -> None:
        assert matter(*words) == meant

    def test_202_of_673_clear_as_another_matter(self) -> None:
        """The facts of docs/how-to/replay-history.md."""
        changed = sum(
            matter("initial", row["Initial Type Description"])
            != matter("clearance", row["Event Clearance Description"])
            for row in RECORDED
        )
        assert changed == 202

    def test_times_and_clearance_reach_the_report(self) -> None:
        for message, report in zip(sent(), reports(), strict=True):
            first, second = of(report.source_id)
            assert report.reported_at == report.occurred_at == first.received_at
            found = {} if message is first else {"cljg": orjson.loads(second.value)["cljg"]}
            assert {key: text for key, text in report.extensions.items() if key != "jasj"} == found
            assert ("jasj" in report.extensions) == (message is second)

    def test_points_survive_the_map_of_china(self) -> None:
        rows = {row["CAD Event Number"]: row for row in RECORDED}
        for report in reports():
            row, place = rows[report.source_id], report.location
            assert place.resolved_by == "point"
            assert place.lon is not None
            assert place.lat is not None
            assert distance_m(place.lon, place.lat, float(row["Longitude"]), float(row["Latitude"])) < 0.01


class TestTheTables:
    def test_every_description_of_the_file_has_a_type_and_no_other(self) -> None:
        occurring = {("initial", row["Initial Type Description"]) for row in RECORDED}
        occurring |= {("clearance", row["Event Clearance Description"]) for row in RECORDED}
        assert TYPES.keys() == occurring

    def test_a_type_means_one_description(self) -> None:
        meant: dict[str, set[str]] = {}
        for (_, description), code in TYPES.items():
            meant.setdefault(code, set()).add(description)
        assert [code for code, descriptions in meant.items() if len(descriptions) > 1] == []

    def test_a_unit_is_the_community_of_its_beat(self) -> None:
        communities = {row["community"]: row["name"] for row in table(FOLDER / "cells" / "communities.csv")}
        assert communities == {row["unit"]: f"{row['precinct']} / {beat[0]} / {beat}" for beat, row in UNITS.items()}

    def test_the_places_of_the_cells_are_those_of_the_history(self) -> None:
        assert table(FOLDER / "cells" / "places.csv") == [
            {
                "Longitude": row["Longitude"],
                "Latitude": row["Latitude"],
                "Precinct": UNITS[row["Zone/Beat"]]["precinct"],
                "Sector": row["District/Sector"],
                "Beat": row["Zone/Beat"],
            }
            for row in RECORDED
        ]

    def test_a_precinct_has_whole_sectors(self) -> None:
        assert (
            len({(row["precinct"], beat[0]) for beat, row in UNITS.items()}) == len({beat[0] for beat in UNITS}) == 17
        )


def test_the_header_of_the_file_chooses_its_reader(tmp_path: Path) -> None:
    assert history_of(seattle(), FOLDER).network == "policing"
    assert history_of(los_angeles(), city_folder("los-angeles")).network == "hotline"
    with pytest.raises(InputError, match="there is no recorded history"):
        history_of(seattle(), tmp_path)
