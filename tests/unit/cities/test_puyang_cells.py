"""The cells of Puyang as they lie in its folder: real codes, and a picture without gaps on every day."""

import csv
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely

from router.cities.division import divided
from router.cities.folder import cities_folder
from router.domain.cells.registry import CellRegistry, Claim, load_cells
from router.wire.settings import Settings

SHIPPED = cities_folder(Settings().cities) / "puyang"
BOX = (114.95, 35.5, 115.65, 36.095)
"""West, south, east, north, as division.yaml says."""
KM2 = 111.32**2 * np.cos(np.radians(35.8))
"""Of a square degree there, within 1 %."""
ZONE = ZoneInfo("Asia/Shanghai")
BEFORE, AFTER = "2025-06-30", "2025-07-01"
Rows = list[dict[str, str]]


def rows(name: str) -> Rows:
    with (SHIPPED / "cells" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def divisions() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in rows("divisions.csv")}


@pytest.fixture(scope="module")
def cells() -> Rows:
    return rows("cells.csv")


@pytest.fixture(scope="module")
def communities() -> Rows:
    return rows("communities.csv")


def valid(table: Rows, day: str) -> Rows:
    return [row for row in table if row["valid_from"] <= day and (not row["valid_until"] or day < row["valid_until"])]


def sides(table: Rows) -> np.ndarray:
    """West, south, east and north of each shape, millionths of a degree; each is a rectangle."""
    shapes = shapely.from_wkt([row["geometry"] for row in table])
    assert (shapely.get_num_coordinates(shapes) == 5).all()
    bounds = shapely.bounds(shapes)
    assert (shapely.area(shapely.symmetric_difference(shapes, shapely.box(*bounds.T))) == 0).all()
    return np.rint(bounds * 1e6).astype(np.int64)


def areas(bounds: np.ndarray) -> np.ndarray:
    return (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])


def meeting(one: np.ndarray, other: np.ndarray) -> set[tuple[int, int]]:
    """Which of the one lie over which of the other; a common border is none."""
    tree = shapely.STRtree(shapely.box(*other.T))
    first, second = tree.query(shapely.box(*one.T))
    across = np.minimum(one[first, 2], other[second, 2]) > np.maximum(one[first, 0], other[second, 0])
    up = np.minimum(one[first, 3], other[second, 3]) > np.maximum(one[first, 1], other[second, 1])
    return set(zip(first[across & up].tolist(), second[across & up].tolist(), strict=True))


def fill_the_box(table: Rows) -> bool:
    """As large as the box together, and each meets only itself."""
    bounds = sides(table)
    outer = [*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()]
    west, south, east, north = whole = [round(side * 1e6) for side in BOX]
    alone = meeting(bounds, bounds) == {(n, n) for n in range(len(table))}
    return outer == whole and int(areas(bounds).sum()) == (east - west) * (north - south) and alone


# --- divisions


def test_the_divisions_are_those_of_2023(divisions: dict[str, dict[str, str]]) -> None:
    assert Counter(row["level"] for row in divisions.values()) == {
        "city": 1,
        "county": 8,
        "street": 89,
        "community": 3197,
    }
    assert {code: row["name"] for code, row in divisions.items() if row["level"] == "county"} == {
        "410902": "华龙区",
        "410922": "清丰县",
        "410923": "南乐县",
        "410926": "范县",
        "410927": "台前县",
        "410928": "濮阳县",
        "410971": "河南濮阳工业园区",
        "410972": "濮阳经济技术开发区",
    }
    held = Counter(code[:6] for code, row in divisions.items() if row["level"] == "community")
    assert held == {
        "410902": 168,
        "410922": 512,
        "410923": 329,
        "410926": 585,
        "410927": 377,
        "410928": 1032,
        "410971": 23,
        "410972": 171,
    }
    assert all(row["parent"] in divisions for code, row in divisions.items() if code != "4109")


# --- cells


def test_the_files_are_what_the_command_makes() -> None:
    made = divided(SHIPPED)
    assert set(made) == {"cells.csv", "communities.csv", "areas.csv", "grids.csv"}
    for name, text in made.items():
        assert (SHIPPED / "cells" / name).read_bytes() == text.encode(), name


def test_every_cell_is_of_a_community_and_every_community_has_cells(
    cells: Rows, communities: Rows, divisions: dict[str, dict[str, str]]
) -> None:
    real = {code for code, row in divisions.items() if row["level"] == "community"}
    codes = [row["code"] for row in cells]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 15 and code.isascii() and code.isdigit() for code in codes)
    assert {row["community"] for row in communities} == real
    for day in (BEFORE, AFTER):
        assert {row["code"][:12] for row in valid(cells, day)} == real
    numbers = defaultdict(list)
    for code in codes:
        numbers[code[:12]].append(int(code[12:]))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


@pytest.mark.parametrize("day", [BEFORE, AFTER])
def test_the_cells_of_a_day_fill_the_city_without_gap_or_overlap(cells: Rows, day: str) -> None:
    assert 9_591 <= len(valid(cells, day)) <= 10_000  # three a community, four in the subdistricts
    assert fill_the_box(valid(cells, day))


def test_the_city_is_as_large_as_the_real_one_and_its_core_is_dense(cells: Rows) -> None:
    today = valid(cells, AFTER)
    km2 = areas(sides(today)) / 1e12 * KM2
    assert km2.sum() == pytest.approx(4188, rel=0.01)
    urban = np.array([row["code"][6] == "0" for row in today])
    for core in ("410902", "410972"):
        inside = np.array([row["code"].startswith(core) for row in today])
        metres = 1000 * np.sqrt(km2)
        assert 100 <= np.median(metres[inside & urban]) <= 250
        assert np.median(metres[inside & ~urban]) > 500


def test_each_community_is_one_rectangle_in_its_street(cells: Rows) -> None:
    today = valid(cells, AFTER)
    bounds = sides(today)
    for digits in (12, 9, 6):
        groups = defaultdict(list)
        for n, row in enumerate(today):
            groups[row["code"][:digits]].append(n)
        for members in groups.values():
            own = bounds[members]
            hull = np.array([[*own[:, :2].min(axis=0), *own[:, 2:].max(axis=0)]])
            assert int(areas(hull)[0]) == int(areas(own).sum())


def test_replacement_cells_cover_the_cells_that_they_replace(cells: Rows) -> None:
    old = [row for row in cells if row["valid_until"]]
    new = [row for row in cells if row["valid_from"]]
    assert 10 <= len(old) <= 20
    assert {row["valid_until"] for row in old} == {row["valid_from"] for row in new} == {AFTER}
    heirs = Counter(n for n, _ in meeting(sides(old), sides(new)))
    sources = Counter(m for _, m in meeting(sides(old), sides(new)))
    assert set(heirs) == set(range(len(old)))
    assert set(heirs.values()) == {1, 2}  # joined or split
    assert set(sources.values()) == {1, 2}
    for community in {row["code"][:12] for row in old}:
        before, after = ([row for row in some if row["code"].startswith(community)] for some in (old, new))
        assert areas(sides(before)).sum() == areas(sides(after)).sum()
        assert min(row["code"] for row in after) > max(row["code"] for row in before)


def test_communities_have_their_names_and_a_default_cell_of_their_own(
    cells: Rows, communities: Rows, divisions: dict[str, dict[str, str]]
) -> None:
    always = {row["code"] for row in cells if not row["valid_from"] and not row["valid_until"]}
    for row in communities:
        assert row["name"] == divisions[row["community"]]["name"]
        assert row["default_cell"] in always
        assert row["default_cell"].startswith(row["community"])


def test_cells_have_names(cells: Rows) -> None:
    names = {row["code"]: row["name"] for row in cells}
    assert names["410902001001001"] == "京东社区一网格"
    assert names["410902001001004"] == "京东社区四网格"
    assert all(name.endswith("网格") and "委会" not in name for name in names.values())


# --- the registry


@pytest.fixture(scope="module")
def registry() -> CellRegistry:
    files = ("cells.csv", "communities.csv", "areas.csv", "grids.csv")
    texts = [(SHIPPED / "cells" / name).read_text(encoding="utf-8") for name in files]
    loaded = load_cells(*texts, files=files, zone=ZONE)
    assert isinstance(loaded, CellRegistry), loaded[:3]
    return loaded


@pytest.mark.parametrize(("minutes", "cell"), [(0, "410902101001001"), (1, "410902101001005")])
def test_a_point_lies_in_the_cell_of_its_day(registry: CellRegistry, minutes: int, cell: str) -> None:
    """The first cell of 澶东社区 until the end of 30 June 2025, in its southern half the fifth from then on."""
    at = datetime(2025, 6, 30, 23, 59, tzinfo=ZONE) + timedelta(minutes=minutes)
    (found,) = registry.resolve([Claim(network="policing", at=at, lon=115.185, lat=35.810)])
    assert (found.cell, found.resolved_by) == (cell, "point")


@pytest.mark.parametrize(
    ("network", "area", "within"),
    [
        ("policing", "410902001901", "410902001"),
        ("enforcement", "03020141090200160100", "410902001"),
        ("work-safety", "02010141090200100100", "410902001001"),
    ],
)
def test_a_network_finds_a_cell_by_its_own_grid(registry: CellRegistry, network: str, area: str, within: str) -> None:
    (found,) = registry.resolve([Claim(network=network, at=datetime(2025, 8, 1, tzinfo=ZONE), area=area)])
    assert found.cell.startswith(within)
    assert found.resolved_by == "community"


# --- the networks' own grids


def test_police_grids_cross_the_borders_of_communities(cells: Rows, communities: Rows) -> None:
    grids = rows("grids.csv")
    assert {row["network"] for row in grids} == {"policing"}
    assert fill_the_box(grids)
    today = valid(cells, AFTER)
    over = defaultdict(set)
    holds = defaultdict(set)
    for n, m in meeting(sides(today), sides(grids)):
        over[today[n]["code"][:12]].add(m)
        holds[m].add(today[n]["code"][:12])
    assert min(len(found) for found in holds.values()) > 1
    assert sum(len(found) > 1 for found in over.values()) > len(communities) / 4


def test_the_code_of_a_police_grid_is_that_of_no_community(divisions: dict[str, dict[str, str]]) -> None:
    codes = [row["area"] for row in rows("grids.csv")]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & divisions.keys()
    assert all(len(code) == 12 and code[:9] in divisions and code[9:] > "900" for code in codes)


def test_the_shares_of_a_professional_grid_add_up(cells: Rows, communities: Rows) -> None:
    known = {row["code"] for row in cells} | {row["community"] for row in communities}
    table = rows("areas.csv")
    assert len(table) < 3000
    assert {row["network"] for row in table} == {"work-safety", "enforcement"}
    assert all(one != other for one, other in pairwise([(row["area"], row["code"]) for row in table]))
    whole: dict[str, Decimal] = defaultdict(Decimal)
    for row in table:
        whole[row["area"]] += Decimal(row["share"])
        assert row["code"] in known
    assert set(whole.values()) == {Decimal(1)}


def test_a_professional_grid_has_20_digits_that_say_where_it_lies(communities: Rows) -> None:
    real = {row["community"] for row in communities}
    members = defaultdict(list)
    for row in rows("areas.csv"):
        members[row["area"]].append(row["code"])
    kinds: Counter[str] = Counter()
    for area, codes in members.items():
        assert len(area) == 20
        assert area.isascii()
        assert area.isdigit()
        inside, part = area[6:18], area[18:]
        if inside in real:
            assert {code[:12] for code in codes} == {inside}
            assert all(len(code) == (12 if part == "00" else 15) for code in codes)
            kinds["halved" if part != "00" else "one"] += 1
        else:
            assert inside[9:] >= "601"
            assert part == "00"
            assert len(codes) > 1
            assert {code[:9] for code in codes} == {inside[:9]}
            kinds["joined"] += 1
    assert kinds["one"] > kinds["joined"] > 100
    assert kinds["halved"] > 50
