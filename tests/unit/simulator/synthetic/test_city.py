"""What truly happens in a synthetic city: when, where, how often it is reported again, and its storms."""

from collections import Counter
from functools import cache
from itertools import combinations, islice
from math import sqrt
from typing import Any

import numpy as np
import pytest
from shapely import Point

from router.domain.geometry import distance_m
from router.simulator.synthetic.generator import Generator
from router.simulator.synthetic.message_batch import MessageBatch
from router.simulator.synthetic.places import PlaceModel
from router.simulator.synthetic.rng import RandomColumns
from tests.support.synthetic import drawn, puyang, simulation

PARAMETERS = simulation().parameters
HOUR, DAY = 3_600_000, 86_400_000
SHANGHAI = 8 * HOUR
FIRST = 1_772_380_800_000
"""2026-03-02 00:00 in Shanghai, a Monday."""


@cache
def month() -> tuple[Generator, MessageBatch]:
    """A month without errors: about 210,000 reports."""
    return drawn(days=30, noise=0)


def firsts() -> tuple[Any, Any, Any]:
    """Received time, network, incident of each incident's first report, storms left out; and who reported them."""
    _, message_batch = month()
    _, first = np.unique(message_batch.incident, return_index=True)  # by receipt
    first = first[~message_batch.storm[first]]
    return message_batch.received[first], message_batch.network[first], message_batch.incident[first]


def test_police_hours() -> None:
    """More from 9 to 11 and 15 to 17 than around them, and again from 19 to 23; calls come within minutes."""
    received, network, _ = firsts()
    generator, _ = month()
    police = received[network == generator.code_usage.names.index("policing")]
    hours = np.bincount((police + SHANGHAI) // HOUR % 24, minlength=24)
    shape = np.array(PARAMETERS.hours["police"])
    expected = shape / shape.sum() * len(police)
    # the delay carries a tenth of each hour into the next one
    assert np.abs(hours - expected).max() < 0.15 * expected.max()
    assert hours[[9, 10]].min() > 1.4 * hours[12]
    assert hours[[15, 16]].min() > 1.4 * hours[12]
    assert hours[[19, 20, 21]].min() > 1.3 * hours[18]
    assert hours[[2, 3, 4]].max() < 0.3 * hours.mean()


def test_offices_sleep() -> None:
    received, network, _ = firsts()
    generator, _ = month()
    rounds = received[network == generator.code_usage.names.index("urban-management")]
    hours = np.bincount((rounds + SHANGHAI) // HOUR % 24, minlength=24)
    assert hours[[9, 10, 15, 16]].min() > 2 * hours.mean()
    assert hours[0:6].sum() < 0.03 * hours.sum()


def test_the_volume_of_each_network() -> None:
    """On average over four whole weeks before the quota's pile."""
    received, network, _ = firsts()
    generator, _ = month()
    days, week = 28, sum(PARAMETERS.weekdays) / 7
    for place, name in enumerate(generator.code_usage.names):
        mine = int(((network == place) & (received < FIRST + days * DAY)).sum())
        expected = PARAMETERS.networks[name].a_day * PARAMETERS.scale * week * days
        # what takes days to be reported is still on its way at the end
        assert 0.85 * expected - 4.5 * sqrt(expected) < mine < 1.02 * expected + 4.5 * sqrt(expected), name


def test_weekends_and_the_end_of_the_month() -> None:
    received, network, _ = firsts()
    generator, _ = month()
    inspectors = received[network == generator.code_usage.names.index("urban-management")]
    days = np.bincount((inspectors - FIRST) // DAY, minlength=30)
    assert days[[5, 6, 12, 13]].max() < days[[0, 1, 2, 7, 8, 9]].min()
    # 30 March is a Monday, the last but one day of its month; the first day has no reports left over from a day before
    assert days[28] / days[[7, 14, 21]].mean() == pytest.approx(1.5, rel=0.1)
    police = received[network == generator.code_usage.names.index("policing")]
    calls = np.bincount((police - FIRST) // DAY, minlength=30)
    assert calls[28] / calls[[7, 14, 21]].mean() == pytest.approx(1.0, rel=0.1)


def test_a_few_cells_have_most_of_it() -> None:
    """Zipf's law with exponent 0.8 over the ranks of streets: the first has 2 ** 0.8 times as much as the second."""
    generator, message_batch = month()
    _, first = np.unique(message_batch.incident, return_index=True)
    # what has no room is elsewhere, so only what needs none: vehicles in the way, thefts, questions
    roomy = [
        generator.code_usage.index[matter] for matter in ("move-vehicle", "theft", "consultation", "telecom-fraud")
    ]
    first = first[np.isin(message_batch.matter[first], roomy)]
    streets = np.sort(np.bincount(generator.place_model.street[message_batch.cell[first]]))[::-1]
    assert streets[0] / streets[1] == pytest.approx(2**0.8, rel=0.1)
    assert streets[0] / streets[9] == pytest.approx(10**0.8, rel=0.15)
    cells = np.sort(np.bincount(message_batch.cell[first], minlength=len(generator.place_model.codes)))[::-1]
    assert 0.01 < cells[0] / cells.sum() < 0.05
    assert cells[: len(cells) // 100].sum() / cells.sum() > 0.25


def test_homes_are_less_unequal_than_streets() -> None:
    generator, message_batch = month()
    cells = len(generator.place_model.codes)
    at_home = generator.code_usage.at_home[message_batch.matter]
    inside, outside = (
        np.sort(np.bincount(message_batch.cell[which], minlength=cells))[::-1] for which in (at_home, ~at_home)
    )
    assert inside[:100].sum() / inside.sum() < 0.4 * outside[:100].sum() / outside.sum()


def test_two_things_of_one_matter_at_one_time_lie_apart() -> None:
    """By the true points: none is nearer than `apart` while the first one lasts."""
    fresh = Generator(puyang(), PARAMETERS, simulation().geometry, seed=3, noise=0, factor=1.0)
    metres = PARAMETERS.apart
    apart = [metres.metres_of.get(matter, metres.metres) for matter in fresh.code_usage.matters]
    there: list[tuple[int, int, int, int, int]] = []
    for block in islice(fresh._blocks(), 3):
        made = fresh._incident_model.incidents(block, RandomColumns(3, *block.index))
        columns = (made.matter, made.start, made.start + made.visible_s, made.lon, made.lat)
        there += zip(*(column.tolist() for column in columns), strict=True)
    checked = 0
    for matter in np.unique([one[0] for one in there]).tolist():
        mine = sorted(one[1:] for one in there if one[0] == matter)
        for (start, until, lon, lat), (later, _, x, y) in combinations(mine, 2):
            if start <= later < until:
                checked += 1
                assert distance_m(lon / 1e6, lat / 1e6, x / 1e6, y / 1e6) >= 0.99 * apart[matter]
    assert checked > 10_000


def test_things_happen_in_cells_that_are_valid() -> None:
    generator, message_batch = month()
    retired = set(generator.place_model.retired(PARAMETERS.first_day).tolist())
    assert retired
    assert retired.isdisjoint(message_batch.cell.tolist())


def test_further_reports() -> None:
    """Each incident is reported again 0.03, 0.06 and 0.08 times: same person, same network, other networks that know it."""
    generator, message_batch = month()
    early = message_batch.take(np.flatnonzero(~message_batch.storm & (message_batch.received < FIRST + 22 * DAY)))
    incidents, number = np.unique(early.incident, return_counts=True)
    networks = len(np.unique(early.incident * 100 + early.network)) - len(incidents)
    known = generator.code_usage.known_by.sum(axis=1)[early.matter]
    again = int(number.sum()) - len(incidents)
    assert (known > 1).mean() > 0.8
    # a geometric number of reports varies about as much as its mean; what is reported after a month is missing
    assert 0.06 < networks / len(incidents) < 0.085
    assert 0.15 < again / len(incidents) < 0.175
    assert Counter(number.tolist())[3] > 500  # some things everybody reports


def test_when_a_thing_is_reported_again() -> None:
    """58 of 100 within the hour; of what stays for a week also after days, and nothing after it is gone."""
    generator, message_batch = month()
    lasting = PARAMETERS.lasting
    hours = np.array([lasting.hours_of.get(matter, lasting.hours) for matter in generator.code_usage.matters])
    early = message_batch.take(np.flatnonzero(~message_batch.storm & (message_batch.received < FIRST + 20 * DAY)))
    _, first = np.unique(early.incident, return_index=True)
    again = np.ones(len(early), dtype=bool)
    again[first] = False
    begun = np.zeros(int(early.incident.max()) + 1, dtype=np.int64)
    begun[early.incident[first]] = early.received[first]
    after = (early.received - begun[early.incident])[again] / HOUR
    stays = hours[early.matter[again]]
    assert len(after) > 15_000
    assert 0.54 < (after <= 1).mean() < 0.62
    week = after[stays >= 168]
    # 0.45 come later with a median of 60 hours, but for the quarter of them who would come after a week
    assert 0.54 < (week <= 4).mean() < 0.63  # 0.67 x 0.84 of the soon ones, and 0.02
    assert 0.74 < (week <= 24).mean() < 0.82  # 0.67 x 0.98, and 0.45 x 0.28
    assert (after < stays + 0.3).all()  # the way to the intake takes a quarter of an hour at most


def test_storms() -> None:
    """Rare, in a part of one street, within hours, of one matter, four to six reports of ten about what is known."""
    generator, message_batch = month()
    storm = message_batch.take(np.flatnonzero(message_batch.storm))
    assert 0.005 < len(storm) / len(message_batch) < 0.15
    duplicates = 1 - len(np.unique(storm.incident)) / len(storm)
    assert 0.4 < duplicates < 0.6
    matters = {generator.code_usage.matters[matter] for matter in np.unique(storm.matter)}
    assert matters <= set(PARAMETERS.storms.matters)
    # incidents of one storm carry numbers near each other; one street and matter a day is one storm, nearly always
    days = (storm.received + SHANGHAI) // DAY
    keys = (days * 1000 + generator.place_model.street[storm.cell]) * 1000 + storm.matter
    one = storm.take(np.flatnonzero(keys == np.bincount(keys - keys.min()).argmax() + keys.min()))
    street = generator.place_model.street == generator.place_model.street[one.cell[0]]
    assert len(np.unique(one.cell)) <= 0.2 * street.sum() + 1
    assert one.received.max() - one.received.min() < 5 * HOUR
    assert len(np.unique(one.network)) > 1


def test_doors() -> None:
    """One every 25 m: in the cell, near the point, the same for all at one door and another for who is further apart."""
    assert PARAMETERS.places.frontage_m == 25
    place_model, shapes = PlaceModel(simulation().geometry, PARAMETERS.places), simulation().geometry.shapes
    cells = np.repeat(np.flatnonzero(place_model.weights(PARAMETERS.first_day) > 0)[:40], 60)
    lon, lat = place_model.points(cells, RandomColumns(2))
    x, y = place_model.doors(cells, lon, lat)
    columns = (column.tolist() for column in (cells, lon, lat, x, y))
    homes: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for cell, *point, to_lon, to_lat in zip(*columns, strict=True):
        assert shapes[cell].contains(Point(to_lon / 1e6, to_lat / 1e6))
        assert distance_m(point[0] / 1e6, point[1] / 1e6, to_lon / 1e6, to_lat / 1e6) < 27  # 3/4 of the diagonal
        homes.setdefault((to_lon, to_lat), []).append((point[0], point[1]))
    shared = [pair for points in homes.values() for pair in combinations(points, 2)]
    assert len(shared) > 100
    assert max(distance_m(a / 1e6, b / 1e6, c / 1e6, d / 1e6) for (a, b), (c, d) in shared) < 36  # the diagonal
    again = place_model.doors(cells, lon, lat)
    assert ((again[0] == x) & (again[1] == y)).all()


def test_neighbours_touch() -> None:
    place_model, shapes = PlaceModel(simulation().geometry, PARAMETERS.places), simulation().geometry.shapes
    cells = np.flatnonzero(place_model.weights(PARAMETERS.first_day) > 0)[::7]
    beside = place_model.neighbour(cells, PARAMETERS.first_day, RandomColumns(1))
    touching = [shapes[one].distance(shapes[other]) for one, other in zip(cells, beside, strict=True) if one != other]
    assert len(touching) > 0.98 * len(cells)
    assert max(touching) < 1e-4  # degrees: ten metres
    assert (place_model.weights(PARAMETERS.first_day)[beside] > 0).all()


def test_the_same_city_whatever_the_seed_of_the_run() -> None:
    _, message_batch = month()
    _, other = drawn(days=3, seed=99, noise=0)
    busiest = set(np.bincount(message_batch.cell).argsort()[-5:].tolist())
    assert len(busiest & set(np.bincount(other.cell).argsort()[-10:].tolist())) >= 4
