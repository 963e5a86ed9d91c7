"""Which published rule set is in effect at an instant, and which one will be."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from router.domain.rules.in_effect import in_effect, takes_effect

START = datetime(2026, 11, 24, 16, tzinfo=UTC)


class Published(Struct, frozen=True):
    version: str
    published_at: datetime
    effective_from: datetime | None = None


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def published(version: str, minutes: float, effective: float | None) -> Published:
    return Published(version, at(minutes), None if effective is None else at(effective))


PUBLISHED = [published("b", 1, None), published("a", 0, None), published("c", 5, 20), published("d", 6, 10)]


def test_nothing_is_in_effect_before_the_first_publication() -> None:
    assert in_effect([], START) is None
    assert takes_effect([], "a", START) is None


def test_the_initial_one_then_each_from_its_instant_on() -> None:
    found = {minutes: in_effect(PUBLISHED, at(minutes)) for minutes in (-99, 9.9, 10, 19.9, 20, 999)}
    assert [one.version for one in found.values() if one] == ["b", "b", "d", "d", "c", "c"], (
        "the first in the log begins"
    )


def test_of_two_with_one_start_the_later_published_counts() -> None:
    found = in_effect([*PUBLISHED, published("e", 7, 10)], at(10))
    assert found is not None
    assert found.version == "e"


def test_a_rule_set_that_waits() -> None:
    twice = [*PUBLISHED, published("c", 7, 30)]
    assert takes_effect(twice, "c", at(0)) == PUBLISHED[2]
    assert takes_effect(twice, "c", at(20)) == twice[-1]
    assert takes_effect(twice, "c", at(30)) is None
    assert takes_effect(twice, "a", at(-99)) is None
