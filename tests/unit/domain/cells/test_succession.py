"""Split, joined and retired cells: a point is in exactly one cell of its day, and every old code gives a cell."""

from datetime import UTC, date, datetime
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.cells.registry import CellRegistry, Claim
from router.domain.model.report import Location
from tests.support.cells import LAT, LON, Box, Dated, half_diagonal, registry

COMMUNITY = "410902001001"
FIRST, SECOND = date(2025, 7, 1), date(2025, 10, 1)
BEFORE, BETWEEN, AFTER = (datetime(2025, month, 1, 12, tzinfo=UTC) for month in (6, 8, 11))
C = [f"{COMMUNITY}{n:03d}" for n in range(20)]


def city(cells: dict[str, Dated]) -> CellRegistry:
    return registry(cells, {COMMUNITY: min(cells)})


def ask(one: CellRegistry, code: str, at: datetime) -> Location:
    (found,) = one.resolve([Claim(network="policing", at=at, cell=code)])
    return found


# --- a partitioned square


def divided(box: Box, random: Random, parts: int) -> list[Box]:
    """Cut a box of whole numbers repeatedly: always the largest piece, across its longer side."""
    pieces = [box]
    while len(pieces) < parts:
        west, south, east, north = pieces.pop(max(range(len(pieces)), key=lambda n: area(pieces[n])))
        if east - west >= north - south:
            cut = random.randint(int(west) + 1, int(east) - 1)
            pieces += [(west, south, cut, north), (cut, south, east, north)]
        else:
            cut = random.randint(int(south) + 1, int(north) - 1)
            pieces += [(west, south, east, cut), (west, cut, east, north)]
    return pieces


def area(box: Box) -> int:
    return int((box[2] - box[0]) * (box[3] - box[1]))


def shared(one: Box, other: Box) -> int:
    east, north = min(one[2], other[2]), min(one[3], other[3])
    west, south = max(one[0], other[0]), max(one[1], other[1])
    return area((west, south, east, north)) if east > west and north > south else 0


def holds(box: Box, x: float, y: float) -> bool:
    return box[0] < x < box[2] and box[1] < y < box[3]


WHOLE: Box = (0, 0, 64, 64)


def redrawn(seed: int) -> dict[str, Dated]:
    """A square with cells before FIRST; on that day some are split and others joined."""
    random = Random(seed)
    old = divided(WHOLE, random, random.randint(2, 6))
    cells: dict[str, Dated] = {}
    for box in old:
        kind = random.choice(["keep", "split", "redraw"])
        code = f"{COMMUNITY}{len(cells) + 1:03d}"
        if kind == "keep":
            cells[code] = (box, None, None)
            continue
        for piece in divided(box, random, random.randint(1, 3)) if kind == "redraw" else [box]:
            cells[f"{COMMUNITY}{len(cells) + 1:03d}"] = (piece, None, FIRST)
        for piece in divided(box, random, random.randint(1, 3)):
            cells[f"{COMMUNITY}{len(cells) + 1:03d}"] = (piece, FIRST, None)
    return cells


def exists(cells: dict[str, Dated], at: datetime) -> dict[str, Box]:
    day = at.date()
    return {
        code: box
        for code, (box, since, until) in cells.items()
        if (since is None or since <= day) and (until is None or day < until)
    }


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63)), min_size=1, max_size=20))
def test_every_point_is_in_one_cell_before_and_after_a_change(seed: int, places: list[tuple[int, int]]) -> None:
    cells = redrawn(seed)
    one = city(cells)
    for at in (BEFORE, AFTER):
        then = exists(cells, at)
        assert sum(map(area, then.values())) == area(WHOLE)  # the drawing itself is a partition
        claims = [
            Claim(network="policing", at=at, lon=LON + (x + 0.5) / 1000, lat=LAT + (y + 0.5) / 1000) for x, y in places
        ]
        for (x, y), found in zip(places, one.resolve(claims), strict=True):
            (holding,) = (code for code, box in then.items() if holds(box, x + 0.5, y + 0.5))
            assert (found.cell, found.resolved_by, found.doubt) == (holding, "point", None)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_an_old_code_gives_the_cell_with_most_of_its_ground(seed: int) -> None:
    cells = redrawn(seed)
    one = city(cells)
    for at, other in ((BEFORE, AFTER), (AFTER, BEFORE)):
        then = exists(cells, at)
        for code, box in exists(cells, other).items():
            found = ask(one, code, at)
            if code in then:
                assert (found.cell, found.doubt) == (code, None)
                continue
            parts = {near: Fraction(shared(box, theirs), area(box)) for near, theirs in then.items()}
            assert found.resolved_by == "code"
            assert found.doubt is not None
            # a degree of longitude has the same width everywhere on the flat map, so whole numbers compare like square metres
            assert parts[found.cell] == max(parts.values())
            assert sum(parts.values()) == 1


# --- one by one


def test_the_successor_with_the_largest_overlap_is_used() -> None:
    one = city(
        {C[1]: ((0, 0, 10, 10), None, FIRST), C[2]: ((0, 0, 4, 10), FIRST, None), C[3]: ((4, 0, 10, 10), FIRST, None)}
    )
    found = ask(one, C[1], AFTER)
    assert (found.cell, found.resolved_by) == (C[3], "code")
    assert found.doubt == f"cell {C[1]} was retired on 2025-07-01, succeeded by {C[3]}, {C[2]}"
    assert found.accuracy_m == pytest.approx(half_diagonal((0, 0, 10, 10)), rel=0.01)
    assert (ask(one, C[1], BEFORE).cell, ask(one, C[1], BEFORE).doubt) == (C[1], None)
    assert one.succession.successors == {C[1]: (C[2], C[3])}
    assert one.succession.predecessors == {C[2]: (C[1],), C[3]: (C[1],)}


def test_joined_cells_have_one_successor_with_two_predecessors() -> None:
    one = city(
        {C[1]: ((0, 0, 4, 10), None, FIRST), C[2]: ((4, 0, 10, 10), None, FIRST), C[3]: ((0, 0, 10, 10), FIRST, None)}
    )
    assert [ask(one, code, AFTER).cell for code in C[1:4]] == [C[3]] * 3
    assert [ask(one, code, BEFORE).cell for code in C[1:4]] == [C[1], C[2], C[2]]
    assert one.succession.predecessors == {C[3]: (C[1], C[2])}
    assert one.succession.successors == {C[1]: (C[3],), C[2]: (C[3],)}


def test_across_several_changes_the_cells_of_the_day_count() -> None:
    """1 became 2 (60 %) and 3 (40 %), and 2 became 4 and 5 (30 % each of 1): 3 has the most of 1 that is left."""
    cells: dict[str, Dated] = {
        C[1]: ((0, 0, 10, 10), None, FIRST),
        C[2]: ((0, 0, 6, 10), FIRST, SECOND),
        C[3]: ((6, 0, 10, 10), FIRST, None),
        C[4]: ((0, 0, 3, 10), SECOND, None),
        C[5]: ((3, 0, 6, 10), SECOND, None),
    }
    one = city(cells)
    assert ask(one, C[1], BETWEEN).cell == C[2]
    found = ask(one, C[1], AFTER)
    assert (found.cell, found.doubt) == (
        C[3],
        f"cell {C[1]} was retired on 2025-07-01, succeeded by {C[3]}, {C[4]}, {C[5]}",
    )
    assert [ask(one, C[4], at).cell for at in (BEFORE, BETWEEN, AFTER)] == [C[1], C[2], C[4]]


def test_a_later_cell_without_any_of_the_ground_is_no_successor() -> None:
    """2 followed 1, and gave way to 3, which lies only where 1 never was."""
    one = city(
        {
            C[1]: ((0, 0, 5, 10), None, FIRST),
            C[2]: ((0, 0, 10, 10), FIRST, SECOND),
            C[3]: ((5, 0, 10, 10), SECOND, None),
            C[4]: ((0, 0, 5, 10), SECOND, None),
        }
    )
    assert ask(one, C[1], AFTER).doubt == f"cell {C[1]} was retired on 2025-07-01, succeeded by {C[4]}"


@pytest.mark.parametrize(
    ("box", "since", "follows"),
    [
        ((0, 0, 10, 10), FIRST, True),
        ((0, 0, 10, 10), date(2025, 7, 2), False),  # a day later
        ((0, 0, 10, 10), None, False),  # it was always there
        ((10, 0, 20, 10), FIRST, False),  # beside it
        ((9.95, 0, 19.95, 10), FIRST, False),  # 0.5 % of either: a border drawn twice
        ((9.8, 0, 19.8, 10), FIRST, True),  # 2 %
        ((2, 2, 2.1, 2.1), FIRST, True),  # a kiosk within it
    ],
)
def test_a_successor_begins_on_the_day_and_overlaps_the_cell(box: Box, since: date | None, follows: bool) -> None:
    one = city({C[1]: ((0, 0, 10, 10), None, FIRST), C[2]: (box, since, None)})
    assert (C[1] in one.succession.successors) == follows


def test_the_smaller_code_breaks_a_tie_of_halves() -> None:
    one = city(
        {C[1]: ((0, 0, 10, 10), None, FIRST), C[3]: ((0, 0, 5, 10), FIRST, None), C[2]: ((5, 0, 10, 10), FIRST, None)}
    )
    assert ask(one, C[1], AFTER).cell == C[2]


def test_a_long_list_of_successors_is_cut() -> None:
    cells: dict[str, Dated] = {C[n]: ((n, 0, n + 1, 9), FIRST, None) for n in range(1, 10)}
    one = city({C[0]: ((1, 0, 10, 9), None, FIRST), **cells})
    doubt = ask(one, C[0], AFTER).doubt
    assert doubt is not None
    assert doubt.endswith(f"succeeded by {', '.join(C[1:6])} and 4 more")


def test_a_day_begins_at_midnight_of_the_city() -> None:
    one = registry(
        {C[1]: ((0, 0, 10, 10), None, FIRST), C[2]: ((0, 0, 10, 10), FIRST, None)},
        {COMMUNITY: C[2]},
        zone="Asia/Shanghai",
    )
    midnight = datetime(2025, 6, 30, 16, tzinfo=UTC)
    assert ask(one, C[1], midnight).cell == C[2]
    assert ask(one, C[1], midnight.replace(hour=15)).cell == C[1]
