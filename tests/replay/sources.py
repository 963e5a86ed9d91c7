"""Recorded source records: what networks sent, as it stood on `reports.<network>`, one JSON array a line, compressed by LZMA.

A file holds one network after the other, because like records compress well beside each other. Who reads it gets all networks
interleaved in the order of their receipt.
"""

import json
import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
CITIES = ("los-angeles", "puyang", "seattle")


class Sourced(NamedTuple):
    """One record of a network's topic, as a consumer delivers it."""

    network: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def topic(self) -> str:
        """Where it stood."""
        return f"reports.{self.network}"


def sources_file(city: str) -> Path:
    """Where the source records of a city are kept."""
    return HERE / f"{city}.sources.jsonl.xz"


def read_sources(city: str) -> list[Sourced]:
    """The recorded source records of a city in the order of receipt, ties by offset."""
    with lzma.open(sources_file(city), "rt", encoding="utf-8") as lines:
        return in_order(_read(json.loads(line)) for line in lines)


def write_sources(city: str, records: Iterable[Sourced]) -> None:
    """Keep the source records of a city."""
    by_network = sorted(records, key=lambda one: (one.network, one.timestamp, one.offset, one.partition))
    with lzma.open(sources_file(city), "wt", encoding="utf-8", preset=9) as lines:
        for record in by_network:
            lines.write(json.dumps(_written(record), ensure_ascii=False, separators=(",", ":")) + "\n")


def in_order(records: Iterable[Sourced]) -> list[Sourced]:
    """All networks interleaved in the order of receipt, ties by offset."""
    return sorted(records, key=lambda one: (one.timestamp, one.offset, one.network, one.partition))


def _read(line: list[Any]) -> Sourced:
    network, partition, offset, timestamp, key, value, headers = line
    said = [(name, _bytes(content)) for name, content in headers]
    return Sourced(network, partition, offset, timestamp, _bytes(key), _bytes(value), said)


def _written(record: Sourced) -> list[Any]:
    headers = [[name, as_json(content)] for name, content in record.headers]
    return [*record[:4], as_json(record.key), as_json(record.value), headers]


def _bytes(said: str | dict[str, str] | None) -> bytes | None:
    if said is None:
        return None
    return said.encode() if isinstance(said, str) else bytes.fromhex(said["hex"])


def as_json(content: bytes | None) -> str | dict[str, str] | None:
    """Bytes as text; what is not UTF-8 as hexadecimal digits."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"hex": content.hex()}
