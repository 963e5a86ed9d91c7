"""Records of `grid.repairs`: what people did about a dead letter.

The topic is compacted by the dead letter's id. Each record therefore carries all steps, and a reader needs only the last
one. The dead letter itself stays unchanged in `grid.dead-letters`.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

State = Literal["open", "repaired", "redriven", "erased"]
"""Untouched; has a new value that is not sent yet; sent to its topic again; the data of a person in it was erased, so nothing is done with it any more."""
REDRIVEN_BY = "grid-redriven-by"
"""Header of a redriven record: who redrove it."""
LARGEST_BYTES = 2 << 20
"""Limit of a record with all its steps: half the limit of the topic."""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act of a person on a dead letter."""

    done: Literal["repaired", "redriven", "erased"]
    actor: str
    why: str
    at: datetime
    patch: list[dict[str, Any]] | None = None
    """JSON Patch (RFC 6902) from the rejected value to the new one; None: the whole value was replaced, or the record redriven."""
    sha256: str | None = None
    """SHA-256 of the new or redriven value; None for a tombstone."""
    to: str | None = None
    """`<topic>/<partition>/<offset>` of the redriven record."""


class Repair(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All acts of people on one dead letter."""

    dead_letter: str
    """The dead letter's id, `<topic>/<partition>/<offset>` of the rejected record."""
    steps: tuple[Step, ...] = ()
    """In the order of time."""
    value: str | None = None
    """The value that replaces the rejected one; None: the rejected value stays."""

    @property
    def state(self) -> State:
        """State of the dead letter after the last step."""
        return self.steps[-1].done if self.steps else "open"

    @property
    def content(self) -> bytes | None:
        """The new value as bytes; None when there is none."""
        return None if self.value is None else self.value.encode()

    def repaired(self, step: Step, value: bytes) -> "Repair":
        """The same dead letter with a new value. Raises UnicodeDecodeError when the value is not UTF-8, as no report can be."""
        return replace(self, steps=(*self.steps, step), value=value.decode())

    def erased(self, step: Step) -> "Repair":
        """The same dead letter without a new value, and without what earlier steps put into it; who did them and why stays."""
        return replace(self, steps=(*[replace(one, patch=None) for one in self.steps], step), value=None)

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
        ValueError: it is no repair, or its key is that of another dead letter: a foreign record.
    """
    try:
        repair = _decode(value)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a repair: {error}") from error
    if key != repair.dead_letter.encode():
        raise ValueError("not a repair: its key is not the id of its dead letter")
    return repair
