"""The folder `calendar` of a city: it is read, checked, packed into the rule set, compared, and explained."""

import shutil
from datetime import datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from router.cities.city_reader import read_city
from router.cities.folder import cities_folder, load_city
from router.cities.packing import pack, unpack
from router.cli.catalogue.commands import app
from router.cli.catalogue.deadlines import deadline_lines
from router.domain.calendar.deadlines import explain_deadline
from router.domain.calendar.limits import Limit
from router.domain.catalogue.diff import diff
from router.wire.errors import InputError
from tests.support.calendars import los_angeles

SHIPPED = cities_folder() / "los-angeles"
CELL = "060371002014021"
CELLS = f"""\
code,name,valid_from,valid_until,geometry
{CELL},one,2018-01-01,,"POLYGON ((-118.30 34.00, -118.299 34.00, -118.299 34.001, -118.30 34.001, -118.30 34.00))"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cities with Los Angeles in it, on one cell."""
    city = tmp_path / "cities" / "los-angeles"
    shutil.copytree(SHIPPED, city, ignore=shutil.ignore_patterns("cells", "history"))
    (city / "cells").mkdir()
    (city / "cells" / "cells.csv").write_text(CELLS)
    (city / "cells" / "communities.csv").write_text(f"community,name,default_cell\n{CELL[:12]},A,{CELL}\n")
    (city / "cells" / "areas.csv").write_text("network,area,code,share\n")
    duties = city / "catalogue" / "duties.yaml"
    duties.write_text(duties.read_text("utf-8").replace("060373", "060371"), "utf-8")
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(tmp_path / "cities"))
    return tmp_path / "cities"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def working_time(root: Path) -> Path:
    """Make the limit of dead animals four working hours; the city's folder."""
    change(root / "los-angeles" / "catalogue" / "standards.yaml", "limit: 24h", "limit: 4wh")
    return root / "los-angeles"


def findings(folder: Path) -> list[tuple[str, str, str]]:
    """Code, place within the folder and message of the calendar's findings."""
    reading = read_city("los-angeles", folder.resolve())
    return [
        (one.code, one.place[one.place.index("los-angeles/") + 12 :], one.message)
        for one in reading.findings
        if "GR07" in one.code or "calendar" in one.file
    ]


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_city_without_a_calendar_has_calendar_hours_only(root: Path) -> None:
    folder = root / "los-angeles"
    shutil.rmtree(folder / "calendar")
    change(folder / "catalogue" / "escalations.yaml", "after: 3wd", "after: 3d")
    assert load_city("los-angeles", root).calendar is None
    working_time(root)
    assert findings(folder) == [
        (
            "GR070",
            "catalogue/standards.yaml:31:12",
            "the limit 4wh counts working hours, and the city has no calendar",
        )
    ]


def test_mistakes_have_a_place(root: Path) -> None:
    folder = working_time(root)
    assert findings(folder) == []
    (folder / "calendar" / "2026.yaml").rename(folder / "calendar" / "2028.yaml")
    (folder / "calendar" / "next.yaml").write_text("notices: []\n")
    change(folder / "calendar" / "2025.yaml", '"08:00-17:00"', '"08:00-17:60"')
    assert [one[:2] for one in findings(folder)] == [
        ("GR003", "calendar/2025.yaml:7:16"),
        ("GR005", "calendar/next.yaml:1:1"),
        ("GR076", "calendar/next.yaml:1:1"),
        ("GR003", "calendar/next.yaml:1:10"),
    ]


def test_the_calendar_travels_with_the_rule_set(root: Path) -> None:
    working_time(root)
    city = load_city("los-angeles", root)
    texts = pack(root / "los-angeles")
    assert {"calendar/2025.yaml", "calendar/2026.yaml", "calendar/2027.yaml"} <= texts.keys()
    again = unpack("los-angeles", texts, city.rule_set)
    assert (again.calendar and again.calendar.version) == (city.calendar and city.calendar.version)
    change(root / "los-angeles" / "calendar" / "2026.yaml", "2026-11-26", "2026-11-27")
    other = load_city("los-angeles", root)
    assert other.rule_set != city.rule_set
    assert [(one.what, one.before, one.after) for one in diff(city, other).calendar] == [
        ("2026-11-26", "holiday", "working-day"),
        ("2026-11-27", "working-day", "holiday"),
    ]


def test_a_new_year_is_a_difference(root: Path) -> None:
    after = load_city("los-angeles", root)
    (root / "los-angeles" / "calendar" / "2027.yaml").unlink()
    found = diff(load_city("los-angeles", root), after).calendar
    assert (found[0].what, found[0].before, found[0].after) == ("2027", "not published", "published")
    assert [one.what for one in found[1:4]] == ["2027-01-01", "2027-01-18", "2027-02-15"]
    shutil.rmtree(root / "los-angeles" / "calendar")
    change(root / "los-angeles" / "catalogue" / "escalations.yaml", "after: 3wd", "after: 3d")
    found = diff(load_city("los-angeles", root), after).calendar
    assert [(one.what, one.before, one.after) for one in found[:3]] == [
        ("2025", "not published", "published"),
        ("2025 office hours", "none", "08:00-17:00"),
        ("2025 duty hours", "none", "00:00-24:00"),
    ]


def test_explain_says_why_it_is_due_then(root: Path) -> None:
    working_time(root)
    words = ("explain", "los-angeles", "--matter", "dead-animal", "--cell", CELL, "--at")
    printed = command(*words, "2026-11-25T15:30").stdout.splitlines()
    begin = next(n for n, line in enumerate(printed) if line.startswith("  lead"))
    calendar = load_city("los-angeles", root).calendar
    assert calendar is not None
    assert "due 2026-11-27 10:30 (4wh)" in printed[begin]
    assert printed[begin + 1 : begin + 5] == [
        "    2026-11-25 15:30-17:00: office hours count, 1 h 30 min",
        "    2026-11-26: does not count, a holiday (Thanksgiving Day)",
        "    2026-11-27 08:00-10:30: office hours count, 2 h 30 min",
        f"    calendar {calendar.version}",
    ]
    beyond = command(*words, "2027-12-30T16:00").stdout
    assert "2028-01-03 08:00-11:00: office hours count, 3 h 00 min, by the weekly pattern" in beyond
    assert "; provisional, because 2028 is not published" in beyond
    assert "due 2026-11-27 10:30:05 (4wh)" in command(*words, "2026-11-25T15:30:05").stdout
    value = orjson.loads(command(*words, "2026-11-25T15:30", "-o", "json").stdout)
    (lead, *_) = value["route"]["assigned"]
    assert (lead["due_at"], lead["due"]["provisional"]) == ("2026-11-27T18:30:00.000Z", False)
    assert [span["why"] for span in lead["due"]["spans"]] == ["office-hours", "holiday", "office-hours"]


@pytest.mark.parametrize("at", ["9999-12-31T09:00", "0001-01-01T00:00", "9999-12-31T09:00:00Z"])
def test_a_time_at_the_end_of_the_calendar_is_an_error_in_words(root: Path, at: str) -> None:
    working_time(root)
    asked = command("explain", "los-angeles", "--matter", "dead-animal", "--cell", CELL, "--at", at)
    assert isinstance(asked.exception, InputError)
    assert str(asked.exception).startswith(f"--at: {at!r} is not a time of the years 1900 to 2999")
    assert (
        command(
            "explain", "los-angeles", "--matter", "dead-animal", "--cell", CELL, "--at", "2999-12-31T23:59"
        ).exit_code
        == 0
    )


def test_a_night_and_unpublished_years_are_written_out() -> None:
    """A window that ends at midnight ends at 24:00; a time with seconds shows them; two years are two."""
    calendar = los_angeles()
    start = datetime(2026, 2, 16, 23, 30, 10, tzinfo=calendar.zone)
    night = list(
        deadline_lines(
            explain_deadline(start, Limit(amount=2, calendar="urgent-working-hours"), calendar), calendar.zone
        )
    )
    assert night[:2] == [
        "2026-02-16 23:30:10-24:00: duty hours count, 0 h 29 min 50 s",
        "2026-02-17 00:00-01:30:10: duty hours count, 1 h 30 min 10 s",
    ]
    years = list(
        deadline_lines(explain_deadline(start, Limit(amount=750, calendar="working-days"), calendar), calendar.zone)
    )
    assert years[-1] == f"calendar {calendar.version}; provisional, because 2028 and 2029 are not published"


def test_lint_warns_when_the_data_end(root: Path) -> None:
    folder = root / "los-angeles" / "calendar"
    (folder / "2026.yaml").unlink()
    (folder / "2027.yaml").unlink()
    printed = command("lint", "los-angeles")
    assert printed.exit_code == 0
    assert "calendar/2025.yaml:1:1: warning GR075 the calendar ends with 2025-12-31, " in printed.stdout
    assert "write 2026.yaml as soon as its notice is published" in printed.stdout
    shutil.rmtree(folder)
    assert "GR075" not in command("lint", "los-angeles").stdout
