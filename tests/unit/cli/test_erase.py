"""`grid-router erase` before it reaches Kafka, and what it says that it will do."""

from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from router.cli.erase.plan import Found, rows, sources
from router.cli.main import app
from router.domain.explanation.case_life import CaseLife
from router.domain.model.erasure import Erasure
from router.wire.errors import InputError
from router.wire.repairs import Repair, Step
from router.wire.settings import Settings
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.rejected_records import REJECTED_AT, dead_letter

CITY = tiny()
CASE = "C-5e1b0c9b7c1f2a3d4e5f"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["erase", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((CASE, "--reason", "law"), "--actor"),
        ((CASE, "--actor", "zhang"), "--reason"),
        (("--actor", "zhang", "--reason", "law"), "ID"),
    ],
)
def test_without_an_option_it_needs_nothing_is_asked(arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert found.exit_code == 2
    assert "Missing" in found.output
    assert said in found.output


@pytest.mark.parametrize(
    ("id_", "actor", "reason", "said"),
    [
        ("nothing", "zhang", "law", "'nothing' is no id"),
        ("C-5e1b", "zhang", "law", "'C-5e1b' is no id"),
        (CASE, "", "law", "--actor: needs 1 to 100 printable characters"),
        (CASE, "z" * 101, "law", "--actor: needs 1 to 100 printable characters"),
        (CASE, "zhang", "  ", "--reason: needs 1 to 500 printable characters"),
        (CASE, "zhang", "x" * 501, "--reason: needs 1 to 500 printable characters"),
        (CASE, "zhang", "law\x1b[2J", "--reason: needs 1 to 500 printable characters"),
        (CASE, "zhang", "law\nof 2021", "--reason: needs 1 to 500 printable characters"),
        (CASE, "zhang", "law \N{RIGHT-TO-LEFT OVERRIDE}12", "--reason: needs 1 to 500 printable characters"),
        (CASE, "z\x07g", "law", "--actor: needs 1 to 100 printable characters"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(id_: str, actor: str, reason: str, said: str) -> None:
    found = run(id_, "--actor", actor, "--reason", reason, "--yes")
    assert isinstance(found.exception, InputError)
    assert said in str(found.exception)


def test_a_topic_is_named_until_its_retention_and_a_segment_have_passed() -> None:
    """30 days and a segment of 7 for what networks sent, 90 and 7 for events; then they are left out."""
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set, description="a text"))
    driver.pipe(feedback("return", driver.tasks[0], 1, reason="away", department="police"))
    life = CaseLife(case=driver.case_of("17"), transitions=tuple(driver.transitions), written_at=hours(1))

    def topics(days: float) -> dict[str, datetime]:
        now = hours(24 * days)
        return {row.topic: row.until for row in rows(Found(life=life), Settings(), now)}

    soon = topics(2)
    assert set(soon) == {
        *("reports.hotline", "feedback.parks", "grid.events", "grid.cases", "tasks.parks", "tasks.police"),
        "grid.transitions",
    }
    assert soon["reports.hotline"] == hours(24 * 37 + 1)
    assert soon["grid.events"] == hours(24 * 97 + 1)
    assert soon["grid.cases"] == hours(24 * 10)
    assert set(topics(37.5)) == set(soon) - {"reports.hotline", "feedback.parks"}
    assert set(topics(98)) == {"grid.cases", "grid.transitions"}


def test_a_replayed_history_is_kept_from_when_kafka_stored_it() -> None:
    """Its own times are years ago, and its records were stored today."""
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set, description="a text"))
    today = hours(24 * 3000)
    life = CaseLife(case=driver.case_of("17"), transitions=tuple(driver.transitions), written_at=today)
    made = {row.topic: row.until for row in rows(Found(life=life), Settings(), today)}
    assert made["reports.hotline"] == today + timedelta(days=37)
    assert made["grid.events"] == made["tasks.parks"] == today + timedelta(days=97)


def test_dead_letters_and_repairs_are_counted() -> None:
    step = Step(done="repaired", actor="li", why="typing error", at=REJECTED_AT)
    found = Found(
        dead_letters=(dead_letter(), dead_letter(offset=1042)),
        repairs=(Repair(dead_letter="a", steps=(step,), value="x"), Repair(dead_letter="b")),
    )
    made = {row.topic: row.what for row in rows(found, Settings(namespace="t1."), REJECTED_AT + timedelta(days=1))}
    assert made["t1.grid.dead-letters"].startswith("2 dead letters; no command shows")
    assert made["t1.grid.repairs"] == "values and patches of 1 repair"
    assert "t1.rejections.policing" in made
    assert not found.is_done
    assert Found(dead_letters=found.dead_letters).is_done


def test_the_sources_of_a_case_are_those_of_all_its_reports() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set), report("18", 1, network="policing", rule_set=CITY.rule_set))
    case = driver.case_of("17")
    assert sources(case, ()) == {("hotline", "17"), ("policing", "18")}
    assert sources(case, ("policing@20260101T000000Z:J1",)) == {("policing", "J1")}
    assert sources(None, ("policing:J1",)) == {("policing", "J1")}


def test_what_is_erased_is_done_until_departments_write_again() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set, description="a text"))
    asked = _asked(driver, 2)
    assert Found(life=_life(driver), erasure=asked).asks_case
    driver.pipe(asked)
    assert Found(life=_life(driver), erasure=_asked(driver, 3)).is_done
    driver.pipe(feedback("accept", driver.tasks[0], 4, reason="a word"))
    assert Found(life=_life(driver), erasure=_asked(driver, 5)).asks_case
    driver.pipe(_asked(driver, 5))
    found = Found(life=_life(driver), erasure=_asked(driver, 6))
    assert (found.asks_case, found.is_done) == (False, False), "the journal is still to be written again"


def _life(driver: Driver) -> CaseLife:
    return CaseLife(case=driver.case_of("17"), transitions=tuple(driver.transitions))


def _asked(driver: Driver, at: float) -> Erasure:
    case = driver.case_of("17")
    return Erasure(
        id=f"{case.id}/{at}", case=case.id, at=hours(at), actor="z", reason="law", partition_key=case.partition_key
    )
