"""Records of `grid.repairs`: what people did about a dead letter.

The topic is compacted by the dead letter's id, so every record carries all steps so far, and the latest one is all there is to
read. The dead letter itself stays in `grid.dead-letters` as it was rejected.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

State = Literal["open", "repaired", "redriven"]
"""Nothing was done about a dead letter; it has a new value that waits; it was sent to its topic again."""
REDRIVEN = "grid-redriven"
"""Header of a record that was redriven: the id of its dead letter."""
REDRIVEN_BY = "grid-redriven-by"
"""Header of a record that was redriven: who did it."""
LARGEST_BYTES = 2 << 20
"""A record with all its steps; half of what the topic takes."""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a person did about a dead letter."""

    done: Literal["repaired", "redriven"]
    actor: str
    why: str
    at: datetime
    patch: list[dict[str, Any]] | None = None
    """RFC 6902, from the rejected value to the new one; None: the value was replaced as a whole, or it was redriven."""
    sha256: str | None = None
    """Of the new value, or of the value that was redriven; None when a tombstone was."""
    to: str | None = None
    """`<topic>/<partition>/<offset>` of the record that was sent."""


class Repair(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that was done about one dead letter."""

    dead_letter: str
    """The dead letter's id, `<topic>/<partition>/<offset>` of the rejected record."""
    steps: tuple[Step, ...] = ()
    """In the order in which they were done."""
    value: str | None = None
    """What replaces the rejected value; None: nothing does."""

    @property
    def state(self) -> State:
        """What the last step made of the dead letter."""
        return self.steps[-1].done if self.steps else "open"

    @property
    def content(self) -> bytes | None:
        """The new value as bytes, None when there is none."""
        return None if self.value is None else self.value.encode()

    def repaired(self, step: Step, value: bytes) -> "Repair":
        """The same dead letter with a new value. Raises UnicodeDecodeError: no report can be made of what is no UTF-8."""
        return replace(self, steps=(*self.steps, step), value=value.decode())

    def redriven(self, step: Step) -> "Repair":
        """The same dead letter, redriven."""
        return replace(self, steps=(*self.steps, step))


_encode = Encoder().encode
_decode = Decoder(Repair).decode


def encode_repair(repair: Repair) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """One record of `grid.repairs`, keyed by the dead letter's id."""
    return repair.dead_letter.encode(), _encode(repair), [("content-type", b"application/json")]


def decode_repair(key: bytes | None, value: bytes) -> Repair:
    """A record of `grid.repairs`.

    Raises:
        ValueError: it is none, or stands under another dead letter's key: something else wrote to the topic.
    """
    try:
        repair = _decode(value)
    except (MsgspecError, RecursionError) as error:
        raise ValueError(f"not a repair: {error}") from error
    if key != repair.dead_letter.encode():
        raise ValueError("not a repair: its key is not the id of its dead letter")
    return repair
