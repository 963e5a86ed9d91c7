"""`grid-router cells divide`: four files from divisions and parameters, or one error sentence."""

import csv
import io
import sys
from pathlib import Path

import pytest

from router.cities.division import divided
from router.cli import main as entry
from router.wire.errors import CityError, InputError

DIVISIONS = """\
code,level,name,parent
4109,city,濮阳市,41
410902,county,华龙区,4109
410902001,street,中原路街道,410902
410902001001,community,京东社区居民委员会,410902001
410902001002,community,玉北社区居民委员会,410902001
"""
PARAMETERS = """\
source: cells/divisions.csv
box: {west: 115, south: 35, east: 115.1, north: 35.1}
columns: [[{"410902": 1}]]
urban: {cells: 4, area: 10}
rural: {cells: 3, area: 100}
endings: {居民委员会: ""}
changes:
  - {day: 2025-07-01, split: ["410902001001001"]}
lattices:
  policing: {communities: 1, first: 901, title: 警格}
tables:
  work-safety: {object: "020101", counties: ["410902"], takes: [2], halve: 9}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "puyang"
    (folder / "cells").mkdir(parents=True)
    (folder / "cells" / "divisions.csv").write_text(DIVISIONS)
    (folder / "cells" / "division.yaml").write_text(PARAMETERS)
    return folder


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_four_files_of_a_city(city: Path) -> None:
    made = divided(city)
    cells = lines(made["cells.csv"])
    assert cells[0] == ["code", "name", "valid_from", "valid_until", "geometry"]
    assert len(cells) == 1 + 4 + 2 + 4
    assert cells[1][:4] == ["410902001001001", "京东社区一网格", "", "2025-07-01"]
    assert cells[5][:4] == ["410902001001005", "京东社区五网格", "2025-07-01", ""]
    assert lines(made["communities.csv"]) == [
        ["community", "name", "default_cell"],
        ["410902001001", "京东社区居民委员会", "410902001001002"],  # the first cell is retired
        ["410902001002", "玉北社区居民委员会", "410902001002001"],
    ]
    assert lines(made["areas.csv"]) == [
        ["network", "area", "code", "share"],
        ["work-safety", "02010141090200160100", "410902001001", "0.5"],
        ["work-safety", "02010141090200160100", "410902001002", "0.5"],
    ]
    grids = lines(made["grids.csv"])
    assert grids[0] == ["network", "area", "name", "valid_from", "valid_until", "geometry"]
    assert [row[:5] for row in grids[1:]] == [
        ["policing", "410902001901", "中原路街道第一警格", "", ""],
        ["policing", "410902001902", "中原路街道第二警格", "", ""],
    ]


def test_a_community_of_replaced_cells_has_a_new_default_cell(city: Path) -> None:
    every = ", ".join(f'"41090200100100{n}"' for n in (1, 2, 3, 4))
    text = PARAMETERS.replace('["410902001001001"]', f"[{every}]")
    (city / "cells" / "division.yaml").write_text(text)
    assert lines(divided(city)["communities.csv"])[1][2] == "410902001001005"


@pytest.mark.parametrize(
    "text", ["\ufeff" + DIVISIONS, DIVISIONS.replace("\n", "\r\n"), DIVISIONS + "\n"], ids=["BOM", "CRLF", "blank line"]
)
def test_divisions_as_spreadsheets_write_them(city: Path, text: str) -> None:
    expected = divided(city)
    (city / "cells" / "divisions.csv").write_bytes(text.encode())
    assert divided(city) == expected


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("410902001003,community,x", "its number of fields differs from the header"),
        ("41090200100３,community,x,410902001", "is not the code of a 'community'"),
        ("410902001003,street,x,410902001", "'410902001003' is not the code of a 'street'"),
        ("410902001003,village,x,410902001", "is not the code of a 'village'"),
        ("410902001003,community,x,410902002", "the code does not start with the code of its parent, '410902002'"),
        ('410902001003,community,"x"y,410902001', "expected after"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_line(city: Path, row: str, said: str) -> None:
    (city / "cells" / "divisions.csv").write_text(f"{DIVISIONS}{row}\n")
    with pytest.raises(InputError, match=r"divisions\.csv:7: the row cannot be read") as caught:
        divided(city)
    assert said in str(caught.value)


def test_divisions_with_another_header_or_none_at_all_are_one_sentence(city: Path) -> None:
    file = city / "cells" / "divisions.csv"
    file.write_text(DIVISIONS.replace("level", "kind", 1))
    with pytest.raises(InputError, match=r"csv:1: .*the header is not code,level,name,parent"):
        divided(city)
    file.unlink()
    with pytest.raises(InputError, match=r"divisions\.csv:1:1: the file is missing"):
        divided(city)


def test_divisions_that_do_not_fit_the_parameters_are_one_sentence(city: Path) -> None:
    (city / "cells" / "divisions.csv").write_text(f"{DIVISIONS}410922,county,清丰县,4109\n")
    with pytest.raises(InputError, match=r"divisions\.csv: nothing lies in division 410922; correct division\.yaml or"):
        divided(city)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("east: 115.1", "east: 115", "west must be smaller than east"),
        ("north: 35.1", "north: 34", "south smaller than north"),
        ('[[{"410902": 1}]]', "[[]]", r"GR003 `columns\.0`"),
        ('[[{"410902": 1}]]', "[[{}]]", r"GR003 `columns\.0\.0`"),
        ('"410902": 1', '"41090": 1', "GR003"),
        ('"410902": 1', '"410902": 0', "GR003"),
        ("cells: 4", "cells: 0", r"GR003 `urban\.cells`"),
        ("day: 2025-07-01", "day: 2025-02-30", "GR003"),
        ("split:", "splits:", "GR002"),
        ('object: "020101"', 'object: "2"', r"GR003 `tables\.work-safety\.object`"),
        ("takes: [2]", "takes: []", r"GR003 `tables\.work-safety\.takes`"),
        ("rural:", "ruler:", "GR005 `rural` is missing"),
    ],
)
def test_wrong_parameters_are_one_sentence(city: Path, old: str, new: str, said: str) -> None:
    assert PARAMETERS.count(old) == 1
    (city / "cells" / "division.yaml").write_text(PARAMETERS.replace(old, new))
    with pytest.raises(CityError, match=rf"division\.yaml:.*{said}"):
        divided(city)


def test_a_missing_parameter_file_names_its_documentation(city: Path) -> None:
    (city / "cells" / "division.yaml").unlink()
    with pytest.raises(
        CityError, match=r"division\.yaml:1:1: GR005 the file is missing; write it; docs/how-to/make-cells\.md"
    ):
        divided(city)


@pytest.fixture
def run(city: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`grid-router cells divide puyang <options>` in this process: exit code, stderr."""
    (city / "city.yaml").write_text("")
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(city.parent))

    def started(*options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["grid-router", "cells", "divide", "puyang", *options])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        said = capsys.readouterr()
        assert said.out == ""
        return int(ended.value.code or 0), said.err

    return started


def test_the_command_writes_and_compares(run, city: Path) -> None:
    code, said = run("--check")
    assert code == 1
    assert said.endswith("; different: cells.csv, communities.csv, areas.csv, grids.csv.\n")
    assert not (city / "cells" / "cells.csv").exists()
    code, said = run()
    assert code == 0
    assert said == (
        "10 rows in cells.csv, 2 rows in communities.csv, 2 rows in areas.csv, 2 rows in grids.csv; "
        "written: cells.csv, communities.csv, areas.csv, grids.csv.\n"
    )
    assert run("--check")[0] == 0
    for name, text in divided(city).items():
        assert (city / "cells" / name).read_bytes() == text.encode()


def test_one_byte_is_a_change_and_moved_cells_are_counted(run, city: Path) -> None:
    run()
    file = city / "cells" / "cells.csv"
    changed = file.read_bytes().replace(b"115.000000 35.100000", b"115.000000 35.100001", 1)
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    code, said = run("--check")
    assert code == 1
    assert said.endswith(
        "; different: cells.csv.\nCodes that would denote another place: 1.\n",
    )
    assert file.read_bytes() == changed
    assert run() == (0, said.replace("different", "written").replace("would denote", "now denote"))
    assert run("--check")[0] == 0


def test_a_file_that_is_not_text_is_overwritten(run, city: Path) -> None:
    (city / "cells" / "cells.csv").write_bytes(b"\xff")
    assert run()[0] == 0
    assert run("--check")[0] == 0
