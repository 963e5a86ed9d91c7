"""Which of several initial rule sets is effective, and when a worker publishes its own."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct

from router.domain.rules.bootstrap import initial_rule_sets, must_publish_own

START = datetime(2026, 11, 24, 16, tzinfo=UTC)


class Published(Struct, frozen=True):
    version: str
    published_at: datetime
    effective_from: datetime | None = None


def initial(version: str, minutes: float) -> Published:
    return Published(version, START + timedelta(minutes=minutes))


def later(version: str, minutes: float) -> Published:
    at = START + timedelta(minutes=minutes)
    return Published(version, at, at)


def test_the_initial_rule_set_that_stands_first_in_the_log_is_effective() -> None:
    """Another program can name any time of publication, and no other place in the log."""
    forged = initial("forged", -60 * 24 * 365)
    publications = [later("c", 0), initial("b", 2), initial("a", 1), forged]
    assert [one.version for one in initial_rule_sets(publications)] == ["b", "a", "forged"]


@pytest.mark.parametrize(
    ("publications", "own"),
    [
        ([], True),
        ([later("a", 0)], True),
        ([initial("a", 0)], False),
        ([later("a", 0), initial("b", 1)], False),
    ],
)
def test_a_worker_publishes_its_own_only_without_an_initial_one(publications: list[Published], own: bool) -> None:
    assert must_publish_own(publications) is own
