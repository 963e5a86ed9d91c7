"""Puyang through two real workers, one of them killed, its rules switched in the middle."""

from pathlib import Path
from shutil import copytree

import pytest

from router.cities.folder import city_folder, load_city
from router.simulator.replay.replay import ReplayPlan, replay
from router.wire.settings import Settings

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

CITY = "puyang"
OLD = 'street-hualong: {area: "410902", lead: {department: urban-management, unit: hualong}}'
NEW = 'street-hualong: {area: "410902", lead: police, assist: [{department: urban-management, unit: hualong}]}'


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    """Puyang, and Puyang with another lead for the streets of its first county."""
    for name in (CITY, "puyang-next"):
        copytree(city_folder(CITY), tmp_path / "cities" / name)
    duties = tmp_path / "cities" / "puyang-next" / "catalogue" / "duties.yaml"
    text = duties.read_text("utf-8")
    assert OLD in text
    duties.write_text(text.replace(OLD, NEW), "utf-8")
    return tmp_path / "cities"


def test_a_rule_switch_and_a_kill_lose_and_duplicate_nothing(kafka: str, tmp_path: Path, cities: Path) -> None:
    settings = Settings(kafka=kafka, home=tmp_path, cities=cities)
    plan = ReplayPlan(city=CITY, reports=4000, workers=2, kill=True, switch="puyang-next", seed=5)
    result = replay(plan, settings, kafka, lambda _: None)
    assert result.ledger.faults == {}
    assert result.end.killed_at is not None
    assert result.switched is not None
    assert result.switched.mixed == 0
    assert result.switched.by_old > 500
    assert result.switched.by_new > 500
    assert {one.kind for one in result.sent} == {"simulated", "updated", "redelivered", "malformed"}
    assert result.dead_letters == sum(one.kind == "malformed" for one in result.sent)
    assert result.coverage == 1.0


def test_other_rules_are_another_rule_set(cities: Path) -> None:
    assert load_city(CITY, cities).rule_set != load_city("puyang-next", cities).rule_set
