"""The clock of a gateway beside a replay of history: reports and feedback of today are received at the time of the history."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.domain.intake.normalise import RECEIVED_AT
from router.gateway.clock import WALL, GatewayClock
from router.gateway.problems import ProblemError
from router.gateway.publisher import CheckedRecord
from router.gateway.receipt_index import ReceiptIndex
from tests.support.cases import AT, case, report
from tests.support.city_messages import PROBLEM
from tests.support.gateway import TestedGateway


def test_the_clock_is_that_of_the_machine_or_of_the_latest_case() -> None:
    assert abs(WALL.now_ms() / 1000 - time.time()) < 60
    index = ReceiptIndex()
    clock = GatewayClock(lambda: index.latest)
    with pytest.raises(ProblemError) as caught:
        clock.now_ms()
    assert caught.value.code == "not-ready"
    later = AT + timedelta(hours=3)
    index.add_case(replace(case("b", report("2", 1)), updated_at=later))
    index.add_case(case("a", report("1", 0)))
    assert clock.now_ms() == int(later.timestamp() * 1000)


def test_what_is_sent_has_the_time_of_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Feedback, too, which has Kafka's time when the city is live."""
    sent: list[CheckedRecord] = []

    async def run() -> tuple[int, int]:
        gateway = TestedGateway(tmp_path)
        gateway.intake._clock = gateway.departments._clock = GatewayClock(lambda: gateway.index.latest)
        before = (await gateway.send("urban-management", PROBLEM)).status_code
        gateway.index.add_case(case("a", report("1", 0)))

        async def publish(record: CheckedRecord) -> Any:
            sent.append(record)
            raise ProblemError("kafka-away", "it is only looked at.")

        monkeypatch.setattr(gateway.intake.publisher, "publish", publish)
        await gateway.send("urban-management", PROBLEM)
        body = {
            "id": "A-1", "task": "c.1", "partition_key": "410902001001001", "kind": "accept", "actor": "officer-17",
            "occurred_at": AT.isoformat(),
        }  # fmt: skip
        token = gateway.add("office", "department:police")
        headers = {"Content-Type": "application/json"}
        path, content = "/v1/tasks/c.1/feedback", json.dumps(body)
        answered = await gateway.call("POST", path, token=token, headers=headers, content=content)
        await gateway.close()
        return before, answered.status_code

    assert asyncio.run(run()) == (503, 503)
    stamps = [dict(record.headers)[RECEIVED_AT].decode() for record in sent]
    assert [datetime.fromisoformat(one).astimezone(UTC) for one in stamps] == [AT, AT]
