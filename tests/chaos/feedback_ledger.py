"""The ledger of feedback: what is said about tasks, written to a file before it is sent.

One JSON array a line, as in the ledger of reports: `["said", number, sender, id, task, partition key, digest, code]` before producing,
and `["kept", ...]` when Kafka has acknowledged it. A request to erase has one line, `["erase", id, case, partition, offset]`, then.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from router.domain.intake.content import bytes_digest
from router.domain.model.rejection import RejectionCode
from router.simulator.departments.plan import PlannedAnswer
from router.wire.private_files import open_private
from tests.chaos.erasures import ErasureStored
from tests.chaos.ledger import Kept

MALFORMED: RejectionCode = "schema"
"""Code of the dead letter of what `plan` makes malformed."""


class Said(Struct, frozen=True, gc=False, array_like=True, tag="said"):
    """One record of a topic of feedback, before it is sent."""

    number: int
    sender: str
    id: str
    task: str
    partition_key: str
    digest: str
    """Of the value: equal bytes are a redelivery."""
    code: str | None
    """Rejection code of its dead letter; None: it is feedback."""


class FeedbackLedgered(NamedTuple):
    """What the file holds."""

    said: list[Said]
    """Index = number - 1."""
    kept: dict[int, Kept]
    """Acknowledgements by number."""
    erasures: list[ErasureStored]
    """Requests to erase, once Kafka has acknowledged them."""


NO_FEEDBACK = FeedbackLedgered([], {}, [])


class FeedbackLedger:
    """Writes each answer and each acknowledgement.

    Args:
        path: of the file, which is overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._file, self._encode = open_private(path, "wb"), msgspec.json.Encoder().encode
        self.sent = self.kept = 0

    def enter(self, answers: Sequence[tuple[PlannedAnswer, str]]) -> list[Said]:
        """Write answers, each with the partition key of its task, that are sent next. Flushes the file."""
        said = [self._said(answer, key) for answer, key in answers]
        self._file.write(b"".join([self._encode(one) + b"\n" for one in said]))
        self._file.flush()
        return said

    def acknowledge(self, number: int, topic: str, partition: int, offset: int) -> None:
        """Write that Kafka has acknowledged the record."""
        self.kept += 1
        self._file.write(self._encode(Kept(number, topic, partition, offset)) + b"\n")

    def erase(self, stored: ErasureStored) -> None:
        """Write that Kafka has acknowledged a request to erase."""
        self._file.write(self._encode(stored) + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _said(self, answer: PlannedAnswer, key: str) -> Said:
        self.sent += 1
        return said_of(self.sent, answer, key)


def said_of(number: int, answer: PlannedAnswer, key: str) -> Said:
    """The entry of an answer.

    Args:
        number: in the ledger.
        answer: what is sent.
        key: partition key of its task.
    """
    code = MALFORMED if answer.label == "malformed" else None
    return Said(number, answer.sender, answer.id, answer.task, key, bytes_digest(answer.value), code)


def read_feedback_ledger(path: Path) -> FeedbackLedgered:
    """Everything that the file holds, in its order."""
    decode = msgspec.json.Decoder(Said | Kept | ErasureStored).decode
    found = FeedbackLedgered([], {}, [])
    with path.open("rb") as file:
        for line in file:
            one = decode(line)
            if isinstance(one, Said):
                found.said.append(one)
            elif isinstance(one, ErasureStored):
                found.erasures.append(one)
            else:
                found.kept[one.number] = one
    return found
