"""A secured broker: who says who he is may do what is declared and nothing else, and all others get one sentence and no record."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from kafka.errors import RequestTimedOutError
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from router.broker import access, admin, server
from router.broker.client_quotas import change_quotas, quotas_of
from router.broker.folder import Folder
from router.cli.access import app
from router.cli.gateway import gateway
from router.client import Client, Connection
from router.client import connection as connections
from router.dead_letters.redrive_producer import OutgoingRecord, open_redrive_producer
from router.kafka.blocking import open_consumer
from router.kafka.blocking_internals import ask
from router.kafka.rejection import rejection
from router.rule_sets.store import publish
from router.stream.preflight import check_topics
from router.wire.access_rights import Access, AccessPlan, Right, UserQuota, compare, declared_access
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError
from router.wire.principal import PRINCIPAL
from router.wire.rule_sets import RuleSetRecord
from router.wire.security import Security, security_for
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped
from tests.support.raw_kafka import GROUP_DENIED, TOPIC_DENIED, TRANSACTION_DENIED, raw_client
from tests.support.secured import secured_broker
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
CITY = "los-angeles"
NAMES = Names()
NOTHING = AccessPlan(missing_users=[], undeclared_users=[], missing=[], undeclared=[], wider=[], unchanged=0)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A secured broker with the city's topics, users and rights."""
    with secured_broker(tmp_path_factory.mktemp("access")) as settings:
        admin.apply(server.bootstrap(settings), topics_of(shipped(CITY), settings))
        applied = command("apply")
        assert applied.exit_code == 0, applied.output
        yield settings


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, [arguments[0], CITY, *arguments[1:]], env={"COLUMNS": "160", "NO_COLOR": "1"})


def declared(settings: Settings) -> Access:
    city = shipped(CITY)
    return declared_access(NAMES, topics_of(city, settings), city.codes, city.catalogue.departments)


def password_file(settings: Settings, user: str) -> Path:
    return Folder(settings).credentials.folder / "users" / f"{user}.password"


def user_of(settings: Settings, name: str) -> Security:
    ca = Folder(settings).credentials.ca
    return Security(protocol="SASL_SSL", user=name, password=password_file(settings, name).read_text(), ca=ca)


def test_it_stays_secured_and_its_files_are_private(secured: Settings) -> None:
    folder = Folder(secured)
    assert server.start(secured).pid == folder.running_pid()
    assert "listeners=SASL_SSL://127.0.0.1:" in folder.properties.read_text()
    assert folder.port() == secured.broker_port
    assert not folder.arguments.exists()
    private = [folder.properties, *folder.credentials.folder.iterdir()]
    assert {file.stat().st_mode & 0o077 for file in private} == {0}


KINDS: dict[str, Callable[[str], object]] = {
    "reader": lambda address: open_consumer(address, connect_ms=300).__enter__(),
    "topics": lambda address: admin.plan(address, []),
    "worker": lambda address: asyncio.run(check_topics(address, topics_of(shipped(CITY), Settings()), "")),
    "gateway": lambda _: gateway(CITY),
    "client": lambda address: next(Client(Connection(kafka=address, patience_s=0.0)).tasks("dot")),
}
WRONG = {
    "wrong password": (
        {"user": "admin", "password": "wrong-secret"},
        (
            "the cluster rejects the user admin or the password; correct GRID_ROUTER_KAFKA_USER, or the password that "
            "GRID_ROUTER_KAFKA_PASSWORD_FILE names."
        ),
    ),
    "plain text": (
        {"protocol": "PLAINTEXT"},
        "the cluster rejects plain text; set GRID_ROUTER_KAFKA_PROTOCOL to SASL_SSL or SSL, as the cluster has it.",
    ),
    "no password": (
        {"protocol": "SSL"},
        (
            "the cluster asks for a user and a password; set GRID_ROUTER_KAFKA_PROTOCOL to SASL_SSL, GRID_ROUTER_KAFKA_USER "
            "and GRID_ROUTER_KAFKA_PASSWORD_FILE."
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_is_not_let_in_says_why(
    secured: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, wrong: str
) -> None:
    monkeypatch.setattr(connections, "LOOK_MS", 300)
    settings, sentence = WRONG[wrong]
    for name, value in settings.items():
        monkeypatch.setenv(f"GRID_ROUTER_KAFKA_{name.upper()}", value)
    address = server.bootstrap(secured)
    with pytest.raises(BrokerError) as raised:
        KINDS[kind](address)
    assert str(raised.value) == f"{address}: {sentence}"
    assert "wrong-secret" not in repr(raised.getrepr(style="long"))


def test_other_mistakes_are_named_as_well(secured: Settings) -> None:
    address, right = server.bootstrap(secured), security_for(server.bootstrap(secured), secured)
    mechanism = Security(protocol="SASL_SSL", mechanism="PLAIN", user=right.user, password=right.password, ca=right.ca)
    assert "does not take the mechanism PLAIN" in str(rejection(address, mechanism))
    system = Security(protocol="SASL_SSL", user=right.user, password=right.password)
    assert "the cluster's certificate is not trusted" in str(rejection(address, system))
    controller = f"127.0.0.1:{secured.broker_port + 1}"
    assert "does not take the client's certificate, or asks for one" in str(
        rejection(controller, Security(protocol="SSL", ca=right.ca))
    )
    assert rejection(address, right) is None


def test_every_user_may_do_what_is_declared_and_nothing_else(secured: Settings) -> None:
    address, wanted = server.bootstrap(secured), declared(secured)
    topics = [one.name for one in topics_of(shipped(CITY), secured)]
    groups = sorted({one.name for one in wanted.rights if one.resource == "group"})
    ids = [f"{one.name}0" if one.prefixed else one.name for one in wanted.rights if one.resource == "transactional id"]
    tried = 0
    for user in wanted.users:
        rights = [one for one in wanted.rights if one.user == user]

        def may(operation: str, resource: str, name: str, rights: list = rights) -> bool:
            return any(one.operation == operation and one.covers(resource, name) for one in rights)

        with raw_client(address, user_of(secured, user)) as client:
            read, written = client.read(topics), client.write(topics)
            joined = {name: client.join(name) for name in (*groups, "foreign")}
            claimed = {name: client.claim(name) for name in (*ids, "foreign")}
            assert client.create(f"{user}.new") == TOPIC_DENIED, user
        for operation, codes in (("read", read), ("write", written)):
            allowed = {name: may(operation, "topic", name) for name in topics}
            assert codes == {name: 0 if ok else TOPIC_DENIED for name, ok in allowed.items()}, (user, operation)
        assert {name for name, code in joined.items() if code != GROUP_DENIED} == {
            name for name in joined if may("read", "group", name)
        }, user
        assert {name for name, code in claimed.items() if code != TRANSACTION_DENIED} == {
            name for name in claimed if may("write", "transactional id", name)
        }, user
        tried += len(read) + len(written) + len(joined) + len(claimed) + 1
    assert tried > 40 * len(wanted.users)


def test_what_a_command_writes_names_the_user_who_was_let_in(
    secured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An actor is named by a person; the user of the connection was proved, and takes the place of one that the record names."""
    address, begun = server.bootstrap(secured), datetime.now(UTC)
    rules = RuleSetRecord(version="v", city=CITY, published_at=begun, actor="wang", texts={})
    repaired = OutgoingRecord(topic=NAMES.repairs, partition=0, key=b"k", value=b"{}", headers=[(PRINCIPAL, b"mayor")])
    for user in ("publisher", "repairer"):
        monkeypatch.setenv("GRID_ROUTER_KAFKA_USER", user)
        monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(password_file(secured, user)))
        if user == "publisher":
            asyncio.run(publish(address, NAMES.rule_sets, rules))
            continue
        with open_redrive_producer(address, "") as producer, producer.transaction():
            producer.send([repaired])
    monkeypatch.undo()
    for topic, user in ((NAMES.rule_sets, b"publisher"), (NAMES.repairs, b"repairer")):
        assert [one for one in committed(address, topic)[-1].headers if one[0] == PRINCIPAL] == [(PRINCIPAL, user)]


def test_two_cities_on_a_cluster_neither_read_nor_stop_each_other(secured: Settings, tmp_path: Path) -> None:
    """No user of one may read or write a topic of the other, join a group of it, or fence a producer of it."""
    address, city, theirs = server.bootstrap(secured), shipped(CITY), Names("other.")
    others = topics_of(city, secured.model_copy(update={"namespace": "other."}))
    wanted = declared_access(theirs, others, city.codes, city.catalogue.departments)
    access.apply(address, compare(wanted, access.found(address), theirs), tmp_path)
    assert not compare(wanted, access.found(address), theirs, known={"admin"}).drift
    assert not compare(declared(secured), access.found(address), NAMES, known={"admin"}).drift
    ours, ca = declared(secured), Folder(secured).credentials.ca
    here = [one.name for one in topics_of(city, secured)]
    there = [one.name for one in others]
    sides = ((wanted, tmp_path, ours, here), (ours, password_file(secured, "router").parent, wanted, there))
    for mine, passwords, foreign, topics in sides:
        groups, ids = _names(foreign, "group"), _names(foreign, "transactional id")
        for user in mine.users:
            password = (passwords / f"{user}.password").read_text()
            with raw_client(address, Security(protocol="SASL_SSL", user=user, password=password, ca=ca)) as client:
                assert {*client.read(topics).values(), *client.write(topics).values()} == {TOPIC_DENIED}, user
                assert {client.join(name) for name in groups} == {GROUP_DENIED}, user
                assert {client.claim(name) for name in ids} == {TRANSACTION_DENIED}, user


def _names(rights: Access, resource: str) -> list[str]:
    """One name of each group or transactional id that these rights are for."""
    return sorted({f"{one.name}0" if one.prefixed else one.name for one in rights.rights if one.resource == resource})


def test_a_second_apply_changes_nothing_and_an_operator_may_check(
    secured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "0 differences" in command("apply").output
    monkeypatch.setenv("GRID_ROUTER_KAFKA_USER", "operator")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(password_file(secured, "operator")))
    checked = command("check")
    assert (checked.exit_code, "0 differences" in checked.output) == (0, True)
    monkeypatch.setenv("GRID_ROUTER_KAFKA_USER", "gateway")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(password_file(secured, "gateway")))
    denied = command("check")
    assert isinstance(denied.exception, BrokerError)
    assert "the user gateway has no right to this cluster" in str(denied.exception)


def test_drift_is_shown_and_removed_only_when_asked(secured: Settings) -> None:
    address, topic = server.bootstrap(secured), NAMES.tasks(min(shipped(CITY).catalogue.departments))
    stray = ACL(
        principal="User:alice",
        host="*",
        operation=ACLOperation.READ,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType.TOPIC, topic),
    )
    with admin.connected(address) as client:
        assert client.create_acls([stray])["failed"] == []
        assert UserQuota("network-hotline", "write", 2 << 20) in quotas_of(client)
        change_quotas(client, [UserQuota("network-hotline", "write", 4096), UserQuota("operator", "read", 8192)])
    for given in ("check", "apply"):
        shown = command(given)
        assert f"- alice may read topic {topic}" in shown.output
        assert "- operator may read 8,192 bytes per second" in shown.output
        assert "+ network-hotline may write 2,097,152 bytes per second" in shown.output
        assert shown.exit_code == (given == "check")
    assert command("apply", "--remove").exit_code == 0
    with admin.connected(address) as client:
        assert not [one for one in quotas_of(client) if one.per_second in {4096, 8192} or one.user == "operator"]
    assert not compare(declared(secured), access.found(address), NAMES, known={"admin"}).drift
    assert security_for(address, secured).user == "admin"


def test_a_rotation_that_is_cut_off_loses_no_password(
    secured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that has it is named and used again. What the cluster rejects leaves no file, and the folder keeps its group."""
    address, folder, user = server.bootstrap(secured), tmp_path / "passwords", "rotated"
    folder.mkdir()
    folder.chmod(0o750)  # a service of the group reads its file there
    access.apply(address, replace(NOTHING, missing_users=[user]), folder)
    file, new = folder / f"{user}.password", folder / f".{user}.password.new"
    kept = rf"{user}\.password\.new: the cluster may have the new password of user {user} already"

    def counts(password: str) -> bool:
        ca = Folder(secured).credentials.ca
        return rejection(address, Security(protocol="SASL_SSL", user=user, password=password, ca=ca)) is None

    old = file.read_text()
    file.unlink()
    file.mkdir()  # the new one cannot take its place
    with pytest.raises(BrokerError, match=kept):
        access.rotate(address, [user], folder)
    first = new.read_text()
    assert (counts(old), counts(first)) == (False, True)
    file.rmdir()
    access.rotate(address, [user], folder)
    assert file.read_text() == first

    def late(*request: Any) -> None:
        ask(*request)
        raise RequestTimedOutError("the broker did it")

    with monkeypatch.context() as patch:
        patch.setattr(access, "ask", late)
        with pytest.raises(BrokerError, match=kept):
            access.rotate(address, [user], folder)
    second = new.read_text()
    assert (file.read_text(), counts(second)) == (first, True)
    access.rotate(address, [user], folder)
    with pytest.raises(BrokerError, match="the cluster rejects a change of access"):
        access.rotate(address, [""], folder)
    assert (file.read_text(), list(folder.iterdir()), folder.stat().st_mode & 0o777) == (second, [file], 0o750)


def test_a_city_without_quotas_takes_no_right_to_see_them(
    secured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, user = server.bootstrap(secured), "auditor"
    rights = [Right(user, "cluster", "kafka-cluster", "describe")]
    access.apply(address, replace(NOTHING, missing_users=[user], missing=rights), tmp_path)
    with monkeypatch.context() as patch:
        patch.setenv("GRID_ROUTER_KAFKA_USER", user)
        patch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(tmp_path / f"{user}.password"))
        with pytest.raises(BrokerError, match="the user auditor has no right to this cluster"):
            access.found(address)
        shown = CliRunner().invoke(app, ["check", "seattle"])
        assert (shown.exit_code, "differences" in shown.output) == (1, True), shown.exception
    access.apply(address, replace(NOTHING, undeclared_users=[user], undeclared=rights), tmp_path, remove=True)


@pytest.mark.long
def test_three_secured_brokers_keep_each_record_on_two(tmp_path: Path) -> None:
    """Brokers know each other by password, controllers by certificate."""
    topics = topics_of(shipped(CITY), Settings())
    with secured_broker(tmp_path, brokers=3) as settings:
        address = server.bootstrap(settings)
        admin.apply(address, topics, replication=None)
        found = admin.durability_of(address, topics, replication=None, min_insync=None)
        assert (found.declared.replication, found.declared.min_insync) == (3, 2)
        assert len(server.status(settings).nodes) == 3
        wrong = Security(protocol="SASL_SSL", user="broker", password="wrong", ca=Folder(settings).credentials.ca)
        assert "the cluster rejects the user broker or the password" in str(rejection(address, wrong))
