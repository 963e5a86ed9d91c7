"""The cell that contains a point or is nearest to it: borders, rounding gaps, odd coordinates, batches."""

from datetime import UTC, datetime
from math import cos, inf, nan, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.cells.registry import CellRegistry, Claim
from tests.support.example_city import (
    A1,
    A2,
    AFTER,
    BEFORE,
    C1,
    CHANGE,
    CITY,
    LAT,
    LON,
    S1,
    SQUARES,
    UNIT,
    A,
    B,
    C,
    S,
    claim,
    metres,
    registry,
    resolve,
    square,
)


def test_a_point_on_a_border_belongs_to_the_smallest_code() -> None:
    assert resolve(claim(1, 0.5)).cell == A1  # of A1, A2
    assert resolve(claim(1.5, 1)).cell == A2  # of A2, S2
    assert resolve(claim(1, 1)).cell == A1  # of A1, A2, S1, S2
    assert resolve(claim(2, 1)).cell == A2  # of A2, S2, B1
    assert resolve(claim(0, 0)).cell == A1


def slanted(bend: float) -> CellRegistry:
    """Two cells with a slanting border; the upper one has a vertex in its middle, some metres higher."""
    a, b = f"{LON} {LAT}", f"{LON + 0.007} {LAT + 0.003}"
    middle = f"{LON + 0.0035} {LAT + 0.0015 + bend / 111_320}"
    lower = f"POLYGON(({a},{LON + 0.007} {LAT},{b},{a}))"
    upper = f"POLYGON(({a},{middle},{b},{LON} {LAT + 0.003},{a}))"
    return registry([(A1, "", "", "", lower), (A2, "", "", "", upper)], [], [], default=None)


STRAIGHT, BENT = slanted(0), slanted(0.05)


@given(st.floats(0, 1))
def test_a_point_on_a_slanting_border_belongs_to_a_cell(along: float) -> None:
    """No point gets a doubt of 0 m outside, whatever its last bits are."""
    found = resolve(claim(7 * along, 3 * along), STRAIGHT)
    assert (found.resolved_by, found.doubt) == ("point", None)


def test_a_point_in_a_rounding_gap_belongs_to_a_cell() -> None:
    found = resolve(claim(3.5, 1.5 + 0.025 / 111.32), BENT)  # 23 mm from either
    assert (found.cell, found.resolved_by, found.doubt) == (A1, "point", None)


@given(st.floats(-4, 14), st.floats(-4, 6), st.sampled_from([BEFORE, AFTER]))
def test_the_index_agrees_with_the_squares_for_any_point(x: float, y: float, at: datetime) -> None:
    one = claim(x, y, at=at)
    assert one.lon is not None
    assert one.lat is not None
    apart = {}
    for code, (west, south, east, north, since, until) in SQUARES.items():
        if (since == CHANGE and at == BEFORE) or (until == CHANGE and at == AFTER):
            continue
        nearest = (
            min(max(one.lon, LON + west / 1000), LON + east / 1000),
            min(max(one.lat, LAT + south / 1000), LAT + north / 1000),
        )
        apart[code] = metres(one.lon, one.lat, *nearest)
    best = min(apart.values())
    found = resolve(one)
    if best == 0:
        assert (found.cell, found.resolved_by) == (min(c for c, m in apart.items() if m == 0), "point")
    elif 0.06 < best < 148:
        assert found.resolved_by == "nearest"
        assert apart[found.cell] < best * 1.01 + 0.1
    elif best > 152:
        assert (found.cell, found.resolved_by) == (C1, "fallback")


@pytest.mark.parametrize(("outside", "by"), [(145.0, "nearest"), (155.0, "fallback")])
@pytest.mark.parametrize(("east", "north"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
@pytest.mark.parametrize("lat", [0.0, 35.0, 60.0, 84.0])
def test_the_150_m_limit_holds_in_every_direction_and_latitude(
    lat: float, east: int, north: int, outside: float, by: str
) -> None:
    wide, high = 100 / 111_195 / cos(radians(lat)), 100 / 111_195
    ring = ((10, lat), (10 + wide, lat), (10 + wide, lat + high), (10, lat + high), (10, lat))
    polygon = f"POLYGON(({','.join(f'{x} {y}' for x, y in ring)}))"
    city = registry([(A1, "", "", "", polygon)], [], [], default=None)
    lon = 10 + wide / 2 + east * wide * (0.5 + outside / 100)
    found = resolve(
        Claim(network="hotline", at=AFTER, lon=lon, lat=lat + high / 2 + north * high * (0.5 + outside / 100)), city
    )
    assert found.resolved_by == by


def test_the_smallest_code_breaks_a_tie_of_distances() -> None:
    assert resolve(claim(1, -0.5)).cell == A1  # south of the corner of A1 and A2
    assert resolve(claim(2, -0.5)).cell == A2  # of A2 and B1
    mirrored = registry(
        [(code, "", "", "", square(-x, 0, 1 - x, 1)) for x, code in enumerate((A1, A2, S, S1))], [], [], default=None
    )
    assert [resolve(claim(-x, -0.5), mirrored).cell for x in range(3)] == [A1, A2, S]


@pytest.mark.parametrize("lon", [nan, inf, -inf, 0.0, 180.0, -180.0, 1e308, -1e308, 5e-324])
@pytest.mark.parametrize("lat", [nan, inf, -inf, 0.0, 90.0, -90.0, 1e308, 35.0005])
def test_odd_coordinates_raise_nothing(lon: float, lat: float) -> None:
    """Source schemas reject most of these. One that passes must not fail its batch."""
    good = claim(1.5, 0.5)
    odd = Claim(network="hotline", at=AFTER, lon=lon, lat=lat)
    first, found, last = CITY.resolve([good, odd, good])
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert first == last == resolve(good)


def test_an_empty_batch_gives_no_locations() -> None:
    assert CITY.resolve([]) == []


texts = st.none() | st.sampled_from(
    [
        *SQUARES,
        *(code[:12] + code[13:] for code in SQUARES),
        A,
        B,
        C,
        UNIT,
        "410902001999",
        f"{A}9",
        "x",
        "",
        "Old Town|north",
    ]
)
near = st.none() | st.floats(-4, 14) | st.sampled_from([0.0, 1.0, 2.0, nan])
claims = st.builds(
    claim,
    near,
    near,
    at=st.sampled_from([BEFORE, AFTER, datetime(2025, 7, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]),
    cell=texts,
    community=texts,
    area=texts,
    network=st.sampled_from(["policing", "hotline"]),
    accuracy_m=st.none() | st.floats(0, 100),
)


@given(st.lists(claims, max_size=12))
def test_a_batch_gives_the_same_as_single_claims(batch: list[Claim]) -> None:
    together = CITY.resolve(batch)
    assert list(map(repr, together)) == [repr(resolve(one)) for one in batch]  # repr: NaN equals itself
    for one, found in zip(batch, together, strict=True):
        since, until = SQUARES[found.cell][4:]
        assert not since or one.at >= datetime(2025, 7, 1, tzinfo=UTC)
        assert not until or one.at < datetime(2025, 7, 1, tzinfo=UTC)
