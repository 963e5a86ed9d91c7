"""Thousands of corrections of one incident on a real broker: nothing fails, nothing is lost, and the partition goes on."""

from pathlib import Path
from typing import Any

import pytest

from router.domain.case.size import MAX_REPORTS, MEASURED_FROM, MOST_BYTES
from router.domain.networks.registry import NETWORKS
from router.wire.codec import decode_case, is_case
from tests.support.poison.record import sound, written
from tests.support.poison.scene import Scene
from tests.support.poison.sending import Sent

pytestmark = pytest.mark.broker

INCIDENTS, VERSIONS = MAX_REPORTS + 2, 50
ID = NETWORKS["policing"].id_field


@pytest.fixture
def scene(kafka: str, namespace: str, tmp_path: Path) -> Scene:
    return Scene(kafka, namespace, tmp_path)


def alarms(topic: str, version: int) -> list[Sent]:
    """One version of every report. Each character of the text takes six bytes in JSON."""
    text = "\x01" * 190 + str(version)
    return [sent(topic, sound("policing", f"flood {number}", bjnr=text)) for number in range(INCIDENTS)]


def sent(topic: str, message: dict[str, Any]) -> Sent:
    return Sent(topic=topic, partition=0, value=written(message), key=str(message[ID]).encode())


def test_thousands_of_corrections_of_one_incident_hold_up_nothing(scene: Scene) -> None:
    """5,090 such messages made a case that no longer fitted its topic: 211 dead letters and as many restores in 4.5 minutes."""
    topic = scene.names.reports("policing")
    scene.send([one for version in range(VERSIONS) for one in alarms(topic, version)])
    with scene.pool(1) as pool:
        scene.drain(pool)
        assert pool.restarts == 0
        other = sound("policing", "bystander", bjnr="after the flood")
        scene.send([sent(topic, other)])
        scene.drain(pool)
        log = pool.logs[0].read_text()
    assert scene.dead_letters() == []
    assert "reopening" not in log
    assert "batch failed" not in log
    records = [record for record in scene.read(scene.names.cases) if is_case(record.headers)]
    assert max(len(record.value) for record in records) < MOST_BYTES
    cases = [decode_case(value) for value in {record.key: record.value for record in records}.values()]
    reports = [report for case in cases for report in case.reports]
    assert sorted(report.version for report in reports) == [1] + [VERSIONS] * INCIDENTS
    rest, full = sorted(len(case.reports) for case in cases)
    assert rest + full == INCIDENTS + 1
    assert MEASURED_FROM < full <= MAX_REPORTS, "full by its bytes, before it has the most reports"
    assert f"policing:{other[ID]}" in {report.id for report in reports}
    for report in reports:
        assert len(report.earlier) + report.earlier_omitted == report.version - 1
