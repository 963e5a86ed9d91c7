"""Rule sets that another program wrote: they neither rule nor stop a start."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from shutil import copytree

import pytest
import structlog

from router.cities import apart
from router.cities.apart import unpack_apart
from router.cities.folder import city_folder, load_city
from router.cities.packing import InventedVersionError, pack
from router.domain.rules.city import City
from router.domain.rules.rule_sets import UnknownRuleSetError, UnreadableRuleSetError
from router.rule_sets.loading import RuleSetLoader, build_rule_sets
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord
from tests.support.cities import shipped

NAME = "seattle"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@cache
def own() -> City:
    return shipped(NAME)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[City, dict[str, str]]:
    """The city with one more code, and its texts."""
    folder = tmp_path_factory.mktemp("cities") / NAME
    copytree(city_folder(NAME), folder)
    with (folder / "codes" / "policing.csv").open("a", encoding="utf-8") as file:
        file.write("9876,,robbery,another\n")
    return load_city(NAME, folder.parent), pack(folder)


def record(
    version: str, texts: dict[str, str], effective_from: datetime | None = None, ago: float = 0
) -> RuleSetRecord:
    return RuleSetRecord(
        version=version,
        city=NAME,
        published_at=NOW - timedelta(days=ago),
        effective_from=effective_from,
        texts=texts,
    )


def founding() -> RuleSetRecord:
    return record(own().rule_set, pack(city_folder(NAME)))


def events(records: Sequence[RuleSetRecord]) -> list[str]:
    with structlog.testing.capture_logs() as logs:
        build_rule_sets(own(), records)
    return [str(one["event"]) for one in logs if one["log_level"] == "error"]


def test_another_process_reads_what_this_one_would(other: tuple[City, dict[str, str]]) -> None:
    city, texts = other
    read = unpack_apart(NAME, texts, city.rule_set)
    assert (read.rule_set, read.codes["policing"].codes) == (city.rule_set, city.codes["policing"].codes)


def test_an_invented_version_never_rules(other: tuple[City, dict[str, str]]) -> None:
    _, texts = other
    forged = record("0123456789ab", texts, NOW)
    rule_sets = build_rule_sets(own(), [founding(), forged])
    assert rule_sets.at(NOW + timedelta(days=1)).rule_set == own().rule_set
    with pytest.raises(UnknownRuleSetError):
        rule_sets.of("0123456789ab")
    assert len(events([founding(), forged])) == 1


def test_a_later_founding_rule_set_does_not_found(other: tuple[City, dict[str, str]]) -> None:
    city, texts = other
    forged = record(city.rule_set, texts, ago=3650)
    rule_sets = build_rule_sets(own(), [founding(), forged])
    assert rule_sets.first.rule_set == own().rule_set
    assert rule_sets.of(city.rule_set).rule_set == city.rule_set, "a report may carry it"


def test_an_invented_founding_rule_set_does_not_found(other: tuple[City, dict[str, str]]) -> None:
    _, texts = other
    loader = RuleSetLoader(own())
    assert loader.genuine([record("0123456789ab", texts), founding()]) == [founding()]


def test_a_rule_set_that_cannot_be_read_stops_no_start_and_comes_into_effect_never() -> None:
    texts = pack(city_folder(NAME)) | {"catalogue/duties.yaml": "duties: ["}
    forged = record("0123456789ab", texts, datetime(2099, 1, 1, tzinfo=UTC))
    rule_sets = build_rule_sets(own(), [founding(), forged])
    assert rule_sets.at(datetime(2100, 1, 1, tzinfo=UTC)).rule_set == own().rule_set
    with pytest.raises(UnreadableRuleSetError, match=r"duties\.yaml"):
        rule_sets.of("0123456789ab")


def test_a_founding_rule_set_that_cannot_be_read_stops_the_start() -> None:
    """Else an upgrade would route by the folder of whichever worker starts first."""
    texts = pack(city_folder(NAME)) | {"catalogue/duties.yaml": "duties: ["}
    with pytest.raises(CityError, match=r"duties\.yaml"):
        build_rule_sets(own(), [record("0123456789ab", texts)])


@pytest.mark.parametrize(
    "bomb", ["[" * 2_000_000, "a: " + "{? " * 400_000, "- " * 3_000_000], ids=["list", "key", "item"]
)
def test_a_text_that_takes_too_long_is_bounded(monkeypatch: pytest.MonkeyPatch, bomb: str) -> None:
    """A kilobyte of gzip. Whether it is too deep or too long, it ends as a sentence."""
    monkeypatch.setattr(apart, "WALL_SECONDS", 60.0)
    texts = pack(city_folder(NAME)) | {"city.yaml": bomb}
    with pytest.raises(CityError) as stopped:
        unpack_apart(NAME, texts, "0123456789ab")
    assert not isinstance(stopped.value, InventedVersionError)


def test_a_withdrawn_rule_set_does_not_come_into_effect(other: tuple[City, dict[str, str]]) -> None:
    city, texts = other
    later = record(city.rule_set, texts, NOW)
    rule_sets = build_rule_sets(own(), [founding(), later])
    assert rule_sets.at(NOW).rule_set == city.rule_set
    rule_sets.withdraw(later.key)
    assert rule_sets.at(NOW).rule_set == own().rule_set
    assert rule_sets.of(city.rule_set).rule_set == city.rule_set, "reports that carry it are still routed"


def test_a_rule_set_takes_the_merge_parameters_of_the_folder(other: tuple[City, dict[str, str]]) -> None:
    city, texts = other
    folder = replace(own(), merging=replace_merging(own()))
    rule_sets = build_rule_sets(folder, [record(city.rule_set, texts)])
    assert rule_sets.merging is folder.merging


def replace_merging(city: City) -> object:
    return city.merging.model_copy(update={"density_penalty": 1.5})
