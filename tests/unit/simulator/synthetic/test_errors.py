"""The errors of a synthetic stream have the shares of its parameters, and `noise` scales all of them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from itertools import combinations
from math import erf, exp, log, sqrt

import numpy as np
import pytest

from router.domain.geometry import distance_m
from router.domain.model.report import Report
from router.simulator.messages import SourceMessage
from tests.support.synthetic import counted, drawn, likely, puyang, read, simulation, stream

ERRORS = simulation().parameters.errors
NETWORKS = simulation().parameters.networks
PHONES = {name for name, network in NETWORKS.items() if network.phones}
WRITES_CELL = ("urban-management", "governance")
DAYS = 3
"""About 21,000 reports."""
SECOND = timedelta(seconds=1)
SIGMA_M = 12.5
"""Per axis: between the two readings of an error of 15 m, per axis and as a distance (10.6 m per axis)."""


@cache
def sent() -> list[SourceMessage]:
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


def _first(messages: list[SourceMessage]) -> Mapping[str, Report]:
    first = [one for one in messages if one.kind == "simulated"]
    became = read([(one.network, one.value) for one in first])
    return {one.id: one for one in became if isinstance(one, Report)}


def number(kind: str) -> int:
    return sum(one.kind == kind for one in sent())


@pytest.mark.parametrize(
    ("kind", "share"),
    [("malformed", 0.005), ("updated", 0.03)],
)
def test_malformed_messages_and_updates_have_their_shares(kind: str, share: float) -> None:
    assert getattr(ERRORS, kind) == share
    assert likely(number(kind), number("simulated"), share)


def test_redeliveries_have_their_share() -> None:
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


def test_clock_errors_have_their_shares() -> None:
    off = [one.reported_at - other.reported_at for one, other in pairs()]
    by_a_day = [abs(abs(one) - timedelta(days=1)) <= 120 * SECOND for one in off]
    assert likely(*counted(by_a_day), 0.001)
    others = [one for one, day in zip(off, by_a_day, strict=True) if not day]
    assert max(map(abs, others)) <= 120 * SECOND
    assert likely(*counted(abs(one) <= 60 * SECOND for one in others), 0.5)


def test_gps_errors_have_their_distribution() -> None:
    off = [_apart(one, other) for one, other in pairs() if one.network in PHONES and one.location.lon is not None]
    far = [one > 200 for one in off]
    assert likely(*counted(far), 0.02)
    near = [one for one, is_far in zip(off, far, strict=True) if not is_far]
    assert {NETWORKS[name].sigma_m for name in PHONES} == {SIGMA_M}
    # a distance is Rayleigh distributed: within sigma of the true point with 1 - exp(-1/2), beyond two with exp(-2)
    assert likely(*counted(one <= SIGMA_M for one in near), 1 - exp(-0.5))
    assert likely(*counted(one > 2 * SIGMA_M for one in near), exp(-2))


def test_two_reports_of_one_thing_lie_within_50_m() -> None:
    """19 of 20, as counted of true duplicates in real data; the rest are mostly the points that are off by 200 m and more."""
    of_one: dict[str, list[Report]] = {}
    for one in sent():
        if one.kind == "simulated" and not one.storm and one.report in reports():
            of_one.setdefault(str(one.incident), []).append(reports()[one.report])
    twos = [pair for every in of_one.values() for pair in combinations(every, 2)]
    apart = [_apart(*pair) for pair in twos if all(one.location.lon is not None for one in pair)]
    assert len(apart) > 2000
    assert 0.935 < sum(one <= 50 for one in apart) / len(apart) < 0.965
    assert 0.025 < sum(one > 150 for one in apart) / len(apart) < 0.05  # 1 - 0.98 ** 2 = 0.04, but for two that meet


def test_geocoded_points_are_exact() -> None:
    """Two calls about one thing: 83 of 100 at one point, the far ones among them; a station knows its place."""
    assert {NETWORKS[name].geocoded for name in ("policing", "environment")} == {0.865}
    generator, message_batch = drawn(days=30)
    names = generator.code_usage.names
    rows = np.flatnonzero(
        (message_batch.kind == 0) & (message_batch.network == names.index("policing")) & ~message_batch.storm
    )
    became = read([("policing", message_batch.value[row].encode()) for row in rows])
    calls: dict[int, list[Report]] = {}
    for row, one in zip(rows.tolist(), became, strict=True):
        assert isinstance(one, Report)
        calls.setdefault(int(message_batch.incident[row]), []).append(one)
    twice = [_apart(*reports[:2]) for reports in calls.values() if len(reports) > 1]
    assert len(twice) > 1000
    assert likely(*counted(one == 0 for one in twice), 0.83)  # 0.865 x 0.98 x 0.98


def test_the_place_of_a_station_is_exact() -> None:
    both = [(one, other) for one, other in pairs() if one.source_code.startswith("reading/")]
    same = [_apart(one, other) for one, other in both if one.source_code == other.source_code]
    assert same
    assert max(same) < 0.2


def _lead(report: Report, matter: str) -> str:
    route = puyang().catalogue.route(matter, report.location.cell, report.received_at)
    return next(one.department for one in route.assigned if one.role == "lead")


def _apart(one: Report, other: Report) -> float:
    a, b = one.location, other.location
    return distance_m(a.lon or 0, a.lat or 0, b.lon or 0, b.lat or 0)


def test_wrong_codes_have_their_share() -> None:
    """Three in a hundred, and the quarter of all updates that correct a class; five of eight lead to another department."""
    wrong = [(one, other) for one, other in pairs() if one.matter != other.matter]
    assert likely(len(wrong), len(pairs()), 1 - (1 - 0.03) * (1 - 0.03 / 4))
    leads = [(_lead(one, one.matter), _lead(one, other.matter)) for one, other in wrong]
    assert 0.5 < sum(said != true for said, true in leads) / len(leads) < 0.72


def test_confused_matters_are_of_one_group_of_the_catalogue() -> None:
    """Not what merging.yaml thinks alike: choosing its numbers must not change what they are judged by."""
    code_usage = drawn(days=0.05)[0].code_usage
    group = np.array([puyang().catalogue.matters[matter].group for matter in code_usage.matters])
    for codes in code_usage.networks:
        matters = np.repeat(np.arange(len(group)), codes.confused.number)
        assert (group[matters] == group[codes.confused.values[: len(matters)]]).all()
        assert (matters != codes.confused.values[: len(matters)]).all()


def test_an_incident_is_about_one_component() -> None:
    """All of its reports that name the class rightly and a component name the same: county, class and number."""
    generator, message_batch = drawn(days=20)
    names, matters = generator.code_usage.names, generator.code_usage.matters
    rows = np.flatnonzero((message_batch.kind == 0) & (message_batch.network == names.index("urban-management")))
    became = read([("urban-management", message_batch.value[row].encode()) for row in rows])
    named: dict[int, list[str]] = {}
    for row, one in zip(rows.tolist(), became, strict=True):
        assert isinstance(one, Report)
        if one.component_id and one.matter == matters[message_batch.matter[row]]:
            assert one.component_id[:6] == generator.place_model.codes[message_batch.cell[row]][:6]
            named.setdefault(int(message_batch.incident[row]), []).append(one.component_id)
    assert sum(len(ids) > 1 for ids in named.values()) > 50
    assert all(len(set(ids)) == 1 for ids in named.values())
    assert len({ids[0] for ids in named.values()}) == len(named)  # and no other incident is about it


def test_wrong_cells_have_their_share() -> None:
    """A quarter notes another cell than it stands in, and some of those who correct the place later."""
    generator, message_batch = drawn(days=DAYS)
    names, codes = generator.code_usage.names, generator.place_model.codes
    true = {
        f"{names[network]}:{source_id}": codes[cell]
        for network, source_id, cell, kind in zip(
            message_batch.network, message_batch.source_id, message_batch.cell, message_batch.kind, strict=True
        )
        if kind == 0
    }
    written = [(one, str(one.location.source_grid)) for one in reports().values() if one.network in WRITES_CELL]
    known = {cell.code for cell in puyang().cells.cells.values() if cell.valid_until is None}
    cell_error = [grid not in known for _, grid in written]
    assert likely(*counted(cell_error), 0.01)
    other = [grid != true[one.id] for (one, grid), odd in zip(written, cell_error, strict=True) if not odd]
    assert likely(*counted(other), 1 - (1 - 0.25) * (1 - 0.03 / 4))
    beside = [true[one.id][:9] == grid[:9] for (one, grid), odd in zip(written, cell_error, strict=True) if not odd]
    assert sum(beside) / len(beside) > 0.9  # neighbours are mostly of the same street


def test_unknown_cells_are_retired_or_never_existed() -> None:
    cells = puyang().cells.cells
    written = [str(one.location.source_grid) for one in reports().values() if one.network in WRITES_CELL]
    assert any(grid not in cells for grid in written)
    assert any(grid in cells and cells[grid].valid_until is not None for grid in written)


def test_noise_scales_every_error() -> None:
    none, twice = stream(days=1, noise=0), stream(days=1, noise=2)
    assert {one.kind for one in none} == {"simulated"}
    assert not any(one.late for one in none)
    first = [one for one in twice if one.kind == "simulated"]
    for kind, share in (("malformed", 0.01), ("updated", 0.06)):
        assert likely(sum(one.kind == kind for one in twice), len(first), share)


def test_noise_changes_the_reports_and_not_the_incidents() -> None:
    _, with_noise = drawn(days=1)
    _, without = drawn(days=1, noise=0)
    one, other = (
        dict(
            zip(
                message_batch.incident.tolist(),
                zip(message_batch.matter.tolist(), message_batch.cell.tolist(), strict=True),
                strict=True,
            )
        )
        for message_batch in (with_noise, without)
    )
    both = one.keys() & other.keys()
    assert len(both) > 0.97 * len(one)
    assert all(one[incident] == other[incident] for incident in both)
