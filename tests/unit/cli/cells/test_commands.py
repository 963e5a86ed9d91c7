"""`grid-router cells`: exit codes, data on stdout and messages on stderr."""

import shutil
import sys
from pathlib import Path

import orjson
import pytest
import shapely

from router.cities.folder import cities_folder
from router.cli import main as entry
from router.wire.settings import Settings

SHIPPED = cities_folder(Settings().cities) / "los-angeles"
POINT = ("--lon", "-118.2940", "--lat", "34.0676")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`grid-router cells <arguments>` in this process: exit code, stdout, stderr."""

    def started(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grid-router", "cells", *arguments])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return started


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cells in a copy of the shipped city."""
    shutil.copytree(SHIPPED, tmp_path / "los-angeles")
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(tmp_path))
    return tmp_path / "los-angeles" / "cells"


def test_the_shipped_files_are_what_the_command_makes(run) -> None:
    code, out, err = run("tessellate", "los-angeles", "--check")
    assert (code, out) == (0, "")
    assert err.endswith("; different: none.\n")


def test_check_finds_a_change_and_writes_nothing(run, cells: Path) -> None:
    changed = (cells / "cells.csv").read_bytes().replace(b"-118.250323", b"-118.250324", 1)
    (cells / "cells.csv").write_bytes(changed)
    (cells / "areas.csv").unlink()
    code, out, err = run("tessellate", "los-angeles", "--check")
    assert (code, out) == (1, "")
    assert "; different: cells.csv, areas.csv.\nCodes that would denote another square: 1.\n" in err
    assert (cells / "cells.csv").read_bytes() == changed
    assert not (cells / "areas.csv").exists()


def test_one_byte_is_a_change(run, cells: Path) -> None:
    (cells / "communities.csv").write_bytes((cells / "communities.csv").read_bytes() + b"\n")
    code, _, err = run("tessellate", "los-angeles", "--check")
    assert code == 1
    assert err.endswith("; different: communities.csv.\n")


def test_without_check_the_files_are_written(run, cells: Path) -> None:
    (cells / "cells.csv").unlink()
    (cells / "areas.csv").write_bytes(b"\xff")
    code, out, err = run("tessellate", "los-angeles")
    assert (code, out) == (0, "")
    assert err.endswith("; written: cells.csv, areas.csv.\n")
    for name in ("cells.csv", "communities.csv", "areas.csv"):
        assert (cells / name).read_bytes() == (SHIPPED / "cells" / name).read_bytes()
    assert run("tessellate", "los-angeles", "--check")[0] == 0


def test_parameters_that_are_missing_or_wrong_are_one_sentence(run, cells: Path) -> None:
    text = (cells / "tessellation.yaml").read_text()
    (cells / "tessellation.yaml").write_text(text.replace("size_m: 100 ", "size_m: 1 "))
    code, out, err = run("tessellate", "los-angeles")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "tessellation.yaml:12:9: GR003 `size_m`: input should be greater than or equal to 10; correct it" in err
    (cells / "tessellation.yaml").unlink()
    code, _, err = run("tessellate", "los-angeles", "--check")
    assert (code, err.count("\n")) == (2, 1)
    assert "write it; docs/how-to/make-cells.md shows how" in err


@pytest.mark.parametrize("command", [("tessellate",), ("resolve", *POINT), ("check",)])
def test_an_unknown_city_is_one_sentence(run, command: tuple[str, ...]) -> None:
    code, out, err = run(command[0], "los-angelos", *command[1:])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.endswith("there is no city 'los-angelos'; perhaps los-angeles was meant.\n")


# --- resolve


CELL = "060371012094202"
"""That of POINT, in the neighbourhood Wilshire Center - Koreatown."""
AREA = "Central APC|OLYMPIC|WILSHIRE CENTER - KOREATOWN NC"


def test_resolve_prints_the_cell_the_method_and_the_areas(run) -> None:
    assert run("resolve", "los-angeles", *POINT) == (
        0,
        f"{CELL}  by point, within 30 m\n  area of hotline: {AREA} (100.0% of it in {CELL[:12]})\n",
        "",
    )
    code, out, _ = run("resolve", "los-angeles", *POINT, "--at", "2018-01-03T09:00", "-o", "json")
    assert (code, out.count("\n")) == (0, 1)
    printed = orjson.loads(out)
    assert (printed["city"], printed["cell"], printed["resolved_by"], printed["lon"]) == (
        "los-angeles",
        CELL,
        "point",
        -118.294,
    )
    assert printed["at"] == "2018-01-03T17:00:00.000Z"  # nine o'clock in Los Angeles
    assert printed["areas"] == [{"network": "hotline", "area": AREA, "share": 1.0, "code": CELL[:12]}]


@pytest.mark.parametrize(
    ("said", "by"),
    [
        (("--cell", CELL), "code"),
        (("--community", CELL[:12]), "community"),
        (("--network", "hotline", "--area", AREA), "community"),
        (("--network", "policing", "--area", f"010101{CELL[:12]}00"), "community"),
        ((), "fallback"),
    ],
)
def test_resolve_accepts_every_kind_of_place(run, said: tuple[str, ...], by: str) -> None:
    code, out, err = run("resolve", "los-angeles", *said)
    assert (code, err) == (0, "")
    assert f"  by {by}, within " in out.splitlines()[0]
    assert out.startswith(CELL[:12]) == (by != "fallback")


def test_resolve_prints_its_doubts(run) -> None:
    code, out, _ = run("resolve", "los-angeles", "--lon", "0", "--lat", "0")
    assert code == 0
    assert out.startswith("060371002014021  by fallback, within ")
    assert out.splitlines()[1] == (
        "  doubt: the point 0 0 lies 11,530 km outside the city and was not used; nothing names a place inside the city"
    )
    other = run("resolve", "los-angeles", *POINT, "--network", "hotline", "--area", "Central APC|CENTRAL|")[1]
    assert f"  doubt: cell {CELL} of the point does not lie in area 'Central APC|CENTRAL|'\n" in other


def test_resolve_looks_at_the_cells_of_a_day_in_the_city(run, cells: Path) -> None:
    """A cell retired on 1 July: in Los Angeles that day begins at 7 o'clock UTC."""
    text = (cells / "cells.csv").read_text()
    (cells / "cells.csv").write_text(text.replace(f"{CELL},,,,", f"{CELL},,,2025-07-01,"))
    for at in ("2025-06-30", "2025-06-30T23:59", "2025-07-01T06:59:59Z"):
        assert run("resolve", "los-angeles", *POINT, "--at", at)[1].startswith(f"{CELL}  by point, ")
    for at in ("2025-07-01", "2025-07-01T07:00:00Z"):
        code, out, _ = run("resolve", "los-angeles", *POINT, "--at", at)
        assert code == 0
        assert f"the point lies in cell {CELL}, which was retired on 2025-07-01; the point lies " in out
        assert "  by nearest, " in out
        assert not out.startswith(CELL)


def test_resolve_converts_a_point_of_a_phone_map(run, cells: Path) -> None:
    """116.404 E 39.915 N in WGS 84 is shown at 116.410244 39.916404 by maps in GCJ-02 (the example in the readme of coordtransform)."""
    box = "116.4039 39.9149,116.4041 39.9149,116.4041 39.9151,116.4039 39.9151,116.4039 39.9149"
    with (cells / "cells.csv").open("a") as file:
        file.write(f'110101001001001,,,,"POLYGON(({box}))"\n')
    place = ("--lon", "116.410244", "--lat", "39.916404")
    assert run("resolve", "los-angeles", *place, "--gcj02")[1].startswith("110101001001001  by point")
    assert not run("resolve", "los-angeles", *place)[1].startswith("110101001001001")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (("--lon", "-118"), "--lat: a point needs both coordinates; give --lon and --lat."),
        (("--lat", "34"), "--lon: a point needs both coordinates; give --lon and --lat."),
        (("--area", "7"), "--area: an area needs its network; add --network, one of "),
        (("--network", "hotlin"), "--network: there is no network 'hotlin'; perhaps hotline was meant."),
        (("--network", "xyz"), "--network: there is no network 'xyz'; choose one of "),
        (("--at", "noon"), "--at: 'noon' is not a time; write "),
    ],
)
def test_wrong_options_are_one_sentence(run, said: tuple[str, ...], sentence: str) -> None:
    code, out, err = run("resolve", "los-angeles", *said)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


@pytest.mark.parametrize(("lon", "lat"), [("181", "0"), ("0", "-91"), ("x", "0"), ("nan", "0"), ("0", "nan")])
def test_an_invalid_point_is_a_wrong_argument(run, lon: str, lat: str) -> None:
    code, out, err = run("resolve", "los-angeles", "--lon", lon, "--lat", lat)
    assert (code, out) == (2, "")
    assert "Invalid value for" in err


# --- check


def test_a_warning_does_not_fail(run) -> None:
    code, out, err = run("check", "los-angeles")
    assert (code, err) == (0, "los-angeles: errors 0, warnings 1.\n")
    assert out.count("\n") == 1
    assert "cells.csv:20540:1: warning GR052 no cell holds 315 enclosed places, 20.90 km2; " in out


def test_an_overlap_fails(run, cells: Path) -> None:
    text = (cells / "cells.csv").read_text()
    # the first square is as wide as itself and half its eastern neighbour
    first = text.splitlines()[1]
    (cells / "cells.csv").write_text(text.replace(first, first.replace("-118.249239", "-118.248697")))
    code, out, err = run("check", "los-angeles", "-o", "json")
    assert (code, err) == (1, "los-angeles: errors 1, warnings 1.\n")
    printed = orjson.loads(out.splitlines()[0])
    assert (printed["code"], printed["level"], printed["line"], printed["column"]) == ("GR051", "error", 3, 1)
    assert printed["message"].startswith("cell 060371002014002 overlaps 060371002014001 by ")
    assert printed["city"] == "los-angeles"


def test_a_table_that_cannot_be_read_is_named(run, cells: Path) -> None:
    (cells / "areas.csv").write_text("network,area,community\n")
    code, out, err = run("check", "los-angeles")
    assert (code, err) == (1, "los-angeles: errors 1, warnings 0.\n")
    assert "areas.csv:1:1: error GR003 the header is 'network,area,community'; write network,area,code,share." in out


def test_drawn_areas_are_read_where_there_are_any(run, cells: Path) -> None:
    """A beat drawn over the whole of CELL and half of the square east of it."""
    row = next(line for line in (cells / "cells.csv").read_text().splitlines() if line.startswith(CELL))
    west, south, east, north = shapely.bounds(shapely.from_wkt(row.split('"')[1])).tolist()
    beat = shapely.to_wkt(shapely.box(west, south, east + (east - west) / 2, north), rounding_precision=7)
    header = "network,area,name,valid_from,valid_until,geometry"
    (cells / "grids.csv").write_text(f'{header}\npolicing,2A15,,,,"{beat}"\n')
    out = run("resolve", "los-angeles", *POINT)[1]
    assert "  area of policing: 2A15 (66.7% of it in 060371012094202)\n" in out
    by_area = run("resolve", "los-angeles", "--network", "policing", "--area", "2A15")[1]
    assert by_area.startswith(f"{CELL}  by community, ")
    (cells / "grids.csv").write_text(f'{header}\npolice,2A15,,,,"{beat}"\n')
    assert "grids.csv:2:1: error GR050 the router knows no network 'police'" in run("check", "los-angeles")[1]
    (cells / "grids.csv").write_bytes(b"\xff")
    assert "grids.csv:1:1: error GR001 byte 0 is not UTF-8" in run("check", "los-angeles")[1]


# --- diff


def test_diff_of_the_same_is_silent(run, cells: Path) -> None:
    assert run("diff", str(SHIPPED), str(cells.parent)) == (0, "", "differences: 0.\n")
    assert run("diff", str(SHIPPED / "cells"), str(cells.parent)) == (0, "", "differences: 0.\n")


def test_diff_prints_the_differences_and_fails(run, cells: Path) -> None:
    text = (cells / "cells.csv").read_text()
    (cells / "cells.csv").write_text(text.replace(f"{CELL},,,,", f"{CELL},Market,,2025-07-01,"))
    code, out, err = run("diff", str(SHIPPED), str(cells.parent))
    assert (code, err) == (1, "differences: 2.\n")
    assert out == f"retired {CELL} on 2025-07-01: Market\nrenamed {CELL}: '' -> 'Market'\n"
    code, out, _ = run("diff", str(SHIPPED), str(cells.parent), "-o", "json")
    assert code == 1
    assert [orjson.loads(line)["kind"] for line in out.splitlines()] == ["retired", "renamed"]


def test_diff_of_an_unreadable_folder_is_one_sentence(run, tmp_path: Path) -> None:
    code, out, err = run("diff", str(SHIPPED), str(tmp_path / "nowhere"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "there is no city" in err
    (tmp_path / "empty").mkdir()
    assert "GR005 the file is missing" in run("diff", str(SHIPPED), str(tmp_path / "empty"))[2]
