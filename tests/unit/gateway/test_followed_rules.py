"""The rules of a gateway: those that the workers have, or none."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from router.cities.folder import city_folder
from router.cities.packing import pack
from router.gateway import followed_rules
from router.gateway.followed_rules import FollowedRules
from router.rule_sets.store import RuleSetStore
from router.wire.rule_sets import RuleSetRecord
from tests.support.cities import shipped

CITY = "seattle"
AT = datetime(2026, 11, 30, tzinfo=UTC)


class ScriptedStore(RuleSetStore):
    """Returns what each read finds new in the topic: records, keys of tombstones, or an error."""

    def __init__(self, *reads: "list[RuleSetRecord] | str | BaseException") -> None:
        super().__init__("127.0.0.1:1", "grid.rule-sets")
        self.reads = list(reads)

    async def read(self) -> list[RuleSetRecord]:
        self.withdrawn = []
        found = self.reads.pop(0) if self.reads else []
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, str):
            self.withdrawn, found = [found], []
        return found


def published(version: str, texts: dict[str, str]) -> RuleSetRecord:
    return RuleSetRecord(version=version, city=CITY, published_at=AT, effective_from=None, texts=texts)


def unreadable() -> RuleSetRecord:
    return published("deadbeef" * 8, {"city.yaml": "}"})


def versions(reads: int, *found: "list[RuleSetRecord] | str | BaseException") -> tuple[list[str | None], list[str]]:
    """The version in force after each read, and what was logged."""

    async def run() -> list[str | None]:
        rules = FollowedRules(shipped(CITY), ScriptedStore(*found))
        after: list[str | None] = []
        for _ in range(reads):
            await rules.read()
            after.append(None if rules.rule_sets is None else rules.rule_sets.at(AT).rule_set)
        return after

    with capture_logs() as logged:
        after = asyncio.run(run())
    return after, [one["event"] for one in logged if one["log_level"] == "error"]


def test_the_rules_of_the_folder_do_not_stand_in_for_published_ones_that_cannot_be_read() -> None:
    after, errors = versions(3, [unreadable()])
    assert after == [None, None, None]
    assert errors.count("the published rules cannot be read") == 1


def test_published_rules_that_cannot_be_read_end_those_of_the_folder_too() -> None:
    assert versions(3, [], [unreadable()])[0] == [shipped(CITY).rule_set, None, None]


def test_rules_that_cannot_be_read_count_no_more_once_they_are_withdrawn() -> None:
    assert versions(3, [unreadable()], [], unreadable().key)[0] == [None, None, shipped(CITY).rule_set]


def test_a_readable_version_that_is_published_later_counts() -> None:
    own = published(shipped(CITY).rule_set, pack(city_folder(CITY)))
    assert versions(2, [unreadable()], [own])[0] == [None, own.version]


def test_a_stray_cancellation_does_not_end_the_following(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kafka's client raises it out of tasks of its own; both before the rules are known and after it."""
    monkeypatch.setattr(followed_rules, "POLL_S", 0.001)
    own = published(shipped(CITY).rule_set, pack(city_folder(CITY)))
    store = ScriptedStore(asyncio.CancelledError(), [own], asyncio.CancelledError(), OSError(), [])

    async def run() -> None:
        rules = FollowedRules(shipped(CITY), store)
        following = asyncio.create_task(rules.follow())
        async with asyncio.timeout(20):
            while store.reads and not following.done():
                await asyncio.sleep(0.01)
        assert not following.done()
        assert rules.rule_sets is not None
        following.cancel()
        assert isinstance((await asyncio.gather(following, return_exceptions=True))[0], asyncio.CancelledError)

    asyncio.run(run())
