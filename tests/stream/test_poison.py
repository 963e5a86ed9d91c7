"""The poison collection among sound reports, on two workers: each record is once in the dead letters or in one case."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from router.domain.networks.registry import NETWORKS
from router.wire.codec import DeadLetter
from router.wire.stored_offsets import STORED_OFFSET_KEY
from router.wire.topic_names import Names
from tests.support.poison import POISON, Poison
from tests.support.poison.foreign_records import EVENTS, POISON_EVENT, RULE_SETS, STATES, typed
from tests.support.poison.record import named, sound, written
from tests.support.poison.scene import Scene
from tests.support.poison.sending import RecordAddress, Sent

pytestmark = pytest.mark.broker

SOUND = 360
"""Number of sound reports between the poison records, of all networks in turn."""


@pytest.fixture
def scene(kafka: str, namespace: str, tmp_path: Path) -> Scene:
    return Scene(kafka, namespace, tmp_path)


def mixed(names: Names) -> list[tuple[Poison | str, Sent]]:
    """Poison and sound records in turn; the sound ones with the id of their report."""
    networks, step = sorted(NETWORKS), len(POISON) // SOUND
    records: list[tuple[Poison | str, Sent]] = []
    for number, one in enumerate(POISON):
        topic = names.reports(one.network)
        records.append(
            (one, Sent(topic=topic, partition=number % 2, value=one.value, key=one.key, headers=one.headers))
        )
        if number % step == 0 and number // step < SOUND:
            network = networks[number // step % len(networks)]
            message = sound(network, f"sound {number}")
            key = message[NETWORKS[network].id_field]
            own = Sent(topic=names.reports(network), partition=number % 2, key=key.encode(), value=written(message))
            records.append((f"{network}:{key}", own))
    return records


def test_poison_is_rejected_once_or_accepted_and_nothing_else_changes(scene: Scene) -> None:
    records = mixed(scene.names)
    good = {one for one, _ in records if isinstance(one, str)}
    assert len(good) == SOUND
    with scene.pool() as pool:
        addresses = scene.send([sent for _, sent in records])
        scene.drain(pool)
        dead_letters, held, tasks = scene.dead_letters(), scene.held(), scene.tasks()
        check_dead_letters(dead_letters, {at: one for at, (one, _) in zip(addresses, records, strict=True)})
        check_cases(held, good)
        again = scene.send([sent for _, sent in records])
        scene.drain(pool)
        known = {dead_letter.id for dead_letter in dead_letters}
        new = [dead_letter for dead_letter in scene.dead_letters() if dead_letter.id not in known]
        check_dead_letters(new, {at: one for at, (one, _) in zip(again, records, strict=True)})
        assert scene.held() == held
        assert scene.tasks() == tasks
        assert pool.restarts == 0


CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
"""Numbers in Kafka's protocol."""
BOMB_BYTES = 300 << 20


def test_records_of_every_codec_are_read_and_a_bomb_costs_itself_alone(scene: Scene) -> None:
    """A broker of 512 MiB ended when it unpacked 300 MiB; now it keeps the batch as it is, and a worker stops at its bound."""
    topic = scene.names.reports("policing")
    bombs = {}
    for name in ("gzip", "zstd"):
        (bombs[name],) = scene.send([Sent(topic=topic, partition=0, value=bytes(BOMB_BYTES), key=b"k")], CODECS[name])
        for codec, number in CODECS.items():
            alarms = [sound("policing", f"{codec} after {name} {n}") for n in range(3)]
            scene.send(
                [
                    Sent(topic=topic, partition=n % 2, value=written(alarm) + b" " * 5000, key=alarm["jjdbh"].encode())
                    for n, alarm in enumerate(alarms)
                ],
                number,
            )
    (event,) = scene.send([Sent(topic=scene.names.events, partition=0, value=bytes(BOMB_BYTES))], CODECS["zstd"])
    with scene.pool(1) as pool:
        scene.drain(pool)
        assert pool.restarts == 0
        assert "one dead letter stands for all its records" in pool.logs[0].read_text()
    assert sorted(scene.held().values()) == [1] * 2 * len(CODECS) * 3
    letters = {dead_letter.id: dead_letter for dead_letter in scene.dead_letters()}
    assert sorted(letters) == sorted("/".join(map(str, at)) for at in (*bombs.values(), event))
    for at in bombs.values():
        dead_letter = letters["/".join(map(str, at))]
        assert (dead_letter.code, dead_letter.omitted) == ("unreadable-batch", f"offsets {at[2]} to {at[2]}")
        assert "unpacks to more than" in dead_letter.reason
    assert letters["/".join(map(str, event))].code == "not-an-event"


def test_foreign_records_on_the_routers_topics_are_rejected_or_skipped(scene: Scene) -> None:
    names = scene.names
    first, later = reports(names, "first"), reports(names, "later")
    with scene.pool(1) as pool:
        scene.send([*first, *foreign_events(names)])
        scene.drain(pool)
        reasons = sorted((dead_letter.code, dead_letter.reason) for dead_letter in scene.dead_letters())
        assert len(reasons) == len(EVENTS) + len(POISON_EVENT)
        for name, (_, _, words) in EVENTS.items():
            assert any(code == "not-an-event" and words in reason for code, reason in reasons), name
        assert sum(code == "defect" and "something else wrote it" in reason for code, reason in reasons) == len(
            POISON_EVENT
        )
        assert all(reason.isprintable() and len(reason) < 300 for _, reason in reasons)
        held = scene.held()
        assert len(held) == len(first)
        scene.send(foreign_state(scene))
        assert pool.restarts == 0
    with scene.pool(1) as pool:  # its state is restored from topics with foreign records
        scene.send([*first, *later])
        scene.drain(pool)
        assert pool.restarts == 0
        log = pool.logs[0].read_text()
    assert scene.held() == held + Counter(f"policing:{sound('policing', f'later {n}')['jjdbh']}" for n in range(20))
    assert "a record that the router did not write is left out of its state" in log
    assert "dedup entries cannot be decoded and are dropped" in log
    assert "a record of the rule-set topic is not a rule set" in log


def reports(names: Names, name: str) -> list[Sent]:
    """Twenty sound alarms."""
    topic, alarms = names.reports("policing"), [sound("policing", f"{name} {n}") for n in range(20)]
    return [
        Sent(topic=topic, partition=n % 2, value=written(alarm), key=alarm["jjdbh"].encode())
        for n, alarm in enumerate(alarms)
    ]


def foreign_events(names: Names) -> list[Sent]:
    """On the grid stream."""
    odd = [(value, headers) for value, headers, _ in EVENTS.values()]
    odd += [(value, typed()) for value in POISON_EVENT.values()]
    return [Sent(topic=names.events, partition=n % 2, value=v, key=b"s", headers=h) for n, (v, h) in enumerate(odd)]


def foreign_state(scene: Scene) -> list[Sent]:
    """On the topics with the router's state: under unknown keys, and under those of its cases and reports."""
    names = scene.names
    cases = [key for record in scene.read(names.cases) if record.partition == 0 for key in [record.key]]
    known = [record.key for record in scene.read(names.dedup_index("policing")) if record.partition == 0]
    known = [key for key in known if key != STORED_OFFSET_KEY]
    sent = [
        Sent(topic=topic, partition=0, value=value, key=key)
        for topic, keys in ((names.cases, cases), (names.dedup_index("policing"), known[:1]), (names.offsets, []))
        for key in (b"", b"\xff", *keys)
        for value in STATES
        if topic != names.dedup_index("policing") or value is not None or key not in keys
    ]
    return [*sent, *(Sent(topic=names.rule_sets, partition=0, value=value, key=b"k") for value in RULE_SETS)]


def check_dead_letters(dead_letters: list[DeadLetter], sent: Mapping[RecordAddress, Poison | str]) -> None:
    """Exactly the records that must be rejected are dead letters: once each, unchanged, with an expected code."""
    by_address = {
        (dead_letter.topic, dead_letter.partition, dead_letter.offset): dead_letter for dead_letter in dead_letters
    }
    times = Counter(dead_letter.id for dead_letter in dead_letters)
    assert [id_ for id_, number in times.items() if number > 1] == [], "twice in the dead letters"
    expected = {address: one for address, one in sent.items() if isinstance(one, Poison) and one.codes}
    assert [expected[address].name for address in expected.keys() - by_address.keys()] == [], "not in the dead letters"
    assert [by_address[address].reason for address in by_address.keys() - expected.keys()] == [], "rejected"
    for address, one in expected.items():
        dead_letter = by_address[address]
        assert dead_letter.code in one.codes, (one.name, dead_letter.code)
        assert (dead_letter.key, dead_letter.value) == (one.key, one.value), one.name
        assert list(dead_letter.headers) == named(one.headers), one.name
        assert dead_letter.network == one.network


def check_cases(held: Counter[str], good: set[str]) -> None:
    """Every sound report and every accepted poison record is in exactly one case."""
    assert good - held.keys() == set()
    assert [id_ for id_, times in held.items() if times > 1] == []
    assert len(held) == SOUND + sum(not one.codes for one in POISON)
