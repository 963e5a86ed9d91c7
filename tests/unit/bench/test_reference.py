"""The reference job of the benchmarks: its input is reproducible, and its oracle detects faults."""

import json
from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from tests.bench.reference.job import Event, Rejected, made, normalise
from tests.bench.reference.oracle import Expected, Found, faults

NUMBER = 100_000


def expected(number: int = 2_000) -> Expected:
    found = Expected()
    for record in made(number):
        found.take(record)
    return found


def right(of: Expected) -> Found:
    """Correct output of a contender that writes a case at every change."""
    grown = [(case, reports[: length + 1]) for case, reports in of.cases.items() for length in range(len(reports))]
    return Found(grown, list(of.cases), of.rejected)


def test_equal_seeds_make_equal_records() -> None:
    assert list(made(3_000)) == list(made(3_000))
    assert list(made(3_000, seed=2)) != list(made(3_000))


def test_more_records_start_with_the_same_ones() -> None:
    assert list(islice(made(5_000), 1_000)) == list(made(1_000))


def test_the_job_equals_the_published_one() -> None:
    """The counts equal those that another program published for the first benchmark."""
    found = expected(NUMBER)
    counts = (found.reports, len(found.cases), found.redelivered, found.rejected)
    assert counts == (89_154, 32_938, 9_846, 1_000)


def test_ten_per_cent_are_exact_redeliveries() -> None:
    records = list(made(NUMBER))
    again = sum(times - 1 for times in Counter(record.value for record in records).values())
    assert 0.09 * NUMBER < again < 0.11 * NUMBER
    assert 0.009 * NUMBER < sum(record.id is None for record in records) < 0.011 * NUMBER


def test_the_ground_truth_agrees_with_validation() -> None:
    for record in made(5_000):
        became = normalise(record.value)
        if record.id is None:
            assert isinstance(became, Rejected)
        else:
            assert isinstance(became, Event)
            assert (became.id, became.cell, became.cat) == (record.id, record.cell, record.category)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("source_id", ""),
        ("source_id", "x" * 65),
        ("source_id", 7),
        ("network", "x" * 33),
        ("reported_at", "2026-11-24T10:00:00"),
        ("reported_at", 1_790_000_000),
        ("lon", 180.001),
        ("lat", -90.5),
        ("lat", "35.7"),
        ("cell", "41090200100100"),
        ("cell", "410902001001001\n"),
        ("cell", "٤10902001001001"),
        ("category", ""),
        ("text", "x" * 2001),
        ("reporter", None),
        ("severity", 6),
        ("severity", 2.5),
        ("severity", "3"),
    ],
)
def test_every_field_is_validated(field: str, wrong: object) -> None:
    sound = json.loads(next(made(1)).value)
    assert isinstance(normalise(json.dumps(sound).encode()), Event)
    assert isinstance(normalise(json.dumps(sound | {field: wrong}).encode()), Rejected)


def test_a_case_takes_eight_reports_and_the_next_opens_another() -> None:
    one = next(record for record in made(100) if record.id is not None)
    found = Expected()
    for number in range(9):
        found.take(one._replace(id=f"n:{number}"))
    assert [len(reports) for reports in found.cases.values()] == [8, 1]
    assert list(found.cases) == ["n:0", "n:8"]


def test_correct_output_has_no_faults() -> None:
    of = expected()
    assert faults(of, right(of)) == []


def test_a_lost_report_is_found() -> None:
    of = expected()
    found = right(of)
    last = next(reversed(of.cases))
    assert faults(of, replace(found, cases=[one for one in found.cases if one[0] != last]))


def test_reports_in_the_wrong_order_are_found() -> None:
    of = expected()
    turned = [(case, reports[::-1]) for case, reports in right(of).cases]
    assert faults(of, replace(right(of), cases=turned))


def test_a_report_in_a_second_case_is_found() -> None:
    of = expected()
    found = right(of)
    assert faults(of, replace(found, cases=[*found.cases, ("unknown", [next(iter(of.cases))])]))


def test_a_second_dispatch_is_found() -> None:
    of = expected()
    found = right(of)
    assert faults(of, replace(found, dispatched=[*found.dispatched, found.dispatched[0]])) == ["1 dispatched twice"]


def test_a_missing_dispatch_is_found() -> None:
    of = expected()
    found = right(of)
    assert faults(of, replace(found, dispatched=found.dispatched[1:]))


@pytest.mark.parametrize("more", [-1, 1])
def test_a_dead_letter_too_few_or_too_many_is_found(more: int) -> None:
    of = expected()
    assert faults(of, replace(right(of), rejected=of.rejected + more))
