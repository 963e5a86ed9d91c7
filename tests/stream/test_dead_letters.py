"""`dead-letters list` and `show` against a real broker."""

from collections.abc import Callable

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from typer.testing import CliRunner, Result

from router.cli.dead_letters.commands import app
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.wire.codec import encode_dead_letter
from router.wire.errors import InputError

pytestmark = pytest.mark.broker

Run = Callable[..., Result]


def rejected(namespace: str, offset: int, network: str, value: bytes | None) -> PlainRecord:
    return PlainRecord(
        topic=f"{namespace}reports.{network}",
        partition=1,
        offset=offset,
        timestamp=1_800_000_000_000 + offset,
        key=b"J-%d" % offset,
        value=value,
        headers=[("source", b"\x1b[2J"), ("grid-dead-letter-reason", b"forged")],
    )


@pytest.fixture
def run(kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands over a topic with three dead letters and one foreign record."""
    topic = f"{namespace}grid.dead-letters"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name=topic, num_partitions=2, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for offset, network, code, value in [
        (7, "policing", "not-json", b"{oops"),
        (8, "policing", "schema", b'{"a": 1}'),
        (9, "environment", "not-json", b"\x00\xff"),
    ]:
        rejection = Rejection(code=code, reason=f"the value [red]{offset}[/red] is wrong; correct it.")
        key, content, headers = encode_dead_letter(rejected(namespace, offset, network, value), rejection, network)
        producer.send(topic, key=key, value=content, headers=headers, partition=offset % 2)
        producer.flush()
    producer.send(topic, key=b"x", value=b"foreign", partition=0)
    producer.close()
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    return lambda *arguments: CliRunner().invoke(app, arguments, env={"COLUMNS": "160", "NO_COLOR": "1"})


def test_the_list_names_id_network_code_and_reason(run: Run, namespace: str) -> None:
    result = run("list")
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["id", "rejected", "record", "of", "network", "state", "code", "reason"]
    assert [row.split()[0] for row in rows] == [
        f"{namespace}reports.{place}" for place in ("policing/1/7", "policing/1/8", "environment/1/9")
    ]
    assert rows[0].split()[1:5] == ["2027-01-15T08:00:00.007Z", "policing", "open", "not-json"]
    assert "the value [red]7[/red] is wrong; correct it." in rows[0]
    assert "1 records of" in result.stderr
    assert "3 dead letters, 3 shown." in result.stderr


@pytest.mark.parametrize(
    ("options", "offsets"),
    [
        (["--reason", "not-json"], [7, 9]),
        (["--network", "policing"], [7, 8]),
        (["--reason", "not-json", "--network", "policing"], [7]),
        (["--limit", "1"], [9]),
        (["--reason", "no-such"], []),
        (["--from", "-1h"], [7, 8, 9]),
    ],
)
def test_the_list_takes_conditions(run: Run, options: list[str], offsets: list[int]) -> None:
    result = run("list", *options, "-o", "json")
    assert [orjson.loads(line)["offset"] for line in result.stdout.splitlines()] == offsets


def test_show_finds_a_rejected_record_with_or_without_namespace(run: Run, namespace: str) -> None:
    for id_ in (f"{namespace}reports.policing/1/8", "reports.policing/1/8"):
        shown = orjson.loads(run("show", id_, "-o", "json").stdout)
        assert (shown["id"], shown["code"], shown["value"]) == (f"{namespace}reports.policing/1/8", "schema", {"a": 1})
        assert shown["headers"] == [["source", "\x1b[2J"], ["grid-dead-letter-reason", "forged"]]


def test_show_finds_a_dead_letter_by_its_own_address(run: Run) -> None:
    assert orjson.loads(run("show", "grid.dead-letters/1/1", "-o", "json").stdout)["offset"] == 9


def test_show_prints_bytes_without_escape_sequences(run: Run) -> None:
    result = run("show", "reports.environment/1/9")
    assert "value    2 bytes\nhex:00ff" in result.stdout
    assert "reason   not-json: the value [red]9[/red] is wrong; correct it." in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("id_", ["reports.policing/1/99", "grid.dead-letters/0/99", "grid.dead-letters/7/0"])
def test_an_id_without_dead_letter_raises_one_sentence(run: Run, id_: str) -> None:
    result = run("show", id_)
    assert isinstance(result.exception, InputError)
    assert f"{id_}: no dead letter of that record" in str(result.exception)
