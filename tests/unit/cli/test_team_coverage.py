"""`grid-router figures coverage`: the rate, the cells without a full team, and what is wrong with teams.csv.

The city has two cells that are valid today, and one that was retired.
"""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from router.cities.city_reader import read_city
from router.cities.folder import cities_folder
from router.cities.packing import pack
from router.cli.figures import app
from router.wire.errors import CityError

SHIPPED = cities_folder() / "los-angeles"
CELL, OTHER, RETIRED = "060371002014021", "060371002014022", "060371002014023"
HEADER = "area,role,department,unit\n"


def square(east: float) -> str:
    west, south = -118.30 + east, 34.00
    corners = [(0, 0), (0.001, 0), (0.001, 0.001), (0, 0.001), (0, 0)]
    return f'"POLYGON (({", ".join(f"{west + x:.3f} {south + y:.3f}" for x, y in corners)}))"'


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Los Angeles on three cells."""
    city = tmp_path / "los-angeles"
    shutil.copytree(SHIPPED, city, ignore=shutil.ignore_patterns("cells", "history"))
    (city / "cells").mkdir()
    rows = [f"{CELL},one,2018-01-01,,{square(0)}", f"{OTHER},two,2018-01-01,,{square(0.001)}"]
    rows.append(f"{RETIRED},three,2018-01-01,2020-01-01,{square(0)}")
    (city / "cells" / "cells.csv").write_text("\n".join(["code,name,valid_from,valid_until,geometry", *rows, ""]))
    (city / "cells" / "communities.csv").write_text(f"community,name,default_cell\n{CELL[:12]},A,{CELL}\n")
    (city / "cells" / "areas.csv").write_text("network,area,code,share\n")
    duties = city / "catalogue" / "duties.yaml"
    duties.write_text(duties.read_text("utf-8").replace("060373", "060371"), "utf-8")
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(tmp_path))
    return city


def run(city: Path, rows: str | None, *arguments: str) -> Result:
    if rows is not None:
        (city / "catalogue" / "teams.csv").write_text(HEADER + rows)
    return CliRunner().invoke(app, ["coverage", "los-angeles", *arguments])


def test_the_rate_and_the_cells_that_lack_a_role(city: Path) -> None:
    found = run(city, f",officer,lapd,\n{OTHER},officer,,\n,adviser,ocb,\n")
    assert found.exit_code == 0, found.output
    assert [line.split() for line in found.stdout.splitlines()] == [["area", "cells", "lack"], [OTHER, "1", "officer"]]
    assert found.stderr.splitlines() == [
        "adviser: 2 of 2 cells.",
        "officer: 1 of 2 cells.",
        "1 of 2 cells have a full team: 50.00 %.",
    ]


def test_as_json(city: Path) -> None:
    found = json.loads(run(city, ",officer,lapd,\n", "-o", "json").stdout)
    assert found == {
        "city": "los-angeles",
        "rate": 1.0,
        "cells": 2,
        "full": 2,
        "roles": [{"role": "officer", "cells": 2}],
        "lacking": [],
    }


def test_a_full_cover_is_100(city: Path) -> None:
    assert run(city, ",officer,lapd,\n").stderr.endswith("2 of 2 cells have a full team: 100 %.\n")


def test_a_city_without_teams_says_what_to_write(city: Path) -> None:
    error = run(city, None).exception
    assert isinstance(error, CityError)
    assert "catalogue/teams.csv: the city has no teams; write a row for each area and role: area,role," in str(error)


def test_lint_names_the_place_and_the_rule_set_is_without_it(city: Path) -> None:
    before = pack(city)
    error = run(city, ",officer,lapdd,\n").exception
    assert isinstance(error, CityError)
    assert "catalogue/teams.csv:2:10: GR010 no department `lapdd`; perhaps `lapd` was meant" in str(error)
    assert [one.code for one in read_city("los-angeles", city).errors] == ["GR010"]
    assert pack(city) == before
