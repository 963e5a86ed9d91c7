"""`tail` against a real broker: committed records in order of time, and the reason for the end."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import orjson
import pytest
import typer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from typer.testing import CliRunner, Result

from router.cli.tail import TailRequest, Tally, select, tail
from router.kafka import blocking, topic_reader
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.wire.errors import BrokerError, InputError, TopicError
from router.wire.topic_names import Names

pytestmark = pytest.mark.broker

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PARTITIONS = 3
RECORDS = 60
Run = Callable[..., Result]


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@pytest.fixture
def topic(kafka: str, namespace: str) -> str:
    """Sixty committed records, one a minute over three partitions, with an aborted one beside each fifth."""
    name = f"{namespace}grid.cases"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name=name, num_partitions=PARTITIONS, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=name, acks="all")
    producer.init_transactions()
    for first in range(0, RECORDS, 5):
        producer.begin_transaction()
        send(producer, name, first, b"aborted")
        producer.abort_transaction()
        producer.begin_transaction()
        for number in range(first, first + 5):
            send(producer, name, number, b"case-%d" % number)
        producer.commit_transaction()
    producer.close()
    return name


def send(producer: KafkaProducer, topic: str, number: int, key: bytes) -> None:
    value = orjson.dumps({"n": number, "cell": f"06037{number % 2}001001001"})
    milliseconds = int(at(number).timestamp() * 1000)
    producer.send(topic, key=key, value=value, partition=number * 7 % PARTITIONS, timestamp_ms=milliseconds)


@pytest.fixture
def consumer(kafka: str) -> Iterator[KafkaConsumer]:
    with open_consumer(kafka) as connected:
        yield connected


def numbers(consumer: KafkaConsumer, topic: str, tally: Tally, **request: object) -> list[int]:
    asked = TailRequest(**({"since": at(0)} | request))  # type: ignore[arg-type]
    return [orjson.loads(record.value)["n"] for record in select(consumer, topic, asked, tally)]


def test_committed_records_come_in_order_of_time(consumer: KafkaConsumer, topic: str) -> None:
    tally = Tally()
    assert numbers(consumer, topic, tally) == list(range(RECORDS))
    assert (tally.read, tally.shown) == (RECORDS, RECORDS)
    assert tally.ended.startswith("the end as of")


def test_a_range_of_time(consumer: KafkaConsumer, topic: str) -> None:
    tally = Tally()
    assert numbers(consumer, topic, tally, since=at(20), until=at(31)) == list(range(20, 31))
    assert tally.ended == "--to 2026-11-24T08:31:00.000Z reached"


def test_a_limit_counts_the_first_and_says_that_there_are_more(consumer: KafkaConsumer, topic: str) -> None:
    tally = Tally()
    assert numbers(consumer, topic, tally, limit=7) == list(range(7))
    assert tally.ended == "--limit 7 reached, there are more"
    assert numbers(consumer, topic, tally := Tally(), limit=RECORDS) == list(range(RECORDS))
    assert tally.ended.startswith("the end as of")


def test_a_cell_is_a_glob(consumer: KafkaConsumer, topic: str) -> None:
    assert numbers(consumer, topic, Tally(), cell="060371*") == list(range(1, RECORDS, 2))
    assert numbers(consumer, topic, Tally(), cell="case-1?") == list(range(10, 20))
    assert numbers(consumer, topic, tally := Tally(), cell="4109*") == []
    assert tally.ended.endswith("no record matches --cell 4109*")


def test_an_empty_range_says_so(consumer: KafkaConsumer, topic: str) -> None:
    assert numbers(consumer, topic, tally := Tally(), since=at(600)) == []
    assert tally.ended.endswith("nothing since 2026-11-24T18:00:00.000Z, try --from beginning")


def test_following_shows_new_records(consumer: KafkaConsumer, topic: str, kafka: str) -> None:
    def more() -> None:
        producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
        for number in range(RECORDS, RECORDS + 5):
            send(producer, topic, number, b"late")
        producer.close()

    tally = Tally()
    following = select(consumer, topic, TailRequest(since=at(58), follow=True, limit=6), tally)
    assert [orjson.loads(record.value)["n"] for record in islice(following, 2)] == [58, 59]
    writer = threading.Thread(target=more)
    writer.start()
    shown = [orjson.loads(record.value)["n"] for record in following]
    writer.join()
    assert len(set(shown)) == 4  # over partitions in any order, as each poll brings them
    assert set(shown) < set(range(RECORDS, RECORDS + 5))
    assert tally.ended == "--limit 6 reached"


def test_names_may_be_short(consumer: KafkaConsumer, topic: str, namespace: str) -> None:
    names = Names(namespace)
    assert {find_topic(consumer, text, names) for text in ("cases", "grid.cases", topic)} == {topic}
    with pytest.raises(TopicError, match=r"grid.kases: there is no such topic; the nearest name is grid\.cases\."):
        find_topic(consumer, "grid.kases", names)


def test_a_deployment_without_topics_gets_a_hint(consumer: KafkaConsumer, topic: str) -> None:
    """tests/unit/wire/test_declared_topics.py covers the namespaces of other deployments."""
    assert topic.endswith("grid.cases")
    with pytest.raises(
        TopicError, match=r"grid\.cases: there is no such topic; `grid-router topics apply CITY` makes "
    ):
        find_topic(consumer, "grid.cases", Names("empty."))


@pytest.fixture
def run(kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    app = typer.Typer()
    app.command()(tail)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_json_is_one_envelope_a_line_and_messages_are_on_stderr(run: Run, topic: str) -> None:
    result = run("cases", "--from", "beginning", "--limit", "2", "-o", "json")
    assert result.exit_code == 0
    shown = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [(one["topic"], one["key"], one["value"]["n"]) for one in shown] == [
        (topic, "case-0", 0),
        (topic, "case-1", 1),
    ]
    assert result.stderr == f"Ended: --limit 2 reached, there are more ({topic}: 3 read, 2 shown).\n"


def test_text_is_one_line_a_record(run: Run, topic: str) -> None:
    result = run("cases", "--from", "2026-11-24T08:03:00Z", "--to", "2026-11-24T08:04:00Z")
    (line,) = result.stdout.splitlines()
    assert line.startswith("2026-11-24T08:03:00.000Z 0/")
    assert line.endswith('case-3 {"n":3,"cell":"060371001001001"}')
    assert f"({topic}: 1 read, 1 shown)" in result.stderr


def test_wrong_options_are_one_sentence(run: Run, topic: str) -> None:
    assert topic
    for arguments, error, sentence in [
        (("nothing",), TopicError, "nothing: there is no such topic; there are"),
        (("cases", "--from", "soon"), InputError, "--from: 'soon' is not a time"),
        (("cases", "--follow", "--to", "now"), InputError, "--follow and --to exclude each other"),
    ]:
        result = run(*arguments)
        assert isinstance(result.exception, error)
        assert sentence in str(result.exception)


def test_no_broker_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")
    result = run("cases")
    assert isinstance(result.exception, BrokerError)
    assert "127.0.0.1:1: Kafka does not answer" in str(result.exception)


def test_a_topic_longer_than_the_buffers_is_read_to_its_end(
    kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions wait for each other, so each is paused and resumed. A resumed one stopped for ever: 20 s later it counted as a dead broker."""
    monkeypatch.setattr(topic_reader, "BUFFERED", 50)
    monkeypatch.setattr(topic_reader, "SILENCE_S", 5.0)
    monkeypatch.setattr(blocking, "MAX_POLL_RECORDS", 30)
    name = f"{namespace}grid.cases"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name=name, num_partitions=PARTITIONS, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=20)
    times = list(range(1, 3001))
    for number in times:
        producer.send(name, value=b"x" * 100, partition=number // 500 % PARTITIONS, timestamp_ms=number)
    producer.flush()
    producer.close()
    with open_consumer(kafka) as consumer:
        read = [
            record.timestamp for record in topic_reader.read_range(consumer, topic_reader.bounds_since(consumer, name))
        ]
    assert read == times
