"""Open311 and CAP with a real Kafka and a gateway process, by the commands of their pages: from the request to a department's task."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer

from router.domain.model.case import Case
from router.domain.model.task import Task
from router.wire.codec import encode_case
from router.wire.topic_names import Names
from tests.replay.history import History
from tests.replay.sources import Sourced
from tests.support.cities import shipped
from tests.support.gateway_page import gateway_of_page
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT
from tests.support.topics import committed, create_topics
from tests.unit.docs.markdown import code_blocks

pytestmark = pytest.mark.broker
CITY = "seattle"
CAP = ROOT / "docs" / "how-to" / "cap-alerts.md"
OPEN311 = ROOT / "docs" / "how-to" / "open311.md"


class Running(NamedTuple):
    """A gateway process of Seattle."""

    names: Names
    run: Callable[..., str]
    """Runs a block of a page; keywords are variables."""


@pytest.fixture(scope="module")
def gateway(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway process, made and started by the commands of the page. It ends with SIGTERM."""
    folder, names = tmp_path_factory.mktemp("open311"), Names(f"t{os.getpid()}-open311.")
    networks = map(names.reports, shipped(CITY).codes)
    asyncio.run(create_topics(kafka, *networks, names.rule_sets, names.cases, names.archive))
    with gateway_of_page(OPEN311, kafka, names, folder) as running:
        yield Running(names, running.shell)


def decided(kafka: str, names: Names, network: str, history: History) -> list[Any]:
    """What both stages make of the records of a network's topic, in order."""
    records = [
        Sourced(
            network=network, partition=one.partition, offset=one.offset, timestamp=one.timestamp,
            key=one.key, value=one.value, headers=one.headers,
        )
        for one in committed(kafka, names.reports(network))
    ]  # fmt: skip
    return [output.content for output in history.replay(records)]


async def write(kafka: str, *records: tuple[str, tuple[bytes | None, bytes | None, Any]]) -> None:
    """Write records as the workers do."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{os.getpid()}-open311")
    await producer.start()
    async with producer.transaction():
        for topic, (key, value, headers) in records:
            await producer.send(topic, value, key=key, headers=headers)
    await producer.stop()


def test_a_request_of_open311_becomes_a_task_and_its_token_leads_to_it(kafka: str, gateway: Running) -> None:
    services, definition, post, token, request = code_blocks(OPEN311, "sh")[2:]
    assert json.loads(gateway.run(services))[0]["service_code"] == "graffiti"
    assert "<code>component_id</code>" in gateway.run(definition)
    first, again = (json.loads(gateway.run(post)) for _ in range(2))
    assert first[0]["service_notice"] == ""
    (shown,) = code_blocks(OPEN311, "json")
    assert first[0].keys() == json.loads(shown)[0].keys()
    receipt = first[0]["token"]
    waiting = json.loads(gateway.run(token, RECEIPT=receipt))
    assert waiting == [{"service_request_id": None, "token": receipt}]

    made = decided(kafka, gateway.names, "open311", History(shipped(CITY)))
    (task,) = [one for one in made if isinstance(one, Task)]
    (case,) = [one for one in made if isinstance(one, Case)]
    assert (task.case, task.department, task.description) == (case.id, "spu", "Graffiti on the wall of the bus stop")
    assert [one.network for one in case.reports] == ["open311"]  # the second one is a redelivery

    asyncio.run(write(kafka, (gateway.names.cases, encode_case(case))))
    deadline = time.monotonic() + PATIENCE_S
    while (found := json.loads(gateway.run(token, RECEIPT=receipt)))[0]["service_request_id"] is None:
        assert time.monotonic() < deadline, found
    assert found[0]["service_request_id"] == case.id
    assert json.loads(gateway.run(token, RECEIPT=again[0]["token"]))[0]["service_request_id"] == case.id
    state = gateway.run(request, CASE=case.id)
    assert f"<service_request_id>{case.id}</service_request_id><status>open</status>" in state
    assert "<service_code>graffiti</service_code>" in state
    assert "bus stop" not in state


def test_an_alert_becomes_a_task_and_its_cancel_withdraws_it(kafka: str, gateway: Running) -> None:
    add, *messages, ask = code_blocks(CAP, "sh")
    token = gateway.run(add, TOKEN="").strip()
    deadline = time.monotonic() + PATIENCE_S
    while "receipt_token" not in (
        taken := json.loads(gateway.run(messages[0], TOKEN=token))
    ):  # tokens are read once a second
        assert time.monotonic() < deadline, taken
    update, cancel = (json.loads(gateway.run(block, TOKEN=token)) for block in messages[1:])
    assert taken["id"] == update["id"] == cancel["id"]
    (shown,) = code_blocks(CAP, "json")
    assert taken.keys() == json.loads(shown).keys()

    made = decided(kafka, gateway.names, "cap", History(shipped(CITY)))
    cases, tasks = [one for one in made if isinstance(one, Case)], [one for one in made if isinstance(one, Task)]
    assert len({case.id for case in cases}) == 1
    assert (cases[0].urgency, cases[0].severity) == ("Immediate", "Severe")
    assert tasks[0].description.startswith("The underpass is under water")
    assert [one.version for one in cases[-1].reports][-1] == 3
    assert cases[-1].state == "closed"
    assert json.loads(gateway.run(ask, RECEIPT=taken["receipt_token"]))["stage"] == "received"
