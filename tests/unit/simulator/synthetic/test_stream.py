"""The stream of a synthetic city: repeatable to the byte, in the order of receipt, readable by the router, with its truth."""

import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pytest

from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.simulator.messages import SourceMessage
from router.simulator.synthetic.rng import RandomColumns
from tests.support.synthetic import drawn, puyang, read, simulation, stream

WORDS = [11_530_976_094_092_348_043, 16_550_673_365_885_938_325, 14_308_875_409_591_826_786, 4_154_339_397_315_733_314]
"""First words of PCG64 seeded with 7 and 0, as `numpy.random.Generator` gives them too."""
DIGEST = """
from hashlib import sha256
from tests.support.synthetic import stream
print(sha256(b"".join(one.value for one in stream(reports=3000, days=None))).hexdigest())
"""


@pytest.fixture(scope="module")
def sent() -> list[SourceMessage]:
    return stream(days=2)


@pytest.fixture(scope="module")
def became(sent: list[SourceMessage]) -> list[Report | Rejection]:
    return read([(one.network, one.value) for one in sent])


def test_equal_seeds_equal_messages_and_other_seeds_others() -> None:
    assert stream(days=0.3) == stream(days=0.3)
    assert {one.value for one in stream(reports=200)}.isdisjoint({one.value for one in stream(reports=200, seed=8)})


def test_a_seed_below_zero_is_a_seed() -> None:
    assert stream(reports=20, seed=-1) == stream(reports=20, seed=-1) != stream(reports=20, seed=1)


def test_the_hashes_of_python_do_not_matter() -> None:
    said = subprocess.run(
        [sys.executable, "-c", DIGEST],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "42", "PYTHONPATH": "."},
    )
    assert said.stdout.strip() == sha256(b"".join(one.value for one in stream(reports=3000, days=None))).hexdigest()


def test_draws_are_those_of_pcg64_whatever_the_release_of_numpy() -> None:
    rng = RandomColumns(7, 0)
    assert rng.words(2).tolist() == WORDS[:2]
    assert rng.below(1000, 1).tolist() == [(WORDS[2] >> 32) * 1000 >> 32]
    assert rng.unit(1).tolist() == [(WORDS[3] >> 11) / 2**53]


def test_received_times_never_go_back(sent: list[SourceMessage]) -> None:
    assert all(one.received_at <= other.received_at for one, other in pairwise(sent))


def test_fewer_reports_and_fewer_days_are_the_beginning_of_the_same(sent: list[SourceMessage]) -> None:
    assert stream(reports=500, days=None) == sent[:500]
    one_day = stream(days=1)
    assert one_day == sent[: len(one_day)]
    ends = datetime(2026, 3, 2, 16, tzinfo=UTC)  # midnight in Shanghai after the first day
    assert one_day[-1].received_at < ends <= sent[len(one_day)].received_at


def test_what_is_sound_gets_its_id_and_what_is_malformed_none(
    sent: list[SourceMessage], became: list[Report | Rejection]
) -> None:
    for one, result in zip(sent, became, strict=True):
        if one.kind == "malformed":
            assert isinstance(result, Rejection)
            assert (one.incident, one.owner) == (None, None)
        else:
            assert isinstance(result, Report), (result, one.value)
            assert result.id == one.report
            assert one.incident is not None


def test_all_ways_of_being_malformed_are_taken(became: list[Report | Rejection]) -> None:
    codes = {result.code for result in became if isinstance(result, Rejection)}
    assert codes == {"not-json", "not-utf8", "schema", "bad-id"}


def test_all_networks_with_a_code_table_send(sent: list[SourceMessage]) -> None:
    assert {one.network for one in sent} == set(puyang().codes) == set(simulation().parameters.networks)


def test_ids_are_those_of_one_report(sent: list[SourceMessage]) -> None:
    first = [one for one in sent if one.kind == "simulated"]
    assert len({one.report for one in first}) == len(first)
    sound = {one.report for one in first}
    assert not any(one.report in sound for one in sent if one.kind == "malformed")


def test_an_update_is_a_later_version_of_a_known_report(sent: list[SourceMessage]) -> None:
    first = {one.report: one for one in sent if one.kind == "simulated"}
    updates = [one for one in sent if one.kind == "updated"]
    assert updates
    for one in updates:
        known = first[one.report]
        assert one.value != known.value
        assert one.received_at > known.received_at
        assert (one.incident, one.storm) == (known.incident, known.storm)


def test_a_redelivery_is_the_same_bytes_later(sent: list[SourceMessage]) -> None:
    earlier: dict[str, set[bytes]] = {}
    again = 0
    for one in sent:
        if one.kind == "redelivered":
            again += 1
            assert one.value in earlier[one.report]
        earlier.setdefault(one.report, set()).add(one.value)
    assert again


def test_some_updates_say_another_class_and_some_another_place(
    sent: list[SourceMessage], became: list[Report | Rejection]
) -> None:
    reports = [result for result in became if isinstance(result, Report)]
    first = {one.id: one for one in reversed(reports)}
    updated = {one.report for one in sent if one.kind == "updated"}
    pairs = [(first[one.id], one) for one in reports if one.id in updated and one is not first[one.id]]
    assert any(one.matter != other.matter for one, other in pairs)
    assert any(one.location.lon != other.location.lon for one, other in pairs)
    assert any(one.location.cell != other.location.cell for one, other in pairs)
    assert any(one.description != other.description for one, other in pairs)


def test_without_noise_everything_is_true() -> None:
    generator, message_batch = drawn(days=1, noise=0)
    names, matters, cells = generator.code_usage.names, generator.code_usage.matters, generator.place_model.codes
    became = read(
        [(names[n], value.encode()) for n, value in zip(message_batch.network, message_batch.value, strict=True)]
    )
    assert set(message_batch.kind.tolist()) == {0}
    points = 0
    for row, report in enumerate(became):
        assert isinstance(report, Report)
        assert report.matter == matters[message_batch.matter[row]]
        if report.location.lon is None:
            assert report.location.cell[:12] == cells[message_batch.cell[row]][:12]
        else:
            points += 1
            assert (report.location.cell, report.location.resolved_by) == (cells[message_batch.cell[row]], "point")
            assert report.location.doubt is None
        assert report.occurred_at <= report.reported_at
        assert report.reported_at.timestamp() <= message_batch.received[row] / 1000
    assert points > len(became) / 2


def test_the_owner_is_the_lead_of_the_catalogue_at_the_true_place() -> None:
    generator, message_batch = drawn(days=1)
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    for row in range(0, len(message_batch), 7):
        route = puyang().catalogue.route(
            generator.code_usage.matters[message_batch.matter[row]],
            generator.place_model.codes[message_batch.cell[row]],
            at,
        )
        (lead,) = (one.department for one in route.assigned if one.role == "lead")
        assert generator.owners.departments[message_batch.owner[row]] == lead


def test_only_first_versions_carry_an_owner(sent: list[SourceMessage]) -> None:
    assert all((one.owner is not None) == (one.kind == "simulated") for one in sent)


def test_a_rate_in_place_of_the_citys_own() -> None:
    _, usual = drawn(days=1)
    _, busy = drawn(days=1, rate=1.0)
    own = simulation().parameters.a_second
    assert 0.05 < own < 0.1  # 13,150 incidents a day x 0.42, and 17 further reports for a hundred of them
    assert len(busy) / len(usual) == pytest.approx(1 / own, rel=0.1)


def test_a_busy_city_has_blocks_shorter_than_an_hour() -> None:
    """Of the first three hours of the day, which the shapes of the networks make quiet ones."""
    generator, message_batch = drawn(days=3 / 24, rate=100.0)
    parameters = simulation().parameters
    assert generator._blocks_a_day > 24
    shares = [
        one.a_day * sum(parameters.hours[one.hours][:3]) / sum(parameters.hours[one.hours])
        for one in parameters.networks.values()
    ]
    of_day = sum(shares) / sum(one.a_day for one in parameters.networks.values()) * parameters.weekdays[0]
    incidents = 100 * 86_400 / 1.17 * of_day
    _, first = np.unique(message_batch.incident, return_index=True)
    assert generator._incidents == pytest.approx(incidents, rel=0.03)
    assert 0.8 * incidents < len(first) <= generator._incidents
    assert (np.diff(message_batch.received) >= 0).all()
    sound = message_batch.source_id[message_batch.kind == 0].tolist()
    assert len(set(sound)) > 0.95 * len(sound)  # numbers are those of a network, and two networks may share some
