"""The types of a reporting network: `Network`, the base of its source schemas, and the draft of a report.

Each network has one file with its source schema (pydantic, in the field's own spelling) and its function `draft`, a Message
Translator (EIP). A draft has no matter and no cell yet: the city's code tables and cell registry add them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from router.domain.cells.registry import Claim
from router.domain.model.report import Media
from router.domain.model.vocabulary import (
    Certainty,
    Closing,
    DataClass,
    Datum,
    PersonalNumber,
    Severity,
    Status,
    TaskField,
    Urgency,
)
from router.domain.networks.schema.extensions import NO_EXTENSIONS
from router.domain.networks.schema.fast_reading import fast_reader
from router.domain.networks.schema.patterns import ANY_TEXT

ON_RECEIPT = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a draft for a time that the message does not name: the received time takes its place. It is compared by identity."""


class Message(BaseModel):
    """Base of source schemas. Fields of the schema are checked strictly; other fields become extensions."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=False)

    def unknown(self) -> dict[str, Any]:
        """The fields that the schema does not name, as sent; do not change the result."""
        return self.model_extra or NO_EXTENSIONS


class Draft(Struct, frozen=True, gc=False, kw_only=True):
    """One translated message without its matter and its cell."""

    source_id: str
    """The source's own id: unique in its network, at most 64 printable ASCII characters."""
    codes: tuple[str, ...]
    """The class as the source coded it, most specific first. The first code in the code table decides."""
    code_version: str | None = None
    occurred_at: datetime
    """UTC; or ON_RECEIPT, also as the time of the claim."""
    reported_at: datetime
    """UTC; or ON_RECEIPT."""
    revised_at: datetime | None = None
    """When the source last changed the message, UTC; None if the schema does not say it or the time is doubtful."""
    claim: Claim
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    closed: Closing | None = None
    """Set if the network says that nothing is left to do."""
    closed_at: datetime | None = None
    """Since when, UTC. A record that is received earlier is not closed yet; None: since it was received."""
    solved: bool = False
    """Whether the reporter has put it right on the spot (举手之劳)."""
    component_id: str | None = None
    description: str = ""
    """What the report says; its address, if it says nothing else."""
    address: str = ""
    reporter: str | None = None
    media: tuple[Media, ...] = ()
    extensions: Mapping[str, Any] = NO_EXTENSIONS
    masked: tuple[PersonalNumber, ...] = ()
    """Which personal numbers were masked in its texts and extensions."""


@dataclass(frozen=True, slots=True)
class Network:
    """A reporting network (网络): its name, its source schema, its translator."""

    name: str
    """Lower case with hyphens: its topic is `reports.<name>`, its code table `codes/<name>.csv`."""
    title: str
    title_zh: str
    schema: type[BaseModel]
    """Schema of one message; a discriminated union is a RootModel."""
    id_field: str
    """Field with the source's own id, in the source's spelling."""
    draft: Callable[[Any, tzinfo], Draft]
    """Translates what `read` returns to a draft, with the city's zone for wall times. It never raises."""
    datum: Datum = "cgcs2000"
    """In what its points are drawn, as its schema says. A city may name another one."""
    codes: str = ANY_TEXT
    """Regular expression of every class code that a draft can have, made of the schema's own patterns. Lint compares the code
    tables with it."""
    classes: Mapping[TaskField, DataClass] = field(default_factory=dict)
    """How private a field of its reports is. What is not here is internal."""
    grids: str | None = ANY_TEXT
    """Regular expression of every area of its own grid that a claim can name, alike. None: it names none."""
    read: Callable[[bytes], Any] = field(init=False, repr=False, compare=False)
    """Reads a message of `schema` from JSON: the model, or a struct that has the same attributes. Raises pydantic's
    ValidationError for a message that is not valid."""

    def __post_init__(self) -> None:
        """Make the reader of the schema."""
        object.__setattr__(self, "read", fast_reader(self.schema))
