"""`grid-router case` against a real broker: found by any id, sentences in both languages, and what is wrong is named."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.cli.case.commands import app
from router.cli.case.following import FILE
from router.domain.model.report import Tick
from router.domain.rules.city import City
from router.wire.codec import encode_archived, encode_case, encode_escalation, encode_tombstone, encode_transition
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError, InputError, TopicError
from router.wire.rule_sets import RuleSetRecord, encode_rule_set
from router.wire.settings import PREFIX, Settings
from router.wire.topic_names import Names
from tests.support.broker import free_ports
from tests.support.driver import Driver, hours, report
from tests.support.feedback import feedback

pytestmark = pytest.mark.broker

CITY = "los-angeles"
CELL = "060371002014001"
Encoded = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]


class Log:
    """The topics of cases, written as the router writes them."""

    def __init__(self, kafka: str, namespace: str, city: City) -> None:
        self.names, self.city = Names(namespace), city
        self._producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=f"{namespace}case", acks="all")
        self._producer.init_transactions()
        self._partition = 0

    def write(self, *records: tuple[str, Encoded], partition: int = 0, commit: bool = True) -> None:
        """Write records of these topics in one transaction."""
        self._producer.begin_transaction()
        for topic, (key, value, headers) in records:
            self._producer.send(topic, value, key=key, headers=list(headers), partition=partition)
        (self._producer.commit_transaction if commit else self._producer.abort_transaction)()

    def write_life(self, driver: Driver, partition: int = 0) -> None:
        """Write the present state of all its cases, and all its transitions."""
        key = driver.cases[0].partition_key
        cases = [(self.names.cases, encode_case(case)) for case in driver.cases]
        journal = [(self.names.transitions, encode_transition(one, key)) for one in driver.transitions]
        sent = [(self.names.escalations, encode_escalation(one)) for one in driver.escalations]
        self.write(*cases, *journal, *sent, partition=partition)

    def close(self) -> None:
        self._producer.close()


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(CITY)


@pytest.fixture
def log(kafka: str, namespace: str, tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    settings = Settings(kafka=kafka, home=tmp_path, namespace=namespace, partitions=2)
    apply(kafka, [one for one in topics_of(city, settings) if ".grid." in one.name])
    for name, value in {"KAFKA": kafka, "HOME": str(tmp_path), "NAMESPACE": namespace}.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    log = Log(kafka, namespace, city)
    record = RuleSetRecord(version=city.rule_set, city=CITY, published_at=hours(0), texts=pack(city_folder(CITY)))
    log.write((log.names.rule_sets, encode_rule_set(record)))
    yield log
    log.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def lived(city: City, name: str = "17") -> Driver:
    """Graffiti that was reported on 30 September 2026 at 18:00 in Los Angeles, and accepted an hour later."""
    driver = Driver(city)
    driver.pipe(
        report(name, matter="graffiti", cell=CELL, rule_set=city.rule_set, description="a\x1b[31mred\nwall"),
        report("J1", 0.2, matter="graffiti", cell=CELL, rule_set=city.rule_set, network="policing"),
    )
    driver.pipe(feedback("accept", driver.tasks[0], 1))
    return driver


def test_found_by_the_id_of_the_case_of_its_task_and_of_each_report(log: Log, city: City) -> None:
    other, driver = lived(city, "16"), lived(city)
    log.write_life(other)
    log.write_life(driver, partition=1)
    case = driver.case_of("17")
    for id_ in (case.id, f"{case.id}.1", "hotline:17"):
        sentences = run("show", id_)
        assert sentences.exit_code == 0, sentences.output
        assert sentences.stdout.startswith(f"{case.id} is in work: "), sentences.stdout
        assert "opened on 2026-09-30 18:00" in sentences.stdout
    assert run("show", "hotline:16").stdout.startswith(f"{other.case_of('16').id} is in work: ")


def test_every_command_in_both_languages(log: Log, city: City) -> None:
    driver = lived(city)
    log.write_life(driver)
    id_ = driver.case_of("17").id
    assert f"{id_}：处置中" in run("show", id_, "--language", "zh").stdout
    why = run("why", id_).stdout
    assert "policing:J1, received on 2026-09-30 18:12, joined, because it is near in place and time" in why
    assert "Duty beautification (catalogue/duties.yaml:" in why
    assert "So it is due on 2026-10-03 18:00." in why
    assert "依据职责 beautification（catalogue/duties.yaml:" in run("why", f"{id_}.1", "-l", "zh").stdout
    assert "hotline:17" not in run("why", f"{id_}.1").stdout
    history = run("history", id_).stdout.splitlines()
    assert history[0] == "2026-09-30 18:00: hotline:17 opened the case."
    assert history[-1].endswith(
        f": {id_}.1 of Office of Community Beautification (ocb) went from dispatched to in work."
    )
    assert run("verify", id_).stdout.startswith(f"The journal of {id_} is whole: 2 transitions, ")


def test_reminders_and_escalations_are_in_the_history_and_the_next_one_is_a_reason(log: Log, city: City) -> None:
    driver, other = lived(city), lived(city, "16")
    while (due := driver.state.next_due()) is not None and not any(one.authority for one in driver.escalations):
        driver.pipe(Tick(at=due))
    log.write_life(driver)
    other.pipe(Tick(at=hours(2000)))
    _, foreign, headers = encode_escalation(other.escalations[0])
    id_ = driver.case_of("17").id
    log.write(
        (log.names.escalations, (id_.encode(), foreign, headers)), (log.names.escalations, (id_.encode(), b"{", []))
    )
    history = run("history", id_).stdout.splitlines()
    sent = [one for one in history if "was reminded" in one or "was escalated" in one]
    assert len(sent) == len(driver.escalations)
    assert history.index(sent[0]) > 1, "after it was dispatched"
    assert "升级上报" in run("history", id_, "-l", "zh").stdout
    assert "Next on ladder " in run("why", f"{id_}.1").stdout


def test_hostile_text_is_printed_harmless(log: Log, city: City) -> None:
    driver = lived(city)
    log.write_life(driver)
    id_ = driver.case_of("17").id
    sentences = run("show", id_)
    assert "It says: a\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}wall\n" in sentences.stdout
    machine = run("show", id_, "-o", "json")
    assert "\x1b" not in machine.stdout
    shown = json.loads(machine.stdout)
    assert (shown["case"], shown["revision"]) == (id_, driver.case_of("17").revision)
    assert [one["kind"] for one in shown["sentences"]][:2] == ["state", "place"]
    assert {"en", "zh", "kind"} <= shown["sentences"][0].keys()


def test_a_later_command_sees_what_was_written_since_and_nothing_that_was_aborted(
    log: Log, city: City, tmp_path: Path
) -> None:
    driver = lived(city)
    log.write_life(driver)
    case, journal = driver.case_of("17"), list(driver.transitions)
    assert run("verify", case.id).exit_code == 0
    (file,) = tmp_path.glob(f"{FILE}*.db")
    assert file.stat().st_mode & 0o077 == 0
    assert case.id.encode() not in file.read_bytes()

    driver.pipe(feedback("handled", driver.tasks[0], 2))
    (new,) = [one for one in driver.transitions if one not in journal]
    written = [
        (log.names.cases, encode_case(driver.case_of("17"))),
        (log.names.transitions, encode_transition(new, case.partition_key)),
    ]
    log.write(*written, commit=False)
    assert run("show", case.id).stdout.startswith(f"{case.id} is in work: ")
    log.write(*written)
    assert run("show", case.id).stdout.startswith(f"{case.id} is closed: ")
    assert "3 transitions" in run("verify", case.id).stdout


def test_an_altered_journal_is_named_with_exit_code_1(log: Log, city: City) -> None:
    driver = lived(city)
    case = driver.case_of("17")
    driver.transitions[1].actor = "another"
    log.write_life(driver)
    sentences = run("verify", case.id)
    assert sentences.exit_code == 1
    assert sentences.stdout.startswith(f"The chain breaks at transition 2 of {case.id}, caused by feedback.ocb/0/100: ")
    assert run("verify", case.id, "-l", "zh").exit_code == 1


def test_what_is_no_record_of_the_router_is_left_out(log: Log, city: City) -> None:
    """Also a transition of another case under this key: the chain is that of the case."""
    driver, other = lived(city), lived(city, "16")
    case = driver.case_of("17")
    key, value, headers = encode_transition(other.transitions[0], CELL)
    log.write_life(driver)
    log.write(
        (log.names.transitions, (case.id.encode(), value, headers)),
        (log.names.transitions, (case.id.encode(), b"{", [])),
        (log.names.cases, (case.id.encode(), b"{}", [])),
        (log.names.cases, (b"\xff", b"x", [])),
    )
    assert key != case.id.encode()
    assert run("verify", case.id).exit_code == 0
    assert run("show", "hotline:17").exit_code == 0


def test_an_archived_case_is_found(log: Log, city: City) -> None:
    driver = lived(city)
    case = driver.case_of("17")
    log.write_life(driver)
    log.write((log.names.archive, encode_archived(case, hours(900))), (log.names.cases, encode_tombstone(case)))
    for id_ in (case.id, "policing:J1"):
        assert run("show", id_).stdout.startswith(f"{case.id} is in work and archived: ")
    assert run("verify", case.id).exit_code == 0


def test_a_damaged_file_of_positions_is_made_again(log: Log, city: City, tmp_path: Path) -> None:
    driver = lived(city)
    log.write_life(driver)
    id_ = driver.case_of("17").id
    assert run("show", id_).exit_code == 0
    (file,) = tmp_path.glob(f"{FILE}*.db")
    for beside in tmp_path.glob(f"{FILE}*.db-*"):
        beside.unlink()
    file.write_bytes(b"no database " * 1000)
    assert run("show", id_).exit_code == 0
    assert file.read_bytes().startswith(b"SQLite")


def test_an_unpublished_rule_set_leaves_ids_and_utc(log: Log, city: City) -> None:
    driver = Driver(city)
    driver.pipe(report("17", matter="graffiti", cell=CELL, rule_set=city.rule_set))
    case = driver.case_of("17")
    case.rule_set = "0123456789ab"
    log.write((log.names.cases, encode_case(case)))
    sentences = run("why", case.id)
    assert "Rule set 0123456789ab is not published: departments have ids only, and times are UTC." in sentences.stderr
    assert f"{case.id}.1: ocb got it as lead on 2026-10-01 01:00." in sentences.stdout


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        ("C-12", "ID: 'C-12' is no id; give that of a case"),
        ("C-00000000000000000000", "C-00000000000000000000: there is no such case; "),
        ("hotline:none-such", "hotline:none-such: no case has this report; "),
        ("hotline:\x1b[31m", "hotline:\x1b[31m: no case has this report; "),
    ],
)
def test_an_id_that_nothing_has(log: Log, id_: str, said: str) -> None:
    del log
    sentences = run("show", id_)
    assert isinstance(sentences.exception, InputError)
    assert str(sentences.exception).startswith(said)


def test_a_task_that_the_case_does_not_have(log: Log, city: City) -> None:
    driver = lived(city)
    log.write_life(driver)
    id_ = driver.case_of("17").id
    sentences = run("why", f"{id_}.7")
    assert str(sentences.exception) == f"{id_}.7: the case has no such task; its tasks are: {id_}.1."


def test_without_topics_or_broker(kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KAFKA": kafka, "HOME": str(tmp_path), "NAMESPACE": namespace}.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    missing = run("verify", "C-00000000000000000000").exception
    assert isinstance(missing, TopicError)
    assert str(missing).startswith(f"{namespace}grid.transitions: there is no such topic; `grid-router topics apply ")
    monkeypatch.setenv(f"{PREFIX}KAFKA", f"127.0.0.1:{free_ports(1)}")
    assert isinstance(run("verify", "C-00000000000000000000").exception, BrokerError)
