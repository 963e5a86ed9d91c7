"""Cells are valid for days of the city: split and retired cells before and after a midnight."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import CellRegistry, Claim
from tests.support.cells import registry as dated_registry
from tests.support.example_city import (
    A1,
    B1,
    BEFORE,
    C1,
    CHANGE,
    S1,
    S2,
    A,
    B,
    C,
    R,
    S,
    claim,
    registry,
    resolve,
    rows,
    square,
)

MIDNIGHT = datetime(2025, 7, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
BLINK = timedelta(microseconds=1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_successors_replace_a_split_cell_at_midnight_of_the_city(zone: str) -> None:
    city = registry(zone=zone)
    midnight = datetime(2025, 7, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for x, successor in ((0.5, S1), (1.5, S2)):
        assert resolve(claim(x, 1.5, at=midnight - BLINK), city).cell == S
        assert resolve(claim(x, 1.5, at=midnight), city).cell == successor
    last, first = (resolve(claim(cell=S, at=at), city) for at in (midnight - BLINK, midnight))
    assert (last.cell, last.resolved_by, last.doubt) == (S, "code", None)
    # both have half of it: the smaller code
    assert (first.cell, first.resolved_by) == (S1, "code")
    assert first.doubt == f"cell {S} was retired on 2025-07-01, succeeded by {S1}, {S2}"
    early, late = (resolve(claim(cell=S2, at=at), city) for at in (midnight - BLINK, midnight))
    assert (early.cell, early.resolved_by) == (S, "code")
    assert early.doubt == f"cell {S2} is valid only from 2025-07-01, preceded by {S}"
    assert (late.cell, late.doubt) == (S2, None)


def test_a_cell_retired_without_successor_gives_its_community() -> None:
    found = resolve(claim(cell=R))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", f"cell {R} was retired on 2025-07-01")


def test_each_report_of_a_batch_gets_the_cells_of_its_own_instant() -> None:
    at = [MIDNIGHT + timedelta(hours=h) for h in (2, -2, 1, -1)]
    city = registry(zone="Asia/Shanghai")
    found = city.resolve([claim(0.5, 1.5, at=one) for one in at])
    assert [one.cell for one in found] == [S1, S, S1, S]


def test_a_point_in_a_retired_cell_has_a_doubt() -> None:
    assert resolve(claim(2.5, 1.5, at=BEFORE)).cell == R
    found = resolve(claim(2.5, 1.5))
    assert (found.cell, found.resolved_by) == (S2, "nearest")  # 46 m west of it; B1 is 56 m south
    assert found.doubt == (
        f"the point lies in cell {R}, which was retired on 2025-07-01; the point lies 46 m outside every cell valid then"
    )


def test_a_retired_cell_beside_the_point_is_not_mentioned() -> None:
    found = resolve(claim(3.5, 0.9))
    assert (found.cell, found.doubt) == (B1, "the point lies 46 m outside every cell")


def test_a_retired_default_cell_is_replaced_within_its_community() -> None:
    city = registry(communities=[(A, S), (B, R), (C, C1)])
    assert resolve(claim(community=B, at=BEFORE), city).cell == R
    found = resolve(claim(community=B), city)
    assert (found.cell, found.resolved_by) == (B1, "community")
    assert found.doubt == f"the default cell {R} was retired on 2025-07-01"
    assert resolve(claim(community=A), city).cell == A1


def test_without_a_valid_cell_the_street_then_the_city_is_used() -> None:
    cells = [row if row[0] != B1 else (*row[:3], CHANGE, row[4]) for row in rows()]
    city = registry(cells)
    found = resolve(claim(community=B), city)
    assert (found.cell, found.resolved_by) == (A1, "community")
    assert found.accuracy_m == resolve(claim(community="410902001999"), city).accuracy_m  # that of the street
    only = registry([row for row in cells if row[0] in {B1, C1}], [(B, B1)], [])
    found = resolve(claim(community=B), only)
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt == f"the default cell {B1} was retired on 2025-07-01"


def test_without_any_valid_cell_the_default_is_used_with_a_doubt() -> None:
    city = registry([(A1, "", CHANGE, "", square(0, 0, 1, 1))], [(A, A1)], [], default=A1)
    found = resolve(claim(0.5, 0.5, at=BEFORE), city)
    assert found.cell == A1
    assert found.doubt is not None
    assert f"the point lies in cell {A1}, which is valid only from 2025-07-01" in found.doubt
    assert f"the default cell {A1} is valid only from 2025-07-01" in found.doubt


# Codes of communities (12 digits) that were retired and newly given

JOINED = "410902001"
OLD_WEST, OLD_EAST, NEW, NEW_WEST, NEW_EAST = (f"{JOINED}{n:03}" for n in (11, 12, 13, 14, 15))
JOIN, SPLIT = date(2025, 7, 1), date(2026, 1, 1)
IN_2024, IN_2025, IN_2026 = (datetime(year, 10, 1, tzinfo=UTC) for year in (2024, 2025, 2026))


def communities_in_time() -> CellRegistry:
    """Two communities of three cells and one are joined to one of four in 2025, which is split in the middle in 2026."""
    old = {f"{OLD_WEST}{n + 1:03}": ((n, 0, n + 1, 1), None, JOIN) for n in range(3)}
    old |= {f"{OLD_EAST}001": ((3, 0, 4, 1), None, JOIN)}
    joined = {f"{NEW}{n + 1:03}": ((n, 0, n + 1, 1), JOIN, SPLIT) for n in range(4)}
    halves = {
        f"{code}{n % 2 + 1:03}": ((n, 0, n + 1, 1), SPLIT, None)
        for n, code in enumerate((NEW_WEST,) * 2 + (NEW_EAST,) * 2)
    }
    other = {f"{JOINED}001001": ((8, 8, 9, 9), None, None)}
    names = (OLD_WEST, OLD_EAST, NEW, NEW_WEST, NEW_EAST, f"{JOINED}001")
    return dated_registry({**old, **joined, **halves, **other}, {name: f"{name}001" for name in names})


@pytest.mark.parametrize(
    ("community", "at", "cell", "others"),
    [
        (OLD_WEST, IN_2024, f"{OLD_WEST}001", None),
        (NEW, IN_2025, f"{NEW}001", None),
        (OLD_WEST, IN_2025, f"{NEW}001", NEW),
        (OLD_EAST, IN_2025, f"{NEW}001", NEW),
        (OLD_EAST, IN_2026, f"{NEW_EAST}001", NEW_EAST),  # over two changes
        (OLD_WEST, IN_2026, f"{NEW_WEST}001", f"{NEW_WEST}, {NEW_EAST}"),  # two of its three cells
        (NEW, IN_2026, f"{NEW_WEST}001", f"{NEW_WEST}, {NEW_EAST}"),  # half each: the smaller code
        (NEW, IN_2024, f"{OLD_WEST}001", f"{OLD_WEST}, {OLD_EAST}"),  # three of its four cells
        (NEW_EAST, IN_2025, f"{NEW}001", NEW),  # before its beginning
        (NEW_EAST, IN_2024, f"{OLD_WEST}001", f"{OLD_WEST}, {OLD_EAST}"),
    ],
)
def test_a_community_leads_to_what_was_on_its_ground(
    community: str, at: datetime, cell: str, others: str | None
) -> None:
    (found,) = communities_in_time().resolve([Claim(network="mediation", at=at, community=community)])
    assert (found.cell, found.resolved_by) == (cell, "community")
    if others is None:
        assert found.doubt is None
    else:
        assert found.doubt is not None
        assert found.doubt.endswith(f"; community {community} had no valid cell then, {others} on its ground had")


def test_an_unknown_cell_of_a_retired_community_follows_it() -> None:
    (found,) = communities_in_time().resolve([Claim(network="governance", at=IN_2025, cell=f"{OLD_EAST}099")])
    assert (found.cell, found.resolved_by) == (f"{NEW}001", "community")
