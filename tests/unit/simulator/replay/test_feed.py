"""The order rules of the feed: pace in simulated time, and flow control at full speed."""

from datetime import UTC, datetime, timedelta

import pytest

from router.simulator.messages import Kind, SourceMessage, rfc3339
from router.simulator.replay.feed import Pace
from router.simulator.replay.flow_control import InFlightLimiter

AT = datetime(2018, 1, 1, 8, tzinfo=UTC)


def message(network: str, id_: str, kind: Kind = "recorded", incident: str | None = None) -> SourceMessage:
    return SourceMessage(network=network, source_id=id_, value=b"", received_at=AT, kind=kind, incident=incident)


GRAFFITI = message("hotline", "1-1", incident="hotline:1-1")
ALARM = message("policing", "9", "secondary_reports", "hotline:1-1")
LATER = message("hotline", "1-2", incident="hotline:1-2")


def test_a_secondary_report_waits_for_its_incident() -> None:
    limiter = InFlightLimiter(limit=10)
    assert limiter.release(GRAFFITI) == [GRAFFITI]
    assert limiter.release(ALARM) == []
    assert limiter.held == [ALARM]
    assert limiter.release(LATER) == [LATER]
    limiter.accounted("hotline:1-1")
    assert limiter.release() == [ALARM]
    assert limiter.held == []


def test_a_secondary_report_of_a_sent_incident_keeps_its_order() -> None:
    limiter = InFlightLimiter(limit=10)
    limiter.release(ALARM)
    limiter.accounted("hotline:1-1")
    assert limiter.release(LATER) == [ALARM, LATER]


@pytest.mark.parametrize("kind", ["redelivered", "malformed"])
def test_noise_does_not_wait(kind: Kind) -> None:
    noise = message("policing", "9", kind, "hotline:1-1")
    assert InFlightLimiter(limit=10).release(noise) == [noise]


def test_there_is_capacity_up_to_the_in_flight_limit() -> None:
    limiter = InFlightLimiter(limit=2)
    limiter.release(GRAFFITI)
    limiter.release(ALARM)  # held: not under way
    assert limiter.room
    limiter.release(LATER)
    assert not limiter.room
    limiter.accounted("hotline:1-2")
    assert limiter.room


def test_pace_counts_from_the_first_message() -> None:
    pace = Pace(60.0)  # a minute a second
    assert pace.wait(AT, now=100.0) == 0
    assert pace.wait(AT + timedelta(minutes=5), now=102.0) == pytest.approx(3.0)
    assert pace.wait(AT + timedelta(minutes=1), now=102.0) == pytest.approx(-1.0)


def test_instants_are_written_in_utc() -> None:
    pacific = datetime.fromisoformat("2018-01-01T00:00:09-08:00")
    assert rfc3339(pacific) == "2018-01-01T08:00:09Z"
