"""The rule set of a received time, and the rule set of a version."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from router.cities.folder import city_folder
from router.cities.packing import InventedVersionError, pack, unpack
from router.domain.catalogue.code_tables import CodeTable
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets, UnknownRuleSetError, UnreadableRuleSetError
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord, decode_rule_set, encode_rule_set
from tests.support.cities import shipped
from tests.support.driver import START, hours, tiny

DUTIES = "duties: {trees: {matters: [tree], lead: police}}"
OLD, NEW, THIRD = tiny(), tiny(duties=DUTIES), tiny(duties=DUTIES.replace("police", "roads"))
MERGING_TWO = tiny(
    "thresholds: {merge: 0.6, suggest: 0.3}\nsearch_radius: {base_m: 30, max_m: 150}\n"
    "window_hours: 1\ndecay_at_window_end: 0.6\ndecay_at_max_distance: 0.5\nsame_community: 0.65\n",
    duties=DUTIES,
)


def known(*later: tuple[City, float]) -> RuleSets:
    rule_sets = RuleSets(OLD)
    for city, at in later:
        rule_sets.add(city.rule_set, hours(at), lambda city=city: city)
    return rule_sets


def test_versions_follow_the_content() -> None:
    assert OLD.rule_set == tiny().rule_set
    assert len({OLD.rule_set, NEW.rule_set, THIRD.rule_set}) == 3
    assert MERGING_TWO.rule_set == NEW.rule_set  # merging is no part of it


def test_the_only_rule_set_is_always_in_effect() -> None:
    rule_sets = known()
    assert rule_sets.only is OLD
    assert rule_sets.at(START) is OLD


def test_a_rule_set_is_in_effect_from_its_instant() -> None:
    rule_sets = known((NEW, 1))
    assert rule_sets.only is None
    assert rule_sets.at(hours(1) - timedelta(microseconds=1)) is OLD
    assert rule_sets.at(hours(1)).rule_set == NEW.rule_set
    assert rule_sets.latest == NEW.rule_set


def test_rule_sets_are_ordered_by_instant_and_then_by_publication() -> None:
    rule_sets = known((THIRD, 2), (NEW, 1), (OLD, 2))
    assert [rule_sets.at(hours(h)).rule_set for h in (0, 1, 1.5, 2, 9)] == [
        OLD.rule_set,
        NEW.rule_set,
        NEW.rule_set,
        OLD.rule_set,
        OLD.rule_set,
    ]


def test_a_rule_set_is_looked_up_by_its_version() -> None:
    rule_sets = known((NEW, 1))
    assert rule_sets.of(NEW.rule_set).rule_set == NEW.rule_set
    assert rule_sets.of("") is OLD
    with pytest.raises(UnknownRuleSetError):
        rule_sets.of(THIRD.rule_set)


def test_rules_are_read_once_and_only_when_they_are_needed() -> None:
    read: list[int] = []

    def rules() -> City:
        read.append(1)
        return NEW

    rule_sets = RuleSets(OLD)
    rule_sets.add(NEW.rule_set, hours(1), rules)
    rule_sets.at(hours(0))
    assert read == []
    rule_sets.at(hours(1))
    rule_sets.of(NEW.rule_set)
    assert read == [1]


def test_unreadable_rules_raise_when_they_are_needed() -> None:
    def full() -> City:
        raise OSError(28, "No space left on device")

    rule_sets = RuleSets(OLD)
    rule_sets.add("v", hours(1), full)
    with pytest.raises(UnreadableRuleSetError):
        rule_sets.of("v")
    with pytest.raises(UnreadableRuleSetError):
        rule_sets.at(hours(2))
    assert rule_sets.at(hours(0)) is OLD


def test_a_rule_set_may_be_known_without_coming_into_effect() -> None:
    rule_sets = RuleSets(OLD)
    rule_sets.know(NEW.rule_set, lambda: NEW)
    assert rule_sets.only is OLD
    assert rule_sets.of(NEW.rule_set).rule_set == NEW.rule_set


def test_every_rule_set_has_the_merge_parameters_of_the_first() -> None:
    rule_sets = known((MERGING_TWO, 1))
    assert rule_sets.at(hours(2)).merging is OLD.merging


def test_a_record_is_read_as_it_was_written() -> None:
    record = RuleSetRecord(
        version="v", city="c", published_at=START, effective_from=hours(1), actor="wang", texts={"a": "阿"}
    )
    key, value, headers = encode_rule_set(record)
    assert key == b"2026-10-01T02:00:00+00:00/v"
    assert decode_rule_set(value) == record
    assert encode_rule_set(record)[1] == value
    assert ("content-encoding", b"gzip") in headers


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"\x1f\x8b", encode_rule_set.__doc__.encode() if encode_rule_set.__doc__ else b""]
)
def test_a_value_that_is_no_rule_set_is_rejected(value: bytes) -> None:
    with pytest.raises(ValueError, match="no rule set"):
        decode_rule_set(value)


def test_a_packed_city_is_the_same_city() -> None:
    city = shipped("seattle")
    texts = pack(city_folder("seattle"))
    assert {"city.yaml", "catalogue/duties.yaml", "codes/policing.csv", "cells/cells.csv"} <= texts.keys()
    assert unpack("seattle", texts, city.rule_set).rule_set == city.rule_set
    with pytest.raises(InventedVersionError, match=city.rule_set):
        unpack("seattle", texts, "0123456789ab")


def test_an_error_in_a_rule_set_names_its_row(tmp_path: Path) -> None:
    folder = tmp_path / "seattle"
    copytree(city_folder("seattle"), folder)
    texts = pack(folder) | {"codes/policing.csv": "code,version,matter,name\n12,,no-such-matter,x\n"}
    with pytest.raises(CityError, match=r"codes/policing.csv:2:5"):
        unpack("seattle", texts, "v")


def test_a_path_out_of_the_folder_is_rejected() -> None:
    with pytest.raises(CityError, match="leaves the city's folder"):
        unpack("seattle", {"../../x": ""}, "v")


def with_networks(*networks: str) -> City:
    """A city of these networks; none has codes."""
    return replace(
        OLD, codes={network: CodeTable("codes.csv", ()) for network in networks}, rule_set="+".join(networks)
    )


def test_a_network_that_is_added_later_is_heard_from_the_beginning() -> None:
    """Its reports that were received before are translated by the first rule set that has it."""
    rule_sets = RuleSets(with_networks("hotline"))
    for at, city in ((1, with_networks("hotline", "policing")), (2, with_networks("policing"))):
        rule_sets.add(city.rule_set, hours(at), lambda city=city: city)
    assert rule_sets.networks == ["hotline", "policing"]
    assert [rule_sets.for_network(hours(h), "policing").rule_set for h in (0, 1, 2)] == [
        "hotline+policing",
        "hotline+policing",
        "policing",
    ]
    assert [rule_sets.for_network(hours(h), "hotline").rule_set for h in (0, 1, 2)] == [
        "hotline",
        "hotline+policing",
        "hotline+policing",
    ]


def test_a_network_of_no_rule_set_has_no_rules() -> None:
    rule_sets = RuleSets(with_networks("hotline"))
    with pytest.raises(UnknownRuleSetError):
        rule_sets.for_network(START, "policing")


def test_departments_of_every_version_need_a_topic() -> None:
    """A report may carry any version that was published."""
    rule_sets = RuleSets(OLD)
    rule_sets.know("other", lambda: replace(THIRD, rule_set="other"))
    assert set(rule_sets.departments) == {*OLD.catalogue.departments, *THIRD.catalogue.departments}
    assert rule_sets.networks == []
