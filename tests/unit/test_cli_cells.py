"""`grid-router cells`: made and compared, looked up by point; exit codes and where what is said."""

import shutil
import sys
from pathlib import Path

import orjson
import pytest

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
    assert err.endswith("; differing: none.\n")


def test_check_finds_a_change_and_writes_nothing(run, cells: Path) -> None:
    changed = (cells / "cells.csv").read_bytes().replace(b"-118.250323", b"-118.250324", 1)
    (cells / "cells.csv").write_bytes(changed)
    (cells / "areas.csv").unlink()
    code, out, err = run("tessellate", "los-angeles", "--check")
    assert (code, out) == (1, "")
    assert "; differing: cells.csv, areas.csv.\nCodes that would stand for another square than before: 1.\n" in err
    assert (cells / "cells.csv").read_bytes() == changed
    assert not (cells / "areas.csv").exists()


def test_one_byte_is_a_change(run, cells: Path) -> None:
    (cells / "communities.csv").write_bytes((cells / "communities.csv").read_bytes() + b"\n")
    code, _, err = run("tessellate", "los-angeles", "--check")
    assert code == 1
    assert err.endswith("; differing: communities.csv.\n")


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
    assert "write it; docs/cells.md shows how" in err


@pytest.mark.parametrize("command", [("tessellate",), ("locate", *POINT)])
def test_an_unknown_city_is_one_sentence(run, command: tuple[str, ...]) -> None:
    code, out, err = run(command[0], "los-angelos", *command[1:])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.endswith("no city 'los-angelos'; perhaps los-angeles was meant.\n")


def test_locate_says_the_cell_and_how_it_was_found(run) -> None:
    code, out, err = run("locate", "los-angeles", *POINT)
    assert (code, err) == (0, "")
    assert out.endswith("  by point\n")
    cell = out.split()[0]
    code, out, _ = run("locate", "los-angeles", *POINT, "-o", "json")
    assert code == 0
    assert out.count("\n") == 1
    told = orjson.loads(out)
    assert (told["cell"], told["resolved_by"], told["lon"], told["lat"]) == (cell, "point", -118.294, 34.0676)


def test_locate_says_what_it_doubts(run) -> None:
    code, out, _ = run("locate", "los-angeles", "--lon", "0", "--lat", "0")
    assert code == 0
    assert out == (
        "060371002014021  by fallback (the point lies more than 150 m outside every cell; "
        "nothing names a place inside the city)\n"
    )


def test_locate_looks_at_the_cells_of_an_instant(run, cells: Path) -> None:
    """A cell retired on 1 July in Los Angeles: until 7 o'clock UTC of that day it stands."""
    cell = run("locate", "los-angeles", *POINT)[1].split()[0]
    text = (cells / "cells.csv").read_text()
    (cells / "cells.csv").write_text(text.replace(f"{cell},,,,", f"{cell},,,2025-07-01,"))
    assert run("locate", "los-angeles", *POINT, "--at", "2025-06-30")[1] == f"{cell}  by point\n"
    code, out, _ = run("locate", "los-angeles", *POINT, "--at", "2025-07-02T09:00:00")
    assert code == 0
    assert f"the point lies in cell {cell}, which was retired on 2025-07-01; the point lies " in out
    assert "  by nearest (" in out
    assert not out.startswith(cell)


@pytest.mark.parametrize(("lon", "lat"), [("181", "0"), ("0", "-91"), ("x", "0"), ("nan", "0"), ("0", "nan")])
def test_a_point_that_is_none_is_a_wrong_argument(run, lon: str, lat: str) -> None:
    code, out, err = run("locate", "los-angeles", "--lon", lon, "--lat", lat)
    assert (code, out) == (2, "")
    assert "Invalid value for" in err
