"""The crosswalk (many to many): cells of an area by table, by shape and by code, and the areas of a cell."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.cells.registry import CellRegistry, Claim
from router.domain.model.report import Location
from tests.support.cells import LAT, LON, Box, Dated, half_diagonal, registry

#   y 1..2   |  S (S1 | S2)      |        S became S1 and S2, and R (with nothing after it) ended on CHANGE
#   y 0..1   |  A1   |  A2   |  B1  |  B2  |  R  |   ...  C1
#   x        0       1       2      3      4     5        20   21
A, B, C = "410902001001", "410902001002", "410902002001"
A1, A2, S, S1, S2 = (f"{A}{n:03d}" for n in range(1, 6))
B1, B2, R = (f"{B}{n:03d}" for n in range(1, 4))
C1 = f"{C}001"
CHANGE = date(2025, 7, 1)
CELLS: dict[str, Dated] = {
    A1: ((0, 0, 1, 1), None, None),
    A2: ((1, 0, 2, 1), None, None),
    S: ((0, 1, 2, 2), None, CHANGE),
    S1: ((0, 1, 0.5, 2), CHANGE, None),
    S2: ((0.5, 1, 2, 2), CHANGE, None),
    B1: ((2, 0, 3, 1), None, None),
    B2: ((3, 0, 4, 1), None, None),
    R: ((4, 0, 5, 1), None, CHANGE),
    C1: ((20, 0, 21, 1), None, None),
}
COMMUNITIES = {A: A2, B: B1, C: C1}
BEFORE, AFTER = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC)


def city(*areas: tuple[str, str], grids: tuple[tuple[str, str, Dated], ...] = ()) -> CellRegistry:
    """A registry in which area 7 of policing has these codes, each with its share."""
    return registry(CELLS, COMMUNITIES, [("policing", "7", *row) for row in areas], grids)


def beat(box: Box, since: date | None = None, until: date | None = None, area: str = "7") -> tuple[str, str, Dated]:
    return "policing", area, (box, since, until)


def ask(
    one: CellRegistry,
    area: str | None = "7",
    at: datetime = AFTER,
    place: tuple[float, float] | None = None,
    **said: str,
) -> Location:
    lon, lat = (None, None) if place is None else (LON + place[0] / 1000, LAT + place[1] / 1000)
    network = said.pop("network", "policing")
    (found,) = one.resolve([Claim(network=network, at=at, area=area, lon=lon, lat=lat, **said)])  # type: ignore[arg-type]
    return found


# --- by table


def test_the_largest_share_decides_and_the_report_may_lie_in_all_of_them() -> None:
    found = ask(city((A, "0.3"), (B, "0.6")))
    assert (found.cell, found.resolved_by, found.source_grid) == (B1, "community", "7")
    assert found.doubt == f"area '7' lies in 2 communities, the largest share (60%) in {B}"
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 4, 2)), rel=0.01)  # R is no more
    before = ask(city((A, "0.3"), (B, "0.6")), at=BEFORE)
    assert before.accuracy_m == pytest.approx(half_diagonal((0, 0, 5, 2)), rel=0.01)


def test_the_smallest_code_breaks_a_tie_of_shares() -> None:
    assert ask(city((B, ""), (A, ""))).cell == A2
    assert ask(city((B2, "0.5"), (B1, "0.5"))).cell == B1


def test_one_community_is_no_doubt() -> None:
    found = ask(city((B, "")), at=BEFORE)
    assert (found.cell, found.doubt) == (B1, None)
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 3, 1)), rel=0.01)


def test_one_cell_is_exact() -> None:
    found = ask(city((B2, "0.4")))
    assert (found.cell, found.resolved_by, found.doubt) == (B2, "community", None)
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 1, 1)), rel=0.01)


def test_cells_and_communities_may_be_mixed() -> None:
    found = ask(city((B2, "0.7"), (C, "0.3")))
    assert (found.cell, found.doubt) == (B2, f"area '7' lies in 2 places, the largest share (70%) in {B2}")
    assert found.accuracy_m == pytest.approx(half_diagonal((3, 0, 21, 1)), rel=0.01)


def test_only_cells_valid_on_the_day_count() -> None:
    both = city((S, "0.5"), (S1, "0.2"), (S2, "0.3"))
    assert ask(both, at=BEFORE).cell == S
    assert ask(both, at=BEFORE).doubt is None
    found = ask(both, at=AFTER)
    assert (found.cell, found.doubt) == (S2, f"area '7' lies in 2 cells, the largest share (30%) in {S2}")
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 2, 1)), rel=0.01)


def test_without_a_valid_cell_the_largest_share_gives_its_successors() -> None:
    found = ask(city((S, "0.9"), (R, "0.1")))
    assert (found.cell, found.resolved_by) == (S2, "community")  # three quarters of S
    assert found.doubt == f"area '7' lies in {S}, which was retired on 2025-07-01, succeeded by {S2}, {S1}"
    early = ask(city((S1, "1")), at=BEFORE)
    assert (early.cell, early.resolved_by) == (S, "community")


def test_a_retired_cell_without_successor_gives_its_community() -> None:
    found = ask(city((R, "1")))
    assert (found.cell, found.resolved_by) == (B1, "community")
    assert found.doubt == f"area '7' lies in {R}, which was retired on 2025-07-01"


def test_a_community_without_a_valid_cell_gives_way_to_a_smaller_share() -> None:
    cells = {C1: CELLS[C1], R: CELLS[R]}
    one = registry(cells, {B: R, C: C1}, [("policing", "7", B, "0.9"), ("policing", "7", C, "0.1")])
    assert ask(one, at=BEFORE).cell == R
    assert (ask(one).cell, ask(one).doubt) == (C1, None)
    alone = ask(registry(cells, {B: R, C: C1}, [("policing", "7", B, "1")]))
    assert alone.doubt is not None
    assert alone.doubt.startswith(f"area '7' lies in {B}, which had no valid cell; the default cell {R} was retired")


def test_an_alias_of_a_community_is_one() -> None:
    one = registry(CELLS, {**COMMUNITIES, "410999999001": C1}, [("policing", "7", "410999999001", "")])
    assert (ask(one).cell, ask(one).resolved_by) == (C1, "community")


def test_an_area_code_belongs_to_its_network() -> None:
    found = ask(city((B, "")), network="hotline")
    assert found.doubt == "area '7' is not in the crosswalk; nothing names a place inside the city"


def test_a_known_community_has_priority_over_the_area() -> None:
    assert ask(city((B, "")), community=C).cell == C1


# --- by shape


def test_shares_of_a_shape_are_shares_of_ground_area() -> None:
    one = city(grids=(beat((0.5, 0, 2.25, 1)),))
    found = ask(one)
    assert (found.cell, found.resolved_by) == (A2, "community")
    assert found.doubt == f"area '7' lies in 3 cells, the largest share (57%) in {A2}"
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 3, 1)), rel=0.01)
    shares = {cell: [of.share for of in one.crosswalk.of(cell, AFTER)] for cell in CELLS}
    assert {cell: share for cell, share in shares.items() if share} == {
        A1: [pytest.approx(0.5 / 1.75, abs=1e-4)],
        A2: [pytest.approx(1 / 1.75, abs=1e-4)],
        B1: [pytest.approx(0.25 / 1.75, abs=1e-4)],
    }


def test_only_cells_valid_on_the_day_share_a_shape() -> None:
    one = city(grids=(beat((0, 1, 2, 2)),))
    assert (ask(one, at=BEFORE).cell, ask(one, at=BEFORE).doubt) == (S, None)
    assert (ask(one).cell, ask(one).doubt) == (S2, f"area '7' lies in 2 cells, the largest share (75%) in {S2}")


def test_the_table_has_priority_over_the_shape() -> None:
    one = city((C, ""), grids=(beat((0, 0, 1, 1)), beat((3, 0, 4, 1), area="8")))
    assert ask(one).cell == C1
    assert ask(one, "8").cell == B2
    assert [of.area for of in one.crosswalk.of(A1, AFTER)] == []


def test_a_seam_between_two_shapes_is_not_a_share() -> None:
    """0.9 % of the neighbour's ground and of the shape's: a seam; 2 % of it: a part."""
    assert ask(city(grids=(beat((0, 0, 1.009, 1)),))).doubt is None
    assert ask(city(grids=(beat((0, 0, 1.02, 1)),))).doubt is not None


def test_a_small_area_inside_a_large_cell_belongs_to_it() -> None:
    """It covers 0.04 % of the cell, but lies entirely in it."""
    found = ask(city(grids=(beat((3.5, 0.5, 3.52, 0.52)),)))
    assert (found.cell, found.doubt) == (B2, None)


def test_a_shape_counts_only_on_its_days() -> None:
    one = city(grids=(beat((0, 0, 1, 1), None, CHANGE), beat((3, 0, 4, 1), CHANGE, date(2026, 1, 1))))
    assert ask(one, at=BEFORE).cell == A1
    assert ask(one).cell == B2
    found = ask(one, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert (found.resolved_by, found.doubt) == (
        "fallback",
        "area '7' was not drawn then; nothing names a place inside the city",
    )


def test_a_shape_outside_every_cell_gives_no_cell() -> None:
    assert ask(city(grids=(beat((30, 30, 31, 31)),))).doubt == (
        "area '7' is not in the crosswalk; nothing names a place inside the city"
    )


sides = st.tuples(st.integers(0, 400), st.integers(0, 400)).filter(lambda side: abs(side[0] - side[1]) >= 20)


@given(sides, sides, st.lists(st.integers(20, 380), min_size=1, max_size=3, unique=True))
def test_shares_of_any_rectangle_match_its_columns(
    across: tuple[int, int], up: tuple[int, int], cuts: list[int]
) -> None:
    """A square of 0.4 by 0.4 thousandths in columns; shares are whole units."""
    (west, east), (south, north) = sorted(across), sorted(up)
    edges = [0, *sorted(cuts), 400]
    columns = {f"{A}{n:03d}": (edges[n], edges[n + 1]) for n in range(len(edges) - 1)}
    cells: dict[str, Dated] = {
        code: ((left / 100, 0, right / 100, 4), None, None) for code, (left, right) in columns.items()
    }
    shape: Box = (west / 100, south / 100, east / 100, north / 100)
    one = registry(cells, {A: f"{A}001"}, [], [beat(shape)])
    parts = {
        code: Fraction(max(min(right, east) - max(left, west), 0), east - west)
        for code, (left, right) in columns.items()
    }
    held = {code: of.share for code in columns for of in one.crosswalk.of(code, AFTER)}
    for code, part in parts.items():
        # a seam has less than a hundredth of both
        own = Fraction((east - west) * (north - south), (columns[code][1] - columns[code][0]) * 400)
        if part >= Fraction(11, 1000) or part * own >= Fraction(11, 1000):
            assert held[code] == pytest.approx(float(part), abs=1e-4)
        elif part == 0:
            assert code not in held
    best = max(held.values())
    assert ask(one).cell == min(code for code, share in held.items() if share == best)


# --- a point and an area


def test_a_point_outside_its_area_is_kept_with_a_doubt() -> None:
    table, drawn = city((B, "")), city(grids=(beat((2, 0, 4, 1)),))
    for one in (table, drawn):
        inside = ask(one, place=(2.5, 0.5))
        assert (inside.cell, inside.doubt) == (B1, None)
        outside = ask(one, place=(0.5, 0.5))
        assert (outside.cell, outside.resolved_by) == (A1, "point")
        assert outside.doubt == f"cell {A1} of the point does not lie in area '7'"


def test_the_doubt_names_the_nearest_cell_and_a_wrong_code() -> None:
    found = ask(city((B, "")), place=(0.5, -0.5))
    assert (found.cell, found.resolved_by) == (A1, "nearest")
    assert found.doubt == f"the point lies 56 m outside every cell; cell {A1} of the point does not lie in area '7'"
    found = ask(city((B, "")), place=(0.5, 0.5), cell=A2)
    assert found.doubt == (
        f"the source wrote cell '{A2}', its point lies in {A1}; cell {A1} of the point does not lie in area '7'"
    )


def test_a_cell_is_in_the_area_of_its_predecessor() -> None:
    """A table with the cells of one day gives no doubt about points of another day."""
    assert ask(city((S, "")), place=(0.2, 1.5)).doubt is None
    assert ask(city((S1, "")), place=(0.2, 1.5), at=BEFORE).doubt is None
    assert ask(city((S1, "")), place=(1.5, 1.5)).doubt is not None


def test_an_unknown_area_adds_no_doubt_to_a_point() -> None:
    assert ask(city((B, "")), "9", place=(0.5, 0.5)).doubt is None
    dated = city(grids=(beat((2, 0, 4, 1), None, CHANGE),))
    assert ask(dated, place=(0.5, 0.5), at=BEFORE).doubt is not None
    assert ask(dated, place=(0.5, 0.5)).doubt is None


# --- by the code of a professional grid


def test_a_professional_grid_code_contains_its_community() -> None:
    found = ask(city(), f"030201{B}02")
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", None)


def test_the_table_has_priority_over_a_professional_grid_code() -> None:
    one = registry(CELLS, COMMUNITIES, [("policing", f"030201{B}02", B2, "1")])
    assert ask(one, f"030201{B}02").cell == B2


def test_a_grid_of_joined_communities_gives_only_its_street() -> None:
    grid = "03020141090200260100"
    found = ask(city(), grid)
    assert (found.cell, found.resolved_by) == (C1, "community")
    assert found.doubt == (
        f"area '{grid}' joins several communities that are not in the crosswalk; only its street 410902002 is known"
    )
    lost = ask(city(), "03020141090200960100")
    assert lost.resolved_by == "fallback"


def test_the_last_single_number_is_600() -> None:
    found = ask(city(), "03020141090200260000")
    assert found.cell == C1
    assert found.doubt is not None
    assert found.doubt.startswith("area '03020141090200260000' is not in the crosswalk; only its street ")


def test_a_listed_community_above_600_is_a_single_one() -> None:
    own = "410902002700"
    one = registry({**CELLS, f"{own}001": ((21, 0, 22, 1), None, None)}, {**COMMUNITIES, own: f"{own}001"})
    found = ask(one, f"030201{own}00")
    assert (found.cell, found.doubt) == (f"{own}001", None)


@pytest.mark.parametrize("area", [f"030201{B}0", f"030201{B}000", f"０30201{B}00", f"030201{B}0a"])
def test_other_codes_are_no_professional_grid(area: str) -> None:
    assert ask(city(), area).resolved_by == "fallback"


# --- areas of a cell


def test_the_areas_of_a_cell() -> None:
    rows = [("policing", "7", B, "0.6"), ("policing", "7", A2, "0.4"), ("hotline", "East", B2, "")]
    one = registry(CELLS, COMMUNITIES, rows, [beat((3.5, 0, 5.5, 1), area="9"), beat((0, 0, 1, 1), area="1")])
    found = [(of.network, of.area, of.share, of.code) for of in one.crosswalk.of(B2, AFTER)]
    assert found == [("hotline", "East", 1.0, B2), ("policing", "7", 0.6, B), ("policing", "9", 0.25, B2)]
    assert one.crosswalk.of(C1, AFTER) == []


instants = st.sampled_from([BEFORE, AFTER, datetime(2025, 7, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)])


@given(st.lists(st.tuples(st.sampled_from(["7", "8", "9", "x"]), instants), max_size=4))
def test_earlier_queries_do_not_change_an_answer(asked: list[tuple[str, datetime]]) -> None:
    rows = [("policing", "7", S, "0.5"), ("policing", "7", R, "0.5")]
    grids = (beat((0, 1, 2, 2), area="8"), beat((0, 0, 1, 1), None, CHANGE, area="9"))
    used = registry(CELLS, COMMUNITIES, rows, grids)
    for area, at in asked:
        fresh = registry(CELLS, COMMUNITIES, rows, grids)
        assert ask(used, area, at) == ask(fresh, area, at)
        assert ask(used, area, at).cell in CELLS


def test_shapes_and_shares_change_the_version() -> None:
    plain = city((A, "0.5"), (B, "0.5")).version
    assert city((A, ""), (B, "")).version == plain
    assert city((B, "0.5"), (A, "0.5")).version == plain
    others = {
        city((A, "0.6"), (B, "0.4")).version,
        city((A, "0.5"), (B, "0.5"), grids=(beat((0, 0, 1, 1)),)).version,
        city((A, "0.5"), (B, "0.5"), grids=(beat((0, 0, 1, 2)),)).version,
        city((A, "0.5"), (B, "0.5"), grids=(beat((0, 0, 1, 1), CHANGE),)).version,
        city((A, "0.5"), (B, "0.5"), grids=(beat((0, 0, 1, 1), area="9"),)).version,
    }
    assert len(others) == 5
    assert plain not in others
