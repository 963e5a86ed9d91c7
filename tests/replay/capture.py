"""Record the source records again: `python -m tests.replay.capture CITY ...`.

Needed only to widen what the histories cover, never because the code has changed: what networks sent does not change with the
code. Los Angeles and Seattle are their recorded reports, once. Puyang is simulated, with noise that the simulator does not make.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from msgspec import Struct

from router.cities.folder import city_folder
from router.domain.intake.dedup import MAX_VERSIONS
from router.domain.intake.normalise import MAX_BYTES, RECEIVED_AT, REDRIVEN
from router.simulator.messages import rfc3339
from router.simulator.scenario import input_of
from router.wire.partitioning import partition_for_key
from tests.replay.history import PARTITIONS
from tests.replay.sources import CITIES, Sourced, sources_file, write_sources
from tests.support.cities import shipped

SEED = 1
MADE = {"puyang": 101_300}
"""Messages of a simulated city, so that 100,000 events reach the fold."""
KAFKA_LATER = timedelta(milliseconds=5)
"""Delay of Kafka's timestamp after the intake's receipt time."""
NOISY_EVERY = 2000
"""One in this number of messages is followed by noise; the kinds take turns."""
AGAIN_EVERY, AGAIN = 120, timedelta(days=33)
"""One in this number of messages is repeated after its dedup entry expired: a network sends its archive."""
Headers = list[tuple[str, bytes | None]]


class Sent(Struct, frozen=True, kw_only=True):
    """A record before it has an offset."""

    network: str
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers


def capture(city: str) -> list[Sourced]:
    """Messages of the networks of a city, with partitions and offsets."""
    rules = shipped(city)
    messages = input_of(rules, city_folder(city)).messages(
        reports=MADE.get(city), seed=SEED, secondary_reports=True, noise=1.0
    )
    sent = [
        Sent(
            network=message.network,
            at=message.received_at,
            key=message.source_id.encode(),
            value=message.value,
            headers=_received(message.received_at),
        )
        for message in messages
    ]
    if city in MADE:
        sent += [*_noise(sent), *_archive(sent)]
    return list(_placed(sent))


def _received(at: datetime) -> Headers:
    return [(RECEIVED_AT, rfc3339(at).encode())]


def _placed(sent: Iterable[Sent]) -> Iterator[Sourced]:
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    for one in sorted(sent, key=lambda one: one.at):
        partition = partition_for_key(one.key, PARTITIONS) if one.key is not None else 0
        place = one.network, partition
        timestamp = int((one.at + KAFKA_LATER).timestamp() * 1000)
        yield Sourced(one.network, partition, offsets[place], timestamp, one.key, one.value, one.headers)
        offsets[place] += 1


def _noise(sent: list[Sent]) -> Iterator[Sent]:
    """Faults of real networks and hostile senders."""
    for turn, message in enumerate(sent[NOISY_EVERY // 2 :: NOISY_EVERY]):
        later = message.at + timedelta(minutes=7)
        for minutes, value, headers in _KINDS[turn % len(_KINDS)](message.value or b"", later):
            at = later + timedelta(minutes=minutes)
            yield Sent(
                network=message.network,
                at=at,
                key=None if value is None else message.key,
                value=value,
                headers=headers,
            )


def _archive(sent: list[Sent]) -> Iterator[Sent]:
    """Old reports again, every second one with changed content."""
    for turn, message in enumerate(sent[::AGAIN_EVERY]):
        at, value = message.at + AGAIN, message.value or b""
        again = _changed(value, "(archive)") if turn % 2 else value
        yield Sent(network=message.network, at=at, key=message.key, value=again, headers=_received(at))


Made = Iterator[tuple[int, bytes | None, Headers]]
"""Minutes later, value, headers."""


def _no_value(value: bytes, at: datetime) -> Made:
    yield 0, None, _received(at)
    yield 1, b"", _received(at)
    yield 2, value[:-1], []


def _too_large(value: bytes, at: datetime) -> Made:
    yield 0, value[:-1] + b" " * MAX_BYTES + b"}", _received(at)
    yield 1, b"[" * 5000, _received(at)


def _other_charset(value: bytes, at: datetime) -> Made:
    gbk = _changed(value, "(GBK)").decode("utf-8", "replace").encode("gb18030")
    yield 0, gbk, [*_received(at), ("content-type", b"application/json; charset=gbk")]
    yield 1, gbk + b" ", _received(at)
    yield 2, value, [("content-type", b"application/json; charset=utf-16")]


def _other_time(value: bytes, at: datetime) -> Made:
    """The intake has no valid time, so Kafka's timestamp is used."""
    future = rfc3339(at + timedelta(days=2)).encode()
    for number, said in enumerate((None, b"yesterday", future, at.isoformat()[:19].encode())):
        yield number, _changed(value, f"(time {number})"), [(RECEIVED_AT, said)]


def _too_many_versions(value: bytes, at: datetime) -> Made:
    for number in range(MAX_VERSIONS + 2):
        later = at + timedelta(minutes=number)
        yield number, _changed(value, f"(version {number})"), _received(later)


def _redriven(value: bytes, at: datetime) -> Made:
    """A newer version came before an older one was redriven: the older one is superseded, a later one is not."""
    older, later = at - timedelta(minutes=2), at + timedelta(minutes=9)
    yield 0, _changed(value, "(newer)"), _received(at)
    yield 8, _changed(value, "(older)"), [*_received(older), (REDRIVEN, b"reports/0/1")]
    yield 9, _changed(value, "(repaired)"), [*_received(later), (REDRIVEN, b"reports/0/2")]


def _every_day(value: bytes, at: datetime) -> Made:
    """The network sends all its reports again, day by day."""
    del at
    for day in range(3):
        yield 1500 * day, value, []


def _no_schema(value: bytes, at: datetime) -> Made:
    """Valid JSON that is not a report, and unknown fields."""
    fields = _fields(value)
    coded = {
        name: _nines(said) if re.search("code|type|cause|dm$", name, re.IGNORECASE) else said
        for name, said in fields.items()
    }
    nested = {"a": [{"b": None}, 1e308, -0.0, "\u202e"]}
    for number, one in enumerate((coded, [], "text", fields | {"unheard-of": nested})):
        yield number, orjson.dumps(one), _received(at)


def _nines(said: Any) -> Any:
    """A code of the same form that no table has."""
    return re.sub("[0-9]", "9", said) if isinstance(said, str) else said


def _fields(value: bytes) -> dict[str, Any]:
    """Of a sound record; none of a malformed one."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _changed(value: bytes, what: str) -> bytes:
    """Other words in the record's description, which is its last Chinese text."""
    fields = _fields(value)
    texts = [name for name, said in fields.items() if isinstance(said, str) and not said.isascii()]
    if not texts:
        return value + what.encode()
    return orjson.dumps(fields | {texts[-1]: fields[texts[-1]] + what})


_KINDS = (
    _no_value,
    _too_large,
    _other_charset,
    _other_time,
    _too_many_versions,
    _redriven,
    _every_day,
    _no_schema,
)


if __name__ == "__main__":
    for name in sys.argv[1:] or CITIES:
        write_sources(name, capture(name))
        print(f"{sources_file(name).name}: {sources_file(name).stat().st_size:,} bytes")
