"""The city's rules check a new value before it is kept."""

import pytest

from router.dead_letters.patching import patched
from router.dead_letters.redrive_record import foreign_topic
from router.dead_letters.selection import report_id_of
from router.dead_letters.validation import rejection_of
from router.wire.codec import encode_report
from router.wire.partitioning import partition_for_cell
from tests.support.driver import CELL, report
from tests.support.records import ALARM, city, table, written
from tests.support.rejected_records import NAMES, PATCH, UNKNOWN, dead_letter


def test_a_repaired_value_must_be_what_the_router_accepts() -> None:
    sound = patched(dead_letter(), written(UNKNOWN), PATCH)
    assert isinstance(sound, bytes)
    assert rejection_of(dead_letter(), sound, city(), NAMES, 4) is None
    still = rejection_of(dead_letter(), written(UNKNOWN), city(), NAMES, 4)
    assert still is not None
    assert still.code == "unknown-code"
    assert rejection_of(dead_letter(), b"{oops", city(), NAMES, 4).code == "not-json"  # type: ignore[union-attr]


def test_a_personal_number_cannot_be_repaired_into_a_record() -> None:
    value = written(ALARM | {"bjrbs": "410902199001011234"})
    rejection = rejection_of(dead_letter(), value, city(), NAMES, 4)
    assert rejection is not None
    assert rejection.code == "personal-data"
    assert "410902199001011234" not in rejection.reason


def test_the_rules_are_those_of_the_named_city() -> None:
    other = city(policing=table("9999,,vandalism,of this city\n"))
    assert rejection_of(dead_letter(), written(UNKNOWN), other, NAMES, 4) is None
    without_policing = city()
    without_policing.codes.pop("policing")
    rejection = rejection_of(dead_letter(), written(ALARM), without_policing, NAMES, 4)
    assert rejection is not None
    assert rejection.code == "unknown-network"
    assert "--city" in rejection.reason


def test_feedback_is_repaired_by_its_own_rules() -> None:
    """A record of `feedback.<sender>` goes back there, and to no topic of answers."""
    said = {"id": "7", "task": "C-1.1", "partition_key": CELL, "kind": "accept", "actor": "w-1"}
    sound = said | {"occurred_at": "2026-11-24T10:00:00Z"}
    broken = dead_letter(topic="t1.feedback.bos", network="feedback", value=written(said))
    assert report_id_of(broken) == "7"
    assert rejection_of(broken, written(sound), city(), NAMES, 4) is None
    still = rejection_of(broken, written(said), city(), NAMES, 4)
    assert still is not None
    assert (still.code, still.reason[:29]) == ("schema", "field `occurred_at`: missing;")
    for topic in ("t1.feedback.rejected.bos", "t2.feedback.bos", "t1.tasks.bos"):
        wrong = dead_letter(topic=topic, network="feedback", value=written(said))
        assert rejection_of(wrong, written(sound), city(), NAMES, 4).code == "foreign-topic"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "forged",
    [
        {"topic": "t1.tasks.bos"},
        {"topic": "t1.grid.cases"},
        {"topic": "t2.reports.policing"},
        {"topic": "t1.reports.hotline"},
        {"network": "none", "topic": "t1.reports.none"},
    ],
)
def test_a_dead_letter_with_a_foreign_topic_cannot_be_redriven(forged: dict[str, str]) -> None:
    rejection = foreign_topic(dead_letter(**forged), NAMES)
    assert rejection is not None
    assert rejection.code == "foreign-topic"
    assert rejection_of(dead_letter(**forged), written(ALARM), city(), NAMES, 4) == rejection


def test_a_grid_record_must_be_an_event_of_its_own_partition() -> None:
    _, value, headers = encode_report(report("a"))
    home = partition_for_cell(CELL.encode(), 4)
    event = dead_letter(topic="t1.grid.events", network="grid", partition=home, headers=tuple(headers))
    assert rejection_of(event, value, city(), NAMES, 4) is None
    no_type = dead_letter(topic="t1.grid.events", network="grid", partition=home)
    assert rejection_of(no_type, value, city(), NAMES, 4).code == "not-an-event"  # type: ignore[union-attr]
    away = dead_letter(topic="t1.grid.events", network="grid", partition=(home + 1) % 4, headers=tuple(headers))
    assert rejection_of(away, value, city(), NAMES, 4).code == "other-partition"  # type: ignore[union-attr]
