"""Writes a simulated stream to disk: the networks' messages, and the truth in a separate file.

reports.<network>.jsonl   one message a line, with its exact bytes; malformed messages included
reports.<network>.keys    for each line its key, a tab and its received time (RFC 3339, UTC)
truth.csv                 one row per message in the order of receipt; the router never reads it
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
from router.simulator.synthetic.true_owners import NO_OWNER
from router.wire.errors import InputError

TRUTH = "truth.csv"
COLUMNS = ("report", "incident", "matter", "cell", "storm", "late", "kind", "owner")
_OWN_FILES = ("reports.*.jsonl", "reports.*.keys", TRUTH)
_SIMULATED, _MALFORMED = KINDS.index("simulated"), KINDS.index("malformed")


class WrittenFiles(Struct, frozen=True):
    """Counts of the written messages."""

    messages: int
    incidents: int
    kinds: dict[str, int]
    networks: dict[str, int]
    bytes: int
    """Size of the messages, including line ends."""


def write_files(generator: Generator, batches: Iterator[MessageBatch], folder: Path) -> WrittenFiles:
    """Write all batches into a folder. Replaces an earlier simulation in it.

    Raises:
        InputError: the folder has other files, or cannot be written.
    """
    try:
        _clear(folder)
        with ExitStack() as files:
            return _FileWriter(generator, folder, files).write(batches)
    except OSError as error:
        what = f"the folder cannot be written ({error.strerror})"
        raise InputError(what, where=str(folder), hint="name another folder with --out") from error


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    own_files = {file for pattern in _OWN_FILES for file in folder.glob(pattern)}
    if any(file not in own_files for file in folder.iterdir()):
        raise InputError(
            "the folder has other files",
            where=str(folder),
            hint="name an empty folder, or the folder of an earlier simulation",
        )
    for file in own_files:
        file.unlink()


class _FileWriter:
    def __init__(self, generator: Generator, folder: Path, files: ExitStack) -> None:
        self._generator, self._names = generator, generator.code_usage.names
        opened = [
            [files.enter_context((folder / f"reports.{name}.{end}").open("wb")) for end in ("jsonl", "keys")]
            for name in self._names
        ]
        self._values: list[BinaryIO] = [values for values, _ in opened]
        self._keys: list[BinaryIO] = [keys for _, keys in opened]
        self._prefixes = objects([f"{name}:" for name in self._names])
        self._matters = objects([f"{matter}," for matter in generator.code_usage.matters])
        self._truth = files.enter_context((folder / TRUTH).open("wb"))

    def write(self, batches: Iterator[MessageBatch]) -> WrittenFiles:
        kinds, networks, size, incidents = Counter[str](), Counter[str](), 0, 0
        self._truth.write(f"{','.join(COLUMNS)}\n".encode())
        for message_batch in batches:
            for network, name in enumerate(self._names):
                rows = np.flatnonzero(message_batch.network == network)
                size += self._network(network, message_batch.take(rows)) if len(rows) else 0
                networks[name] += len(rows)
            for kind, number in enumerate(np.bincount(message_batch.kind, minlength=len(KINDS)).tolist()):
                kinds[KINDS[kind]] += number
            incidents = max(incidents, int(message_batch.incident.max(initial=0)))
            self._write_truth(message_batch)
        return WrittenFiles(sum(kinds.values()), incidents, dict(kinds), dict(networks), size)

    def _network(self, network: int, message_batch: MessageBatch) -> int:
        lines = "\n".join([*message_batch.value.tolist(), ""]).encode("utf-8", "surrogateescape")
        self._values[network].write(lines)
        columns = zip(message_batch.source_id.tolist(), milliseconds(message_batch.received), strict=True)
        self._keys[network].write("".join([f"{id_}\t{at}\n" for id_, at in columns]).encode())
        return len(lines)

    def _write_truth(self, message_batch: MessageBatch) -> None:
        generator, valid = self._generator, message_batch.kind != _MALFORMED
        incidents = [f",incident-{number:08d}," for number in message_batch.incident.tolist()]
        columns = zip(
            self._prefixes[message_batch.network].tolist(),
            message_batch.source_id.tolist(),
            np.where(valid, objects(incidents), ",,").tolist(),
            np.where(valid, self._matters[message_batch.matter], ",").tolist(),
            np.where(valid, generator.place_model.codes[message_batch.cell], "").tolist(),
            self._tails(message_batch),
            strict=True,
        )
        lines = [f"{name}{id_}{number}{matter}{cell}{tail}" for name, id_, number, matter, cell, tail in columns]
        self._truth.write("".join(lines).encode())

    def _tails(self, message_batch: MessageBatch) -> list[str]:
        """The columns after the cell. Only a few different texts occur."""
        owner = np.where(message_batch.kind == _SIMULATED, message_batch.owner, NO_OWNER)
        packed = ((owner + 1) * 2 + message_batch.storm) * 2 + message_batch.late
        packed = packed * len(KINDS) + message_batch.kind
        different, place = np.unique(packed, return_inverse=True)
        tails = [self._tail(one) for one in different.tolist()]
        return [tails[one] for one in place.tolist()]

    def _tail(self, packed: int) -> str:
        rest, kind = divmod(packed, len(KINDS))
        rest, late = divmod(rest, 2)
        owner, storm = divmod(rest, 2)
        department = self._generator.owners.departments[owner - 1] if owner else ""
        return f",{storm},{late},{KINDS[kind]},{department}\n"
