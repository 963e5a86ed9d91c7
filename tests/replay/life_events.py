"""The recorded log of `grid.events`, as the second stage reads it: one JSON array a line, in the order of folding, compressed by LZMA."""

import json
import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.replay.sources import HERE

HISTORY = "puyang-lives"
PARTITIONS = 2
BLOCK = 250
"""Events with one digest."""


class Logged(NamedTuple):
    """One record of the grid stream."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]

    @property
    def topic(self) -> str:
        """Where it stood."""
        return "grid.events"


def events_file() -> Path:
    """Where the log is kept."""
    return HERE / f"{HISTORY}.events.jsonl.xz"


def read_events() -> list[Logged]:
    """The log, with the offsets that follow from its order."""
    offsets = [0] * PARTITIONS
    events: list[Logged] = []
    with lzma.open(events_file(), "rt", encoding="utf-8") as lines:
        for partition, key, value, headers in map(json.loads, lines):
            said = [(name, content.encode()) for name, content in headers]
            events.append(Logged(partition, offsets[partition], key.encode(), value.encode(), said))
            offsets[partition] += 1
    return events


def write_events(events: Iterable[Logged]) -> None:
    """Keep a log."""
    with lzma.open(events_file(), "wt", encoding="utf-8", preset=9) as lines:
        for one in events:
            headers = [[name, content.decode()] for name, content in one.headers]
            line = [one.partition, one.key.decode(), one.value.decode(), headers]
            lines.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
