"""The difference of two versions of a city's cells, in the words of an editor."""

from datetime import date

import pytest

from router.domain.cells.csv_tables import Tables, read_tables
from router.domain.cells.diff import CellChange, changes
from router.domain.documents import Source
from tests.support.cells import FILES, Box, Dated, texts

COMMUNITY, OTHER = "410902001001", "410902001002"
C = [f"{COMMUNITY}{n:03d}" for n in range(20)]
DAY = date(2025, 7, 1)
Row = tuple[str, ...]
Grids = tuple[tuple[str, str, Dated], ...]


def tables(
    cells: dict[str, Dated],
    communities: dict[str, str] | None = None,
    areas: tuple[Row, ...] = (),
    grids: Grids = (),
    names: dict[str, str] | None = None,
) -> Tables:
    written = texts(cells, communities or {COMMUNITY: C[1]}, areas, grids)
    for code, name in (names or {}).items():
        written[0] = written[0].replace(f"{code},,", f"{code},{name},")
    sources = [Source(*pair) for pair in zip(FILES, written, strict=True)]
    made = read_tables(*sources[:3], None, grids=sources[3])
    assert isinstance(made, Tables), made
    return made


def always(*box: float) -> Dated:
    west, south, east, north = box
    return (west, south, east, north), None, None


def until(*box: float) -> Dated:
    return always(*box)[0], None, DAY


def since(*box: float) -> Dated:
    return always(*box)[0], DAY, None


OLD = {C[1]: always(0, 0, 1, 1), C[2]: always(1, 0, 2, 1), C[3]: always(0, 1, 1, 2)}


def sentences(cells: dict[str, Dated], old: dict[str, Dated] = OLD) -> list[str]:
    return [str(change) for change in changes(tables(old), tables(cells))]


def test_equal_cells_have_no_difference() -> None:
    assert sentences(OLD) == []
    assert sentences(dict(reversed(OLD.items()))) == []


def test_a_cell_retired_before_is_no_change() -> None:
    """This holds even when its successor is split now."""
    old: dict[str, Dated] = {C[1]: until(0, 0, 2, 2), C[2]: since(0, 0, 2, 2)}
    assert sentences(old, old) == []
    later = date(2025, 10, 1)
    new: dict[str, Dated] = {
        C[1]: old[C[1]],
        C[2]: ((0, 0, 2, 2), DAY, later),
        C[3]: ((0, 0, 1, 2), later, None),
        C[4]: ((1, 0, 2, 2), later, None),
    }
    assert sentences(new, old) == [f"split {C[2]} into {C[3]}, {C[4]} on 2025-10-01"]


def test_added_and_retired_cells_are_reported() -> None:
    assert sentences({**OLD, C[4]: always(5, 5, 6, 6), C[5]: since(7, 7, 8, 8)}) == [
        f"added {C[4]}",
        f"added {C[5]} on 2025-07-01",
    ]
    assert sentences({**OLD, C[2]: until(1, 0, 2, 1)}) == [f"retired {C[2]} on 2025-07-01"]


def test_a_split_is_one_change() -> None:
    new = {**OLD, C[2]: until(1, 0, 2, 1), C[4]: since(1, 0, 1.5, 1), C[5]: since(1.5, 0, 2, 1)}
    assert sentences(new) == [f"split {C[2]} into {C[4]}, {C[5]} on 2025-07-01"]


def test_a_join_is_one_change() -> None:
    new = {**OLD, C[1]: until(0, 0, 1, 1), C[2]: until(1, 0, 2, 1), C[4]: since(0, 0, 2, 1)}
    assert sentences(new) == [f"joined {C[1]}, {C[2]} into {C[4]} on 2025-07-01"]


def test_a_border_moved_under_new_codes() -> None:
    new = {
        **OLD,
        C[1]: until(0, 0, 1, 1),
        C[2]: until(1, 0, 2, 1),
        C[4]: since(0, 0, 1.2, 1),
        C[5]: since(1.2, 0, 2, 1),
    }
    assert sentences(new) == [f"moved border {C[1]}, {C[2]} into {C[4]}, {C[5]} on 2025-07-01"]


def test_a_border_moved_under_the_old_code() -> None:
    # 0.0002 by 0.001 degrees at 35 N: 18.2 m by 111.3 m; and 0.0001 by 0.001
    assert sentences({**OLD, C[2]: always(1.1, 0, 2.2, 1)}) == [f"moved border {C[2]}: 2,030 m2 more, 1,015 m2 less"]


@pytest.mark.parametrize(("shift", "count"), [(0.0000005, 0), (0.001, 1)])
def test_a_border_in_another_notation_has_not_moved(shift: float, count: int) -> None:
    assert len(sentences({**OLD, C[2]: always(1, 0, 2 + shift, 1)})) == count


def test_two_changes_are_reported_separately() -> None:
    new: dict[str, Dated] = {
        C[1]: until(0, 0, 1, 1),
        C[2]: until(1, 0, 2, 1),
        C[3]: always(0, 1, 1, 2),
        C[4]: since(0, 0, 0.5, 1),
        C[5]: since(0.5, 0, 1, 1),
        C[6]: since(1, 0, 2, 1),
    }
    assert sentences(new) == [
        f"split {C[1]} into {C[4]}, {C[5]} on 2025-07-01",
        f"moved border {C[2]} into {C[6]} on 2025-07-01",
    ]


def test_renamed_redated_and_removed_cells_are_reported() -> None:
    before = tables({**OLD, C[4]: until(5, 5, 6, 6)}, names={C[1]: "Market"})
    gone = {C[1]: since(0, 0, 1, 1), C[2]: OLD[C[2]], C[4]: always(5, 5, 6, 6)}
    after = tables(gone, names={C[1]: "Old Market"})
    assert [str(change) for change in changes(before, after)] == [
        f"renamed {C[1]}: 'Market' -> 'Old Market'",
        f"other days {C[1]}: valid_from empty -> 2025-07-01",
        f"other days {C[4]}: valid_until 2025-07-01 -> empty",
        f"removed {C[3]}",
    ]


def test_changes_of_communities_and_areas_are_reported() -> None:
    box: Box = (0, 0, 1, 1)
    before = tables(
        OLD,
        areas=(("policing", "7", COMMUNITY, ""), ("policing", "8", C[1], "0.5")),
        grids=(("policing", "1", (box, None, None)), ("policing", "2", (box, None, None))),
    )
    after = tables(
        OLD,
        {COMMUNITY: C[2], OTHER: C[3]},
        areas=(("policing", "7", COMMUNITY, "0.4"), ("policing", "7", C[3], "0.6"), ("policing", "8", C[1], "0.5")),
        grids=(("policing", "2", ((0, 0, 1, 2), None, None)), ("policing", "3", (box, DAY, None))),
    )
    assert [str(change) for change in changes(before, after)] == [
        f"community {COMMUNITY}: default cell {C[1]} -> {C[2]}",
        f"community {OTHER}: default cell none -> {C[3]}",
        f"area policing, 7: 100.0% of it in {COMMUNITY} -> 60.0% of it in {C[3]}, 40.0% of it in {COMMUNITY}",
        "area policing, 1: no longer drawn",
        "area policing, 2: redrawn",
        "area policing, 3 on 2025-07-01: drawn",
    ]


def test_a_change_is_available_as_data() -> None:
    new = {**OLD, C[2]: until(1, 0, 2, 1), C[4]: since(1, 0, 1.5, 1), C[5]: since(1.5, 0, 2, 1)}
    assert changes(tables(OLD), tables(new)) == [CellChange(kind="split", codes=[C[2]], into=[C[4], C[5]], day=DAY)]
