"""The errors of a synthetic stream have the shares that its parameters say; `noise` turns all of them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from math import erf, exp, log, sqrt

import pytest

from router.domain.geometry import distance_m
from router.domain.reports import Report
from router.simulator.messages import Message
from tests.support.synthetic import counted, drawn, likely, puyang, read, simulation, stream

ERRORS = simulation().parameters.errors
NETWORKS = simulation().parameters.networks
PHONES = {name for name, network in NETWORKS.items() if network.phones}
NOTING = ("urban-management", "governance")
DAYS = 3
"""About 21,000 reports."""
SECOND = timedelta(seconds=1)


@cache
def sent() -> list[Message]:
    return stream(days=DAYS)


@cache
def reports() -> Mapping[str, Report]:
    """First versions, by report id, with every error."""
    return _first(sent())


@cache
def pairs() -> list[tuple[Report, Report]]:
    """The first day's reports with every error and with none: the same things seen by the same people."""
    wrong, true = (_first(stream(days=1, noise=noise)) for noise in (1, 0))
    numbered = {(one.network, one.source_id[-7:]): one for one in true.values()}
    found = [(one, numbered.get((one.network, one.source_id[-7:]))) for one in wrong.values()]
    return [(one, other) for one, other in found if other is not None]


def _first(messages: list[Message]) -> Mapping[str, Report]:
    first = [one for one in messages if one.kind == "simulated"]
    became = read([(one.network, one.value) for one in first])
    return {one.id: one for one in became if isinstance(one, Report)}


def number(kind: str) -> int:
    return sum(one.kind == kind for one in sent())


@pytest.mark.parametrize(
    ("kind", "share"),
    [("malformed", 0.005), ("updated", 0.03)],
)
def test_what_is_beside_the_reports(kind: str, share: float) -> None:
    assert getattr(ERRORS, kind) == share
    assert likely(number(kind), number("simulated"), share)


def test_redeliveries() -> None:
    assert ERRORS.redelivered == 0.01
    assert likely(number("redelivered"), number("simulated") + number("updated"), 0.01)


def test_phones_without_a_network() -> None:
    """Late is more than an hour: of a lognormal delay with median 20 minutes and sigma 1.4."""
    over_an_hour = (1 - erf(log(60 / 20) / 1.4 / sqrt(2))) / 2
    first = [one for one in sent() if one.kind == "simulated"]
    phones = [one.late for one in first if one.network in PHONES]
    assert likely(sum(phones), len(phones), 0.05 * over_an_hour)
    assert not any(one.late for one in first if one.network not in PHONES)
    delays = [one.received_at - reports()[one.report].reported_at for one in first if one.late]
    assert max(delays) < timedelta(hours=12, minutes=3, days=1)  # the clock may be off by minutes, or a day


def test_a_late_message_was_received_more_than_an_hour_after_it_was_reported() -> None:
    skew = timedelta(minutes=2, days=1)
    for one in sent():
        if one.kind == "simulated":
            delay = one.received_at - reports()[one.report].reported_at
            assert delay > timedelta(hours=1) - skew if one.late else delay < timedelta(hours=1) + skew


def test_clocks() -> None:
    off = [one.reported_at - other.reported_at for one, other in pairs()]
    by_a_day = [abs(abs(one) - timedelta(days=1)) <= 120 * SECOND for one in off]
    assert likely(*counted(by_a_day), 0.001)
    others = [one for one, day in zip(off, by_a_day, strict=True) if not day]
    assert max(map(abs, others)) <= 120 * SECOND
    assert likely(*counted(abs(one) <= 60 * SECOND for one in others), 0.5)


def test_fixes() -> None:
    off = [_apart(one, other) for one, other in pairs() if one.location.lon is not None]
    far = [one > 200 for one in off]
    assert likely(*counted(far), 0.02)
    near = [one for one, is_far in zip(off, far, strict=True) if not is_far]
    # a distance is Rayleigh distributed: within 15 m of the true point with 1 - exp(-1/2), beyond 30 m with exp(-2)
    assert likely(*counted(one <= 15 for one in near), 1 - exp(-0.5))
    assert likely(*counted(one > 30 for one in near), exp(-2))


def _apart(one: Report, other: Report) -> float:
    a, b = one.location, other.location
    return distance_m(a.lon or 0, a.lat or 0, b.lon or 0, b.lat or 0)


def test_wrong_classes() -> None:
    """Three in a hundred, and the quarter of all updates that correct a class."""
    wrong = [(one, other) for one, other in pairs() if one.matter != other.matter]
    assert likely(len(wrong), len(pairs()), 1 - (1 - 0.03) * (1 - 0.03 / 4))
    catalogue, merging = puyang().catalogue.matters, puyang().merging
    alike = [
        catalogue[one.matter].group == catalogue[other.matter].group or one.matter in merging.pairs(other.matter)
        for one, other in wrong
    ]
    assert sum(alike) / len(alike) > 0.7


def test_cells_that_people_note() -> None:
    """A quarter notes another cell than it stands in, and some of those who correct the place later."""
    office, sheet = drawn(days=DAYS)
    names, codes = office.vocabulary.names, office.ground.codes
    true = {
        f"{names[network]}:{source_id}": codes[cell]
        for network, source_id, cell, kind in zip(sheet.network, sheet.source_id, sheet.cell, sheet.kind, strict=True)
        if kind == 0
    }
    noted = [(one, str(one.location.source_grid)) for one in reports().values() if one.network in NOTING]
    known = {cell.code for cell in puyang().cells.cells.values() if cell.valid_until is None}
    strange = [grid not in known for _, grid in noted]
    assert likely(*counted(strange), 0.01)
    other = [grid != true[one.id] for (one, grid), odd in zip(noted, strange, strict=True) if not odd]
    assert likely(*counted(other), 1 - (1 - 0.25) * (1 - 0.03 / 4))
    beside = [true[one.id][:9] == grid[:9] for (one, grid), odd in zip(noted, strange, strict=True) if not odd]
    assert sum(beside) / len(beside) > 0.9  # neighbours are mostly of the same street


def test_unknown_cells_are_retired_ones_and_such_as_never_were() -> None:
    cells = puyang().cells.cells
    noted = [str(one.location.source_grid) for one in reports().values() if one.network in NOTING]
    assert any(grid not in cells for grid in noted)
    assert any(grid in cells and cells[grid].valid_until is not None for grid in noted)


def test_noise_turns_everything() -> None:
    none, twice = stream(days=1, noise=0), stream(days=1, noise=2)
    assert {one.kind for one in none} == {"simulated"}
    assert not any(one.late for one in none)
    first = [one for one in twice if one.kind == "simulated"]
    for kind, share in (("malformed", 0.01), ("updated", 0.06)):
        assert likely(sum(one.kind == kind for one in twice), len(first), share)


def test_noise_changes_what_is_told_and_not_what_happens() -> None:
    _, with_noise = drawn(days=1)
    _, without = drawn(days=1, noise=0)
    one, other = (
        dict(zip(sheet.incident.tolist(), zip(sheet.matter.tolist(), sheet.cell.tolist(), strict=True), strict=True))
        for sheet in (with_noise, without)
    )
    both = one.keys() & other.keys()
    assert len(both) > 0.97 * len(one)
    assert all(one[incident] == other[incident] for incident in both)
