"""Coverage: which share of matters and areas has exactly one lead."""

import pytest

from router.domain.catalogue.coverage import Coverage, measure
from tests.support.lists import CELLS, DUTIES, catalogue


def test_all_covered() -> None:
    # 3 matters x 3 streets
    covered = measure(catalogue(), CELLS)
    assert covered == Coverage(pairs=9, by_duty=9, by_fallback=0, uncovered=0)
    assert covered.share == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("matters: [hole]\n    area: '410902'", (9, 8, 1, 0)),  # hole in 410903001
        ("matters: [hole]\n    area: '410902001001001'", (12, 9, 3, 0)),  # cells now: 3 matters x 4 cells
        ("matters: [hole]\n    from: 2026-01-01", (9, 6, 3, 0)),  # never before 2026
    ],
)
def test_what_only_the_fallback_catches_is_counted_apart(change: str, expected: tuple[int, int, int, int]) -> None:
    duties = DUTIES.replace("matters: [hole]", change)
    covered = measure(catalogue(duties=duties), CELLS)
    assert (covered.pairs, covered.by_duty, covered.by_fallback, covered.uncovered) == expected
    assert covered.share == 1
    bare = measure(catalogue(duties=duties.split("\n", 1)[1]), CELLS)
    assert (bare.by_fallback, bare.uncovered) == (0, expected[2])
    assert bare.share == pytest.approx(expected[1] / expected[0])


def test_a_conflict_is_not_covered() -> None:
    duties = (
        DUTIES
        + "  again: {matters: [hole], area: '410902', lead: parks}\n  more: {matters: [hole], area: '410902', lead: parks}\n"
    )
    covered = measure(catalogue(duties=duties), CELLS)
    assert (covered.by_duty, covered.uncovered) == (7, 2)  # hole in the two streets of 410902
