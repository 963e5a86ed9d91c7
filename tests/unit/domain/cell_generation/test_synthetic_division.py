"""Cells made from division codes: every part is filled by its parts, and what is redrawn keeps the old codes."""

import re
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.cell_generation.synthetic_division import (
    Box,
    Density,
    Divided,
    Division,
    DivisionChange,
    DivisionPlan,
    divide,
    numeral,
    parts,
    slices,
)
from router.domain.cell_generation.synthetic_grids import GridLattice, Table, lattices, shares, table

SQUARE = Box(0, 0, 1_000_000, 1_000_000)
"""Near the equator: slightly higher than wide, so that the first cut goes from west to east."""
DAY = date(2025, 7, 1)


def plan(box: Box = SQUARE, *, cells: int = 3, changes: Sequence[DivisionChange] = (), **columns: int) -> DivisionPlan:
    rows = [{code.removeprefix("c"): size} for code, size in columns.items()] or [{"410901": 1}]
    return DivisionPlan(
        box=box,
        columns=[rows],
        urban=Density(4, 10),
        rural=Density(cells, 100),
        endings={"村村委会": "村", "村委会": "村", "居委会": ""},
        changes=changes,
    )


def county(*communities: int, code: str = "410901", kind: str = "1") -> list[Division]:
    """A county with one street for each number, which has that number of communities."""
    made = [Division(code, "County")]
    for street, count in enumerate(communities):
        own = f"{code}{kind}{street:02d}"
        made.append(Division(own, f"Street {street}"))
        made += [Division(f"{own}{n:03d}", f"{n}村委会") for n in range(1, count + 1)]
    return made


def overlap(one: Box, other: Box) -> bool:
    across = min(one.east, other.east) > max(one.west, other.west)
    return across and min(one.north, other.north) > max(one.south, other.south)


def fill(whole: Box, pieces: Sequence[Box]) -> bool:
    """Assert no gap and no overlap: inside, disjoint, and of equal total area."""
    inside = all(
        whole.west <= one.west < one.east <= whole.east and whole.south <= one.south < one.north <= whole.north
        for one in pieces
    )
    apart = not any(overlap(one, other) for n, one in enumerate(pieces) for other in pieces[:n])
    return inside and apart and sum(one.area for one in pieces) == whole.area


# --- boxes


def test_a_box_has_degrees() -> None:
    box = Box(114_950_000, 35_500_000, 115_000_001, 36_095_000)
    assert box.wkt() == (
        "POLYGON((114.950000 35.500000,115.000001 35.500000,115.000001 36.095000,114.950000 36.095000,"
        "114.950000 35.500000))"
    )
    assert Box(-1_500_000, -500_000, 0, 0).wkt().startswith("POLYGON((-1.500000 -0.500000,0.000000 -0.500000,")


def test_the_aspect_ratio_is_measured_on_the_ground() -> None:
    """At latitude 60, a degree of longitude is half as long as one of latitude."""
    assert Box(0, 59_500_000, 2_000_000, 60_500_000).aspect == pytest.approx(1)
    assert Box(0, -500_000, 2_000_000, 500_000).aspect == pytest.approx(2)


def test_slices_are_ordered_from_west_or_north() -> None:
    assert slices(SQUARE, [1, 3], across=True) == [Box(0, 0, 250_000, 1_000_000), Box(250_000, 0, 1_000_000, 1_000_000)]
    assert slices(SQUARE, [1, 3], across=False) == [
        Box(0, 750_000, 1_000_000, 1_000_000),
        Box(0, 0, 1_000_000, 750_000),
    ]


weights = st.lists(st.integers(1, 50), min_size=1, max_size=30)
boxes = st.tuples(
    st.integers(-179_000_000, 170_000_000),
    st.integers(-80_000_000, 70_000_000),
    st.integers(500_000, 9_000_000),
    st.integers(500_000, 9_000_000),
).map(lambda four: Box(four[0], four[1], four[0] + four[2], four[1] + four[3]))


@given(boxes, weights)
def test_parts_fill_the_box_in_proportion_to_their_weights(box: Box, sizes: list[int]) -> None:
    pieces = parts(box, sizes)
    assert len(pieces) == len(sizes)
    assert fill(box, pieces)
    for piece, size in zip(pieces, sizes, strict=True):
        assert piece.area / box.area == pytest.approx(size / sum(sizes), rel=0.01)


@given(boxes, st.integers(1, 30), st.booleans())
def test_slices_fill_the_box(box: Box, count: int, across: bool) -> None:
    assert fill(box, slices(box, [1] * count, across=across))


def test_equal_parts_are_nearly_square_and_keep_their_order() -> None:
    assert all(1 / 3 <= piece.aspect <= 3 for count in range(2, 40) for piece in parts(SQUARE, [1] * count))
    north_west, north_east, south_west, south_east = parts(SQUARE, [1] * 4)
    assert (north_west.west, north_west.north) == (0, 1_000_000)
    assert (south_west.west, south_west.south) == (0, 0)
    assert (north_east.east, north_east.north) == (1_000_000, 1_000_000)
    assert (south_east.east, south_east.south) == (1_000_000, 0)


def test_a_box_that_is_too_small_is_rejected() -> None:
    with pytest.raises(ValueError, match="too small for the number of cells"):
        parts(Box(0, 0, 2, 2), [1] * 5)


# --- a city


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 6))
def test_every_level_is_filled_by_its_parts(communities: list[int], count: int) -> None:
    city = divide(county(*communities), plan(cells=count))
    assert fill(SQUARE, list(city.streets.values()))
    assert len(city.communities) == sum(communities)
    for street, box in city.streets.items():
        assert fill(box, [one for code, one in city.communities.items() if code[:9] == street])
    for community, box in city.communities.items():
        own = {code: cell for code, cell in city.cells.items() if code[:12] == community}
        assert list(own) == [f"{community}{n:03d}" for n in range(1, count + 1)]
        assert fill(box, [cell.box for cell in own.values()])


def test_counties_are_in_columns_and_rows_with_their_areas() -> None:
    one = plan()
    columns = [[{"410901": 3}, {"410902": 2, "410903": 1}], [{"410904": 2}]]
    divisions = [row for n in (1, 2, 3, 4) for row in county(1, code=f"41090{n}")]
    city = divide(divisions, replace(one, columns=columns))
    assert {code[:6]: box for code, box in city.streets.items()} == {
        "410901": Box(0, 500_000, 750_000, 1_000_000),
        "410902": Box(0, 0, 500_000, 500_000),
        "410903": Box(500_000, 0, 750_000, 500_000),
        "410904": Box(750_000, 0, 1_000_000, 1_000_000),
    }


def test_a_subdistrict_has_more_and_smaller_cells() -> None:
    """The seventh digit 0; a community weighs 10 there and 100 elsewhere."""
    town, quarter = county(2, kind="1"), county(2, kind="0")
    city = divide([*town, *quarter[1:]], plan())
    (dense, wide) = city.streets.values()
    assert wide.area / dense.area == pytest.approx(10, rel=0.001)
    assert sum(code.startswith("410901000001") for code in city.cells) == 4
    assert sum(code.startswith("410901100001") for code in city.cells) == 3


def test_cells_are_numbered_from_north_to_south_then_west_to_east() -> None:
    city = divide(county(1), plan(cells=4))
    corners = [(cell.box.west, cell.box.north) for cell in city.cells.values()]
    assert corners == [(0, 1_000_000), (500_000, 1_000_000), (0, 500_000), (500_000, 500_000)]


def test_a_cell_has_the_name_of_its_community() -> None:
    rows = [*county(0)[:1], Division("410901100", "S")]
    names = ["东关村村委会", "东关村委会", "人民路居委会", "农场"]
    rows += [Division(f"410901100{n:03d}", name) for n, name in enumerate(names, 1)]
    cells = divide(rows, plan(cells=2)).cells
    firsts = [cell.name for code, cell in cells.items() if code.endswith("001")]
    assert firsts == ["东关村一网格", "东关村一网格", "人民路一网格", "农场一网格"]
    assert cells["410901100004002"].name == "农场二网格"


@pytest.mark.parametrize(
    ("number", "written"),
    [(1, "一"), (9, "九"), (10, "十"), (11, "十一"), (20, "二十"), (21, "二十一"), (99, "九十九"), (100, "100")],
)
def test_numbers_are_written_in_chinese(number: int, written: str) -> None:
    assert numeral(number) == written


@given(st.randoms(use_true_random=False))
def test_the_order_of_divisions_has_no_effect(random: object) -> None:
    rows = county(2, 3)
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert divide(mixed, plan()) == divide(rows, plan())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*county(1), Division("410901100001", "again")], "division 410901100001 stands there twice"),
        ([*county(1), Division("410901200001", "stray")], "division 410901200 is missing, but 410901200001 lies in it"),
        ([*county(1), Division("410902100", "stray")], "division 410902 is missing, but 410902100 lies in it"),
        ([*county(1), Division("410901200", "bare")], "nothing lies in division 410901200"),
        ([*county(1), *county(1, code="410902")], "county 410902 is not both among the divisions and in the columns"),
        ([], "county 410901 is not both among the divisions and in the columns"),
    ],
)
def test_inconsistent_divisions_are_reported(rows: list[Division], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        divide(rows, plan())


def test_a_county_placed_twice_is_rejected() -> None:
    columns = [[{"410901": 1}], [{"410901": 1}]]
    with pytest.raises(ValueError, match="county 410901 stands in the columns twice"):
        divide(county(1), replace(plan(), columns=columns))


# --- cells redrawn

FIRST, SECOND, THIRD = (f"41090110000100{n}" for n in (1, 2, 3))


def valid(city: Divided, day: date) -> list[Box]:
    return [
        cell.box
        for cell in city.cells.values()
        if (cell.valid_from or date.min) <= day < (cell.valid_until or date.max)
    ]


def test_a_split_ends_a_cell_and_two_begin_with_the_next_numbers() -> None:
    city = divide(county(1), plan(changes=[DivisionChange(day=DAY, split=[FIRST])]))
    old, new = city.cells[FIRST], [city.cells[f"41090110000100{n}"] for n in (4, 5)]
    assert len(city.cells) == 5
    assert (old.valid_from, old.valid_until) == (None, DAY)
    assert all((cell.valid_from, cell.valid_until) == (DAY, None) for cell in new)
    assert fill(old.box, [cell.box for cell in new])
    assert [cell.name for cell in new] == ["1村四网格", "1村五网格"]


def test_a_join_ends_cells_and_one_begins() -> None:
    city = divide(county(1), plan(changes=[DivisionChange(day=DAY, join=[[SECOND, THIRD]])]))
    joined = city.cells["410901100001004"]
    assert [city.cells[code].valid_until for code in (FIRST, SECOND, THIRD)] == [None, DAY, DAY]
    assert fill(joined.box, [city.cells[code].box for code in (SECOND, THIRD)])


def test_the_city_is_filled_before_and_after_a_change() -> None:
    changes = [
        DivisionChange(day=DAY, split=[FIRST], join=[[SECOND, THIRD]]),
        DivisionChange(day=date(2026, 1, 1), join=[["410901100001004", "410901100001005"]]),
    ]
    city = divide(county(2), plan(changes=changes))
    for day, count in ((date(2025, 6, 30), 6), (DAY, 6), (date(2025, 12, 31), 6), (date(2026, 1, 1), 5)):
        assert len(valid(city, day)) == count
        assert fill(SQUARE, valid(city, day))
    assert city.cells["410901100001007"].valid_from == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            DivisionChange(day=DAY, split=["410901100001009"]),
            "there is no cell 410901100001009 that could end on 2025-07-01",
        ),
        (DivisionChange(day=DAY, split=[FIRST, FIRST]), f"there is no cell {FIRST} that could end"),
        (DivisionChange(day=DAY, split=[FIRST], join=[[FIRST, SECOND]]), f"there is no cell {FIRST} that could end"),
        (DivisionChange(day=DAY, join=[[FIRST, THIRD]]), f"cells {FIRST}, {THIRD} together are no rectangle"),
        (DivisionChange(day=DAY, join=[[FIRST, "410901100002001"]]), "are not of one community"),
    ],
)
def test_an_impossible_change_is_rejected(change: DivisionChange, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        divide(county(2), plan(changes=[change]))


def test_a_cell_may_not_end_on_the_day_it_begins() -> None:
    changes = [DivisionChange(day=DAY, split=[FIRST]), DivisionChange(day=DAY, split=["410901100001004"])]
    with pytest.raises(ValueError, match="no cell 410901100001004 that could end on 2025-07-01"):
        divide(county(1), plan(changes=changes))


def test_numbers_are_never_reused_even_when_they_run_out() -> None:
    full = divide(county(1), plan(cells=998))
    assert list(full.cells)[-1] == "410901100001998"
    with pytest.raises(ValueError, match="community 410901100001 has more than 999 cells"):
        divide(county(1), plan(cells=998, changes=[DivisionChange(day=DAY, split=[FIRST])]))


# --- the networks' own grids


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 12))
def test_a_lattice_fills_every_street(communities: list[int], size: int) -> None:
    city = divide(county(*communities), plan())
    names = dict.fromkeys(city.streets, "镇")
    drawn = list(lattices(names, city, GridLattice(size, 901, "警格")))
    codes = [code for code, _, _ in drawn]
    assert codes == sorted(set(codes))
    assert not set(codes) & set(city.communities)
    for street, box in city.streets.items():
        own = [grid for code, _, grid in drawn if code[:9] == street]
        assert fill(box, own)


def test_grids_of_a_lattice_are_nearly_square() -> None:
    """A street of one by one degree in nine, and one four times as wide in four."""
    for box, count in ((SQUARE, 9), (replace(SQUARE, east=4_000_000), 4)):
        city = divide(county(count), plan(box))
        drawn = [grid for *_, grid in lattices({"410901100": "镇"}, city, GridLattice(1, 901, "警格"))]
        assert len(drawn) == count
        assert [grid.aspect for grid in drawn] == pytest.approx([1] * count, rel=0.001)


def test_grids_of_a_lattice_are_counted_by_street() -> None:
    city = divide(county(9, 9), plan())
    drawn = list(lattices({"410901100": "甲镇", "410901101": "乙镇"}, city, GridLattice(3, 901, "警格")))
    assert drawn[0][:2] == ("410901100901", "甲镇第一警格")
    assert [name for code, name, _ in drawn if code == "410901101902"] == ["乙镇第二警格"]


def test_a_lattice_with_used_numbers_is_rejected() -> None:
    city = divide(county(9), plan())
    with pytest.raises(ValueError, match="street 410901100 has no free numbers from 9 to"):
        list(lattices({"410901100": "镇"}, city, GridLattice(3, 9, "警格")))
    with pytest.raises(ValueError, match="street 410901100 has no free numbers from 999 to 1000"):
        list(lattices({"410901100": "镇"}, city, GridLattice(8, 999, "警格")))


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_shares_add_up_to_1(areas: list[int]) -> None:
    made = shares(areas)
    assert sum(round(float(share) * 100) for share in made) == 100
    assert all(re.fullmatch(r"0(\.[0-9]{1,2})?|1", share) for share in made)
    for share, area in zip(made, areas, strict=True):
        assert abs(float(share) - area / sum(areas)) < 0.01 + 1e-9


def test_shares_of_thirds_and_halves() -> None:
    assert shares([1, 1, 1]) == ["0.34", "0.33", "0.33"]
    assert shares([7]) == ["1"]
    assert shares([1, 3]) == ["0.25", "0.75"]
    assert shares([1, 2]) == ["0.33", "0.67"]


def rows_of(city: Divided, *takes: int, halve: int = 99) -> list[tuple[str, str, str]]:
    return list(table(city, Table(object="020101", counties=["410901"], takes=takes, halve=halve)))


def test_professional_grids_take_communities_in_turn() -> None:
    """Six communities by 1 and 2: one, two joined, one, two joined; a new street starts again."""
    rows = rows_of(divide(county(6, 2), plan()), 1, 2)
    assert [(grid[6:], code) for grid, code, _ in rows] == [
        ("41090110000100", "410901100001"),
        ("41090110000400", "410901100004"),
        ("41090110060100", "410901100002"),
        ("41090110060100", "410901100003"),
        ("41090110060200", "410901100005"),
        ("41090110060200", "410901100006"),
        ("41090110100100", "410901101001"),
        ("41090110100200", "410901101002"),  # of two communities only one is left: it is not joined
    ]
    assert {grid[:6] for grid, _, _ in rows} == {"020101"}
    assert [share for grid, _, share in rows if grid.endswith("0060100")] == ["0.5", "0.5"]


def test_a_halved_community_is_named_by_its_cells() -> None:
    rows = rows_of(divide(county(2), plan(cells=3)), 1, halve=2)
    assert rows == [
        ("02010141090110000100", "410901100001", "1"),
        ("02010141090110000201", "410901100002001", "0.5"),
        ("02010141090110000201", "410901100002002", "0.5"),
        ("02010141090110000202", "410901100002003", "1"),
    ]


def test_a_community_with_dated_cells_or_a_single_one_is_not_halved() -> None:
    dated = divide(county(1), plan(changes=[DivisionChange(day=DAY, split=[FIRST])]))
    for city in (dated, divide(county(1), plan(cells=1))):
        assert rows_of(city, 1, halve=1) == [("02010141090110000100", "410901100001", "1")]


def test_an_impossible_table_is_rejected() -> None:
    city = divide(county(1), plan())
    with pytest.raises(ValueError, match="county 410909 is not among the divisions"):
        list(table(city, Table(object="020101", counties=["410909"], takes=[1], halve=9)))
    taken = [*county(1), Division("410901100601", "x")]
    with pytest.raises(ValueError, match="community 410901100601 has a number for joined communities"):
        rows_of(divide(taken, plan()), 1)
