"""A simulated stream on disk: what the networks send, and in a file apart the truth about it.

reports.<network>.jsonl   one message a line, byte for byte as it is sent; those that nobody may accept too
reports.<network>.keys    beside it, line by line: its key, a tab, when the intake takes it (RFC 3339, UTC)
truth.csv                 of every message, in the order of receipt; never shown to the router
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from msgspec import Struct

from router.simulator.synthetic.code_usage import objects
from router.simulator.synthetic.generator import Generator
from router.simulator.synthetic.local_time import milliseconds
from router.simulator.synthetic.message_batch import KINDS, MessageBatch
from router.simulator.synthetic.true_owners import NOBODY
from router.wire.errors import InputError

TRUTH = "truth.csv"
COLUMNS = ("report", "incident", "matter", "cell", "storm", "late", "kind", "owner")
_MINE = ("reports.*.jsonl", "reports.*.keys", TRUTH)
_SIMULATED, _MALFORMED = KINDS.index("simulated"), KINDS.index("malformed")


class WrittenFiles(Struct, frozen=True):
    """What was written."""

    messages: int
    incidents: int
    kinds: dict[str, int]
    networks: dict[str, int]
    bytes: int
    """Of the messages alone, line ends included."""


def write_files(generator: Generator, pages: Iterator[MessageBatch], folder: Path) -> WrittenFiles:
    """Write all pages into a folder, in the place of an earlier simulation there.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    try:
        _clear(folder)
        with ExitStack() as files:
            return _FileWriter(generator, folder, files).write(pages)
    except OSError as error:
        what = f"the folder cannot be written ({error.strerror})"
        raise InputError(what, where=str(folder), hint="name another one with --out") from error


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mine = {file for pattern in _MINE for file in folder.glob(pattern)}
    if any(file not in mine for file in folder.iterdir()):
        raise InputError(
            "the folder holds other files",
            where=str(folder),
            hint="name an empty one, or that of an earlier simulation",
        )
    for file in mine:
        file.unlink()


class _FileWriter:
    def __init__(self, generator: Generator, folder: Path, files: ExitStack) -> None:
        self._office, self._names = generator, generator.code_usage.names
        opened = [
            [files.enter_context((folder / f"reports.{name}.{end}").open("wb")) for end in ("jsonl", "keys")]
            for name in self._names
        ]
        self._values: list[BinaryIO] = [values for values, _ in opened]
        self._keys: list[BinaryIO] = [keys for _, keys in opened]
        self._prefixes = objects([f"{name}:" for name in self._names])
        self._matters = objects([f"{matter}," for matter in generator.code_usage.matters])
        self._truth = files.enter_context((folder / TRUTH).open("wb"))

    def write(self, pages: Iterator[MessageBatch]) -> WrittenFiles:
        kinds, networks, size, incidents = Counter[str](), Counter[str](), 0, 0
        self._truth.write(f"{','.join(COLUMNS)}\n".encode())
        for message_batch in pages:
            for network, name in enumerate(self._names):
                rows = np.flatnonzero(message_batch.network == network)
                size += self._network(network, message_batch.take(rows)) if len(rows) else 0
                networks[name] += len(rows)
            for kind, number in enumerate(np.bincount(message_batch.kind, minlength=len(KINDS)).tolist()):
                kinds[KINDS[kind]] += number
            incidents = max(incidents, int(message_batch.incident.max(initial=0)))
            self._truths(message_batch)
        return WrittenFiles(sum(kinds.values()), incidents, dict(kinds), dict(networks), size)

    def _network(self, network: int, message_batch: MessageBatch) -> int:
        lines = "\n".join([*message_batch.value.tolist(), ""]).encode("utf-8", "surrogateescape")
        self._values[network].write(lines)
        columns = zip(message_batch.source_id.tolist(), milliseconds(message_batch.received), strict=True)
        self._keys[network].write("".join([f"{id_}\t{at}\n" for id_, at in columns]).encode())
        return len(lines)

    def _truths(self, message_batch: MessageBatch) -> None:
        generator, sound = self._office, message_batch.kind != _MALFORMED
        incidents = [f",incident-{number:08d}," for number in message_batch.incident.tolist()]
        columns = zip(
            self._prefixes[message_batch.network].tolist(),
            message_batch.source_id.tolist(),
            np.where(sound, objects(incidents), ",,").tolist(),
            np.where(sound, self._matters[message_batch.matter], ",").tolist(),
            np.where(sound, generator.ground.codes[message_batch.cell], "").tolist(),
            self._tails(message_batch),
            strict=True,
        )
        lines = [f"{name}{id_}{number}{matter}{cell}{tail}" for name, id_, number, matter, cell, tail in columns]
        self._truth.write("".join(lines).encode())

    def _tails(self, message_batch: MessageBatch) -> list[str]:
        """What stands behind the cell: one of a few texts."""
        owner = np.where(message_batch.kind == _SIMULATED, message_batch.owner, NOBODY)
        packed = ((owner + 1) * 2 + message_batch.storm) * 2 + message_batch.late
        packed = packed * len(KINDS) + message_batch.kind
        different, place = np.unique(packed, return_inverse=True)
        tails = [self._tail(one) for one in different.tolist()]
        return [tails[one] for one in place.tolist()]

    def _tail(self, packed: int) -> str:
        rest, kind = divmod(packed, len(KINDS))
        rest, late = divmod(rest, 2)
        owner, storm = divmod(rest, 2)
        department = self._office.owners.departments[owner - 1] if owner else ""
        return f",{storm},{late},{KINDS[kind]},{department}\n"
