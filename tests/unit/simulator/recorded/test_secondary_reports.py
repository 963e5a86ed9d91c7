"""Secondary reports of recorded incidents: consistent with the incident, delayed, slightly displaced, reproducible."""

from collections import Counter
from datetime import timedelta
from functools import cache
from itertools import pairwise
from random import Random
from statistics import median

import orjson
import pytest

from router.cities.folder import city_folder
from router.domain.geometry import distance_m
from router.domain.intake.normalise import normalise
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.simulator.messages import SourceMessage
from router.simulator.recorded import secondary_reports
from router.simulator.recorded.hotline_history import History
from router.simulator.recorded.message_writers import MESSAGE_WRITERS
from router.simulator.recorded.noise import FAR_M, FAR_SHARE, LATEST, SIGMA_M, delay, off
from router.simulator.recorded.secondary_reports import INSPECTORS, SEEN_BY
from router.simulator.scenario import Recorded, history_of
from tests.support.driver import los_angeles
from tests.support.records import Record

NUMBER = 6000
"""Recorded requests; about 700 companions."""


@cache
def history() -> History:
    return history_of(los_angeles(), city_folder("los-angeles"))


def messages(number: int, seed: int = 1) -> list[SourceMessage]:
    return list(Recorded(los_angeles(), history()).messages(reports=number, seed=seed, secondary_reports=True))


@pytest.fixture(scope="module")
def sent() -> list[SourceMessage]:
    return messages(NUMBER)


@pytest.fixture(scope="module")
def reports(sent: list[SourceMessage]) -> dict[str, Report]:
    """Reports of the valid messages, by id; redeliveries give the same report."""
    made = {}
    for name, network in NETWORKS.items():
        batch = [Record(value=one.value) for one in sent if one.network == name and one.kind != "malformed"]
        done = normalise(network, batch, los_angeles())
        assert [rejected.reason for _, rejected in done.rejections] == []
        made |= {one.id: one for one in done.reports}
    return made


def of_kind(sent: list[SourceMessage], kind: str) -> list[SourceMessage]:
    return [one for one in sent if one.kind == kind]


def metres(one: Report, other: Report) -> float:
    here, there = one.location, other.location
    assert None not in (here.lon, there.lon)
    return distance_m(here.lon or 0, here.lat or 0, there.lon or 0, there.lat or 0)


def test_recorded_messages_are_unchanged(sent: list[SourceMessage]) -> None:
    assert of_kind(sent, "recorded") == list(history().messages(NUMBER))


def test_messages_come_in_the_order_of_their_received_times(sent: list[SourceMessage]) -> None:
    assert all(one.received_at <= other.received_at for one, other in pairwise(sent))


def test_every_secondary_report_has_the_id_of_its_message(
    sent: list[SourceMessage], reports: dict[str, Report]
) -> None:
    ids = [one.report for one in of_kind(sent, "secondary_reports")]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(reports)


def test_a_secondary_report_follows_an_incident_of_its_network(
    sent: list[SourceMessage], reports: dict[str, Report]
) -> None:
    recorded = {one.report: one for one in of_kind(sent, "recorded")}
    assert {one.network for one in of_kind(sent, "secondary_reports")} == set(MESSAGE_WRITERS)
    for one in of_kind(sent, "secondary_reports"):
        incident = recorded[one.incident or ""]
        assert one.received_at > incident.received_at
        assert one.owner is None
        assert (one.network, reports[one.report].matter) in SEEN_BY[reports[incident.report].matter]


def test_a_secondary_report_is_reported_before_it_is_received(
    sent: list[SourceMessage], reports: dict[str, Report]
) -> None:
    recorded = {one.report: one for one in of_kind(sent, "recorded")}
    for one in of_kind(sent, "secondary_reports"):
        made = reports[one.report]
        assert recorded[one.incident or ""].received_at <= made.reported_at <= one.received_at
        assert one.received_at - made.reported_at <= LATEST


def test_points_have_the_error_of_phones(sent: list[SourceMessage], reports: dict[str, Report]) -> None:
    apart = [
        metres(reports[one.report], reports[one.incident or ""])
        for one in of_kind(sent, "secondary_reports")
        if one.network != "social-security"
    ]
    assert len(apart) > 500
    assert median(apart) == pytest.approx(1.177 * SIGMA_M, rel=0.15)  # the median of Rayleigh's distribution
    near = [one for one in apart if one < 6 * SIGMA_M]
    assert all(one > FAR_M - 1 for one in apart if one not in near)
    assert 0 < 1 - len(near) / len(apart) < 3 * FAR_SHARE


def test_a_need_names_the_community_of_its_incident(sent: list[SourceMessage], reports: dict[str, Report]) -> None:
    needs = [one for one in of_kind(sent, "secondary_reports") if one.network == "social-security"]
    assert needs
    for one in needs:
        mine, theirs = reports[one.report].location, reports[one.incident or ""].location
        assert mine.resolved_by == "community"
        assert mine.cell[:12] == theirs.cell[:12]


def test_inspectors_sometimes_write_the_neighbouring_cell(
    sent: list[SourceMessage], reports: dict[str, Report]
) -> None:
    written = [
        (orjson.loads(one.value)["cellCode"], reports[one.incident or ""].location.cell)
        for one in of_kind(sent, "secondary_reports")
        if one.network == INSPECTORS
    ]
    wrong = sum(cell != true for cell, true in written) / len(written)
    assert wrong == pytest.approx(0.25, abs=0.05)  # as in the streams that were counted


def test_the_number_of_secondary_reports_is_as_configured(
    sent: list[SourceMessage], reports: dict[str, Report]
) -> None:
    number = Counter(one.kind for one in sent)
    seen = sum(
        reports[one.report].matter in SEEN_BY and reports[one.report].location.lon is not None
        for one in of_kind(sent, "recorded")
    )
    assert number["secondary_reports"] / seen == pytest.approx(0.15, rel=0.15)
    assert number["redelivered"] / (number["recorded"] + number["secondary_reports"]) == pytest.approx(0.01, rel=0.35)


def test_a_redelivery_is_the_same_bytes_later(sent: list[SourceMessage]) -> None:
    first = {one.report: one for one in sent if one.kind in ("recorded", "secondary_reports")}
    again = of_kind(sent, "redelivered")
    assert {first[one.report].kind for one in again} == {"recorded", "secondary_reports"}
    for one in again:
        origin = first[one.report]
        assert (one.value, one.network, one.incident) == (origin.value, origin.network, origin.incident)
        assert one.received_at >= origin.received_at
        assert one.owner is None


def test_a_malformed_message_is_rejected_and_has_no_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secondary_reports, "MALFORMED_SHARE", 0.5)
    malformed = of_kind(messages(1500), "malformed")
    assert len(malformed) > 50
    assert len({one.report for one in malformed}) == len(malformed)
    for one in malformed:
        assert (one.incident, one.owner) == (None, None)
        done = normalise(NETWORKS[one.network], [Record(value=one.value)], los_angeles())
        assert (len(done.reports), len(done.rejections)) == (0, 1)


def test_equal_seeds_give_equal_messages() -> None:
    assert messages(600) == messages(600)
    assert messages(600) != messages(600, seed=2)


def test_a_network_without_a_code_for_a_matter_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        secondary_reports, "SEEN_BY", {"graffiti": (("policing", "no such matter"), ("no such network", "x"))}
    )
    assert of_kind(messages(600), "secondary_reports") == []


def test_a_gps_error_has_the_configured_deviation() -> None:
    random = Random(1)
    apart = sorted(distance_m(115.0, 36.0, *off(random, 115.0, 36.0)) for _ in range(5000))
    far = [one for one in apart if one > FAR_M - 1]
    assert len(far) / len(apart) == pytest.approx(FAR_SHARE, abs=0.006)
    near = apart[: -len(far)]
    assert near[-1] < 6 * SIGMA_M
    assert median(near) == pytest.approx(1.177 * SIGMA_M, rel=0.05)


def test_a_delay_has_its_median_and_a_maximum() -> None:
    random = Random(1)
    delays = [delay(random, 60, 0.9) for _ in range(5000)]
    assert median(delays).total_seconds() == pytest.approx(3600, rel=0.06)
    assert min(delays) > timedelta(0)
    assert max(delay(random, 60, 5) for _ in range(200)) == LATEST
    assert all(one.microseconds == 0 for one in delays)
