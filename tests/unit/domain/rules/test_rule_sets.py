"""Which edition decides a report: that of its received time, and later the very one it carries."""

from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from router.cities.archive import pack, unpack
from router.cities.folder import city_folder, load_city
from router.domain.rules.city import City
from router.domain.rules.rule_sets import Editions, UnknownEditionError, UnreadableEditionError
from router.wire.errors import CityError
from router.wire.rule_sets import EditionRecord, decode_edition, encode_edition
from tests.support.driver import START, hours, tiny

DUTIES = "duties: {trees: {matters: [tree], lead: police}}"
OLD, NEW, THIRD = tiny(), tiny(duties=DUTIES), tiny(duties=DUTIES.replace("police", "roads"))
MERGING_TWO = tiny(
    "thresholds: {merge: 0.6, suggest: 0.3}\nreach: {base_m: 30, most_m: 150}\n"
    "window_hours: 1\nlate: 0.6\nfar: 0.5\nsame_community: 0.65\n",
    duties=DUTIES,
)


def known(*later: tuple[City, float]) -> Editions:
    editions = Editions(OLD)
    for city, at in later:
        editions.add(city.edition, hours(at), lambda city=city: city)
    return editions


def test_versions_follow_the_content() -> None:
    assert OLD.edition == tiny().edition
    assert len({OLD.edition, NEW.edition, THIRD.edition}) == 3
    assert MERGING_TWO.edition == NEW.edition  # merging is no part of it


def test_alone_the_first_holds_always() -> None:
    editions = known()
    assert editions.only is OLD
    assert editions.at(START) is OLD


def test_an_edition_holds_from_its_instant_on() -> None:
    editions = known((NEW, 1))
    assert editions.only is None
    assert editions.at(hours(1) - timedelta(microseconds=1)) is OLD
    assert editions.at(hours(1)).edition == NEW.edition
    assert editions.latest == NEW.edition


def test_editions_are_ordered_by_their_instant_and_then_by_publication() -> None:
    editions = known((THIRD, 2), (NEW, 1), (OLD, 2))
    assert [editions.at(hours(h)).edition for h in (0, 1, 1.5, 2, 9)] == [
        OLD.edition,
        NEW.edition,
        NEW.edition,
        OLD.edition,
        OLD.edition,
    ]


def test_a_report_is_decided_by_the_edition_it_carries() -> None:
    editions = known((NEW, 1))
    assert editions.of(NEW.edition).edition == NEW.edition
    assert editions.of("") is OLD
    with pytest.raises(UnknownEditionError):
        editions.of(THIRD.edition)


def test_rules_are_read_once_and_only_when_they_are_needed() -> None:
    read: list[int] = []

    def rules() -> City:
        read.append(1)
        return NEW

    editions = Editions(OLD)
    editions.add(NEW.edition, hours(1), rules)
    editions.at(hours(0))
    assert read == []
    editions.at(hours(1))
    editions.of(NEW.edition)
    assert read == [1]


def test_rules_that_cannot_be_read_are_no_reports_fault() -> None:
    def full() -> City:
        raise OSError(28, "No space left on device")

    editions = Editions(OLD)
    editions.add("v", hours(1), full)
    with pytest.raises(UnreadableEditionError):
        editions.of("v")
    with pytest.raises(UnreadableEditionError):
        editions.at(hours(2))
    assert editions.at(hours(0)) is OLD


def test_an_edition_may_be_known_and_never_hold() -> None:
    editions = Editions(OLD)
    editions.know(NEW.edition, lambda: NEW)
    assert editions.only is OLD
    assert editions.of(NEW.edition).edition == NEW.edition


def test_merging_stays_that_of_the_worker() -> None:
    editions = known((MERGING_TWO, 1))
    assert editions.at(hours(2)).merging is OLD.merging


def test_a_record_is_read_as_it_was_written() -> None:
    record = EditionRecord(version="v", city="c", published_at=START, since=hours(1), actor="wang", texts={"a": "阿"})
    key, value, headers = encode_edition(record)
    assert key == b"2026-10-01T02:00:00+00:00/v"
    assert decode_edition(value) == record
    assert encode_edition(record)[1] == value
    assert ("content-encoding", b"gzip") in headers


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"\x1f\x8b", encode_edition.__doc__.encode() if encode_edition.__doc__ else b""]
)
def test_what_is_no_edition_is_said(value: bytes) -> None:
    with pytest.raises(ValueError, match="no edition"):
        decode_edition(value)


def test_a_packed_city_is_the_same_city() -> None:
    city = load_city("seattle")
    texts = pack(city_folder("seattle"))
    assert {"city.yaml", "catalogue/duties.yaml", "codes/policing.csv", "cells/cells.csv"} <= texts.keys()
    assert unpack("seattle", texts, city.edition).edition == city.edition
    assert unpack("seattle", texts, "as-published").edition == "as-published"


def test_an_edition_with_an_error_names_the_row(tmp_path: Path) -> None:
    folder = tmp_path / "seattle"
    copytree(city_folder("seattle"), folder)
    texts = pack(folder) | {"codes/policing.csv": "code,version,matter,name\n12,,no-such-matter,x\n"}
    with pytest.raises(CityError, match=r"codes/policing.csv:2:5"):
        unpack("seattle", texts, "v")


def test_a_path_out_of_the_folder_is_refused() -> None:
    with pytest.raises(CityError, match="out of the city's folder"):
        unpack("seattle", {"../../x": ""}, "v")
